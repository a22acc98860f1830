"""Listening: read each source, drop what was seen, judge the rest, raise what is negative.

A source is a connected account or a followed feed. Each is claimed by one conditional update, so
that several processes never read it at once, and read in a task of its own: one that hangs or
fails delays no other. What was read and how far is kept in one transaction, so a restart loses
and repeats nothing.
"""

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.accounts import Accounts, mark_expired
from bot.clock import Clock
from bot.errors import Expired, NetworkError, RateLimited, Unavailable, UserError
from bot.networks.base import Heard, HeardMention, Listens
from bot.raising import Raiser
from bot.sources import feeds, matching
from bot.sources.feeds import FeedEntry, FeedPage, NotModified
from storage import accounts, mentions, watches, workspaces
from storage.database import Database
from storage.records import Account, MentionKind, Watch, WatchKind, Workspace
from storage.rows import Transaction

LONGEST_READ = timedelta(seconds=90)
FIRST_LOOK_BACK = timedelta(days=1)  # as networks do for a new account
FEED_FACTOR = 5  # feeds are read that much less often than accounts
AT_ONCE = 50  # mentions kept in one transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where mentions come from, as they are kept."""

    workspace_id: str
    id: str
    account: Account | None


class Listening:
    """Reads what is due, when it is told to (``poll``). Close it when done.

    :param client: for feeds, closed with it; made with a ``bot.guarded.GuardedTransport``.
    :param period: how often an account is read; a feed is read every fifth time.
    """

    def __init__(
        self,
        database: Database,
        accounts_: Accounts,
        raiser: Raiser,
        client: httpx.AsyncClient,
        clock: Clock,
        period: timedelta,
    ) -> None:
        self._database = database
        self._accounts = accounts_
        self._raiser = raiser
        self._client = client
        self._clock = clock
        self._period = period
        self._notices = clock.alarm("notices")
        self._reading: dict[str, asyncio.Task[None]] = {}

    async def poll(self) -> None:
        """Begin to read every source that is due, and don't wait for them."""
        now = self._clock.now()
        # A tick comes a moment early or late: what is due within half a second is due.
        slack = timedelta(seconds=0.5)
        listening = [n.name for n in self._accounts.networks() if isinstance(n, Listens)]
        async with self._database.transaction() as tx:
            due_accounts = await accounts.claim_for_listening(
                tx, now, now - self._period + slack, listening
            )
            due_feeds = await watches.claim_feeds(tx, now, now - self._period * FEED_FACTOR + slack)
        for account in due_accounts:
            self._begin(account.id, self._read_account(account))
        for watch in due_feeds:
            self._begin(watch.id, self._read_feed(watch))

    def _begin(self, source_id: str, work: Coroutine[Any, Any, None]) -> None:
        if source_id in self._reading:  # the last reading isn't through: this one is left out
            work.close()
            return
        task = asyncio.create_task(work, name=f"listening to {source_id}")
        self._reading[source_id] = task
        task.add_done_callback(lambda done: self._ended(source_id, done))

    def _ended(self, source_id: str, task: asyncio.Task[None]) -> None:
        del self._reading[source_id]
        if not task.cancelled() and task.exception() is not None:
            # Nothing was kept of this reading: the next one begins where the last good one ended.
            log.error("Reading %s failed.", source_id, exc_info=task.exception())
        self._notices.ring()

    async def close(self) -> None:
        """End what is being read (it is read again after the next start), and the feeds' client."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def settled(self) -> None:
        """Wait for what is being read."""
        while self._reading:
            await asyncio.wait(list(self._reading.values()))

    # Accounts

    async def _read_account(self, account: Account) -> None:
        try:
            network = self._accounts.network(account)
            assert isinstance(network, Listens)  # only those are claimed
            async with asyncio.timeout(LONGEST_READ.total_seconds()):
                heard = await network.listen(self._accounts.session(account), account.cursor)
        except TimeoutError:
            await self._note_account(account, Unavailable("It gave no answer in time"))
            return
        except NetworkError as error:
            await self._note_account(account, error)
            return
        await self._keep_heard(account, heard)

    async def _note_account(self, account: Account, error: NetworkError) -> None:
        async with self._database.transaction() as tx:
            if isinstance(error, Expired):
                await mark_expired(tx, account, error.reason, self._clock.now())
                return
            wait = error.until - self._period if isinstance(error, RateLimited) else None
            await accounts.set_heard(tx, account.id, problem=error.reason, not_before=wait)

    async def _keep_heard(self, account: Account, heard: Heard) -> None:
        source = _Source(account.workspace_id, account.id, account)
        ours = {_plain_name(account.handle), _plain_name(account.remote_id)}
        others = [said for said in heard.mentions if _plain_name(said.author) not in ours]
        await self._keep(source, others)
        async with self._database.transaction() as tx:
            await accounts.set_heard(tx, account.id, problem=None, cursor=heard.cursor)

    async def _keep(self, source: _Source, heard: Sequence[HeardMention]) -> None:
        """Judge and keep what is new, some at a time; how far was read is kept after them, so
        what a restart interrupts is read again and found to be known."""
        for start in range(0, len(heard), AT_ONCE):
            batch = heard[start : start + AT_ONCE]
            async with self._database.reading() as tx:
                ids = [said.remote_id for said in batch]
                known = await mentions.known(tx, source.workspace_id, source.id, ids)
            new = [said for said in batch if said.remote_id not in known]
            if new:
                await self._raiser.keep(source.workspace_id, source.id, source.account, new)

    # Feeds

    async def _read_feed(self, watch: Watch) -> None:
        try:
            page = await feeds.fetch(
                self._client,
                watch.value,
                etag=watch.cursor.get("etag"),
                modified=watch.cursor.get("modified"),
            )
        except (NetworkError, UserError) as error:
            await self._note_feed(watch, error)
            return
        if isinstance(page, NotModified):
            async with self._database.transaction() as tx:
                await watches.set_polled(tx, watch.id, problem=None)
            return
        await self._keep_page(watch, page)

    async def _note_feed(self, watch: Watch, error: NetworkError | UserError) -> None:
        wait = None
        if isinstance(error, RateLimited):
            wait = error.until - self._period * FEED_FACTOR
        elif not isinstance(error, Unavailable):
            log.info("The feed %s can't be read: %s", watch.id, error)
        async with self._database.transaction() as tx:
            await watches.set_polled(tx, watch.id, problem=str(error), not_before=wait)

    async def _keep_page(self, watch: Watch, page: FeedPage) -> None:
        async with self._database.reading() as tx:
            workspace = await workspaces.get(tx, watch.workspace_id)
            assert workspace is not None  # the database holds it
            words = await watched_words(tx, workspace)
        fresh = fresh_entries(watch, page.entries)
        if not watch.everything:
            fresh = await asyncio.to_thread(matching_entries, fresh, words)
        now = self._clock.now()
        heard = [_as_heard(entry, now) for entry in fresh]
        await self._keep(_Source(watch.workspace_id, watch.id, None), heard)
        async with self._database.transaction() as tx:
            await watches.set_polled(tx, watch.id, problem=None, cursor=feed_cursor(page))


async def watched_words(tx: Transaction, workspace: Workspace) -> list[str]:
    """The brand's words and those that were added."""
    added = await watches.of_workspace(tx, workspace.id)
    return [
        *workspace.brand_words,
        *(watch.value for watch in added if watch.kind is WatchKind.WORDS),
    ]


def fresh_entries(watch: Watch, entries: Sequence[FeedEntry]) -> list[FeedEntry]:
    """Entries that are younger than a day before the feed was followed. Those without a date are
    fresh if the feed didn't hold them the last time."""
    since = watch.created_at - FIRST_LOOK_BACK
    undated = set(watch.cursor.get("undated", "").split())
    return [
        entry
        for entry in entries
        if (
            entry.published_at >= since
            if entry.published_at is not None
            else _mark(entry) not in undated
        )
    ]


def matching_entries(entries: Sequence[FeedEntry], words: Sequence[str]) -> list[FeedEntry]:
    """Entries that name the brand or another watched word."""
    return [entry for entry in entries if matching.mentions(f"{entry.title}\n{entry.text}", words)]


def feed_cursor(page: FeedPage) -> dict[str, str]:
    """What the next reading of a feed begins with."""
    cursor = {"undated": " ".join(_mark(e) for e in page.entries if e.published_at is None)}
    if page.etag:
        cursor["etag"] = page.etag
    if page.modified:
        cursor["modified"] = page.modified
    return cursor


def _mark(entry: FeedEntry) -> str:
    return hashlib.blake2s(entry.remote_id.encode(), digest_size=8).hexdigest()


def _as_heard(entry: FeedEntry, now: datetime) -> HeardMention:
    said = entry.text if entry.text.startswith(entry.title) else f"{entry.title}\n{entry.text}"
    return HeardMention(
        remote_id=entry.remote_id,
        kind=MentionKind.FEED,
        author=entry.author,
        author_name=entry.author,
        text=said.strip(),
        url=entry.url,
        posted_at=entry.published_at or now,
        reply_to={},
    )


def _plain_name(name: str) -> str:
    return name.strip().removeprefix("@").casefold()
