"""Bringing a database up to the code, at start.

The stored version is compared first. An empty database gets today's tables at once; Alembic, which
takes 0.2 s to import (measured), is needed only where there is something to migrate.
Several processes may start at once: on PostgreSQL an advisory lock lets one of them work and the
others find it done. On SQLite whoever migrates is alone on the file (``storage/lock.py``), and the
write lock of the migrating transaction keeps those out that only look.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from storage.rows import Transaction
from storage.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0003"  # the newest migration; a test holds it against the folder
_ADVISORY_LOCK = 7_305_811_024

# As Alembic makes it: the next release's migrations find the version there.
_version = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)


class DatabaseTooNew(Exception):
    """The database was made by a newer release than this one."""


class DatabaseUnusable(Exception):
    """The database can't be reached, read or written."""


@dataclass(frozen=True, slots=True)
class Release:
    """Where a release's migrations lie, and the newest of them."""

    scripts: Path = Path(__file__).parent
    head: str = HEAD


THIS_RELEASE = Release()


async def migrate(database: Database, release: Release = THIS_RELEASE) -> bool:
    """Bring the database to a release; whether anything was done.

    :raises DatabaseTooNew: a newer release has been here; nothing is touched.
    :raises DatabaseUnusable: it can't be reached, read or written; says why.
    """
    with _usable(database):
        return await _migrate(database, release)


@contextmanager
def _usable(database: Database) -> Iterator[None]:
    if database.is_sqlite:
        _check_file(database.url.database or "")
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).strip().split("\n")[0]
        raise DatabaseUnusable(f"The database can't be used: {reason}.") from error


def _check_file(path: str) -> None:
    """The async driver's thread complains on its own where a file can't be opened."""
    try:
        sqlite3.connect(path).close()
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"The database can't be used: {error}.") from error


async def _migrate(database: Database, release: Release) -> bool:
    version = await stored_version(database)
    if version == release.head:
        return False
    if version is not None and database.is_sqlite:
        _copy_aside(Path(database.url.database or ""), version)

    async def upgrade(tx: Transaction) -> bool:
        if not database.is_sqlite:
            await tx.connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
            )
        return await tx.connection.run_sync(_upgrade, release)

    return await database.at_once(upgrade)


async def stored_version(database: Database) -> str | None:
    """The version a database is at; None: it is empty. Nothing is changed.

    :raises DatabaseUnusable: it can't be reached or read; says why.
    """
    with _usable(database):
        async with database.reading() as tx:
            return await tx.connection.run_sync(_stored_version)


def _stored_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_version.name):
        return None
    return connection.scalar(select(_version.c.version_num))


def _upgrade(connection: Connection, release: Release) -> bool:
    version = _stored_version(connection)
    if version == release.head:
        return False
    if version is None and release == THIS_RELEASE:
        _create(connection)
        return True
    from alembic.command import upgrade
    from alembic.script import ScriptDirectory

    config = alembic_config(release)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise DatabaseTooNew(
            f"The database is at version {version}, which this release doesn't know (it knows "
            f"{release.head}). Nothing was changed. Install the newer release, or use another "
            "database."
        )
    config.attributes["connection"] = connection
    upgrade(config, "head")
    return True


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)
    _version.create(connection, checkfirst=True)
    connection.execute(insert(_version).values(version_num=HEAD))


def alembic_config(release: Release = THIS_RELEASE) -> "Config":
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(release.scripts))
    return config


def _copy_aside(path: Path, version: str) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    copy = path.with_name(f"{path.name}.{version}.{stamp}.bak")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
