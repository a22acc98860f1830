"""Slack's events that were seen: it sends one again when it thinks that we missed it."""

from datetime import datetime, timedelta

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from storage.rows import Transaction
from storage.tables import seen_events

# Slack's last retry comes after 5 minutes (https://docs.slack.dev/apis/events-api#retries).
KEPT = timedelta(hours=2)


async def is_new(tx: Transaction, event_id: str, now: datetime) -> bool:
    """Note an event; False if it was seen before. What is older than ``KEPT`` is forgotten."""
    await tx.connection.execute(delete(seen_events).where(seen_events.c.seen_at < now - KEPT))
    try:
        async with tx.connection.begin_nested():
            await tx.connection.execute(insert(seen_events).values(event_id=event_id, seen_at=now))
    except IntegrityError:
        return False
    return True
