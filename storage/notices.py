"""Notices: Slack messages that are owed (an outbox)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, func, or_, select, update

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
    known = await changed(
        tx,
        update(notices)
        .where(
            notices.c.workspace_id == workspace_id,
            notices.c.card == card,
            notices.c.subject_id == subject_id,
            notices.c.destination == destination,
        )
        .values(**_anew(now)),
    )
    if not known:
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
        await add(tx, notices, notice)


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
    due = and_(
        notices.c.state.in_([NoticeState.OWED, NoticeState.SENDING]),
        notices.c.next_attempt_at <= now,
        notices.c.destination.not_in(besides),
    )
    chosen = (
        select(notices.c.id)
        .where(due)
        .order_by(notices.c.next_attempt_at, notices.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    taken = await many(
        tx,
        Notice,
        update(notices)
        .where(notices.c.id.in_(select(chosen.c.id)))
        .values(
            state=NoticeState.SENDING,
            next_attempt_at=lease_until,
            attempt=notices.c.attempt + 1,
        )
        .returning(notices),
    )
    return sorted(taken, key=lambda notice: notice.card != Card.APPROVAL)  # then their threads


async def sent(tx: Transaction, notice: Notice, channel: str, ts: str) -> None:
    """Slack took the version that was claimed; a newer one is owed at once."""
    await tx.connection.execute(
        update(notices)
        .where(notices.c.id == notice.id)
        .values(channel=channel, ts=ts, sent_version=notice.version, problem=None, attempt=0)
    )
    await tx.connection.execute(
        update(notices)
        .where(notices.c.id == notice.id, notices.c.version == notice.version)
        .values(state=NoticeState.SENT)
    )
    await tx.connection.execute(
        update(notices)
        .where(notices.c.id == notice.id, notices.c.version > notice.version)
        .values(state=NoticeState.OWED)
    )


async def again(
    tx: Transaction, notice: Notice, at: datetime, problem: str, *, forget_ts: bool = False
) -> None:
    """It didn't work; owe it again from a time on."""
    new: dict[str, Any] = {"state": NoticeState.OWED, "next_attempt_at": at, "problem": problem}
    if forget_ts:
        new |= {"channel": None, "ts": None}
    await tx.connection.execute(update(notices).where(notices.c.id == notice.id).values(**new))


async def broken(tx: Transaction, notice: Notice, problem: str) -> None:
    """Its destination is dead: kept, and not tried again until it is owed anew."""
    await tx.connection.execute(
        update(notices)
        .where(notices.c.id == notice.id)
        .values(state=NoticeState.BROKEN, problem=problem)
    )


async def next_due(tx: Transaction) -> datetime | None:
    query = select(func.min(notices.c.next_attempt_at)).where(
        or_(notices.c.state == NoticeState.OWED, notices.c.state == NoticeState.SENDING)
    )
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
