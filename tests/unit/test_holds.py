"""What is held: who lets it go, who asks, what is dropped; once, whoever presses at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import policies
from bot.composing import PostForm
from bot.errors import AlreadyDone, NotAllowed, UserError
from bot.held_lists import EVERYTHING, NOTHING, Rights, rights_of
from bot.holds import Do, Settled
from bot.scheduling import NewTime
from storage import accounts, holds, parts, posts, workspaces
from storage.records import (
    AccountState,
    Card,
    DeliveryState,
    HoldReason,
    Mode,
    PartState,
    PostState,
    Verdict,
    When,
)
from tests.servers.eventually import eventually
from tests.unit.holding import DANA, Held, holding
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM

HELD, PENDING = DeliveryState.HELD, DeliveryState.PENDING
CANCELLED, UNKNOWN = DeliveryState.CANCELLED, DeliveryState.UNKNOWN


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Held]:
    """On both databases."""
    async with holding(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[Held]:
    """On SQLite only, for rules that don't depend on the database."""
    async with holding(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        yield made


# Who


async def test_letting_go_needs_an_approver_who_did_not_write_it(light: Held) -> None:
    bens = await light.approved_form(PostForm("Ben's", (light.world.account.id,)), BEN)
    await light.hold(bens)
    before = datetime.now(UTC)
    assert await light.holds.settle(BEN, bens.id, Do.NOW) == Settled(asked=1)
    assert await light.states(bens) == [HELD]
    with pytest.raises(NotAllowed, match="approver or admin"):
        await light.holds.settle(ANA, bens.id, Do.NOW)
    with pytest.raises(NotAllowed):
        await light.holds.settle(DANA, bens.id, Do.DROP)
    assert await light.holds.settle(CHIDI, bens.id, Do.NOW) == Settled(released=1)
    last = (await light.approvals(bens))[-1]
    assert (last.user_id, last.verdict, last.revision_id) == (
        CHIDI.user_id,
        Verdict.APPROVED,
        bens.revision_id,
    )
    assert last.due_at is not None
    assert last.due_at >= before


async def test_who_edited_it_last_asks_as_well(light: Held) -> None:
    post = await light.world.submitted("Ana's")
    form = PostForm("Ben's words", (light.world.account.id,))
    edited = await light.world.drafting.submit(
        BEN, form, post_id=post.id, revision_id=post.revision_id
    )
    await light.world.approvals.decide(
        CHIDI, post.id, Verdict.APPROVED, revision_id=edited.revision.id
    )
    await light.hold(edited.post)
    assert await light.holds.settle(BEN, post.id, Do.NOW) == Settled(asked=1)


async def test_an_author_asks_and_an_approver_grants_what_was_asked(here: Held) -> None:
    post = await here.held("Ana's")
    hold = await here.open_list()
    assert hold is not None
    assert await here.holds.settle(ANA, post.id, Do.NEXT_FREE) == Settled(asked=1)
    [delivery] = await here.world.deliveries(post.id)
    assert (delivery.wish, delivery.wished_by) == (When.NEXT_FREE, ANA.user_id)
    [asked] = await here.owed(Card.HELD)
    assert (asked.subject_id, asked.destination) == (hold.id, "CAPPROVALS")
    with pytest.raises(AlreadyDone, match="asked for that already"):
        await here.holds.settle(ANA, post.id, Do.NEXT_FREE)
    await here.held("Not asked for")
    seen = await here.seen(hold, only_asked=True)
    came = await here.holds.settle_all(
        BEN, Do.AS_ASKED, seen=seen, hold_id=hold.id, only_asked=True
    )
    assert came == Settled(released=1)
    [delivery] = await here.world.deliveries(post.id)
    assert (delivery.state, delivery.hold_id, delivery.hold_reason) == (PENDING, None, None)
    assert (delivery.wish, delivery.wished_by) == (None, None)
    assert delivery.due_at > datetime.now(UTC)
    assert (await here.world.post(post.id)).due_at == delivery.due_at
    assert (ANA.user_id, "asked: next_free") in await here.history(post.id)
    assert (BEN.user_id, "rescheduled") in await here.history(post.id)


async def test_where_one_works_alone_the_author_lets_it_go(tmp_path: Path) -> None:
    async with holding(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, mode=Mode.ALONE) as alone:
        post = await alone.world.submitted("Mine")
        await alone.hold(post)
        assert await alone.holds.settle(ANA, post.id, Do.NOW) == Settled(released=1)
        assert await alone.approvals(post) == []


async def test_the_author_drops_and_so_does_an_approver(light: Held) -> None:
    first, second = await light.held("One"), await light.held("Two")
    assert await light.holds.settle(ANA, first.id, Do.DROP) == Settled(dropped=1)
    assert await light.holds.settle(CHIDI, second.id, Do.DROP) == Settled(dropped=1)
    for post in (first, second):
        assert (await light.world.post(post.id)).state is PostState.CANCELLED
    assert await light.open_list() is None


# What


async def test_now_means_now_and_it_goes_out_as_it_was_approved(here: Held) -> None:
    post = await here.held("As approved")
    await here.holds.settle(BEN, post.id, Do.NOW, revision_id=post.revision_id)
    now = await here.world.post(post.id)
    assert (now.state, now.when) == (PostState.SCHEDULED, When.NOW)
    async with here.world.publishing():
        assert await here.world.settled(post.id) is PostState.PUBLISHED
    assert list(here.world.network.live.values()) == ["As approved"]


async def test_several_get_free_times_of_their_own_in_order(here: Held) -> None:
    ours = [await here.held(text) for text in ("One", "Two", "Three")]
    taken = await here.world.approved("Scheduled already", when=When.NEXT_FREE)
    came = await here.holds.settle_all(BEN, Do.NEXT_FREE, seen=await here.seen())
    assert came == Settled(released=3)
    times = [(await here.world.deliveries(post.id))[0].due_at for post in (taken, *ours)]
    assert times == sorted(set(times))


async def test_those_who_press_at_once_get_different_free_times(here: Held) -> None:
    ours = []
    for author in (ANA, BEN, CHIDI):
        form = PostForm(f"By {author.user_id}", (here.world.account.id,))
        ours.append(await here.approved_form(form, author))
        await here.hold(ours[-1])
    await asyncio.gather(*(here.holds.settle(EVA, post.id, Do.NEXT_FREE) for post in ours))
    assert len({(await here.world.deliveries(post.id))[0].due_at for post in ours}) == 3


async def test_what_may_be_out_is_asked_about_when_it_is_dropped(here: Held) -> None:
    post = await here.held("Maybe out")
    [delivery] = await here.world.deliveries(post.id)
    await here.begin(delivery)
    assert await here.holds.settle(ANA, post.id, Do.DROP) == Settled(dropped=1, unknown=1)
    assert await here.states(post) == [UNKNOWN]
    assert (await here.world.post(post.id)).state is PostState.PUBLISHING
    assert [one.subject_id for one in await here.owed(Card.TROUBLE)] == [post.id]
    await here.world.outcomes.is_not_live(ANA, delivery.id)


async def test_what_may_be_out_is_neither_edited_nor_cancelled(here: Held) -> None:
    post = await here.held("Maybe out")
    [delivery] = await here.world.deliveries(post.id)
    await here.begin(delivery)
    form = PostForm("Other words", (here.world.account.id,))
    with pytest.raises(AlreadyDone):
        await here.world.drafting.submit(ANA, form, post_id=post.id, revision_id=post.revision_id)
    with pytest.raises(AlreadyDone):
        await here.world.scheduling.cancel(ANA, post.id)
    assert await here.states(post) == [HELD]


async def test_dropped_on_one_account_it_is_published_on_the_other(light: Held) -> None:
    second = await light.second_account()
    post = await light.approved_form(PostForm("Both", (light.world.account.id, second.id)))
    await light.brakes.pull(BEN, "Wrong logo", second.id)
    async with light.world.publishing():

        async def is_done() -> bool:
            return set(await light.states(post)) == {HELD, DeliveryState.PUBLISHED}

        await eventually(is_done)
    await light.holds.settle(ANA, post.id, Do.DROP)
    assert (await light.world.post(post.id)).state is PostState.PUBLISHED


async def test_another_content_than_was_shown_is_not_let_go(light: Held) -> None:
    post = await light.held("Old words")
    with pytest.raises(AlreadyDone, match="changed since you were shown it"):
        await light.holds.settle(BEN, post.id, Do.NOW, revision_id="another")
    assert await light.states(post) == [HELD]


async def test_a_reply_is_let_go_by_whoever_answers(light: Held) -> None:
    reply = replace(await light.held(), mention_id="mention")
    async with light.world.database.reading() as tx:
        workspace = await workspaces.get(tx, TEAM)
        revision = await posts.revision(tx, TEAM, reply.revision_id)
        assert workspace is not None
        assert revision is not None
        standing = await policies.round_of(tx, workspace, reply, revision)
    assert rights_of(standing, DANA.user_id) == Rights(release=True, ask=False, drop=True)
    assert rights_of(standing, BEN.user_id) == NOTHING


# What stands in the way


async def test_under_a_brake_nothing_is_let_go_and_it_says_so(here: Held) -> None:
    post = await here.held("Held", HoldReason.BRAKE)
    brake = (await here.brakes.pull(CHIDI, "Recall")).brake
    for person in (ANA, BEN):
        with pytest.raises(AlreadyDone, match="still paused \\(“Recall”\\)") as refused:
            await here.holds.settle(person, post.id, Do.NOW)
        assert refused.value.by == CHIDI.user_id
    assert await here.states(post) == [HELD]
    await here.brakes.release(EVA, [brake.id])
    await here.holds.settle(BEN, post.id, Do.NOW)
    assert await here.states(post) == [PENDING]


async def test_an_account_that_must_be_connected_again_keeps_its_posts(here: Held) -> None:
    world = here.world
    post, dropped = await here.held("Kept", HoldReason.ACCOUNT), await here.held("Dropped")
    async with world.database.transaction() as tx:
        await accounts.set_state(tx, world.account.id, AccountState.EXPIRED, "refused")
    with pytest.raises(UserError, match="must be connected again"):
        await here.holds.settle(BEN, post.id, Do.NOW)
    await here.holds.settle(ANA, dropped.id, Do.DROP)
    hold = await here.open_list()
    await world.accounts.connect(EVA, world.network.name, {"password": "x"})
    [delivery] = await world.deliveries(post.id)
    assert (delivery.state, delivery.hold_id, delivery.hold_reason) == (PENDING, None, None)
    assert hold is not None
    assert await here.open_list() is None
    async with world.publishing():  # it was promised for hours ago, so now a person decides

        async def late() -> bool:
            [again] = await world.deliveries(post.id)
            return again.state is HELD and again.hold_reason is HoldReason.LATE

        await eventually(late)
    assert world.network.calls == 0
    after = await here.open_list()
    assert after is not None
    assert after.id != hold.id, "a new list: a new message"


async def test_another_accounts_posts_stay_held_when_one_is_reconnected(light: Held) -> None:
    second = await light.second_account()
    post = await light.approved_form(PostForm("There", (second.id,)))
    await light.hold(post, HoldReason.ACCOUNT)
    late = await light.held("Late")
    await light.world.accounts.connect(EVA, light.world.network.name, {"password": "x"})
    assert await light.states(post, late) == [HELD, HELD]


# Once, and true


async def test_of_two_who_press_at_once_one_does_it_and_the_other_learns_who(here: Held) -> None:
    post = await here.held("Once")
    pressed = await asyncio.gather(
        here.holds.settle(BEN, post.id, Do.NOW),
        here.holds.settle(CHIDI, post.id, Do.DROP),
        here.holds.settle(EVA, post.id, Do.NEXT_FREE),
        return_exceptions=True,
    )
    done = [one for one in pressed if isinstance(one, Settled)]
    refused = [one for one in pressed if isinstance(one, AlreadyDone)]
    assert (len(done), len(refused)) == (1, 2)
    [(who, _)] = [
        (actor, did)
        for actor, did in await here.history(post.id)
        if did in ("released", "rescheduled", "dropped")
    ]
    assert {error.by for error in refused} == {who}
    assert len(await here.approvals(post)) == (1 if done[0].dropped else 2)


async def test_a_press_on_all_means_the_list_that_was_shown(light: Held) -> None:
    first = await light.held("One")
    hold = await light.open_list()
    assert hold is not None
    seen = await light.seen(hold)
    second = await light.held("Two, held meanwhile")
    with pytest.raises(AlreadyDone, match="changed since you were shown it"):
        await light.holds.settle_all(BEN, Do.NOW, seen=seen, hold_id=hold.id)
    assert await light.states(first, second) == [HELD, HELD]
    seen = await light.seen(hold)
    assert (await light.holds.settle_all(BEN, Do.NOW, seen=seen, hold_id=hold.id)).released == 2
    with pytest.raises(AlreadyDone, match="Nothing is held here any more"):
        await light.holds.settle_all(BEN, Do.NOW, seen=seen, hold_id=hold.id)


async def test_of_all_what_can_be_done_is_done_and_the_rest_is_said(light: Held) -> None:
    bens = await light.approved_form(PostForm("Ben's", (light.world.account.id,)), BEN)
    await light.hold(bens)
    anas = await light.held("Ana's")
    no_slots = await light.second_account()
    async with light.world.database.transaction() as tx:
        await accounts.set_slots(tx, no_slots.id, ())
    stuck = await light.approved_form(PostForm("No free time", (no_slots.id,)))
    await light.hold(stuck)
    came = await light.holds.settle_all(BEN, Do.NEXT_FREE, seen=await light.seen())
    assert (came.released, came.asked, sum(came.problems.values())) == (1, 1, 1)
    assert await light.states(anas, bens, stuck) == [PENDING, HELD, HELD]


async def test_what_is_changed_elsewhere_leaves_the_list(here: Held) -> None:
    world = here.world
    edited, moved, cancelled, granted = [
        await here.held(text) for text in ("Edited", "Moved", "Cancelled", "Moved by Ben")
    ]
    hold = await here.open_list()
    assert hold is not None
    form = PostForm("Other words", (world.account.id,))
    await world.drafting.submit(ANA, form, post_id=edited.id, revision_id=edited.revision_id)
    await world.scheduling.reschedule(ANA, moved.id, NewTime(When.NEXT_FREE))
    await world.scheduling.cancel(ANA, cancelled.id)
    assert (await here.open_list()) is not None
    await world.scheduling.reschedule(BEN, granted.id, NewTime(When.NEXT_FREE))
    assert await here.open_list() is None
    [delivery] = await world.deliveries(granted.id)
    assert (delivery.state, delivery.hold_id, delivery.wish) == (PENDING, None, None)
    did = [action for _, action in await here.history(hold.id)]
    assert did == ["edited", "moved", "cancelled", "moved"]
    other = await here.held("Never held before")
    assert other.id not in (await here.lists.card(TEAM, hold.id, for_author=True)).said


async def test_many_who_join_at_once_are_on_one_list(here: Held) -> None:
    async def join() -> tuple[str, bool]:
        async with here.world.database.transaction() as tx:
            return await holds.join(tx, TEAM, ANA.user_id, datetime.now(UTC))

    joined = await asyncio.gather(*(join() for _ in range(8)))
    assert len({hold_id for hold_id, _ in joined}) == 1
    assert sum(opened for _, opened in joined) == 1


async def test_a_list_that_somebody_joins_is_not_closed_meanwhile(here: Held) -> None:
    """Ever again one post is let go while another one is held: none is on a closed list."""
    waiting = [await here.world.approved(f"Number {number}") for number in range(8)]
    first = await here.held("First")
    for post in waiting:
        await asyncio.gather(here.holds.settle(BEN, first.id, Do.NOW), here.hold(post))
        [delivery] = await here.world.deliveries(post.id)
        hold = await here.open_list()
        assert hold is not None
        assert delivery.hold_id == hold.id
        first = post


async def test_a_card_shows_everything_to_its_author_and_what_is_asked_to_others(
    light: Held,
) -> None:
    asked, other = await light.held("Asked for"), await light.held("Not yet")
    await light.holds.settle(ANA, asked.id, Do.NOW)
    hold = await light.open_list()
    assert hold is not None
    mine = await light.lists.card(TEAM, hold.id, for_author=True)
    assert [held.post.id for held in mine.posts] == [asked.id, other.id]
    assert mine.posts[0].rights == Rights(release=False, ask=True, drop=True)
    assert (mine.posts[0].wish, mine.posts[0].wished_by) == (When.NOW, ANA.user_id)
    assert list(mine.asked_at) == [asked.id]
    theirs = await light.lists.card(TEAM, hold.id, for_author=False)
    assert [held.post.id for held in theirs.posts] == [asked.id]
    assert theirs.posts[0].rights == EVERYTHING


async def test_everybodys_list_is_read_in_pages(light: Held) -> None:
    ours = [await light.held(f"Number {number}") for number in range(23)]
    first = await light.lists.page(DANA)
    assert (first.total, first.pages, len(first.posts)) == (23, 2, 20)
    last = await light.lists.page(DANA, 99)
    assert (last.page, len(last.posts)) == (1, 3)
    shown = [held.post.id for held in (*first.posts, *last.posts)]
    assert sorted(shown) == sorted(post.id for post in ours)


async def test_a_thread_dropped_halfway_ends_there_and_says_so(here: Held) -> None:
    post = await here.held("One\n---\nTwo")
    [delivery] = await here.world.deliveries(post.id)
    await here.begin(delivery)
    async with here.world.database.transaction() as tx:
        [first] = await parts.of_delivery(tx, delivery.id)
        out = {"remote_id": "1", "url": "https://s.example/1", "reply_to": {"id": "1"}}
        await parts.finish(tx, {first.id: out})
        pending = {"state": PartState.PENDING, "begun_at": None}
        await parts.insert_all(tx, [replace(first, id="second", position=1, **pending)])
    assert await here.holds.settle(ANA, post.id, Do.DROP) == Settled(dropped=1)
    assert await here.states(post) == [DeliveryState.FAILED]
    assert [one.subject_id for one in await here.owed(Card.TROUBLE)] == [post.id]
    [result] = await here.world.outcomes.take_down(ANA, post.id)
    assert result.problem is None
    assert here.world.network.deleted == ["1"]
