"""What may happen once at a given time: whoever claims the occurrence does it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, true
from sqlalchemy.exc import IntegrityError

from storage.rows import Transaction, changed
from storage.tables import occurrences

Occurrence = tuple[str, datetime]  # a job and its time


async def claim(tx: Transaction, job: str, occurrence: datetime, now: datetime) -> bool:
    """Whether this occurrence of a job is ours to do."""
    try:
        async with tx.connection.begin_nested():
            await tx.connection.execute(
                insert(occurrences).values(job=job, occurrence=occurrence, claimed_at=now)
            )
    except IntegrityError:
        return False
    return True


async def claimed_since(tx: Transaction, kind: str, since: datetime) -> frozenset[Occurrence]:
    """Jobs named ``kind:...`` that somebody has claimed, with their times from ``since`` on."""
    rows = await tx.connection.execute(
        select(occurrences.c.job, occurrences.c.occurrence).where(
            occurrences.c.job.startswith(f"{kind}:", autoescape=True),
            occurrences.c.occurrence >= since,
        )
    )
    return frozenset((row.job, row.occurrence) for row in rows)


async def due(tx: Transaction, kind: str, now: datetime) -> Sequence[Occurrence]:
    """What was claimed of jobs named ``kind:...`` for a time that has come."""
    rows = await tx.connection.execute(
        select(occurrences.c.job, occurrences.c.occurrence).where(
            occurrences.c.job.startswith(f"{kind}:", autoescape=True),
            occurrences.c.occurrence <= now,
        )
    )
    return [(row.job, row.occurrence) for row in rows]


async def drop(tx: Transaction, job: str) -> bool:
    """Take back all claims of a job; whether there were any."""
    return await changed(tx, delete(occurrences).where(occurrences.c.job == job))


async def is_claimed(tx: Transaction, job: str, occurrence: datetime) -> bool:
    """Whether somebody does it already."""
    found = await tx.connection.execute(
        select(occurrences.c.job).where(
            occurrences.c.job == job, occurrences.c.occurrence == occurrence
        )
    )
    return found.first() is not None


async def latest(tx: Transaction, job: str, now: datetime) -> datetime | None:
    """The last time up to now for which a job was claimed."""
    query = select(func.max(occurrences.c.occurrence)).where(
        occurrences.c.job == job, occurrences.c.occurrence <= now
    )
    found: datetime | None = (await tx.connection.execute(query)).scalar()
    return found


async def forget(tx: Transaction, kind: str, before: datetime | None = None) -> None:
    """Drop the claims of jobs named ``kind:...``.

    :param before: only those for an earlier time.
    """
    named = occurrences.c.job.startswith(f"{kind}:", autoescape=True)
    past = true() if before is None else occurrences.c.occurrence < before
    await tx.connection.execute(delete(occurrences).where(named, past))
