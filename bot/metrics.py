"""Snapshots of every connected account and its live posts, every hour and before a digest."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.accounts import Accounts, mark_expired
from bot.clock import Clock
from bot.errors import Expired, NetworkError, NotFound
from bot.networks.base import Measured, Measures
from bot.periods import day_start
from storage import accounts, deliveries, occurrences, snapshots, workspaces
from storage.database import Database
from storage.records import Account, AccountState, Delivery, Snapshot, Workspace
from storage.rows import new_id

TICK = timedelta(minutes=5)  # a new account doesn't wait for the full hour
HOUR = timedelta(hours=1)
FRESH = timedelta(seconds=10)  # numbers of this age are new enough for a digest
MEASURED_FOR = timedelta(days=30)  # after that a post's numbers hardly move
KEPT_WHOLE_DAYS = 3  # then a day's first and newest snapshot are enough
_THINNED_DAYS = 40  # how far back a bot that was off for long looks for what to thin
_POSTS_AT_ONCE = 100
_MOST_POSTS = 1000
_ACCOUNTS_AT_ONCE = 5
_JOB = "numbers"

log = logging.getLogger(__name__)


class Metrics:
    """Takes snapshots. Each is claimed, so that several processes measure once."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._notices = clock.alarm("notices")
        self._room = asyncio.Semaphore(_ACCOUNTS_AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()

    async def measure_due(self) -> None:
        """Measure what nobody has measured in this hour; once a day thin what is old."""
        await asyncio.shield(self._begin(self._measure_hour()))

    async def refresh(self, workspace_id: str, patience: timedelta) -> None:
        """Measure a workspace's accounts now, unless that was done seconds ago. What takes longer
        than ``patience`` goes on in the background."""
        task = self._begin(self._measure_all(workspace_id, "fresh", FRESH))
        await asyncio.wait({task}, timeout=patience.total_seconds())

    async def drain(self, limit_s: float) -> None:
        """Wait for what is being measured."""
        if self._running:
            await asyncio.wait(self._running, timeout=limit_s)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Never cut off in the middle: a network may just have handed out new credentials."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("Taking numbers failed.", exc_info=task.exception())

    async def _measure_hour(self) -> None:
        async with self._database.reading() as tx:
            known = await workspaces.every(tx)
        for workspace in known:
            await self._measure_all(workspace.id, "hour", HOUR)
            await self._thin(workspace)

    async def _measure_all(self, workspace_id: str, kind: str, period: timedelta) -> None:
        now = self._clock.now()
        job, occurrence = f"{_JOB}:{kind}", _slot(now, period)
        async with self._database.reading() as tx:
            active = [
                account
                for account in await accounts.of_workspace(tx, workspace_id)
                if account.state is AccountState.ACTIVE
                and not await occurrences.is_claimed(tx, f"{job}:{account.id}", occurrence)
            ]
        claimed = []
        for account in active:
            async with self._database.transaction() as tx:
                if await occurrences.claim(tx, f"{job}:{account.id}", occurrence, now):
                    claimed.append(account)
        await asyncio.gather(*(self._measure_safely(account) for account in claimed))

    async def _measure_safely(self, account: Account) -> None:
        """Trouble of one account never stops others; its numbers stay unknown for a while."""
        try:
            async with self._room:
                await self._measure(account)
        except Expired as error:
            async with self._database.transaction() as tx:
                await mark_expired(tx, account, str(error), self._clock.now())
            self._notices.ring()
        except (NetworkError, NotFound) as error:
            log.warning("%s gave no numbers: %s.", account.handle, error)
        except Exception:  # the boundary of an account: a network file's bug is its own
            log.exception("Measuring %s failed.", account.handle)

    async def _measure(self, account: Account) -> None:
        network = self._accounts.network(account)
        if not isinstance(network, Measures):
            return
        session = self._accounts.session(account)
        since = self._clock.now() - MEASURED_FOR
        async with self._database.reading() as tx:
            found = await deliveries.live(tx, account.id, since, _MOST_POSTS)
        live = [delivery for delivery in found if delivery.remote_id]
        for start in range(0, max(1, len(live)), _POSTS_AT_ONCE):
            batch = live[start : start + _POSTS_AT_ONCE]
            measured = await network.measure(session, [one.remote_id or "" for one in batch])
            await self._keep(account, batch, measured, with_account=start == 0)

    async def _keep(
        self,
        account: Account,
        batch: Sequence[Delivery],
        measured: Measured,
        *,
        with_account: bool,
    ) -> None:
        """Keep the account's numbers, and those of posts that moved."""
        now = self._clock.now()

        def snapshot(delivery_id: str | None, numbers: dict[str, int]) -> Snapshot:
            return Snapshot(new_id(), account.workspace_id, account.id, delivery_id, now, numbers)

        async with self._database.transaction() as tx:
            known = await snapshots.newest_of_posts(tx, account.id)
            taken = [snapshot(None, dict(measured.account))] if with_account else []
            for delivery in batch:
                numbers = measured.posts.get(delivery.remote_id or "")
                if numbers is not None and dict(numbers) != known.get(delivery.id):
                    taken.append(snapshot(delivery.id, dict(numbers)))
            await snapshots.insert_all(tx, taken)

    async def _thin(self, workspace: Workspace) -> None:
        """Of each day that is long enough ago keep each subject's first and newest snapshot.

        Days are the workspace's: its digests ask for numbers at their edges.
        """
        zone = ZoneInfo(workspace.zone)
        today = self._clock.now().astimezone(zone).date()
        midnight = day_start(today, zone)
        before = day_start(today - timedelta(days=KEPT_WHOLE_DAYS), zone)
        since = day_start(today - timedelta(days=_THINNED_DAYS), zone)
        async with self._database.reading() as tx:
            if await occurrences.is_claimed(tx, f"{_JOB}:thin:{workspace.id}", midnight):
                return
        async with self._database.transaction() as tx:
            job = f"{_JOB}:thin:{workspace.id}"
            if not await occurrences.claim(tx, job, midnight, self._clock.now()):
                return
            by_day: dict[tuple[str, object], list[str]] = defaultdict(list)
            for snapshot_id, subject, taken_at in await snapshots.taken_before(
                tx, workspace.id, before, since=since
            ):
                by_day[subject, taken_at.astimezone(zone).date()].append(snapshot_id)
            between = [one for taken in by_day.values() for one in taken[1:-1]]
            await snapshots.forget(tx, between)
            await occurrences.forget(tx, _JOB, before)


def _slot(moment: datetime, period: timedelta) -> datetime:
    """The beginning of the period a moment lies in: all processes name it alike."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(period.total_seconds()), UTC)
