"""Own, route, answer, solve: what is done about a mention, against its two clocks."""

from dataclasses import replace
from datetime import datetime

from storage import history, mentions, notices
from storage.records import MentionState, Post, PostState
from storage.rows import Transaction


async def reply_moved(tx: Transaction, post: Post, state: PostState, now: datetime) -> None:
    """A reply's delivery has changed: once it is live, the first answer counts as given, and the
    mention is resolved if the responder asked for that."""
    assert post.mention_id is not None
    mention = await mentions.get(tx, post.workspace_id, post.mention_id)
    assert mention is not None
    if state is PostState.PUBLISHED:
        if await mentions.note_answer(tx, mention.id, now):
            mention = replace(mention, answered_at=now, version=mention.version + 1)
            await history.note(
                tx, mention.workspace_id, mention.id, post.author_id, "answered", now
            )
        if mention.resolve_with == post.id and mention.state is MentionState.OPEN:
            await mentions.change(tx, mention, state=MentionState.RESOLVED, solved_at=now)
            await history.note(
                tx, mention.workspace_id, mention.id, post.author_id, "resolved", now
            )
    await notices.refresh(tx, mention.workspace_id, mention.id, now)
