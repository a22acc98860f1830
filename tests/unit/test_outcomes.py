"""What people do about outcomes: answering what nobody knows, taking down, threads above all."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.composing import PostForm
from bot.errors import AlreadyDone, NetworkError, NotAllowed, Rejected, Unavailable, Uncertain
from bot.networks.base import Published, Uncertainty
from bot.outcomes import NOT_FROM_HERE
from bot.progress import Progress, progress
from bot.settling import conclude
from storage import deliveries, history, notice_claims, notices, parts
from storage.records import (
    Card,
    Delivery,
    DeliveryState,
    Part,
    PartKind,
    PartState,
    Post,
    PostState,
    Verdict,
)
from tests.unit.publishing import uncertain
from tests.unit.world import ANA, BEN, STRANGER, TEAM, World, world

THREAD = "One\n---\nTwo\n---\nThree"


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[World]:
    async with world(f"sqlite:///{tmp_path}/x.db", tmp_path) as made:
        yield made


def at_call(wanted: int, error: NetworkError) -> Callable[[int], None]:
    def behave(number: int) -> None:
        if number == wanted:
            raise error

    return behave


async def how_far(light: World, delivery: Delivery) -> Progress:
    async with light.database.reading() as tx:
        return progress(await parts.of_delivery(tx, delivery.id))


async def halfway(light: World) -> tuple[Post, Delivery]:
    """A thread whose third post the network refused."""
    light.network.behave = at_call(3, Rejected("the text has a forbidden word"))
    async with light.publishing():
        post = await light.approved(THREAD)
        await light.settled(post.id)
    [delivery] = await light.deliveries(post.id)
    assert delivery.state is DeliveryState.FAILED
    light.network.behave = lambda number: None
    return post, delivery


async def asked(light: World, uncertainty: Uncertainty, *, out: bool = True) -> Delivery:
    """A thread of whose second post nobody knows.

    :param out: whether it is out.
    """
    light.network.uncertainty = uncertainty
    lost = Uncertain("the answer was lost")
    if out:
        light.network.lose = {2: lost}
    else:
        light.network.behave = at_call(2, lost)
    async with light.publishing():
        post = await light.approved(THREAD)
        await uncertain(light, post.id, 2)
        [delivery] = await light.deliveries(post.id)
        async with light.database.transaction() as tx:  # as when it was tried for too long
            waiting, unknown = [DeliveryState.PENDING], DeliveryState.UNKNOWN
            assert await deliveries.move(tx, delivery.id, waiting, unknown)
    [delivery] = await light.deliveries(post.id)
    return delivery


async def published(light: World, delivery: Delivery) -> Delivery:
    async with light.publishing():
        assert await light.settled(delivery.post_id) is PostState.PUBLISHED
    [now] = await light.deliveries(delivery.post_id)
    return now


# Threads


async def test_a_thread_that_failed_halfway_goes_on_where_it_was(light: World) -> None:
    post, delivery = await halfway(light)
    assert (await how_far(light, delivery)).live.keys() == {1, 2}
    async with light.publishing():
        await light.outcomes.retry(ANA, post.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert light.network.accepted == [("One", None), ("Two", "post-1"), ("Three", "post-2")]


# Taking down


async def test_a_thread_is_deleted_from_its_end(light: World) -> None:
    async with light.publishing():
        post = await light.approved(THREAD)
        await light.settled(post.id)
    [result] = await light.outcomes.take_down(ANA, post.id)
    assert result.problem is None
    assert light.network.deleted == ["post-3", "post-2", "post-1"]
    assert (await light.post(post.id)).state is PostState.TAKEN_DOWN


async def test_what_is_live_of_a_thread_that_failed_is_taken_down(light: World) -> None:
    post, _ = await halfway(light)
    [result] = await light.outcomes.take_down(ANA, post.id)
    assert result.problem is None
    assert light.network.deleted == ["post-2", "post-1"]
    assert light.network.live == {}
    assert (await light.post(post.id)).state is PostState.TAKEN_DOWN
    with pytest.raises(AlreadyDone):
        await light.outcomes.take_down(ANA, post.id)


async def test_a_deletion_that_ends_midway_goes_on_with_the_next_press_and_nothing_is_sent(
    light: World,
) -> None:
    post, delivery = await halfway(light)
    light.network.deleting = at_call(2, Unavailable("it is down"))
    [result] = await light.outcomes.take_down(ANA, post.id)
    assert result.problem == "it is down"
    assert (await how_far(light, delivery)).live.keys() == {1}
    with pytest.raises(AlreadyDone, match="being taken down"):
        await light.outcomes.retry(ANA, post.id)
    light.network.deleting = lambda number: None
    [result] = await light.outcomes.take_down(ANA, post.id)
    assert result.problem is None
    assert light.network.deleted == ["post-2", "post-1"]
    assert light.network.calls == 3


async def test_a_thread_that_waits_for_another_try_is_stopped_and_taken_down(light: World) -> None:
    light.network.behave = at_call(2, Unavailable("it is down"))
    async with light.publishing():
        post = await light.approved(THREAD)
        await uncertain(light, post.id, 2)
        [result] = await light.outcomes.take_down(ANA, post.id)
        assert result.problem is None
        assert (await light.post(post.id)).state is PostState.TAKEN_DOWN
        await light.hurry(post.id)
    assert light.network.deleted == ["post-1"]
    assert light.network.calls == 2


async def test_what_may_be_coming_out_is_not_taken_down_behind_its_back(light: World) -> None:
    delivery = await asked(light, Uncertainty.ASK)
    [result] = await light.outcomes.take_down(ANA, delivery.post_id)
    assert result.problem is not None
    assert "still be coming out" in result.problem
    assert light.network.deleted == []
    [now] = await light.deliveries(delivery.post_id)
    assert now.state is DeliveryState.UNKNOWN


# What nobody knows


async def test_only_the_uncertain_post_of_a_thread_is_asked_about(light: World) -> None:
    delivery = await asked(light, Uncertainty.ASK)
    question = await light.outcomes.question(ANA, delivery.id)
    assert (question.number, len(question.thread), question.text) == (2, 3, "Two")
    far = await how_far(light, delivery)
    assert (far.uncertain, far.live) == (2, {1: "https://s.example/post-1"})


async def test_a_post_that_was_found_and_confirmed_lets_the_thread_go_on(light: World) -> None:
    delivery = await asked(light, Uncertainty.ASK)
    question = await light.outcomes.question(BEN, delivery.id)
    found = await light.outcomes.look(question)
    assert found == Published("post-2", "https://s.example/post-2", {"id": "post-2"})
    await light.outcomes.is_live(BEN, delivery.id, found.url, part_id=question.part.id, found=found)
    now = await published(light, delivery)
    assert light.network.accepted[2:] == [("Three", "post-2")]
    assert (now.remote_id, now.url) == ("post-1", "https://s.example/post-1")
    async with light.database.reading() as tx:
        entries = await history.of_subject(tx, delivery.post_id)
    said = [(one.actor_id, one.detail) for one in entries if one.action == "said it is live"]
    assert said == [(BEN.user_id, "Scripted · @brand, part 2 of 3")]


async def test_a_seen_post_that_the_network_cannot_name_ends_the_thread_in_words(
    light: World,
) -> None:
    delivery = await asked(light, Uncertainty.ASK)
    await light.outcomes.is_live(ANA, delivery.id, "https://s.example/by-hand")
    [now] = await light.deliveries(delivery.post_id)
    assert now.state is DeliveryState.FAILED
    assert "can't follow" in (now.problem or "")
    far = await how_far(light, now)
    assert (far.live.keys(), far.can_go_on) == ({1, 2}, False)
    with pytest.raises(AlreadyDone, match="can't follow"):
        await light.outcomes.retry(ANA, delivery.post_id)
    [result] = await light.outcomes.take_down(ANA, delivery.post_id)
    assert result.problem == NOT_FROM_HERE
    assert light.network.deleted == ["post-1"]


async def test_where_the_same_key_tells_the_name_the_thread_goes_on_by_itself(
    light: World,
) -> None:
    delivery = await asked(light, Uncertainty.SAME_KEY)
    await light.outcomes.is_live(ANA, delivery.id, "https://s.example/by-hand")
    await published(light, delivery)
    assert light.network.accepted == [("One", None), ("Two", "post-1"), ("Three", "post-2")]


@pytest.mark.parametrize("uncertainty", list(Uncertainty))
async def test_what_is_not_live_is_sent_again_and_the_posts_before_it_are_not(
    light: World, uncertainty: Uncertainty
) -> None:
    delivery = await asked(light, uncertainty, out=False)
    await light.outcomes.is_not_live(ANA, delivery.id)
    await published(light, delivery)
    assert light.network.accepted == [("One", None), ("Two", "post-1"), ("Three", "post-2")]


@pytest.mark.parametrize("uncertainty", [Uncertainty.SAME_KEY, Uncertainty.LOOK_UP])
async def test_a_wrong_answer_makes_no_second_post_where_the_network_knows_better(
    light: World, uncertainty: Uncertainty
) -> None:
    delivery = await asked(light, uncertainty)
    await light.outcomes.is_not_live(ANA, delivery.id)
    await published(light, delivery)
    assert [text for text, _ in light.network.accepted] == ["One", "Two", "Three"]


async def test_an_answer_counts_once_and_the_second_person_is_told_by_whom(light: World) -> None:
    delivery = await asked(light, Uncertainty.ASK)
    question = await light.outcomes.question(BEN, delivery.id)
    await light.outcomes.is_not_live(BEN, delivery.id, question.part.id)
    with pytest.raises(AlreadyDone) as told:
        await light.outcomes.is_live(ANA, delivery.id, "https://s.example/post-2")
    assert (told.value.by, told.value.did) == (BEN.user_id, "said it isn't live")


async def test_an_answer_about_an_earlier_post_is_none_about_this_one(light: World) -> None:
    delivery = await asked(light, Uncertainty.ASK)
    first = (await light.outcomes.question(ANA, delivery.id)).thread[0]
    with pytest.raises(AlreadyDone):
        await light.outcomes.is_not_live(ANA, delivery.id, first.id)
    [now] = await light.deliveries(delivery.post_id)
    assert now.state is DeliveryState.UNKNOWN


@pytest.mark.parametrize("text", ["Very good", "Damn good"])
async def test_what_failed_is_edited_and_goes_out_once(light: World, text: str) -> None:
    light.network.behave = at_call(1, Rejected("the text has a forbidden word"))
    async with light.publishing():
        post = await light.approved("Damn good")
        assert await light.settled(post.id) is PostState.FAILED
        [refused] = await light.deliveries(post.id)
        form = PostForm(text, (light.account.id,))
        edited = await light.drafting.submit(ANA, form, post_id=post.id)
        assert edited.post.state is PostState.IN_REVIEW
        with pytest.raises(AlreadyDone, match="waiting for approval"):
            await light.outcomes.retry(ANA, post.id)
        await light.approvals.decide(BEN, post.id, Verdict.APPROVED, revision_id=edited.revision.id)
        assert await light.settled(post.id) is PostState.PUBLISHED
    assert list(light.network.live.values()) == [text]
    async with light.database.reading() as tx:
        before = await deliveries.get(tx, TEAM, refused.id)
    assert before is not None
    assert before.state is DeliveryState.CANCELLED


@pytest.mark.parametrize("minutes", [0, 2])
async def test_what_fails_again_later_is_told_by_a_new_message(light: World, minutes: int) -> None:
    light.network.behave = at_call(1, Rejected("the text has a forbidden word"))
    async with light.publishing():
        post = await light.approved()
        assert await light.settled(post.id) is PostState.FAILED
    told_at = light.clock.now() - timedelta(minutes=minutes)
    async with light.database.transaction() as tx:
        until = told_at + timedelta(minutes=5)
        for notice in await notice_claims.claim(tx, until, until, 50):
            ts = f"{told_at.timestamp():.6f}"
            await notice_claims.sent(tx, notice, "D1", ts, told_at)
    light.network.behave = at_call(2, Rejected("the text has a forbidden word"))
    async with light.publishing():
        await light.outcomes.retry(ANA, post.id)
        assert await light.settled(post.id) is PostState.FAILED
    async with light.database.reading() as tx:
        now = await notices.of_card(tx, TEAM, Card.TROUBLE, post.id)
        before = await notices.of_card(tx, TEAM, Card.TROUBLE_BEFORE, post.id)
    assert now is not None
    assert (now.ts is None) == (before is not None) == (minutes > 0)


async def test_what_failed_is_cancelled_for_good(light: World) -> None:
    light.network.behave = at_call(1, Rejected("the text has a forbidden word"))
    async with light.publishing():
        post = await light.approved()
        assert await light.settled(post.id) is PostState.FAILED
    assert (await light.scheduling.cancel(ANA, post.id)).state is PostState.CANCELLED
    with pytest.raises(AlreadyDone, match="cancelled"):
        await light.outcomes.retry(ANA, post.id)


async def test_what_is_out_in_part_is_neither_edited_nor_cancelled(light: World) -> None:
    """Also where the network gave what is out no address, so that it counts as failed."""
    post, delivery = await halfway(light)
    form = PostForm("Other", (light.account.id,))
    for state in (PostState.PARTLY_PUBLISHED, PostState.FAILED):
        assert (await light.post(post.id)).state is state
        with pytest.raises(AlreadyDone, match="in part"):
            await light.drafting.submit(ANA, form, post_id=post.id)
        with pytest.raises(AlreadyDone, match="in part"):
            await light.scheduling.cancel(ANA, post.id)
        async with light.database.transaction() as tx:
            failed = DeliveryState.FAILED
            await deliveries.move(tx, delivery.id, [failed], failed, url=None)
            await conclude(tx, TEAM, post.id, light.clock.now())


async def test_a_stranger_answers_nothing(light: World) -> None:
    delivery = await asked(light, Uncertainty.ASK)
    with pytest.raises((AlreadyDone, NotAllowed)):
        await light.outcomes.question(STRANGER, delivery.id)


# How far it is


def a_part(position: int, state: PartState, kind: PartKind = PartKind.POST) -> Part:
    out = {"remote_id": str(position), "url": f"https://s.example/{position}", "reply_to": {"i": 1}}
    result = out if state is PartState.DONE else None
    return Part(f"part{position}", "delivery", position, kind, "key", {}, state, None, result)


def test_uploads_are_no_posts_of_a_thread() -> None:
    done, begun = PartState.DONE, PartState.BEGUN
    far = progress([a_part(0, done, PartKind.UPLOAD), a_part(1, done), a_part(2, begun)])
    assert far == Progress(2, {1: "https://s.example/1"}, 2, "part2", True)


def test_nothing_was_sent_before_there_are_parts() -> None:
    assert progress([]) == Progress(1, {}, None, None, True)
