"""Forms that are being filled in, kept as they are typed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, delete, exists, or_, select, update

from storage.records import Draft
from storage.rows import Transaction, add_new, many, one, values
from storage.tables import drafts, posts

REPLY_TO = "reply_to"  # a field that the draft of a reply has: the mention's id


async def save(tx: Transaction, draft: Draft) -> None:
    """Keep a person's draft, new or known; somebody else's with the same id stays as it is."""
    done = await tx.connection.execute(
        update(drafts).where(_is(draft.workspace_id, draft.user_id, draft.id)).values(values(draft))
    )
    if not done.rowcount:
        await add_new(tx, drafts, draft, "id")


async def is_anothers(tx: Transaction, workspace_id: str, user_id: str, draft_id: str) -> bool:
    """Whether an id belongs to somebody else's draft, or to another workspace's post."""
    draft = exists().where(
        drafts.c.id == draft_id,
        or_(drafts.c.workspace_id != workspace_id, drafts.c.user_id != user_id),
    )
    post = exists().where(posts.c.id == draft_id, posts.c.workspace_id != workspace_id)
    return bool((await tx.connection.execute(select(or_(draft, post)))).scalar())


async def get(tx: Transaction, workspace_id: str, draft_id: str) -> Draft | None:
    return await one(
        tx,
        Draft,
        select(drafts).where(drafts.c.workspace_id == workspace_id, drafts.c.id == draft_id),
    )


async def of_person(tx: Transaction, workspace_id: str, user_id: str) -> Sequence[Draft]:
    """A person's drafts of posts, newest first; replies are left to their mentions."""
    query = select(drafts).where(drafts.c.workspace_id == workspace_id, drafts.c.user_id == user_id)
    found = await many(tx, Draft, query.order_by(drafts.c.updated_at.desc(), drafts.c.id))
    return [draft for draft in found if REPLY_TO not in draft.fields]


async def remove(tx: Transaction, workspace_id: str, user_id: str, draft_id: str) -> None:
    """Forget a person's draft."""
    await tx.connection.execute(delete(drafts).where(_is(workspace_id, user_id, draft_id)))


def _is(workspace_id: str, user_id: str, draft_id: str) -> Any:
    return and_(
        drafts.c.id == draft_id,
        drafts.c.workspace_id == workspace_id,
        drafts.c.user_id == user_id,
    )
