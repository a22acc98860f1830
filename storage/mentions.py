"""Mentions: kept once, owned, answered, solved.

What continues another mention (``Mention.continues``) is shown with it and never listed alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select, update

from storage.records import Delivery, Mention, MentionState, Post, Revision, Sentiment, Urgency
from storage.rows import Transaction, add_new, changed, many, one
from storage.tables import deliveries, mentions, posts, revisions

_IDS_AT_ONCE = 500  # bound parameters of one statement


async def insert(tx: Transaction, mention: Mention) -> bool:
    """Keep a mention; False if it is known already, however many read it at once."""
    return await add_new(tx, mentions, mention, "workspace_id", "source", "remote_id")


async def get(tx: Transaction, workspace_id: str, mention_id: str) -> Mention | None:
    return await one(
        tx,
        Mention,
        select(mentions).where(
            mentions.c.workspace_id == workspace_id, mentions.c.id == mention_id
        ),
    )


async def known(
    tx: Transaction, workspace_id: str, source: str, remote_ids: Sequence[str]
) -> frozenset[str]:
    """Which of these were kept before."""
    found: set[str] = set()
    for start in range(0, len(remote_ids), _IDS_AT_ONCE):
        query = select(mentions.c.remote_id).where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.source == source,
            mentions.c.remote_id.in_(remote_ids[start : start + _IDS_AT_ONCE]),
        )
        found.update((await tx.connection.execute(query)).scalars())
    return frozenset(found)


async def conversation(
    tx: Transaction, workspace_id: str, account_id: str, author: str, answered: str
) -> Mention | None:
    """The mention whose conversation goes on when its author replies to a post.

    :param answered: remote id of that post: an answer of ours to the mention, the mention itself,
        or what its author wrote later.
    """
    ours = (
        select(posts.c.mention_id)
        .join(deliveries, deliveries.c.post_id == posts.c.id)
        .where(deliveries.c.account_id == account_id, deliveries.c.remote_id == answered)
    )
    theirs = select(func.coalesce(mentions.c.continues, mentions.c.id)).where(
        mentions.c.source == account_id, mentions.c.remote_id == answered
    )
    return await one(
        tx,
        Mention,
        select(mentions)
        .where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.account_id == account_id,
            mentions.c.author == author,
            mentions.c.continues.is_(None),
            or_(mentions.c.id.in_(ours), mentions.c.id.in_(theirs)),
        )
        .order_by(mentions.c.posted_at)
        .limit(1),
    )


async def change(tx: Transaction, mention: Mention, **new: Any) -> bool:
    """Change a mention if it is still as it was read (one conditional update)."""
    return await changed(
        tx,
        update(mentions)
        .where(mentions.c.id == mention.id, mentions.c.version == mention.version)
        .values(version=mention.version + 1, **new),
    )


async def overwrite(tx: Transaction, mention_id: str, **new: Any) -> None:
    """Change a mention by what happened outside, however it is; a person's step that was read
    before comes too late."""
    await tx.connection.execute(
        update(mentions)
        .where(mentions.c.id == mention_id)
        .values(version=mentions.c.version + 1, **new)
    )


async def release_all(tx: Transaction, workspace_id: str, owner_id: str) -> Sequence[Mention]:
    """Make somebody's open mentions everybody's again; gives them."""
    return await many(
        tx,
        Mention,
        update(mentions)
        .where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.owner_id == owner_id,
            mentions.c.state == MentionState.OPEN,
        )
        .values(owner_id=None, version=mentions.c.version + 1)
        .returning(mentions),
    )


async def note_answer(tx: Transaction, mention_id: str, at: datetime) -> bool:
    """The first answer is out; False if there was one before."""
    return await changed(
        tx,
        update(mentions)
        .where(mentions.c.id == mention_id, mentions.c.answered_at.is_(None))
        .values(answered_at=at, version=mentions.c.version + 1),
    )


async def resolve_with(tx: Transaction, mention_id: str, post_id: str, at: datetime) -> bool:
    """The reply that was to resolve it is out; False if that isn't wanted any more."""
    return await changed(
        tx,
        update(mentions)
        .where(
            mentions.c.id == mention_id,
            mentions.c.resolve_with == post_id,
            mentions.c.state == MentionState.OPEN,
        )
        .values(state=MentionState.RESOLVED, solved_at=at, version=mentions.c.version + 1),
    )


async def continued(tx: Transaction, mention_id: str) -> Sequence[Mention]:
    """What its author wrote later in the same conversation, oldest first."""
    query = select(mentions).where(mentions.c.continues == mention_id)
    return await many(tx, Mention, query.order_by(mentions.c.posted_at, mentions.c.id))


async def replies(
    tx: Transaction, mention_id: str
) -> Sequence[tuple[Post, Revision, Delivery | None]]:
    """Our replies with what they say and how they fared, oldest first. One that was never approved
    has no delivery."""
    answers = await many(
        tx,
        Post,
        select(posts)
        .where(posts.c.mention_id == mention_id)
        .order_by(posts.c.created_at, posts.c.id),
    )
    found = []
    for post in answers:
        said = await one(tx, Revision, select(revisions).where(revisions.c.id == post.revision_id))
        sent = await one(tx, Delivery, select(deliveries).where(deliveries.c.post_id == post.id))
        if said is not None:
            found.append((post, said, sent))
    return found


# What is listed, in the order of `/social mentions`: by rank, the newest first.
NEEDS_ANSWER, POSSIBLY_NEGATIVE, UNCLASSIFIED, OTHER = range(4)

_RANK = case(
    (mentions.c.urgency == Urgency.ALERT, NEEDS_ANSWER),
    (mentions.c.urgency == Urgency.DOUBTFUL, POSSIBLY_NEGATIVE),
    (mentions.c.sentiment == Sentiment.UNCLASSIFIED, UNCLASSIFIED),
    else_=OTHER,
)


def _listed(workspace_id: str, since: datetime) -> Any:
    return and_(
        mentions.c.workspace_id == workspace_id,
        mentions.c.state == MentionState.OPEN,
        mentions.c.continues.is_(None),
        or_(mentions.c.urgency == Urgency.ALERT, mentions.c.seen_at >= since),
    )


async def open_ones(
    tx: Transaction, workspace_id: str, since: datetime, *, limit: int, offset: int
) -> Sequence[tuple[int, Mention]]:
    """Open mentions with their rank; those that need no answer only if seen since a time."""
    rows = await tx.connection.execute(
        select(_RANK.label("rank"), mentions)
        .where(_listed(workspace_id, since))
        .order_by(_RANK, mentions.c.posted_at.desc(), mentions.c.id)
        .limit(limit)
        .offset(offset)
    )
    found = []
    for row in rows:
        fields = dict(row._mapping)
        found.append((int(fields.pop("rank")), Mention(**fields)))
    return found


async def count_open(tx: Transaction, workspace_id: str, since: datetime) -> Mapping[int, int]:
    """How many open mentions there are of each rank."""
    query = select(_RANK, func.count()).where(_listed(workspace_id, since)).group_by(_RANK)
    return {int(rank): int(number) for rank, number in await tx.connection.execute(query)}


async def count_overdue(tx: Transaction, workspace_id: str, now: datetime) -> tuple[int, int]:
    """How many open alerts are past their time for an answer, and how many that were answered are
    past their time to be solved."""
    unanswered = mentions.c.answered_at.is_(None)
    late_answer = and_(unanswered, mentions.c.answer_due_at <= now)
    late_solution = and_(
        ~unanswered, mentions.c.solved_at.is_(None), mentions.c.solve_due_at <= now
    )
    query = select(
        func.count().filter(late_answer).label("answer"),
        func.count().filter(late_solution).label("solution"),
    ).where(
        mentions.c.workspace_id == workspace_id,
        mentions.c.state == MentionState.OPEN,
        mentions.c.urgency == Urgency.ALERT,
        mentions.c.continues.is_(None),
    )
    row = (await tx.connection.execute(query)).one()
    return row.answer, row.solution


async def gather_doubtful(tx: Transaction, workspace_id: str, list_id: str, most: int) -> int:
    """Put the oldest possibly negative mentions that no list has shown into a list; how many."""
    chosen = (
        select(mentions.c.id)
        .where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.urgency == Urgency.DOUBTFUL,
            mentions.c.state == MentionState.OPEN,
            mentions.c.continues.is_(None),
            mentions.c.listed_in.is_(None),
        )
        .order_by(mentions.c.posted_at, mentions.c.id)
        .limit(most)
    )
    gathered = await tx.connection.execute(
        update(mentions)
        .where(mentions.c.id.in_(chosen.scalar_subquery()))
        .values(listed_in=list_id, version=mentions.c.version + 1)
    )
    return gathered.rowcount


async def in_list(tx: Transaction, workspace_id: str, list_id: str) -> Sequence[Mention]:
    """The mentions of a list of possibly negative ones, oldest first, whatever became of them."""
    return await many(
        tx,
        Mention,
        select(mentions)
        .where(mentions.c.workspace_id == workspace_id, mentions.c.listed_in == list_id)
        .order_by(mentions.c.posted_at, mentions.c.id),
    )


async def dismiss_list(tx: Transaction, workspace_id: str, list_id: str) -> Sequence[Mention]:
    """Dismiss what is still open and possibly negative in a list; gives what was dismissed."""
    return await many(
        tx,
        Mention,
        update(mentions)
        .where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.listed_in == list_id,
            mentions.c.state == MentionState.OPEN,
            mentions.c.urgency == Urgency.DOUBTFUL,
        )
        .values(state=MentionState.DISMISSED, version=mentions.c.version + 1)
        .returning(mentions),
    )


async def running_out(
    tx: Transaction, workspace_id: str, since: datetime, until: datetime
) -> Sequence[Mention]:
    """Open alerts of which a clock runs out in a time (its end included)."""

    def runs_out(due: Any, done: Any) -> Any:
        return and_(due > since, due <= until, done.is_(None))

    return await many(
        tx,
        Mention,
        select(mentions)
        .where(
            mentions.c.workspace_id == workspace_id,
            mentions.c.state == MentionState.OPEN,
            mentions.c.urgency == Urgency.ALERT,
            or_(
                runs_out(mentions.c.answer_due_at, mentions.c.answered_at),
                runs_out(mentions.c.solve_due_at, mentions.c.solved_at),
            ),
        )
        .order_by(mentions.c.id),
    )
