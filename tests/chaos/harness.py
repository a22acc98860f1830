"""Lets a plan happen: servers, processes, incidents; then waits until nothing is going on."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import select

from bot.settings import Settings, read_settings
from storage.database import Database
from storage.records import Delivery, DeliveryState, HistoryEntry, Notice, NoticeState, Post
from storage.rows import many
from storage.tables import deliveries, history, notices, posts
from tests.chaos.networks import REGISTRY
from tests.chaos.plan import Incident, Plan, What
from tests.chaos.social import MARK
from tests.chaos.stock import Stock, fill, soon
from tests.chaos.verdict import Seen, Stopped, Verdict, judge
from tests.servers.process import ServerProcess

ROOT = Path(__file__).parents[2]
ENDED = frozenset({DeliveryState.PUBLISHED, DeliveryState.FAILED, DeliveryState.UNKNOWN})
SERVED = frozenset({NoticeState.SENT, NoticeState.BROKEN})
PACE_S = 0.5  # between two looks at the database


@dataclass(slots=True)
class Bot:
    """One of the processes; started again whenever it ends, until `retire`."""

    number: int
    folder: Path
    environment: Mapping[str, str]
    port: int
    stops: list[Stopped]
    deaths: Counter[int] = field(default_factory=Counter)
    interrupted: set[int] = field(default_factory=set)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _process: Process | None = None
    _stays: bool = True

    async def live(self) -> None:
        """One life after the other; ends by being cancelled or retired."""
        with (self.folder / f"bot-{self.number}.log").open("ab") as log:
            while self._stays:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.chaos.process"),
                    cwd=self.folder,
                    env={
                        **self.environment,
                        "HTTP_PORT": str(self.port),
                        "PYTHONPATH": str(ROOT),
                        "CHAOS_PARENT": str(os.getpid()),
                    },
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=PIPE,
                    stderr=log,
                )
                assert self._process.stdout is not None
                if await self._process.stdout.readline():
                    self.ready.set()
                self.deaths[await self._process.wait()] += 1
                self.ready.clear()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def health(self) -> str:
        """Where it says how it is."""
        return f"http://127.0.0.1:{self.port}/health"

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def limit_files(self, size: int) -> None:
        """How far it can write into any file, in bytes; `resource.RLIM_INFINITY`: as it likes."""
        self.interrupted.add(self.pid)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def limit_pages(self, *, is_full: bool) -> None:
        """Let its database grow no further, or as it likes again."""
        self._signal(signal.SIGUSR1 if is_full else signal.SIGUSR2)

    async def stop_for(self, seconds: float) -> None:
        """Let it stand still. When it goes on is noted from the last moment before."""
        process, since = self._process, time.monotonic()
        self._signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        if process is not None and process is self._process:
            self.stops.append(Stopped(process.pid, since, time.monotonic()))
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self.interrupted.add(self._process.pid)
            # Not `send_signal`, which looks after the child and takes its end from asyncio.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def retire(self) -> int | None:
        """Stop it in order; its exit code, None if it had to be killed after 30 s."""
        self._stays = False
        process = self._process
        if process is None or process.returncode is not None:
            return 0
        self._signal(signal.SIGCONT)
        process.terminate()
        try:
            async with asyncio.timeout(30):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            return None


@dataclass(slots=True)
class Chaos:
    """A run that is going on."""

    plan: Plan
    folder: Path
    settings: Settings
    database: Database
    bots: Sequence[Bot]
    stock: Stock
    social: str
    slack: str
    stops: list[Stopped] = field(default_factory=list)

    async def all_ready(self) -> None:
        for bot in self.bots:
            async with asyncio.timeout(60):
                await bot.ready.wait()

    async def happen(self) -> None:
        """Let the plan's incidents happen, each at its moment."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for incident in self.plan.incidents:
                await asyncio.sleep(max(0.0, begun + incident.after_s - time.monotonic()))
                self._befall(incident, group)

    def _befall(self, incident: Incident, group: asyncio.TaskGroup) -> None:
        bot = self.bots[incident.process]
        if incident.what is What.KILLED:
            bot.kill()
        else:
            group.create_task(bot.stop_for(incident.lasting_s))

    async def calm(self, within_s: float) -> None:
        """Wait until nothing is going on any more; as long as that lasts at most."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            async with self.database.reading() as tx:
                going = await tx.connection.execute(
                    select(deliveries.c.id).where(deliveries.c.state.not_in(ENDED)).limit(1)
                )
                owed = await tx.connection.execute(
                    select(notices.c.id).where(notices.c.state.not_in(SERVED)).limit(1)
                )
                if going.first() is None and owed.first() is None:
                    return
            await asyncio.sleep(PACE_S)

    async def all_are_well(self) -> bool:
        """Whether every process says so of itself."""
        return set(await self._health()) == {200}

    async def none_is_well(self) -> bool:
        """Whether those that are up say so: a process that starts meanwhile isn't there at all."""
        statuses = set(await self._health())
        return statuses <= {503, None} and 503 in statuses

    async def _health(self) -> list[int | None]:
        statuses: list[int | None] = []
        async with httpx.AsyncClient() as client:
            for bot in self.bots:
                try:
                    statuses.append((await client.get(bot.health)).status_code)
                except httpx.TransportError:
                    statuses.append(None)
        return statuses

    async def asked(self) -> Sequence[Mapping[str, Any]]:
        """The social server's log."""
        async with httpx.AsyncClient(timeout=60) as client:
            entries: list[dict[str, Any]] = (await client.get(f"{self.social}/log")).json()
        return entries

    async def seen(self) -> Seen:
        """What there is to be judged now."""
        async with httpx.AsyncClient(timeout=60) as client:
            told = (await client.get(f"{self.slack}/told")).json()
            uploads = (await client.get(f"{self.social}/uploads")).json()
        async with self.database.reading() as tx:
            all_deliveries = await many(tx, Delivery, select(deliveries))
            authors = {post.id: post.author_id for post in await many(tx, Post, select(posts))}
        apart = time.time() - time.monotonic()
        return Seen(
            planned=self.stock.deliveries,
            deliveries={each.id: each for each in all_deliveries},
            authors={each.id: authors[each.post_id] for each in all_deliveries},
            due={each.id: each.due_at.timestamp() - apart for each in all_deliveries},
            asked=await self.asked(),
            told=told,
            uploads=uploads,
            stops=self.stops,
            interrupted={pid for bot in self.bots for pid in bot.interrupted},
        )

    async def verdict(self) -> Verdict:
        """What came of it, once it is calm (or long after it should be)."""
        await self.calm(within_s=180 + len(self.plan.posts) / 10)
        return judge(await self.seen())

    async def report(self, verdict: Verdict, *, at_most: int = 5) -> str:
        """Everything that is known of what went wrong."""
        seen = await self.seen()
        lines = [
            f"seed {self.plan.seed!r}: {len(verdict.wrong)} of {len(seen.planned)} deliveries "
            f"are not as promised (kept in {self.folder})",
            *verdict.elsewhere,
        ]
        for delivery_id, wrong in list(verdict.wrong.items())[:at_most]:
            lines += ["", *await self._story(delivery_id, wrong, seen)]
        return "\n".join(lines)

    async def _story(self, delivery_id: str, wrong: Sequence[str], seen: Seen) -> list[str]:
        planned, delivery = seen.planned[delivery_id], seen.deliveries[delivery_id]
        async with self.database.reading() as tx:
            past = await many(
                tx,
                HistoryEntry,
                select(history).where(history.c.subject_id == delivery.post_id),
            )
            owed = await many(
                tx, Notice, select(notices).where(notices.c.subject_id == delivery.post_id)
            )
        asked = [each for each in seen.asked if each["mark"] in planned.marks]
        told = [each for each in seen.told if each["to"] == seen.authors[delivery_id]]
        return [
            *(f"WRONG: {each}" for each in wrong),
            f"  {planned}",
            f"  {delivery}",
            *(f"  asked {_without(each, 'network', 'account', 'text')}" for each in asked),
            *(f"  past  {each.at:%T.%f} {each.action} {each.detail}" for each in past),
            *(f"  owed  {each}" for each in owed),
            *(f"  told  {_without(each, 'blocks')} {_marks(each)}" for each in told),
            *(f"  stop  {each}" for each in seen.stops if _concerns(each, asked)),
        ]


def _marks(message: Mapping[str, Any]) -> list[str]:
    """The posts that a message is about."""
    return [mark[0] for mark in MARK.finditer(message["blocks"])]


def _concerns(stop: Stopped, asked: Sequence[Mapping[str, Any]]) -> bool:
    return any(each["process"] == stop.process for each in asked)


def _without(each: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in each.items() if name not in names}


@contextlib.asynccontextmanager
async def staged(
    plan: Plan, database_url: str, folder: Path, *, processes: int, **settings: str
) -> AsyncIterator[Chaos]:
    """The servers, a filled database and the processes, all of which end with the block.

    :param database_url: of an empty database.
    :param settings: further ones of the processes.
    """
    with (
        _server(folder / "social", "social", plan.seed) as social,
        _server(folder / "slack", "slack", plan.seed, str(plan.authors)) as slack,
    ):
        environment = _environment(database_url, folder, social.ready["url"], slack.ready)
        read = read_settings(environment, folder / "none", REGISTRY)
        stock = await fill(read, plan, slack.ready["authors"], soon())
        stops: list[Stopped] = []
        bots = [
            Bot(number, folder, environment | settings, _free_port(), stops)
            for number in range(processes)
        ]
        lives = [asyncio.create_task(bot.live()) for bot in bots]
        database = Database(database_url)
        try:
            yield Chaos(
                plan,
                folder,
                read,
                database,
                bots,
                stock,
                social.ready["url"],
                slack.ready["url"],
                stops,
            )
        finally:
            codes = await asyncio.gather(*(bot.retire() for bot in bots))
            await asyncio.gather(*lives)
            await database.close()
        assert codes == [0] * processes, f"stops in order ended with {codes}"


def _server(folder: Path, name: str, *arguments: str) -> ServerProcess:
    return ServerProcess(
        [sys.executable, "-m", f"tests.chaos.{name}", *arguments],
        folder=folder,
        environment={"PYTHONPATH": str(ROOT)},
    )


def _environment(
    database_url: str, folder: Path, social: str, slack: Mapping[str, Any]
) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "SECRET_KEY": Fernet.generate_key().decode(),
        "SLACK_BOT_TOKEN": slack["token"],
        "SLACK_SIGNING_SECRET": slack["secret"],
        "SLACK_API_URL": f"{slack['url']}/api/",
        "HTTP_PORT": "1",  # each process gets its own
        "POLL_SECONDS": "60",
        **{network.settings[0].variable: social for network in REGISTRY},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
