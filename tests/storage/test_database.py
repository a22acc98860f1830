"""Transactions, times and the two databases' ways."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, StatementError

from storage import workspaces
from storage.database import STOPPED_S, Database, normalised
from storage.migrations import migrate
from tests.servers.eventually import eventually
from tests.servers.postgres import PostgreSQL

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, UTC)


async def test_64_tasks_counting_up_lose_nothing(database: Database) -> None:
    """SQLite on Python opens no transaction before a SELECT unless it is made to."""
    async with database.transaction() as tx:
        await tx.connection.execute(text("CREATE TABLE counters (id INTEGER, value INTEGER)"))
        await tx.connection.execute(text("INSERT INTO counters VALUES (1, 0)"))
    for_update = "" if database.is_sqlite else " FOR UPDATE"

    async def count() -> None:
        for _ in range(20):
            async with database.transaction() as tx:
                value = (
                    await tx.connection.execute(
                        text(f"SELECT value FROM counters WHERE id = 1{for_update}")
                    )
                ).scalar_one()
                await asyncio.sleep(0)
                await tx.connection.execute(
                    text("UPDATE counters SET value = :value"), {"value": value + 1}
                )

    await asyncio.gather(*(count() for _ in range(64)))
    async with database.reading() as tx:
        value = (await tx.connection.execute(text("SELECT value FROM counters"))).scalar_one()
    assert value == 64 * 20


async def test_an_exception_rolls_back(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            await workspaces.ensure(tx, "T1", "Acorn", NOW)
            raise RuntimeError
    async with database.reading() as tx:
        assert await workspaces.get(tx, "T1") is None


async def test_a_reader_doesnt_wait_for_a_writer(database: Database) -> None:
    async with database.transaction() as writing:
        await workspaces.ensure(writing, "T1", "Acorn", NOW)
        async with asyncio.timeout(2), database.reading() as reading:
            assert await workspaces.get(reading, "T1") is None


async def test_times_come_back_as_the_same_instant_in_utc(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T1", "Acorn", elsewhere)
    async with database.reading() as tx:
        kept = await workspaces.get(tx, "T1")
    assert kept is not None
    assert kept.created_at == NOW
    assert kept.created_at.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        async with database.transaction() as tx:
            await workspaces.ensure(tx, "T1", "Acorn", NOW.replace(tzinfo=None))


async def test_the_server_has_the_clock_and_sqlite_borrows_ours(database: Database) -> None:
    async with database.reading() as tx:
        now = await database.now(tx)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=30)


async def test_a_database_that_works_has_no_problem(database: Database) -> None:
    assert await database.problem() is None


async def test_a_database_that_is_gone_has_one(tmp_path: Path) -> None:
    gone = Database(f"sqlite:///{tmp_path / 'no-such-folder' / 'x.db'}")
    assert await gone.problem() == "unable to open database file"
    await gone.close()
    await eventually(_no_connection_is_ending)


async def _write(database: Database, statement: str) -> None:
    """SQLite has one connection that writes, and keeps it."""
    async with database.transaction() as tx:
        await tx.connection.execute(text(statement))


async def test_a_full_database_has_a_problem_until_there_is_room(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await migrate(database)
    assert await database.problem() is None
    await _write(database, "CREATE TABLE heap (content BLOB)")
    async with database.reading() as tx:
        pages = (await tx.connection.execute(text("PRAGMA page_count"))).scalar_one()
    await _write(database, f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OperationalError, match="full"):
        while True:  # what the probes left free is used first
            await _write(database, "INSERT INTO heap VALUES (randomblob(2000))")
    assert await database.problem() == "database or disk is full"
    await _write(database, f"PRAGMA max_page_count = {pages + 1000}")
    assert await database.problem() is None
    await database.close()


async def test_a_database_that_cannot_be_written_has_a_problem(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await migrate(database)
    await _write(database, "PRAGMA query_only = ON")
    assert await database.problem() == "attempt to write a readonly database"
    await database.close()


async def test_a_server_that_only_reads_or_is_away_is_a_problem(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    await migrate(database)
    assert await database.problem() is None
    async with database.transaction() as tx:
        name = (await tx.connection.execute(text("SELECT current_database()"))).scalar_one()
    with psycopg.connect(postgresql_url.replace(f"/{name}", "/postgres"), autocommit=True) as admin:

        def order(statement: str) -> None:
            admin.execute(statement.encode())
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

        order(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert await database.problem() == "cannot execute INSERT in a read-only transaction"
        order(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert await database.problem() is None
        order(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        assert await database.problem() == "it can't be reached"
        order(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert await database.problem() is None
    await database.close()


async def test_looking_for_a_problem_leaves_nothing(database: Database) -> None:
    for _ in range(3):
        await database.problem()
    async with database.reading() as tx:
        kept = await tx.connection.execute(text("SELECT count(*) FROM health_probes"))
        assert kept.scalar_one() == 0


async def _no_connection_is_ending() -> bool:
    """The driver's thread of a connection that failed ends by itself, and needs the loop for it."""
    return not any("_connection_worker" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgres://u:p@host/db", "postgresql+psycopg"),
        ("postgresql://u:p@host/db", "postgresql+psycopg"),
        ("sqlite:///data/x.db", "sqlite+aiosqlite"),
    ],
)
def test_addresses_are_taken_as_hosts_hand_them_out(given: str, driver: str) -> None:
    assert normalised(given).drivername == driver


@pytest.mark.parametrize("given", ["mysql://host/db", "not an address", "sqlite://"])
def test_other_addresses_are_refused_in_words(given: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL"):
        normalised(given)


async def test_migrating_twice_does_nothing_the_second_time(database_url: str) -> None:
    database = Database(database_url)
    assert await migrate(database) is True
    assert await migrate(database) is False
    await database.close()


async def test_a_process_that_is_stopped_keeps_no_locks_for_ever(postgresql: PostgreSQL) -> None:
    with postgresql.new_database() as url:
        database = Database(url)
        async with database.reading() as tx:
            shown = await tx.connection.execute(text("SHOW idle_in_transaction_session_timeout"))
            assert shown.scalar() == f"{STOPPED_S}s"
        await database.close()
