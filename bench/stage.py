"""Processes that are timed until they are ready, and what the bot needs to run."""

import asyncio
import contextlib
import os
import socket
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

from bot.bootstrap import build_services, open_networks
from bot.clock import Clock
from bot.playground.play import play_settings, playground
from bot.playground.seed import TEAM
from bot.playground.slack import Slack
from bot.playground.starting_point import furnish
from bot.settings import read_settings
from storage import workspaces
from storage.database import Database
from storage.migrations import migrate

ROOT = Path(__file__).parent.parent
RUNNING = "is running"
SECRET = "the signing secret"


@dataclass(frozen=True, slots=True)
class Stage:
    """A served playground, and the environment a bot needs in it."""

    slack: Slack
    address: str
    folder: Path
    environment: Mapping[str, str]


@contextlib.asynccontextmanager
async def staged(folder: Path, *, http_port: int | None = None) -> AsyncIterator[Stage]:
    """A playground whose workspace is set up; the bot's database lies in ``folder``.

    :param http_port: where the bot takes signed HTTP; None: Socket Mode.
    """
    request_url = None if http_port is None else f"http://127.0.0.1:{http_port}/slack/events"
    async with playground(folder, 0, {}, request_url=request_url) as (slack, address):
        play_settings(slack, address, folder, {})  # makes the key
        app = slack.workspace.app
        given = {
            "DATA_DIR": str(folder),
            "SECRET_KEY": (folder / "secret.key").read_text(),
            "SLACK_BOT_TOKEN": app.bot_token,
            "SLACK_API_URL": f"{address}/api/",
            "SANDBOX_URL": f"{address}/sandbox",
            "ALLOW_PRIVATE_ADDRESSES": "true",
            "POLL_SECONDS": "3",
        }
        if http_port is None:
            given["SLACK_APP_TOKEN"] = app.app_token
        else:
            given |= {"SLACK_SIGNING_SECRET": app.signing_secret, "HTTP_PORT": str(http_port)}
        await _furnish(given)
        yield Stage(slack, address, folder, given)


async def prepared(folder: Path, network: str, database_url: str) -> Mapping[str, str]:
    """The environment of a bot whose Slack and whose Sandbox are the slow network; its database
    is set up."""
    given = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
        "SECRET_KEY": Fernet.generate_key().decode(),
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": f"{network}/slack/",
        "SANDBOX_URL": network,
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "HTTP_PORT": "1",  # each process gets its own
    }
    await _furnish(given)
    return given


async def _furnish(given: Mapping[str, str]) -> None:
    settings = read_settings(given, dotenv=Path("/nonexistent"))
    database = Database(settings.database_url)
    await migrate(database)
    async with database.transaction() as tx:
        await workspaces.ensure(tx, TEAM.id, TEAM.name, datetime.now(UTC))
    async with open_networks(settings) as networks:
        services = build_services(settings, database, Clock(), networks)
        await furnish(services, TEAM.id)
    await database.close()


def free_port() -> int:
    """A TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Started:
    """A process that is ready: what it said until then, and the seconds it took."""

    process: Process
    said: str
    seconds: float
    address: str = ""  # where a bot takes Slack's requests

    def resident_mb(self) -> float:
        """Its resident memory, its children apart."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6

    def cpu_s(self) -> float:
        """The CPU it has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


@contextlib.asynccontextmanager
async def started(
    arguments: Sequence[str], environment: Mapping[str, str], sign: str
) -> AsyncIterator[Started]:
    """A Python process that has printed ``sign``; ended afterwards."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        cwd=environment.get("DATA_DIR", ROOT),
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        said = b""
        while sign.encode() not in said:
            line = await process.stdout.readline()
            if not line:
                raise RuntimeError(f"{arguments} ended early:\n{said.decode()}")
            said += line
        reading = asyncio.create_task(_drain(process.stdout))
        yield Started(process, said.decode(), time.perf_counter() - begun)
        reading.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def running_bot(environment: Mapping[str, str]) -> AsyncIterator[Started]:
    """`run` of a `prepared` bot, on a port of its own."""
    own = {**environment, "HTTP_PORT": str(free_port())}
    async with started(["-m", "bot", "run"], own, RUNNING) as bot:
        yield replace(bot, address=f"http://127.0.0.1:{own['HTTP_PORT']}/slack/events")


async def said_by(arguments: Sequence[str], told: str) -> str:
    """What a Python process printed until its end, given this input.

    :raises RuntimeError: it failed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=PIPE,
        stdout=PIPE,
    )
    said, _ = await process.communicate(told.encode())
    if process.returncode:
        raise RuntimeError(f"{arguments} failed.")
    return said.decode()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


async def seconds(
    arguments: Sequence[str], environment: Mapping[str, str], sign: str, runs: int
) -> float:
    """The median time until the sign, of several starts."""
    taken = []
    for _ in range(runs):
        async with started(arguments, environment, sign) as process:
            taken.append(process.seconds)
    return statistics.median(taken)
