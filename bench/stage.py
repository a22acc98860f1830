"""A playground for the bot under measurement, and processes that are timed until they are ready."""

import asyncio
import contextlib
import os
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bot.bootstrap import build_services, open_networks
from bot.clock import Clock
from bot.playground.app_record import App
from bot.playground.play import play_settings, playground
from bot.playground.seed import TEAM
from bot.playground.slack import Slack
from bot.playground.starting_point import furnish
from bot.settings import read_settings
from storage import workspaces
from storage.database import Database
from storage.migrations import migrate

ROOT = Path(__file__).parent.parent
RUNS = 5


@dataclass(frozen=True, slots=True)
class Stage:
    """A served playground, and the environment a bot needs in it."""

    slack: Slack
    address: str
    folder: Path
    database_url: str
    environment: Mapping[str, str]


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    *,
    database_url: str | None = None,
    sandbox: str | None = None,
    http_port: int | None = None,
) -> AsyncIterator[Stage]:
    """A playground whose workspace is set up.

    :param database_url: the bot's database; None: an SQLite file in ``folder``.
    :param sandbox: the address of another server than the playground's Sandbox.
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
            "SANDBOX_URL": sandbox or f"{address}/sandbox",
            "ALLOW_PRIVATE_ADDRESSES": "true",
            "POLL_SECONDS": "3",
            "DATABASE_URL": database_url or f"sqlite:///{folder / 'socialdesk.db'}",
            **_way_in(app, http_port),
        }
        settings = read_settings(given, dotenv=folder / "none")
        database = Database(settings.database_url)
        await migrate(database)
        async with database.transaction() as tx:
            await workspaces.ensure(tx, TEAM.id, TEAM.name, datetime.now(UTC))
        async with open_networks(settings) as networks:
            services = build_services(settings, database, Clock(), networks)
            await furnish(services, TEAM.id)
        await database.close()
        yield Stage(slack, address, folder, given["DATABASE_URL"], given)


def _way_in(app: App, http_port: int | None) -> Mapping[str, str]:
    if http_port is None:
        return {"SLACK_APP_TOKEN": app.app_token}
    return {"SLACK_SIGNING_SECRET": app.signing_secret, "HTTP_PORT": str(http_port)}


@contextlib.asynccontextmanager
async def started(
    arguments: Sequence[str], environment: Mapping[str, str], sign: str
) -> AsyncIterator[tuple[Process, float]]:
    """A Python process and the seconds until it printed ``sign``; ended afterwards."""
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
        seen = b""
        while sign.encode() not in seen:
            line = await process.stdout.readline()
            if not line:
                raise RuntimeError(f"{arguments} ended early:\n{seen.decode()}")
            seen += line
        reading = asyncio.create_task(_drain(process.stdout))
        yield process, time.perf_counter() - begun
        reading.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


async def seconds(arguments: Sequence[str], environment: Mapping[str, str], sign: str) -> float:
    """The median time until the sign, of several starts."""
    taken = []
    for _ in range(RUNS):
        async with started(arguments, environment, sign) as (_, time_taken):
            taken.append(time_taken)
    return statistics.median(taken)


def resident_mb(process: Process) -> float:
    """The process's resident memory, its children apart."""
    return float(psutil.Process(process.pid).memory_info().rss) / 1e6
