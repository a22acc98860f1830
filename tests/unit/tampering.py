"""Somebody who may write to the database changes the record behind the bot's back."""

from typing import Any

from sqlalchemy import ColumnElement, delete, insert, text, update

from storage.database import Database
from storage.rows import Transaction
from storage.tables import history


async def disarm(database: Database) -> None:
    """Take away what refuses changes, as an owner of the database can."""
    if database.is_sqlite:
        statements = [f"DROP TRIGGER history_refuses_{what}" for what in ("change", "deletion")]
    else:
        statements = ["ALTER TABLE history DISABLE TRIGGER USER"]
    async with database.transaction() as tx:
        for statement in statements:
            await tx.connection.execute(text(statement))


def entry(workspace_id: str, seq: int) -> ColumnElement[bool]:
    """Which one."""
    return (history.c.workspace_id == workspace_id) & (history.c.seq == seq)


async def overwrite(tx: Transaction, which: ColumnElement[bool], **new: Any) -> None:
    await tx.connection.execute(update(history).where(which).values(**new))


async def remove(tx: Transaction, which: ColumnElement[bool]) -> None:
    await tx.connection.execute(delete(history).where(which))


async def put(tx: Transaction, **row: Any) -> None:
    await tx.connection.execute(insert(history).values(**row))


async def swap(tx: Transaction, workspace_id: str, one: int, other: int) -> None:
    """Two entries change places."""
    await overwrite(tx, entry(workspace_id, one), seq=-1)
    await overwrite(tx, entry(workspace_id, other), seq=one)
    await overwrite(tx, entry(workspace_id, -1), seq=other)
