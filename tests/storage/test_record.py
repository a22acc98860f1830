"""The record: one gapless chain a workspace, whoever writes it, and nobody changes it."""

import ast
import asyncio
import hashlib
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.command import upgrade
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from bot.audit import verify
from bot.opening import bring_up
from storage import history, workspaces
from storage.database import Database
from storage.migrations import alembic_config, migrate
from storage.records import HistoryEntry, RecordHead
from storage.rows import many
from storage.tables import history as history_table
from storage.tables import record_heads

NOW = datetime(2026, 11, 27, 9, 0, 0, 123456, UTC)
ROOT = Path(__file__).parents[2]


async def told(database: Database) -> tuple[bool, list[str]]:
    said: list[str] = []
    return await verify(database, said.append), said


async def made(database: Database, *ids: str) -> None:
    async with database.transaction() as tx:
        for id_ in ids:
            await workspaces.ensure(tx, id_, id_, NOW)


async def entries(database: Database, workspace_id: str = "T1") -> list[HistoryEntry]:
    async with database.reading() as tx:
        return list(reversed(await history.newest(tx, workspace_id, 10_000)))


async def test_an_entrys_hash_is_what_the_page_about_it_says(database: Database) -> None:
    """Computed here from the words of storage/chain.py alone."""
    await made(database, "T1")
    async with database.transaction() as tx:
        history.acts(tx, "UBEN", "a card in #C1")
        await history.note(tx, "T1", "P1", "UBEN", "rejected", NOW, "„nein“ \u2028 \U0001f600")
        await history.note(tx, "T1", "P1", None, "failed", NOW, revision_id="R1")
    before = ""
    for entry in await entries(database):
        at = "2026-11-27T09:00:00.123456Z"
        members = ["socialdesk record 1", before, "T1", entry.seq, entry.id, at, entry.actor_id]
        members += [entry.action, "P1", entry.revision_id, entry.detail, entry.origin]
        covered = json.dumps(members, separators=(",", ":"), ensure_ascii=True)
        before = hashlib.sha256(covered.encode()).hexdigest()
        assert entry.hash == before
    assert [entry.origin for entry in await entries(database)] == ["a card in #C1", ""]


async def test_many_writers_make_one_gapless_chain(database: Database) -> None:
    """48 tasks, several entries a transaction, two workspaces, some roll back."""
    await made(database, "T1", "T2")

    async def write(number: int) -> None:
        order = ["T1", "T2"] if number % 2 else ["T2", "T1"]
        async with database.transaction() as tx:
            for workspace_id in order[: 1 + number % 3 // 2]:
                for turn in range(1 + number % 4):
                    await history.note(tx, workspace_id, "P", "U", "did", NOW, f"{number} {turn}")
            await asyncio.sleep(random.random() / 100)
            if number % 6 == 5:
                raise LookupError

    done = await asyncio.gather(*map(write, range(48)), return_exceptions=True)
    assert {type(each) for each in done} == {type(None), LookupError}
    written = [e for one in ("T1", "T2") for e in await entries(database, one)]
    expected = sum(
        (1 + number % 4) * (1 + number % 3 // 2) for number in range(48) if number % 6 != 5
    )
    assert len(written) == expected
    well, said = await told(database)
    assert well, said


async def test_writers_who_have_locked_rows_never_wait_in_a_circle(database: Database) -> None:
    """Each locks a workspace's row before it notes; a deadlock would end one of them."""
    await made(database, "T1", "T2")

    async def write(number: int) -> None:
        order = ["T1", "T2"] if number % 2 else ["T2", "T1"]
        async with database.transaction() as tx:
            await history.note(tx, order[0], "P", None, "did", NOW)
            await workspaces.lock(tx, order[1])
            await history.note(tx, order[1], "P", None, "did", NOW)

    async with asyncio.timeout(60):
        await asyncio.gather(*map(write, range(40)))
    assert (await told(database))[0]
    assert len(await entries(database)) == 40


PROGRAM = """
import asyncio, sys
from datetime import UTC, datetime
from storage import history
from storage.database import Database
async def main():
    database = Database(sys.argv[1])
    async def write(number):
        async with database.transaction() as tx:
            await history.note(tx, "T1", "P1", None, "did", datetime.now(UTC), str(number))
    await asyncio.gather(*map(write, range(60)))
    await database.close()
asyncio.run(main())
"""


async def test_several_processes_make_one_chain(database: Database, database_url: str) -> None:
    await made(database, "T1")
    running = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, database_url, cwd=ROOT)
        for _ in range(3)
    ]
    assert [await process.wait() for process in running] == [0, 0, 0]
    assert len(await entries(database)) == 180
    assert (await told(database))[0]


async def test_what_is_rolled_back_leaves_no_gap(database: Database) -> None:
    await made(database, "T1")
    with pytest.raises(LookupError):
        async with database.transaction() as tx:
            await history.note(tx, "T1", "P1", None, "lost", NOW)
            raise LookupError
    async with database.transaction() as tx:
        await history.note(tx, "T1", "P1", None, "kept", NOW)
    assert [(one.seq, one.action) for one in await entries(database)] == [(1, "kept")]


async def test_an_entry_is_seen_in_its_own_transaction(database: Database) -> None:
    await made(database, "T1")
    async with database.transaction() as tx:
        await history.note(tx, "T1", "P1", None, "did", NOW)
        assert [entry.action for entry in await history.of_subject(tx, "P1")] == ["did"]
        assert await history.of_subject(tx, "P2") == []


async def test_noting_where_nothing_is_written_is_a_mistake(database: Database) -> None:
    with pytest.raises(RuntimeError, match="only read"):
        async with database.reading() as tx:
            await history.note(tx, "T1", "P1", None, "lost", NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET detail = 'other'",
        "UPDATE history SET seq = 7, hash = 'x'",
        "DELETE FROM history",
        "TRUNCATE history",
    ],
)
async def test_the_database_refuses_to_change_the_record(
    database: Database, statement: str
) -> None:
    if database.is_sqlite and statement.startswith("TRUNCATE"):
        return  # it has no such statement
    await made(database, "T1")
    async with database.transaction() as tx:
        await history.note(tx, "T1", "P1", None, "did", NOW)
    with pytest.raises(DBAPIError, match="never changed or deleted"):
        async with database.transaction() as tx:
            await tx.connection.execute(text(statement))
    assert (await told(database))[0]


def test_nothing_in_the_code_changes_the_record() -> None:
    """Only what takes in an earlier release's entries updates the table, and nothing deletes."""
    found = []
    for path in sorted(ROOT.glob("*/**/*.py")):
        source = path.relative_to(ROOT).as_posix()
        if not source.startswith(("bot/", "handlers/", "storage/")):
            continue
        tree = ast.parse(path.read_text())
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in (
                    "update",
                    "delete",
                ):
                    about = [ast.unparse(argument) for argument in call.args[:1]]
                    if about in (["history"], ["history_table"], ["tables.history"]):
                        found.append(f"{source} {function.name} {ast.unparse(call.func)}")
    assert found == [
        "storage/history.py take_in update",
        "storage/migrations/versions/0003_the_team.py _chain_what_was_noted sa.update",
    ]


OF_THE_RELEASE_BEFORE = """
INSERT INTO workspaces (id, name, mode, zone, routes, brand_words, lateness_limit_s, created_at)
    VALUES ('{0}', 'Acorn', 'team', 'UTC', '{{}}', '[]', 1800, '2026-11-22 10:00:00')
"""
NOTED = (
    "INSERT INTO history (id, workspace_id, subject_id, actor_id, action, detail, at) "
    "VALUES (:id, :workspace, 'P1', :actor, 'did', :detail, :at)"
)


async def test_what_was_noted_before_becomes_the_beginning_of_the_chain(database_url: str) -> None:
    database = Database(database_url)

    def upgrade_to_the_release_before(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        upgrade(config, "0002")

    async with database.transaction() as tx:
        await tx.connection.run_sync(upgrade_to_the_release_before)
        for workspace_id in ("T1", "T2", "T3"):
            await tx.connection.execute(text(OF_THE_RELEASE_BEFORE.format(workspace_id)))
        for number in range(2_500):  # more than are read at once, in no order
            at = NOW + timedelta(seconds=number * 7919 % 2_500)
            await tx.connection.execute(
                text(NOTED),
                {
                    "id": f"{number * 31 % 2_500:04}",
                    "workspace": "T1" if number % 5 else "T2",
                    "actor": None if number % 2 else "UÄNA",
                    "detail": f"né {number}",
                    "at": at.replace(tzinfo=None) if database.is_sqlite else at,
                },
            )
    assert await migrate(database) is True
    first = await entries(database)
    assert [one.seq for one in first] == list(range(1, 2_001))
    assert first == sorted(first, key=lambda one: (one.at, one.id))
    async with database.transaction() as tx:  # and it goes on
        await history.note(tx, "T1", "P1", None, "after", NOW)
    well, said = await told(database)
    assert well, said
    assert [line.split(",")[0] for line in said] == [
        "T1: 2",
        "T2: 500 entries",
        "T3: nothing on the record yet.",
    ]
    async with database.reading() as tx:
        heads = await many(tx, RecordHead, select(record_heads))
    assert {head.workspace_id: head.seq for head in heads} == {"T1": 2001, "T2": 500, "T3": 0}
    await database.close()


async def test_what_an_earlier_release_still_wrote_is_taken_in_at_the_next_start(
    database: Database,
) -> None:
    """On one PostgreSQL, processes of the release before may run while the first of ours does."""
    await made(database, "T1")
    async with database.transaction() as tx:
        await history.note(tx, "T1", "P1", None, "ours", NOW)
        for number in range(3):
            await tx.connection.execute(
                text(NOTED),
                {
                    "id": f"old-{number}",
                    "workspace": "T1",
                    "actor": None,
                    "detail": "",
                    "at": NOW.replace(tzinfo=None) if database.is_sqlite else NOW,
                },
            )
    well, said = await told(database)
    assert not well
    assert "3 more stand outside the chain" in said[0]
    assert await bring_up(database) is False
    assert (await told(database))[0]
    assert [one.seq for one in await entries(database)] == [1, 2, 3, 4]
    async with database.reading() as tx:
        rows = await tx.connection.execute(select(history_table.c.id))
        assert len(rows.all()) == 4
