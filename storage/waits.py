"""Short waits that are kept as times: until when they last, once the clock was set back."""

from datetime import datetime

from sqlalchemy import and_, exists, update

from storage.records import NoticeState
from storage.rows import Transaction
from storage.tables import accounts, destinations, notices, watches


async def end_readings(tx: Transaction, now: datetime) -> None:
    """What was read at a time that is still to come may be read again."""
    for table in (accounts, watches):
        await tx.connection.execute(
            update(table).where(table.c.polled_at > now).values(polled_at=now)
        )


async def end_pauses(tx: Transaction, now: datetime) -> None:
    """What is owed, and the channels it goes to, wait no longer; a claim stays as it is."""
    claimed = exists().where(
        notices.c.workspace_id == destinations.c.workspace_id,
        notices.c.destination == destinations.c.id,
        notices.c.state == NoticeState.SENDING,
    )
    await tx.connection.execute(
        update(destinations).where(destinations.c.free_at > now, ~claimed).values(free_at=now)
    )
    await tx.connection.execute(
        update(notices)
        .where(and_(notices.c.state == NoticeState.OWED, notices.c.next_attempt_at > now))
        .values(next_attempt_at=now)
    )
