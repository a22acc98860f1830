"""Deliveries and their parts: claiming, confirming, settling.

Every step is one conditional statement; whoever it doesn't touch a row for has lost.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, null, or_, select, update

from storage.records import Delivery, DeliveryState, Part, PartKind, PartState
from storage.rows import Transaction, add, changed, many, one
from storage.tables import deliveries, parts


async def insert(tx: Transaction, delivery: Delivery) -> None:
    await add(tx, deliveries, delivery)


async def get(tx: Transaction, workspace_id: str, delivery_id: str) -> Delivery | None:
    return await one(
        tx,
        Delivery,
        select(deliveries).where(
            deliveries.c.workspace_id == workspace_id, deliveries.c.id == delivery_id
        ),
    )


async def of_post(tx: Transaction, post_id: str) -> Sequence[Delivery]:
    """The post's living deliveries, in a steady order."""
    query = select(deliveries).where(
        deliveries.c.post_id == post_id, deliveries.c.state != DeliveryState.CANCELLED
    )
    return await many(tx, Delivery, query.order_by(deliveries.c.account_id))


async def claim(
    tx: Transaction, *, owner: str, now: datetime, lease: timedelta, patience: timedelta, limit: int
) -> Sequence[Delivery]:
    """Take what is due, and what an owner that is gone has left behind.

    :param lease: for how long it is ours.
    :param patience: how long after a foreign lease's end it may be taken over.
    """
    due = and_(deliveries.c.state == DeliveryState.PENDING, deliveries.c.next_attempt_at <= now)
    abandoned = and_(
        deliveries.c.state == DeliveryState.SENDING, deliveries.c.lease_until < now - patience
    )
    chosen = (
        select(deliveries.c.id)
        .where(or_(due, abandoned))
        .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    claimed = await many(
        tx,
        Delivery,
        update(deliveries)
        .where(deliveries.c.id.in_(select(chosen.c.id)))
        .values(
            state=DeliveryState.SENDING,
            owner=owner,
            lease_until=now + lease,
            attempt=deliveries.c.attempt + 1,
        )
        .returning(deliveries),
    )
    return sorted(claimed, key=lambda delivery: (delivery.due_at, delivery.id))


async def next_due(tx: Transaction) -> datetime | None:
    """When the publisher has to look again."""
    query = select(func.min(deliveries.c.next_attempt_at)).where(
        deliveries.c.state == DeliveryState.PENDING
    )
    moment: datetime | None = (await tx.connection.execute(query)).scalar()
    return moment


def _mine(delivery: Delivery) -> Any:
    return and_(
        deliveries.c.id == delivery.id,
        deliveries.c.state == DeliveryState.SENDING,
        deliveries.c.owner == delivery.owner,
        deliveries.c.attempt == delivery.attempt,
    )


async def settle(tx: Transaction, delivery: Delivery, state: DeliveryState, **new: Any) -> bool:
    """End a claimed attempt; False if the claim was lost meanwhile."""
    return await changed(
        tx,
        update(deliveries)
        .where(_mine(delivery))
        .values(state=state, owner=None, lease_until=None, **new),
    )


async def hold(tx: Transaction, delivery: Delivery, now: datetime, lease_until: datetime) -> bool:
    """Renew the lease if the claim still holds; until the transaction ends nobody can take it."""
    return await changed(
        tx,
        update(deliveries)
        .where(_mine(delivery), deliveries.c.lease_until > now)
        .values(lease_until=lease_until),
    )


async def begin(tx: Transaction, part: Part, now: datetime) -> bool:
    """Mark a part's call as begun; False if it is done already."""
    return await changed(
        tx,
        update(parts)
        .where(parts.c.id == part.id, parts.c.state != PartState.DONE)
        .values(state=PartState.BEGUN, begun_at=func.coalesce(parts.c.begun_at, now)),
    )


async def move(
    tx: Transaction,
    delivery_id: str,
    from_states: Sequence[DeliveryState],
    to: DeliveryState,
    **new: Any,
) -> bool:
    """A person's step (retry, cancel, it is live): one conditional update."""
    return await changed(
        tx,
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(from_states))
        .values(state=to, **new),
    )


async def withdraw(tx: Transaction, post_id: str) -> bool:
    """Cancel all deliveries of a post that nobody has begun; False if one isn't pending."""
    living = await of_post(tx, post_id)
    for delivery in living:
        if not await move(
            tx, delivery.id, [DeliveryState.PENDING, DeliveryState.HELD], DeliveryState.CANCELLED
        ):
            return False
    return True


async def reschedule(tx: Transaction, post_id: str, due_at: datetime) -> bool:
    """Move all pending deliveries of a post; False if one is past that."""
    living = await of_post(tx, post_id)
    for delivery in living:
        if not await move(
            tx,
            delivery.id,
            [DeliveryState.PENDING, DeliveryState.HELD],
            DeliveryState.PENDING,
            due_at=due_at,
            next_attempt_at=due_at,
        ):
            return False
    return True


async def insert_part(tx: Transaction, part: Part) -> None:
    await add(tx, parts, part)


async def parts_of(tx: Transaction, delivery_id: str) -> Sequence[Part]:
    query = select(parts).where(parts.c.delivery_id == delivery_id)
    return await many(tx, Part, query.order_by(parts.c.position))


async def save_part(
    tx: Transaction,
    part: Part,
    *,
    state: PartState | None = None,
    frozen: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
) -> None:
    """Keep what is settled about a part."""
    new: dict[str, Any] = {}
    if state is not None:
        new["state"] = state
    if frozen is not None:
        new["frozen"] = frozen
    if result is not None:
        new["result"] = result
    await tx.connection.execute(update(parts).where(parts.c.id == part.id).values(**new))


async def restart_part(tx: Transaction, part: Part) -> None:
    """It is known that the begun call had no effect: the part may be sent anew."""
    await tx.connection.execute(
        update(parts).where(parts.c.id == part.id).values(state=PartState.PENDING, begun_at=None)
    )


async def forget_uploads(tx: Transaction, delivery_id: str) -> None:
    """The network dropped the pictures that no post took in time: upload them again."""
    await tx.connection.execute(
        update(parts)
        .where(parts.c.delivery_id == delivery_id, parts.c.kind == PartKind.UPLOAD)
        .values(state=PartState.PENDING, result=null())
    )


async def live(tx: Transaction, account_id: str, since: datetime, limit: int) -> Sequence[Delivery]:
    """What is live on an account since a time, newest first."""
    return await many(
        tx,
        Delivery,
        select(deliveries)
        .where(
            deliveries.c.account_id == account_id,
            deliveries.c.state == DeliveryState.PUBLISHED,
            deliveries.c.published_at >= since,
        )
        .order_by(deliveries.c.published_at.desc(), deliveries.c.id)
        .limit(limit),
    )
