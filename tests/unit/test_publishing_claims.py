"""Claims: who has a delivery, for how long, and who gets it when its owner is gone or stops."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.attempts import Timing
from bot.errors import Expired, Rejected, Unavailable, Uncertain
from bot.networks.base import Published, Uncertainty
from bot.publishing import HANDS
from bot.sending import ClaimLost
from storage import accounts, deliveries, parts
from storage.records import (
    AccountState,
    Card,
    DeliveryState,
    HoldReason,
    PartState,
    PostState,
)
from tests.servers.eventually import eventually
from tests.unit.publishing import (
    Hands,
    ends,
    is_over,
    owed,
    state_of,
    trouble,
    uncertain,
)
from tests.unit.world import TEAM, World, world

NO_TIME = timedelta(0)


async def test_a_gone_owners_delivery_is_resolved_after_its_lease(here: World) -> None:
    """A process that was killed between its call and the outcome's commit."""
    post = await here.approved("Hello")
    await is_over(here, (await Hands(here).attempt()).delivery)
    async with here.publishing():
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert len(here.network.live) == 1


async def test_what_had_not_begun_goes_out_seconds_after_its_owner_is_gone(here: World) -> None:
    """Of what had begun, the call may still be on its way: that waits for longer."""
    quiet, begun = await here.approved("Nothing begun"), await here.approved("Begun")
    hands = Hands(here)
    attempts = {one.post.id: one for one in await hands.claimer.prepare(await hands.claim())}
    async with here.database.transaction() as tx:
        now = await here.database.now(tx)
        await parts.begin(tx, {attempts[begun.id].posts[0].id: {}}, now)
        for attempt in attempts.values():
            lease_until = attempt.delivery.lease_until
            assert lease_until is not None
            assert lease_until - now < timedelta(seconds=20)
            await ends(tx, attempt.delivery, now - timedelta(seconds=1))
    async with here.publishing():
        assert await here.settled(quiet.id) is PostState.PUBLISHED
        assert await state_of(here, begun.id) is DeliveryState.SENDING
    assert list(here.network.live.values()) == ["Nothing begun"]


async def test_a_claim_that_was_lost_sends_nothing(here: World) -> None:
    await here.approved("Hello")
    hands = Hands(here)
    attempt = await hands.attempt()
    async with here.database.transaction() as tx:
        sending = DeliveryState.SENDING
        await deliveries.move(tx, attempt.delivery.id, [sending], sending, owner="somebody else")
    with pytest.raises(ClaimLost):
        await hands.sender.send(attempt)
    assert here.network.calls == 0


async def test_who_lost_its_claim_undoes_nothing_of_who_has_it(here: World) -> None:
    """A process that was stopped past its lease wakes up with an error in its hands."""
    await here.approved("Hello")
    slow, quick = Hands(here), Hands(here)
    old = await slow.attempt()
    await is_over(here, old.delivery)
    new = await quick.attempt()
    async with here.database.transaction() as tx:
        await parts.begin(tx, {new.posts[0].id: {}}, here.clock.now())
    old.part = old.posts[0]
    await slow.settling.failed(old, Rejected("no"))
    await slow.settling.failed(old, Unavailable("down"))
    await slow.settling.failed(old, Expired("no"))
    await slow.settling.ask(old)
    await slow.settling.held(old, HoldReason.LATE)
    await slow.settling.given_back(old)
    assert await slow.claimer.prepare([old.delivery]) == []
    async with here.database.reading() as tx:
        [part] = await parts.of_delivery(tx, old.delivery.id)
        account = await accounts.get(tx, TEAM, here.account.id)
    [delivery] = await here.deliveries(old.post.id)
    assert part.state is PartState.BEGUN
    assert (delivery.state, delivery.owner) == (DeliveryState.SENDING, quick.claimer.owner)
    assert account is not None
    assert account.state is AccountState.ACTIVE
    assert await owed(here, old.post.id, Card.TROUBLE) == 0


async def test_what_the_slow_one_brought_out_is_not_sent_again(here: World) -> None:
    post = await here.approved("Hello")
    slow, quick = Hands(here), Hands(here)
    old = await slow.attempt()
    await is_over(here, old.delivery)
    new = await quick.attempt()
    old.part, old.published = old.posts[0], Published("post-1", "https://s.example/post-1")
    await slow.settling.published(old, old.published)
    await is_over(here, new.delivery)
    async with here.publishing():
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert here.network.calls == 0


async def test_after_a_crash_the_first_trouble_is_told(light: World) -> None:
    def down(number: int) -> None:
        raise Unavailable("it is down")

    light.network.behave = down
    post = await light.approved()
    await is_over(light, (await Hands(light).attempt()).delivery)
    async with light.publishing():
        await eventually(lambda: trouble(light, post.id))


async def test_a_claim_is_renewed_while_its_sending_takes_long(here: World) -> None:
    """Its lease ends several times over while its network is busy; nobody else gets it."""
    here.network.preparing = (goes_on := asyncio.Event()).wait
    quick = Timing(
        claim=timedelta(seconds=0.9),
        call=timedelta(seconds=0.1),
        lease=timedelta(seconds=0.9),
        patience=NO_TIME,
    )
    async with here.publishing(quick), here.publishing(quick):
        post = await here.approved("Takes long")
        await eventually(lambda: claimed(here, post.id))
        [first] = await here.deliveries(post.id)

        async def is_renewed() -> bool:
            assert first.lease_until is not None
            [delivery] = await here.deliveries(post.id)
            return delivery.lease_until is not None and (
                delivery.lease_until > first.lease_until + 2 * quick.lease
            )

        await eventually(is_renewed)
        goes_on.set()
        assert await here.settled(post.id) is PostState.PUBLISHED
    [delivery] = await here.deliveries(post.id)
    assert delivery.attempt == 1
    assert here.network.calls == 1


async def claimed(here: World, post_id: str) -> bool:
    return await state_of(here, post_id) is DeliveryState.SENDING


async def test_a_stop_finishes_what_is_being_sent_and_gives_the_rest_back_at_once(
    light: World,
) -> None:
    answers = asyncio.Event()

    async def wait(_: int) -> None:
        await answers.wait()

    light.network.calling = wait
    posts = [await light.approved(f"Post {number}") for number in range(HANDS + 5)]
    async with light.publishing() as publisher:

        async def is_busy() -> bool:
            return light.network.calls == HANDS

        await eventually(is_busy)
        stopping = asyncio.create_task(publisher.drain(30))

        async def rest_is_back() -> bool:
            states = [(await light.deliveries(post.id))[0] for post in posts]
            return sum(d.state is DeliveryState.PENDING for d in states) == 5

        await eventually(rest_is_back)
        assert not stopping.done(), "the calls that were made are waited for"
        answers.set()
        await stopping
    ends = [(await light.deliveries(post.id))[0] for post in posts]
    assert sorted((d.state, d.attempt) for d in ends) == sorted(
        [(DeliveryState.PUBLISHED, 1)] * HANDS + [(DeliveryState.PENDING, 0)] * 5
    )
    assert light.network.calls == HANDS


async def test_a_stop_that_runs_out_of_time_leaves_only_what_may_be_out(light: World) -> None:
    """What was about to be sent is given back; a call that got no answer is resolved later."""
    prepared = 0

    async def hang(*_: int) -> None:
        await asyncio.Event().wait()

    async def hang_at_the_second() -> None:
        nonlocal prepared
        prepared += 1
        if prepared == 2:
            await hang()

    light.network.preparing, light.network.calling = hang_at_the_second, hang
    posts = [await light.approved("One"), await light.approved("Two")]
    async with light.publishing() as publisher:

        async def both_hang() -> bool:
            return prepared == 2 and light.network.calls == 1

        await eventually(both_hang)
        await publisher.drain(0.01)
    ends = [(await light.deliveries(post.id))[0] for post in posts]
    assert sorted((d.state, d.attempt) for d in ends) == [
        (DeliveryState.PENDING, 0),
        (DeliveryState.SENDING, 1),
    ]


async def test_what_was_claimed_in_the_moment_of_the_stop_is_given_back(here: World) -> None:
    """Its sending never began; a quarter of a minute would be lost until others take it."""
    await here.approved("One")
    await here.approved("Two")
    hands = Hands(here)
    one, two = await hands.claim()
    [attempt] = await hands.claimer.prepare([one])
    async with here.database.transaction() as tx:
        await parts.begin(tx, {attempt.posts[0].id: {}}, here.clock.now())
    await hands.claimer.release([here.network.name], besides=())
    assert await state_of(here, one.post_id) is DeliveryState.SENDING
    [back] = await here.deliveries(two.post_id)
    assert (back.state, back.attempt, back.owner) == (DeliveryState.PENDING, 0, None)


async def test_waits_and_ages_count_on_the_databases_clock(
    tmp_path: Path, postgresql_url: str
) -> None:
    """A process whose own clock is wrong waits neither shorter nor longer than it should."""
    apart = timedelta(0)
    async with world(postgresql_url, tmp_path, now=lambda: datetime.now(UTC) + apart) as here:
        here.network.uncertainty = Uncertainty.LOOK_UP
        here.network.grace = timedelta(seconds=20)
        looked: list[bool] = []
        here.network.looking = lambda: looked.append(True)

        def lost(_: int) -> None:
            raise Uncertain("the answer was lost")

        here.network.behave = lost
        post = await here.approved("Hello")
        async with here.publishing():
            apart = timedelta(seconds=-30)
            begun = datetime.now(UTC)
            here.clock.alarm("publisher").ring()
            await uncertain(here, post.id, 1)
            [delivery] = await here.deliveries(post.id)
            assert delivery.next_attempt_at > begun, "it waits before it tries again"
            apart = timedelta(seconds=30)
            await here.hurry(post.id)

            async def has_looked() -> bool:
                return bool(looked)

            await eventually(has_looked)
            await uncertain(here, post.id, 1)
        assert here.network.calls == 1, "it was not there, but its grace isn't over"
