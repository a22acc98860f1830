"""Notices: Slack messages that are owed (an outbox). Sending: ``storage/notice_claims.py``."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from storage.records import Card, Notice, NoticeState
from storage.rows import Transaction, add, changed, many, new_id, one
from storage.tables import notices

# A network that is out fails many posts at once; their author gets one message about all of them,
# which waits this long for its like.
GATHERS = {Card.TROUBLE: timedelta(seconds=2)}

# Somebody who decides a dozen posts changes everybody's lists a dozen times: few edits show it.
LISTS = (Card.REVIEW, Card.INBOX)
LISTS_WAIT = timedelta(seconds=2)


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
        .values(**anew(now))
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
        next_attempt_at=now + GATHERS.get(Card(card), timedelta(0)),
        problem=None,
    )
    try:
        async with tx.connection.begin_nested():
            await add(tx, notices, notice)
    except IntegrityError:  # another process owed it at the same moment
        await tx.connection.execute(again_)


def anew(now: datetime | BindParameter[datetime]) -> dict[str, Any]:
    """A newer version is owed: at once, or as soon as the send that is under way has ended.

    What waits for its first try, or was shown just now, keeps its time.
    """
    being_sent = notices.c.state == NoticeState.SENDING
    keeps_its_time = or_(
        being_sent,
        and_(notices.c.state == NoticeState.OWED, notices.c.attempt == 0),
        and_(notices.c.state == NoticeState.SENT, notices.c.next_attempt_at > now),
    )
    return {
        "version": notices.c.version + 1,
        "state": case((being_sent, notices.c.state), else_=NoticeState.OWED),
        "next_attempt_at": case((keeps_its_time, notices.c.next_attempt_at), else_=now),
        "attempt": case((being_sent, notices.c.attempt), else_=0),
    }


async def refresh(tx: Transaction, workspace_id: str, subject_id: str, now: datetime) -> None:
    """What cards about a subject show has changed: all of them are owed again."""
    await tx.connection.execute(
        update(notices)
        .where(notices.c.workspace_id == workspace_id, notices.c.subject_id == subject_id)
        .values(**anew(now))
    )


_REFRESH_ALL = (  # made once: publishing runs it for each post
    update(notices)
    .where(notices.c.subject_id.in_(bindparam("ids", expanding=True)))
    .values(**anew(bindparam("now", type_=notices.c.next_attempt_at.type)))
)


async def refresh_all(tx: Transaction, subject_ids: Collection[str], now: datetime) -> None:
    """As `refresh`, for several subjects of any workspace."""
    await tx.connection.execute(_REFRESH_ALL, {"ids": list(subject_ids), "now": now})


def refresh_lists(
    tx: Transaction,
    workspace_id: str,
    user_ids: Collection[str],
    now: datetime,
    *,
    wait: timedelta = LISTS_WAIT,
) -> None:
    """What people's own lists show has changed: those that stand in Slack, or are on their way
    there, are edited soon."""
    for user_id in user_ids:
        before = tx.stale_lists.get((workspace_id, user_id), now + wait)
        tx.stale_lists[workspace_id, user_id] = min(before, now + wait)


async def edit_lists(tx: Transaction) -> None:
    """Owe the edits of the lists that this transaction has made stale. Called right before its
    commit: they are locked after all else and in one order, as many steps touch the same people's.
    """
    if not tx.stale_lists:
        return
    stand = (
        select(notices.c.id, notices.c.workspace_id, notices.c.subject_id)
        .where(
            tuple_(notices.c.workspace_id, notices.c.subject_id).in_(list(tx.stale_lists)),
            notices.c.card.in_(LISTS),
            or_(notices.c.ts.is_not(None), notices.c.state == NoticeState.SENDING),
        )
        .order_by(notices.c.id)
        .with_for_update()
    )
    by_time: dict[datetime, list[str]] = defaultdict(list)
    for row in await tx.connection.execute(stand):
        by_time[tx.stale_lists[row.workspace_id, row.subject_id]].append(row.id)
    for at, ids in by_time.items():
        await tx.connection.execute(update(notices).where(notices.c.id.in_(ids)).values(**anew(at)))


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


async def by_message(tx: Transaction, workspace_id: str, channel: str, ts: str) -> Sequence[Notice]:
    """The notices that a message of Slack shows: one, or several that were joined."""
    return await many(
        tx,
        Notice,
        select(notices).where(
            notices.c.workspace_id == workspace_id,
            notices.c.channel == channel,
            notices.c.ts == ts,
        ),
    )


async def is_posting(tx: Transaction, workspace_id: str, destination: str) -> bool:
    """Whether a new message is on its way there, so that nobody knows its ``ts`` yet."""
    query = select(
        exists().where(
            notices.c.workspace_id == workspace_id,
            notices.c.destination == destination,
            notices.c.state.in_([NoticeState.OWED, NoticeState.SENDING]),
            notices.c.begun_at.is_not(None),
        )
    )
    return bool((await tx.connection.execute(query)).scalar())


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

    What the admins were told about it says so as well.

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
            **({} if moved_to == destination else {"channel": None, "ts": None, "begun_at": None}),
        )
    )
    await refresh(tx, workspace_id, destination, now)


async def owe_kept(tx: Transaction, workspace_id: str, problem: str, now: datetime) -> None:
    """Owe again what was kept in a workspace because of a problem that is over."""
    await tx.connection.execute(
        update(notices)
        .where(
            notices.c.workspace_id == workspace_id,
            notices.c.state == NoticeState.BROKEN,
            notices.c.problem == problem,
        )
        .values(state=NoticeState.OWED, next_attempt_at=now, attempt=0, problem=None)
    )


async def count_broken(tx: Transaction, workspace_id: str) -> Mapping[str, int]:
    """How many messages are kept for destinations that refuse them, by destination."""
    rows = await tx.connection.execute(
        select(notices.c.destination, func.count().label("kept"))
        .where(notices.c.workspace_id == workspace_id, notices.c.state == NoticeState.BROKEN)
        .group_by(notices.c.destination)
    )
    return {row.destination: row.kept for row in rows}


async def joined_to(tx: Transaction, notice: Notice) -> Sequence[Notice]:
    """The notices that are shown in this one's message too."""
    query = select(notices).where(
        notices.c.workspace_id == notice.workspace_id, notices.c.joined_to == notice.id
    )
    return await many(tx, Notice, query)


async def start_anew(
    tx: Transaction, workspace_id: str, card: str, subject_id: str, before: str, now: datetime
) -> None:
    """Let what is owed next of a card be a new message.

    The one that stands is edited from now on by the card ``before``, which says so; one that is
    several notices' goes on without this one.
    """
    stands = await of_card(tx, workspace_id, card, subject_id)
    if stands is None or stands.ts is None:
        return
    if stands.joined_to is not None:
        await _change(tx, stands.joined_to, **anew(now))
        await _remove(tx, notices.c.id == stands.id)
    elif others := await joined_to(tx, stands):
        # Its message becomes the first other's; this one's own row is made anew.
        await _change(tx, stands.id, **anew(now))
        await _remove(tx, notices.c.id == others[0].id)
        await _change(tx, stands.id, subject_id=others[0].subject_id)
    else:
        await _remove(
            tx,
            and_(
                notices.c.workspace_id == workspace_id,
                notices.c.card == before,
                notices.c.subject_id == subject_id,
                notices.c.destination == stands.destination,
            ),
        )
        await _change(tx, stands.id, card=before, **anew(now))


async def _change(tx: Transaction, notice_id: str, **new: Any) -> None:
    await tx.connection.execute(update(notices).where(notices.c.id == notice_id).values(**new))


async def _remove(tx: Transaction, which: ColumnElement[bool]) -> None:
    await tx.connection.execute(delete(notices).where(which))


async def part_with(tx: Transaction, workspace_id: str, card: str, subject_id: str) -> None:
    """Leave the messages of a card as they are: what is owed next is a new message."""
    await tx.connection.execute(
        update(notices)
        .where(
            notices.c.workspace_id == workspace_id,
            notices.c.card == card,
            notices.c.subject_id == subject_id,
            notices.c.state == NoticeState.SENT,
        )
        .values(channel=None, ts=None)
    )
