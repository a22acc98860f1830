"""Other texts that approvers suggested for posts."""

from collections.abc import Collection, Mapping
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


async def writers(tx: Transaction, post_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Whose suggested texts were used, by post."""
    query = select(suggestions.c.post_id, suggestions.c.user_id).where(
        suggestions.c.post_id.in_(post_ids), suggestions.c.taken_by.is_not(None)
    )
    found: dict[str, frozenset[str]] = {}
    for post_id, user_id in await tx.connection.execute(query):
        found[post_id] = found.get(post_id, frozenset()) | {user_id}
    return found
