"""Forms that are being filled in, kept as they are typed."""

from collections.abc import Sequence

from sqlalchemy import delete, select, update

from storage.records import Draft
from storage.rows import Transaction, add, many, one, values
from storage.tables import drafts


async def save(tx: Transaction, draft: Draft) -> None:
    """Keep a draft, new or known."""
    done = await tx.connection.execute(
        update(drafts).where(drafts.c.id == draft.id).values(values(draft))
    )
    if not done.rowcount:
        await add(tx, drafts, draft)


async def get(tx: Transaction, workspace_id: str, draft_id: str) -> Draft | None:
    return await one(
        tx,
        Draft,
        select(drafts).where(drafts.c.workspace_id == workspace_id, drafts.c.id == draft_id),
    )


async def of_person(tx: Transaction, workspace_id: str, user_id: str) -> Sequence[Draft]:
    """A person's drafts, newest first."""
    query = select(drafts).where(drafts.c.workspace_id == workspace_id, drafts.c.user_id == user_id)
    return await many(tx, Draft, query.order_by(drafts.c.updated_at.desc(), drafts.c.id))


async def remove(tx: Transaction, draft_id: str) -> None:
    await tx.connection.execute(delete(drafts).where(drafts.c.id == draft_id))
