"""The databases that the tests stand on: real, empty, apart from each other, gone afterwards."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.servers.postgres import PROGRAM, PostgreSQL
from tests.servers.process import ServerFailed, ServerProcess


def test_a_test_gets_an_empty_database(database_url: str) -> None:
    if database_url.startswith("sqlite:///"):
        path = Path(database_url.removeprefix("sqlite:///"))
        assert path.is_absolute()
        assert not path.exists()
        with sqlite3.connect(path) as sqlite:
            sqlite.execute("CREATE TABLE post (text TEXT)")
        sqlite.close()
    else:
        with psycopg.connect(database_url) as connection:
            tables = connection.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchone()
            assert tables == (0,)
            connection.execute("CREATE TABLE post (text TEXT)")


def test_two_databases_of_one_server_are_apart(postgresql: PostgreSQL) -> None:
    with postgresql.new_database() as one, postgresql.new_database() as other:
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE post (text TEXT)")
        with (
            psycopg.connect(other) as connection,
            pytest.raises(psycopg.errors.UndefinedTable),
        ):
            connection.execute("SELECT text FROM post")


def test_a_database_goes_even_if_a_connection_was_forgotten(postgresql: PostgreSQL) -> None:
    with postgresql.new_database() as url:
        forgotten = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    forgotten.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_the_machines_own_server_has_the_extension(
    postgresql_with_extensions: PostgreSQL,
) -> None:
    with (
        postgresql_with_extensions.new_database() as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("CREATE EXTENSION pg_trgm")
        assert connection.execute("SELECT similarity('social', 'socials') > 0.5").fetchone() == (
            True,
        )
        assert connection.info.host == "127.0.0.1"


def test_a_server_ends_with_its_tests_even_if_they_are_killed(tmp_path: Path) -> None:
    """The tests are played by a small program that starts a server, says so and waits."""
    tests = subprocess.Popen(
        [sys.executable, "-c", TESTS, str(PROGRAM), str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert tests.stdout is not None
    with tests, tests.stdout:
        server = psutil.Process(int(tests.stdout.readline()))
        url = tests.stdout.readline().strip()
        psycopg.connect(url).close()
        os.kill(tests.pid, signal.SIGKILL)
    assert server in psutil.wait_procs([server], timeout=30)[0]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


TESTS = """
import sys, time
from pathlib import Path
from tests.servers.process import ServerProcess
server = ServerProcess([sys.executable, sys.argv[1], "embedded"], folder=Path(sys.argv[2]))
print(server.pid, server.ready["url"], sep="\\n", flush=True)
time.sleep(600)
"""


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    program = "import sys; sys.exit('the disk is full')"
    with pytest.raises(ServerFailed, match="the disk is full"):
        ServerProcess([sys.executable, "-c", program], folder=tmp_path)


def test_a_server_that_says_nothing_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="not ready within"):
        ServerProcess(["sh", "-c", "echo $$ >&2; cat"], folder=tmp_path, ready_within=1)
    assert not psutil.pid_exists(int((tmp_path / "server.log").read_text()))
