"""What is on fire: counted from what the database says, by the clock."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.accounts import mark_expired
from bot.urgent import Urgent, urgent
from storage import mentions
from storage.records import PostState, When
from storage.tables import posts as posts_table
from tests.unit.care import DANA, Care, care
from tests.unit.world import TEAM

HOUR = timedelta(hours=1)


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Care]:
    async with care(database_url, tmp_path) as made:
        yield made


async def now_urgent(here: Care) -> Urgent:
    async with here.world.database.reading() as tx:
        return await urgent(tx, here.world.accounts, TEAM, here.time.now())


async def test_mentions_past_their_times(here: Care) -> None:
    unanswered, answered = await here.hear(), await here.hear()
    async with here.world.database.transaction() as tx:
        await mentions.note_answer(tx, answered.id, here.time.now())
    assert await now_urgent(here) == Urgent()
    here.time.passes(12 * HOUR + timedelta(minutes=1))
    assert await now_urgent(here) == Urgent(unanswered=1)
    here.time.passes(12 * HOUR)
    assert await now_urgent(here) == Urgent(unanswered=1, unsolved=1)
    for mention in (unanswered, answered):
        await here.triage.resolve(DANA, mention.id)
    assert await now_urgent(here) == Urgent()


async def test_posts_that_nobody_decided_on_and_accounts_that_died(here: Care) -> None:
    world = here.world
    await world.submitted("Later", when=When.AT, at=here.time.now() + 3 * HOUR)
    await world.submitted("Soon", when=When.AT, at=here.time.now() + HOUR / 2)
    assert await now_urgent(here) == Urgent(undecided=1)
    async with world.database.transaction() as tx:
        await mark_expired(tx, world.account, "the password was changed", here.time.now())
    label = world.accounts.label(world.account)
    assert await now_urgent(here) == Urgent(undecided=1, expired=(label,))


async def test_a_failed_post_is_on_fire_for_a_day(here: Care) -> None:
    post = await here.world.submitted("Failed", when=When.AT, at=here.time.now() + 30 * HOUR)
    async with here.world.database.transaction() as tx:
        await tx.connection.execute(
            posts_table.update()
            .where(posts_table.c.id == post.id)
            .values(state=PostState.FAILED, updated_at=here.time.now())
        )
    assert await now_urgent(here) == Urgent(failed=1)
    here.time.passes(25 * HOUR)
    assert await now_urgent(here) == Urgent()
