"""The outbox's sender: takes notices that are owed, renders them from the state of this moment,
and posts or updates the Slack message."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from handlers.slack_calls import UNREACHABLE, refusal, retry_after
from storage import notices
from storage.database import Database
from storage.records import Card, Notice

LEASE = timedelta(seconds=120)  # longer than rendering or a call may take
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
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
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
    """Sends what is owed, one at a time per destination.

    :param client: without retries of its own: what Slack asks to wait for waits as a row.
    """

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
        self._told_dead: set[str] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled; what is being sent then is finished by `drain`."""
        try:
            while True:
                try:
                    await self._send_owed()
                except Exception:  # the database's trouble: the next tick tries again
                    log.exception("Looking for owed notices failed; trying again in 5 s.")
                await self._alarm.wait()
        finally:
            self._stopping.set()

    async def drain(self, limit_s: float) -> None:
        """Wait for what is being sent; what comes after it is left for the next start."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=limit_s)
        for task in self._busy.values():
            task.cancel()  # it comes back after its lease

    async def _send_owed(self) -> None:
        """Claim until nothing is due, then arm the alarm."""
        while True:
            busy = frozenset(self._busy)
            async with self._database.transaction() as tx:
                now = await self._database.now(tx)
                owed = await notices.claim(tx, now, now + LEASE, AT_ONCE, besides=busy)
                due = None if owed else await notices.next_due(tx, besides=busy)
            if not owed:
                self._alarm.arm(due, now=now)
                return
            by_destination: dict[str, list[Notice]] = defaultdict(list)
            for notice in owed:
                by_destination[notice.destination].append(notice)
            for destination, batch in by_destination.items():
                self._begin(destination, batch)

    def _begin(self, destination: str, batch: Sequence[Notice]) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            del self._busy[destination]
            if not task.cancelled() and task.exception() is not None:
                log.error("Sending notices ended with a bug.", exc_info=task.exception())
            self._alarm.ring()

        task = asyncio.create_task(self._send_batch(batch))
        self._busy[destination] = task
        task.add_done_callback(ended)

    async def _send_batch(self, batch: Sequence[Notice]) -> None:
        """One after the other; the destination stays busy for the pause after the last one too."""
        for position, notice in enumerate(batch):
            if self._stopping.is_set():
                await self._give_back(batch[position:])
                return
            try:
                pause = await self._send(notice)
            except Exception:  # the database failed for long: this one comes back after its lease
                log.exception("What became of a %s notice could not be kept.", notice.card)
                pause = BETWEEN_POSTS_S
            with suppress(TimeoutError):  # the pause is over
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _give_back(self, unsent: Sequence[Notice]) -> None:
        async with self._database.transaction() as tx:
            for notice in unsent:
                await notices.give_back(tx, notice, self._clock.now())

    async def _send(self, notice: Notice) -> float:
        """Send one; the seconds before the destination may get another one."""
        try:
            rendered = await self._renderers[Card(notice.card)](notice)
            if rendered is None:  # nothing to show (any more)
                await self._sent(notice, notice.channel or notice.destination, notice.ts or "")
                return 0
            async with self._database.transaction() as tx:
                now = await self._database.now(tx)
                held = await notices.hold(tx, notice, now + LEASE)
            if held is None:
                log.info("A %s notice was taken over by another process.", notice.card)
                return 0
            notice = held
            channel, ts = await self._deliver(notice, rendered)
        except SlackApiError as error:
            await self._refused(notice, error)
            return max(BETWEEN_POSTS_S, retry_after(error) or 0)
        except NotYet as error:
            await self._again(notice, str(error))
            return 0
        except UNREACHABLE as error:
            await self._again(notice, f"Slack {refusal(error)}")
        except Exception as error:  # a card that can't be shown must not stop the others
            log.exception("Rendering the card %s failed.", notice.card)
            await self._again(notice, f"the card can't be shown ({type(error).__name__})")
        else:
            self._told_dead.discard(notice.destination)
            await self._sent(notice, channel, ts)
        return BETWEEN_POSTS_S

    async def _sent(self, notice: Notice, channel: str, ts: str) -> None:
        now = self._clock.now()
        await self._database.surely(lambda tx: notices.sent(tx, notice, channel, ts, now))

    async def _deliver(self, notice: Notice, rendered: Rendered) -> tuple[str, str]:
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
        name, now = refusal(error), self._clock.now()
        if name in GONE and notice.ts:
            await self._database.surely(
                lambda tx: notices.again(tx, notice, now, name, forget_ts=True)
            )
        elif name in DEAD:
            if notice.destination not in self._told_dead:
                self._told_dead.add(notice.destination)
                log.warning(
                    "Slack refuses messages to %s (%s). What is owed there is kept. "
                    "Invite the bot with /invite, or choose another channel in the set-up.",
                    notice.destination,
                    name,
                )
            await self._database.surely(lambda tx: notices.broken(tx, notice, name, now))
        else:
            seconds = retry_after(error)
            await self._again(
                notice, name, after=None if seconds is None else timedelta(seconds=seconds)
            )

    async def _again(self, notice: Notice, problem: str, *, after: timedelta | None = None) -> None:
        wait = after or timedelta(seconds=min(2 ** min(notice.attempt, 9), 300))
        at = self._clock.now() + wait
        log.warning("A %s notice waits until %s: %s.", notice.card, at, problem)
        await self._database.surely(lambda tx: notices.again(tx, notice, at, problem))
