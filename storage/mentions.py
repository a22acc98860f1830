"""Mentions: kept once, owned, answered, solved."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from storage.records import Mention
from storage.rows import Transaction, changed, one
from storage.tables import mentions


async def get(tx: Transaction, workspace_id: str, mention_id: str) -> Mention | None:
    return await one(
        tx,
        Mention,
        select(mentions).where(
            mentions.c.workspace_id == workspace_id, mentions.c.id == mention_id
        ),
    )


async def change(tx: Transaction, mention: Mention, **new: Any) -> bool:
    """Change a mention if it is still as it was read (one conditional update)."""
    return await changed(
        tx,
        update(mentions)
        .where(mentions.c.id == mention.id, mentions.c.version == mention.version)
        .values(version=mention.version + 1, **new),
    )


async def note_answer(tx: Transaction, mention_id: str, at: datetime) -> bool:
    """The first answer is out; False if there was one before."""
    return await changed(
        tx,
        update(mentions)
        .where(mentions.c.id == mention_id, mentions.c.answered_at.is_(None))
        .values(answered_at=at, version=mentions.c.version + 1),
    )
