"""Who did what to a post or a mention, when."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select

from storage.records import HistoryEntry
from storage.rows import Transaction, add, many, ordered_id, values
from storage.tables import history


async def note(
    tx: Transaction,
    workspace_id: str,
    subject_id: str,
    actor_id: str | None,
    action: str,
    at: datetime,
    detail: str = "",
) -> None:
    """Add an entry. ``actor_id`` None is the machine."""
    await add(
        tx,
        history,
        HistoryEntry(ordered_id(), workspace_id, subject_id, actor_id, action, detail, at),
    )


async def note_all(
    tx: Transaction, subjects: Sequence[tuple[str, str, str]], action: str, at: datetime
) -> None:
    """Add what the machine did to several subjects: each one's workspace, id and detail."""
    await tx.connection.execute(
        insert(history),
        [
            values(HistoryEntry(ordered_id(), workspace_id, subject_id, None, action, detail, at))
            for workspace_id, subject_id, detail in subjects
        ],
    )


async def of_subject(tx: Transaction, subject_id: str) -> Sequence[HistoryEntry]:
    """What happened to a post or a mention, oldest first."""
    query = select(history).where(history.c.subject_id == subject_id)
    return await many(tx, HistoryEntry, query.order_by(history.c.at, history.c.id))
