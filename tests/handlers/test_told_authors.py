"""An author hears what others do with their posts, each time anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.composing import PostForm
from bot.playground.records import Message
from bot.playground.seed import ANA, APPROVALS, BEN, TEAM
from bot.team import Person
from handlers.views.approvals import time_line
from storage import posts
from storage.records import PostState, When
from tests.handlers.shown_posts import shown
from tests.handlers.stage import Stage, text_of
from tests.handlers.test_posts import changed
from tests.servers.eventually import eventually


def told_directly(stage: Stage, who: str) -> list[str]:
    place = stage.slack.workspace.im_with_app(who).id
    return [text_of(message) for message in stage.messages(place)]


async def asked(stage: Stage, text: str) -> Message:
    """A post of Ana's, for tomorrow; its card."""
    person = Person(TEAM.id, ANA)
    start = await stage.services.drafting.start(person)
    at = datetime.now(UTC) + timedelta(days=1)
    form = PostForm(text, tuple(start.chosen), when=When.AT, at=at)
    await stage.services.drafting.submit(person, form)
    return await stage.message(APPROVALS, text)


async def test_a_post_that_another_cancels(stage: Stage) -> None:
    card = await asked(stage, "Spring menu")
    await stage.press(BEN, card, "post_menu", "Cancel this post")
    told = await stage.message(ANA, f"<@{BEN}> cancelled your post")
    assert "Spring menu" in text_of(told)
    head = text_of(await changed(stage, card, "Cancelled"))
    assert "by *Ben Okafor* · written by *Ana Novak*" in head
    await stage.press(ANA, told, "Edit it and ask again")
    await stage.submit(await stage.modal(ANA, "draft"), text="Spring menu, again")
    await changed(stage, card, "Spring menu, again")


async def test_what_they_do_themselves_they_know(stage: Stage) -> None:
    card = await asked(stage, "Mine")
    await stage.press(ANA, card, "post_menu", "Cancel this post")
    await stage.message(APPROVALS, "*Cancelled* · by *Ana Novak*")
    await stage.settled()
    assert not [said for said in told_directly(stage, ANA) if "cancelled" in said]


async def test_a_post_that_another_moves_or_edits(stage: Stage) -> None:
    card = await asked(stage, "Summer menu")
    await stage.press(BEN, card, "post_menu", "Reschedule")
    form = await stage.modal(BEN, "Reschedule")
    await stage.submit(form, when="next_free")
    await stage.message(ANA, f"<@{BEN}> moved your post")
    await stage.press(BEN, card, "post_menu", "Edit")
    await stage.submit(await stage.modal(BEN, "draft"), text="Autumn menu")
    told = await stage.message(ANA, f"<@{BEN}> edited your post")
    assert "Autumn menu" in text_of(told)
    await stage.press(ANA, told, "Open")
    await stage.modal(ANA, "Autumn menu")


async def test_each_time_changes_are_asked_for_there_is_a_new_message(stage: Stage) -> None:
    card = await asked(stage, "One")
    for number, wish in enumerate(("Shorter", "Longer"), start=1):
        await stage.press(BEN, card, "Request changes")
        await stage.submit(await stage.modal(BEN, "comment_form"), comment=wish)
        told = await stage.message(ANA, wish)
        await stage.press(ANA, told, "Edit it")
        await stage.submit(await stage.modal(ANA, "draft"), text=f"Try {number}")
        card = await changed(stage, card, f"Try {number}")

    async def two_messages() -> bool:
        said = told_directly(stage, ANA)
        return any("Try 2" in one for one in said) and any("newer message" in one for one in said)

    await eventually(two_messages)


async def test_moving_an_approved_post_says_that_it_needs_approval_again(stage: Stage) -> None:
    card = await asked(stage, "Approved one")
    await stage.press(BEN, card, "Approve")
    card = await changed(stage, card, "Approved and scheduled")
    await stage.press(ANA, card, "post_menu", "Reschedule")
    assert "Its new time has to be approved too" in text_of(await stage.modal(ANA, "Reschedule"))
    await stage.press(BEN, card, "post_menu", "Reschedule")
    assert "has to be approved" not in text_of(await stage.modal(BEN, "Reschedule"))


async def two_cancelled(stage: Stage) -> Message:
    """Two of Ana's posts that Ben cancels at once; what she is told."""
    await asked(stage, "First")
    await asked(stage, "Second")
    async with stage.services.database.reading() as tx:
        found = await posts.waiting(tx, stage.bot.team_id)
    for post in found:
        await stage.services.scheduling.cancel(Person(TEAM.id, BEN), post.id)
    return await stage.message(ANA, "2 of your posts need a look")


async def test_several_at_once_are_one_message_that_says_what_happened_to_each(
    stage: Stage,
) -> None:
    told = await two_cancelled(stage)
    assert text_of(told).count(f"<@{BEN}> cancelled your post") == 2
    await stage.press(ANA, told, "Edit it and ask again", within="First")
    await stage.submit(await stage.modal(ANA, "draft"), text="First, again")
    left = await stage.message(ANA, "1 of your posts needs a look")
    assert "Second" in text_of(left)
    assert "First" not in text_of(left)


async def test_what_leaves_such_a_message_has_one_of_its_own_again(stage: Stage) -> None:
    told = await two_cancelled(stage)
    for name in ("First", "Second"):
        await stage.press(ANA, told, "Edit it and ask again", within=name)
        await stage.submit(await stage.modal(ANA, "draft"), text=f"{name}, again")
        card = await stage.message(APPROVALS, f"{name}, again")
        await stage.press(BEN, card, "Request changes")
        await stage.submit(await stage.modal(BEN, "comment_form"), comment=f"{name}: shorter")
        own = await stage.message(ANA, f"{name}: shorter")
        assert own.ts != told.ts


def test_what_is_called_off_promises_nothing() -> None:
    for state in (PostState.CANCELLED, PostState.REJECTED):
        post = shown(state=state)
        assert (
            time_line(replace(post, post=replace(post.post, due_at=None))) == "It doesn't go out."
        )
