"""Rules of approval at work: steps, edits, moves, presses of the same moment, who may set them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.brake import Brakes
from bot.composing import PostForm
from bot.errors import AlreadyDone, FieldErrors, NotAllowed, UserError
from bot.home import Homes
from bot.policy_settings import Rules
from bot.scheduling import NewTime
from storage import approvals, campaigns, history, notices, posts
from storage.records import (
    Approval,
    Card,
    DeliveryState,
    Mode,
    Post,
    PostState,
    Role,
    Scope,
    Step,
    Verdict,
    When,
)
from storage.rows import new_id
from tests.servers.eventually import eventually
from tests.unit.deciding import (
    CONTENT_STEP,
    LEA,
    LEGAL,
    LEGAL_STEP,
    policies_of,
    press,
    set_group,
    set_roles,
    set_rules,
)
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM, World, world

TIMES = 200


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[World]:
    """On SQLite only, for rules that don't depend on the database."""
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        await set_group(made, LEA)
        yield made


async def decisions(here: World, post_id: str) -> list[Approval]:
    async with here.database.reading() as tx:
        return list(await approvals.of_post(tx, post_id))


async def many(here: World, post: Post) -> list[Post]:
    """The same post that many times, each waiting for its decision."""
    made = [replace(post, id=new_id(), revision_id=new_id()) for _ in range(TIMES)]
    async with here.database.transaction() as tx:
        revision = await posts.revision(tx, TEAM, post.revision_id)
        assert revision is not None
        for one in made:
            await posts.insert(tx, one, replace(revision, id=one.revision_id, post_id=one.id))
    return made


async def held(here: World, post_id: str) -> None:
    async def is_held() -> bool:
        states = [delivery.state for delivery in await here.deliveries(post_id)]
        return states == [DeliveryState.HELD]

    await eventually(is_held)


def tomorrow() -> NewTime:
    return NewTime(When.AT, datetime.now(UTC) + timedelta(hours=24))


async def test_a_post_goes_through_its_steps_in_order(light: World) -> None:
    await set_rules(light, CONTENT_STEP, LEGAL_STEP)
    post = await light.submitted("Steps")
    with pytest.raises(NotAllowed, match="isn't your turn yet"):
        await press(light, LEA, post)
    assert (await press(light, BEN, post)).state is PostState.IN_REVIEW
    assert await light.deliveries(post.id) == []
    with pytest.raises(AlreadyDone, match="approved this already"):
        await press(light, BEN, post)
    assert (await press(light, LEA, post)).state is PostState.SCHEDULED
    assert len(await light.deliveries(post.id)) == 1


async def test_a_press_that_is_not_the_last_leaves_other_peoples_cards_true(light: World) -> None:
    await set_rules(light, Step("Two", 2))
    post = await light.submitted("Two")
    for person in (BEN, CHIDI):  # both with the card as it was posted
        decided = await light.approvals.decide(
            person, post.id, Verdict.APPROVED, revision_id=post.revision_id, version=post.version
        )
    assert decided.post.state is PostState.SCHEDULED


async def test_an_edit_begins_a_new_round_and_what_is_no_edit_changes_nothing(
    light: World,
) -> None:
    await set_rules(light, CONTENT_STEP, LEGAL_STEP)
    post = await light.submitted("Same")
    await press(light, BEN, post)
    with pytest.raises(FieldErrors, match="Nothing here is different"):
        await light.drafting.submit(ANA, PostForm("Same", (light.account.id,)), post_id=post.id)
    assert (await light.post(post.id)).round == 1
    form = PostForm("Another", (light.account.id,))
    again = (await light.drafting.submit(ANA, form, post_id=post.id)).post
    assert again.round == 2
    with pytest.raises(NotAllowed, match="isn't your turn yet"):
        await press(light, LEA, post)


async def test_changing_the_campaign_alone_voids_what_was_approved(light: World) -> None:
    post = await light.approved("Hello", when=When.AT, at=tomorrow().at)
    form = PostForm(
        "Hello", (light.account.id,), when=When.AT, at=post.due_at, new_campaign="Spring"
    )
    changed = (await light.drafting.submit(ANA, form, post_id=post.id)).post
    assert changed.state is PostState.IN_REVIEW
    assert await light.deliveries(post.id) == []
    async with light.database.reading() as tx:
        [campaign] = await campaigns.of_workspace(tx, TEAM)
    assert (changed.campaign_id, campaign.name) == (campaign.id, "Spring")


async def test_a_campaign_is_made_once_whatever_its_capitals(light: World) -> None:
    first = await light.submitted("A", new_campaign="Spring  menu")
    second = await light.submitted("B", new_campaign="spring MENU")
    assert first.campaign_id == second.campaign_id
    for name in ("", "x" * 61):
        with pytest.raises(FieldErrors) as caught:
            await light.submitted("C", new_campaign=name)
        assert list(caught.value.fields) == ["new_campaign"]
    with pytest.raises(FieldErrors) as caught:
        await light.submitted("C", campaign_id="gone")
    assert list(caught.value.fields) == ["campaign"]


async def test_moving_keeps_what_was_approved_and_an_authors_move_needs_one_press(
    light: World,
) -> None:
    await set_rules(light, CONTENT_STEP, LEGAL_STEP)
    post = await light.submitted("Moved", when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    await press(light, BEN, post)
    await light.scheduling.reschedule(ANA, post.id, tomorrow())
    scheduled = await press(light, LEA, post)
    assert scheduled.state is PostState.SCHEDULED
    moved = await light.scheduling.reschedule(ANA, post.id, tomorrow())
    assert (moved.state, moved.round) == (PostState.IN_REVIEW, scheduled.round)
    again = await press(light, LEA, post)  # any step's, once
    assert again.state is PostState.SCHEDULED
    [delivery] = await light.deliveries(post.id)
    assert delivery.due_at == moved.due_at
    assert (await decisions(light, post.id))[-1].due_at == moved.due_at


async def test_whoever_is_eligible_for_some_step_moves_it_with_one_recorded_press(
    light: World,
) -> None:
    await set_rules(light, CONTENT_STEP, Step("Chidi's", people=("UCHIDI",)))
    post = await light.submitted("Moved", when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    await press(light, BEN, post)
    await press(light, CHIDI, post)
    moved = await light.scheduling.reschedule(CHIDI, post.id, tomorrow())
    assert moved.state is PostState.SCHEDULED
    assert [one.user_id for one in await decisions(light, post.id)] == ["UBEN", "UCHIDI", "UCHIDI"]


async def test_an_approval_does_not_outlive_its_role_while_the_round_is_open(light: World) -> None:
    await set_rules(light, Step("Two", 2))
    post = await light.submitted("Two")
    await press(light, BEN, post)
    await set_roles(light, BEN, Role.AUTHOR)
    assert (await press(light, CHIDI, post)).state is PostState.IN_REVIEW
    assert (await press(light, EVA, post)).state is PostState.SCHEDULED


async def test_a_member_of_a_group_decides_without_any_role_and_not_after_leaving(
    light: World,
) -> None:
    await set_rules(light, LEGAL_STEP)
    post, other = await light.submitted("One"), await light.submitted("Two")
    assert (await press(light, LEA, post)).state is PostState.SCHEDULED
    await set_group(light, CHIDI)
    with pytest.raises(NotAllowed):
        await press(light, LEA, other)


async def test_anybody_eligible_ends_the_round_at_once(light: World) -> None:
    await set_rules(light, Step("Ben's", people=("UBEN",)), LEGAL_STEP)
    post = await light.submitted("No")
    with pytest.raises(NotAllowed, match="isn't yours"):
        await light.approvals.decide(
            CHIDI, post.id, Verdict.REJECTED, revision_id=post.revision_id, comment="No"
        )
    decided = await light.approvals.decide(
        LEA, post.id, Verdict.CHANGES_REQUESTED, revision_id=post.revision_id, comment="Name it"
    )
    assert decided.post.state is PostState.CHANGES_REQUESTED


async def test_where_nobody_has_to_approve_a_post_is_scheduled_and_the_record_says_so(
    light: World,
) -> None:
    await set_rules(light, scope=Scope.ACCOUNT, scope_id=light.account.id)
    post = await light.submitted("Free")
    assert post.state is PostState.SCHEDULED
    async with light.database.reading() as tx:
        [entry] = await history.of_subject(tx, post.id)
    assert entry.action == "wrote and scheduled"


async def test_a_rule_that_was_made_easier_lets_the_next_press_through(light: World) -> None:
    await set_rules(light, Step("Two", 2))
    post = await light.submitted("Two")
    await press(light, BEN, post)
    await policies_of(light).remove(EVA, Scope.WORKSPACE, "")
    assert (await press(light, BEN, post)).state is PostState.SCHEDULED


async def test_home_lists_only_what_a_persons_press_would_count_for_now(light: World) -> None:
    await set_rules(light, Step("Ben's", people=("UBEN",)), Step("Chidi's", people=("UCHIDI",)))
    post = await light.submitted("Whose?")
    homes = Homes(light.database, light.accounts, light.clock)

    async def listed() -> list[bool]:
        return [bool((await homes.load(one)).to_decide) for one in (BEN, CHIDI, EVA)]

    assert await listed() == [True, False, False]
    await press(light, BEN, post)
    assert await listed() == [False, True, False]


# Presses of the same moment


async def test_two_approvers_at_the_same_moment_make_one_decision_two_hundred_times(
    here: World,
) -> None:
    for post in await many(here, await here.submitted("Who is first?")):
        results = await asyncio.gather(
            press(here, BEN, post), press(here, CHIDI, post), return_exceptions=True
        )
        [lost] = [one for one in results if isinstance(one, AlreadyDone)]
        [decision] = await decisions(here, post.id)
        assert (lost.by, lost.at) == (decision.user_id, decision.decided_at)
        assert len(await here.deliveries(post.id)) == 1


async def test_the_two_of_a_step_at_the_same_moment_schedule_once_two_hundred_times(
    here: World,
) -> None:
    await set_rules(here, Step("Two", 2))
    for post in await many(here, await here.submitted("Who is first?")):
        results = await asyncio.gather(press(here, BEN, post), press(here, CHIDI, post))
        assert sorted(one.state for one in results) == [PostState.IN_REVIEW, PostState.SCHEDULED]
        assert len(await decisions(here, post.id)) == 2
        assert len(await here.deliveries(post.id)) == 1


async def test_a_double_press_counts_once(here: World) -> None:
    await set_rules(here, Step("Two", 2))
    post = await here.submitted("Twice")
    results = await asyncio.gather(
        press(here, BEN, post), press(here, BEN, post), return_exceptions=True
    )
    assert sum(isinstance(one, AlreadyDone) for one in results) == 1
    assert (await here.post(post.id)).state is PostState.IN_REVIEW


async def test_decisions_keep_their_order_where_a_clock_is_behind(light: World) -> None:
    post = await light.submitted("Late")
    late = datetime(2030, 1, 1, tzinfo=UTC)
    made = Approval("1", TEAM, post.id, post.revision_id, "UBEN", Verdict.APPROVED, "", None, late)
    async with light.database.transaction() as tx:
        await approvals.insert(tx, made)
        second = await approvals.insert(tx, Approval(**{**_fields(made), "id": "0"}))
    assert second.decided_at > late
    assert [one.id for one in await decisions(light, post.id)] == ["1", "0"]


def _fields(record: Approval) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


# Setting them


async def test_only_admins_set_rules(light: World) -> None:
    for person in (ANA, BEN):
        with pytest.raises(NotAllowed):
            await policies_of(light).save(person, Scope.WORKSPACE, "", Rules(()))
        with pytest.raises(NotAllowed):
            await policies_of(light).remove(person, Scope.WORKSPACE, "")


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (Step("Three", 5), "needed"),
        (Step("Three", 2, people=("UBEN",)), "needed"),
        (Step("Legal", 2, group=LEGAL), "needed"),
        (Step("Who?", people=("UNOBODY",)), "people"),
        (Step("Who?", backup="UNOBODY"), "backup"),
        (Step("Many", people=tuple(f"U{n}" for n in range(9))), "people"),
    ],
)
async def test_a_step_that_nobody_could_finish_is_refused_at_its_field(
    light: World, step: Step, place: str
) -> None:
    settings = policies_of(light)
    with pytest.raises(FieldErrors) as caught:
        await settings.check_step(EVA, (Scope.WORKSPACE, ""), step, None, ())
    assert list(caught.value.fields) == [place]
    with pytest.raises(FieldErrors) as caught:
        await settings.save(EVA, Scope.WORKSPACE, "", Rules((step,)))
    assert list(caught.value.fields) == ["who"]


async def test_what_was_set_is_on_record_and_on_the_cards_that_wait(light: World) -> None:
    post = await light.submitted("Waits")
    async with light.database.reading() as tx:
        before = await notices.of_card(tx, TEAM, Card.APPROVAL, post.id)
    await set_rules(light, CONTENT_STEP, LEGAL_STEP)
    async with light.database.reading() as tx:
        after = await notices.of_card(tx, TEAM, Card.APPROVAL, post.id)
        [entry] = await history.of_subject(tx, TEAM)
    assert before is not None
    assert after is not None
    assert after.version > before.version
    assert entry.action == "policy: workspace"
    was = "any approver or admin; own card at once"
    now = "1. Content: any approver or admin; 2. Legal: 1 of @legal"
    assert entry.detail == f"{was} -> {now}"


# The brake names a campaign


async def test_a_campaign_is_paused_alone_and_held_before_the_call(here: World) -> None:
    brakes = Brakes(here.database, here.accounts, here.clock)
    spring = await here.submitted("Spring", new_campaign="Spring")
    await brakes.pull(CHIDI, "Recall", campaign_id=spring.campaign_id)
    with pytest.raises(AlreadyDone, match="paused there already"):
        await brakes.pull(BEN, "Recall", campaign_id=spring.campaign_id)
    other = await here.submitted("Other")
    async with here.publishing():
        await press(here, BEN, spring)
        await press(here, BEN, other)
        assert await here.settled(other.id) is PostState.PUBLISHED
        await held(here, spring.id)
    assert list(here.network.live.values()) == ["Other"]


async def test_a_campaign_paused_between_the_claim_and_the_call_is_held(here: World) -> None:
    brakes = Brakes(here.database, here.accounts, here.clock)
    post = await here.submitted("Spring", new_campaign="Spring")

    async def pause() -> object:
        return await brakes.pull(CHIDI, "Recall", campaign_id=post.campaign_id)

    here.network.preparing = pause
    async with here.publishing():
        await press(here, BEN, post)
        await held(here, post.id)
    assert here.network.live == {}
    start = await brakes.look(EVA)
    assert [one.campaign for one in start.standing] == ["Spring"]
    assert list(await brakes.release(EVA, [start.standing[0].brake.id])) == [post.id]


async def test_in_a_workspace_of_one_a_rule_still_asks_for_somebody(tmp_path: Path) -> None:
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, mode=Mode.ALONE) as alone:
        await set_rules(alone, Step("Eva's", people=("UEVA",)))
        post = await alone.submitted("Not yet")
        assert post.state is PostState.IN_REVIEW
        with pytest.raises(UserError):
            await press(alone, ANA, post)
        async with alone.database.reading() as tx:
            assert [one.id for one in await posts.waiting(tx, TEAM)] == [post.id]
