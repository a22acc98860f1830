"""Brakes: publishing held by a person, in a workspace, on one account or of one campaign."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from storage.records import Brake, DeliveryState, PostState
from storage.rows import Transaction, add, changed, many, one
from storage.tables import brakes, deliveries, posts


async def pull(tx: Transaction, brake: Brake) -> bool:
    """Pull a brake; False if the same one (of the workspace, the account, the campaign) stands."""
    try:
        async with tx.connection.begin_nested():
            await add(tx, brakes, brake)
    except IntegrityError:
        return False
    return True


async def get(tx: Transaction, workspace_id: str, brake_id: str) -> Brake | None:
    return await one(
        tx,
        Brake,
        select(brakes).where(brakes.c.workspace_id == workspace_id, brakes.c.id == brake_id),
    )


async def standing(tx: Transaction, workspace_id: str) -> Sequence[Brake]:
    """What holds publishing now: the workspace's brake first, then those of accounts and
    campaigns."""
    query = select(brakes).where(
        brakes.c.workspace_id == workspace_id, brakes.c.released_at.is_(None)
    )
    found = await many(tx, Brake, query.order_by(brakes.c.pulled_at, brakes.c.id))
    return sorted(found, key=lambda brake: bool(brake.account_id or brake.campaign_id))


async def newest(tx: Transaction, workspace_id: str, limit: int) -> Sequence[Brake]:
    """The brakes that were pulled last, released or not, newest first."""
    query = select(brakes).where(brakes.c.workspace_id == workspace_id)
    return await many(
        tx, Brake, query.order_by(brakes.c.pulled_at.desc(), brakes.c.id).limit(limit)
    )


async def release(tx: Transaction, brake_id: str, by: str, now: datetime) -> bool:
    """Let publishing go on; False if somebody has released it already."""
    return await changed(
        tx,
        update(brakes)
        .where(brakes.c.id == brake_id, brakes.c.released_at.is_(None))
        .values(released_by=by, released_at=now),
    )


async def count_coming(
    tx: Transaction,
    workspace_id: str,
    now: datetime,
    *,
    everywhere: bool,
    account_ids: Collection[str | None],
    campaign_ids: Collection[str | None],
    most: int,
) -> int:
    """How many posts are scheduled for later than now, counted up to ``most``.

    :param everywhere: in the whole workspace; else on these accounts and of these campaigns only.
    """
    if everywhere:
        later: Select[Any] = select(posts.c.id).where(
            posts.c.workspace_id == workspace_id,
            posts.c.state == PostState.SCHEDULED,
            posts.c.due_at > now,
        )
    else:
        later = (
            select(deliveries.c.post_id)
            .where(
                deliveries.c.workspace_id == workspace_id,
                or_(
                    deliveries.c.account_id.in_(account_ids),
                    deliveries.c.post_id.in_(
                        select(posts.c.id).where(posts.c.campaign_id.in_(campaign_ids))
                    ),
                ),
                deliveries.c.state == DeliveryState.PENDING,
                deliveries.c.due_at > now,
            )
            .distinct()
        )
    query = select(func.count()).select_from(later.limit(most).subquery())
    return (await tx.connection.execute(query)).scalar_one()
