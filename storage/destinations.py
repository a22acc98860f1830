"""Where notices go: one sender at a time, at Slack's pace, and whether Slack takes messages there.

A destination that nothing was ever sent to has no row; `know` makes it.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, and_, exists, literal, select, tuple_, update

from storage.records import Destination
from storage.rows import Transaction, changed, insert_into, one
from storage.tables import destinations

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def know(tx: Transaction, wanted: Select[tuple[str, str]]) -> None:
    """Make the rows that are missing.

    :param wanted: gives ``workspace_id`` and ``destination``.
    """
    asked = wanted.distinct().subquery()
    known = exists().where(
        destinations.c.workspace_id == asked.c.workspace_id,
        destinations.c.id == asked.c.destination,
    )
    missing = (
        select(
            asked.c.workspace_id,
            asked.c.destination,
            literal(LONG_AGO, destinations.c.free_at.type),
        )
        .where(~known)
        .order_by(asked.c.workspace_id, asked.c.destination)  # two processes never deadlock
    )
    await tx.connection.execute(
        insert_into(tx, destinations)
        .from_select(["workspace_id", "id", "free_at"], missing)
        .on_conflict_do_nothing()
    )


async def ensure(tx: Transaction, workspace_id: str, destination: str) -> None:
    """Make the row of one destination, if nothing was ever sent there."""
    its: tuple[Any, Any] = literal(workspace_id), literal(destination)
    await know(tx, select(its[0].label("workspace_id"), its[1].label("destination")))


async def take(tx: Transaction, keys: Collection[tuple[str, str]], until: datetime) -> None:
    """Nobody else sends to these (workspace and id each) before then."""
    key = tuple_(destinations.c.workspace_id, destinations.c.id)
    await tx.connection.execute(update(destinations).where(key.in_(keys)).values(free_at=until))


async def move(
    tx: Transaction, workspace_id: str, destination: str, lease: datetime, to: datetime
) -> None:
    """Renew a lease, or end it by the time from which on the destination is free.

    A lease that was lost stays lost.
    """
    await tx.connection.execute(
        update(destinations)
        .where(_is(workspace_id, destination), destinations.c.free_at == lease)
        .values(free_at=to)
    )


async def refuses(tx: Transaction, workspace_id: str, destination: str, problem: str) -> bool:
    """Slack takes no messages there; whether that is news."""
    here = _is(workspace_id, destination)
    news = await changed(
        tx,
        update(destinations).where(here, destinations.c.problem.is_(None)).values(problem=problem),
    )
    if not news:
        await tx.connection.execute(update(destinations).where(here).values(problem=problem))
    return news


async def works(
    tx: Transaction, workspace_id: str, destination: str, *, but_for: str | None = None
) -> bool:
    """Slack takes messages there; whether that is news.

    :param but_for: a problem that this says nothing about.
    """
    statement = update(destinations).where(
        _is(workspace_id, destination), destinations.c.problem.is_not(None)
    )
    if but_for is not None:
        statement = statement.where(destinations.c.problem != but_for)
    return await changed(tx, statement.values(problem=None))


async def get(tx: Transaction, workspace_id: str, destination: str) -> Destination | None:
    """The destination, if anything was ever sent there."""
    return await one(tx, Destination, select(destinations).where(_is(workspace_id, destination)))


def _is(workspace_id: str, destination: str) -> Any:
    return and_(destinations.c.workspace_id == workspace_id, destinations.c.id == destination)
