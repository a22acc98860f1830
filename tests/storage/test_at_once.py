"""Transactions that are one visit to a thread on SQLite keep the same rules."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from storage import history, workspaces
from storage.database import Database
from storage.rows import Transaction
from tests.servers.eventually import eventually
from tests.storage.test_database import NOW

VALUE = text("SELECT value FROM counters")


@pytest.fixture
async def counter(database: Database) -> Database:
    return await counting(database)


async def counting(database: Database) -> Database:
    async with database.transaction() as tx:
        await tx.connection.execute(text("CREATE TABLE counters (id INTEGER, value INTEGER)"))
        await tx.connection.execute(text("INSERT INTO counters VALUES (1, 0)"))
    return database


async def value(database: Database) -> int:
    async with database.reading() as tx:
        found: int = (await tx.connection.execute(VALUE)).scalar_one()
    return found


async def test_both_kinds_of_writers_take_turns(counter: Database) -> None:
    for_update = "" if counter.is_sqlite else " FOR UPDATE"

    async def up(tx: Transaction) -> None:
        found = (await tx.connection.execute(text(f"{VALUE.text}{for_update}"))).scalar_one()
        new = {"value": found + 1}
        await tx.connection.execute(text("UPDATE counters SET value = :value"), new)

    async def count(number: int) -> None:
        for _ in range(20):
            if number % 2:
                await counter.at_once(up)
            else:
                async with counter.transaction() as tx:
                    await up(tx)

    await asyncio.gather(*(count(number) for number in range(64)))
    assert await value(counter) == 64 * 20


async def test_an_exception_rolls_back(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        await workspaces.ensure(tx, "T1", "Acorn", NOW)
        raise KeyError

    with pytest.raises(KeyError):
        await database.at_once(work)
    async with database.reading() as tx:
        assert await workspaces.get(tx, "T1") is None


async def test_its_entries_of_the_record_are_chained(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        await workspaces.ensure(tx, "T1", "Acorn", NOW)
        await history.note(tx, "T1", "subject", None, "happened", NOW)

    await database.at_once(work)
    async with database.reading() as tx:
        [entry] = await history.of_subject(tx, "subject")
    assert entry.action == "happened"


async def test_a_savepoint_is_undone_alone(counter: Database) -> None:
    async def work(tx: Transaction) -> None:
        await tx.connection.execute(text("UPDATE counters SET value = 1"))
        with pytest.raises(KeyError):
            async with tx.connection.begin_nested():
                await tx.connection.execute(text("UPDATE counters SET value = 2"))
                raise KeyError

    await counter.at_once(work)
    assert await value(counter) == 1


async def test_work_that_waits_for_something_else_is_a_bug(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")

    async def work(tx: Transaction) -> None:
        await tx.connection.execute(text("CREATE TABLE things (id INTEGER)"))
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for something else"):
        await database.at_once(work)
    async with database.reading() as tx:
        found = await tx.connection.execute(text("SELECT name FROM sqlite_master"))
        assert found.all() == []
    await database.close()


async def test_the_loop_goes_on_while_the_file_is_locked_from_outside(tmp_path: Path) -> None:
    counter = await counting(Database(f"sqlite:///{tmp_path / 'a.db'}"))
    outside = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")

    async def up(tx: Transaction) -> None:
        assert threading.current_thread() is not threading.main_thread()
        await tx.connection.execute(text("UPDATE counters SET value = 5"))

    writing = asyncio.create_task(counter.at_once(up))
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert not writing.done()
    assert await value(counter) == 0
    outside.execute("ROLLBACK")
    outside.close()
    await writing
    assert await value(counter) == 5
    await counter.close()


async def test_an_error_of_the_database_is_what_it_is_elsewhere(counter: Database) -> None:
    async def work(tx: Transaction) -> None:
        await tx.connection.execute(text("UPDATE nothing SET value = 1"))

    with pytest.raises(OperationalError if counter.is_sqlite else Exception, match="nothing"):
        await counter.at_once(work)


async def test_closing_ends_its_thread(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")

    async def work(tx: Transaction) -> str:
        return threading.current_thread().name

    name = await database.at_once(work)
    await database.close()

    async def is_gone() -> bool:
        return name not in {thread.name for thread in threading.enumerate()}

    assert await eventually(is_gone)
