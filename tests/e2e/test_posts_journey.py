"""From the first command to the live post and its end, in Chromium, as several people."""

import pytest
from playwright.async_api import expect

from bot.playground.seed import ANA, APPROVALS, BEN
from tests.e2e.stage import Stage, dialog, messages, pick, text_of, write
from tests.servers.chromium import NewPage, screenshot

pytestmark = pytest.mark.browser


async def test_a_post_is_drafted_approved_published_and_taken_down(
    stage: Stage, new_page: NewPage
) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "/social")
    desk = messages(ana, "What do you want to do?")
    await expect(desk).to_contain_text("Only visible to you")
    await screenshot(ana, "posts-desk")
    await write(ana, "/social darft")
    await expect(messages(ana, "Did you mean")).to_contain_text("/social draft")

    await write(ana, "/social draft Salt & <pepper> :tada: at https://example.com/a?b=1&c=2")
    form = dialog(ana, "Write a post")
    await expect(text_of(form)).to_have_value("Salt & <pepper> 🎉 at https://example.com/a?b=1&c=2")
    await screenshot(ana, "posts-form")
    await pick(form, "When", "As soon as")
    await expect(form).to_contain_text("Goes out as soon as it's approved")
    await form.get_by_role("button", name="Ask for approval").click()
    await expect(form).to_be_hidden()
    await expect(messages(ana, "It waits for approval")).to_be_visible()

    card = messages(ben, "Salt & <pepper>")
    await expect(card).to_contain_text("Waiting for approval")
    await expect(card).to_contain_text("Ana Novak")
    await screenshot(ben, "posts-card")
    await card.get_by_role("button", name="Approve", exact=True).click()
    await expect(card).to_contain_text("Published", timeout=30_000)
    await expect(card).to_contain_text("Ben Okafor approved it")
    link = card.get_by_role("link", name="See it")
    href = await link.get_attribute("href")
    assert href
    live = await stage.goes_live("Salt & <pepper> 🎉")
    sandbox = await new_page()
    await sandbox.goto(href)
    await expect(sandbox.get_by_text("Salt & <pepper> 🎉").first).to_be_visible()
    await screenshot(ben, "posts-published")
    assert live

    await card.get_by_role("button", name="Take down").click()
    sure = ben.get_by_role("dialog", name="Take it down?")
    await sure.get_by_role("button", name="Take down").click()
    await expect(card).to_contain_text("Taken down", timeout=30_000)
    await expect(card.get_by_role("button", name="Take down")).to_have_count(0)
    assert await stage.live("Salt & <pepper>") == []
    await screenshot(ben, "posts-taken-down")
