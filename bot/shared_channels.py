"""Channels that people outside can see (Slack Connect): cards go there only if an admin allowed
it, knowing who will see them. Until then they are kept, as for a channel that takes no messages."""

from collections.abc import Sequence

from bot import destinations
from bot.clock import Clock
from bot.errors import AlreadyDone
from bot.team import Action, Person, admit
from storage import destinations as places
from storage import history, notices, shared_channels, workspaces
from storage.database import Database
from storage.records import SharedChannel
from storage.rows import Transaction

SHARED = "shared_channel"  # as a destination's problem, beside Slack's own names


class SharedChannels:
    """Use cases about who sees a channel."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._notices = clock.alarm("notices")

    async def may_post(self, workspace_id: str, channel: str, teams: Sequence[str] | None) -> bool:
        """Whether cards may go to a channel. If not, what is owed there is kept and the admins are
        asked, once.

        :param teams: who sees it as Slack says now: the ids of other teams; None: nobody else.
        """
        async with self._database.reading() as tx:
            known = await shared_channels.get(tx, workspace_id, channel)
        if teams is None and known is None:
            return True
        if teams is not None and _allows(known, teams):
            return True
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, workspace_id)
            known = await shared_channels.get(tx, workspace_id, channel)
            if teams is None:
                await shared_channels.remove(tx, workspace_id, channel)
                await self._note(tx, workspace_id, channel, known, ())
                await destinations.took(tx, workspace_id, channel, now)
            elif _allows(known, teams):
                return True
            else:
                if known is None:
                    new = SharedChannel(workspace_id, channel, tuple(teams), now, None, None)
                    await shared_channels.insert(tx, new)
                    await self._note(tx, workspace_id, channel, None, teams)
                elif set(known.teams) != set(teams):
                    await shared_channels.shared_with(tx, known, teams, stays_allowed=False)
                    await self._note(tx, workspace_id, channel, known, teams)
                await places.ensure(tx, workspace_id, channel)
                await destinations.refused(tx, workspace_id, channel, SHARED, now)
        self._notices.ring()
        return teams is None

    async def _note(
        self,
        tx: Transaction,
        workspace_id: str,
        channel: str,
        known: SharedChannel | None,
        teams: Sequence[str],
    ) -> None:
        """The record: who outside saw a channel, and who does now."""
        before = _in_words(known.teams if known is not None else ())
        detail = f"{before} -> {_in_words(teams)}"
        await history.note(
            tx, workspace_id, channel, None, "channel is shared", self._clock.now(), detail
        )

    async def allow(self, person: Person, channel: str, seen: Sequence[str]) -> None:
        """Let cards go to a shared channel: those that were kept come at once.

        :param seen: the teams that the person was told of.
        :raises NotAllowed: the person is no admin.
        :raises AlreadyDone: it was allowed before, or others see it by now.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, person.workspace_id)
            await admit(tx, person, Action.CONFIGURE)
            known = await shared_channels.get(tx, person.workspace_id, channel)
            if known is None:
                raise AlreadyDone("This channel isn't shared any more. Nothing was changed.")
            if set(known.teams) != set(seen):
                raise AlreadyDone(
                    "Others can see this channel by now than you were told of. Nothing was "
                    "changed: look at the message again, then decide."
                )
            if not await shared_channels.allow(tx, known, person.user_id, now):
                raise AlreadyDone(
                    "Cards are allowed there already.",
                    by=known.allowed_by,
                    did="allowed it",
                    at=known.allowed_at,
                )
            await history.note(
                tx,
                person.workspace_id,
                channel,
                person.user_id,
                "allowed shared channel",
                now,
                ", ".join(known.teams),
            )
            await destinations.took(tx, person.workspace_id, channel, now)
            await notices.refresh(tx, person.workspace_id, channel, now)
        self._notices.ring()


def _in_words(teams: Sequence[str]) -> str:
    return ", ".join(sorted(teams)) or "nobody outside"


def _allows(known: SharedChannel | None, teams: Sequence[str]) -> bool:
    return known is not None and known.allowed_by is not None and set(teams) <= set(known.teams)
