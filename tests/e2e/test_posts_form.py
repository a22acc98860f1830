"""The draft form in Chromium: what is typed, chosen, refused, kept and understood."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, expect

from bot.playground.mrkdwn import clock
from bot.playground.seed import ANA, APPROVALS, BEN, TEAM
from bot.team import Person
from bot.times import spoken
from tests.e2e.stage import (
    Stage,
    choose,
    dialog,
    messages,
    pick,
    png,
    problem_at,
    refused,
    text_of,
    write,
)
from tests.servers.chromium import PHONE, screenshot
from tests.servers.eventually import eventually

pytestmark = pytest.mark.browser

ASK = "Ask for approval"


async def test_what_is_wrong_is_said_beside_its_field_and_times_are_confirmed(
    stage: Stage,
) -> None:
    await stage.connect("sandbox", handle="mia", password="mia-sandbox")
    ana = await stage.tab(ANA)
    await write(ana, "/social draft")
    form = dialog(ana, "Write a post")
    await form.get_by_label("Sandbox · @acorn").check()
    await form.get_by_label("Sandbox · @mia").check()
    await text_of(form).fill("x" * 301)
    await form.get_by_role("button", name="Check").click()
    await expect(form.get_by_text("301 / 300")).to_have_count(1)
    await expect(form).to_contain_text("Sandbox · @mia 301 / 300")
    await refused(form, ASK, "text", "Sandbox")
    await expect(problem_at(form, "text")).to_contain_text("1 ")
    await screenshot(ana, "posts-over-the-limit")

    await text_of(form).fill("Party :partyparrot: at five")
    await refused(form, ASK, "text", "partyparrot")
    await text_of(form).fill("Party at five")

    await pick(form, "When", "In words")
    words = form.get_by_label("Time in words")
    for typed, said in (
        ("5/6 9:00", "5 June"),
        ("yesterday 9:00", " ago "),
        ("30 February 9:00", "30 February"),
    ):
        await words.fill(typed)
        await refused(form, ASK, "words", said)
    await screenshot(ana, "posts-impossible-time")
    await words.fill("in 2 hours")
    await form.get_by_role("button", name=ASK).click()
    await expect(form).to_contain_text("If that's right, press Yes: ")
    await screenshot(ana, "posts-time-to-confirm")
    await form.get_by_role("button", name=re.compile("^Yes: ")).click()
    await expect(form).to_be_hidden()
    await expect(messages(ana, "It waits for approval")).to_contain_text(
        "Once approved, it goes out"
    )
    ben = await stage.tab(BEN, APPROVALS)
    card = messages(ben, "Party at five")
    await expect(card).to_contain_text("Sandbox · @acorn, Sandbox · @mia")


async def set_to(form: Locator, moment: datetime) -> None:
    """Set the date and time picker, in the person's own zone."""
    await form.get_by_label("Date and time: date").fill(f"{moment:%Y-%m-%d}")
    await form.get_by_label("Date and time: time").fill(f"{moment:%H:%M}")


async def due(stage: Stage) -> list[datetime | None]:
    items, _ = await stage.services.scheduling.coming(Person(TEAM.id, ANA))
    return [item.post.due_at for item in items]


async def test_a_date_and_a_time_are_picked_in_ones_own_zone(stage: Stage) -> None:
    berlin, new_york = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
    noon = datetime.now(berlin).replace(hour=12, minute=5, second=0, microsecond=0)
    wanted, moved = noon + timedelta(days=40), noon + timedelta(days=41, hours=1)
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "/social draft Forty days from now")
    form = dialog(ana, "Write a post")
    await pick(form, "When", "A date and time")
    await expect(form.get_by_label("Date and time: date")).to_be_visible()
    await refused(form, ASK, "at", "complete this required field")
    await set_to(form, noon - timedelta(days=2))
    await refused(form, ASK, "at", "has passed")
    await set_to(form, wanted)
    await expect(form).to_contain_text(f"Goes out {spoken(wanted, berlin)}")
    await screenshot(ana, "posts-date-and-time")
    await form.get_by_role("button", name=ASK).click()
    await expect(form).to_be_hidden()
    card = messages(ben, "Forty days from now")
    await expect(card).to_contain_text(clock(wanted.astimezone(new_york)))
    assert await due(stage) == [wanted]

    # Ben moves it: the picker shows his own time.
    await choose(card, "Reschedule")
    form = dialog(ben, "Reschedule")
    await pick(form, "When", "A date and time")
    shown = form.get_by_label("Date and time: time")
    await expect(shown).to_have_value(f"{wanted.astimezone(new_york):%H:%M}")
    await set_to(form, moved.astimezone(new_york))
    await expect(form).to_contain_text(f"Goes out {spoken(moved, new_york)}")
    await form.get_by_role("button", name="Move it").click()
    await expect(form).to_be_hidden()
    await expect(card).to_contain_text(clock(moved.astimezone(new_york)))
    assert await due(stage) == [moved]


async def kept_text(stage: Stage, ending: str) -> bool:
    """Slack's client tells of what is typed a moment later."""
    draft = (await stage.services.drafting.start(Person(TEAM.id, ANA))).draft
    return draft is not None and str(draft.fields["text"]).endswith(ending)


async def test_a_form_closed_by_mistake_comes_back(stage: Stage) -> None:
    ana = await stage.tab(ANA, size=PHONE)
    await write(ana, "/social draft First thought")
    form = dialog(ana, "Write a post")
    await expect(text_of(form)).to_have_value("First thought")
    await text_of(form).press("End")
    await text_of(form).press_sequentially(", and a second one", delay=15)
    await eventually(lambda: kept_text(stage, ", and a second one"))
    await screenshot(ana, "posts-form-phone")
    await form.get_by_role("button", name="Cancel").click()
    kept = messages(ana, "What you typed is kept")
    await expect(kept.first).to_be_visible()
    await write(ana, "/social draft")
    await expect(form).to_contain_text("Your draft is back.")
    await expect(text_of(form)).to_have_value("First thought, and a second one")
    await form.get_by_role("button", name="Start anew").click()
    await expect(text_of(form)).to_have_value("")
    await form.get_by_role("button", name="Close").click()
    await expect(form).to_be_hidden()
    await kept.first.get_by_role("button", name="Go on writing").click()
    await expect(text_of(form)).to_have_value("First thought, and a second one")
    await form.get_by_role("button", name="Cancel").click()
    await kept.first.get_by_role("button", name="Throw it away").click()
    await expect(messages(ana, "thrown away")).to_be_visible()
    await write(ana, "/social draft")
    await expect(text_of(form)).to_have_value("")
    await screenshot(ana, "posts-kept-phone")


async def test_pictures_are_described_and_texts_tailored_in_the_second_step(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "A customer wrote: *great* beans :tada:")
    await messages(ana, "A customer wrote").hover()
    await messages(ana, "A customer wrote").get_by_role("button", name="More actions").last.click()
    await ana.get_by_role("menuitem", name="Make").first.click()
    form = dialog(ana, "Write a post")
    await expect(text_of(form)).to_have_value("A customer wrote: great beans 🎉")
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    sun = {"name": "sun.png", "mimeType": "image/png", "buffer": png()}
    files = form.get_by_label("Choose files")
    await refused(form, ASK, "pictures", "notes.txt", put=lambda: files.set_input_files([notes]))
    await screenshot(ana, "posts-no-picture")
    await form.get_by_role("button", name="Remove notes.txt").click()
    await form.get_by_label("Choose files").set_input_files([sun])
    await form.get_by_label("Tailor the text").check()
    await pick(form, "When", "As soon as")
    await form.get_by_role("button", name="Next").click()
    second = dialog(ana, "Tailor the post")
    await second.get_by_label("Text for Sandbox").fill("Great beans 🎉, a customer says")
    await second.get_by_label("What sun.png shows").fill("A green rectangle")
    await screenshot(ana, "posts-tailor")
    await second.get_by_role("button", name=ASK).click()
    await expect(second).to_be_hidden()
    card = messages(ben, "Great beans 🎉, a customer says")
    picture = card.get_by_role("button", name="A green rectangle")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.naturalWidth") == 320
    await screenshot(ben, "posts-card-with-picture")
    await card.get_by_role("button", name="Approve", exact=True).click()
    live = await stage.goes_live("Great beans 🎉, a customer says")
    assert live["pictures"][0]["alt"] == "A green rectangle"
