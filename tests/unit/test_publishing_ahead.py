"""What is due in a moment is made ready before, and goes out at its time."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.attempts import Timing
from bot.brake import Brakes
from bot.composing import When
from bot.errors import RateLimited, Unavailable
from bot.publishing import HANDS
from storage import accounts, deliveries
from storage.records import DeliveryState, PostState
from tests.servers.eventually import eventually
from tests.unit.publishing import Hands, MovedClock, goes_out, state_of
from tests.unit.world import EVA, World, world

AN_HOUR = timedelta(hours=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SOON = timedelta(minutes=1)
EARLY = Timing(ahead=2 * SOON)  # a busy machine may need many seconds for a step


async def database_time(here: World) -> datetime:
    async with here.database.reading() as tx:
        return await here.database.now(tx)


async def test_its_pictures_are_up_before_its_time_and_the_post_is_out_after_it(
    here: World,
) -> None:
    uploaded: list[int] = []
    prepared_at: list[datetime] = []
    called_at: list[datetime] = []

    async def calling(_: int) -> None:
        called_at.append(await database_time(here))

    async def preparing() -> None:
        uploaded.append(here.network.uploads)
        prepared_at.append(await database_time(here))

    here.network.calling, here.network.preparing = calling, preparing
    due_at = await database_time(here) + timedelta(seconds=5)
    pictures = (await here.picture(),)
    post = await here.approved(when=When.AT, at=due_at, pictures=pictures)
    async with here.publishing(EARLY):
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert uploaded == [1]
    assert prepared_at[0] < due_at <= called_at[0]


async def test_what_nothing_has_begun_of_is_given_back_at_the_stop(light: World) -> None:
    post = await light.approved(when=When.AT, at=await database_time(light) + SOON)
    async with light.publishing(EARLY) as publisher:
        await is_claimed(light, post.id)
        await publisher.drain(30)
    [delivery] = await light.deliveries(post.id)
    assert (delivery.state, delivery.attempt) == (DeliveryState.PENDING, 0)
    assert (await light.post(post.id)).state is PostState.SCHEDULED
    assert light.network.calls == 0


async def is_claimed(here: World, post_id: str) -> None:
    async def is_it() -> bool:
        return await state_of(here, post_id) is DeliveryState.SENDING

    await eventually(is_it)


async def test_a_clock_that_is_set_back_meanwhile_makes_nothing_early(tmp_path: Path) -> None:
    now = MovedClock()
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=now) as here:
        prepared = asyncio.Event()

        async def preparing() -> None:
            prepared.set()

        here.network.preparing = preparing
        post = await here.approved(when=When.AT, at=now() + AN_HOUR)
        now.ahead = AN_HOUR - timedelta(seconds=5)
        async with here.publishing(EARLY):
            await prepared.wait()
            now.ahead = timedelta()

            async def waits_again() -> bool:
                return (await here.post(post.id)).state is PostState.SCHEDULED

            await eventually(waits_again)
            assert here.network.calls == 0
            now.ahead = AN_HOUR
            here.clock.alarm("publisher").ring()
            assert await here.settled(post.id) is PostState.PUBLISHED


async def test_what_is_tried_again_is_not_tried_before_its_time(light: World) -> None:
    """Its network said when, or is looked at once a post must be visible."""
    await light.approved("Tried")
    hands = Hands(light)
    tried = await hands.attempt()
    at = await database_time(light) + SOON
    async with light.database.transaction() as tx:
        await deliveries.settle(tx, tried.delivery, DeliveryState.PENDING, next_attempt_at=at)
    network = light.network.name
    assert await hands.claimer.claim(network, 10, (), EARLY.ahead) == []
    await light.approved("New", when=When.AT, at=at)
    [new] = await hands.claimer.claim(network, 10, (), EARLY.ahead)
    assert new.due_at == at


async def test_what_is_due_now_finds_a_hand_beside_what_is_due_soon(light: World) -> None:
    at = await database_time(light) + SOON
    waiting = [await light.approved(f"{n}", when=When.AT, at=at) for n in range(HANDS - 1)]
    async with light.publishing(EARLY):
        for post in waiting:
            await is_claimed(light, post.id)
        await goes_out(light, "Now")
        assert light.network.calls == 1


@pytest.mark.parametrize("error", [Unavailable("down"), RateLimited("slow down", until=LONG_AGO)])
async def test_what_fails_before_its_time_is_not_tried_again_before_it(
    light: World, error: Exception
) -> None:
    async def fail() -> None:
        raise error

    light.network.preparing = fail
    at = await database_time(light) + SOON
    post = await light.approved(when=When.AT, at=at)
    async with light.publishing(EARLY):

        async def has_failed() -> bool:
            [delivery] = await light.deliveries(post.id)
            return delivery.problem is not None

        await eventually(has_failed)
    [delivery] = await light.deliveries(post.id)
    assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.PENDING, at)


async def test_a_limit_that_ends_at_its_time_is_waited_for_in_peace(light: World) -> None:
    """Its picture can't be uploaded before; trying all the time would be no use."""
    at = await database_time(light) + SOON
    async with light.database.transaction() as tx:
        await accounts.limit(tx, light.account.id, at)
    post = await light.approved(when=When.AT, at=at, pictures=(await light.picture(),))
    async with light.publishing(EARLY):
        await is_claimed(light, post.id)
        [claimed] = await light.deliveries(post.id)
        await goes_nowhere(light)
        assert await light.deliveries(post.id) == [claimed]
    assert (light.network.uploads, light.network.calls) == (0, 0)


async def goes_nowhere(here: World) -> None:
    """Time for several looks of the publisher."""
    for _ in range(5):
        here.clock.alarm("publisher").ring()
        await asyncio.sleep(0.1)


async def test_a_brake_holds_nothing_before_its_time(light: World) -> None:
    brakes = Brakes(light.database, light.accounts, light.clock)
    brake = (await brakes.pull(EVA, "A crisis")).brake
    at = await database_time(light) + timedelta(seconds=5)
    post = await light.approved(when=When.AT, at=at, pictures=(await light.picture(),))
    async with light.publishing(EARLY):
        await is_claimed(light, post.id)
        await goes_nowhere(light)
        assert light.network.uploads == 0
        await brakes.release(EVA, [brake.id])
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.uploads == 1


async def test_who_is_still_at_a_delivery_does_not_get_it_again(light: World) -> None:
    """Others took it over while this process stalled, and gave it back."""
    await light.approved("Hello")
    hands = Hands(light)
    [mine] = await hands.claim()
    async with light.database.transaction() as tx:
        await deliveries.give_back(tx, hands.claimer.owner, [mine.id])
    network = light.network.name
    assert await hands.claimer.claim(network, 10, [mine.id], timedelta()) == []
    assert await hands.claimer.claim(network, 10, (), timedelta())
