"""The app's installations in Slack, and the states of those that are under way.

Bolt's OAuth flow wants stores of slack_sdk's shape: `InstallationStore` and `OAuthStateStore` are
those, and the only queries of this floor that open a transaction themselves. All others take one.
"""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.installation_store import Installation as SlackInstallation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from sqlalchemy import and_, delete, exists, func, insert, or_, select, update

from storage.database import Database
from storage.records import Installation, Workspace
from storage.rows import Transaction, add, changed, many, new_id, one, values
from storage.tables import installations, oauth_states, workspaces

STATE_LIVES = timedelta(minutes=10)
OUR_STATES = re.compile(r"[A-Za-z0-9_-]{43}")  # what `issue_state` makes: 32 bytes


async def of_workspace(
    tx: Transaction, workspace_id: str, enterprise_id: str | None = None
) -> Installation | None:
    """The installation that serves a workspace now: its own, else its organisation's.

    :param enterprise_id: where it is known from a request; else it is the workspace's.
    """
    known = select(workspaces.c.enterprise_id).where(workspaces.c.id == workspace_id)
    organisation = known.scalar_subquery() if enterprise_id is None else enterprise_id
    query = (
        select(installations)
        .where(
            or_(
                installations.c.team_id == workspace_id,
                and_(
                    installations.c.team_id.is_(None),
                    installations.c.enterprise_id == organisation,
                ),
            ),
            installations.c.revoked_at.is_(None),
        )
        .order_by(installations.c.team_id.is_(None), installations.c.installed_at.desc())
        .limit(1)
    )
    return await one(tx, Installation, query)


async def every(tx: Transaction, *, revoked_too: bool = False) -> Sequence[Installation]:
    """All installations, those that were made first first."""
    query = select(installations).order_by(installations.c.installed_at, installations.c.id)
    if not revoked_too:
        query = query.where(installations.c.revoked_at.is_(None))
    return await many(tx, Installation, query)


async def expiring(tx: Transaction, before: datetime) -> Sequence[Installation]:
    """Those whose token ends before a time."""
    return await many(
        tx,
        Installation,
        select(installations)
        .where(installations.c.revoked_at.is_(None), installations.c.token_expires_at < before)
        .order_by(installations.c.token_expires_at),
    )


async def keep(tx: Transaction, made: Installation) -> Installation:
    """Keep a new installation; the same team's or organisation's again renews it."""
    same = _is(made.enterprise_id, made.team_id)
    known = await one(
        tx, Installation, select(installations).where(same).limit(1).with_for_update()
    )
    if known is None:
        await add(tx, installations, made)
        return made
    new = values(made) | {"id": known.id}
    await tx.connection.execute(
        update(installations).where(installations.c.id == known.id).values(new)
    )
    return Installation(**new)


async def refreshed(
    tx: Transaction,
    seen: Installation,
    *,
    bot_token: bytes,
    refresh_token: bytes | None,
    expires_at: datetime,
) -> bool:
    """Keep a token's successor, unless the installation has become another one meanwhile.

    What was seen is told by its times: its tokens may have been locked with another key since.
    """
    return await changed(
        tx,
        update(installations)
        .where(*_as_seen(seen))
        .values(bot_token=bot_token, refresh_token=refresh_token, token_expires_at=expires_at),
    )


async def revoke(tx: Transaction, seen: Installation, now: datetime) -> bool:
    """The app was removed, or its tokens are no good any more; False if that was known, or if it
    is another installation by now."""
    return await changed(tx, update(installations).where(*_as_seen(seen)).values(revoked_at=now))


def _as_seen(seen: Installation) -> tuple[Any, ...]:
    ends = installations.c.token_expires_at
    return (
        installations.c.id == seen.id,
        installations.c.installed_at == seen.installed_at,
        ends.is_(None) if seen.token_expires_at is None else ends == seen.token_expires_at,
        installations.c.revoked_at.is_(None),
    )


async def relock(
    tx: Transaction,
    seen: Installation,
    *,
    bot_token: bytes,
    refresh_token: bytes | None,
) -> bool:
    """Keep the same tokens under another key, unless they were changed meanwhile."""
    return await changed(
        tx,
        update(installations)
        .where(installations.c.id == seen.id, installations.c.bot_token == seen.bot_token)
        .values(bot_token=bot_token, refresh_token=refresh_token),
    )


async def served(tx: Transaction, installation: Installation) -> Sequence[Workspace]:
    """The workspaces that an installation serves: a team's own, or those of the organisation that
    have none of their own."""
    if installation.team_id is not None:
        chosen: Any = workspaces.c.id == installation.team_id
    else:
        its_own = exists().where(
            installations.c.team_id == workspaces.c.id, installations.c.revoked_at.is_(None)
        )
        chosen = and_(workspaces.c.enterprise_id == installation.enterprise_id, ~its_own)
    return await many(tx, Workspace, select(workspaces).where(chosen).order_by(workspaces.c.id))


async def find(
    tx: Transaction, enterprise_id: str | None, team_id: str | None
) -> Installation | None:
    """The installation of exactly this team, or of this organisation, unless it was revoked."""
    query = select(installations).where(
        _is(enterprise_id, team_id), installations.c.revoked_at.is_(None)
    )
    return await one(tx, Installation, query.limit(1))


def _is(enterprise_id: str | None, team_id: str | None) -> Any:
    """A team's id is enough; an organisation's installation has none."""
    if team_id is not None:
        return installations.c.team_id == team_id
    return and_(installations.c.team_id.is_(None), installations.c.enterprise_id == enterprise_id)


async def issue_state(tx: Transaction, now: datetime) -> str:
    """A new state: it leads back once, within `STATE_LIVES`. Those that nobody came back with are
    forgotten."""
    await tx.connection.execute(delete(oauth_states).where(oauth_states.c.expires_at < now))
    state = secrets.token_urlsafe(32)
    await tx.connection.execute(
        insert(oauth_states).values(state=state, expires_at=now + STATE_LIVES)
    )
    return state


async def consume_state(tx: Transaction, state: str, now: datetime) -> bool:
    """Whether a state is one of ours and wasn't used before."""
    if not OUR_STATES.fullmatch(state):
        return False
    gone = await tx.connection.execute(
        delete(oauth_states).where(oauth_states.c.state == state, oauth_states.c.expires_at >= now)
    )
    return gone.rowcount > 0


async def count_states(tx: Transaction) -> int:
    """How many installations are under way."""
    query = select(func.count()).select_from(oauth_states)
    return (await tx.connection.execute(query)).scalar_one()


class Seal(Protocol):
    """Locks secrets (``bot/accounts.py``, `Vault`)."""

    def lock(self, credentials: Mapping[str, Any]) -> bytes: ...

    def unlock(self, sealed: bytes) -> dict[str, Any]: ...


Kept = Callable[[Transaction, Installation, str], Awaitable[None]]


class InstallationStore(AsyncInstallationStore):
    """slack_sdk's installation store.

    :param kept: what belongs to keeping an installation: it gets the transaction, what was kept,
        and the team's or organisation's name.
    """

    def __init__(
        self, database: Database, seal: Seal, kept: Kept, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._seal = seal
        self._kept = kept
        self._now = now

    @property
    def logger(self) -> logging.Logger:
        return logging.getLogger(__name__)

    async def async_save(self, installation: SlackInstallation) -> None:
        now = self._now()
        whole = bool(installation.is_enterprise_install)
        made = Installation(
            id=new_id(),
            enterprise_id=installation.enterprise_id,
            team_id=None if whole else installation.team_id,
            app_id=installation.app_id or "",
            bot_id=installation.bot_id or "",
            bot_user_id=installation.bot_user_id or "",
            scopes=_joined(installation.bot_scopes),
            bot_token=self._lock(installation.bot_token or ""),
            refresh_token=self._lock_any(installation.bot_refresh_token),
            token_expires_at=_moment(installation.bot_token_expires_at),
            installed_by=installation.user_id,
            installed_at=now,
            revoked_at=None,
        )
        name = installation.enterprise_name if whole else installation.team_name
        async with self._database.transaction() as tx:
            kept = await keep(tx, made)
            await self._kept(tx, kept, name or "")

    async def async_save_bot(self, bot: Bot) -> None:
        """Keep a refreshed token."""
        async with self._database.transaction() as tx:
            seen = await find(
                tx, bot.enterprise_id, _team_of(bot.team_id, bot.is_enterprise_install)
            )
            expires_at = _moment(bot.bot_token_expires_at)
            if seen is not None and expires_at is not None:
                await refreshed(
                    tx,
                    seen,
                    bot_token=self._lock(bot.bot_token),
                    refresh_token=self._lock_any(bot.bot_refresh_token),
                    expires_at=expires_at,
                )

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        async with self._database.reading() as tx:
            if team_id is None or is_enterprise_install:
                found = await find(tx, enterprise_id, None)
            else:
                found = await of_workspace(tx, team_id, enterprise_id)
        return None if found is None else self.opened(found)

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> SlackInstallation | None:
        """:param user_id: of no use: there are no people's tokens here."""
        bot = await self.async_find_bot(
            enterprise_id=enterprise_id,
            team_id=team_id,
            is_enterprise_install=is_enterprise_install,
        )
        if bot is None:
            return None
        return SlackInstallation(user_id=user_id or "", **_shared(bot))

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        async with self._database.transaction() as tx:
            seen = await find(tx, enterprise_id, team_id)
            if seen is not None:
                await revoke(tx, seen, self._now())

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """With ``user_id``, a person's token: there is none."""
        if user_id is None:
            await self.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)

    def opened(self, kept: Installation) -> Bot:
        """What was kept, as slack_sdk wants it."""
        ends = kept.token_expires_at
        return Bot(
            app_id=kept.app_id,
            enterprise_id=kept.enterprise_id,
            team_id=kept.team_id,
            bot_token=self._seal.unlock(kept.bot_token)["token"],
            bot_id=kept.bot_id,
            bot_user_id=kept.bot_user_id,
            bot_scopes=kept.scopes,
            bot_refresh_token=(
                None
                if kept.refresh_token is None
                else self._seal.unlock(kept.refresh_token)["token"]
            ),
            bot_token_expires_at=None if ends is None else int(ends.timestamp()),
            is_enterprise_install=kept.team_id is None,
            installed_at=kept.installed_at.timestamp(),
        )

    def _lock(self, token: str) -> bytes:
        return self._seal.lock({"token": token})

    def _lock_any(self, token: str | None) -> bytes | None:
        return None if token is None else self._lock(token)

    async def keep_refreshed(self, seen: Installation, bot: Bot) -> bool:
        """Keep a token's successor, whatever the database does; False if the installation is
        another one by now."""
        expires_at = _moment(bot.bot_token_expires_at)
        assert expires_at is not None

        async def write(tx: Transaction) -> bool:
            return await refreshed(
                tx,
                seen,
                bot_token=self._lock(bot.bot_token),
                refresh_token=self._lock_any(bot.bot_refresh_token),
                expires_at=expires_at,
            )

        return await self._database.surely(write)


class OAuthStateStore(AsyncOAuthStateStore):
    """slack_sdk's store of states: in the database, so that any process can finish what another
    one began."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    @property
    def logger(self) -> logging.Logger:
        return logging.getLogger(__name__)

    async def async_issue(self, *_: Any, **__: Any) -> str:
        async with self._database.transaction() as tx:
            return await issue_state(tx, self._now())

    async def async_consume(self, state: str) -> bool:
        async with self._database.transaction() as tx:
            return await consume_state(tx, state, self._now())


def _joined(scopes: Collection[str] | str | None) -> str:
    return scopes if isinstance(scopes, str) else ",".join(scopes or ())


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)


def _team_of(team_id: str | None, is_enterprise_install: bool | None) -> str | None:
    return None if is_enterprise_install else team_id


def _shared(bot: Bot) -> dict[str, Any]:
    return {
        "app_id": bot.app_id,
        "enterprise_id": bot.enterprise_id,
        "team_id": bot.team_id,
        "bot_token": bot.bot_token,
        "bot_id": bot.bot_id,
        "bot_user_id": bot.bot_user_id,
        "bot_scopes": bot.bot_scopes,
        "bot_refresh_token": bot.bot_refresh_token,
        "bot_token_expires_at": bot.bot_token_expires_at,
        "is_enterprise_install": bot.is_enterprise_install,
        "installed_at": bot.installed_at,
    }
