"""The sender's side of the outbox: claiming a notice, and what became of sending it.

A claim takes the notice and its destination, both for the same lease (``next_attempt_at`` of the
notice, ``free_at`` of the destination), which no later claim has again. Whoever has lost it
changes nothing any more.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, select, update

from storage import destinations as places
from storage.notices import GATHERS, anew
from storage.records import Card, Notice, NoticeState
from storage.rows import Transaction, changed, many, one
from storage.tables import destinations, notices

BETWEEN_EDITS = timedelta(seconds=1)  # of one message: what changes meanwhile is one edit


async def claim(
    tx: Transaction,
    now: datetime,
    lease_until: datetime,
    limit: int,
    *,
    no_edits_in: Collection[str] = (),
) -> Sequence[Notice]:
    """Take what is owed now, one notice for each destination that is free; what a gone process
    was sending comes back after its lease.

    :param limit: how many waiting notices are looked at.
    :param no_edits_in: workspaces in which Slack takes no edits at the moment.
    """
    due = and_(_is_waiting(no_edits_in), notices.c.next_attempt_at <= now)
    await places.know(tx, select(notices.c.workspace_id, notices.c.destination).where(due))
    found = await tx.connection.execute(
        select(notices.c.id, notices.c.workspace_id, notices.c.destination)
        .join(destinations, _its_destination())
        .where(due, destinations.c.free_at <= now)
        # A card comes before what stands in its thread.
        .order_by(notices.c.next_attempt_at, notices.c.card != Card.APPROVAL, notices.c.id)
        .limit(limit)
        .with_for_update(of=[notices, destinations], skip_locked=True)
    )
    first: dict[tuple[str, str], str] = {}
    for row in found:
        first.setdefault((row.workspace_id, row.destination), row.id)
    if not first:
        return []
    await places.take(tx, first.keys(), lease_until)
    taken = await many(
        tx,
        Notice,
        update(notices)
        .where(notices.c.id.in_(first.values()))
        .values(
            state=NoticeState.SENDING,
            next_attempt_at=lease_until,
            attempt=notices.c.attempt + 1,
        )
        .returning(notices),
    )
    order = list(first.values())
    return sorted(taken, key=lambda notice: order.index(notice.id))  # RETURNING has no order


async def next_due(tx: Transaction, *, no_edits_in: Collection[str] = ()) -> datetime | None:
    """When there is something to send again; ``no_edits_in`` as of `claim`."""
    free_at, at = destinations.c.free_at, notices.c.next_attempt_at
    query = (
        select(func.min(case((free_at > at, free_at), else_=at)))
        .select_from(notices.outerjoin(destinations, _its_destination()))
        .where(_is_waiting(no_edits_in))
    )
    moment: datetime | None = (await tx.connection.execute(query)).scalar()
    return moment


def _is_waiting(no_edits_in: Collection[str]) -> Any:
    waiting = notices.c.state.in_([NoticeState.OWED, NoticeState.SENDING])
    if not no_edits_in:
        return waiting
    elsewhere = notices.c.workspace_id.not_in(no_edits_in)
    return and_(waiting, or_(notices.c.ts.is_(None), elsewhere))


def _its_destination() -> Any:
    return and_(
        destinations.c.workspace_id == notices.c.workspace_id,
        destinations.c.id == notices.c.destination,
    )


def _mine(notice: Notice) -> Any:
    return and_(
        notices.c.id == notice.id,
        notices.c.state == NoticeState.SENDING,
        notices.c.next_attempt_at == notice.next_attempt_at,
        notices.c.attempt == notice.attempt,
    )


async def renew(tx: Transaction, notice: Notice, lease_until: datetime) -> Notice | None:
    """Keep a claim for longer; None if it was lost."""
    return await _renew(tx, notice, lease_until)


async def hold(
    tx: Transaction, notice: Notice, now: datetime, lease_until: datetime
) -> Notice | None:
    """Renew a claim right before Slack is called; None if it was lost.

    A message that isn't there yet has begun to be posted, from now on or from an earlier time of
    which nobody knows what came of it.
    """
    begun = case(
        (notices.c.ts.is_(None), func.coalesce(notices.c.begun_at, now)),
        else_=None,
    )
    return await _renew(tx, notice, lease_until, begun_at=begun)


async def _renew(
    tx: Transaction, notice: Notice, lease_until: datetime, **new: Any
) -> Notice | None:
    """``channel`` and ``ts`` are what is known now, ``version`` stays the one that was claimed: a
    newer one is sent as well."""
    held = await one(
        tx,
        Notice,
        update(notices)
        .where(_mine(notice))
        .values(next_attempt_at=lease_until, **new)
        .returning(notices),
    )
    if held is None:
        return None
    await places.move(
        tx, notice.workspace_id, notice.destination, notice.next_attempt_at, lease_until
    )
    return replace(held, version=notice.version)


async def found(
    tx: Transaction, notice: Notice, channel: str, ts: str, lease_until: datetime
) -> Notice | None:
    """Renew a claim whose message stands in Slack, as was not known; None if it was lost."""
    return await _renew(tx, notice, lease_until, channel=channel, ts=ts, begun_at=None)


async def sent(
    tx: Transaction,
    notice: Notice,
    channel: str | None,
    ts: str | None,
    now: datetime,
    *,
    pause: timedelta = timedelta(0),
) -> bool:
    """Slack took the version that was claimed; a newer one is owed soon.

    Where the message is gets known even if the claim was lost, so that nobody posts it anew.

    :param pause: how long its destination takes nothing else.
    :returns: False if another process has posted it too and its message is the one that counts,
        so this one is one too many.
    """
    newer = notices.c.version > notice.version
    here = or_(notices.c.ts.is_(None), notices.c.ts == ts)
    settled = await changed(
        tx,
        update(notices)
        .where(_mine(notice), here)
        .values(
            channel=channel,
            ts=ts,
            sent_version=notice.version,
            problem=None,
            attempt=0,
            begun_at=None,
            state=case((newer, NoticeState.OWED), else_=NoticeState.SENT),
            next_attempt_at=now + BETWEEN_EDITS,
        ),
    )
    if settled:
        await tx.connection.execute(
            update(notices).where(notices.c.joined_to == notice.id).values(channel=channel, ts=ts)
        )
    else:
        await _settle_elsewhere(tx, notice, channel, ts, now)
    await _free(tx, notice, now + pause)
    return settled or await _stands_at(tx, notice, ts)


async def _settle_elsewhere(
    tx: Transaction, notice: Notice, channel: str | None, ts: str | None, now: datetime
) -> None:
    """The claim was lost, or another process has posted the message while this one did."""
    await tx.connection.execute(
        update(notices)
        .where(notices.c.id == notice.id, notices.c.ts.is_(None))
        .values(channel=channel, ts=ts, begun_at=None)
    )
    await tx.connection.execute(
        update(notices)
        .where(_mine(notice), notices.c.ts != ts)
        .values(state=NoticeState.OWED, next_attempt_at=now, attempt=0, begun_at=None)
    )


async def _stands_at(tx: Transaction, notice: Notice, ts: str | None) -> bool:
    query = select(notices.c.ts).where(notices.c.id == notice.id)
    return bool((await tx.connection.execute(query)).scalar() == ts)


async def again(
    tx: Transaction,
    notice: Notice,
    at: datetime,
    problem: str,
    *,
    free_at: datetime,
    uncertain: bool = False,
    forget_ts: bool = False,
) -> None:
    """It didn't work; owe it again from a time on.

    :param free_at: when its destination takes something again.
    :param uncertain: nobody knows whether Slack took it.
    :param forget_ts: its message is gone, or can't be edited any more: post it anew.
    """
    new: dict[str, Any] = {"state": NoticeState.OWED, "next_attempt_at": at, "problem": problem}
    if not uncertain:
        new["begun_at"] = None
    if forget_ts:
        new |= {"channel": None, "ts": None}
    await tx.connection.execute(update(notices).where(_mine(notice)).values(**new))
    await _free(tx, notice, free_at)


async def broken(
    tx: Transaction, notice: Notice, problem: str, now: datetime, *, uncertain: bool = False
) -> None:
    """Its destination is dead: kept, and not tried again until it is owed anew (which may have
    happened meanwhile).

    :param uncertain: nobody knows whether Slack had taken it before.
    """
    newer = notices.c.version > notice.version
    new: dict[str, Any] = {} if uncertain else {"begun_at": None}
    await tx.connection.execute(
        update(notices)
        .where(_mine(notice))
        .values(
            state=case((newer, NoticeState.OWED), else_=NoticeState.BROKEN),
            next_attempt_at=now,
            problem=problem,
            **new,
        )
    )
    await _free(tx, notice, now)


async def join(tx: Transaction, notice: Notice) -> None:
    """Show everything of its card that waits for the same person in this notice's message.

    Only what has no message of its own yet, and never had one that nobody knows of.
    """
    if notice.card not in GATHERS or notice.ts is not None or notice.begun_at is not None:
        return
    await tx.connection.execute(
        update(notices)
        .where(
            notices.c.workspace_id == notice.workspace_id,
            notices.c.destination == notice.destination,
            notices.c.card == notice.card,
            notices.c.state == NoticeState.OWED,
            notices.c.ts.is_(None),
            notices.c.begun_at.is_(None),
            notices.c.joined_to.is_(None),
            notices.c.id != notice.id,
        )
        .values(
            joined_to=notice.id,
            state=NoticeState.SENT,
            sent_version=notices.c.version,
            attempt=0,
            problem=None,
        )
    )
    # One of them may have gathered others before Slack refused its message: these come along.
    those = notices.alias()
    gathered = select(those.c.id).where(those.c.joined_to == notice.id)
    await tx.connection.execute(
        update(notices).where(notices.c.joined_to.in_(gathered)).values(joined_to=notice.id)
    )


async def pass_on(tx: Transaction, notice: Notice, now: datetime) -> None:
    """What a joined notice shows has changed: the message that it is in is owed instead."""
    newer = notices.c.version > notice.version
    passed = await changed(
        tx,
        update(notices)
        .where(_mine(notice))
        .values(
            state=case((newer, NoticeState.OWED), else_=NoticeState.SENT),
            sent_version=notice.version,
            attempt=0,
            next_attempt_at=now,
        ),
    )
    if passed:
        await tx.connection.execute(
            update(notices).where(notices.c.id == notice.joined_to).values(**anew(now))
        )
    await _free(tx, notice, now)


async def _free(tx: Transaction, notice: Notice, at: datetime) -> None:
    await places.move(tx, notice.workspace_id, notice.destination, notice.next_attempt_at, at)
