"""Decisions on revisions."""

from collections.abc import Sequence

from sqlalchemy import select

from storage.records import Approval
from storage.rows import Transaction, add, many
from storage.tables import approvals


async def insert(tx: Transaction, approval: Approval) -> None:
    await add(tx, approvals, approval)


async def of_post(tx: Transaction, post_id: str) -> Sequence[Approval]:
    """All decisions on a post, on whichever revision, oldest first."""
    query = select(approvals).where(approvals.c.post_id == post_id)
    return await many(tx, Approval, query.order_by(approvals.c.decided_at, approvals.c.id))
