"""A client of Slack's for each workspace: where no request brings one, this is where it comes from.

With one workspace there is one token, from the settings. With many, each installation has its own,
which may end after some hours: it is refreshed long before, by one process for all of them.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.errors import Expired, SocialdeskError
from bot.installations import REFUSED, Installations
from handlers.slack_calls import UNREACHABLE, refusal
from storage import installations, occurrences
from storage.database import Database
from storage.installations import InstallationStore
from storage.records import Installation

EARLY = timedelta(
    hours=2
)  # a token lives 12 hours (https://docs.slack.dev/authentication/using-token-rotation)
LOOKED_EVERY = timedelta(minutes=5)
REMEMBERED_S = 60  # another process may have refreshed the token, or seen the app removed
READING_S = 1.0  # what an acknowledgement may wait for the database
ENDED = frozenset({"account_inactive", "token_revoked"})  # Slack's names for a token that is dead
UNKNOWABLE_EARLY = 10**6  # minutes; slack_sdk asks again whether it is time, and it is

log = logging.getLogger(__name__)


class NotInstalled(SocialdeskError):
    """The app isn't installed in the workspace (any more)."""


class Clients(Protocol):
    """Gives the client of a workspace."""

    async def of(self, workspace_id: str) -> AsyncWebClient:
        """:raises NotInstalled: there is none (any more)."""
        ...

    async def refused(self, workspace_id: str, problem: str) -> bool:
        """Slack refused a call with this name; whether that was about the token, so that there is
        nothing to try before `of` gives another one."""
        ...


class OneClient:
    """The workspace of SLACK_BOT_TOKEN."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def of(self, _: str) -> AsyncWebClient:
        return self._client

    async def refused(self, _: str, __: str) -> bool:
        return False


class InstalledClients:
    """Each workspace's own.

    :param make: a client from a token and the workspace's id.
    """

    def __init__(self, tokens: "Tokens", make: Callable[[str, str], AsyncWebClient]) -> None:
        self._tokens = tokens
        self._make = make

    async def of(self, workspace_id: str) -> AsyncWebClient:
        bot = await self._tokens.of(workspace_id)
        if bot is None:
            raise NotInstalled(f"The app isn't installed in {workspace_id}.")
        return self._make(bot.bot_token, workspace_id)

    async def refused(self, workspace_id: str, problem: str) -> bool:
        if problem not in ENDED:
            return False
        await self._tokens.ended(workspace_id)
        return True


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of a workspace's installation, and when (by a clock that nobody sets)."""

    installation: Installation
    bot: Bot
    read_at: float


class Tokens:
    """The installations' tokens: remembered for a minute, refreshed before they end."""

    def __init__(
        self,
        database: Database,
        store: InstallationStore,
        rotator: AsyncTokenRotator,
        installed: Installations,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._rotator = rotator
        self._installed = installed
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._reading: dict[str, asyncio.Task[_Known | None]] = {}
        installed.when_gone(self._forget)

    async def of(self, workspace_id: str, enterprise_id: str | None = None) -> Bot | None:
        """Who the bot is in a workspace, with its token; None: it isn't installed there."""
        known = self._remembered(workspace_id) or await self._read(workspace_id, enterprise_id)
        return None if known is None else known.bot

    async def soon(self, workspace_id: str, enterprise_id: str | None) -> Bot | None:
        """As `of`, for a request that Slack waits for: at most one indexed read, and no longer than
        a second. If the database takes longer, what was known last still counts.

        :raises TimeoutError: nothing was known.
        """
        if (known := self._remembered(workspace_id)) is not None:
            return known.bot
        reading = self._reading.get(workspace_id)
        if reading is None:
            # Not cancelled when it takes too long: the next request finds what it has read.
            reading = asyncio.create_task(self._read(workspace_id, enterprise_id))
            self._reading[workspace_id] = reading
            reading.add_done_callback(lambda read: self._ended(workspace_id, read))
        done, _ = await asyncio.wait([reading], timeout=READING_S)
        if done and reading.exception() is None:
            read = reading.result()
            return None if read is None else read.bot
        if (last := self._known.get(workspace_id)) is not None:
            return last.bot
        raise TimeoutError("the database doesn't say which token is this workspace's")

    def _ended(self, workspace_id: str, read: asyncio.Task[_Known | None]) -> None:
        self._reading.pop(workspace_id, None)
        if not read.cancelled() and (error := read.exception()) is not None:
            log.warning("An installation could not be read: %s.", type(error).__name__)

    def _remembered(self, workspace_id: str) -> _Known | None:
        known = self._known.get(workspace_id)
        if known is None or time.monotonic() - known.read_at > REMEMBERED_S:
            return None
        return known

    async def _read(self, workspace_id: str, enterprise_id: str | None) -> _Known | None:
        async with self._database.reading() as tx:
            found = await installations.of_workspace(tx, workspace_id, enterprise_id)
        if found is None:
            self._known.pop(workspace_id, None)
            return None
        known = _Known(found, self._store.opened(found), time.monotonic())
        self._known[workspace_id] = known
        return known

    def _forget(self, gone: Installation) -> None:
        self._known = {
            key: known for key, known in self._known.items() if known.installation.id != gone.id
        }

    async def ended(self, workspace_id: str) -> None:
        """Slack says that the workspace's token is dead: if nobody has a newer one, the app isn't
        installed any more, though nobody told us."""
        known = self._known.pop(workspace_id, None)
        if known is not None:
            await self._installed.end(known.installation, REFUSED)

    # Refreshing

    async def refresh_due(self) -> None:
        """Refresh what ends soon."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            due = await installations.expiring(tx, now + EARLY)
        for seen in due:
            try:
                await self._refresh(seen, now)
            except (SlackTokenRotationError, *UNREACHABLE) as error:
                await self._not_refreshed(seen, error, now)
            except Expired as error:  # the doctor says which, and what to do
                log.error("A token can't be opened: %s.", error.reason)

    async def _refresh(self, seen: Installation, now: datetime) -> None:
        """One process does it, and another one after a while if that was in vain."""
        job, slot = f"token:{seen.id}", _slot(now)
        async with self._database.transaction() as tx:
            if not await occurrences.claim(tx, job, slot, now):
                return
            await occurrences.forget(tx, "token", now - EARLY)
        bot = await self._rotator.perform_bot_token_rotation(
            bot=self._store.opened(seen), minutes_before_expiration=UNKNOWABLE_EARLY
        )
        if bot is not None and await self._store.keep_refreshed(seen, bot):
            self._forget(seen)

    async def _not_refreshed(self, seen: Installation, error: Exception, now: datetime) -> None:
        cause = error.api_error if isinstance(error, SlackTokenRotationError) else error
        name = refusal(cause)
        log.error("A token that ends %s could not be refreshed: %s.", seen.token_expires_at, name)
        over = seen.token_expires_at is not None and seen.token_expires_at <= now
        if name in ENDED or (over and name == "invalid_refresh_token"):
            await self._installed.end(seen, REFUSED)


def _slot(now: datetime) -> datetime:
    """The beginning of the time in which one attempt is made."""
    return now - timedelta(seconds=now.timestamp() % LOOKED_EVERY.total_seconds())
