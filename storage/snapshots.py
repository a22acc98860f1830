"""Snapshots: numbers of accounts and of live posts at a time, running totals as networks give them.

A post's snapshot is kept when its numbers differ from the newest one; that they were looked at is
told by its account's snapshot, which is always kept.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, select

from storage.records import Snapshot
from storage.rows import Transaction, many, values
from storage.tables import snapshots

_AT_ONCE = 500  # ids in one statement


async def insert_all(tx: Transaction, taken: Sequence[Snapshot]) -> None:
    if taken:
        await tx.connection.execute(insert(snapshots), [values(one) for one in taken])


async def newest_of_posts(tx: Transaction, account_id: str) -> Mapping[str, Mapping[str, int]]:
    """The newest numbers of each of an account's posts, by delivery."""
    newest = (
        select(snapshots.c.delivery_id, func.max(snapshots.c.taken_at).label("taken_at"))
        .where(snapshots.c.account_id == account_id, snapshots.c.delivery_id.is_not(None))
        .group_by(snapshots.c.delivery_id)
        .subquery()
    )
    rows = await tx.connection.execute(
        select(snapshots.c.delivery_id, snapshots.c.numbers).join(
            newest,
            and_(
                snapshots.c.delivery_id == newest.c.delivery_id,
                snapshots.c.taken_at == newest.c.taken_at,
            ),
        )
    )
    return {row.delivery_id: row.numbers for row in rows}


async def history(
    tx: Transaction, workspace_id: str, since: datetime, until: datetime
) -> Sequence[Snapshot]:
    """All snapshots between two times, oldest first, and before them each subject's newest
    earlier one: what its numbers were at ``since``."""
    earlier = (
        select(
            snapshots.c.account_id,
            snapshots.c.delivery_id,
            func.max(snapshots.c.taken_at).label("taken_at"),
        )
        .where(snapshots.c.workspace_id == workspace_id, snapshots.c.taken_at < since)
        .group_by(snapshots.c.account_id, snapshots.c.delivery_id)
        .subquery()
    )
    baselines = await many(
        tx,
        Snapshot,
        select(snapshots).join(
            earlier,
            and_(
                snapshots.c.account_id == earlier.c.account_id,
                snapshots.c.delivery_id.is_not_distinct_from(earlier.c.delivery_id),
                snapshots.c.taken_at == earlier.c.taken_at,
            ),
        ),
    )
    between = await many(
        tx,
        Snapshot,
        select(snapshots)
        .where(
            snapshots.c.workspace_id == workspace_id,
            snapshots.c.taken_at >= since,
            snapshots.c.taken_at <= until,
        )
        .order_by(snapshots.c.taken_at, snapshots.c.id),
    )
    return [*sorted(baselines, key=lambda one: one.taken_at), *between]


async def taken_before(
    tx: Transaction, workspace_id: str, before: datetime, *, since: datetime
) -> Sequence[tuple[str, str, datetime]]:
    """What was taken in a time, oldest first: (snapshot's id, its subject, when)."""
    rows = await tx.connection.execute(
        select(
            snapshots.c.id,
            func.coalesce(snapshots.c.delivery_id, snapshots.c.account_id),
            snapshots.c.taken_at,
        )
        .where(
            snapshots.c.workspace_id == workspace_id,
            snapshots.c.taken_at >= since,
            snapshots.c.taken_at < before,
        )
        .order_by(snapshots.c.taken_at, snapshots.c.id)
    )
    return [(snapshot_id, subject, taken_at) for snapshot_id, subject, taken_at in rows]


async def forget(tx: Transaction, ids: Collection[str]) -> None:
    """Delete snapshots."""
    listed = list(ids)
    for start in range(0, len(listed), _AT_ONCE):
        chunk = listed[start : start + _AT_ONCE]
        await tx.connection.execute(delete(snapshots).where(snapshots.c.id.in_(chunk)))
