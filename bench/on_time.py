"""On time: many posts due in the same second, beside APScheduler's job store and bare loops.

What is late is told apart from what takes long: a post that fits the connections should begin at
its second, the others when a connection is free.
"""

import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from bench.filling import clear, schedule_soon
from bench.page import Section, Table
from bench.social import SlowNetwork, postgresql, slow_network
from bench.stage import prepared, running_bot, started
from bot.networks.http import CONNECTIONS
from storage.database import Database, normalised
from storage.records import DeliveryState
from storage.tables import deliveries

SIZES = (1_000, 10_000)
PEERS_CONNECTIONS = (5, 10, 20, 50)  # each peer has what it is quickest with
UNDER_WAY = (DeliveryState.PENDING, DeliveryState.SENDING)

HOW = f"""Posts due in the same second go to a network of its own process that answers each after
50 ms. *Start lateness* is from the due time to a request's arrival there, 99th percentile of the
first that fit the connections; *the whole* is from the due time until the last is answered and
committed. Socialdesk is `run` with everything it does beside, {CONNECTIONS} connections, and for
each post a card in Slack to be edited. The floor is bare httpx loops that remember nothing. The job
store is APScheduler's SQLAlchemyJobStore on the same database, with a date job for each post and
the same call; it deletes a job before it runs, so what a crash interrupts is lost. Both use httpx
as it comes on asyncio's own loop (Socialdesk: uvloop, and aiohttp's connections under httpx's
requests), with the best of {", ".join(map(str, PEERS_CONNECTIONS))} connections, found with the
fewest posts on SQLite."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: start lateness and the whole, in seconds; CPU of the process for a post."""

    lateness: float
    whole: float
    cpu: float = 0


@dataclass(frozen=True, slots=True)
class Best:
    """With how many connections each peer is quickest."""

    floor: int
    store: int


def medians(runs: Sequence[Run]) -> Run:
    return Run(
        statistics.median(run.lateness for run in runs),
        statistics.median(run.whole for run in runs),
        statistics.median(run.cpu for run in runs),
    )


async def measure(runs: int, sizes: Sequence[int] = SIZES) -> Section:
    """All sizes on SQLite, the smallest on PostgreSQL as well."""
    lateness, whole = [], []
    async with slow_network() as network:
        best = await _best(network, sizes[0])
        for size in sizes:
            for place in ("SQLite", "PostgreSQL") if size == sizes[0] else ("SQLite",):
                taken = await _side_by_side(network, place, size, best, runs)
                ours, floor, store = (medians(taken[who]) for who in ("ours", "floor", "store"))
                what = f"{size:,} posts, {place}"
                lateness.append(
                    [
                        what,
                        f"{ours.lateness * 1000:.0f} ms",
                        f"{store.lateness * 1000:,.0f} ms",
                        f"{store.lateness / ours.lateness:.0f}",
                    ]
                )
                whole.append(
                    [
                        what,
                        f"{ours.whole:.1f} s",
                        f"{floor.whole:.1f} s ({best.floor})",
                        f"{ours.whole / floor.whole:.2f}",
                        f"{store.whole:.1f} s ({best.store})",
                        f"{ours.whole / store.whole:.2f}",
                        f"{ours.cpu / size * 1000:.1f} ms",
                    ]
                )
    return Section(
        "On time",
        HOW,
        [
            Table(["start lateness", "Socialdesk", "job store", "times as late"], lateness),
            Table(
                [
                    "the whole",
                    "Socialdesk",
                    "floor (connections)",
                    "ratio",
                    "job store (connections)",
                    "ratio",
                    "our CPU for a post",
                ],
                whole,
            ),
        ],
    )


async def _best(network: SlowNetwork, size: int) -> Best:
    floor, store = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for count in PEERS_CONNECTIONS:
            floor[count] = (await _floor(network, size, count)).whole
            jobs = f"sqlite:///{Path(folder) / 'jobs.db'}"
            store[count] = (await _job_store(network, jobs, size, count)).whole
    print(f"  seconds by connections: floor {floor}, store {store}", flush=True)
    return Best(min(floor, key=floor.__getitem__), min(store, key=store.__getitem__))


async def _side_by_side(
    network: SlowNetwork, place: str, size: int, best: Best, runs: int
) -> Mapping[str, Sequence[Run]]:
    """The three in turn, several times."""
    taken = defaultdict(list)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder / 'socialdesk.db'}"
        if place == "PostgreSQL":
            url = stack.enter_context(postgresql())
        environment = await prepared(folder, network.address, url)
        for _ in range(runs):
            taken["floor"].append(await _floor(network, size, best.floor))
            taken["store"].append(await _job_store(network, url, size, best.store))
            taken["ours"].append(await _ours(network, environment, size))
            for who, run in taken.items():
                print(f"  {size} {place} {who}: {run[-1]}", flush=True)
    return taken


async def _floor(network: SlowNetwork, size: int, connections: int) -> Run:
    due = time.time() + 2
    arguments = ["-m", "bench.bare_workers", network.address, str(size), str(due), str(connections)]
    async with started(arguments, {}, "ready"):
        return await _answered(network, size, due, connections)


async def _job_store(network: SlowNetwork, url: str, size: int, connections: int) -> Run:
    due = time.time() + 4 + size / 2_000
    sync = normalised(url).set(
        drivername="sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
    )
    address = sync.render_as_string(hide_password=False)
    arguments = ["-m", "bench.job_store", address, network.address, str(size), str(due)]
    async with started([*arguments, str(connections)], {}, "ready"):
        return await _answered(network, size, due, connections)


async def _ours(network: SlowNetwork, environment: Mapping[str, str], size: int) -> Run:
    database = Database(environment["DATABASE_URL"])
    await clear(database)
    async with running_bot(environment) as bot:
        due = await schedule_soon(database, size)
        await asyncio.sleep(due - 0.2 - time.time())
        before = bot.cpu_s()
        run = await _answered(network, size, due, CONNECTIONS)
        while await _left(database):  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.01)
        committed, used = time.time() - due, bot.cpu_s() - before
    await database.close()
    return Run(run.lateness, committed, used)


async def _answered(network: SlowNetwork, size: int, due: float, connections: int) -> Run:
    """Wait until the network has answered all, once each."""
    await network.forget()
    await asyncio.sleep(max(0.0, due - time.time()))
    seen = await network.seen()
    async with asyncio.timeout(600):
        while seen.answered < size:
            await asyncio.sleep(0.05)
            seen = await network.seen()
    if seen.posts != size or seen.doubled:
        raise RuntimeError(f"Not each once: {seen.posts} of {size}, {seen.doubled} doubled.")
    fitting = [arrival - due for arrival in seen.first[:connections]]
    lateness = statistics.quantiles(fitting, n=100, method="inclusive")[-1]
    return Run(lateness, seen.answered_at - due)


async def _left(database: Database) -> bool:
    query = select(func.count()).where(deliveries.c.state.in_(UNDER_WAY))
    async with database.reading() as tx:
        return bool((await tx.connection.execute(query)).scalar_one())
