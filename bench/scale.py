"""Scale: start, memory and claiming must not depend on how much is scheduled."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.filling import drop, multiply, schedule
from bench.page import Section, Table
from bench.social import postgresql, slow_network
from bench.stage import prepared, running_bot
from bot.accounts import Accounts, Vault
from bot.attempts import Timing
from bot.claiming import Claimer
from bot.clock import Clock
from bot.networks.sandbox import Sandbox
from bot.publishing import HANDS
from bot.settings import read_settings
from storage.database import Database

SIZES = (10_000, 100_000, 1_000_000)
CLAIMS = 50
AFTER_S = 2  # until its memory is looked at

HOW = f"""Posts scheduled for the coming weeks, each with its revision, delivery and card.
*Ready* is `run` until it says so, *memory* its resident memory {AFTER_S} s later, *claim* the
transaction that takes {HANDS} due deliveries from among all those that aren't (median of
{CLAIMS})."""


@dataclass(frozen=True, slots=True)
class Measured:
    ready_s: float
    memory_mb: float
    claim_ms: float


async def measure(runs: int, sizes: Sequence[int] = SIZES) -> Section:
    """All sizes on both databases; each size is the one before and more."""
    rows: list[Sequence[str]] = []
    async with slow_network() as network:
        for place in ("SQLite", "PostgreSQL"):
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                url = f"sqlite:///{folder / 'socialdesk.db'}"
                if place == "PostgreSQL":
                    url = stack.enter_context(postgresql())
                environment = await prepared(folder, network.address, url)
                found = {size: await _at(environment, size, sizes[0], runs) for size in sizes}
                rows += _rows(place, list(found.values()))
    columns = ["", *(f"{size:,}" for size in sizes), "last / first"]
    return Section("Scale", HOW, [Table(columns, rows)])


def _rows(place: str, found: Sequence[Measured]) -> Sequence[Sequence[str]]:
    def row(what: str, taken: Sequence[float], form: str) -> Sequence[str]:
        return [f"{what}, {place}", *map(form.format, taken), f"{taken[-1] / taken[0]:.2f}"]

    return [
        row("ready", [one.ready_s for one in found], "{:.2f} s"),
        row("memory", [one.memory_mb for one in found], "{:.0f} MB"),
        row("claim", [one.claim_ms for one in found], "{:.1f} ms"),
    ]


async def _at(environment: Mapping[str, str], size: int, first: int, runs: int) -> Measured:
    begun = time.perf_counter()
    database = Database(environment["DATABASE_URL"])
    if size == first:
        later = datetime.now(UTC) + timedelta(days=1)
        await schedule(database, size, later, apart=timedelta(minutes=1))
    else:
        await multiply(database, size // first)
    print(f"  {size:,} filled in {time.perf_counter() - begun:.0f} s", flush=True)
    ready, memory = [], []
    for _ in range(runs):
        async with running_bot(environment) as bot:
            ready.append(bot.seconds)
            await asyncio.sleep(AFTER_S)
            memory.append(bot.resident_mb())
    claim = await _claim_ms(database, environment)
    await database.close()
    measured = Measured(statistics.median(ready), statistics.median(memory), claim)
    print(f"  {size:,}: {measured}", flush=True)
    return measured


async def _claim_ms(database: Database, environment: Mapping[str, str]) -> float:
    """The median time of a claim; what is claimed is given back each time."""
    await schedule(database, 2 * HANDS, datetime.now(UTC), said="Due")
    clock = Clock()
    vault = Vault(read_settings(environment, Path("/nonexistent")).secret_keys)
    claimer = Claimer(database, Accounts(database, {}, vault, clock), clock, Timing())
    taken = []
    for _ in range(CLAIMS):
        begun = time.perf_counter()
        claimed = await claimer.claim(Sandbox.name, HANDS, (), timedelta())
        taken.append(time.perf_counter() - begun)
        if len(claimed) != HANDS:
            raise RuntimeError(f"{len(claimed)} were claimed instead of {HANDS}.")
        await claimer.release([Sandbox.name], besides=())
    await drop(database, "Due")
    return statistics.median(taken) * 1000
