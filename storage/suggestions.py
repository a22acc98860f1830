"""Other texts that approvers suggested for posts."""

from datetime import datetime

from sqlalchemy import select, update

from storage.records import Suggestion
from storage.rows import Transaction, add, changed, one
from storage.tables import suggestions


async def insert(tx: Transaction, suggestion: Suggestion) -> None:
    await add(tx, suggestions, suggestion)


async def get(tx: Transaction, workspace_id: str, suggestion_id: str) -> Suggestion | None:
    return await one(
        tx,
        Suggestion,
        select(suggestions).where(
            suggestions.c.workspace_id == workspace_id, suggestions.c.id == suggestion_id
        ),
    )


async def newest(tx: Transaction, post_id: str) -> Suggestion | None:
    """The last one for a post, on whichever revision."""
    query = select(suggestions).where(suggestions.c.post_id == post_id)
    order = suggestions.c.at.desc(), suggestions.c.id
    return await one(tx, Suggestion, query.order_by(*order).limit(1))


async def take(tx: Transaction, suggestion_id: str, user_id: str, now: datetime) -> bool:
    """Somebody uses it; False if it was used before."""
    return await changed(
        tx,
        update(suggestions)
        .where(suggestions.c.id == suggestion_id, suggestions.c.taken_by.is_(None))
        .values(taken_by=user_id, taken_at=now),
    )


async def taker(tx: Transaction, post_id: str, at: datetime) -> str | None:
    """Who used a suggestion for a post at that very time, which made a revision of it."""
    query = select(suggestions.c.taken_by).where(
        suggestions.c.post_id == post_id, suggestions.c.taken_at == at
    )
    taken_by: str | None = (await tx.connection.execute(query)).scalar()
    return taken_by
