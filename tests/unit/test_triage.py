"""Own, route, answer, solve: one effect each, and the second person sees who was first."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import AlreadyDone, FieldErrors, NotAllowed, NotFound, Rejected, UserError
from bot.raising import ANSWER_WITHIN
from bot.team import Person
from storage import accounts, numbers, posts
from storage.records import (
    AccountState,
    Card,
    Delivery,
    Mention,
    MentionKind,
    MentionState,
    PostState,
    Urgency,
)
from tests.servers.eventually import eventually
from tests.unit.care import COMPLAINT, DAN, DANA, DOUBT, Care, care
from tests.unit.world import ANA, EVA, STRANGER, TEAM


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Care]:
    async with care(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[Care]:
    """On SQLite only, for rules that don't depend on the database."""
    async with care(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        yield made


async def reply(
    here: Care,
    mention: Mention,
    text: str = "I'm sorry.",
    *,
    by: Person = DANA,
    resolves: bool = False,
) -> str:
    """Open the form, send it; the reply's id."""
    start = await here.replying.start(by, mention.id)
    await here.replying.send(by, mention.id, text, resolves=resolves, reply_id=start.reply_id)
    return start.reply_id


def refuse(_number: int) -> None:
    raise Rejected("Scripted doesn't take this")


async def becomes(here: Care, mention: Mention, state: MentionState) -> Mention:
    async def look() -> Mention | None:
        now = await here.again(mention)
        return now if now.state is state else None

    found = await eventually(look)
    assert found is not None
    return found


async def test_of_two_who_claim_at_once_one_gets_it_and_the_other_is_told(here: Care) -> None:
    mention = await here.hear()
    results = await asyncio.gather(
        *(here.triage.claim(person, mention.id) for person in (DANA, DAN)), return_exceptions=True
    )
    [lost] = [result for result in results if isinstance(result, AlreadyDone)]
    [won] = [result for result in results if isinstance(result, Mention)]
    assert lost.by == won.owner_id == (await here.again(mention)).owner_id
    assert lost.at is not None
    assert [action for _, action in await here.did(mention)] == ["claimed"]


async def test_claiming_ones_own_again_changes_nothing(light: Care) -> None:
    mention = await light.hear()
    await light.triage.claim(DANA, mention.id)
    await light.triage.claim(DANA, mention.id)
    assert await light.did(mention) == [(DANA.user_id, "claimed")]


async def test_a_colleague_can_take_over(light: Care) -> None:
    mention = await light.hear()
    await light.triage.claim(DANA, mention.id)
    with pytest.raises(AlreadyDone, match="take it over"):
        await light.triage.claim(DAN, mention.id)
    await light.triage.claim(DAN, mention.id, take_over=True)
    assert (await light.again(mention)).owner_id == DAN.user_id


async def test_who_has_it_can_release_it_to_everybody(here: Care) -> None:
    mention = await here.hear()
    with pytest.raises(AlreadyDone, match="Nobody has it"):
        await here.triage.release(DANA, mention.id)
    await here.triage.route(DANA, mention.id, "Care")
    await here.triage.claim(DANA, mention.id)
    with pytest.raises(AlreadyDone, match="isn't yours") as told:
        await here.triage.release(DAN, mention.id)
    assert told.value.by == DANA.user_id
    await here.triage.release(DANA, mention.id)
    now = await here.again(mention)
    assert (now.owner_id, now.route) == (None, "Care")
    assert (await here.did(mention))[-1] == (DANA.user_id, "gave back")
    await here.triage.claim(DAN, mention.id)


@pytest.mark.parametrize("who", [ANA, STRANGER])
async def test_only_responders_and_admins_act(light: Care, who: Person) -> None:
    mention = await light.hear()
    steps = (
        light.triage.claim(who, mention.id),
        light.triage.release(who, mention.id),
        light.triage.route(who, mention.id, "Care"),
        light.triage.resolve(who, mention.id),
        light.triage.dismiss(who, mention.id),
        light.triage.reopen(who, mention.id),
        light.triage.is_negative(who, mention.id),
        light.triage.dismiss_list(who, "list"),
        light.replying.start(who, mention.id),
        light.replying.send(who, mention.id, "Sorry", resolves=True, reply_id="r"),
        light.replying.keep(who, mention.id, "Sorry", reply_id="r"),
    )
    for step in steps:
        with pytest.raises(UserError):
            await step
    with pytest.raises(NotAllowed, match="responder"):
        await light.triage.claim(ANA, mention.id)
    assert await light.again(mention) == mention
    await light.triage.claim(EVA, mention.id)


async def test_a_reply_goes_out_on_the_network_and_stops_the_first_clock(here: Care) -> None:
    mention = await here.hear()
    async with here.world.publishing():
        post_id = await reply(here, mention, "I'm sorry, Mia.")
        assert await here.world.settled(post_id) is PostState.PUBLISHED
    now = await here.again(mention)
    assert list(here.world.network.live.values()) == ["I'm sorry, Mia."]
    assert (now.state, now.owner_id) == (MentionState.OPEN, DANA.user_id)
    assert now.answered_at is not None
    assert now.solved_at is None
    assert await here.did(mention) == [
        (DANA.user_id, "claimed"),
        (DANA.user_id, "replied"),
        (DANA.user_id, "answered"),
    ]
    assert await here.owed(Card.APPROVAL) == []


async def test_resolve_with_this_resolves_once_it_is_live_and_not_before(here: Care) -> None:
    mention = await here.hear()
    post_id = await reply(here, mention, resolves=True)
    assert (await here.again(mention)).state is MentionState.OPEN
    async with here.world.publishing():
        await here.world.settled(post_id)
        now = await becomes(here, mention, MentionState.RESOLVED)
    assert now.solved_at == now.answered_at is not None
    assert [action for _, action in await here.did(mention)][-2:] == ["answered", "resolved"]


async def test_what_it_resolves_may_change_while_it_is_going_out(light: Care) -> None:
    mention = await light.hear()
    post_id = await reply(light, mention, resolves=True)
    await light.triage.dismiss(DANA, mention.id)
    async with light.world.publishing():
        await light.world.settled(post_id)
    assert (await light.again(mention)).state is MentionState.DISMISSED


async def test_the_same_form_sent_twice_is_one_reply(here: Care) -> None:
    mention = await here.hear()
    start = await here.replying.start(DANA, mention.id)
    for _ in range(2):
        await here.replying.send(DANA, mention.id, "Sorry", resolves=False, reply_id=start.reply_id)
    async with here.world.publishing():
        await here.world.settled(start.reply_id)
        await here.replying.send(DANA, mention.id, "Sorry", resolves=False, reply_id=start.reply_id)
    assert here.world.network.calls == 1


async def test_two_who_reply_at_once_send_one_reply(here: Care) -> None:
    mention = await here.hear()
    one = await here.replying.start(DANA, mention.id)
    with pytest.raises(AlreadyDone) as told:
        await here.replying.start(DAN, mention.id)
    assert told.value.by == DANA.user_id
    two = await here.replying.start(DANA, mention.id)  # a second form of the same person
    sent = await asyncio.gather(
        *(
            here.replying.send(DANA, mention.id, text, resolves=True, reply_id=form.reply_id)
            for text, form in (("One", one), ("Two", two))
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in sent if result is not None] == [AlreadyDone]
    shown = await here.mentions.card(TEAM, mention.id)
    assert len(shown.replies) == 1


async def test_a_reply_that_the_network_would_not_take_is_refused_at_its_field(light: Care) -> None:
    mention = await light.hear()
    start = await light.replying.start(DANA, mention.id)
    for text, said in (("x" * 301, "1 over Scripted's limit of 300"), ("  ", "Write")):
        with pytest.raises(FieldErrors, match=said) as told:
            await light.replying.send(
                DANA, mention.id, text, resolves=False, reply_id=start.reply_id
            )
        assert list(told.value.fields) == ["text"]
    assert (await light.mentions.card(TEAM, mention.id)).replies == []


async def test_a_reply_that_failed_is_told_and_its_text_comes_back(light: Care) -> None:
    light.world.network.behave = refuse
    mention = await light.hear()
    async with light.world.publishing():
        post_id = await reply(light, mention, "A long explanation", resolves=True)
        assert await light.world.settled(post_id) is PostState.FAILED
        now = await light.again(mention)
        assert (now.state, now.answered_at) == (MentionState.OPEN, None)
        [trouble] = await light.owed(Card.TROUBLE)
        assert (trouble.subject_id, trouble.destination) == (post_id, DANA.user_id)
        assert (await light.replying.start(DANA, mention.id)).text == "A long explanation"
        light.world.network.behave = lambda _number: None
        await light.world.outcomes.retry(DANA, post_id)
        await becomes(light, mention, MentionState.RESOLVED)


async def test_a_reply_that_failed_is_not_sent_after_another_one(light: Care) -> None:
    light.world.network.behave = refuse
    mention = await light.hear()
    async with light.world.publishing():
        first = await reply(light, mention, "A long explanation")
        assert await light.world.settled(first) is PostState.FAILED
        light.world.network.behave = lambda _number: None
        second = await reply(light, mention, "A short one")
        assert await light.world.settled(second) is PostState.PUBLISHED
        with pytest.raises(AlreadyDone, match="Another reply was written"):
            await light.world.outcomes.retry(DANA, first)
    assert list(light.world.network.live.values()) == ["A short one"]


async def test_a_reply_that_failed_and_was_cancelled_gives_its_text_back(light: Care) -> None:
    light.world.network.behave = refuse
    mention = await light.hear()
    async with light.world.publishing():
        first = await reply(light, mention, "A long explanation")
        assert await light.world.settled(first) is PostState.FAILED
    await light.world.scheduling.cancel(DANA, first)
    assert (await light.replying.start(DANA, mention.id)).text == "A long explanation"


async def test_no_reply_is_begun_with_a_dead_account(light: Care) -> None:
    mention = await light.hear()
    async with light.world.database.transaction() as tx:
        await accounts.set_state(tx, light.world.account.id, AccountState.EXPIRED, "ended")
    with pytest.raises(UserError, match="connected again"):
        await light.replying.start(DANA, mention.id)
    assert (await light.again(mention)).owner_id is None


async def solved_by_a_reply(here: Care, mention: Mention) -> Delivery:
    async with here.world.publishing():
        post_id = await reply(here, mention, resolves=True)
        await here.world.settled(post_id)
        await becomes(here, mention, MentionState.RESOLVED)
    [delivery] = await here.world.deliveries(post_id)
    return delivery


async def test_the_person_answers_our_reply_and_it_opens_again(here: Care) -> None:
    mention = await here.hear()
    delivery = await solved_by_a_reply(here, mention)
    later = await here.hear(
        "It still doesn't work.", kind=MentionKind.REPLY, answers=delivery.remote_id
    )
    now = await here.again(mention)
    assert later.continues == mention.id
    assert (now.state, now.answered_at, now.reply_to) == (MentionState.OPEN, None, later.reply_to)
    async with here.world.publishing():
        second = await reply(here, mention, "We'll send a new one.", resolves=True)
        assert await here.world.settled(second) is PostState.PUBLISHED
    assert (await here.again(mention)).state is MentionState.RESOLVED


async def test_routing_hands_it_to_a_team_with_a_card_in_its_channel(here: Care) -> None:
    mention = await here.hear()
    await here.triage.claim(DANA, mention.id)
    await here.triage.route(DANA, mention.id, "Care")
    now = await here.again(mention)
    assert (now.route, now.owner_id) == ("Care", None)
    [card] = await here.owed(Card.ROUTED)
    assert card.destination == "CCARE"
    with pytest.raises(AlreadyDone, match="with Care already") as told:
        await here.triage.route(DAN, mention.id, "Care")
    assert told.value.by == DANA.user_id
    await here.triage.route(DAN, mention.id, "Product")
    assert {card.destination for card in await here.owed(Card.ROUTED)} == {"CCARE", "CPRODUCT"}
    with pytest.raises(NotFound, match="Sales"):
        await here.triage.route(DANA, mention.id, "Sales")


async def test_a_team_in_the_alerts_channel_gets_no_second_card(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    async with care(url, tmp_path, routes={"Care": "CALERTS"}) as light:
        mention = await light.hear()
        await light.triage.route(DANA, mention.id, "Care")
        assert await light.owed(Card.ROUTED) == []


async def test_resolving_without_a_reply_stops_both_clocks(light: Care) -> None:
    mention = await light.hear()
    await light.triage.resolve(DANA, mention.id)
    now = await light.again(mention)
    assert now.answered_at == now.solved_at is not None
    shown = await light.mentions.card(TEAM, mention.id)
    assert shown.history[-1].detail == "answered elsewhere"


async def answer_waits(here: Care) -> Sequence[timedelta]:
    """How long complaints waited for their first answer, as the digest counts it."""
    now = here.time.now()
    day = timedelta(days=1)
    async with here.world.database.reading() as tx:
        return await numbers.answer_times(tx, TEAM, now - day, now + day, ANSWER_WITHIN)


async def test_opening_again_takes_back_the_answer_that_only_resolve_had_told(here: Care) -> None:
    mention = await here.hear()
    await here.triage.resolve(DANA, mention.id)
    assert len(await answer_waits(here)) == 1, "while it is resolved, it was answered elsewhere"
    await here.triage.reopen(DANA, mention.id)
    now = await here.again(mention)
    assert (now.state, now.answered_at, now.solved_at) == (MentionState.OPEN, None, None)
    assert now.answer_due_at == mention.answer_due_at
    assert await answer_waits(here) == []


async def test_opening_again_keeps_an_answer_that_went_out_from_here(here: Care) -> None:
    mention = await here.hear()
    async with here.world.publishing():
        post_id = await reply(here, mention)
        assert await here.world.settled(post_id) is PostState.PUBLISHED
    answered = (await here.again(mention)).answered_at
    assert answered is not None
    for close in (here.triage.resolve, here.triage.dismiss):
        await close(DANA, mention.id)
        await here.triage.reopen(DANA, mention.id)
        assert (await here.again(mention)).answered_at == answered


async def test_a_reply_that_goes_out_after_resolve_is_an_answer_when_it_opens_again(
    here: Care,
) -> None:
    mention = await here.hear()
    post_id = await reply(here, mention)
    await here.triage.resolve(DANA, mention.id)
    async with here.world.publishing():
        assert await here.world.settled(post_id) is PostState.PUBLISHED
    resolved = (await here.again(mention)).answered_at
    await here.triage.reopen(DANA, mention.id)
    now = (await here.again(mention)).answered_at
    assert now is not None
    assert resolved is not None
    assert now > resolved


async def test_a_reply_to_what_was_said_before_is_no_answer_to_what_was_said_then(
    here: Care,
) -> None:
    mention = await here.hear()
    delivery = await solved_by_a_reply(here, mention)
    await here.hear("It still doesn't work.", kind=MentionKind.REPLY, answers=delivery.remote_id)
    await here.triage.resolve(DANA, mention.id)
    await here.triage.reopen(DANA, mention.id)
    assert (await here.again(mention)).answered_at is None


async def test_closed_is_closed_for_the_second_person_until_it_is_opened_again(here: Care) -> None:
    mention = await here.hear()
    await here.triage.dismiss(DANA, mention.id)
    for step in (
        here.triage.claim(DAN, mention.id),
        here.triage.release(DAN, mention.id),
        here.triage.resolve(DAN, mention.id),
        here.triage.dismiss(DAN, mention.id),
        here.triage.route(DAN, mention.id, "Care"),
        here.replying.start(DAN, mention.id),
    ):
        with pytest.raises(AlreadyDone, match="dismissed") as told:
            await step
        assert told.value.by == DANA.user_id
    await here.triage.reopen(DAN, mention.id)
    with pytest.raises(AlreadyDone, match="open already"):
        await here.triage.reopen(DANA, mention.id)
    await here.triage.resolve(DAN, mention.id)
    assert (await here.again(mention)).state is MentionState.RESOLVED


async def test_a_dismissal_keeps_its_reason(light: Care) -> None:
    mention = await light.hear()
    await light.triage.dismiss(DANA, mention.id)
    shown = await light.mentions.card(TEAM, mention.id)
    assert [(e.action, e.detail) for e in shown.history] == [("dismissed", "not negative")]


async def test_every_step_shows_on_the_card(light: Care) -> None:
    mention = await light.hear()
    seen = [await light.version(mention)]
    for step in (
        light.triage.claim(DANA, mention.id),
        light.triage.release(DANA, mention.id),
        light.triage.route(DANA, mention.id, "Care"),
        light.triage.resolve(DANA, mention.id),
        light.triage.reopen(DANA, mention.id),
        light.triage.dismiss(DANA, mention.id),
    ):
        await step
        seen.append(await light.version(mention))
    assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_a_doubtful_one_that_is_negative_gets_its_card(here: Care) -> None:
    mention = await here.hear(DOUBT)
    assert await here.owed(Card.MENTION) == []
    await here.triage.is_negative(DANA, mention.id)
    assert (await here.again(mention)).urgency is Urgency.ALERT
    [card] = await here.owed(Card.MENTION)
    assert card.subject_id == mention.id
    with pytest.raises(AlreadyDone):
        await here.triage.is_negative(DAN, mention.id)


async def test_another_workspace_sees_nothing(light: Care) -> None:
    mention = await light.hear()
    with pytest.raises(NotFound):
        await light.mentions.card("T2", mention.id)


async def test_a_reply_that_is_taken_for_uncertain_blocks_a_second_one(light: Care) -> None:
    mention = await light.hear()
    post_id = await reply(light, mention)
    async with light.world.database.transaction() as tx:
        await posts.touch(tx, [post_id], PostState.PUBLISHING, light.time.now())
    with pytest.raises(AlreadyDone, match="on its way") as told:
        await light.replying.start(DANA, mention.id)
    assert told.value.by == DANA.user_id


async def test_the_list_shows_open_ones_by_rank_in_pages(here: Care) -> None:
    for number in range(9):
        here.said(COMPLAINT, author=f"@angry{number}", ago=timedelta(minutes=number))
        here.said(DOUBT, author=f"@doubt{number}")
        here.said("Wonderful, I love it!", author=f"@glad{number}")
        here.said("Der Kaffee kam kalt an, das war leider nichts.", author=f"@german{number}")
    here.said("Lovely, thank you!", author="@old")
    await here.poll()
    for mention in await here.all():
        if mention.author == "@angry0":
            await here.triage.resolve(DANA, mention.id)
    first = await here.mentions.open_ones(DANA)
    assert first.counts == {0: 8, 1: 9, 2: 9, 3: 10}
    assert first.pages == 3
    every = [item for n in range(3) for item in (await here.mentions.open_ones(DANA, n)).items]
    assert [item.rank for item in every] == sorted(item.rank for item in every)
    assert len({item.mention.id for item in every}) == 36
    alerts = [item.mention.author for item in every if item.rank == 0]
    assert alerts == [f"@angry{number}" for number in range(1, 9)], "the newest first"
    assert (await here.mentions.open_ones(DANA, 99)).page == 2
    here.time.passes(timedelta(days=31))
    assert (await here.mentions.open_ones(DANA)).counts == {0: 8}
