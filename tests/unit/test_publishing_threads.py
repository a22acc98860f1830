"""A thread goes on where it was interrupted: with the same keys, below what is out already."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import AlreadyDone, Rejected, Unavailable, Uncertain
from bot.networks.base import Uncertainty
from storage.records import Card, DeliveryState, HoldReason, PartState, PostState
from tests.servers.eventually import eventually
from tests.unit.publishing import (
    Hands,
    MovedClock,
    held,
    is_over,
    owed,
    parts_of,
    state_of,
    uncertain,
)
from tests.unit.world import ANA, World, world

FIVE = "One\n---\nTwo\n---\nThree\n---\nFour\n---\nFive"
CHAIN = [
    ("One", None),
    ("Two", "post-1"),
    ("Three", "post-2"),
    ("Four", "post-3"),
    ("Five", "post-4"),
]


async def test_each_post_follows_the_one_before_it(here: World) -> None:
    async with here.publishing():
        post = await here.approved(FIVE)
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert here.network.accepted == CHAIN
    [delivery] = await here.deliveries(post.id)
    assert (delivery.remote_id, delivery.url) == ("post-1", "https://s.example/post-1")
    assert len(set(here.network.keys)) == 5


@pytest.mark.parametrize("is_out", [True, False], ids=["accepted", "lost on the way"])
@pytest.mark.parametrize("how", [Uncertainty.SAME_KEY, Uncertainty.LOOK_UP])
async def test_interrupted_at_the_third_of_five_it_goes_on_at_the_third(
    light: World, how: Uncertainty, is_out: bool
) -> None:
    def lost_on_the_way(number: int) -> None:
        if number == 3:
            raise Uncertain("no answer")

    light.network.uncertainty = how
    if is_out:
        light.network.lose = {3: Uncertain("the answer was lost")}
    else:
        light.network.behave = lost_on_the_way
    async with light.publishing():
        post = await light.approved(FIVE)
        await uncertain(light, post.id, 3)
        await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.accepted == CHAIN
    found = how is Uncertainty.LOOK_UP and is_out
    assert light.network.calls == (5 if found else 6)
    assert found or light.network.keys[2] == light.network.keys[3]
    assert len(set(light.network.keys)) == 5


async def test_killed_at_the_third_it_goes_on_at_the_third(here: World) -> None:
    """Another process takes it over after the lease."""

    async def hang_at_the_third(number: int) -> None:
        if number == 3:
            await asyncio.Event().wait()

    post = await here.approved(FIVE)
    here.network.calling = hang_at_the_third
    hands = Hands(here)
    attempt = await hands.attempt()
    sending = asyncio.create_task(hands.sender.send(attempt))

    async def hangs() -> bool:
        return here.network.calls == 3

    await eventually(hangs)
    sending.cancel()
    await is_over(here, attempt.delivery)
    async with here.publishing():
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert here.network.accepted == CHAIN
    assert here.network.keys[2] == here.network.keys[3]


async def test_stopped_after_the_second_it_goes_on_at_the_third(light: World) -> None:
    third, goes_on = asyncio.Event(), asyncio.Event()
    prepared = 0

    async def wait_before_the_third() -> None:
        nonlocal prepared
        prepared += 1
        if prepared == 3:
            third.set()
            await goes_on.wait()

    light.network.preparing = wait_before_the_third
    post = await light.approved(FIVE)
    async with light.publishing() as publisher:
        await third.wait()
        stopping = asyncio.create_task(publisher.drain(30))
        await asyncio.sleep(0)
        goes_on.set()
        await stopping
    [delivery] = await light.deliveries(post.id)
    assert (delivery.state, delivery.attempt) == (DeliveryState.PENDING, 1)
    assert (await light.post(post.id)).state is PostState.PUBLISHING, "its rest can't be moved"
    assert light.network.accepted == CHAIN[:2]
    async with light.publishing():
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.accepted == CHAIN


async def test_refused_at_the_third_it_fails_and_try_again_goes_on_there(light: World) -> None:
    def refuse_the_third(number: int) -> None:
        if number == 3:
            raise Rejected("the third has a forbidden word")

    light.network.behave = refuse_the_third
    async with light.publishing():
        post = await light.approved(FIVE)
        assert await light.settled(post.id) is PostState.PARTLY_PUBLISHED
        assert light.network.accepted == CHAIN[:2]
        states = [part.state for part in await parts_of(light, post.id)]
        assert states == [PartState.DONE] * 2 + [PartState.PENDING] * 3
        assert await owed(light, post.id, Card.TROUBLE) >= 1
        await light.outcomes.retry(ANA, post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.accepted == CHAIN
    [delivery] = await light.deliveries(post.id)
    assert delivery.url == "https://s.example/post-1"


async def test_what_is_partly_out_cannot_be_cancelled(light: World) -> None:
    def down_at_the_third(number: int) -> None:
        if number == 3:
            raise Unavailable("it is down")

    light.network.behave = down_at_the_third
    async with light.publishing():
        post = await light.approved(FIVE)
        await uncertain(light, post.id, 3)
    with pytest.raises(AlreadyDone):
        await light.scheduling.cancel(ANA, post.id)
    assert await state_of(light, post.id) is DeliveryState.PENDING


async def test_late_in_its_middle_it_is_held_there(tmp_path: Path) -> None:
    """The uncertain one is cleared up, and nothing new goes out unasked."""
    now = MovedClock()
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=now) as here:
        here.network.lose = {3: Uncertain("the answer was lost")}
        async with here.publishing():
            post = await here.approved(FIVE)
            await uncertain(here, post.id, 3)
            now.ahead = timedelta(hours=1)
            here.clock.alarm("publisher").ring()
            await eventually(lambda: held(here, post.id, HoldReason.LATE))
        assert here.network.accepted == CHAIN[:3]
        assert here.network.calls == 3
        states = [part.state for part in await parts_of(here, post.id)]
        assert states == [PartState.DONE] * 3 + [PartState.PENDING] * 2


async def test_its_pictures_go_with_the_first_and_are_uploaded_once(light: World) -> None:
    def down_twice(number: int) -> None:
        if number in (1, 3):
            raise Unavailable("it is down")

    light.network.behave = down_twice
    async with light.publishing():
        post = await light.approved(FIVE, pictures=(await light.picture(),))
        for calls in (1, 3):
            await uncertain(light, post.id, calls)
            await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.uploads == 1
    assert light.network.accepted == CHAIN
    assert [pictures for pictures in light.network.pictures if pictures] == [1, 1], (
        "the first call was refused"
    )
