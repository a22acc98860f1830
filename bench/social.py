"""The slow network (``slow_network.py``) as a process beside the bench, and PostgreSQL."""

import contextlib
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from bench.stage import started
from tests.servers.postgres import PROGRAM
from tests.servers.process import ServerProcess


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network saw; times are Unix times, ``first`` the earliest 100 arrivals. ``shown``
    are messages to one person, taken as Slack."""

    requests: int
    answered: int
    posts: int
    doubled: int
    first: Sequence[float]
    answered_at: float
    shown: int


class SlowNetwork:
    """The running network."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self.address = address
        self._client = client

    async def seen(self) -> Seen:
        answer: dict[str, Any] = (await self._client.get("/seen")).json()
        return Seen(**answer)

    async def forget(self) -> None:
        await self._client.delete("/seen")


@contextlib.asynccontextmanager
async def slow_network() -> AsyncIterator[SlowNetwork]:
    """Start it; ended afterwards."""
    async with started(["-m", "bench.slow_network"], {}, "\n") as process:
        address = process.said.strip()
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            yield SlowNetwork(address, client)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database on a PostgreSQL that keeps what it promises to keep."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess([sys.executable, PROGRAM, "embedded"], folder=Path(folder)) as server,
    ):
        url = server.ready["url"]
        name = f"bench_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET ALL")  # the tests' server waits for no disk
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
