"""The brake: one stands at a time, holds what comes due, and lets go what isn't due yet."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.composing import PostForm
from bot.errors import AlreadyDone, FieldErrors, NotAllowed, NotFound
from storage.records import Card, DeliveryState, HoldReason, PostState, When
from tests.servers.eventually import eventually
from tests.unit.holding import DANA, Held, holding
from tests.unit.world import ANA, BEN, CHIDI, EVA, STRANGER

SOON = timedelta(hours=1)


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Held]:
    """On both databases."""
    async with holding(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[Held]:
    """On SQLite only."""
    async with holding(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        yield made


async def test_of_those_who_pull_at_once_one_does_and_the_others_learn_who(here: Held) -> None:
    people = [ANA, BEN, CHIDI, DANA, EVA]
    pulled = await asyncio.gather(
        *(here.brakes.pull(person, "Recall") for person in people), return_exceptions=True
    )
    done = [one for one in pulled if not isinstance(one, BaseException)]
    refused = [one for one in pulled if isinstance(one, AlreadyDone)]
    assert (len(done), len(refused)) == (1, 4)
    brake = done[0].brake
    assert {(error.by, error.did) for error in refused} == {(brake.pulled_by, "paused it")}
    assert [one.brake.id for one in await here.brakes.standing("T1")] == [brake.id]
    assert len(await here.owed(Card.BRAKE)) == 1


async def test_everything_and_one_account_are_two_brakes(here: Held) -> None:
    account = here.world.account
    first = await here.brakes.pull(ANA, "Only there", account.id)
    everything = await here.brakes.pull(BEN, "Everywhere")
    with pytest.raises(AlreadyDone):
        await here.brakes.pull(CHIDI, "There again", account.id)
    assert first.label == "Scripted · @brand"
    assert [one.label for one in await here.brakes.standing("T1")] == [None, "Scripted · @brand"]
    await here.brakes.release(EVA, [everything.brake.id])
    assert [one.brake.id for one in await here.brakes.standing("T1")] == [first.brake.id]
    again = await here.brakes.pull(ANA, "Everywhere again")
    assert again.brake.id != everything.brake.id


async def test_it_needs_a_reason_a_role_and_an_account_that_is_there(light: Held) -> None:
    with pytest.raises(FieldErrors) as missing:
        await light.brakes.pull(ANA, " \n ")
    assert list(missing.value.fields) == ["reason"]
    with pytest.raises(NotAllowed):
        await light.brakes.pull(STRANGER, "Recall")
    with pytest.raises(NotFound):
        await light.brakes.pull(ANA, "Recall", "nowhere")
    assert await light.brakes.standing("T1") == []


async def test_any_role_pulls_it_and_only_who_may_approve_releases_it(light: Held) -> None:
    brake = (await light.brakes.pull(DANA, "Recall")).brake
    for person in (ANA, DANA):
        with pytest.raises(NotAllowed, match="resume publishing"):
            await light.brakes.release(person, [brake.id])
        with pytest.raises(NotAllowed):
            await light.brakes.look(person)
    await light.brakes.release(BEN, [brake.id])
    with pytest.raises(AlreadyDone) as late:
        await light.brakes.release(CHIDI, [brake.id])
    assert (late.value.by, late.value.did) == (BEN.user_id, "resumed it")


async def test_what_comes_due_is_held_and_its_author_told_once(here: Held) -> None:
    await here.brakes.pull(BEN, "Recall")
    ours = [await here.world.approved(text) for text in ("One", "Two", "Three")]
    async with here.world.publishing():

        async def all_held() -> bool:
            return set(await here.states(*ours)) == {DeliveryState.HELD}

        await eventually(all_held)
    assert here.world.network.calls == 0
    [told] = await here.owed(Card.INBOX)
    assert told.destination == ANA.user_id
    hold = await here.open_list()
    assert hold is not None
    found = [d for post in ours for d in await here.world.deliveries(post.id)]
    assert {(d.hold_reason, d.hold_id) for d in found} == {(HoldReason.BRAKE, hold.id)}


async def test_what_was_held_stays_held_and_what_is_not_due_goes_out_at_its_time(
    here: Held,
) -> None:
    brake = (await here.brakes.pull(BEN, "Recall")).brake
    held = await here.held("Held", HoldReason.BRAKE)
    late = await here.held("Late", HoldReason.LATE)
    at = datetime.now(UTC) + SOON
    later = await here.world.approved("Later", when=When.AT, at=at)
    start = await here.brakes.look(CHIDI)
    assert (start.held, start.coming) == ([held.id], 1)
    assert await here.brakes.release(CHIDI, [brake.id]) == [held.id]
    after = await here.world.approved("After")
    async with here.world.publishing():
        assert await here.world.settled(after.id) is PostState.PUBLISHED
    assert list(here.world.network.live.values()) == ["After"]
    expected = [DeliveryState.HELD, DeliveryState.HELD, DeliveryState.PENDING]
    assert await here.states(held, late, later) == expected
    assert (await here.world.post(later.id)).due_at == at
    assert ("UCHIDI", "released") in await here.history(brake.id)
    overview = await here.brakes.card("T1", brake.id)
    assert overview.history[-1].detail == "1"


async def test_one_accounts_brake_holds_that_account_only(here: Held) -> None:
    second = await here.second_account()
    brake = (await here.brakes.pull(BEN, "Wrong logo", second.id)).brake
    both = PostForm("On both", (here.world.account.id, second.id))
    post = await here.approved_form(both)
    async with here.world.publishing():

        async def is_done() -> bool:
            return set(await here.states(post)) == {DeliveryState.HELD, DeliveryState.PUBLISHED}

        await eventually(is_done)
    assert (await here.world.post(post.id)).state is PostState.PUBLISHING
    assert (await here.brakes.look(EVA)).held == [post.id]
    assert await here.brakes.release(EVA, [brake.id]) == [post.id]


async def test_a_released_brake_names_what_it_held_itself(light: Held) -> None:
    second = await light.second_account()
    await light.held("Elsewhere", HoldReason.BRAKE)
    there = await light.approved_form(PostForm("There", (second.id,)))
    await light.hold(there, HoldReason.BRAKE)
    brake = (await light.brakes.pull(BEN, "Wrong logo", second.id)).brake
    assert await light.brakes.release(EVA, [brake.id]) == [there.id]


async def test_how_many_are_not_due_yet_is_counted_where_the_brake_is(light: Held) -> None:
    second = await light.second_account()
    at = datetime.now(UTC) + SOON
    await light.world.approved("First", when=When.AT, at=at)
    await light.brakes.pull(ANA, "Wrong logo", second.id)
    assert (await light.brakes.look(BEN)).coming == 0
    both = (light.world.account.id, second.id)
    await light.approved_form(PostForm("Both", both, when=When.AT, at=at))
    assert (await light.brakes.look(BEN)).coming == 1
    await light.brakes.pull(ANA, "Recall")
    assert (await light.brakes.look(BEN)).coming == 2
