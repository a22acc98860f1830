"""Once: a delivery reaches its network at most once and is never lost silently."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import AlreadyDone, Expired, RateLimited, Rejected, Unavailable
from bot.networks.base import UploadsGone
from storage import accounts, notices
from storage.records import (
    AccountState,
    Card,
    DeliveryState,
    HoldReason,
    PostState,
    When,
)
from tests.servers.eventually import eventually
from tests.unit.publishing import (
    held,
    owed,
    trouble,
    uncertain,
)
from tests.unit.world import ANA, TEAM, World


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
        assert here.network.calls == 0
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
        notice = await notices.of_card(tx, TEAM, Card.INBOX, light.account.owner_id)
    assert account is not None
    assert account.state is AccountState.EXPIRED
    assert notice is not None, "whoever connected it"


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
