"""The record written out: harmless in a spreadsheet, exact as JSON Lines, beside a running bot."""

import csv
import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NotFound
from bot.exporting import COLUMNS, Wanted, as_csv, export_record
from storage import history, workspaces
from storage.chain import hash_of
from storage.database import Database
from storage.migrations import migrate
from storage.records import HistoryEntry, Member, Role

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    await migrate(made)
    async with made.transaction() as tx:
        for workspace_id in ("T1", "T2"):
            await workspaces.ensure(tx, workspace_id, "Acorn", NOW)
        await workspaces.save_member(
            tx, Member("T1", "UANA", "Ana Ruiz", "UTC", frozenset({Role.AUTHOR}))
        )
        for day in range(3):
            at = NOW + timedelta(days=day)
            history.acts(tx, "UANA", "/social draft")
            await history.note(tx, "T1", "P1", "UANA", "did", at, f'=1+{day}, "x"\né')
        await history.note(tx, "T2", "P2", None, "published", NOW)
    yield made
    await made.close()


async def written(database: Database, wanted: Wanted) -> str:
    out = io.StringIO()
    await export_record(database, wanted, out.write)
    return out.getvalue()


async def test_json_lines_hold_all_that_a_hash_covers(database: Database) -> None:
    lines = (await written(database, Wanted("jsonl"))).splitlines()
    assert len(lines) == 4
    before: dict[str, str] = {}
    for line in lines:
        kept = json.loads(line)
        assert kept.pop("actor") == ("Ana Ruiz" if kept["actor_id"] else "Socialdesk")
        entry = HistoryEntry(**{**kept, "at": datetime.fromisoformat(kept["at"])})
        assert hash_of(entry, before.get(entry.workspace_id, "")) == kept["hash"]
        before[entry.workspace_id] = kept["hash"]


async def test_a_workspace_and_days_are_chosen(database: Database) -> None:
    since, until = NOW + timedelta(hours=1), NOW + timedelta(days=1, hours=1)
    [_, row] = csv.reader(io.StringIO(await written(database, Wanted("csv", "T1", since, until))))
    assert row[COLUMNS.index("seq")] == "2"
    assert row[COLUMNS.index("detail")] == '\'=1+1, "x"\né'
    with pytest.raises(NotFound, match=r"no workspace T9; there is: T1, T2\."):
        await written(database, Wanted("csv", "T9"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_cell_of_the_table_is_a_formula(text: str) -> None:
    entry = dict.fromkeys(COLUMNS, text)
    [row] = csv.reader(io.StringIO(as_csv(entry), newline=""))
    assert len(row) == len(COLUMNS)
    for cell in row:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert cell.removeprefix("'") == text.removeprefix("'")


async def test_memory_doesnt_grow_with_the_record(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'long.db'}")
    await migrate(database)

    async def grow(count: int) -> None:
        async with database.transaction() as tx:
            await workspaces.ensure(tx, "T1", "Acorn", NOW)
            for number in range(count):
                await history.note(tx, "T1", "P", None, "did", NOW, str(number))

    async def most() -> int:
        tracemalloc.start()
        try:
            await export_record(database, Wanted("jsonl"), len)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    await grow(2_000)
    await most()  # what is kept for good is there now
    few = await most()
    await grow(12_000)
    assert await most() < few * 1.5
    await database.close()


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SECRET_KEY": Fernet.generate_key().decode(),
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'socialdesk.db'}",
    }


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_both_commands_work_beside_a_writer_and_say_what_is_wrong(tmp_path: Path) -> None:
    assert "there is no database" in run(tmp_path, "audit", "verify").stderr
    database = Database(f"sqlite:///{tmp_path / 'socialdesk.db'}")
    await migrate(database)
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T1", "Acorn", NOW)
        await history.note(tx, "T1", "P1", None, "did", NOW, "ü")
    async with database.transaction() as tx:  # somebody writes all the while
        await history.note(tx, "T1", "P1", None, "did", NOW)
        verified = run(tmp_path, "audit", "verify")
        exported = run(tmp_path, "export", "record", "--format", "jsonl", "--since", "2026-11-27")
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.startswith("T1: 1 entry, all unchanged, newest hash ")
    assert json.loads(exported.stdout)["detail"] == "ü"
    unknown = run(tmp_path, "audit", "verify", "--known", "0" * 64)
    assert (unknown.returncode, "is in no record" in unknown.stdout) == (1, True)
    wrong = run(tmp_path, "export", "record", "--format", "csv", "--since", "yesterday")
    assert "a day is written like 2026-11-27" in wrong.stderr
    await database.close()
