"""Holds: one person's list of held deliveries. A person has one open list.

Whoever needs several locks takes them in this order: post, list, deliveries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from storage import history, notices
from storage.records import (
    Delivery,
    DeliveryState,
    Hold,
    HoldReason,
    PartKind,
    PartState,
    Post,
    Revision,
    When,
)
from storage.rows import Transaction, add, changed, many, new_id, one
from storage.tables import deliveries, holds, parts, posts, revisions

HELD = DeliveryState.HELD
OFF_THE_LIST = {"hold_reason": None, "hold_id": None, "wish": None, "wished_by": None}


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A post with what is held of it, soonest due first."""

    post: Post
    revision: Revision
    deliveries: Sequence[Delivery]


async def join(
    tx: Transaction, workspace_id: str, author_id: str, now: datetime
) -> tuple[str, bool]:
    """The id of the author's open list, and whether it was opened for this; nobody can close it
    until the transaction ends."""
    while True:
        found = await locked(tx, workspace_id, author_id)
        if found is not None:
            return found.id, False
        opened = Hold(new_id(), workspace_id, author_id, opened_at=now, closed_at=None)
        try:
            async with tx.connection.begin_nested():
                await add(tx, holds, opened)
        except IntegrityError:  # another process opened it at the same moment
            continue
        return opened.id, True


async def locked(tx: Transaction, workspace_id: str, author_id: str) -> Hold | None:
    """The author's open list, locked until the transaction ends."""
    return await one(tx, Hold, _open(workspace_id, author_id).with_for_update(key_share=True))


async def open_of(tx: Transaction, workspace_id: str, author_id: str) -> Hold | None:
    """The author's open list."""
    return await one(tx, Hold, _open(workspace_id, author_id))


async def newest_of(tx: Transaction, workspace_id: str, author_id: str) -> Hold | None:
    """The author's list that was opened last, on which nothing may be left."""
    query = select(holds).where(
        holds.c.workspace_id == workspace_id, holds.c.author_id == author_id
    )
    return await one(tx, Hold, query.order_by(holds.c.opened_at.desc(), holds.c.id).limit(1))


def _open(workspace_id: str, author_id: str) -> Select[Any]:
    return select(holds).where(
        holds.c.workspace_id == workspace_id,
        holds.c.author_id == author_id,
        holds.c.closed_at.is_(None),
    )


async def of_post(tx: Transaction, post: Post) -> Hold | None:
    """The list that something of a post is on, locked until the transaction ends."""
    on_it = select(deliveries.c.hold_id).where(
        deliveries.c.post_id == post.id, deliveries.c.state == HELD
    )
    return await one(
        tx, Hold, select(holds).where(holds.c.id.in_(on_it)).with_for_update(key_share=True)
    )


async def get(tx: Transaction, workspace_id: str, hold_id: str) -> Hold | None:
    return await one(
        tx, Hold, select(holds).where(holds.c.workspace_id == workspace_id, holds.c.id == hold_id)
    )


async def open_ones(tx: Transaction, workspace_id: str) -> Sequence[Hold]:
    """Everybody's open lists, oldest first."""
    query = select(holds).where(holds.c.workspace_id == workspace_id, holds.c.closed_at.is_(None))
    return await many(tx, Hold, query.order_by(holds.c.opened_at, holds.c.id))


def _listed(
    workspace_id: str, hold_id: str | None, reason: HoldReason | None, *, only_asked: bool = False
) -> Any:
    """What is held, found through the open lists: they are few, whatever is scheduled."""
    on_list = (
        deliveries.c.hold_id.in_(
            select(holds.c.id).where(
                holds.c.workspace_id == workspace_id, holds.c.closed_at.is_(None)
            )
        )
        if hold_id is None
        else deliveries.c.hold_id == hold_id
    )
    held = and_(deliveries.c.workspace_id == workspace_id, deliveries.c.state == HELD, on_list)
    if reason is not None:
        held = and_(held, deliveries.c.hold_reason == reason)
    return and_(held, deliveries.c.wish.is_not(None)) if only_asked else held


async def post_ids(
    tx: Transaction,
    workspace_id: str,
    *,
    hold_id: str | None = None,
    reason: HoldReason | None = None,
    only_asked: bool = False,
) -> Sequence[str]:
    """The posts of which something is held, soonest due first.

    :param hold_id: on one list only.
    :param reason: for one reason only.
    :param only_asked: those that somebody asks to let go.
    """
    query: Select[Any] = (
        select(deliveries.c.post_id)
        .where(_listed(workspace_id, hold_id, reason, only_asked=only_asked))
        .group_by(deliveries.c.post_id)
        .order_by(func.min(deliveries.c.due_at), deliveries.c.post_id)
    )
    return [row.post_id for row in await tx.connection.execute(query)]


async def held_among(tx: Transaction, wanted: Sequence[str]) -> frozenset[str]:
    """Which of these posts something is held of."""
    query = select(deliveries.c.post_id).where(
        deliveries.c.post_id.in_(wanted), deliveries.c.state == HELD
    )
    return frozenset(row.post_id for row in await tx.connection.execute(query))


async def rows(tx: Transaction, workspace_id: str, wanted: Sequence[str]) -> Sequence[HeldRow]:
    """These posts with what is held of them, in this order; one of which nothing is held any more
    is left out."""
    found = await many(tx, Post, select(posts).where(posts.c.id.in_(wanted)))
    by_id = {post.id: post for post in found if post.workspace_id == workspace_id}
    texts = await many(
        tx,
        Revision,
        select(revisions).where(revisions.c.id.in_([post.revision_id for post in found])),
    )
    contents = {revision.id: revision for revision in texts}
    query = select(deliveries).where(deliveries.c.post_id.in_(wanted), deliveries.c.state == HELD)
    held: dict[str, list[Delivery]] = {}
    for delivery in await many(
        tx, Delivery, query.order_by(deliveries.c.due_at, deliveries.c.account_id)
    ):
        held.setdefault(delivery.post_id, []).append(delivery)
    return [
        HeldRow(by_id[key], contents[by_id[key].revision_id], held[key])
        for key in wanted
        if key in held and key in by_id
    ]


def _has_post(*states: PartState) -> Any:
    """A post of the delivery is in one of these states."""
    return exists().where(
        parts.c.delivery_id == deliveries.c.id,
        parts.c.kind == PartKind.POST,
        parts.c.state.in_(states),
    )


def _is_out_or_may_be() -> Any:
    """Something of the delivery is out or may be."""
    return _has_post(PartState.BEGUN, PartState.DONE)


async def let_go(tx: Transaction, ids: Sequence[str], due_at: datetime) -> int:
    """Held deliveries are promised for a time; how many of them were still held.

    One of which nothing is out begins anew; else its attempts go on counting.
    """
    begun = _is_out_or_may_be()
    done = await tx.connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), deliveries.c.state == HELD)
        .values(
            state=DeliveryState.PENDING,
            due_at=due_at,
            next_attempt_at=due_at,
            attempt=case((begun, deliveries.c.attempt), else_=0),
            problem=case((begun, deliveries.c.problem), else_=None),
            **OFF_THE_LIST,
        )
    )
    return done.rowcount


async def drop(
    tx: Transaction, ids: Sequence[str], may_be_out: str, half_out: str
) -> tuple[int, int]:
    """Held deliveries don't go out: of how many nobody knows, because their call had begun, and how
    many are threads that end halfway. The others are cancelled.

    :param may_be_out: what is said of those nobody knows about.
    :param half_out: what is said of the threads.
    """
    held = and_(deliveries.c.id.in_(ids), deliveries.c.state == HELD)
    unknown = await tx.connection.execute(
        update(deliveries)
        .where(held, _has_post(PartState.BEGUN))
        .values(state=DeliveryState.UNKNOWN, problem=may_be_out, **OFF_THE_LIST)
    )
    halfway = await tx.connection.execute(
        update(deliveries)
        .where(held, _has_post(PartState.DONE))
        .values(state=DeliveryState.FAILED, problem=half_out, **OFF_THE_LIST)
    )
    await tx.connection.execute(
        update(deliveries).where(held).values(state=DeliveryState.CANCELLED, **OFF_THE_LIST)
    )
    return unknown.rowcount, halfway.rowcount


async def wish(tx: Transaction, ids: Sequence[str], wanted: When, by: str) -> int:
    """Note what a person asks for; of how many that are still held it wasn't asked yet."""
    other = (
        deliveries.c.wish.is_(None) | (deliveries.c.wish != wanted) | (deliveries.c.wished_by != by)
    )
    noted = await tx.connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), deliveries.c.state == HELD, other)
        .values(wish=wanted, wished_by=by)
    )
    return noted.rowcount


async def reconnected(tx: Transaction, workspace_id: str, account_id: str, now: datetime) -> bool:
    """An account is connected again: what waited for that is due again, and the cards show it.
    Whether there was anything."""
    on_account = and_(_listed(workspace_id, None, None), deliveries.c.account_id == account_id)
    waiting = and_(on_account, deliveries.c.hold_reason == HoldReason.ACCOUNT)
    lists = select(deliveries.c.hold_id).where(on_account).distinct()
    ids = sorted(row.hold_id for row in await tx.connection.execute(lists))
    affected = await many(
        tx,
        Hold,
        select(holds)
        .where(holds.c.id.in_(ids))
        .order_by(holds.c.id)
        .with_for_update(key_share=True),
    )
    done = await tx.connection.execute(
        update(deliveries)
        .where(waiting)
        .values(
            state=DeliveryState.PENDING,
            attempt=case((_is_out_or_may_be(), deliveries.c.attempt), else_=0),
            **OFF_THE_LIST,
        )
        .returning(deliveries.c.post_id, deliveries.c.revision_id)
    )
    gone = sorted({(row.post_id, row.revision_id) for row in done})
    due = [(workspace_id, post_id, revision_id, account_id) for post_id, revision_id in gone]
    await history.note_all(tx, due, "due again", now)
    for post_id, _ in gone:
        await notices.refresh(tx, workspace_id, post_id, now)
    for hold in affected:
        await changed_list(tx, hold, now)
    return bool(gone)


async def left(
    tx: Transaction, hold: Hold | None, post: Post, who: str, did: str, now: datetime
) -> None:
    """A post was edited, moved or cancelled elsewhere: nothing of it is held any more.

    :param hold: what `of_post` gave before that.
    """
    if hold is not None:
        await history.note(tx, post.workspace_id, hold.id, who, did, now, post.id)
        await changed_list(tx, hold, now)


async def changed_list(tx: Transaction, hold: Hold, now: datetime) -> None:
    """Something left a list that is locked: close it if nothing is left on it; its cards are owed
    anew."""
    still_held = exists().where(deliveries.c.hold_id == hold.id, deliveries.c.state == HELD)
    await changed(
        tx,
        update(holds)
        .where(holds.c.id == hold.id, holds.c.closed_at.is_(None), ~still_held)
        .values(closed_at=now),
    )
    await shows_else(tx, hold, now)


async def shows_else(tx: Transaction, hold: Hold, now: datetime) -> None:
    """What cards and the author's inbox show of a list has changed."""
    await notices.refresh(tx, hold.workspace_id, hold.id, now)
    at_once = timedelta(0)
    notices.refresh_lists(tx, hold.workspace_id, [hold.author_id], now, wait=at_once)
