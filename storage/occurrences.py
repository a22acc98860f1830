"""What may happen once at a given time: whoever claims the occurrence does it."""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from storage.rows import Transaction
from storage.tables import occurrences


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
