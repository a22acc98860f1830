"""Transactions on SQLite that are done in one visit to a thread.

SQLAlchemy's asyncio engine visits aiosqlite's thread four times for each statement. A transaction
whose work waits for nothing but the database can be done there as a whole: that takes a third of
the CPU time (docs/benchmarks.md).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Dialect, Engine, Executable

T = TypeVar("T")


class InThread:
    """As much of an `AsyncConnection` as a transaction's work needs; nothing of it ever waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[..., T], *arguments: Any) -> T:
        return work(self._connection, *arguments)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        with self._connection.begin_nested():
            yield


class WritingThread:
    """A thread with a connection of its own.

    :param engine: a synchronous one, used by nobody else.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writing")

    async def do(self, work: Callable[[InThread], Coroutine[Any, Any, T]]) -> T:
        """Do it in a transaction, to its end even if whoever waits for it is cancelled.

        :raises RuntimeError: the work waits for something else; it is rolled back.
        """
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._thread, self._do, work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise

    def _do(self, work: Callable[[InThread], Coroutine[Any, Any, T]]) -> T:
        with self._engine.begin() as connection:
            return _to_its_end(work(InThread(connection)))

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()


def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a transaction's work waits for something else than the database")
