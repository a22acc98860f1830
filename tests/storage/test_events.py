"""An event counts once for two hours, whatever Slack repeats and whoever asks at once."""

import asyncio
from datetime import UTC, datetime, timedelta

from storage import events
from storage.database import Database

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def note(database: Database, event_id: str, at: datetime) -> bool:
    async with database.transaction() as tx:
        return await events.is_new(tx, event_id, at)


async def test_an_event_is_new_once(database: Database) -> None:
    assert await note(database, "Ev1", NOON)
    assert not await note(database, "Ev1", NOON + timedelta(minutes=5))
    assert await note(database, "Ev2", NOON + timedelta(minutes=5))


async def test_of_many_at_once_one_is_new(database: Database) -> None:
    results = await asyncio.gather(*(note(database, "Ev1", NOON) for _ in range(8)))
    assert sorted(results) == [False] * 7 + [True]


async def test_an_event_is_forgotten_after_two_hours(database: Database) -> None:
    assert await note(database, "Ev1", NOON)
    assert not await note(database, "Ev1", NOON + timedelta(hours=2))
    assert await note(database, "Ev2", NOON + timedelta(hours=2, seconds=1))
    assert await note(database, "Ev1", NOON + timedelta(hours=2, seconds=1))
