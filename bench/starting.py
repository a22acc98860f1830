"""Start times and memory, beside a bare Bolt app."""

import asyncio
import sqlite3
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

import httpx

from bench.page import Section, Table
from bench.stage import ROOT, RUNNING, Stage, seconds, staged, started
from bot.playground.seed import EVA, SOCIAL

MENTIONS = 1000
PEOPLE = ("mia", "tom", "lea", "jonas", "priya")
BARE = [str(ROOT / "bench" / "bare_bolt.py")]
COUNT = "SELECT count(*) FROM mentions"
COMPLAINTS = (
    "@acorn my order never arrived and nobody answers. Terrible!",
    "@acorn the winter roast is lovely, thank you!",
    "@acorn are you open on Sunday?",
    "@acorn third broken cup this month, I want my money back",
)

HOW = """A bare Bolt app (Socket Mode, one command that it acknowledges) is the floor of what a
Slack bot in Python costs. On SQLite; memory is resident, the playground and the chart worker
apart."""


async def measure(runs: int, mentions: int = MENTIONS) -> Section:
    """Start times, then memory before and after work."""
    with tempfile.TemporaryDirectory() as name:
        starts = await _starts(Path(name), runs)
    with tempfile.TemporaryDirectory() as name:
        memory = await _memory(Path(name), mentions)
    return Section("Start and memory", HOW, [starts, memory])


async def _starts(folder: Path, runs: int) -> Table:
    rows = []
    ours = await seconds(["-m", "bot", "--help"], {}, "Socialdesk", runs)
    python = await seconds(["-c", "print('Python')"], {}, "Python", runs)
    rows.append(["`--help` until it is printed; Python alone", *_pair(ours, python)])
    async with staged(folder / "run") as stage:
        ours = await seconds(["-m", "bot", "run"], stage.environment, RUNNING, runs)
        bare = await seconds(BARE, stage.environment, "ready", runs)
        rows.append(["`run` until ready; bare Bolt app until ready", *_pair(ours, bare)])
        doctor = await seconds(["-m", "bot", "doctor"], stage.environment, "\n", runs)
        rows.append(["`doctor` until its first line", f"{doctor:.2f} s", "", ""])
    played = [await _played(folder / f"play-{run}") for run in range(runs)]
    both = [*(f"{statistics.median(took):.2f} s" for took in zip(*played, strict=True)), ""]
    rows.append(["`play` until ready: first start; later ones", *both])
    return Table(["start", "Socialdesk", "peer", "ratio"], rows)


async def _played(folder: Path) -> tuple[float, float]:
    """The seconds of a first start, in a new folder, and of the one after it."""
    play = ["-m", "bot", "play", "--port", "0", "--data", str(folder)]
    return await seconds(play, {}, "ready", 1), await seconds(play, {}, "ready", 1)


def _pair(ours: float, peer: float) -> tuple[str, str, str]:
    return f"{ours:.2f} s", f"{peer:.2f} s", f"{ours / peer:.1f}"


async def _memory(folder: Path, mentions: int) -> Table:
    async with staged(folder) as stage:
        async with started(BARE, stage.environment, "ready") as bare:
            bare_mb = bare.resident_mb()
        async with started(["-m", "bot", "run"], stage.environment, RUNNING) as bot:
            await asyncio.sleep(5)
            idle = bot.resident_mb()
            await _complain(stage, mentions)
            await _heard(stage.environment, mentions)
            outcome = await stage.slack.people.slash_command(EVA, SOCIAL, "/social digest")
            assert outcome.ok, outcome
            await asyncio.sleep(15)
            after = bot.resident_mb()
    rows = [
        ["idle after start", f"{idle:.0f} MB", f"{bare_mb:.0f} MB", f"{idle / bare_mb:.1f}"],
        [f"idle after {mentions:,} classified mentions and a digest", f"{after:.0f} MB", "", ""],
    ]
    return Table(["memory", "Socialdesk", "peer", "ratio"], rows)


async def _complain(stage: Stage, mentions: int) -> None:
    """People write about the brand on Sandbox; several, because each may only so often."""
    async with httpx.AsyncClient(base_url=f"{stage.address}/sandbox/api") as client:
        for person in PEOPLE:
            login = {"handle": person, "password": f"{person}-sandbox"}
            token = (await client.post("/login", json=login)).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            for number in range(mentions // len(PEOPLE)):
                text = f"{COMPLAINTS[number % len(COMPLAINTS)]} ({number})"
                posted = await client.post("/posts", json={"text": text}, headers=headers)
                posted.raise_for_status()


async def _heard(environment: Mapping[str, str], mentions: int) -> None:
    """Wait until the bot has classified them all."""
    database = sqlite3.connect(f"{environment['DATA_DIR']}/socialdesk.db")
    async with asyncio.timeout(600):
        while database.execute(COUNT).fetchone()[0] < mentions:  # noqa: ASYNC110  # another process
            await asyncio.sleep(1)
    database.close()
