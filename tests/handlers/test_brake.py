"""Pausing and resuming in Slack: quick to pull, said where people look, and nothing lost."""

from datetime import UTC, datetime, timedelta

from bot.composing import PostForm
from bot.playground.records import Message
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, DANA, EVA, SOCIAL, TEAM
from bot.team import Person
from storage.records import Verdict, When
from tests.handlers.stage import Stage, inputs_of, labels_of, text_of
from tests.servers.eventually import eventually


def person(user: str) -> Person:
    return Person(TEAM.id, user)


async def approved(stage: Stage, text: str, *, hours: float = 0, author: str = ANA) -> Message:
    """A post that is approved, now due or later; its card."""
    await approve(stage, text, hours=hours, author=author)
    return await stage.message(APPROVALS, text)


async def approve(stage: Stage, text: str, *, hours: float = 0, author: str = ANA) -> None:
    """The same without waiting for the card."""
    start = await stage.services.drafting.start(person(author))
    when = When.AT if hours else When.NOW
    at = datetime.now(UTC) + timedelta(hours=hours) if hours else None
    form = PostForm(text, tuple(start.chosen), when=when, at=at)
    post = (await stage.services.drafting.submit(person(author), form)).post
    await stage.services.approvals.decide(
        person(CHIDI), post.id, Verdict.APPROVED, revision_id=post.revision_id
    )


async def changed(stage: Stage, message: Message, containing: str) -> Message:
    async def look() -> Message | None:
        now = stage.slack.workspace.message(message.channel, message.ts)
        return now if containing in text_of(now) else None

    found = await eventually(look)
    assert found is not None
    return found


async def told(stage: Stage, who: str, containing: str) -> list[Message]:
    """All direct messages of the bot that show this text."""
    im = stage.slack.workspace.im_with_app(who).id
    return [message for message in stage.messages(im) if containing in text_of(message)]


async def test_a_reason_in_the_command_pauses_everything_at_once(stage: Stage) -> None:
    await stage.command(DANA, "/social pause A recall :rotating_light: & an <order>")
    await stage.whispered(DANA, "Publishing is paused everywhere")
    card = await stage.message(APPROVALS, "Publishing is paused everywhere.")
    assert "A recall 🚨 &amp; an &lt;order&gt;" in text_of(card)
    assert "Dana Weber" in text_of(card)
    assert labels_of(card) == ["Resume publishing", "What is held"]
    await stage.command(BEN, "/social pause Me too")
    late = await stage.whispered(BEN, "Publishing is paused there already")
    assert f"<@{DANA}> paused it" in text_of(late)
    assert len([m for m in stage.messages(APPROVALS) if "is paused" in text_of(m)]) == 1


async def test_who_asks_for_approval_meanwhile_is_told(stage: Stage) -> None:
    await stage.command(DANA, "/social pause A recall")
    await stage.whispered(DANA, "Publishing is paused everywhere")
    await stage.command(ANA, "/social draft Hello")
    await stage.submit(await stage.modal(ANA, "draft"), when="now")
    told = text_of(await stage.whispered(ANA, "It waits for approval"))
    assert f"Publishing is paused everywhere by <@{DANA}>" in told
    assert "What comes due there is held." in told


async def test_from_home_everything_is_held_with_two_presses(stage: Stage) -> None:
    home = await stage.open_home(ANA, "Pause publishing")
    await stage.press(ANA, home, "Pause publishing")
    form = await stage.modal(ANA, "pause")
    nothing = await stage.submit(form, reason=" ")
    assert "reason" in dict(nothing.errors)
    assert (await stage.submit(form, reason="Recall")).ok
    shown = await stage.home(ANA, "Publishing is paused everywhere by")
    assert "Pause publishing" not in labels_of(shown)
    assert "Resume publishing" not in labels_of(shown)
    approver = await stage.open_home(BEN, "“Recall”")
    assert labels_of(approver)[:2] == ["Resume publishing", "What is held"]


async def test_without_a_reason_it_asks_what_to_pause_and_why(stage: Stage) -> None:
    await stage.command(ANA, "/social pause")
    form = await stage.modal(ANA, "pause")
    assert (await stage.submit(form, where="Only Sandbox · @acorn", reason="Wrong logo")).ok
    await stage.message(APPROVALS, "Publishing is paused on Sandbox · @acorn.")
    await stage.command(BEN, "/social pause")
    again = await stage.modal(BEN, "Wrong logo")
    [where] = [block for block in inputs_of(again) if block["block_id"] == "where"]
    assert len(where["element"]["options"]) == 1


async def test_it_is_said_where_people_look_and_what_comes_due_is_held(stage: Stage) -> None:
    await stage.command(BEN, "/social pause Recall")
    await stage.message(APPROVALS, "Publishing is paused")
    first = await approved(stage, "Fresh beans")
    second = await approved(stage, "Old beans")
    for card in (first, second):
        held = await changed(stage, card, "*Held*")
        assert "came due while publishing was paused by Ben Okafor (“Recall”)" in text_of(held)
        assert "Was due" in text_of(held)
        assert "Try again" not in labels_of(held)
    mine = await stage.message(ANA, "*2 of your posts are held.*")
    assert len(await told(stage, ANA, "held")) == 1
    assert labels_of(mine) == ["Drop all 2"]
    await stage.command(ANA, "/social queue")
    queue = text_of(await stage.whispered(ANA, "What is coming"))
    assert queue.index("Publishing is paused everywhere") < queue.index("Fresh beans")
    assert queue.count(":double_vertical_bar: held") == 2
    home = await stage.open_home(ANA, "2 of your posts are held")
    assert "“Recall”" in text_of(home)


async def test_resuming_shows_what_was_held_and_lets_all_of_it_go(stage: Stage) -> None:
    await stage.command(ANA, "/social pause Recall")
    pulled = await stage.message(APPROVALS, "Publishing is paused")
    cards = [await approved(stage, text) for text in ("Fresh beans", "Old beans")]
    await approved(stage, "Tomorrow's beans", hours=24)
    await stage.message(ANA, "*2 of your posts are held.*")
    await stage.press(BEN, pulled, "Resume publishing")
    form = await stage.modal(BEN, "2 posts came due meanwhile")
    assert "Fresh beans" in text_of(form)
    assert "1 post that isn't due yet goes out as planned" in text_of(form)
    assert "Tomorrow's beans" not in text_of(form)
    assert (await stage.submit(form, held="Publish all of it now")).ok
    after = await stage.modal(BEN, "Publishing goes on. 2 let go.")
    assert "Nothing is held" in text_of(after)
    for card in cards:
        await changed(stage, card, "See it")
    record = await changed(stage, pulled, "Publishing goes on everywhere.")
    assert "Ben Okafor resumed it" in text_of(record)
    assert "2 posts were held meanwhile" in text_of(record)
    assert labels_of(record) == []
    done = await stage.message(ANA, "Nothing of yours is held any more.")
    assert text_of(done).count("Ben Okafor let it go out") == 2
    assert len(await told(stage, ANA, "held")) == 1


async def test_what_is_left_held_is_settled_one_by_one(stage: Stage) -> None:
    await stage.command(ANA, "/social pause Recall")
    out = await approved(stage, "Fresh beans")
    moved = await approved(stage, "Old beans")
    dropped = await approved(stage, "No beans")
    await stage.message(ANA, "*3 of your posts are held.*")
    await stage.command(BEN, "/social resume")
    form = await stage.modal(BEN, "3 posts came due meanwhile")
    assert (await stage.submit(form)).ok
    shown = await stage.modal(BEN, "3 posts are held")
    await stage.press(BEN, shown, "held_menu", "Publish now", within="Fresh beans")
    shown = await stage.modal(BEN, "2 posts are held")
    assert "1 let go." in text_of(shown)
    await stage.press(BEN, shown, "held_menu", "Next free time", within="Old beans")
    shown = await stage.modal(BEN, "1 post is held")
    await stage.press(BEN, shown, "held_menu", "Drop", within="No beans")
    await stage.modal(BEN, "Nothing is held")
    await changed(stage, out, "See it")
    await changed(stage, moved, "Approved and scheduled")
    cancelled = await changed(stage, dropped, "*Cancelled*")
    assert "Ben Okafor dropped what was held" in text_of(cancelled)


async def test_only_who_may_approve_resumes_and_the_second_learns_who(stage: Stage) -> None:
    await stage.command(ANA, "/social pause Recall")
    pulled = await stage.message(APPROVALS, "Publishing is paused")
    await stage.command(ANA, "/social resume")
    await stage.whispered(ANA, "To resume publishing you need the role admin or approver")
    await stage.press(ANA, pulled, "Resume publishing")
    await stage.whispered(ANA, "To resume publishing", APPROVALS)
    await stage.press(BEN, pulled, "Resume publishing")
    form = await stage.modal(BEN, "Nothing came due meanwhile")
    await stage.press(CHIDI, pulled, "Resume publishing")
    other = await stage.modal(CHIDI, "Nothing came due meanwhile")
    assert (await stage.submit(form)).ok
    await stage.no_modal(BEN)
    await stage.submit(other)
    late = await stage.modal(CHIDI, "Publishing goes on already")
    assert f"<@{BEN}> resumed it" in text_of(late)
    await stage.command(EVA, "/social resume")
    await stage.modal(EVA, "Publishing isn't paused.")


async def test_of_several_brakes_one_is_released(stage: Stage) -> None:
    await stage.command(ANA, "/social pause Recall")
    await stage.message(APPROVALS, "Publishing is paused everywhere.")
    await stage.command(ANA, "/social pause")
    form = await stage.modal(ANA, "pause")
    assert (await stage.submit(form, reason="Wrong logo")).ok
    await stage.message(APPROVALS, "Publishing is paused on Sandbox · @acorn.")
    await stage.command(BEN, "/social resume")
    both = await stage.modal(BEN, "Wrong logo")
    assert (await stage.submit(both, brakes=["Everything, on every account"])).ok
    await stage.message(APPROVALS, "Publishing goes on everywhere.")
    home = await stage.open_home(BEN, "Publishing is paused on Sandbox · @acorn")
    assert "Recall" not in text_of(home)


async def test_help_names_the_brake(stage: Stage) -> None:
    await stage.command(ANA, "/social help")
    shown = text_of(await stage.whispered(ANA, "/social pause", SOCIAL))
    for line in ("/social pause <reason>", "/social resume", "/social held"):
        assert line.replace("<", "&lt;").replace(">", "&gt;") in shown or line in shown
