"""Decisions on revisions."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from storage.records import Approval
from storage.rows import Transaction, add, many
from storage.tables import approvals

NEXT = timedelta(microseconds=1)


async def insert(tx: Transaction, approval: Approval) -> Approval:
    """Keep a decision behind those made before it, whose order counts: where this machine's clock
    is behind another's, it is a little later. Whoever decides has locked the post."""
    query = select(func.max(approvals.c.decided_at)).where(approvals.c.post_id == approval.post_id)
    last: datetime | None = (await tx.connection.execute(query)).scalar()
    if last is not None and last >= approval.decided_at:
        approval = replace(approval, decided_at=last + NEXT)
    await add(tx, approvals, approval)
    return approval


async def of_post(tx: Transaction, post_id: str) -> Sequence[Approval]:
    """All decisions on a post, on whichever revision, oldest first."""
    query = select(approvals).where(approvals.c.post_id == post_id)
    return await many(tx, Approval, query.order_by(approvals.c.decided_at, approvals.c.id))


async def of_posts(tx: Transaction, post_ids: Collection[str]) -> Mapping[str, Sequence[Approval]]:
    """The decisions on several posts, each one's oldest first."""
    query = select(approvals).where(approvals.c.post_id.in_(post_ids))
    found: dict[str, list[Approval]] = defaultdict(list)
    for approval in await many(
        tx, Approval, query.order_by(approvals.c.decided_at, approvals.c.id)
    ):
        found[approval.post_id].append(approval)
    return found
