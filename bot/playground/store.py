"""The playground's state file: a small table of documents, (kind, key) -> JSON.

Written through on every change, so that a killed process loses nothing. The calls block the event
loop for some 20 microseconds each, which a playground for a handful of people can afford.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bot.playground.records import Json


class DocumentStore:
    """Documents in an SQLite file; one process at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, body TEXT NOT NULL,"
            " PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )

    def put(self, kind: str, key: str, body: Json) -> None:
        """Write a document, replacing an older one of the same kind and key."""
        self._database.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, json.dumps(body))
        )

    def delete(self, kind: str, key: str) -> None:
        """Remove a document; nothing happens if there is none."""
        self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Every document of a kind with its key, ordered by key."""
        rows = self._database.execute(
            "SELECT key, body FROM documents WHERE kind = ? ORDER BY key", (kind,)
        ).fetchall()
        return ((key, json.loads(body)) for key, body in rows)

    def get(self, kind: str, key: str) -> Json | None:
        """One document, or None."""
        row = self._database.execute(
            "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        if row is None:
            return None
        body: Json = json.loads(row[0])
        return body

    def close(self) -> None:
        self._database.close()
