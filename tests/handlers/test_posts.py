"""What is pressed on cards, in the queue and in an author's messages."""

import asyncio
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from PIL import Image

from bot.composing import PostForm
from bot.playground.block_kit import check_message
from bot.playground.faults import ApiTrouble
from bot.playground.records import Message
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, EVA, TEAM
from bot.scheduling import NewTime, QueueItem
from bot.team import Person
from bot.times import spoken
from handlers.views.queue import queue_blocks
from storage import media
from storage.records import Picture, When
from tests.handlers.shown_posts import NOW, account, shown
from tests.handlers.stage import Stage, inputs_of, labels_of, text_of
from tests.servers.eventually import eventually


def person(user: str) -> Person:
    return Person(TEAM.id, user)


async def asked(stage: Stage, text: str, **time: object) -> Message:
    """A post that waits for approval; its card."""
    start = await stage.services.drafting.start(person(ANA))
    form = PostForm(text, tuple(start.chosen), **time)  # type: ignore[arg-type]  # a time's fields
    await stage.services.drafting.submit(person(ANA), form)
    return await stage.message(APPROVALS, text)


def later(hours: float) -> dict[str, object]:
    return {"when": When.AT, "at": datetime.now(UTC) + timedelta(hours=hours)}


async def a_picture(stage: Stage) -> Picture:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "PNG")
    medium = stage.services.media.keep(TEAM.id, "dot.png", content.getvalue(), datetime.now(UTC))
    async with stage.services.database.transaction() as tx:
        await media.insert(tx, medium)
    return Picture(medium.sha256, "A dot")


async def changed(stage: Stage, card: Message, containing: str) -> Message:
    async def look() -> Message | None:
        now = stage.slack.workspace.message(card.channel, card.ts)
        return now if containing in text_of(now) else None

    found = await eventually(look)
    assert found is not None
    return found


async def test_a_card_that_was_passed_by_says_who_was_first(stage: Stage) -> None:
    card = await asked(stage, "One decision", **later(1))
    await stage.press(BEN, card, "Approve")
    await changed(stage, card, "Approved and scheduled")
    await stage.press(CHIDI, card, "Approve")
    told = await stage.whispered(CHIDI, "Your press changed nothing", APPROVALS)
    assert f"<@{BEN}> approved" in text_of(told)


async def test_a_moved_time_has_to_be_seen_before_it_is_approved(stage: Stage) -> None:
    card = await asked(stage, "Moving", **later(1))
    [item], _ = await stage.services.scheduling.coming(person(ANA))
    await stage.services.scheduling.reschedule(
        person(ANA), item.post.id, NewTime(When.AT, datetime.now(UTC) + timedelta(hours=5))
    )
    await stage.press(BEN, card, "Approve")
    await stage.whispered(BEN, "The time of this post was changed", APPROVALS)


async def test_a_comment_form_on_a_post_that_changed_keeps_the_comment(stage: Stage) -> None:
    card = await asked(stage, "First words", **later(1))
    await stage.press(BEN, card, "Request changes")
    form = await stage.modal(BEN, "comment_form")
    [item], _ = await stage.services.scheduling.coming(person(ANA))
    content = PostForm("Other words", item.revision.content.account_ids)
    await stage.services.drafting.submit(
        person(ANA), content, post_id=item.post.id, revision_id=item.revision.id
    )
    await stage.submit(form, comment="Not quite")
    again = await stage.modal(BEN, "changed since you were shown it")
    assert inputs_of(again)[0]["element"]["initial_value"] == "Not quite"


async def test_a_network_that_asks_to_wait_is_told_of_and_shown_on_the_card(stage: Stage) -> None:
    async with stage.sandbox() as sandbox:
        fault = {"kind": "429", "method": "POST", "path": "/api/posts"}
        assert (await sandbox.post("/control/faults", json=fault)).is_success
        card = await asked(stage, "Patience")
        await stage.press(BEN, card, "Approve")
        await changed(stage, card, "next try")
        told = await stage.message(ANA, "It is tried again by itself")
        assert labels_of(told) == []


async def failed(stage: Stage) -> tuple[Message, Callable[[], None]]:
    """A post of which nothing went out: a picture vanished from the folder; its card, and what
    brings the picture back."""
    start = await stage.services.drafting.start(person(ANA))
    picture = await a_picture(stage)
    form = PostForm("With a picture", tuple(start.chosen), pictures=(picture,))
    await stage.services.drafting.submit(person(ANA), form)
    card = await stage.message(APPROVALS, "With a picture")
    await changed(stage, card, "Description: A dot")
    file = stage.settings.data_dir / "media" / picture.sha256[:2] / picture.sha256
    data = file.read_bytes()
    file.unlink()
    await stage.press(BEN, card, "Approve")
    card = await changed(stage, card, "Not published")

    def bring_back() -> None:
        file.write_bytes(data)

    return card, bring_back


async def test_what_failed_is_told_with_a_button_that_tries_again(stage: Stage) -> None:
    card, bring_back = await failed(stage)
    told = await stage.message(ANA, "didn't go out")
    assert "missing from the media folder" in text_of(told)
    bring_back()
    await stage.press(ANA, told, "Try again")
    await changed(stage, card, "See it")
    await stage.message(ANA, "Published")


async def test_what_failed_is_changed_and_asked_for_again(stage: Stage) -> None:
    card, _ = await failed(stage)
    told = await stage.message(ANA, "didn't go out")
    await stage.press(ANA, told, "Edit it")
    await stage.submit(await stage.modal(ANA, "draft"), text="Without a picture", kept=[])
    card = await changed(stage, card, "Without a picture")
    assert labels_of(await changed(stage, told, "Waiting for approval")) == []
    await stage.press(BEN, card, "Approve")
    await changed(stage, card, "See it")


async def test_what_failed_is_cancelled_and_not_asked_about_any_more(stage: Stage) -> None:
    card, _ = await failed(stage)
    told = await stage.message(ANA, "didn't go out")
    assert "didn't go out" in text_of(await stage.open_home(ANA, "Yours to mend"))
    await stage.press(ANA, card, "post_menu", "Cancel this post")
    await changed(stage, card, "Cancelled")
    assert labels_of(await changed(stage, told, "Cancelled")) == []

    async def nothing_to_mend() -> bool:
        return "Yours to mend" not in text_of(await stage.open_home(ANA))

    await eventually(nothing_to_mend)


async def test_a_cancelled_post_is_brought_back_by_editing_it(stage: Stage) -> None:
    card = await asked(stage, "Not now", **later(3))
    await stage.press(ANA, card, "post_menu", "Cancel this post")
    cancelled = await changed(stage, card, "Cancelled")
    await stage.press(ANA, cancelled, "post_menu", "Edit")
    await stage.submit(await stage.modal(ANA, "draft"), when="now")
    assert "Approve" in labels_of(await changed(stage, card, "Waiting for approval"))


async def test_rescheduling_shows_what_it_understood_before_it_counts(stage: Stage) -> None:
    card = await asked(stage, "When, exactly?", **later(3))
    await stage.press(BEN, card, "post_menu", "Reschedule")
    form = await stage.modal(BEN, "reschedule")
    await stage.press(BEN, form, "when", "In words")
    form = await stage.modal(BEN, "Time in words")
    refused = await stage.submit(form, words="5/6 9:00")
    assert "two ways" in dict(refused.errors)["words"]
    await stage.submit(form, words="in 2 hours")
    form = await stage.modal(BEN, "If that's right")
    await stage.submit(form)
    await stage.no_modal(BEN)
    await changed(stage, card, "changed the time")


async def no_trouble_left(stage: Stage) -> bool:
    return not stage.slack.faults.pending()["calls"]


async def test_of_two_quick_changes_in_a_form_the_later_one_is_shown(stage: Stage) -> None:
    """Both come from the form as it was before either was shown: first a date, then a time."""
    card = await asked(stage, "When, exactly?", **later(3))
    await stage.press(BEN, card, "post_menu", "Reschedule")
    form = await stage.modal(BEN, "reschedule")
    wanted = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20)
    moments = [wanted + timedelta(hours=hours) for hours in (0, 1, 2)]
    stage.slack.faults.trouble_calls("views.update", ApiTrouble.SLOW, seconds=0.5)
    for moment in moments:
        await stage.press(BEN, form, "at", str(int(moment.timestamp())))
        await eventually(lambda: no_trouble_left(stage))  # the first is being shown
    shown = await stage.modal(BEN, spoken(moments[-1], ZoneInfo("America/New_York")))
    # What a form has become meanwhile, by submitting it for one, isn't undone.
    await stage.press(BEN, shown, "when", "In words")
    form = await stage.modal(BEN, "Time in words")
    stage.slack.faults.trouble_calls("views.update", ApiTrouble.SLOW, seconds=0.5)
    await stage.press(BEN, form, "words", "in 2 hours")
    await stage.submit(form, words="in 2 hours")
    await stage.settled()
    await stage.modal(BEN, "If that's right")


async def test_posting_times_are_changed_by_an_admin_and_shown_to_others(stage: Stage) -> None:
    await stage.command(ANA, "/social slots")
    shown_to_ana = await stage.modal(ANA, "An admin can change them")
    assert "9:00, 12:00, 16:00 (Europe/Berlin)" in text_of(shown_to_ana)
    await stage.command(EVA, "/social slots")
    form = await stage.modal(EVA, "slots")
    days, times = (block["block_id"] for block in inputs_of(form) if ":" in block["block_id"])
    wrong = await stage.submit_fields(form, {times: "9 o'clockish"})
    assert times in dict(wrong.errors)
    none = await stage.submit_fields(form, {times: ","})
    assert times in dict(none.errors)
    await stage.submit_fields(form, {days: ["Wednesday"], times: "10:15"})
    await stage.no_modal(EVA)
    await stage.command(ANA, "/social slots")
    await stage.modal(ANA, "Wednesday: 10:15")


async def test_an_empty_queue_offers_to_write(stage: Stage) -> None:
    await stage.command(ANA, "/social queue")
    queue = await stage.whispered(ANA, "Nothing is coming")
    await stage.press(ANA, queue, "Write a post")
    await stage.modal(ANA, "draft")


def test_a_long_queue_stays_within_a_message_and_says_how_many_are_left() -> None:
    post = shown({f"account{n}": "word & word " * 20 for n in range(9)})
    known = [account(n) for n in range(9)]
    item = QueueItem(post.post, post.revision, [choice.account for choice in known])
    labels = {choice.account.id: "A network · @a-long-handle" for choice in known}
    blocks = queue_blocks([item] * 40, labels, 60, now=NOW - timedelta(hours=1))
    check_message(blocks, text="What is coming")
    left = text_of_blocks(blocks[-1])
    assert left == f"… and {60 - (len(blocks) - 2)} later."


def text_of_blocks(block: dict[str, object]) -> object:
    return block["elements"][0]["text"]  # type: ignore[index]  # a context block


async def test_pressing_approve_twice_publishes_once(stage: Stage) -> None:
    card = await asked(stage, "Double click")
    await asyncio.gather(stage.press(BEN, card, "Approve"), stage.press(BEN, card, "Approve"))
    await changed(stage, card, "See it")
    async with stage.sandbox() as sandbox:
        page = (await sandbox.get("/")).text
    assert page.count("Double click") == 1
