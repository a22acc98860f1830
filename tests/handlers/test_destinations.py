"""A channel that takes no messages is reported once; what is owed there is kept and comes."""

import pytest

from bot.composing import PostForm
from bot.destinations import DestinationOverview
from bot.playground.block_kit import check_message
from bot.playground.records import Message
from bot.playground.seed import ANA, APPROVALS, EVA, SOCIAL
from handlers.notices import DEAD
from handlers.views.destinations import WHY, dead_channel
from tests.handlers.stage import Stage, labels_of, text_of
from tests.handlers.test_posts import changed, later, person
from tests.servers.eventually import eventually


def told(stage: Stage) -> list[Message]:
    """What the admin was told, oldest first."""
    return stage.messages(stage.slack.workspace.im_with_app(EVA).id)


async def submit(stage: Stage, text: str) -> None:
    """A post whose card is owed, whether or not it arrives."""
    start = await stage.services.drafting.start(person(ANA))
    form = PostForm(text, tuple(start.chosen), **later(1))  # type: ignore[arg-type]  # its time
    await stage.services.drafting.submit(person(ANA), form)


async def shut_out(stage: Stage, text: str) -> Message:
    """The bot is thrown out of the approvals' channel, a post is owed there, the admin is told."""
    stage.slack.people.leave_channel(stage.slack.workspace.app.bot_user_id, APPROVALS)
    before = len(told(stage))
    await submit(stage, text)

    async def look() -> list[Message]:
        return told(stage)[before:]

    [message] = await eventually(look)
    return message


async def test_a_dead_channel_is_told_once_and_counts_what_is_kept(stage: Stage) -> None:
    message = await shut_out(stage, "First")
    message = await changed(stage, message, "1 message is kept")
    assert f"<#{APPROVALS}>" in message.text
    assert "/invite @Socialdesk" in text_of(message)
    assert labels_of(message) == ["Open the set-up"]
    await submit(stage, "Second")
    await changed(stage, message, "2 messages are kept")
    assert len(told(stage)) == 1


async def test_once_the_bot_is_invited_everything_kept_comes_and_the_message_says_so(
    stage: Stage,
) -> None:
    message = await shut_out(stage, "First")
    await submit(stage, "Second")
    await changed(stage, message, "2 messages are kept")
    stage.slack.people.join_channel(stage.slack.workspace.app.bot_user_id, APPROVALS)
    await stage.message(APPROVALS, "First")
    await stage.message(APPROVALS, "Second")
    message = await changed(stage, message, "again. Nothing was lost")
    assert labels_of(message) == []
    assert len(told(stage)) == 1


async def test_the_next_death_is_a_new_message(stage: Stage) -> None:
    first = await shut_out(stage, "First")
    stage.slack.people.join_channel(stage.slack.workspace.app.bot_user_id, APPROVALS)
    await changed(stage, first, "again. Nothing was lost")
    second = await shut_out(stage, "Second")
    assert second.ts != first.ts
    assert "again. Nothing was lost" in text_of(told(stage)[0])


async def test_another_channel_takes_what_was_kept(stage: Stage) -> None:
    message = await shut_out(stage, "First")
    await stage.press(EVA, message, "Open the set-up")
    form = await stage.modal(EVA, "setup")
    assert (await stage.submit(form, approvals=SOCIAL)).ok
    await stage.message(SOCIAL, "First")
    message = await changed(stage, message, "Nothing waits for it")
    assert labels_of(message) == []


@pytest.mark.parametrize("problem", [None, "something_new", *sorted(DEAD)])
@pytest.mark.parametrize("place", ["C0SOCIAL001", "U0ANA000001"])
@pytest.mark.parametrize("kept", [0, 1, 7])
def test_whatever_slack_says_the_message_is_one_that_slack_takes(
    place: str, problem: str | None, kept: int
) -> None:
    text, blocks = dead_channel(DestinationOverview(place, problem, kept))
    check_message(blocks, text=text)
    can_choose = problem is not None and kept > 0 and place.startswith("C")
    assert any(block["type"] == "actions" for block in blocks) is can_choose


def test_every_refusal_has_its_reason_in_words() -> None:
    assert set(WHY) == DEAD
