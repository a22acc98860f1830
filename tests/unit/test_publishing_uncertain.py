"""A call without a clear answer is resolved as its network declares, and never simply repeated."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import AlreadyDone, Unavailable, Uncertain
from bot.networks.base import Uncertainty
from storage.records import (
    Card,
    Delivery,
    DeliveryState,
    PostState,
)
from tests.servers.eventually import eventually
from tests.unit.publishing import (
    Hands,
    begun_at,
    owed,
    uncertain,
)
from tests.unit.world import ANA, World, world


class SteppingClock:
    """A clock that is further ahead at each look."""

    def __init__(self) -> None:
        self.ahead = self.step = timedelta()

    def __call__(self) -> datetime:
        self.ahead += self.step
        return datetime.now(UTC) + self.ahead


async def test_an_uncertain_send_is_repeated_with_the_same_key(here: World) -> None:
    here.network.lose = {1: Uncertain("the answer was lost"), 2: Uncertain("again")}
    async with here.publishing():
        post = await here.approved()
        await uncertain(here, post.id, 1)
        await here.hurry(post.id)
        await uncertain(here, post.id, 2)
        await here.hurry(post.id)
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert len(here.network.live) == 1
    assert here.network.calls == 3
    assert await owed(here, post.id, Card.TROUBLE) == 0


async def test_an_uncertain_send_is_looked_up_before_anything_is_sent_again(
    light: World,
) -> None:
    light.network.uncertainty = Uncertainty.LOOK_UP
    light.network.lose = {1: Uncertain("the answer was lost")}
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
        await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.calls == 1


async def test_what_was_not_found_after_the_grace_is_sent_again(light: World) -> None:
    def lost_on_the_way(number: int) -> None:
        if number == 1:
            raise Uncertain("the request may have been lost")

    light.network.uncertainty = Uncertainty.LOOK_UP
    light.network.behave = lost_on_the_way
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
        assert light.network.live == {}
        await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert len(light.network.live) == 1


async def test_within_the_grace_not_found_means_nothing(light: World) -> None:
    def lost_on_the_way(number: int) -> None:
        raise Uncertain("no answer")

    light.network.uncertainty = Uncertainty.LOOK_UP
    light.network.grace = timedelta(minutes=5)
    light.network.behave = lost_on_the_way
    looked: list[bool] = []
    light.network.looking = lambda: looked.append(True)
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
        await light.hurry(post.id)

        async def look() -> bool:
            return bool(looked)

        await eventually(look)
        await uncertain(light, post.id, 1)
    assert light.network.calls == 1


async def test_a_second_uncertain_send_has_a_grace_of_its_own(light: World) -> None:
    """What was looked for and not found was sent again; its silence starts the wait anew."""

    def lost_on_the_way(number: int) -> None:
        raise Uncertain("no answer")

    light.network.uncertainty = Uncertainty.LOOK_UP
    light.network.behave = lost_on_the_way
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
        first = await begun_at(light, post.id)
        await light.hurry(post.id)
        await uncertain(light, post.id, 2)
        assert await begun_at(light, post.id) > first


async def test_a_failed_look_up_keeps_the_send_uncertain(light: World) -> None:
    """The network going down while we ask must not make us forget that the post may be out."""
    light.network.uncertainty = Uncertainty.LOOK_UP
    light.network.lose = {1: Uncertain("the answer was lost")}

    def down() -> None:
        light.network.looking = lambda: None
        raise Unavailable("it is down")

    light.network.looking = down
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)

        async def published() -> bool:
            await light.hurry(post.id)
            return (await light.post(post.id)).state is PostState.PUBLISHED

        await eventually(published)
    assert light.network.calls == 1
    assert len(light.network.live) == 1


async def test_where_nothing_can_tell_a_person_is_asked(light: World) -> None:
    light.network.uncertainty = Uncertainty.ASK
    light.network.lose = {1: Uncertain("the answer was lost")}
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
        await light.hurry(post.id)
        await light.settled(post.id)
    [delivery] = await light.deliveries(post.id)
    assert delivery.state is DeliveryState.UNKNOWN
    assert light.network.calls == 1
    assert await owed(light, post.id, Card.TROUBLE) >= 1


async def test_it_is_live_settles_it_without_sending(light: World) -> None:
    delivery = await _unknown(light)
    await light.outcomes.is_live(ANA, delivery.id, "https://s.example/post-1")
    assert (await light.post(delivery.post_id)).state is PostState.PUBLISHED
    with pytest.raises(AlreadyDone):
        await light.outcomes.is_not_live(ANA, delivery.id)
    assert light.network.calls == 1


async def test_it_is_not_live_sends_it_again(light: World) -> None:
    delivery = await _unknown(light)
    async with light.publishing():
        await light.outcomes.is_not_live(ANA, delivery.id)
        assert await light.settled(delivery.post_id) is PostState.PUBLISHED
    assert light.network.calls == 2


async def _unknown(light: World) -> Delivery:
    light.network.uncertainty = Uncertainty.ASK
    light.network.lose = {1: Uncertain("the answer was lost")}
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
        await light.hurry(post.id)
        await light.settled(post.id)
    [delivery] = await light.deliveries(post.id)
    assert delivery.state is DeliveryState.UNKNOWN
    return delivery


async def test_a_bug_after_the_call_may_have_let_it_out(light: World) -> None:
    """The network took the post, and its answer isn't understood."""
    light.network.uncertainty = Uncertainty.LOOK_UP
    light.network.lose = {1: KeyError("uri")}
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
        await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.calls == 1


async def test_a_key_that_is_forgotten_while_the_call_is_prepared_is_not_sent_again(
    tmp_path: Path,
) -> None:
    clock = SteppingClock()
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=clock) as here:
        here.network.key_life = timedelta(minutes=20)
        here.network.lose = {1: Uncertain("the answer was lost")}
        async with here.publishing():
            post = await here.approved()
            await uncertain(here, post.id, 1)
        hands = Hands(here)
        clock.ahead = timedelta(minutes=16, seconds=30)
        attempt = await hands.attempt()
        clock.step = timedelta(minutes=1)
        with pytest.raises(Uncertain, match="forgotten"):
            await hands.sender.send(attempt)
        assert here.network.calls == 1
