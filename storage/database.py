"""Engines and transactions, on SQLite and PostgreSQL.

SQLite: WAL, one connection for writers (`BEGIN IMMEDIATE`), others for readers. Python's driver
opens no transaction before a SELECT, which loses updates, so its own handling is switched off
and BEGIN is sent here. PostgreSQL: READ COMMITTED, one pool.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.rows import Transaction

BUSY_TIMEOUT_S = 15
TRIED_AGAIN_AFTER_S = (0.2, 1, 5, 10)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Transaction:
    connection: AsyncConnection


class Database:
    """Where everything is remembered. Close it when done.

    :param url: ``sqlite:///path``, ``postgresql://...`` or ``postgres://...``.
    :param now: the clock on SQLite; PostgreSQL's own clock decides what is due there.
    :raises ValueError: the address is none of these.
    """

    def __init__(self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.url = normalised(url)
        self._now = now
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", connections=1)
            self._reader = _sqlite_engine(self.url, begin="BEGIN", connections=4)
        else:
            self._writer = self._reader = create_async_engine(
                self.url, pool_size=10, max_overflow=5, pool_pre_ping=True, hide_parameters=True
            )

    @property
    def engine(self) -> AsyncEngine:
        """The writers' engine, for migrations."""
        return self._writer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Transaction]:
        """Read and write; committed at the end, rolled back on an exception."""
        async with self._writer.begin() as connection:
            yield _Transaction(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[_Transaction]:
        """Read a consistent state without waiting for writers."""
        async with self._reader.begin() as connection:
            yield _Transaction(connection)

    async def surely(self, write: Callable[[_Transaction], Awaitable[T]]) -> T:
        """Commit what happened outside and can't be undone: where the database is away, locked or
        sees a deadlock, the whole transaction is tried again for a while."""
        for pause in TRIED_AGAIN_AFTER_S:
            try:
                async with self.transaction() as tx:
                    return await write(tx)
            except (OperationalError, InterfaceError, PoolTimeout):
                await asyncio.sleep(pause)
        async with self.transaction() as tx:
            return await write(tx)

    async def now(self, tx: Transaction) -> datetime:
        """The time (UTC) by which work is due: the database's own where it has a server."""
        if self.is_sqlite:
            return self._now()
        moment: datetime = (
            await tx.connection.execute(text("SELECT clock_timestamp()"))
        ).scalar_one()
        return moment.astimezone(UTC)

    async def problem(self) -> str | None:
        """What is wrong with the database, in a word or two; None: it reads and writes."""
        try:
            async with self.transaction() as tx:
                await tx.connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            return type(error).__name__
        return None

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def normalised(url: str) -> URL:
    """The address with our drivers, as hosts hand it out or as a person writes it."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError("DATABASE_URL is not an address of a database") from error
    backend = parsed.drivername.split("+")[0]
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database:
        return parsed.set(drivername="sqlite+aiosqlite")
    raise ValueError("DATABASE_URL must begin with sqlite:///, postgresql:// or postgres://")


def _sqlite_engine(url: URL, *, begin: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT_S * 4,
        hide_parameters=True,  # what people wrote and what is encrypted stays out of the log
        connect_args={"timeout": BUSY_TIMEOUT_S},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
