"""Taking snapshots: every hour, once however many processes there are, whatever goes wrong."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import Expired, Unavailable
from bot.metrics import KEPT_WHOLE_DAYS
from storage import notices
from storage.database import Database
from storage.migrations import migrate
from storage.records import AccountState, Card, Snapshot
from tests.unit.numbers_world import DAY, HOUR, NOON, NumbersWorld, numbers_world
from tests.unit.world import TEAM


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[NumbersWorld]:
    database = Database(f"sqlite:///{tmp_path / 'numbers.db'}")
    await migrate(database)
    async with numbers_world(database, "a", "b", "c") as made:
        yield made
    await database.close()


def of_posts(taken: list[Snapshot]) -> dict[str, list[dict[str, int]]]:
    found: dict[str, list[dict[str, int]]] = {}
    for one in taken:
        if one.delivery_id is not None:
            found.setdefault(one.delivery_id, []).append(dict(one.numbers))
    return found


async def test_each_account_is_measured_once_an_hour(world: NumbersWorld) -> None:
    metrics = world.metrics()
    for minutes in (0, 5, 59, 60, 65):
        world.moment = NOON + timedelta(minutes=minutes)
        await metrics.measure_due()
    assert Counter(one.taken_at for one in await world.taken()) == {NOON: 3, NOON + HOUR: 3}


async def test_two_processes_measure_once(world: NumbersWorld) -> None:
    await asyncio.gather(world.metrics().measure_due(), world.metrics().measure_due())
    assert sorted(handle for handle, _ in world.network.measured) == ["@a", "@b", "@c"]


async def test_a_digest_gets_fresh_numbers_but_not_every_second(world: NumbersWorld) -> None:
    metrics = world.metrics()
    await metrics.measure_due()
    world.moment += timedelta(minutes=1)
    await metrics.refresh(TEAM, DAY)
    await metrics.refresh(TEAM, DAY)
    assert len(world.network.measured) == 6
    world.moment += timedelta(seconds=30)
    await metrics.refresh(TEAM, DAY)
    assert len(world.network.measured) == 9


async def test_a_slow_network_is_left_behind_and_its_numbers_come_later(
    world: NumbersWorld,
) -> None:
    may_answer = asyncio.Event()
    world.network.before = may_answer.wait
    metrics = world.metrics()
    await metrics.refresh(TEAM, timedelta(milliseconds=10))
    assert await world.taken() == []
    may_answer.set()
    await metrics.drain(10)
    assert len(await world.taken()) == 3


@pytest.mark.parametrize("error", [Unavailable("it is down"), RuntimeError("a bug")])
async def test_one_accounts_trouble_stops_no_other(world: NumbersWorld, error: Exception) -> None:
    world.network.fail["@a"] = error
    await world.metrics().measure_due()
    assert {one.account_id for one in await world.taken()} == {
        account.id for account in world.accounts[1:]
    }
    assert (await world.account()).state is AccountState.ACTIVE


async def test_refused_credentials_are_told_to_the_owner_once(world: NumbersWorld) -> None:
    world.network.fail["@a"] = Expired("the password was changed")
    metrics = world.metrics()
    await metrics.measure_due()
    world.moment += HOUR
    await metrics.measure_due()
    assert (await world.account()).state is AccountState.EXPIRED
    assert Counter(handle for handle, _ in world.network.measured)["@a"] == 1
    async with world.database.reading() as tx:
        [owed] = await notices.of_subject(tx, TEAM, world.accounts[0].owner_id)
    assert (owed.card, owed.version) == (Card.INBOX, 1)


async def test_live_posts_of_thirty_days_are_measured_in_batches(world: NumbersWorld) -> None:
    young = [await world.published(NOON - hours * HOUR) for hours in range(1, 251)]
    await world.published(NOON - 31 * DAY)
    world.network.posts = {one.remote_id or "": {"likes": 1} for one in young}
    await world.metrics().measure_due()
    asked = [ids for handle, ids in world.network.measured if handle == "@a"]
    assert [len(ids) for ids in asked] == [100, 100, 50]
    taken = await world.taken()
    assert len(of_posts(taken)) == 250
    assert Counter(one.account_id for one in taken if one.delivery_id is None) == {
        account.id: 1 for account in world.accounts
    }


async def test_a_post_is_kept_when_it_moved_and_never_made_up(world: NumbersWorld) -> None:
    moving, gone = await world.published(NOON - HOUR), await world.published(NOON - HOUR)
    metrics = world.metrics()
    for likes in (0, 0, 3, 3, 2):
        world.network.posts = {moving.remote_id or "": {"likes": likes}}
        await metrics.measure_due()
        world.moment += HOUR
    found = of_posts(await world.taken())
    assert found[moving.id] == [{"likes": 0}, {"likes": 3}, {"likes": 2}]
    assert gone.id not in found


async def test_old_days_are_thinned_to_their_first_and_newest(world: NumbersWorld) -> None:
    post = await world.published(NOON - 9 * DAY)
    for hours in range(8 * 24):
        at = NOON - hours * HOUR
        await world.numbers(at, {"followers": hours})
        await world.numbers(at, {"likes": 500 - hours}, of=post)
    await world.metrics().measure_due()
    taken = [one for one in await world.taken() if one.account_id == world.accounts[0].id]
    # 12:00 on the 18th in Berlin: the 15th, 16th and 17th are whole, and so is today.
    by_day = Counter(f"{one.taken_at + HOUR:%d}" for one in taken if one.delivery_id == post.id)
    assert by_day == {"10": 2, "11": 2, "12": 2, "13": 2, "14": 2, "15": 24, "16": 24, "17": 24,
                      "18": 13}  # fmt: skip
    hours = {(one.taken_at + HOUR).hour for one in taken if f"{one.taken_at + HOUR:%d}" == "12"}
    assert hours == {0, 23}
    assert KEPT_WHOLE_DAYS == 3
