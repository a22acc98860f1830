"""One process per SQLite file, as an operator meets it: what is refused, and what works beside."""

import asyncio
import contextlib
import signal
import sqlite3
from pathlib import Path

from storage.migrations import HEAD
from tests.e2e.test_process import ended, playing, process


async def test_a_second_bot_on_one_file_is_refused_and_names_the_first(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        assert stage.bot is not None
        code, out, complaint = await ended(tmp_path, "run", **stage.environment)
        assert code == 1
        assert f"running already on {stage.database_file}: process {stage.bot.pid} on" in complaint
        assert "Stop that one first" in complaint
        assert "Traceback" not in complaint + out
        assert stage.bot.returncode is None


async def test_after_a_kill_the_next_start_works_at_once(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        for how in (signal.SIGKILL, signal.SIGTERM):
            await stage.end_bot(how)
            await stage.start_bot()


async def test_looking_beside_a_running_bot_works(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        code, out, _ = await ended(tmp_path, "doctor", **stage.environment)
        assert "reads and writes" in out
        assert code == 0, out
        code, out, _ = await ended(tmp_path, "migrate", **stage.environment)
        assert (code, out) == (0, "Nothing to do.\n")
        code, _, _ = await ended(tmp_path, "manifest", **stage.environment)
        assert code == 0


async def test_a_migration_waits_until_the_bot_is_stopped(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        assert stage.bot is not None
        with contextlib.closing(sqlite3.connect(stage.database_file)) as database, database:
            # A newer release was unpacked beside the running bot.
            database.execute("UPDATE alembic_version SET version_num = '0001'")
        code, _, complaint = await ended(tmp_path, "migrate", **stage.environment)
        assert code == 1
        assert f"process {stage.bot.pid} on" in complaint
        assert "Stop that one first" in complaint
        with contextlib.closing(sqlite3.connect(stage.database_file)) as database, database:
            kept = database.execute("SELECT version_num FROM alembic_version").fetchall()
            assert kept == [("0001",)], "nothing was touched"
            database.execute("UPDATE alembic_version SET version_num = ?", [HEAD])


async def test_on_postgresql_a_second_bot_runs_beside_the_first(
    tmp_path: Path, postgresql_url: str
) -> None:
    async with process(tmp_path, environment={"DATABASE_URL": postgresql_url}) as stage:
        first = stage.bot
        await stage.start_bot()
        assert first is not None
        assert first.returncode is None
        first.terminate()
        assert await first.wait() == 0


async def test_a_second_playground_in_one_folder_is_refused(tmp_path: Path) -> None:
    async with playing(tmp_path):
        command = ("play", "--port", "0", "--data", "play")
        code, out, complaint = await ended(tmp_path, *command)
        assert code == 1
        assert "The playground in play is running already: process " in complaint
        assert "--data another-folder --port 0" in complaint
        assert "Traceback" not in complaint + out
        async with asyncio.timeout(60), playing(tmp_path, data="another"):
            pass
