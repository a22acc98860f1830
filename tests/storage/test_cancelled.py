"""A task that is cancelled in a transaction leaves nothing half done and nothing locked."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.rows import Transaction

MOMENTS = 60  # at which it is cancelled: after so many turns of the loop


async def statements(tx: Transaction) -> None:
    """They give rows back, whose reading can be cut off in the middle."""
    await tx.connection.execute(text("INSERT INTO things VALUES (1)"))
    (await tx.connection.execute(text("SELECT * FROM things"))).all()
    (await tx.connection.execute(text("UPDATE things SET id = 2 RETURNING id"))).all()


async def write(database: Database) -> None:
    async with database.transaction() as tx:
        await statements(tx)


async def write_at_once(database: Database) -> None:
    await database.at_once(statements)


@pytest.mark.parametrize("write", [write, write_at_once])
async def test_nobody_is_locked_out_by_a_cancelled_task(
    database: Database, write: Callable[[Database], Coroutine[None, None, None]]
) -> None:
    """Its traceback is kept, as a log or a task may keep it: what hangs on it stays, too."""
    async with database.transaction() as tx:
        await tx.connection.execute(text("CREATE TABLE things (id INTEGER)"))
    tasks = []
    for turns in range(MOMENTS):
        task = asyncio.create_task(write(database))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        tasks.append(task)
        async with database.transaction() as tx:
            left = await tx.connection.execute(text("DELETE FROM things RETURNING id"))
            assert [row.id for row in left] in ([], [2])
    assert any(task.cancelled() for task in tasks)
