"""A thread in Chromium: written in the form, approved post by post, live as one, taken down."""

import pytest
from playwright.async_api import expect

from bot.playground.seed import ANA, APPROVALS, BEN
from handlers.draft_fields import INPUT_LIMIT
from tests.e2e.stage import Stage, dialog, messages, pick, refused, text_of, write
from tests.servers.chromium import NewPage, screenshot

pytestmark = pytest.mark.browser

POSTS = ["We roast on Tuesdays.", "The beans come from Huila.", "Come and smell it."]


async def test_a_thread_is_written_approved_published_and_taken_down(
    stage: Stage, new_page: NewPage
) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "/social draft")
    form = dialog(ana, "Write a post")
    await expect(form).to_contain_text("a line of three hyphens (---)")
    await text_of(form).fill(f"{POSTS[0]}\n---\n{'x' * 310}")
    await pick(form, "When", "As soon as")
    await refused(form, "Ask for approval", "text", "Part 2 of 2: 10 over Sandbox's limit")
    await text_of(form).fill("\n---\n".join(POSTS))
    await form.get_by_role("button", name="Check").click()
    lengths = ", ".join(str(len(post)) for post in POSTS)
    await expect(form).to_contain_text(f"thread of 3: {lengths} / 300")
    await screenshot(ana, "threads-form")
    await form.get_by_role("button", name="Ask for approval").click()
    await expect(form).to_be_hidden()

    card = messages(ben, POSTS[0])
    for number in ("1/3", "2/3", "3/3"):
        await expect(card).to_contain_text(number)
    await screenshot(ben, "threads-card")
    await card.get_by_role("button", name="Approve", exact=True).click()
    await expect(card).to_contain_text("a thread of 3, live", timeout=30_000)
    href = await card.get_by_role("link", name="See it").get_attribute("href")
    assert href

    sandbox = await new_page()
    await sandbox.goto(href)
    read = [await each.inner_text() for each in await sandbox.locator("article .text").all()]
    assert read == POSTS
    await expect(sandbox.get_by_text("in a thread")).to_have_count(2)
    await screenshot(sandbox, "threads-live")

    await card.get_by_role("button", name="Take down").click()
    sure = ben.get_by_role("dialog", name="Take it down?")
    await sure.get_by_role("button", name="Take down").click()
    await expect(card).to_contain_text("Taken down", timeout=30_000)
    assert [await stage.live(post) for post in POSTS] == [[], [], []]


async def test_a_text_too_long_for_the_card_is_read_in_its_thread_and_approved_all_the_same(
    stage: Stage,
) -> None:
    posts = [f"Day {day} of our calendar: {'a cup of coffee, ' * 16}" for day in range(1, 18)]
    whole = "\n---\n".join(post.strip() for post in posts)
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "/social draft")
    form = dialog(ana, "Write a post")
    await pick(form, "When", "As soon as")
    await text_of(form).fill(whole[:INPUT_LIMIT])
    await form.get_by_role("button", name="Check").click()
    more = form.get_by_role("textbox", name="Text, continued (optional)", exact=True)
    await more.fill(whole[INPUT_LIMIT:])
    await form.get_by_role("button", name="Check").click()
    await expect(form).to_contain_text("thread of 17")
    await screenshot(ana, "posts-long-form")
    await form.get_by_role("button", name="Ask for approval").click()
    await expect(form).to_be_hidden(timeout=30_000)

    card = messages(ben, "Day 1 of our calendar")
    await expect(card).to_contain_text("The text goes on in the thread.")
    await expect(card).not_to_contain_text("Day 17 of our calendar")
    await card.get_by_role("link", name="1 reply").click()
    thread = ben.get_by_role("complementary", name="Thread")
    await expect(thread).to_contain_text("Day 17 of our calendar")
    await screenshot(ben, "posts-long-thread")
    approve = card.get_by_role("button", name="Approve", exact=True)
    await approve.click()
    sure = ben.get_by_role("dialog", name="Read all of it?")
    await expect(sure).to_contain_text(
        "The text is longer than this card; the rest is in the thread. Approve all of it?"
    )
    await screenshot(ben, "posts-long-confirm")
    await sure.get_by_role("button", name="Cancel").click()
    await expect(card).to_contain_text("Waiting for approval")
    await approve.click()
    await sure.get_by_role("button", name="Approve").click()
    await expect(card).to_contain_text("a thread of 17, live", timeout=45_000)
    await stage.goes_live("Day 17 of our calendar")
