"""Replies to mentions that need an approval: nothing goes out before it, and the card says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.approvals import Decision
from bot.errors import AlreadyDone, FieldErrors, NotAllowed, UserError
from storage.records import Card, Mention, Post, PostState, Scope, Step, Verdict
from tests.unit.care import DANA, Care, care
from tests.unit.deciding import set_rules
from tests.unit.test_triage import reply
from tests.unit.world import ANA, BEN, TEAM


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Care]:
    """On both databases; replies need any one approver."""
    async with care(database_url, tmp_path) as made:
        await set_rules(made.world, Step(""), replies=True)
        yield made


async def decide(here: Care, post: Post, verdict: Verdict = Verdict.APPROVED) -> Decision:
    return await here.world.approvals.decide(
        BEN, post.id, verdict, revision_id=post.revision_id, comment="Kinder, please"
    )


async def states(here: Care, mention: Mention) -> list[PostState]:
    return [one.post.state for one in (await here.mentions.card(TEAM, mention.id)).replies]


async def test_a_reply_goes_out_once_it_is_approved_and_not_before(here: Care) -> None:
    mention = await here.hear()
    async with here.world.publishing():
        post = await here.world.post(await reply(here, mention, "I'm sorry, Mia.", resolves=True))
        assert post.state is PostState.IN_REVIEW
        assert await here.world.deliveries(post.id) == []
        assert len(await here.owed(Card.APPROVAL)) == 1
        await decide(here, post)
        assert await here.world.settled(post.id) is PostState.PUBLISHED
    assert list(here.world.network.live.values()) == ["I'm sorry, Mia."]
    did = [action for _, action in await here.did(mention)]
    assert did == ["claimed", "asked to reply", "answered", "resolved"]


async def test_while_one_waits_no_second_reply_is_begun(here: Care) -> None:
    mention = await here.hear()
    await reply(here, mention)
    with pytest.raises(AlreadyDone, match="waits for approval"):
        await reply(here, mention)


async def test_who_wrote_a_reply_does_not_approve_it(here: Care) -> None:
    mention = await here.hear()
    post = await here.world.post(await reply(here, mention))
    with pytest.raises(NotAllowed):
        await here.world.approvals.decide(
            DANA, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )


@pytest.mark.parametrize("verdict", [Verdict.CHANGES_REQUESTED, Verdict.REJECTED])
async def test_what_was_sent_back_comes_up_again_in_the_form(here: Care, verdict: Verdict) -> None:
    mention = await here.hear()
    post = await here.world.post(await reply(here, mention, "Calm down."))
    await decide(here, post, verdict)
    start = await here.replying.start(DANA, mention.id)
    assert start.text == "Calm down."
    await reply(here, mention, "I'm sorry.")
    assert await states(here, mention) == [PostState(verdict.value), PostState.IN_REVIEW]


async def test_a_responder_takes_back_a_reply_that_waits(here: Care) -> None:
    mention = await here.hear()
    post_id = await reply(here, mention)
    await here.world.scheduling.cancel(DANA, post_id)
    assert await states(here, mention) == [PostState.CANCELLED]
    await reply(here, mention)


async def test_a_reply_is_not_made_a_post_of_by_editing_or_moving_it(here: Care) -> None:
    mention = await here.hear()
    post_id = await reply(here, mention)
    with pytest.raises(UserError, match="reply to a mention"):
        await here.world.drafting.start_edit(ANA, post_id)
    with pytest.raises(UserError, match="no time of its own"):
        await here.world.scheduling.movable(ANA, post_id)


async def test_where_no_rule_asks_for_it_replies_go_out_at_once(here: Care) -> None:
    await set_rules(here.world, Step(""))
    mention = await here.hear()
    post = await here.world.post(await reply(here, mention))
    assert post.state is PostState.SCHEDULED
    await set_rules(
        here.world,
        Step(""),
        scope=Scope.ACCOUNT,
        scope_id=here.world.account.id,
        replies=True,
    )
    assert await here.replying.needs_approval(
        TEAM, (await here.mentions.card(TEAM, mention.id)).choice
    )


async def test_a_reply_that_is_too_long_is_refused_at_its_field_as_ever(here: Care) -> None:
    mention = await here.hear()
    with pytest.raises(FieldErrors):
        await reply(here, mention, "x" * 301)
