"""Holds: one person's list of held deliveries. A person has one open list."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storage.records import Hold
from storage.rows import Transaction, add, new_id
from storage.tables import holds


async def join(tx: Transaction, workspace_id: str, author_id: str, now: datetime) -> str:
    """The id of the author's open list, opened if there is none; nobody can close it until the
    transaction ends."""
    open_one = (
        select(holds.c.id)
        .where(
            holds.c.workspace_id == workspace_id,
            holds.c.author_id == author_id,
            holds.c.closed_at.is_(None),
        )
        .with_for_update()
    )
    while True:
        found: str | None = (await tx.connection.execute(open_one)).scalar()
        if found is not None:
            return found
        opened = Hold(new_id(), workspace_id, author_id, opened_at=now, closed_at=None)
        try:
            async with tx.connection.begin_nested():
                await add(tx, holds, opened)
        except IntegrityError:  # another process opened it at the same moment
            continue
        return opened.id
