"""The clock: wakes who waits, at the time, at once, or at the safety tick; and never stops."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import Alarm, Clock


@pytest.fixture
async def clock() -> AsyncIterator[Clock]:
    made = Clock()
    made.start()
    yield made
    made.stop()


async def wakes(alarm: Alarm, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await alarm.wait()
    except TimeoutError:
        return False
    return True


def soon(seconds: float = 0.2) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_an_alarm_rings_at_its_time_and_not_before(clock: Clock) -> None:
    alarm, at = clock.alarm("a"), soon()
    alarm.arm(at, now=datetime.now(UTC))
    assert await wakes(alarm, 3)
    assert datetime.now(UTC) >= at


async def test_ringing_wakes_at_once_and_is_not_lost_while_nobody_waits(clock: Clock) -> None:
    alarm = clock.alarm("a")
    alarm.ring()
    assert await wakes(alarm, 1)
    assert not await wakes(alarm, 0.1), "once is once"


async def test_an_earlier_time_takes_the_place_of_a_later_one(clock: Clock) -> None:
    alarm = clock.alarm("a")
    alarm.arm(soon(3600), now=datetime.now(UTC))
    alarm.arm(soon(), now=datetime.now(UTC))
    assert await wakes(alarm, 3)


async def test_a_time_that_is_past_rings_at_once(clock: Clock) -> None:
    alarm = clock.alarm("a")
    alarm.arm(soon(-3600), now=datetime.now(UTC))
    assert await wakes(alarm, 3)


async def test_an_alarm_armed_again_while_it_rings_rings_again(clock: Clock) -> None:
    alarm = clock.alarm("a")
    for _ in range(20):
        alarm.arm(soon(0.01), now=datetime.now(UTC))
        assert await wakes(alarm, 3)


async def test_nothing_due_disarms_it(clock: Clock) -> None:
    alarm = clock.alarm("a")
    alarm.arm(soon(), now=datetime.now(UTC))
    alarm.arm(None, now=datetime.now(UTC))
    alarm.arm(None, now=datetime.now(UTC))
    assert not await wakes(alarm, 0.5)


async def test_the_safety_tick_wakes_without_any_alarm(clock: Clock) -> None:
    assert await wakes(clock.alarm("a"), 8)


async def test_alarms_ring_in_the_loop_and_not_in_a_thread(clock: Clock) -> None:
    """asyncio's events may only be set in their own loop; its debug mode refuses else."""
    asyncio.get_running_loop().set_debug(True)
    alarm = clock.alarm("a")
    before = threading.active_count()
    alarm.arm(soon(0.05), now=datetime.now(UTC))
    assert await wakes(alarm, 3)
    assert threading.active_count() == before


async def test_a_job_that_fails_is_logged_and_runs_again(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    runs = 0
    twice = asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            twice.set()
        raise ValueError("the first of many")

    with caplog.at_level(logging.ERROR, "bot.clock"):
        clock.every(timedelta(seconds=0.2), "failing", work)
        async with asyncio.timeout(10):
            await twice.wait()
    assert "The job 'failing' failed" in caplog.text


async def test_a_job_never_overlaps_itself(clock: Clock) -> None:
    running = most = runs = 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await asyncio.sleep(0.25)
        running -= 1
        if runs == 3:
            enough.set()

    clock.every(timedelta(seconds=0.1), "slow", work)
    async with asyncio.timeout(10):
        await enough.wait()
    assert most == 1


async def test_a_stopped_clock_can_be_stopped_again() -> None:
    clock = Clock()
    clock.stop()
    clock.start()
    clock.stop()
    clock.stop()
