"""Approved means approved: who decides on what, and what an edit or a move does to a decision."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.composing import PostForm
from bot.errors import AlreadyDone, FieldErrors, NotAllowed
from bot.posts import content_hash
from bot.scheduling import NewTime
from storage import approvals, notices, posts
from storage.records import Card, DeliveryState, Mode, Post, PostState, Revision, Verdict, When
from tests.unit.world import ANA, BEN, CHIDI, EVA, STRANGER, TEAM, World, world

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


async def revision_of(here: World, post: Post) -> Revision:
    async with here.database.reading() as tx:
        found = await posts.revision(tx, TEAM, post.revision_id)
    assert found is not None
    return found


async def edited(here: World, post: Post, text: str, when: When = When.NOW) -> Post:
    form = PostForm(text=text, account_ids=(here.account.id,), when=when)
    submitted = await here.drafting.submit(ANA, form, post_id=post.id, revision_id=post.revision_id)
    return submitted.post


def tomorrow(hours: float = 24) -> NewTime:
    return NewTime(When.AT, datetime.now(UTC) + timedelta(hours=hours))


async def test_what_was_approved_is_what_the_hash_says(light: World) -> None:
    post = await light.approved("Hello")
    revision = await revision_of(light, post)
    assert revision.hash == content_hash(revision.content)
    assert revision.content.texts == {light.account.id: "Hello"}
    [delivery] = await light.deliveries(post.id)
    assert delivery.revision_id == revision.id


async def test_the_author_cannot_approve(light: World) -> None:
    form = PostForm(text="Mine", account_ids=(light.account.id,))
    post = (await light.drafting.submit(BEN, form)).post
    with pytest.raises(NotAllowed, match="You wrote this post"):
        await light.approvals.decide(BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id)
    await light.approvals.decide(CHIDI, post.id, Verdict.APPROVED, revision_id=post.revision_id)


async def test_who_edited_it_last_cannot_approve(light: World) -> None:
    post = await light.submitted("Ana's")
    form = PostForm(text="Ben's now", account_ids=(light.account.id,))
    changed = (
        await light.drafting.submit(BEN, form, post_id=post.id, revision_id=post.revision_id)
    ).post
    with pytest.raises(NotAllowed):
        await light.approvals.decide(
            BEN, post.id, Verdict.APPROVED, revision_id=changed.revision_id
        )


@pytest.mark.parametrize("person", [ANA, STRANGER], ids=["an author", "another workspace"])
async def test_whoever_is_no_approver_cannot_decide(light: World, person: object) -> None:
    post = await light.submitted()
    with pytest.raises(Exception, match=r"role|set up"):
        await light.approvals.decide(
            person,  # type: ignore[arg-type]  # a Person, in the parametrisation's words
            post.id,
            Verdict.APPROVED,
            revision_id=post.revision_id,
        )
    assert (await light.post(post.id)).state is PostState.IN_REVIEW


async def test_the_revision_that_was_shown_is_the_one_that_is_decided_on(light: World) -> None:
    shown = await light.submitted("First")
    await edited(light, shown, "Second")
    with pytest.raises(AlreadyDone, match="changed since you were shown it"):
        await light.approvals.decide(BEN, shown.id, Verdict.APPROVED, revision_id=shown.revision_id)


async def test_a_time_that_was_moved_meanwhile_is_not_approved_unseen(light: World) -> None:
    shown = await light.submitted(when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    await light.scheduling.reschedule(ANA, shown.id, tomorrow())
    with pytest.raises(AlreadyDone, match="time of this post was changed"):
        await light.approvals.decide(
            BEN,
            shown.id,
            Verdict.APPROVED,
            revision_id=shown.revision_id,
            version=shown.version,
        )


async def test_an_edit_voids_the_approval_and_its_deliveries(light: World) -> None:
    post = await light.approved(when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    changed = await edited(light, post, "Another text")
    assert changed.state is PostState.IN_REVIEW
    assert await light.deliveries(post.id) == []
    async with light.publishing():
        await asyncio.sleep(0.2)
    assert light.network.live == {}


async def test_two_people_at_once_make_one_decision_and_the_second_sees_whose(
    here: World,
) -> None:
    post = await here.submitted()
    results = await asyncio.gather(
        *(
            here.approvals.decide(
                person, post.id, verdict, revision_id=post.revision_id, comment="x"
            )
            for person, verdict in (
                (BEN, Verdict.APPROVED),
                (CHIDI, Verdict.REJECTED),
                (EVA, Verdict.APPROVED),
            )
        ),
        return_exceptions=True,
    )
    lost = [one for one in results if isinstance(one, AlreadyDone)]
    assert len(lost) == 2
    async with here.database.reading() as tx:
        [decision] = await approvals.of_post(tx, post.id)
    assert {one.by for one in lost} <= {decision.user_id, None}
    assert any(one.by == decision.user_id and one.at == decision.decided_at for one in lost)


async def test_the_same_press_twice_makes_one_delivery(here: World) -> None:
    post = await here.approved()
    with pytest.raises(AlreadyDone) as caught:
        await here.approvals.decide(BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id)
    assert caught.value.by == BEN.user_id
    assert len(await here.deliveries(post.id)) == 1


async def test_a_request_for_changes_needs_a_comment_and_reaches_the_author(light: World) -> None:
    post = await light.submitted()
    for comment in ("", "  "):
        with pytest.raises(FieldErrors) as caught:
            await light.approvals.decide(
                BEN,
                post.id,
                Verdict.CHANGES_REQUESTED,
                revision_id=post.revision_id,
                comment=comment,
            )
        assert list(caught.value.fields) == ["comment"]
    await light.approvals.decide(
        BEN,
        post.id,
        Verdict.CHANGES_REQUESTED,
        revision_id=post.revision_id,
        comment="Name the café",
    )
    async with light.database.reading() as tx:
        notice = await notices.of_card(tx, TEAM, Card.TROUBLE, post.id)
    assert notice is not None
    assert notice.destination == ANA.user_id


async def test_a_time_that_has_passed_is_not_approved(tmp_path: Path) -> None:
    times = [NOON]
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=lambda: times[-1]) as here:
        post = await here.submitted(when=When.AT, at=NOON + timedelta(minutes=30))
        times.append(NOON + timedelta(hours=1))
        with pytest.raises(AlreadyDone, match="time of this post has passed"):
            await here.approvals.decide(
                BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id
            )
        await here.scheduling.reschedule(BEN, post.id, NewTime(When.AT, NOON + timedelta(hours=2)))
        decided = await here.approvals.decide(
            BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
        assert decided.post.due_at == NOON + timedelta(hours=2)


async def test_an_approver_moves_an_approved_post_with_one_recorded_press(light: World) -> None:
    post = await light.approved(when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    moved = await light.scheduling.reschedule(CHIDI, post.id, tomorrow())
    assert moved.state is PostState.SCHEDULED
    [delivery] = await light.deliveries(post.id)
    assert delivery.due_at == delivery.next_attempt_at == moved.due_at
    async with light.database.reading() as tx:
        decisions = await approvals.of_post(tx, post.id)
    assert [(one.user_id, one.due_at) for one in decisions] == [
        (BEN.user_id, post.due_at),
        (CHIDI.user_id, moved.due_at),
    ]


async def test_an_author_who_moves_an_approved_post_asks_again(light: World) -> None:
    post = await light.approved(when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    moved = await light.scheduling.reschedule(ANA, post.id, tomorrow())
    assert moved.state is PostState.IN_REVIEW
    assert await light.deliveries(post.id) == []
    decided = await light.approvals.decide(
        BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id
    )
    [delivery] = await light.deliveries(post.id)
    assert delivery.due_at == decided.post.due_at == moved.due_at


async def test_an_approver_cannot_settle_the_time_of_their_own_post(light: World) -> None:
    form = PostForm(
        text="Ben's",
        account_ids=(light.account.id,),
        when=When.AT,
        at=datetime.now(UTC) + timedelta(hours=1),
    )
    post = (await light.drafting.submit(BEN, form)).post
    await light.approvals.decide(CHIDI, post.id, Verdict.APPROVED, revision_id=post.revision_id)
    moved = await light.scheduling.reschedule(BEN, post.id, tomorrow())
    assert moved.state is PostState.IN_REVIEW


async def test_alone_a_post_is_scheduled_without_another_and_the_record_says_so(
    tmp_path: Path,
) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    async with world(database, tmp_path, mode=Mode.ALONE) as here, here.publishing():
        post = await here.submitted("Just me")
        assert await here.settled(post.id) is PostState.PUBLISHED
        assert list(here.network.live.values()) == ["Just me"]


async def test_cancelling_and_publishing_at_once_does_one_of_them(here: World) -> None:
    """Whatever wins: a cancelled post is on no network, a published one wasn't cancelled."""
    async with here.publishing(), here.publishing():
        for number in range(12):
            post = await here.approved(f"Post {number}")
            await asyncio.sleep(number * 0.003)
            try:
                await here.scheduling.cancel(ANA, post.id)
            except AlreadyDone:
                assert await here.settled(post.id) is PostState.PUBLISHED
                assert f"Post {number}" in here.network.live.values()
            else:
                assert (await here.post(post.id)).state is PostState.CANCELLED
                assert f"Post {number}" not in here.network.live.values()
    assert len(set(here.network.live.values())) == len(here.network.live)


async def test_a_cancelled_post_can_be_edited_and_asked_for_again(light: World) -> None:
    post = await light.approved(when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    await light.scheduling.cancel(ANA, post.id)
    assert await light.deliveries(post.id) == []
    again = await edited(light, await light.post(post.id), "After all")
    assert again.state is PostState.IN_REVIEW


async def test_nothing_that_is_out_can_be_edited_moved_or_cancelled(light: World) -> None:
    async with light.publishing():
        post = await light.approved()
        await light.settled(post.id)
    with pytest.raises(AlreadyDone):
        await edited(light, post, "Too late")
    with pytest.raises(AlreadyDone):
        await light.scheduling.reschedule(BEN, post.id, tomorrow())
    with pytest.raises(AlreadyDone):
        await light.scheduling.cancel(ANA, post.id)
    assert [d.state for d in await light.deliveries(post.id)] == [DeliveryState.PUBLISHED]
