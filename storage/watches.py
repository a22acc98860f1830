"""Watches: words and feeds that are listened for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update

from storage.records import Watch, WatchKind
from storage.rows import Transaction, add_new, changed, many, one
from storage.tables import watches


async def insert(tx: Transaction, watch: Watch) -> bool:
    """Add a watch; False if the workspace has it already."""
    return await add_new(tx, watches, watch, "workspace_id", "kind", "value")


async def get(tx: Transaction, workspace_id: str, watch_id: str) -> Watch | None:
    return await one(
        tx,
        Watch,
        select(watches).where(watches.c.workspace_id == workspace_id, watches.c.id == watch_id),
    )


async def of_workspace(tx: Transaction, workspace_id: str) -> Sequence[Watch]:
    """All of a workspace's watches, oldest first."""
    query = select(watches).where(watches.c.workspace_id == workspace_id)
    return await many(tx, Watch, query.order_by(watches.c.created_at, watches.c.id))


async def count(tx: Transaction, workspace_id: str) -> int:
    query = select(func.count()).where(watches.c.workspace_id == workspace_id)
    return (await tx.connection.execute(query)).scalar_one()


async def remove(tx: Transaction, workspace_id: str, watch_id: str) -> Watch | None:
    """Remove a watch; None if somebody else was first."""
    removed = await tx.connection.execute(
        delete(watches)
        .where(watches.c.workspace_id == workspace_id, watches.c.id == watch_id)
        .returning(watches)
    )
    row = removed.first()
    return None if row is None else Watch(**row._mapping)


async def set_everything(tx: Transaction, watch: Watch, everything: bool) -> bool:
    """Whether each entry of a feed counts; False if it was that already. What the feed holds now
    is read once more, whether it changed or not."""
    unread = {key: mark for key, mark in watch.cursor.items() if key == "undated"}
    return await changed(
        tx,
        update(watches)
        .where(watches.c.id == watch.id, watches.c.everything != everything)
        .values(everything=everything, cursor=unread),
    )


async def claim_feeds(tx: Transaction, now: datetime, before: datetime) -> Sequence[Watch]:
    """Take the feeds that were last read before a time: whoever takes them reads them."""
    return await many(
        tx,
        Watch,
        update(watches)
        .where(
            watches.c.kind == WatchKind.FEED,
            watches.c.polled_at.is_(None) | (watches.c.polled_at <= before),
        )
        .values(polled_at=now)
        .returning(watches),
    )


async def set_polled(
    tx: Transaction,
    watch_id: str,
    *,
    problem: str | None,
    cursor: Mapping[str, str] | None = None,
    not_before: datetime | None = None,
) -> None:
    """Note how far a feed was read, and what went wrong if anything.

    :param not_before: counts as the time of the reading, where the server asks us to wait.
    """
    new: dict[str, Any] = {"problem": problem}
    if cursor is not None:
        new["cursor"] = cursor
    if not_before is not None:
        new["polled_at"] = not_before
    await tx.connection.execute(update(watches).where(watches.c.id == watch_id).values(**new))
