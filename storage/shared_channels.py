"""Channels that people outside see (Slack Connect), and whether an admin allowed cards there."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, select, update

from storage.records import SharedChannel
from storage.rows import Transaction, add, changed, one
from storage.tables import shared_channels


async def get(tx: Transaction, workspace_id: str, channel: str) -> SharedChannel | None:
    its = and_(shared_channels.c.workspace_id == workspace_id, shared_channels.c.id == channel)
    return await one(tx, SharedChannel, select(shared_channels).where(its))


async def insert(tx: Transaction, shared: SharedChannel) -> None:
    await add(tx, shared_channels, shared)


async def shared_with(
    tx: Transaction, known: SharedChannel, teams: Sequence[str], *, stays_allowed: bool
) -> None:
    """Other teams see it by now than were kept."""
    new = {} if stays_allowed else {"allowed_by": None, "allowed_at": None}
    await tx.connection.execute(
        update(shared_channels)
        .where(
            shared_channels.c.workspace_id == known.workspace_id,
            shared_channels.c.id == known.id,
        )
        .values(teams=tuple(teams), **new)
    )


async def allow(tx: Transaction, known: SharedChannel, by: str, now: datetime) -> bool:
    """Cards may go there, as long as nobody else sees it than was kept; False: somebody else was
    first, or others see it by now."""
    return await changed(
        tx,
        update(shared_channels)
        .where(
            shared_channels.c.workspace_id == known.workspace_id,
            shared_channels.c.id == known.id,
            shared_channels.c.allowed_by.is_(None),
        )
        .values(allowed_by=by, allowed_at=now),
    )


async def remove(tx: Transaction, workspace_id: str, channel: str) -> None:
    """It isn't shared any more."""
    await tx.connection.execute(
        delete(shared_channels).where(
            shared_channels.c.workspace_id == workspace_id, shared_channels.c.id == channel
        )
    )
