"""The app in Slack's workspaces: what follows when it is installed, removed, installed again.

A workspace that the app was removed from can't stop anything any more, so nothing goes out of it:
the machine pulls its brake. Installing it again brings all back; a person releases the brake.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.clock import Clock
from storage import brakes, history, installations, notices, workspaces
from storage.database import Database
from storage.records import Brake, Card, Installation, Workspace
from storage.rows import Transaction, new_id

NOT_INSTALLED = "not_installed"  # why a notice is kept
REMOVED = "Socialdesk was removed from this Slack workspace, so nobody here could stop a post."
REFUSED = "Slack doesn't take Socialdesk's token any more, so nobody here could stop a post."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request came from, by its signed body. ``enterprise_id``: its organisation's."""

    workspace_id: str
    name: str
    enterprise_id: str | None


class Installations:
    """Use cases around the app's installations."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._notices = clock.alarm("notices")
        self._met: set[str] = set()
        self._gone: list[Callable[[Installation], None]] = []

    def when_gone(self, tell: Callable[[Installation], None]) -> None:
        """Whoever remembers an installation is told when it is none any more."""
        self._gone.append(tell)

    async def kept(self, tx: Transaction, made: Installation, name: str) -> None:
        """The app was installed (again), in this transaction: the workspace is there, and what was
        kept for it is owed. An organisation's workspaces are made when they are first heard of."""
        now = self._clock.now()
        if made.team_id is not None:
            await workspaces.ensure(
                tx, made.team_id, name or made.team_id, now, enterprise_id=made.enterprise_id
            )
        for workspace in await installations.served(tx, made):
            await history.note(tx, workspace.id, workspace.id, made.installed_by, "installed", now)
            await notices.owe_kept(tx, workspace.id, NOT_INSTALLED, now)

    def begin(self) -> None:
        """Something may be owed since an installation."""
        self._notices.ring()

    async def meet(self, place: Place) -> None:
        """Somebody in a workspace uses the app: make sure that we know it."""
        if not place.workspace_id or place.workspace_id in self._met:
            return
        async with self._database.transaction() as tx:
            await workspaces.ensure(
                tx,
                place.workspace_id,
                place.name,
                self._clock.now(),
                enterprise_id=place.enterprise_id,
            )
        self._met.add(place.workspace_id)

    async def removed(self, workspace_id: str, enterprise_id: str | None) -> None:
        """Slack says that the app was removed from a workspace or an organisation."""
        async with self._database.reading() as tx:
            seen = await _meant(tx, workspace_id, enterprise_id)
        if seen is not None:
            await self.end(seen, REMOVED)

    async def access_revoked(self, enterprise_id: str | None, workspace_ids: Sequence[str]) -> None:
        """Slack says that an organisation took the app out of some of its workspaces; it stays
        installed in the others."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            seen = await installations.find(tx, enterprise_id, None) if enterprise_id else None
            served = await installations.served(tx, seen) if seen is not None else []
            for workspace in served:
                if seen is not None and workspace.id in workspace_ids:
                    await self._hold(tx, workspace, seen, REMOVED, now)

    async def tokens_revoked(
        self, workspace_id: str, enterprise_id: str | None, bot_user_ids: list[str]
    ) -> None:
        """Slack says that tokens are no good any more; people's (there are none) don't matter."""
        async with self._database.reading() as tx:
            seen = await _meant(tx, workspace_id, enterprise_id)
        if seen is not None and seen.bot_user_id in bot_user_ids:
            await self.end(seen, REFUSED)

    async def end(self, seen: Installation, why: str) -> None:
        """An installation is none any more; once, and never one that was made since."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            served = await installations.served(tx, seen)
            if not await installations.revoke(tx, seen, now):
                return
            for workspace in served:
                await self._hold(tx, workspace, seen, why, now)
        for tell in self._gone:
            tell(seen)

    async def _hold(
        self, tx: Transaction, workspace: Workspace, gone: Installation, why: str, now: datetime
    ) -> None:
        """Pull the brake in the bot's own name, unless everything is held already."""
        await history.note(tx, workspace.id, workspace.id, None, "uninstalled", now, why)
        if workspace.set_up_at is None:
            return
        brake = Brake(new_id(), workspace.id, None, why, gone.bot_user_id, now, None, None)
        if not await brakes.pull(tx, brake):
            return
        await history.note(tx, workspace.id, brake.id, None, "pulled", now, why)
        if workspace.approvals_channel is not None:
            await notices.owe(
                tx, workspace.id, Card.BRAKE, brake.id, workspace.approvals_channel, now
            )


async def _meant(
    tx: Transaction, workspace_id: str, enterprise_id: str | None
) -> Installation | None:
    """The installation that an event is about: this workspace's own, or (where Slack names only
    the organisation) the organisation's."""
    own = await installations.find(tx, enterprise_id, workspace_id) if workspace_id else None
    if own is not None or enterprise_id is None:
        return own
    return await installations.find(tx, enterprise_id, None)
