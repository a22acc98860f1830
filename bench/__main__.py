"""`make bench`: start times and memory, side by side with a bare Bolt app in the same run."""

import asyncio
import platform
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from bench.stage import ROOT, RUNS, Stage, resident_mb, seconds, staged, started
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


async def main() -> None:
    print(f"{platform.platform()}, Python {platform.python_version()}, {psutil.cpu_count()} cores")
    print(f"Medians of {RUNS} starts.\n")
    with tempfile.TemporaryDirectory() as name:
        await _starts(Path(name))
    with tempfile.TemporaryDirectory() as name:
        await _memory(Path(name))


def _row(what: str, ours: str, peer: str, ratio: str = "") -> None:
    print(f"{what:<52} {ours:>10} {peer:>22} {ratio:>8}")


async def _starts(folder: Path) -> None:
    _row("start", "Socialdesk", "peer", "ratio")
    help_ours = await seconds(["-m", "bot", "--help"], {}, "Socialdesk")
    floor = await seconds(["-c", "print('Python')"], {}, "Python")
    _row("--help until it is printed; Python alone", *_pair(help_ours, floor))
    async with staged(folder / "run") as stage:
        ours = await seconds(["-m", "bot", "run"], stage.environment, "is running")
        bare = await seconds(BARE, stage.environment, "ready")
        _row("run until ready; bare Bolt app until ready", *_pair(ours, bare))
        doctor = await seconds(["-m", "bot", "doctor"], stage.environment, "\n")
        _row("doctor until its first line", f"{doctor:.2f} s", "")
    data = str(folder / "play")
    play = ["-m", "bot", "play", "--port", "0", "--data", data]
    async with started(play, {}, "ready") as (_, first):
        pass
    again = await seconds(play, {}, "ready")
    _row("play until ready: first start, later ones", f"{first:.2f} s", f"{again:.2f} s")
    print()


def _pair(ours: float, peer: float) -> tuple[str, str, str]:
    return f"{ours:.2f} s", f"{peer:.2f} s", f"{ours / peer:.1f}"


async def _memory(folder: Path) -> None:
    _row("resident memory (playground and chart worker apart)", "Socialdesk", "bare Bolt app")
    async with staged(folder) as stage:
        async with started(BARE, stage.environment, "ready") as (bare, _):
            bare_mb = resident_mb(bare)
        async with started(["-m", "bot", "run"], stage.environment, "is running") as (bot, _):
            await asyncio.sleep(5)
            idle = resident_mb(bot)
            _row("idle after start", f"{idle:.0f} MB", f"{bare_mb:.0f} MB", f"{idle / bare_mb:.1f}")
            await _complain(stage)
            await _heard(stage.environment)
            outcome = await stage.slack.people.slash_command(EVA, SOCIAL, "/social digest")
            assert outcome.ok, outcome
            await asyncio.sleep(15)
            _row(f"idle after {MENTIONS} mentions and a digest", f"{resident_mb(bot):.0f} MB", "")


async def _complain(stage: Stage) -> None:
    """People write about the brand on Sandbox; several, because each may only so often."""
    async with httpx.AsyncClient(base_url=f"{stage.address}/sandbox/api") as client:
        for person in PEOPLE:
            login = {"handle": person, "password": f"{person}-sandbox"}
            token = (await client.post("/login", json=login)).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            for number in range(MENTIONS // len(PEOPLE)):
                text = f"{COMPLAINTS[number % len(COMPLAINTS)]} ({number})"
                posted = await client.post("/posts", json={"text": text}, headers=headers)
                posted.raise_for_status()


async def _heard(environment: Mapping[str, str]) -> None:
    """Wait until the bot has classified them all."""
    database = sqlite3.connect(f"{environment['DATA_DIR']}/socialdesk.db")
    async with asyncio.timeout(600):
        while database.execute(COUNT).fetchone()[0] < MENTIONS:  # noqa: ASYNC110  # another process
            await asyncio.sleep(1)
    database.close()


asyncio.run(main())
