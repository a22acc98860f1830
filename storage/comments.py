"""What people wrote in the threads of posts' cards.

A comment is known by its message. One that was deleted stays as a row without text, so that an
event which comes late doesn't bring it back.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from storage.records import Comment
from storage.rows import Transaction, add_new, changed, many
from storage.tables import comments


async def insert(tx: Transaction, comment: Comment) -> bool:
    """Keep a comment; False if something is known of its message."""
    return await add_new(tx, comments, comment, "workspace_id", "channel", "ts")


async def rewrite(
    tx: Transaction, workspace_id: str, channel: str, ts: str, text: str, at: datetime
) -> bool:
    """The text as it is since then, empty for none; False if a newer one is known, or the same."""
    return await changed(
        tx,
        update(comments)
        .where(
            comments.c.workspace_id == workspace_id,
            comments.c.channel == channel,
            comments.c.ts == ts,
            comments.c.at < at,
            comments.c.text != text,
            comments.c.text != "",
        )
        .values(text=text, at=at),
    )


async def newest(tx: Transaction, post_id: str, limit: int) -> Sequence[Comment]:
    """A post's last comments, oldest first."""
    query = select(comments).where(comments.c.post_id == post_id, comments.c.text != "")
    found = await many(tx, Comment, query.order_by(comments.c.ts.desc()).limit(limit))
    return found[::-1]


async def count(tx: Transaction, post_id: str) -> int:
    query = select(func.count()).where(comments.c.post_id == post_id, comments.c.text != "")
    return (await tx.connection.execute(query)).scalar_one()
