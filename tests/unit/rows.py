"""All that is kept in an SQLite file, to tell whether anything was changed."""

import sqlite3
from contextlib import closing
from pathlib import Path

# What the bot keeps for its own running, whoever does what.
HOUSEKEEPING = {"alembic_version", "seen_events", "health_probes", "occurrences"}
MEASURED = {"snapshots"}
HEARD = {"polled_at", "cursor"}  # columns: how far listening has come
Rows = dict[str, list[str]]


def everything(folder: Path, *, besides: set[str] = HOUSEKEEPING | MEASURED) -> Rows:
    """Every table's rows, as text, in order."""
    with closing(sqlite3.connect(folder / "socialdesk.db")) as file:
        names = [
            name
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name not in besides and not name.startswith("sqlite_")
        ]
        return {name: _rows(file, name) for name in names}


def _rows(file: sqlite3.Connection, table: str) -> list[str]:
    file.row_factory = sqlite3.Row
    return sorted(
        repr({key: row[key] for key in tuple(row.keys()) if key not in HEARD})
        for row in file.execute(f'SELECT * FROM "{table}"')
    )


def changes(before: Rows, after: Rows) -> dict[str, set[str]]:
    """What differs, by table; empty: nothing was changed."""
    return {
        name: set(before[name]) ^ set(after[name]) for name in before if before[name] != after[name]
    }
