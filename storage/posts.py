"""Posts and their revisions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, true, update

from storage.records import Post, PostState, Revision, Verdict
from storage.rows import Transaction, add, changed, many, one
from storage.tables import approvals, posts, revisions

OVER = (
    PostState.PUBLISHED,
    PostState.PARTLY_PUBLISHED,
    PostState.FAILED,
    PostState.CANCELLED,
)
COMING = (PostState.IN_REVIEW, PostState.SCHEDULED, PostState.PUBLISHING)


async def insert(tx: Transaction, post: Post, revision: Revision) -> None:
    await add(tx, posts, post)
    await add(tx, revisions, revision)


async def insert_revision(tx: Transaction, revision: Revision) -> None:
    await add(tx, revisions, revision)


async def get(tx: Transaction, workspace_id: str, post_id: str) -> Post | None:
    return await one(
        tx, Post, select(posts).where(posts.c.workspace_id == workspace_id, posts.c.id == post_id)
    )


async def campaign_of(tx: Transaction, workspace_id: str, post_id: str | None) -> str | None:
    """The campaign of a post, if it has one."""
    query = select(posts.c.campaign_id).where(
        posts.c.workspace_id == workspace_id, posts.c.id == post_id
    )
    found: str | None = (await tx.connection.execute(query)).scalar()
    return found


async def by_ids(tx: Transaction, workspace_id: str, ids: Sequence[str]) -> Sequence[Post]:
    """Several posts, by when they were due."""
    query = select(posts).where(posts.c.workspace_id == workspace_id, posts.c.id.in_(ids))
    return await many(tx, Post, query.order_by(posts.c.due_at, posts.c.id))


async def revision(tx: Transaction, workspace_id: str, revision_id: str) -> Revision | None:
    return await one(
        tx,
        Revision,
        select(revisions).where(
            revisions.c.workspace_id == workspace_id, revisions.c.id == revision_id
        ),
    )


async def revisions_by_ids(tx: Transaction, ids: Collection[str]) -> Mapping[str, Revision]:
    """Revisions of any workspace, for what works on all of them."""
    found = await many(tx, Revision, select(revisions).where(revisions.c.id.in_(ids)))
    return {revision.id: revision for revision in found}


async def revisions_of(tx: Transaction, post_id: str) -> Sequence[Revision]:
    """All revisions of a post, oldest first."""
    query = select(revisions).where(revisions.c.post_id == post_id)
    return await many(tx, Revision, query.order_by(revisions.c.number))


async def change(
    tx: Transaction,
    post: Post,
    now: datetime,
    **new: Any,
) -> bool:
    """Change a post if it is still as it was read (one conditional update).

    ``new`` are columns; False means that somebody else was first.
    """
    return await changed(
        tx,
        update(posts)
        .where(posts.c.id == post.id, posts.c.version == post.version, posts.c.state == post.state)
        .values(version=post.version + 1, updated_at=now, **new),
    )


# Made once, as all that publishing runs for each post: making takes longer than running.
_TOUCH = (
    update(posts)
    .where(posts.c.id.in_(bindparam("ids", expanding=True)), posts.c.state != bindparam("new"))
    .values(state=bindparam("new"), version=posts.c.version + 1, updated_at=bindparam("now"))
)


async def touch(
    tx: Transaction, post_ids: Collection[str], state: PostState, now: datetime
) -> None:
    """Set the outcome computed from posts' deliveries."""
    await tx.connection.execute(_TOUCH, {"ids": list(post_ids), "new": state, "now": now})


async def lock(tx: Transaction, post_id: str) -> Post | None:
    """The post, locked until the transaction ends (SQLite's writers are alone anyway)."""
    return (await lock_all(tx, [post_id])).get(post_id)


_LOCK = (
    select(posts)
    .where(posts.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(posts.c.id)
    .with_for_update(key_share=True)
)


async def lock_all(tx: Transaction, post_ids: Collection[str]) -> Mapping[str, Post]:
    """Posts by id, locked until the transaction ends, in an order that is the same for all.

    ``key_share``: rows that only refer to a post (its record, its deliveries) wait for nobody.
    """
    locked = await many(tx, Post, _LOCK, {"ids": list(post_ids)})
    return {post.id: post for post in locked}


async def coming(
    tx: Transaction,
    workspace_id: str,
    limit: int,
    *,
    campaigns: Collection[str] | None = None,
) -> Sequence[Post]:
    """What is in review, scheduled or going out, soonest first; without a time last.

    :param campaigns: only posts of these; None: all.
    """
    return await many(
        tx,
        Post,
        select(posts)
        .where(
            posts.c.workspace_id == workspace_id,
            posts.c.state.in_(COMING),
            posts.c.mention_id.is_(None),
            _of(campaigns),
        )
        .order_by(posts.c.due_at.is_(None), posts.c.due_at, posts.c.id)
        .limit(limit),
    )


async def count_coming(
    tx: Transaction, workspace_id: str, *, campaigns: Collection[str] | None = None
) -> int:
    query = select(func.count()).where(
        posts.c.workspace_id == workspace_id,
        posts.c.state.in_(COMING),
        posts.c.mention_id.is_(None),
        _of(campaigns),
    )
    return (await tx.connection.execute(query)).scalar_one()


def _of(campaigns: Collection[str] | None) -> Any:
    return true() if campaigns is None else posts.c.campaign_id.in_(campaigns)


async def held_times(
    tx: Transaction, workspace_id: str, after: datetime, *, besides: str | None
) -> Sequence[tuple[datetime, tuple[str, ...]]]:
    """The times that coming posts hold, each with its accounts; ``besides`` is left out."""
    query = (
        select(posts.c.due_at, revisions.c.content)
        .join(revisions, revisions.c.id == posts.c.revision_id)
        .where(
            posts.c.workspace_id == workspace_id,
            posts.c.state.in_(COMING),
            posts.c.due_at >= after,
        )
    )
    if besides is not None:
        query = query.where(posts.c.id != besides)
    rows = await tx.connection.execute(query)
    return [(due_at, content.account_ids) for due_at, content in rows]


async def waiting(tx: Transaction, workspace_id: str, limit: int | None = None) -> Sequence[Post]:
    """What is in review, replies too, soonest first, without a time first (it goes out when
    approved)."""
    query = select(posts).where(
        posts.c.workspace_id == workspace_id,
        posts.c.state == PostState.IN_REVIEW,
    )
    return await many(
        tx,
        Post,
        query.order_by(posts.c.due_at.is_not(None), posts.c.due_at, posts.c.id).limit(limit),
    )


async def undecided(
    tx: Transaction, workspace_id: str, after: datetime, until: datetime
) -> Sequence[Post]:
    """What is in review and due after one time and until another, soonest first."""
    query = select(posts).where(
        posts.c.workspace_id == workspace_id,
        posts.c.state == PostState.IN_REVIEW,
        posts.c.mention_id.is_(None),
        posts.c.due_at > after,
        posts.c.due_at <= until,
    )
    return await many(tx, Post, query.order_by(posts.c.due_at, posts.c.id))


async def lately(
    tx: Transaction,
    workspace_id: str,
    since: datetime,
    limit: int,
    *,
    campaigns: Collection[str] | None = None,
) -> Sequence[Post]:
    """What went out, failed or was cancelled since a time, the newest change first.

    :param campaigns: only posts of these; None: all.
    """
    return await many(
        tx,
        Post,
        select(posts)
        .where(
            posts.c.workspace_id == workspace_id,
            posts.c.state.in_(OVER),
            posts.c.mention_id.is_(None),
            posts.c.updated_at >= since,
            _of(campaigns),
        )
        .order_by(posts.c.updated_at.desc(), posts.c.id)
        .limit(limit),
    )


async def count_failed(tx: Transaction, workspace_id: str, since: datetime) -> int:
    """How many posts, replies too, didn't go out everywhere since a time."""
    query = select(func.count()).where(
        posts.c.workspace_id == workspace_id,
        posts.c.state.in_([PostState.FAILED, PostState.PARTLY_PUBLISHED]),
        posts.c.updated_at >= since,
    )
    return int((await tx.connection.execute(query)).scalar_one())


async def of_author(
    tx: Transaction, workspace_id: str, author_id: str, states: Sequence[PostState]
) -> Sequence[Post]:
    """An author's posts in some states, the newest change first."""
    return await many(
        tx,
        Post,
        select(posts)
        .where(
            posts.c.workspace_id == workspace_id,
            posts.c.author_id == author_id,
            posts.c.state.in_(states),
        )
        .order_by(posts.c.updated_at.desc(), posts.c.id),
    )


async def in_review_approved_by(tx: Transaction, workspace_id: str, user_id: str) -> Sequence[str]:
    """Posts that still wait, of which somebody approved what is there now."""
    query = (
        select(posts.c.id)
        .join(approvals, approvals.c.post_id == posts.c.id)
        .where(
            posts.c.workspace_id == workspace_id,
            posts.c.state == PostState.IN_REVIEW,
            approvals.c.user_id == user_id,
            approvals.c.verdict == Verdict.APPROVED,
            approvals.c.round == posts.c.round,
        )
        .distinct()
    )
    return list((await tx.connection.execute(query)).scalars())
