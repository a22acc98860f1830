"""Once: a delivery reaches its network at most once and is never lost silently."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from bot.attempts import Attempt, Timing
from bot.claiming import Claimer
from bot.errors import AlreadyDone, Expired, RateLimited, Rejected, Unavailable, Uncertain
from bot.networks.base import Published, Uncertainty, UploadsGone
from bot.sending import ClaimLost, Sender
from bot.settling import Settling
from storage import accounts, deliveries, notices, parts
from storage.records import (
    AccountState,
    Card,
    Delivery,
    DeliveryState,
    HoldReason,
    NoticeState,
    PartState,
    PostState,
    When,
)
from tests.servers.eventually import eventually
from tests.unit.world import ANA, TEAM, World, world


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[World]:
    """On SQLite only, for rules that don't depend on the database."""
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        yield made


async def owed(here: World, post_id: str, card: Card) -> int:
    async with here.database.reading() as tx:
        notice = await notices.of_card(tx, TEAM, card, post_id)
    assert notice is None or notice.state is NoticeState.OWED
    return 0 if notice is None else notice.version


async def test_an_approved_post_goes_out_once(here: World) -> None:
    async with here.publishing():
        post = await here.approved("Hello, world")
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert list(here.network.live.values()) == ["Hello, world"]
    [delivery] = await here.deliveries(post.id)
    assert delivery.url == "https://s.example/post-1"
    assert await owed(here, post.id, Card.TROUBLE) == 0, "success is shown on the card only"


async def test_two_publishers_share_the_work_and_double_nothing(here: World) -> None:
    async with here.publishing(), here.publishing():
        made = [await here.approved(f"Post {number}") for number in range(20)]
        for post in made:
            assert await here.settled(post.id) is PostState.PUBLISHED
    assert sorted(here.network.live.values()) == sorted(f"Post {n}" for n in range(20))
    assert here.network.calls == 20


async def test_nothing_goes_out_before_its_time(here: World) -> None:
    due_at = datetime.now(UTC) + timedelta(seconds=2)
    async with here.publishing():
        post = await here.approved(when=When.AT, at=due_at)
        assert (await here.post(post.id)).state is PostState.SCHEDULED
        assert await here.settled(post.id) is PostState.PUBLISHED
    [delivery] = await here.deliveries(post.id)
    assert delivery.published_at is not None
    assert delivery.published_at >= due_at


async def test_nothing_unapproved_goes_out(here: World) -> None:
    async with here.publishing():
        waiting = await here.submitted("Not yet")
        post = await here.approved("Yes")
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert (await here.post(waiting.id)).state is PostState.IN_REVIEW
    assert list(here.network.live.values()) == ["Yes"]


async def uncertain(here: World, post_id: str, calls: int) -> None:
    """Wait until a call has ended without an answer and the delivery waits for its next try."""

    async def look() -> bool:
        [delivery] = await here.deliveries(post_id)
        return here.network.calls >= calls and delivery.state is DeliveryState.PENDING

    await eventually(look)


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


async def begun_at(light: World, post_id: str) -> datetime:
    [delivery] = await light.deliveries(post_id)
    async with light.database.reading() as tx:
        [part] = await parts.of_delivery(tx, delivery.id)
    assert part.begun_at is not None
    return part.begun_at


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


async def test_refused_content_fails_at_once_and_the_author_is_told(light: World) -> None:
    def refuse(number: int) -> None:
        raise Rejected("the text has a forbidden word")

    light.network.behave = refuse
    async with light.publishing():
        post = await light.approved()
        assert await light.settled(post.id) is PostState.FAILED
    [delivery] = await light.deliveries(post.id)
    assert delivery.problem == "the text has a forbidden word"
    assert await owed(light, post.id, Card.TROUBLE) >= 1
    assert light.network.calls == 1


async def test_try_again_sends_what_failed_and_only_that(light: World) -> None:
    def refuse_first(number: int) -> None:
        if number == 1:
            raise Rejected("not now")

    light.network.behave = refuse_first
    async with light.publishing():
        post = await light.approved()
        assert await light.settled(post.id) is PostState.FAILED
        await light.outcomes.retry(ANA, post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
        with pytest.raises(AlreadyDone):
            await light.outcomes.retry(ANA, post.id)
    assert len(light.network.live) == 1


async def test_a_network_that_is_down_is_tried_again_and_told_once(light: World) -> None:
    def down_twice(number: int) -> None:
        if number <= 2:
            raise Unavailable("it is down")

    light.network.behave = down_twice
    async with light.publishing():
        post = await light.approved()
        for number in (1, 2):
            await uncertain(light, post.id, number)
            await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert len(light.network.live) == 1


async def test_a_rate_limit_waits_exactly_as_long_as_the_network_says(light: World) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)

    def limited(number: int) -> None:
        raise RateLimited("slow down", until=until)

    light.network.behave = limited
    async with light.publishing():
        post = await light.approved()
        await uncertain(light, post.id, 1)
    [delivery] = await light.deliveries(post.id)
    assert delivery.next_attempt_at == until


async def test_dead_credentials_are_noted_and_the_accounts_owner_is_told(light: World) -> None:
    def expired(number: int) -> None:
        raise Expired("the password was changed")

    light.network.behave = expired
    async with light.publishing():
        post = await light.approved()
        await eventually(lambda: held(light, post.id, HoldReason.ACCOUNT))
    async with light.database.reading() as tx:
        account = await accounts.get(tx, TEAM, light.account.id)
        notice = await notices.of_card(tx, TEAM, Card.ACCOUNT, light.account.id)
    assert account is not None
    assert account.state is AccountState.EXPIRED
    assert notice is not None
    assert notice.destination == account.owner_id


async def test_a_gone_owners_delivery_is_resolved_after_its_lease(here: World) -> None:
    """A process that was killed between its call and the outcome's commit."""
    post = await here.approved("Hello")
    await is_over(here, (await Hands(here).attempt()).delivery)
    async with here.publishing():
        assert await here.settled(post.id) is PostState.PUBLISHED
    assert len(here.network.live) == 1


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


async def test_taking_down_deletes_and_says_so(light: World) -> None:
    async with light.publishing():
        post = await light.approved()
        await light.settled(post.id)
    [result] = await light.outcomes.take_down(ANA, post.id)
    assert result.problem is None
    assert light.network.live == {}
    assert (await light.post(post.id)).state is PostState.TAKEN_DOWN


async def test_an_uploaded_picture_isnt_uploaded_again(light: World) -> None:
    def down_once(number: int) -> None:
        if number == 1:
            raise Unavailable("it is down")

    light.network.behave = down_once
    async with light.publishing():
        post = await light.approved(pictures=(await light.picture(),))
        await uncertain(light, post.id, 1)
        await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.uploads == 1


async def test_pictures_that_the_network_dropped_are_uploaded_again(light: World) -> None:
    def dropped(number: int) -> None:
        if number == 1:
            raise UploadsGone("the picture isn't there any more")

    light.network.behave = dropped
    async with light.publishing():
        post = await light.approved(pictures=(await light.picture(),))
        await uncertain(light, post.id, 1)
        await light.hurry(post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.uploads == 2
    assert len(light.network.live) == 1


class Hands:
    """One process's share of publishing, step by step."""

    def __init__(self, here: World) -> None:
        self.here = here
        timing = Timing()
        self.claimer = Claimer(here.database, here.accounts, here.clock, timing)
        owner = self.claimer.owner
        self.sender = Sender(here.database, here.accounts, here.media, here.clock, timing, owner)
        self.settling = Settling(here.database, here.clock, Random(1), owner)

    async def attempt(self) -> Attempt:
        """Claim the one delivery that is due, and read what it needs."""
        [attempt] = await self.claimer.prepare(await self.claim())
        return attempt

    async def claim(self) -> Sequence[Delivery]:
        return await self.claimer.claim(self.here.network.name, 10, ())


async def held(here: World, post_id: str, reason: HoldReason) -> bool:
    return all(one.hold_reason is reason for one in await here.deliveries(post_id))


async def is_over(here: World, delivery: Delivery) -> None:
    """The lease has ended long ago."""
    past = datetime.now(UTC) - timedelta(hours=1)
    async with here.database.transaction() as tx:
        sending = DeliveryState.SENDING
        await deliveries.move(tx, delivery.id, [sending], sending, lease_until=past)


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
    await slow.claimer.give_back([old.delivery.id])
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


async def test_a_bug_before_the_call_is_told_and_tried_again(
    light: World, caplog: pytest.LogCaptureFixture
) -> None:
    post = await light.approved(pictures=(await light.picture(),))
    async with light.database.transaction() as tx:
        await tx.connection.exec_driver_sql("DELETE FROM media")
    async with light.publishing():
        await eventually(lambda: trouble(light, post.id))
        [delivery] = await light.deliveries(post.id)
        assert delivery.state is DeliveryState.PENDING
        assert delivery.problem is not None
        reference = delivery.problem.split("reference ")[1].rstrip(")")
        assert f"[{reference}]" in caplog.text
    assert light.network.calls == 0


async def trouble(here: World, post_id: str) -> int:
    return await owed(here, post_id, Card.TROUBLE)


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


async def test_after_a_crash_the_first_trouble_is_told(light: World) -> None:
    def down(number: int) -> None:
        raise Unavailable("it is down")

    light.network.behave = down
    post = await light.approved()
    await is_over(light, (await Hands(light).attempt()).delivery)
    async with light.publishing():
        await eventually(lambda: trouble(light, post.id))
