"""What a period came to, read across aggregates: posts that went out, mentions, answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select

from storage.records import (
    DeliveryState,
    MentionState,
    Post,
    PostState,
    Sentiment,
    Urgency,
)
from storage.rows import Transaction, many
from storage.tables import deliveries, mentions, posts

WENT_OUT = (DeliveryState.PUBLISHED, DeliveryState.TAKEN_DOWN)
_LONGEST_OPEN = timedelta(days=60)  # what was seen longer ago isn't searched for answers
_SKEW = timedelta(days=1)  # other servers' clocks against ours


@dataclass(frozen=True, slots=True)
class WentOut:
    """A delivery that is or was live. ``is_reply``: it answered a mention."""

    delivery_id: str
    account_id: str
    post_id: str
    revision_id: str
    published_at: datetime
    url: str | None
    is_live: bool
    is_reply: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """How many complaints went past their limits: the first answer's, the solution's."""

    answer: int
    solution: int


@dataclass(frozen=True, slots=True)
class Open:
    """Complaints that aren't settled: how many, and how many of them are past a limit."""

    count: int
    overdue: int


async def went_out(
    tx: Transaction, workspace_id: str, since: datetime, until: datetime
) -> Sequence[WentOut]:
    """What was published in a time, oldest first; what was taken down later is among it."""
    rows = await tx.connection.execute(
        select(
            deliveries.c.id.label("delivery_id"),
            deliveries.c.account_id,
            deliveries.c.post_id,
            deliveries.c.revision_id,
            deliveries.c.published_at,
            deliveries.c.url,
            (deliveries.c.state == DeliveryState.PUBLISHED).label("is_live"),
            posts.c.mention_id.is_not(None).label("is_reply"),
        )
        .join(posts, posts.c.id == deliveries.c.post_id)
        .where(
            deliveries.c.workspace_id == workspace_id,
            deliveries.c.state.in_(WENT_OUT),
            deliveries.c.published_at >= since,
            deliveries.c.published_at < until,
        )
        .order_by(deliveries.c.published_at, deliveries.c.id)
    )
    return [WentOut(**row._mapping) for row in rows]


async def mentions_by_sentiment(
    tx: Transaction, workspace_id: str, since: datetime, until: datetime
) -> Mapping[Sentiment, int]:
    """How many mentions were written in a time, by tone. One that a person called "not negative"
    counts as neutral."""
    tone = case(
        (
            and_(
                mentions.c.sentiment == Sentiment.NEGATIVE,
                mentions.c.state == MentionState.DISMISSED,
            ),
            literal(Sentiment.NEUTRAL, mentions.c.sentiment.type),
        ),
        else_=mentions.c.sentiment,
    ).label("tone")
    counted = (
        select(tone)
        .where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.seen_at >= since - _SKEW,  # indexed; nothing is seen before it is written
            mentions.c.posted_at >= since,
            mentions.c.posted_at < until,
        )
        .subquery()
    )
    rows = await tx.connection.execute(
        select(counted.c.tone, func.count()).group_by(counted.c.tone)
    )
    return {Sentiment(found): count for found, count in rows}


async def answer_times(
    tx: Transaction, workspace_id: str, since: datetime, until: datetime, limit: timedelta
) -> Sequence[timedelta]:
    """How long complaints waited whose first answer went out in a time.

    :param limit: of an answer, by which the due time lies after the clock's start.
    """
    column = mentions.c
    return await _waits(
        tx, workspace_id, column.answer_due_at, column.answered_at, since, until, limit
    )


async def solution_times(
    tx: Transaction, workspace_id: str, since: datetime, until: datetime, limit: timedelta
) -> Sequence[timedelta]:
    """How long complaints took that were solved in a time; ``limit`` as for answers."""
    column = mentions.c
    return await _waits(
        tx, workspace_id, column.solve_due_at, column.solved_at, since, until, limit
    )


async def _waits(
    tx: Transaction,
    workspace_id: str,
    due: ColumnElement[datetime],
    ended: ColumnElement[Any],
    since: datetime,
    until: datetime,
    limit: timedelta,
) -> list[timedelta]:
    """By the clock, not by when it was written: one that was opened again has a new clock."""
    rows = await tx.connection.execute(
        select(due, ended).where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.seen_at >= since - _LONGEST_OPEN,
            mentions.c.urgency != Urgency.NONE,
            mentions.c.state != MentionState.DISMISSED,
            mentions.c.continues.is_(None),
            ended >= since,
            ended < until,
        )
    )
    return [row[1] - (row[0] - limit) for row in rows]


async def missed(tx: Transaction, workspace_id: str, since: datetime, until: datetime) -> Missed:
    """The limits of complaints that ran out in a time without an answer, or a solution."""

    def count(
        due: ColumnElement[datetime], done: ColumnElement[datetime | None]
    ) -> ColumnElement[int]:
        late = and_(due >= since, due < until, or_(done.is_(None), done > due))
        return func.coalesce(func.sum(case((late, 1), else_=0)), 0)

    row = (
        await tx.connection.execute(
            select(
                count(
                    mentions.c.answer_due_at,
                    func.coalesce(mentions.c.answered_at, mentions.c.solved_at),
                ),
                count(mentions.c.solve_due_at, mentions.c.solved_at),
            ).where(
                mentions.c.workspace_id == workspace_id,
                mentions.c.seen_at >= since - _LONGEST_OPEN,
                mentions.c.urgency == Urgency.ALERT,
                mentions.c.state != MentionState.DISMISSED,
                mentions.c.continues.is_(None),
            )
        )
    ).one()
    return Missed(*row)


async def open_complaints(tx: Transaction, workspace_id: str, now: datetime) -> Open:
    """Complaints that are open now."""
    unanswered = and_(mentions.c.answered_at.is_(None), mentions.c.answer_due_at < now)
    overdue = case((or_(unanswered, mentions.c.solve_due_at < now), 1), else_=0)
    row = (
        await tx.connection.execute(
            select(func.count(), func.coalesce(func.sum(overdue), 0)).where(
                mentions.c.workspace_id == workspace_id,
                mentions.c.state == MentionState.OPEN,
                mentions.c.urgency == Urgency.ALERT,
                mentions.c.continues.is_(None),
            )
        )
    ).one()
    return Open(*row)


async def coming(
    tx: Transaction, workspace_id: str, since: datetime, until: datetime
) -> Sequence[Post]:
    """What is to go out in a time, soonest first, approved or not yet."""
    return await many(
        tx,
        Post,
        select(posts)
        .where(
            posts.c.workspace_id == workspace_id,
            posts.c.state.in_([PostState.IN_REVIEW, PostState.SCHEDULED]),
            posts.c.mention_id.is_(None),
            posts.c.due_at >= since,
            posts.c.due_at < until,
        )
        .order_by(posts.c.due_at, posts.c.id),
    )


async def waiting(tx: Transaction, workspace_id: str) -> int:
    """How many posts wait for a decision."""
    query = select(func.count()).where(
        posts.c.workspace_id == workspace_id, posts.c.state == PostState.IN_REVIEW
    )
    return (await tx.connection.execute(query)).scalar_one()
