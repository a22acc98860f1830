"""Deliveries: claiming, confirming, settling.

Every step is one conditional statement; whoever it doesn't touch a row for has lost.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from storage.records import Account, AccountState, Delivery, DeliveryState, PartKind, PartState
from storage.rows import Transaction, add, changed, many, one
from storage.tables import accounts, brakes, deliveries, parts, posts

NOT_HELD: Mapping[str, Any] = {
    "hold_reason": None,
    "hold_id": None,
    "wish": None,
    "wished_by": None,
}

# A call may be on its way. Becoming so moves the delivery's lease in the same transaction: who
# takes over what hasn't begun compares leases, which PostgreSQL looks at anew once it has the row.
_HAS_BEGUN = exists().where(
    parts.c.delivery_id == deliveries.c.id, parts.c.state == PartState.BEGUN
)
# Something is out, or may be.
_IS_OUT = exists().where(
    parts.c.delivery_id == deliveries.c.id,
    parts.c.kind == PartKind.POST,
    parts.c.state != PartState.PENDING,
)


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
    tx: Transaction,
    *,
    network: str,
    owner: str,
    now: datetime,
    ahead: timedelta,
    lease: timedelta,
    besides: Collection[str],
    limit: int,
) -> Sequence[Delivery]:
    """Take what is due on a network, soonest first.

    :param ahead: what nobody has tried yet is taken so long before it is due.
    :param lease: for how long it is ours.
    :param besides: what this process is still at, though others took it over and gave it back.
    """
    wanted = (
        select(deliveries.c.id)
        .where(
            deliveries.c.network == network,
            deliveries.c.state == DeliveryState.PENDING,
            deliveries.c.next_attempt_at <= now + ahead,
            or_(deliveries.c.next_attempt_at <= now, deliveries.c.attempt == 0),
            deliveries.c.id.not_in(besides),
        )
        .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
    )
    return await _take(tx, wanted, owner=owner, until=now + lease, limit=limit)


async def claim_abandoned(
    tx: Transaction,
    *,
    network: str,
    owner: str,
    now: datetime,
    lease: timedelta,
    patience: timedelta,
    besides: Collection[str],
    limit: int,
) -> Sequence[Delivery]:
    """Take what an owner that is gone has left behind.

    :param patience: how long after its lease's end what had begun may be taken over. What hadn't
        can't be begun by its owner any more.
    :param besides: what this process is still at, whatever its clock did meanwhile.
    """
    abandoned = (
        select(deliveries.c.id)
        .where(
            deliveries.c.network == network,
            deliveries.c.state == DeliveryState.SENDING,
            deliveries.c.lease_until < now,
            or_(deliveries.c.lease_until < now - patience, ~_HAS_BEGUN),
            deliveries.c.id.not_in(besides),
        )
        .order_by(deliveries.c.next_attempt_at, deliveries.c.id)
    )
    return await _take(tx, abandoned, owner=owner, until=now + lease, limit=limit)


async def _take(
    tx: Transaction, wanted: Select[Any], *, owner: str, until: datetime, limit: int
) -> Sequence[Delivery]:
    chosen = wanted.limit(limit).with_for_update(skip_locked=True).cte("chosen")
    taken = await many(
        tx,
        Delivery,
        update(deliveries)
        .where(deliveries.c.id.in_(select(chosen.c.id)))
        .values(
            state=DeliveryState.SENDING,
            owner=owner,
            lease_until=until,
            attempt=deliveries.c.attempt + 1,
        )
        .returning(deliveries),
    )
    return sorted(taken, key=lambda delivery: (delivery.due_at, delivery.id))


async def next_due(tx: Transaction, networks: Collection[str]) -> datetime | None:
    """When the publisher has to look again, on these networks."""
    moments = []
    for network in networks:  # one short look into the index each
        query = select(func.min(deliveries.c.next_attempt_at)).where(
            deliveries.c.network == network, deliveries.c.state == DeliveryState.PENDING
        )
        moments.append((await tx.connection.execute(query)).scalar())
    return min((moment for moment in moments if moment is not None), default=None)


def _claimed(owner: Any, ids: Any) -> Any:
    """An owner is at a delivery once at most, so owner and id say which claim it is."""
    return and_(
        deliveries.c.id.in_(ids),
        deliveries.c.state == DeliveryState.SENDING,
        deliveries.c.owner == owner,
    )


# What publishing runs for each post is made once: making it takes longer than running it.
_THESE: BindParameter[Any] = bindparam("ids", expanding=True)
_STILL_CLAIMED = (
    select(deliveries.c.id)
    .where(_claimed(bindparam("by"), _THESE))
    .order_by(deliveries.c.id)
    .with_for_update()
)


async def still_claimed(tx: Transaction, owner: str, ids: Collection[str]) -> frozenset[str]:
    """Which of them are still the owner's; until the transaction ends nobody can take those."""
    rows = await tx.connection.execute(_STILL_CLAIMED, {"by": owner, "ids": list(ids)})
    return frozenset(row.id for row in rows)


async def renew(
    tx: Transaction, owner: str, ids: Collection[str], now: datetime, lease_until: datetime
) -> None:
    """Keep claims that still hold from running out; one that is being worked on is renewed by
    that. None gets shorter."""
    holding = select(deliveries.c.id).where(
        _claimed(owner, ids),
        deliveries.c.lease_until > now,
        deliveries.c.lease_until < lease_until,
    )
    await tx.connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(holding.with_for_update(skip_locked=True)))
        .values(lease_until=lease_until)
    )


_ITS_CAMPAIGN = select(posts.c.campaign_id).where(posts.c.id == deliveries.c.post_id)
_BRAKED = exists().where(
    brakes.c.workspace_id == deliveries.c.workspace_id,
    brakes.c.released_at.is_(None),
    or_(
        and_(brakes.c.account_id.is_(None), brakes.c.campaign_id.is_(None)),
        brakes.c.account_id == deliveries.c.account_id,
        brakes.c.campaign_id == _ITS_CAMPAIGN.correlate(deliveries).scalar_subquery(),
    ),
)
_READY = exists().where(
    accounts.c.id == deliveries.c.account_id,
    accounts.c.state == AccountState.ACTIVE,
    or_(accounts.c.limited_until.is_(None), accounts.c.limited_until <= bindparam("now")),
)
_CONFIRM = (
    update(deliveries)
    .where(
        _claimed(bindparam("by"), _THESE),
        deliveries.c.lease_until > bindparam("now"),
        ~_BRAKED,
        _READY,
    )
    .values(lease_until=bindparam("until"))
    .returning(deliveries.c.id)
)


async def confirm(
    tx: Transaction, owner: str, ids: Collection[str], now: datetime, lease_until: datetime
) -> frozenset[str]:
    """The last look before calls: which may be made now. The claim holds, no brake is on, and the
    account is active and not limited. Their leases are renewed."""
    given = {"by": owner, "ids": list(ids), "now": now, "until": lease_until}
    rows = await tx.connection.execute(_CONFIRM, given)
    return frozenset(row.id for row in rows)


async def settle(tx: Transaction, delivery: Delivery, state: DeliveryState, **new: Any) -> bool:
    """End a claimed attempt; False if the claim was lost meanwhile."""
    assert delivery.owner is not None
    return await changed(
        tx,
        update(deliveries)
        .where(_claimed(delivery.owner, [delivery.id]))
        .values(state=state, owner=None, lease_until=None, **new),
    )


_SETTLE_PUBLISHED = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(
        state=DeliveryState.PUBLISHED,
        owner=None,
        lease_until=None,
        problem=None,
        published_at=bindparam("now"),
        remote_id=bindparam("remote"),
        url=bindparam("address"),
    )
)


async def settle_published(
    tx: Transaction, live: Mapping[str, tuple[str, str]], now: datetime
) -> None:
    """End claimed attempts that brought the post out: remote id and address by delivery."""
    await tx.connection.execute(
        _SETTLE_PUBLISHED,
        [
            {"delivery": delivery, "remote": remote_id, "address": url, "now": now}
            for delivery, (remote_id, url) in live.items()
        ],
    )


async def give_back(tx: Transaction, owner: str, ids: Collection[str]) -> None:
    """Claims whose next call isn't made: it is as if they had never been claimed."""
    await tx.connection.execute(
        update(deliveries)
        .where(_claimed(owner, ids))
        .values(
            state=DeliveryState.PENDING,
            owner=None,
            lease_until=None,
            attempt=case((_IS_OUT, deliveries.c.attempt), else_=deliveries.c.attempt - 1),
        )
    )


async def release_unbegun(
    tx: Transaction, owner: str, networks: Collection[str], besides: Collection[str]
) -> None:
    """Give back an owner's claims on these networks of which no call is under way.

    :param besides: what the owner goes on with.
    """
    query = select(deliveries.c.id).where(
        deliveries.c.network.in_(networks),  # for the index that claiming has
        deliveries.c.state == DeliveryState.SENDING,
        deliveries.c.owner == owner,
        deliveries.c.id.not_in(besides),
        ~_HAS_BEGUN,
    )
    rows = await tx.connection.execute(query)
    await give_back(tx, owner, [row.id for row in rows])


async def put_off(tx: Transaction, account: Account, until: datetime) -> None:
    """What is due on an account before a time waits until then; its promise stays as it is.

    What somebody works on at the moment is left out: it finds the account's limit when claimed.
    """
    due = select(deliveries.c.id).where(
        deliveries.c.network == account.network,  # for the index that claiming has
        deliveries.c.state == DeliveryState.PENDING,
        deliveries.c.next_attempt_at < until,
        deliveries.c.account_id == account.id,
    )
    await tx.connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(due.with_for_update(skip_locked=True)))
        .values(next_attempt_at=until)
    )


_OF_POSTS = select(deliveries).where(
    deliveries.c.post_id.in_(_THESE), deliveries.c.state != DeliveryState.CANCELLED
)


async def of_posts(tx: Transaction, post_ids: Collection[str]) -> Sequence[Delivery]:
    """The living deliveries of several posts."""
    return await many(tx, Delivery, _OF_POSTS, {"ids": list(post_ids)})


async def move(
    tx: Transaction,
    delivery_id: str,
    from_states: Sequence[DeliveryState],
    to: DeliveryState,
    **new: Any,
) -> bool:
    """A person's step (retry, cancel, it is live): one conditional update. What was held isn't
    any more."""
    return await changed(
        tx,
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(from_states))
        .values(**{"state": to, **NOT_HELD, **new}),
    )


async def is_out(tx: Transaction, post_id: str) -> bool:
    """Whether something of a post is out, or may be."""
    living = deliveries.c.state != DeliveryState.CANCELLED
    query = select(exists().where(deliveries.c.post_id == post_id, living, _IS_OUT))
    return bool((await tx.connection.execute(query)).scalar())


async def withdraw(tx: Transaction, post_id: str) -> bool:
    """Cancel a post's deliveries; False if one is on its way, or something of it may be out."""
    at_rest = (DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.FAILED)
    living = await of_post(tx, post_id)
    for delivery in living:
        if not await changed(
            tx,
            update(deliveries)
            .where(
                deliveries.c.id == delivery.id,
                deliveries.c.state.in_(at_rest),
                ~_IS_OUT,
            )
            .values(state=DeliveryState.CANCELLED, **NOT_HELD),
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
