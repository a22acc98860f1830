"""Notices: Slack messages that are owed (an outbox).

A claim is held by its lease: ``next_attempt_at`` of the claimed notice, which no later claim has
again. Whoever has lost it changes nothing any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from storage.records import Card, Notice, NoticeState
from storage.rows import Transaction, add, changed, many, new_id, one
from storage.tables import notices


async def owe(
    tx: Transaction,
    workspace_id: str,
    card: str,
    subject_id: str,
    destination: str,
    now: datetime,
) -> None:
    """Owe a card to a destination, or its newer version where it was sent before."""
    again_ = (
        update(notices)
        .where(
            notices.c.workspace_id == workspace_id,
            notices.c.card == card,
            notices.c.subject_id == subject_id,
            notices.c.destination == destination,
        )
        .values(**_anew(now))
    )
    if await changed(tx, again_):
        return
    notice = Notice(
        id=new_id(),
        workspace_id=workspace_id,
        card=card,
        subject_id=subject_id,
        destination=destination,
        channel=None,
        ts=None,
        version=1,
        sent_version=0,
        state=NoticeState.OWED,
        attempt=0,
        next_attempt_at=now,
        problem=None,
    )
    try:
        async with tx.connection.begin_nested():
            await add(tx, notices, notice)
    except IntegrityError:  # another process owed it at the same moment
        await tx.connection.execute(again_)


def _anew(now: datetime) -> dict[str, Any]:
    """A newer version is owed: at once, or as soon as the send that is under way has ended."""
    being_sent = notices.c.state == NoticeState.SENDING
    return {
        "version": notices.c.version + 1,
        "state": case((being_sent, notices.c.state), else_=NoticeState.OWED),
        "next_attempt_at": case((being_sent, notices.c.next_attempt_at), else_=now),
        "attempt": case((being_sent, notices.c.attempt), else_=0),
    }


async def refresh(tx: Transaction, workspace_id: str, subject_id: str, now: datetime) -> None:
    """What cards about a subject show has changed: all of them are owed again."""
    await tx.connection.execute(
        update(notices)
        .where(notices.c.workspace_id == workspace_id, notices.c.subject_id == subject_id)
        .values(**_anew(now))
    )


async def claim(
    tx: Transaction,
    now: datetime,
    lease_until: datetime,
    limit: int,
    *,
    besides: frozenset[str] = frozenset(),
) -> Sequence[Notice]:
    """Take what is owed now; what a gone process was sending comes back after its lease.

    :param besides: destinations that are being sent to already.
    """
    chosen = await tx.connection.execute(
        select(notices.c.id)
        .where(_waiting(besides), notices.c.next_attempt_at <= now)
        .order_by(notices.c.next_attempt_at, notices.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = [row.id for row in chosen]
    taken = await many(
        tx,
        Notice,
        update(notices)
        .where(notices.c.id.in_(ids))
        .values(
            state=NoticeState.SENDING,
            next_attempt_at=lease_until,
            attempt=notices.c.attempt + 1,
        )
        .returning(notices),
    )
    # RETURNING has no order. Cards come before what stands in their threads.
    return sorted(taken, key=lambda one: (one.card != Card.APPROVAL, ids.index(one.id)))


def _waiting(besides: frozenset[str]) -> Any:
    return and_(
        notices.c.state.in_([NoticeState.OWED, NoticeState.SENDING]),
        notices.c.destination.not_in(besides),
    )


def _mine(notice: Notice) -> Any:
    return and_(
        notices.c.id == notice.id,
        notices.c.state == NoticeState.SENDING,
        notices.c.next_attempt_at == notice.next_attempt_at,
        notices.c.attempt == notice.attempt,
    )


async def hold(tx: Transaction, notice: Notice, lease_until: datetime) -> Notice | None:
    """Renew a claim right before Slack is called; None if it was lost.

    ``channel`` and ``ts`` are what is known now, ``version`` stays the one that was claimed: a
    newer one is sent as well.
    """
    held = await one(
        tx,
        Notice,
        update(notices).where(_mine(notice)).values(next_attempt_at=lease_until).returning(notices),
    )
    return None if held is None else replace(held, version=notice.version)


async def sent(tx: Transaction, notice: Notice, channel: str, ts: str, now: datetime) -> None:
    """Slack took the version that was claimed; a newer one is owed at once.

    Where the message is gets known even if the claim was lost, so that nobody posts it anew.
    """
    newer = notices.c.version > notice.version
    settled = await changed(
        tx,
        update(notices)
        .where(_mine(notice))
        .values(
            channel=channel,
            ts=ts,
            sent_version=notice.version,
            problem=None,
            attempt=0,
            state=case((newer, NoticeState.OWED), else_=NoticeState.SENT),
            next_attempt_at=now,
        ),
    )
    if not settled:
        await tx.connection.execute(
            update(notices)
            .where(notices.c.id == notice.id, notices.c.ts.is_(None))
            .values(channel=channel, ts=ts)
        )


async def again(
    tx: Transaction, notice: Notice, at: datetime, problem: str, *, forget_ts: bool = False
) -> None:
    """It didn't work; owe it again from a time on."""
    new: dict[str, Any] = {"state": NoticeState.OWED, "next_attempt_at": at, "problem": problem}
    if forget_ts:
        new |= {"channel": None, "ts": None}
    await tx.connection.execute(update(notices).where(_mine(notice)).values(**new))


async def give_back(tx: Transaction, notice: Notice, now: datetime) -> None:
    """It was claimed and nothing was sent: it is as if it had never been claimed."""
    await tx.connection.execute(
        update(notices)
        .where(_mine(notice))
        .values(state=NoticeState.OWED, next_attempt_at=now, attempt=notices.c.attempt - 1)
    )


async def broken(tx: Transaction, notice: Notice, problem: str, now: datetime) -> None:
    """Its destination is dead: kept, and not tried again until it is owed anew (which may have
    happened meanwhile)."""
    newer = notices.c.version > notice.version
    await tx.connection.execute(
        update(notices)
        .where(_mine(notice))
        .values(
            state=case((newer, NoticeState.OWED), else_=NoticeState.BROKEN),
            next_attempt_at=now,
            problem=problem,
        )
    )


async def next_due(tx: Transaction, *, besides: frozenset[str] = frozenset()) -> datetime | None:
    """When there is something to send again.

    :param besides: destinations that are being sent to already.
    """
    query = select(func.min(notices.c.next_attempt_at)).where(_waiting(besides))
    moment: datetime | None = (await tx.connection.execute(query)).scalar()
    return moment


async def of_subject(tx: Transaction, workspace_id: str, subject_id: str) -> Sequence[Notice]:
    """All notices about a post or a mention."""
    return await many(
        tx,
        Notice,
        select(notices).where(
            notices.c.workspace_id == workspace_id, notices.c.subject_id == subject_id
        ),
    )


async def of_card(tx: Transaction, workspace_id: str, card: str, subject_id: str) -> Notice | None:
    """The notice of a card about a subject, wherever it went."""
    return await one(
        tx,
        Notice,
        select(notices)
        .where(
            notices.c.workspace_id == workspace_id,
            notices.c.card == card,
            notices.c.subject_id == subject_id,
        )
        .limit(1),
    )


async def of_cards(
    tx: Transaction, workspace_id: str, card: str, subject_ids: Sequence[str]
) -> Mapping[str, Notice]:
    """The notices of a card about several subjects, by subject."""
    found = await many(
        tx,
        Notice,
        select(notices).where(
            notices.c.workspace_id == workspace_id,
            notices.c.card == card,
            notices.c.subject_id.in_(subject_ids),
        ),
    )
    return {notice.subject_id: notice for notice in found}


async def mend(
    tx: Transaction, workspace_id: str, destination: str, now: datetime, *, moved_to: str
) -> None:
    """A destination that refused messages is mended, or has moved: owe what is kept for it.

    :param moved_to: the new destination; the same one if it takes messages again. A card that
        the new one shows already stays where it is.
    """
    shown = notices.alias()
    shown_there = exists().where(
        shown.c.workspace_id == notices.c.workspace_id,
        shown.c.card == notices.c.card,
        shown.c.subject_id == notices.c.subject_id,
        shown.c.destination == moved_to,
        shown.c.id != notices.c.id,
    )
    await tx.connection.execute(
        update(notices)
        .where(
            notices.c.workspace_id == workspace_id,
            notices.c.destination == destination,
            notices.c.state == NoticeState.BROKEN,
            ~shown_there,
        )
        .values(
            destination=moved_to,
            state=NoticeState.OWED,
            next_attempt_at=now,
            attempt=0,
            **({} if moved_to == destination else {"channel": None, "ts": None}),
        )
    )


async def count_broken(tx: Transaction, workspace_id: str) -> Mapping[str, int]:
    """How many messages are kept for destinations that refuse them, by destination."""
    rows = await tx.connection.execute(
        select(notices.c.destination, func.count().label("kept"))
        .where(notices.c.workspace_id == workspace_id, notices.c.state == NoticeState.BROKEN)
        .group_by(notices.c.destination)
    )
    return {row.destination: row.kept for row in rows}
