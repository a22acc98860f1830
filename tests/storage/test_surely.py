"""What happened outside is committed in the end, and what fails shows nobody's content."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from storage.database import Database
from storage.rows import Transaction


@pytest.fixture
async def counters(database: Database) -> Database:
    async with database.transaction() as tx:
        await tx.connection.execute(
            text("CREATE TABLE counters (id INTEGER PRIMARY KEY, value TEXT)")
        )
        for number in (1, 2):
            await tx.connection.execute(
                text("INSERT INTO counters VALUES (:id, '')"), {"id": number}
            )
    return database


async def values(database: Database) -> list[str]:
    async with database.reading() as tx:
        found = await tx.connection.execute(text("SELECT value FROM counters ORDER BY id"))
        return [row.value for row in found]


def append(number: int, what: str) -> tuple[object, dict[str, object]]:
    statement = text("UPDATE counters SET value = value || :what WHERE id = :id")
    return statement, {"what": what, "id": number}


async def test_a_transaction_that_failed_halfway_is_tried_again_as_a_whole(
    counters: Database,
) -> None:
    attempts = 0

    async def write(tx: Transaction) -> str:
        nonlocal attempts
        attempts += 1
        await tx.connection.execute(*append(1, "x"))  # type: ignore[call-overload]  # see append
        if attempts < 3:
            raise OperationalError("UPDATE", {}, Exception("the connection was lost"))
        return "done"

    assert await counters.surely(write) == "done"
    assert await values(counters) == ["x", ""]


async def test_a_bug_is_not_tried_again(counters: Database) -> None:
    attempts = 0

    async def write(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await counters.surely(write)
    assert attempts == 1


async def test_two_that_wait_for_each_other_both_end(counters: Database) -> None:
    """PostgreSQL ends one of them with a deadlock; SQLite's writers take turns."""
    both = asyncio.Barrier(1 if counters.is_sqlite else 2)
    first = True

    async def write(name: str, numbers: tuple[int, int], tx: Transaction) -> None:
        nonlocal first
        await tx.connection.execute(*append(numbers[0], name))  # type: ignore[call-overload]
        if first:
            await both.wait()
            first = False
        await tx.connection.execute(*append(numbers[1], name))  # type: ignore[call-overload]

    await asyncio.gather(
        counters.surely(lambda tx: write("a", (1, 2), tx)),
        counters.surely(lambda tx: write("b", (2, 1), tx)),
    )
    assert [sorted(value) for value in await values(counters)] == [["a", "b"], ["a", "b"]]


async def test_an_error_of_the_database_does_not_show_what_people_wrote(
    counters: Database,
) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with counters.transaction() as tx:
            await tx.connection.execute(
                text("INSERT INTO counters VALUES (:id, :value)"),
                {"id": 1, "value": "what somebody wrote"},
            )
    assert "what somebody wrote" not in str(caught.value)
