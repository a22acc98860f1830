"""What a monitor and the doctor get to know of what waits, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.health import Health, HealthCheck
from storage import backlog, deliveries, notices
from storage.backlog import Backlog
from storage.database import Database
from storage.records import DeliveryState, HoldReason
from tests.unit.world import TEAM, World, world

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def waiting(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A world in which nobody publishes."""
    async with world(database_url, tmp_path) as made:
        yield made


async def a_delivery(world: World, state: DeliveryState, due_at: datetime, **new: Any) -> None:
    post = await world.approved(f"Due {due_at} and {state}")
    [delivery] = await world.deliveries(post.id)
    async with world.database.transaction() as tx:
        await deliveries.move(
            tx, delivery.id, [delivery.state], state, due_at=due_at, next_attempt_at=due_at, **new
        )


async def look(world: World) -> Health:
    return await HealthCheck(world.database).look()


async def test_nothing_waits_at_first(waiting: World) -> None:
    found = await look(waiting)
    assert (found.problem, found.publishing_lag_s) == (None, 0)
    assert found.sockets is None


async def test_a_database_that_is_away_is_said_and_the_rest_is_not_known(tmp_path: Path) -> None:
    gone = Database(f"sqlite:///{tmp_path / 'x.db'}")
    found = await HealthCheck(gone).look()  # it has no tables
    assert found.problem is not None
    assert found.publishing_lag_s is None
    assert found.notices_owed is None
    await gone.close()


async def test_the_lag_is_of_what_is_due_longest(waiting: World) -> None:
    now = datetime.now(UTC)
    await a_delivery(waiting, DeliveryState.PENDING, now + 60 * MINUTE)
    assert (await look(waiting)).publishing_lag_s == 0
    await a_delivery(waiting, DeliveryState.PENDING, now - 2 * MINUTE)
    await a_delivery(waiting, DeliveryState.PENDING, now - 5 * MINUTE)
    for other in (DeliveryState.HELD, DeliveryState.SENDING, DeliveryState.UNKNOWN):
        await a_delivery(waiting, other, now - 9 * MINUTE)
    lag = (await look(waiting)).publishing_lag_s
    assert lag is not None
    assert 300 <= lag < 540


async def test_a_message_counts_until_slack_has_it(waiting: World) -> None:
    async with waiting.database.transaction() as tx:
        for destination in ("C1", "C2"):
            await notices.owe(tx, TEAM, "trouble", "1", destination, datetime.now(UTC))
    assert (await look(waiting)).notices_owed == 2


async def test_what_waits_is_counted_by_what_it_waits_for(waiting: World) -> None:
    now = datetime.now(UTC)
    for state in (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.PUBLISHED):
        await a_delivery(waiting, state, now - 5 * MINUTE)
    await a_delivery(waiting, DeliveryState.PENDING, now)
    for reason in (HoldReason.BRAKE, HoldReason.BRAKE, HoldReason.LATE):
        await a_delivery(waiting, DeliveryState.HELD, now - 5 * MINUTE, hold_reason=reason)
    await a_delivery(waiting, DeliveryState.UNKNOWN, now - 5 * MINUTE)
    async with waiting.database.reading() as tx:
        found = await backlog.of_workspace(tx, TEAM, now - MINUTE)
        assert await backlog.of_workspace(tx, "T2", now) == Backlog(0, None, {}, 0)
    assert found == Backlog(
        late=2,
        late_since=now - 5 * MINUTE,
        held={HoldReason.BRAKE: 2, HoldReason.LATE: 1},
        unknown=1,
    )


async def test_who_asks_meanwhile_gets_the_same_answer(waiting: World) -> None:
    counted = 0

    async def count() -> int:
        nonlocal counted
        counted += 1
        return counted

    check = HealthCheck(waiting.database, count)
    answers = await asyncio.gather(*(check.look() for _ in range(5)))
    assert [answer.sockets for answer in answers] == [1] * 5
    assert (await check.look()).sockets == 2
