"""What a process that is certainly gone was at: nobody has to wait for the end of its leases."""

from datetime import datetime

from sqlalchemy import select, update

from storage.destinations import LONG_AGO
from storage.records import DeliveryState, NoticeState
from storage.rows import Transaction
from storage.tables import accounts, deliveries, destinations, notices


async def end_all(tx: Transaction, now: datetime) -> None:
    """End every lease there is. Only for who has the database to itself (SQLite's lock says so)."""
    await tx.connection.execute(
        update(deliveries)
        .where(
            deliveries.c.network.in_(select(accounts.c.network)),  # for the index of claiming
            deliveries.c.state == DeliveryState.SENDING,
        )
        .values(lease_until=LONG_AGO)
    )
    await tx.connection.execute(
        update(notices).where(notices.c.state == NoticeState.SENDING).values(next_attempt_at=now)
    )
    await tx.connection.execute(
        update(destinations).where(destinations.c.free_at > now).values(free_at=now)
    )
