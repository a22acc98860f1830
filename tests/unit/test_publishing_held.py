"""What must not go out is held before anything is sent, and its author told once for all of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.brake import Brakes
from bot.errors import Unavailable, Uncertain
from bot.networks.base import Uncertainty
from bot.sending import MustHold
from storage import accounts, deliveries
from storage.records import AccountState, DeliveryState, HoldReason, PartState, PostState, When
from tests.servers.eventually import eventually
from tests.unit.publishing import (
    Hands,
    MovedClock,
    held,
    inboxes,
    parts_of,
    second_account,
    state_of,
    uncertain,
)
from tests.unit.world import ANA, World, world

LATER = timedelta(minutes=5)
A_MINUTE = timedelta(minutes=1)
LIMIT = timedelta(minutes=30)  # what a workspace begins with

Moved = tuple[World, MovedClock]


@pytest.fixture
async def moved(tmp_path: Path) -> AsyncIterator[tuple[World, MovedClock]]:
    clock = MovedClock()
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=clock) as made:
        yield made, clock


async def test_what_is_late_after_downtime_is_held_before_anything_is_sent(moved: Moved) -> None:
    here, clock = moved
    pictures = (await here.picture(),)
    due_at = clock() + LATER
    late = [
        await here.approved(f"Late {n}", when=When.AT, at=due_at, pictures=pictures)
        for n in range(3)
    ]
    in_time = await here.approved("In time", when=When.AT, at=due_at + 2 * A_MINUTE)
    clock.ahead = LATER + LIMIT + A_MINUTE
    async with here.publishing():
        assert await here.settled(in_time.id) is PostState.PUBLISHED
        for post in late:
            await eventually(partial(held, here, post.id, HoldReason.LATE))
    assert here.network.accepted == [("In time", None)]
    assert here.network.uploads == 0
    [card] = await inboxes(here)
    assert card.destination == ANA.user_id
    assert {(await here.post(post.id)).state for post in late} == {PostState.SCHEDULED}


@pytest.mark.parametrize("how", [Uncertainty.SAME_KEY, Uncertainty.LOOK_UP])
async def test_what_may_be_out_is_looked_up_however_late_it_is(
    moved: Moved, how: Uncertainty
) -> None:
    here, clock = moved
    here.network.uncertainty = how
    here.network.lose = {1: Uncertain("the answer was lost")}
    async with here.publishing():
        post = await here.approved("Hello")
        await uncertain(here, post.id, 1)
        clock.ahead = LIMIT + A_MINUTE
        here.clock.alarm("publisher").ring()
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert here.network.calls == 1


@pytest.mark.parametrize("how", [Uncertainty.SAME_KEY, Uncertainty.LOOK_UP])
async def test_what_is_not_out_after_all_is_not_sent_late_unasked(
    moved: Moved, how: Uncertainty
) -> None:
    def lost_on_the_way(_: int) -> None:
        raise Uncertain("no answer")

    here, clock = moved
    here.network.uncertainty = how
    here.network.behave = lost_on_the_way
    async with here.publishing():
        post = await here.approved("Hello")
        await uncertain(here, post.id, 1)
        clock.ahead = LIMIT + A_MINUTE
        here.clock.alarm("publisher").ring()
        await eventually(lambda: held(here, post.id, HoldReason.LATE))
    assert here.network.calls == 1
    [part] = await parts_of(here, post.id)
    assert part.state is PartState.PENDING, "it is known that it isn't out"


async def test_a_network_that_is_down_past_the_limit_leads_to_the_author(moved: Moved) -> None:
    def down(_: int) -> None:
        raise Unavailable("it is down")

    here, clock = moved
    here.network.behave = down
    async with here.publishing():
        post = await here.approved("Hello")
        await uncertain(here, post.id, 1)
        clock.ahead = LIMIT + A_MINUTE
        here.clock.alarm("publisher").ring()
        await eventually(lambda: held(here, post.id, HoldReason.LATE))
    assert here.network.calls == 1


async def test_a_brake_between_the_claim_and_the_call_stops_the_call(here: World) -> None:
    brakes = Brakes(here.database, here.accounts, here.clock)

    async def pull() -> None:
        await brakes.pull(ANA, "a crisis")

    here.network.preparing = pull
    async with here.publishing():
        post = await here.approved("Hello")
        await eventually(lambda: held(here, post.id, HoldReason.BRAKE))
    assert here.network.calls == 0
    [part] = await parts_of(here, post.id)
    assert part.state is PartState.PENDING
    assert len(await inboxes(here)) == 1


async def test_a_brake_between_the_claim_and_an_upload_stops_the_upload(here: World) -> None:
    pictures = (await here.picture(),)
    post = await here.approved("Hello", pictures=pictures)
    hands = Hands(here)
    attempt = await hands.attempt()
    await Brakes(here.database, here.accounts, here.clock).pull(ANA, "a crisis")
    with pytest.raises(MustHold):
        await hands.sender.send(attempt)
    assert (here.network.uploads, here.network.calls) == (0, 0)
    assert {part.state for part in await parts_of(here, post.id)} == {PartState.PENDING}


async def test_what_gets_late_between_the_claim_and_the_call_is_held(moved: Moved) -> None:
    """As behind a network that hangs: the calls before it took their time."""
    here, clock = moved

    async def take_long() -> None:
        clock.ahead += LIMIT + A_MINUTE

    here.network.preparing = take_long
    post = await here.approved("Hello")
    hands = Hands(here)
    attempt = await hands.attempt()
    # Its lease was renewed all the time.
    async with here.database.transaction() as tx:
        lease_until = clock() + 2 * LIMIT
        await deliveries.renew(tx, hands.claimer.owner, [attempt.delivery.id], clock(), lease_until)
    with pytest.raises(MustHold) as held_back:
        await hands.sender.send(attempt)
    assert held_back.value.reason is HoldReason.LATE
    assert here.network.calls == 0
    [part] = await parts_of(here, post.id)
    assert part.state is PartState.PENDING


async def test_what_may_be_out_and_gets_late_meanwhile_is_looked_for_not_sent_again(
    moved: Moved,
) -> None:
    here, clock = moved
    here.network.uncertainty = Uncertainty.SAME_KEY
    here.network.lose = {1: Uncertain("the answer was lost")}
    async with here.publishing():
        post = await here.approved("Hello")
        await uncertain(here, post.id, 1)
    await here.hurry(post.id)
    hands = Hands(here)
    attempt = await hands.attempt()
    attempt.late_from = clock()  # right after it was claimed
    with pytest.raises(Uncertain, match="late by now"):
        await hands.sender.send(attempt)
    assert here.network.calls == 1


async def test_an_accounts_brake_stops_its_calls_alone(here: World) -> None:
    brakes = Brakes(here.database, here.accounts, here.clock)
    elsewhere = await second_account(here)
    await brakes.pull(ANA, "a crisis", here.account.id)
    stopped = await here.approved("Stopped")
    async with here.publishing():
        post = await here.approved("Goes out", account_ids=(elsewhere.id,))
        assert await here.settled(post.id) is PostState.PUBLISHED
        await eventually(lambda: held(here, stopped.id, HoldReason.BRAKE))
    assert here.network.accepted == [("Goes out", None)]


async def test_a_thread_stops_at_the_post_before_the_brake(here: World) -> None:
    brakes = Brakes(here.database, here.accounts, here.clock)
    prepared = 0

    async def pull_before_the_second() -> None:
        nonlocal prepared
        prepared += 1
        if prepared == 2:
            await brakes.pull(ANA, "a crisis")

    here.network.preparing = pull_before_the_second
    async with here.publishing():
        post = await here.approved("One\n---\nTwo\n---\nThree")
        await eventually(lambda: held(here, post.id, HoldReason.BRAKE))
    assert here.network.accepted == [("One", None)]


async def test_an_account_that_was_disconnected_meanwhile_does_not_hide_what_may_be_out(
    here: World,
) -> None:
    """Its post began and got no answer: that it failed can't be said."""
    here.network.lose = {1: Uncertain("the answer was lost")}
    async with here.publishing():
        post = await here.approved("Hello")
        await uncertain(here, post.id, 1)
        async with here.database.transaction() as tx:
            await accounts.set_state(tx, here.account.id, AccountState.DISCONNECTED, None)
        await here.hurry(post.id)
        await here.settled(post.id)
    assert await state_of(here, post.id) is DeliveryState.UNKNOWN
    [part] = await parts_of(here, post.id)
    assert part.state is PartState.BEGUN
