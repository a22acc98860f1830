"""The outbox's sender: takes notices that are owed, renders them from the state of this moment,
and posts or updates the Slack message."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from storage import notices
from storage.database import Database
from storage.records import Card, Notice

LEASE = timedelta(seconds=60)
BETWEEN_POSTS_S = 1.0  # per channel, as Slack asks
AT_ONCE = 20

# https://docs.slack.dev/reference/methods/chat.postMessage#errors
DEAD = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "user_disabled",
        "messages_tab_disabled",
        "account_inactive",
        "token_revoked",
        "restricted_action",
        "restricted_action_read_only_channel",
    }
)
GONE = frozenset({"message_not_found", "edit_window_closed", "cant_update_message"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it should be now. ``thread_ts`` puts a new one into a thread."""

    text: str
    blocks: Sequence[Mapping[str, Any]]
    thread_ts: str | None = None


class NotYet(Exception):
    """The card can't be shown yet; it is tried again soon."""


Renderer = Callable[[Notice], Awaitable[Rendered | None]]


class NoticeSender:
    """Sends what is owed, one at a time per destination."""

    def __init__(
        self,
        database: Database,
        client: AsyncWebClient,
        clock: Clock,
        renderers: Mapping[Card, Renderer],
    ) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._alarm = clock.alarm("notices")
        self._renderers = renderers
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                await self._send_owed()
            except Exception:  # the database's trouble: the next tick tries again
                log.exception("Looking for owed notices failed; trying again in 5 s.")
            await self._alarm.wait()

    async def drain(self, limit_s: float) -> None:
        """Wait for what is being sent."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=limit_s)

    async def _send_owed(self) -> None:
        async with self._database.transaction() as tx:
            now = self._clock.now()
            owed = await notices.claim(tx, now, now + LEASE, AT_ONCE, besides=frozenset(self._busy))
            due = None if owed else await notices.next_due(tx)
        by_destination: dict[str, list[Notice]] = defaultdict(list)
        for notice in owed:
            by_destination[notice.destination].append(notice)
        for destination, batch in by_destination.items():
            task = asyncio.create_task(self._send_batch(batch))
            self._busy[destination] = task
            task.add_done_callback(lambda done, key=destination: self._ended(key, done))  # type: ignore[misc]  # mypy can't infer a default's type
        self._alarm.arm(due)

    def _ended(self, destination: str, task: asyncio.Task[None]) -> None:
        del self._busy[destination]
        if not task.cancelled() and task.exception() is not None:
            log.error("Sending notices ended with a bug.", exc_info=task.exception())
        self._alarm.ring()

    async def _send_batch(self, batch: Sequence[Notice]) -> None:
        for position, notice in enumerate(batch):
            if position:
                await asyncio.sleep(BETWEEN_POSTS_S)
            await self._send(notice)

    async def _send(self, notice: Notice) -> None:
        try:
            rendered = await self._renderers[Card(notice.card)](notice)
            channel, ts = await self._deliver(notice, rendered)
        except SlackApiError as error:
            await self._refused(notice, error)
        except NotYet as error:
            await self._again(notice, str(error))
        except (aiohttp.ClientError, TimeoutError) as error:
            await self._again(notice, f"Slack can't be reached ({type(error).__name__})")
        except Exception as error:  # a card that can't be shown must not stop the others
            log.exception("Rendering the card %s failed.", notice.card)
            await self._again(notice, f"the card can't be shown ({type(error).__name__})")
        else:
            async with self._database.transaction() as tx:
                await notices.sent(tx, notice, channel, ts)

    async def _deliver(self, notice: Notice, rendered: Rendered | None) -> tuple[str, str]:
        if rendered is None:  # nothing to show (any more)
            return notice.channel or notice.destination, notice.ts or ""
        content: dict[str, Any] = {"text": rendered.text, "blocks": list(rendered.blocks)}
        if notice.channel and notice.ts:
            await self._client.chat_update(channel=notice.channel, ts=notice.ts, **content)
            return notice.channel, notice.ts
        posted = await self._client.chat_postMessage(
            channel=notice.destination,
            thread_ts=rendered.thread_ts,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": "socialdesk_notice", "event_payload": {"id": notice.id}},
            **content,
        )
        return posted["channel"], posted["ts"]

    async def _refused(self, notice: Notice, error: SlackApiError) -> None:
        name = str(error.response.get("error"))
        if name in GONE and notice.ts:
            async with self._database.transaction() as tx:
                await notices.again(tx, notice, self._clock.now(), name, forget_ts=True)
        elif name in DEAD:
            log.warning(
                "Slack refuses messages to %s (%s). What is owed there is kept. "
                "Invite the bot with /invite, or choose another channel in the set-up.",
                notice.destination,
                name,
            )
            async with self._database.transaction() as tx:
                await notices.broken(tx, notice, name)
        else:
            wait = error.response.headers.get("Retry-After") if error.response.headers else None
            await self._again(notice, name, after=timedelta(seconds=int(wait)) if wait else None)

    async def _again(self, notice: Notice, problem: str, *, after: timedelta | None = None) -> None:
        wait = after or timedelta(seconds=min(2 ** min(notice.attempt, 9), 300))
        at: datetime = self._clock.now() + wait
        log.warning("A %s notice waits until %s: %s.", notice.card, at, problem)
        async with self._database.transaction() as tx:
            await notices.again(tx, notice, at, problem)
