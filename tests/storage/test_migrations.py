"""The database a release finds is brought to what it needs, by whoever comes first."""

import asyncio
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

import storage.migrations
from storage import workspaces
from storage.database import Database
from storage.migrations import HEAD, DatabaseTooNew, Release, alembic_config, migrate
from storage.tables import metadata

PROGRAM = """
import asyncio, sys
from storage.database import Database
from storage.migrations import migrate
async def main():
    database = Database(sys.argv[1])
    print(await migrate(database))
    await database.close()
asyncio.run(main())
"""


TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": (
        "SELECT tgname, pg_get_triggerdef(pg_trigger.oid), prosrc "
        "FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal ORDER BY 1"
    ),
}


INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name",
    "postgresql": (
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1"
    ),
}


async def test_tables_and_migrations_say_the_same(database_url: str) -> None:
    """What an empty database gets at once is what all migrations make of one."""
    database = Database(database_url)
    made: list[list[object]] = []
    with pytest.raises(_NotKept):
        async with database.transaction() as tx:
            await tx.connection.run_sync(_upgrade_to, "head")
            made.append(await tx.connection.run_sync(_what_is_there))
            raise _NotKept
    assert await migrate(database) is True
    async with database.reading() as tx:
        made.append(await tx.connection.run_sync(_what_is_there))
    await database.close()
    assert made[0] == made[1]


class _NotKept(Exception):
    pass


def _what_is_there(connection: Connection) -> list[object]:
    """What Alembic doesn't compare; and that it finds no difference in what it does."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert list(compare_metadata(context, metadata)) == []
    triggers = connection.execute(text(TRIGGERS[connection.dialect.name])).all()
    assert len(triggers) == 2
    indexes = connection.execute(text(INDEXES[connection.dialect.name])).all()
    assert [each for each in indexes if "WHERE" in str(each)]
    found = inspect(connection)
    columns = sorted(
        (table, column["name"], str(column["type"]), column["nullable"], str(column["default"]))
        for table in found.get_table_names()
        for column in found.get_columns(table)
    )
    keys = {table: found.get_pk_constraint(table) for table in found.get_table_names()}
    return [triggers, indexes, context.get_current_revision(), columns, keys]


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


async def test_three_processes_start_at_once_on_an_empty_database(database_url: str) -> None:
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            database_url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    answers = [await process.communicate() for process in running]
    assert [error for _, error in answers if error] == []
    assert sorted(said.decode().strip() for said, _ in answers) == ["False", "False", "True"]
    database = Database(database_url)
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T1", "Acorn", datetime.now(UTC))
    await database.close()


NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("motto", sa.Text, server_default="none yet"))
"""


async def test_an_old_database_with_data_is_upgraded_and_keeps_them(
    database: Database, tmp_path: Path
) -> None:
    """As the next release will find it: its migration is added to a copy of ours."""
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T1", "Acorn", datetime.now(UTC))
    scripts = tmp_path / "migrations"
    shutil.copytree(Path(storage.migrations.__file__).parent, scripts)
    (scripts / "versions" / "9000_next.py").write_text(NEXT)
    release = Release(scripts, "9000")
    assert await migrate(database, release) is True
    assert await migrate(database, release) is False
    async with database.reading() as tx:
        kept = await tx.connection.execute(text("SELECT name, motto FROM workspaces"))
        assert kept.all() == [("Acorn", "none yet")]
    with pytest.raises(DatabaseTooNew):  # back to this release
        await migrate(database)


async def test_a_database_of_a_newer_release_is_left_alone(database: Database) -> None:
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T1", "Acorn", datetime.now(UTC))
        await tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="Nothing was changed"):
        await migrate(database)
    async with database.reading() as tx:
        assert await workspaces.get(tx, "T1") is not None


async def test_an_old_sqlite_file_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    async with database.transaction() as tx:
        await tx.connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        await tx.connection.execute(text("INSERT INTO alembic_version VALUES ('0000')"))
    with pytest.raises(DatabaseTooNew):
        await migrate(database)
    await database.close()
    assert len(list(tmp_path.glob("old.db.0000.*.bak"))) == 1


OF_THE_FIRST_RELEASE = """
INSERT INTO workspaces (id, name, mode, zone, routes, brand_words, lateness_limit_s, created_at)
    VALUES ('T1', 'Acorn', 'team', 'UTC', '{}', '[]', 1800, '2026-11-22 10:00:00');
INSERT INTO accounts (id, workspace_id, network, remote_id, handle, name, url, server, state,
    credentials, limits, owner_id, created_at)
    VALUES ('A1', 'T1', 'bluesky', 'did:1', '@acorn', 'Acorn', '', '', 'active',
    '', '{}', 'UANA', '2026-11-22 10:00:00');
INSERT INTO posts (id, workspace_id, author_id, state, revision_id, "when", version, created_at,
    updated_at) VALUES ('P1', 'T1', 'UANA', 'scheduled', 'R1', 'at', 1, '2026-11-22 10:00:00',
    '2026-11-22 10:00:00');
INSERT INTO revisions (id, workspace_id, post_id, number, hash, content, base_text, editor_id,
    created_at) VALUES ('R1', 'T1', 'P1', 1, '', '{}', '', 'UANA', '2026-11-22 10:00:00');
INSERT INTO deliveries (id, workspace_id, post_id, revision_id, account_id, state, due_at,
    next_attempt_at, attempt) VALUES ('D1', 'T1', 'P1', 'R1', 'A1', 'pending',
    '2026-11-23 10:00:00', '2026-11-23 10:00:00', 0);
INSERT INTO parts (id, delivery_id, position, kind, key, frozen, state)
    VALUES ('X1', 'D1', 0, 'post', 'k', '{}', 'pending')
"""


async def test_what_the_first_release_scheduled_is_still_scheduled(database_url: str) -> None:
    database = Database(database_url)
    async with database.transaction() as tx:
        await tx.connection.run_sync(_upgrade_to, "0001")
        for statement in OF_THE_FIRST_RELEASE.split(";"):
            await tx.connection.execute(text(statement))
    assert await migrate(database) is True
    async with database.reading() as tx:
        kept = await tx.connection.execute(
            text(
                "SELECT network, deliveries.state FROM deliveries "
                "JOIN parts ON delivery_id = deliveries.id"
            )
        )
        assert kept.all() == [("bluesky", "pending")]
    await database.close()


def _upgrade_to(connection: Connection, version: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    upgrade(config, version)
