"""Records to rows and back: a table's columns carry the names of its record's fields."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from sqlalchemy import Delete, Insert, Select, Table, Update, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.records import HistoryEntry


class Transaction(Protocol):
    """What ``Database.transaction()`` and ``reading()`` hand out; opaque outside storage."""

    @property
    def connection(self) -> AsyncConnection: ...

    @property
    def noted(self) -> list[HistoryEntry]:
        """Entries of the record, which are chained right before the commit (`storage.history`)."""

    @property
    def stale_lists(self) -> dict[tuple[str, str], datetime]:
        """Whose lists show something else from now on, by workspace and person, and when they are
        edited (UTC): this is written right before the commit (`storage.notices`)."""

    @property
    def origins(self) -> dict[str, str]:
        """From where the people act on whose behalf this is (`storage.history`)."""


T = TypeVar("T")


def new_id() -> str:
    """A new opaque id for a row."""
    return uuid4().hex


def ordered_id() -> str:
    """A new id that sorts behind those made before it in this process."""
    return f"{time.time_ns():020d}-{uuid4().hex[:12]}"


def values(record: Any) -> dict[str, Any]:
    """A record as the values of its row."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def insert_into(tx: Transaction, table: Table) -> Any:
    """The database's own insert, which knows ``on_conflict_do_nothing``."""
    into = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    return into.insert(table)


async def add(tx: Transaction, table: Table, record: Any) -> None:
    """Insert one record."""
    await tx.connection.execute(insert(table).values(values(record)))


async def add_new(tx: Transaction, table: Table, record: Any, *same: str) -> bool:
    """Insert one record unless there is one with the same values in these (unique) columns;
    whether it was new."""
    made = values(record)
    inserted = await tx.connection.execute(
        insert_into(tx, table)
        .values(made)
        .on_conflict_do_nothing(index_elements=same)
        .returning(table.c.id)
    )
    return inserted.first() is not None


async def one(tx: Transaction, kind: type[T], query: Select[Any] | Update | Insert) -> T | None:
    """The first row of a query or of a statement's RETURNING, as a record."""
    row = (await tx.connection.execute(query)).first()
    return None if row is None else kind(**row._mapping)


async def many(
    tx: Transaction,
    kind: type[T],
    query: Select[Any] | Update | Insert,
    given: Mapping[str, Any] | None = None,
) -> Sequence[T]:
    """All rows of a query or of a statement's RETURNING, as records.

    :param given: what its parameters are.
    """
    return [kind(**row._mapping) for row in await tx.connection.execute(query, given)]


async def changed(tx: Transaction, statement: Update | Delete) -> bool:
    """Run a conditional update or delete; whether it touched a row."""
    return (await tx.connection.execute(statement)).rowcount > 0
