"""Engines and transactions, on SQLite and PostgreSQL.

SQLite: WAL, one connection for writers (`BEGIN IMMEDIATE`), others for readers. Python's driver
opens no transaction before a SELECT, which loses updates, so its own handling is switched off
and BEGIN is sent here. PostgreSQL: READ COMMITTED, one pool.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    text,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage import history, notices
from storage.records import HistoryEntry
from storage.rows import Transaction, new_id
from storage.tables import health_probes
from storage.writing_thread import InThread, WritingThread

BUSY_TIMEOUT_S = 15
TURN_TIMEOUT_S = BUSY_TIMEOUT_S * 4  # for a connection, while others have theirs
STOPPED_S = 30
PROBE_BYTES = 65_536  # some 16 pages, more than a transaction of ours usually adds
TRIED_AGAIN_AFTER_S = (0.2, 1, 5, 10)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Transaction:
    connection: AsyncConnection
    noted: list[HistoryEntry] = field(default_factory=list)
    stale_lists: dict[tuple[str, str], datetime] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)


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
            self._thread: WritingThread | None = WritingThread(_sqlite_in_a_thread(self.url))
        else:
            self._writer = self._reader = _postgresql_engine(self.url)
            self._thread = None
        self._turn = asyncio.Lock()  # SQLite takes one writer; the others wait here, in order

    @property
    def file(self) -> Path | None:
        """The SQLite file; None in memory and on a server."""
        name = self.url.database or ""
        return Path(name) if self.is_sqlite and name != ":memory:" else None

    @property
    def engine(self) -> AsyncEngine:
        """The writers' engine."""
        return self._writer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Transaction]:
        """Read and write; committed at the end, rolled back on an exception."""
        async with self._alone(), self._writer.begin() as connection:
            tx = _Transaction(connection)
            yield tx
            await _complete(tx)

    async def at_once(self, work: Callable[[_Transaction], Awaitable[T]]) -> T:
        """A `transaction` for work that waits for nothing but the database: on SQLite it is one
        visit to a thread (``storage/writing_thread.py``). Whoever is cancelled waits for its end.
        """
        if self._thread is None:
            async with self.transaction() as tx:
                return await work(tx)

        async def whole(connection: InThread) -> T:
            tx = _Transaction(cast(AsyncConnection, connection))
            result = await work(tx)
            await _complete(tx)
            return result

        async with self._alone():
            return await self._thread.do(whole)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if not self.is_sqlite:
            yield
            return
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                await self._turn.acquire()
        except TimeoutError as error:
            raise PoolTimeout("others were writing all the time") from error
        try:
            yield
        finally:
            self._turn.release()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[_Transaction]:
        """Read a consistent state without waiting for writers."""
        async with self._reader.begin() as connection:
            tx = _Transaction(connection)
            yield tx
            if tx.noted or tx.stale_lists:
                raise RuntimeError("something is to be written where all is only read")

    async def surely(self, write: Callable[[_Transaction], Awaitable[T]]) -> T:
        """Commit (`at_once`) what happened outside and can't be undone: where the database is away,
        locked or sees a deadlock, the whole transaction is tried again for a while."""
        for pause in TRIED_AGAIN_AFTER_S:
            try:
                return await self.at_once(write)
            except (OperationalError, InterfaceError, PoolTimeout):
                await asyncio.sleep(pause)
        return await self.at_once(write)

    async def now(self, tx: Transaction) -> datetime:
        """The time (UTC) by which work is due: the database's own where it has a server."""
        if self.is_sqlite:
            return self._now()
        moment: datetime = (
            await tx.connection.execute(text("SELECT clock_timestamp()"))
        ).scalar_one()
        return moment.astimezone(UTC)

    async def by_its_clock(self, tx: Transaction, moment: datetime) -> datetime:
        """A moment of this process's clock on the one by which work is due: a wait is as long as
        it was meant, however far apart the two are."""
        if self.is_sqlite:
            return moment
        return moment + (await self.now(tx) - self._now())

    async def problem(self) -> str | None:
        """What is wrong with a migrated database, in a few words without secrets; None: it takes
        writes. Tried by committing a row and its end: that needs free pages, room in the log and
        the right to write, as any work does, and takes a tenth of a millisecond."""
        try:
            async with self.transaction() as tx:
                probe = {"id": new_id(), "filler": bytes(PROBE_BYTES)}
                await tx.connection.execute(insert(health_probes).values(probe))
                await tx.connection.execute(
                    delete(health_probes).where(health_probes.c.id == probe["id"])
                )
        except SQLAlchemyError as error:
            return _in_words(error)
        return None

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()
        if self._thread is not None:
            await self._thread.close()


async def _complete(tx: Transaction) -> None:
    """What is locked last, because it is what most transactions meet at."""
    await notices.edit_lists(tx)
    await history.chain(tx)


def _in_words(error: SQLAlchemyError) -> str:
    """The database's own words; what a driver says of a connection can hold names and places."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        return str(cause)
    diagnosis = getattr(cause, "diag", None)  # psycopg's, which SQLite alone doesn't import
    if diagnosis is not None:
        return diagnosis.message_primary or "it can't be reached"
    return "no connection became free" if isinstance(error, PoolTimeout) else type(error).__name__


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


def _postgresql_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=10, max_overflow=5, pool_pre_ping=True, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # A process that was stopped inside a transaction must not keep its locks for ever.
        connection.cursor().execute(f"SET idle_in_transaction_session_timeout = '{STOPPED_S}s'")
        connection.commit()

    return engine


def _sqlite_engine(url: URL, *, begin: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=TURN_TIMEOUT_S,
        hide_parameters=True,  # what people wrote and what is encrypted stays out of the log
        connect_args={"timeout": BUSY_TIMEOUT_S},
    )

    _as_sqlite_needs(engine.sync_engine, begin)

    @event.listens_for(engine.sync_engine, "invalidate")
    def let_go(connection: Any, _record: Any, _error: BaseException | None) -> None:
        """A task was cancelled in a statement. SQLite closes a connection only when its last
        statement is gone, and that hangs on the cancelled task's traceback: until somebody
        collects it, nobody else could write."""
        connection.run_async(lambda driver: asyncio.shield(driver.rollback()))

    return engine


def _sqlite_in_a_thread(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite"),
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_S},
    )
    _as_sqlite_needs(engine, "BEGIN IMMEDIATE")
    return engine


def _as_sqlite_needs(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
