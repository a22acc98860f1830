"""The outbox's sender: takes notices that are owed, renders them from the state of this moment,
and posts or updates the Slack message."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import destinations
from bot.attempts import Timing
from bot.clock import Clock
from bot.installations import NOT_INSTALLED
from bot.shared_channels import SHARED
from handlers.clients import Clients, NotInstalled
from handlers.notice_lookup import NoticeLookup, Standing, metadata
from handlers.slack_calls import FAILED, is_clear, refusal, retry_after
from storage import notice_claims
from storage.database import Database
from storage.records import Card, Notice
from storage.rows import Transaction

BETWEEN_POSTS = timedelta(seconds=1)  # per channel, as Slack asks
ON_ITS_WAY = timedelta(seconds=3)  # what Slack may still be doing when its answer is lost
LONGEST_WAIT = timedelta(seconds=300)
NO_WAIT = timedelta(0)
AT_ONCE = 50
TOGETHER_S = 0.02  # what comes to be owed within this time is one look into the database
RESTED, LONGEST_REST_S = 4, 0.25  # as many times as long as a look took: thousands may be owed

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
    blocks: Sequence[dict[str, Any]]
    thread_ts: str | None = None


class NotYet(Exception):
    """The card can't be shown yet; it is tried again soon."""


class TakenOver(Exception):
    """The claim was lost: another process has the notice."""


Renderer = Callable[[Notice], Awaitable[Rendered | None]]
MayPost = Callable[[Notice], Awaitable[bool]]


class NoticeSender:
    """Sends what is owed, one at a time per destination, however many senders there are.

    :param clients: without retries of their own: what Slack asks to wait for waits as a row.
    :param may_post: says, before each message, whether it may go where it goes; what may not is
        kept as if Slack refused it.
    """

    def __init__(
        self,
        database: Database,
        clients: Clients,
        clock: Clock,
        renderers: Mapping[Card, Renderer],
        timing: Timing | None = None,
        may_post: MayPost | None = None,
    ) -> None:
        timing = timing or Timing()
        self._lease = timing.notice
        self._longest_wait = min(LONGEST_WAIT, timing.longest_wait)
        self._patience_s = self._lease.total_seconds() * 2 / 3  # for a call of Slack's
        self._database = database
        self._clients = clients
        self._alarm = clock.alarm("notices")
        self._renderers = renderers
        self._may_post = may_post
        self._lookup = NoticeLookup()
        self._sending: set[asyncio.Task[None]] = set()
        self._no_edits: dict[str, float] = {}  # in which workspaces, until when (monotonic)

    async def run(self) -> None:
        """Send until cancelled; what is being sent then is finished by `drain`."""
        while True:
            begun = time.monotonic()
            try:
                await self._send_owed()
            except Exception:  # the database's trouble: the next tick tries again
                log.exception("Looking for owed notices failed; trying again in 5 s.")
            took_s = time.monotonic() - begun
            await self._alarm.wait()
            await asyncio.sleep(min(max(TOGETHER_S, took_s * RESTED), LONGEST_REST_S))

    async def drain(self, limit_s: float) -> None:
        """Wait for what is being sent; the rest is left for the next start."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=limit_s)
        for task in self._sending:
            task.cancel()  # it comes back after its lease

    async def _send_owed(self) -> None:
        """Claim until nothing is due, then arm the alarm."""
        while True:
            waits = self._edits_that_wait()
            async with self._database.transaction() as tx:
                now = await self._database.now(tx)
                owed = await notice_claims.claim(
                    tx, now, now + self._lease, AT_ONCE, no_edits_in=waits
                )
                due = None if owed else await notice_claims.next_due(tx, no_edits_in=waits)
            if not owed:
                edits_at = [now + wait for wait in waits.values()]
                self._alarm.arm(min([*edits_at, *([due] if due else [])], default=None), now=now)
                return
            for notice in owed:
                self._begin(notice)

    def _edits_that_wait(self) -> Mapping[str, timedelta]:
        """The workspaces that take no edits now, and for how long: Slack's limit of edits is one
        for all of a workspace's channels."""
        now = time.monotonic()
        self._no_edits = {id_: until for id_, until in self._no_edits.items() if until > now}
        return {id_: timedelta(seconds=until - now) for id_, until in self._no_edits.items()}

    def _begin(self, notice: Notice) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            self._sending.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                # The database failed for long: this one comes back after its lease.
                log.error("A %s notice could not be settled.", notice.card, exc_info=error)
            self._alarm.ring()

        task = asyncio.create_task(self._send(notice))
        self._sending.add(task)
        task.add_done_callback(ended)

    async def _send(self, notice: Notice) -> None:
        try:
            await self._send_claimed(notice)
        except TakenOver:
            log.info("A %s notice was taken over by another process.", notice.card)

    async def _send_claimed(self, notice: Notice) -> None:
        if notice.joined_to is not None:
            await self._pass_on(notice)
            return
        async with self._database.transaction() as tx:
            await notice_claims.join(tx, notice)
        rendering = asyncio.ensure_future(self._renderers[Card(notice.card)](notice))
        kept = await self._keep_while(rendering, notice)
        began = notice.begun_at is not None  # a post that nobody knows of is still to be looked for
        try:
            rendered = rendering.result()
        except NotInstalled:
            await self._not_installed(kept, uncertain=began)
        except NotYet as error:
            await self._again(kept, str(error), uncertain=began)
        except FAILED as error:  # a picture couldn't be shown to Slack
            wait = _asked_to_wait(error)
            await self._again(kept, refusal(error), after=wait, uncertain=began)
        except Exception as error:  # a card that can't be shown must not stop the others
            log.exception("Rendering the card %s failed.", notice.card)
            problem = f"the card can't be shown ({type(error).__name__})"
            await self._again(kept, problem, uncertain=began)
        else:
            if rendered is None:  # nothing to show (any more)
                await self._settle(kept, kept.channel, kept.ts)
            else:
                await self._show_inside(kept, rendered, had_begun=began)

    async def _show_inside(self, notice: Notice, rendered: Rendered, *, had_begun: bool) -> None:
        """Show it, unless people see it there who mustn't, or the app isn't there any more."""
        try:
            if await self._stays_inside(notice, uncertain=had_begun):
                notice = await self._hold(notice)
                await self._show(notice, rendered, had_begun=had_begun)
        except NotInstalled:
            await self._not_installed(notice, uncertain=had_begun)

    async def _stays_inside(self, notice: Notice, *, uncertain: bool) -> bool:
        """Whether its message may go there now; else it is kept, or asked again later.

        :param uncertain: whether the message may have been posted before.
        """
        if self._may_post is None:
            return True
        try:
            async with asyncio.timeout(self._patience_s):
                may = await self._may_post(notice)
        except FAILED as error:
            await self._refused(notice, error, uncertain=uncertain)
            return False
        if not may:
            await self._broken(notice, SHARED, uncertain=uncertain)
        return may

    async def _keep_while(self, rendering: asyncio.Future[Any], notice: Notice) -> Notice:
        """Wait for a card, which may have to be drawn and uploaded; the claim is kept meanwhile."""
        renewed_after_s = self._lease.total_seconds() / 3
        try:
            while not (await asyncio.wait([rendering], timeout=renewed_after_s))[0]:
                async with self._database.transaction() as tx:
                    now = await self._database.now(tx)
                    notice = _mine(await notice_claims.renew(tx, notice, now + self._lease))
        finally:
            rendering.cancel()  # where nobody waits for it any more
        return notice

    async def _show(self, notice: Notice, rendered: Rendered, *, had_begun: bool) -> None:
        """Post the message or edit it, wherever it stands.

        :param had_begun: it was posted before, and nobody knows whether Slack took it.
        """
        if had_begun and not notice.ts:
            try:
                async with asyncio.timeout(self._patience_s):
                    client = await self._clients.of(notice.workspace_id)
                    standing = await self._lookup.find(client, notice, rendered.thread_ts)
            except FAILED as error:
                await self._refused(notice, error, uncertain=True)
                return
            notice = await (self._found(notice, standing) if standing else self._hold(notice))
        if notice.channel and notice.ts:
            await self._edit(notice, notice.channel, notice.ts, rendered)
        else:
            await self._post(notice, rendered)

    async def _edit(self, notice: Notice, channel: str, ts: str, rendered: Rendered) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                client = await self._clients.of(notice.workspace_id)
                await client.chat_update(
                    channel=channel, ts=ts, text=rendered.text, blocks=list(rendered.blocks)
                )
        except FAILED as error:  # whatever came of it, the same edit again does no harm
            await self._refused(notice, error, uncertain=False)
        else:
            await self._settle(notice, channel, ts)

    async def _post(self, notice: Notice, rendered: Rendered) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                client = await self._clients.of(notice.workspace_id)
                posted = await client.chat_postMessage(
                    channel=notice.destination,
                    thread_ts=rendered.thread_ts,
                    unfurl_links=False,
                    unfurl_media=False,
                    metadata=metadata(notice),
                    text=rendered.text,
                    blocks=list(rendered.blocks),
                )
        except FAILED as error:
            await self._refused(notice, error, uncertain=not is_clear(error))
            return
        channel, ts = str(posted["channel"]), str(posted["ts"])
        if not await self._settle(notice, channel, ts, pause=BETWEEN_POSTS):
            log.warning("Two processes have posted a %s notice; one goes.", notice.card)
            with suppress(*FAILED):  # then it stays twice
                await client.chat_delete(channel=channel, ts=ts)

    # What is kept

    async def _hold(self, notice: Notice) -> Notice:
        """Renew the claim right before Slack is called."""
        async with self._database.transaction() as tx:
            now = await self._database.now(tx)
            return _mine(await notice_claims.hold(tx, notice, now, now + self._lease))

    async def _found(self, notice: Notice, standing: Standing) -> Notice:
        """Its message stands in Slack."""
        log.info("A %s notice whose answer was lost had arrived.", notice.card)
        async with self._database.transaction() as tx:
            until = await self._database.now(tx) + self._lease
            return _mine(
                await notice_claims.found(tx, notice, standing.channel, standing.ts, until)
            )

    async def _pass_on(self, notice: Notice) -> None:
        async def keep(tx: Transaction) -> None:
            await notice_claims.pass_on(tx, notice, await self._database.now(tx))

        await self._database.surely(keep)

    async def _settle(
        self,
        notice: Notice,
        channel: str | None,
        ts: str | None,
        *,
        pause: timedelta = NO_WAIT,
    ) -> bool:
        """It was sent. False: another message is the one that counts."""

        async def keep(tx: Transaction) -> bool:
            now = await self._database.now(tx)
            counts = await notice_claims.sent(tx, notice, channel, ts, now, pause=pause)
            if ts is not None:
                # Who sees the channel by now is another question than whether Slack takes it.
                place = notice.workspace_id, notice.destination
                await destinations.took(tx, *place, now, but_for=SHARED)
            return counts

        return await self._database.surely(keep)

    async def _refused(self, notice: Notice, error: Exception, *, uncertain: bool) -> None:
        """:param uncertain: whether the message may have been posted, now or before."""
        name, limit = refusal(error), _asked_to_wait(error)
        if await self._clients.refused(notice.workspace_id, name):
            await self._again(notice, name, after=NO_WAIT, uncertain=uncertain)
        elif name in GONE and notice.ts:
            await self._again(notice, name, after=NO_WAIT, forget_ts=True)
        elif name in DEAD:
            await self._broken(notice, name, uncertain=uncertain)
        elif notice.ts:
            if limit is not None:
                self._no_edits[notice.workspace_id] = time.monotonic() + limit.total_seconds()
            await self._again(notice, name, after=limit)
        elif uncertain:
            await self._again(notice, name, after=limit, pause=BETWEEN_POSTS, uncertain=True)
        else:
            await self._again(notice, name, after=limit, pause=limit or BETWEEN_POSTS)

    async def _broken(self, notice: Notice, problem: str, *, uncertain: bool) -> None:
        async def keep(tx: Transaction) -> bool:
            now = await self._database.now(tx)
            await notice_claims.broken(tx, notice, problem, now, uncertain=uncertain)
            place = notice.workspace_id, notice.destination
            return await destinations.refused(tx, *place, problem, now)

        if await self._database.surely(keep):
            log.warning(
                "Slack refuses messages to %s (%s). What is owed there is kept. Invite the bot "
                "with /invite, or choose another channel in the set-up.",
                notice.destination,
                problem,
            )

    async def _not_installed(self, notice: Notice, *, uncertain: bool) -> None:
        """Kept until the app is installed again. There is nobody to be told."""

        async def keep(tx: Transaction) -> None:
            now = await self._database.now(tx)
            await notice_claims.broken(tx, notice, NOT_INSTALLED, now, uncertain=uncertain)

        await self._database.surely(keep)

    async def _again(
        self,
        notice: Notice,
        problem: str,
        *,
        after: timedelta | None = None,
        pause: timedelta = NO_WAIT,
        uncertain: bool = False,
        forget_ts: bool = False,
    ) -> None:
        """:param after: how long it waits; None: longer each time.
        :param pause: how long its destination takes nothing else.
        """
        longer = min(timedelta(seconds=2 ** min(notice.attempt, 9)), self._longest_wait)
        wait = longer if after is None else after
        if uncertain:
            wait = max(wait, ON_ITS_WAY)

        async def keep(tx: Transaction) -> None:
            now = await self._database.now(tx)
            log.warning("A %s notice waits until %s: %s.", notice.card, now + wait, problem)
            await notice_claims.again(
                tx,
                notice,
                now + wait,
                problem,
                free_at=now + pause,
                uncertain=uncertain,
                forget_ts=forget_ts,
            )

        await self._database.surely(keep)


def _mine(claimed: Notice | None) -> Notice:
    if claimed is None:
        raise TakenOver
    return claimed


def _asked_to_wait(error: Exception) -> timedelta | None:
    seconds = retry_after(error) if isinstance(error, SlackApiError) else None
    return None if seconds is None else timedelta(seconds=seconds)
