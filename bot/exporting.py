"""The record, written out: as CSV for spreadsheets, as JSON Lines exactly as it is kept."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from bot.errors import NotFound
from storage import history, workspaces
from storage.database import Database
from storage.records import HistoryEntry

COLUMNS = (
    "workspace_id",
    "seq",
    "at",
    "actor_id",
    "actor",
    "action",
    "subject_id",
    "revision_id",
    "detail",
    "origin",
    "id",
    "hash",
)
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would work out


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is written out.

    :param format: ``csv`` or ``jsonl``.
    :param workspace_id: None: of all workspaces.
    :param since: none older than this; ``until``: all older than this (UTC).
    """

    format: str
    workspace_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def export_record(database: Database, wanted: Wanted, write: Callable[[str], object]) -> None:
    """Write the record out, in the order of its chains, up to where they end now. A million
    entries take no more memory than a thousand, and whoever writes the record waits for nothing.

    :raises NotFound: there is no such workspace.
    """
    async with database.reading() as tx:
        known = await history.kept_for(tx)
    if wanted.workspace_id is not None:
        if wanted.workspace_id not in known:
            there = ", ".join(known) or "none"
            raise NotFound(f"There is no workspace {wanted.workspace_id}; there is: {there}.")
        known = [wanted.workspace_id]
    in_words = as_csv if wanted.format == "csv" else as_json_lines
    if wanted.format == "csv":
        write(_row(COLUMNS))
    for workspace_id in known:
        async with database.reading() as tx:
            names = {one.user_id: one.name for one in await workspaces.team(tx, workspace_id)}
        async for entries in _parts(database, workspace_id, wanted):
            write("".join(in_words(_plain(entry, names)) for entry in entries))


async def _parts(
    database: Database, workspace_id: str, wanted: Wanted
) -> AsyncIterator[Sequence[HistoryEntry]]:
    """A part at a time: no transaction stays open while somebody reads slowly."""
    async with database.reading() as tx:
        end = await history.end(tx, workspace_id)
    reached = 0
    while True:
        async with database.reading() as tx:
            entries = await history.part(
                tx,
                workspace_id,
                reached,
                end.seq,
                since_at=wanted.since,
                until_at=wanted.until,
            )
        if not entries:
            return
        yield entries
        reached = entries[-1].seq or 0


def _plain(entry: HistoryEntry, names: Mapping[str, str]) -> dict[str, Any]:
    kept = {field.name: getattr(entry, field.name) for field in fields(entry)}
    kept["at"] = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    kept["actor"] = "Socialdesk" if entry.actor_id is None else names.get(entry.actor_id)
    return {column: kept[column] for column in COLUMNS}


def as_json_lines(entry: Mapping[str, Any]) -> str:
    """An entry as it is kept; all that its hash covers is there (``storage/chain.py``)."""
    return json.dumps(entry, ensure_ascii=False) + "\n"


def as_csv(entry: Mapping[str, Any]) -> str:
    """An entry as a row. What a spreadsheet would take for a formula begins with an apostrophe."""
    return _row([_harmless(entry[column]) for column in COLUMNS])


def _harmless(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return value


def _row(values: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
