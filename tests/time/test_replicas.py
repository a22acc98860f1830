"""Two processes on one PostgreSQL whose machines' clocks are 30 s apart.

The database's clock decides what is due: nothing goes out before it says so, whatever a process's
own clock shows, and neither asks the database again and again meanwhile.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from bot.clock import SAFETY_TICK
from storage.records import DeliveryState, Post
from tests.e2e.stage import Stage
from tests.servers.eventually import eventually
from tests.time.machine_clock import MachineClock
from tests.time.staged_posts import bot_with, delivery_of, scheduled

APART = timedelta(seconds=30)
WAIT = timedelta(seconds=15)
POSTS = 10
A_SECOND = 40  # transactions of both: ticks, polls, notices; a loop makes hundreds


@pytest.mark.parametrize("apart", [APART, -APART], ids=["ahead", "behind"])
async def test_nothing_goes_out_early_by_the_databases_clock_and_nobody_spins(
    tmp_path: Path, postgresql_url: str, apart: timedelta
) -> None:
    clock = MachineClock(tmp_path, ahead=apart)
    environment = {"DATABASE_URL": postgresql_url}
    async with bot_with(tmp_path, {**environment, **clock.environment}) as stage:
        wrong = stage.bot
        assert wrong is not None
        stage.environment = {
            name: value
            for name, value in stage.environment.items()
            if name not in clock.environment
        }
        await stage.start_bot()
        try:
            due_at = datetime.now(UTC) + WAIT
            posts = [await scheduled(stage, f"Post {n}.", due_at) for n in range(POSTS)]
            before = committed(postgresql_url)
            for number in range(POSTS):
                shown = await stage.goes_live(f"Post {number}.", within=40)
                assert datetime.fromisoformat(shown["created_at"]) >= due_at
            made = committed(postgresql_url) - before
            assert made < A_SECOND * (WAIT + SAFETY_TICK).total_seconds()
            for post in posts:
                await eventually(partial(is_settled, stage, post))
                delivery = await delivery_of(stage, post)
                assert delivery.published_at is not None
                assert delivery.published_at >= due_at
                assert delivery.attempt == 1
        finally:
            wrong.terminate()
            assert await wrong.wait() == 0


async def is_settled(stage: Stage, post: Post) -> bool:
    return (await delivery_of(stage, post)).state is DeliveryState.PUBLISHED


def committed(url: str) -> int:
    """How many transactions this database has seen so far."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])
