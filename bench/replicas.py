"""Replicas: several real processes share one PostgreSQL, with no leader and nothing doubled."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bench.filling import clear, schedule_soon
from bench.page import Section, Table
from bench.social import Seen, SlowNetwork, postgresql, slow_network
from bench.stage import prepared, running_bot
from storage.database import Database

PROCESSES = (1, 2, 4)
POSTS = 2_000

HOW = """Posts due in the same second, published by one, two and four processes on one PostgreSQL;
PostgreSQL, the network and all processes share the machine's cores. *Doubled* is counted at the
network: posts with the same text under two keys."""


async def measure(runs: int, posts: int = POSTS) -> Section:
    """Each number of processes in turn, several times."""
    rates: dict[int, list[float]] = {count: [] for count in PROCESSES}
    seen: dict[int, list[Seen]] = {count: [] for count in PROCESSES}
    async with slow_network() as network:
        with tempfile.TemporaryDirectory() as name, postgresql() as url:
            environment = await prepared(Path(name), network.address, url)
            for _ in range(runs):
                for count in PROCESSES:
                    took_s, saw = await _publish(network, environment, count, posts)
                    rates[count].append(posts / took_s)
                    seen[count].append(saw)
                    print(f"  {count} processes: {posts / took_s:.0f}/s", flush=True)
    one = statistics.median(rates[1])
    return Section("Replicas", HOW, [_table(rates, seen, one, posts)])


def _table(
    rates: Mapping[int, Sequence[float]],
    seen: Mapping[int, Sequence[Seen]],
    one: float,
    posts: int,
) -> Table:
    rows = [
        [
            f"{count} on PostgreSQL, {posts:,} posts",
            f"{statistics.median(rates[count]):.0f}",
            f"{statistics.median(rates[count]) / one:.2f}",
            str(sum(saw.doubled for saw in seen[count])),
            str(sum(saw.posts for saw in seen[count])),
        ]
        for count in PROCESSES
    ]
    return Table(["processes", "deliveries a second", "of one's", "doubled", "of"], rows)


async def _publish(
    network: SlowNetwork, environment: Mapping[str, str], count: int, posts: int
) -> tuple[float, Seen]:
    """The seconds from the due time to the last answer, and what the network saw."""
    database = Database(environment["DATABASE_URL"])
    await clear(database)
    async with AsyncExitStack() as stack:
        starting = (stack.enter_async_context(running_bot(environment)) for _ in range(count))
        await asyncio.gather(*starting)
        due = await schedule_soon(database, posts)
        await database.close()
        await network.forget()
        await asyncio.sleep(due - time.time())
        seen = await network.seen()
        async with asyncio.timeout(300):
            while seen.answered < posts:
                await asyncio.sleep(0.05)
                seen = await network.seen()
        await asyncio.sleep(0.5)  # one too many would come now
        seen = await network.seen()
    if seen.posts != posts:
        raise RuntimeError(f"{seen.posts} posts arrived instead of {posts}.")
    return seen.answered_at - due, seen
