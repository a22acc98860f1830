"""Talking about a post in Chromium: comments, the form with what was asked, the difference, a text
that is suggested and taken."""

import pytest
from playwright.async_api import Locator, expect
from playwright.async_api import Page as Tab

from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI
from tests.e2e.stage import Stage, dialog, messages, text_of
from tests.e2e.test_posts_decisions import ASK, approve, asked
from tests.servers.chromium import PHONE, screenshot

pytestmark = pytest.mark.browser


async def open_thread(tab: Tab, card: Locator) -> Locator:
    """The pane with a message's thread."""
    await card.hover()
    await card.get_by_role("button", name="Reply in thread").click()
    pane = tab.get_by_role("complementary", name="Thread")
    await expect(pane).to_be_visible()
    return pane


async def sent(tab: Tab) -> None:
    """Wait until a form is done with."""
    await expect(tab.get_by_role("dialog")).to_have_count(0)


async def reply(pane: Locator, text: str) -> None:
    box = pane.get_by_role("combobox", name="Reply")
    await box.fill(text)
    await box.press("Enter")


async def test_a_post_is_talked_about_changed_and_a_suggestion_taken(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    chidi = await stage.tab(CHIDI, APPROVALS, PHONE)
    await asked(ana, "Come and taste our new blend on Friday. We are open from 9 to 5.")
    card = messages(ben, "taste our new blend").first

    pane = await open_thread(ben, card)
    await reply(pane, "Is it Friday, or *Saturday*? :coffee:")
    await expect(card).to_contain_text("1 comment in the thread")
    await expect(card).to_contain_text("Is it Friday, or Saturday?")
    await card.get_by_role("button", name="Request changes").click()
    form = dialog(ben, "Request changes")
    await expect(form.get_by_role("button", name="Suggest a text")).to_be_visible()
    await screenshot(ben, "discussion-request-changes")
    await form.get_by_role("textbox").fill("Name the café, please")
    await form.get_by_role("button", name="Send").click()
    await sent(ben)
    await expect(card).to_contain_text("Changes requested")

    await ana.get_by_role("link", name="Socialdesk").first.click()
    told = messages(ana, "asked for changes to your post")
    await told.get_by_role("button", name="Edit it").click()
    form = dialog(ana, "Write a post")
    await expect(form).to_contain_text("Ben Okafor asks for changes")
    await expect(form).to_contain_text("Name the café, please")
    await expect(form).to_contain_text("Is it Friday, or Saturday?")
    await screenshot(ana, "discussion-form")
    await text_of(form).fill(
        "Come and taste our new blend at the canal on Saturday.\n\nWe are open from 9 to 5."
    )
    await form.get_by_role("button", name="Check").click()
    await expect(form).to_contain_text("Name the café, please")
    await form.get_by_role("button", name=ASK).click()
    await sent(ana)

    await expect(pane).to_contain_text("Changed by Ana Novak")
    difference = pane.get_by_role("article").filter(has_text="Changed by Ana Novak")
    await expect(difference).to_have_count(1)
    await expect(difference.locator("s, del", has_text="Friday")).to_be_visible()
    await expect(difference.locator("strong, b", has_text="at the canal")).to_be_visible()
    await expect(card).to_contain_text("Changed since changes were requested")
    await screenshot(ben, "discussion-difference")

    await card.get_by_role("button", name="Request changes").click()
    await dialog(ben, "Request changes").get_by_role("textbox").fill("Shorter")
    await ben.get_by_role("button", name="Suggest a text").click()
    form = dialog(ben, "Suggest another text")
    await expect(form.get_by_role("textbox", name="Comment")).to_have_value("Shorter")
    await form.get_by_role("textbox").first.fill("Taste our new blend at the canal on Saturday!")
    await screenshot(ben, "discussion-suggest")
    await form.get_by_role("button", name="Send").click()
    await sent(ben)
    await expect(pane).to_contain_text("suggests another text")

    told = messages(ana, "The suggested text")
    await expect(told).to_contain_text("Shorter")
    await screenshot(ana, "discussion-suggested")
    await told.get_by_role("button", name="Use this text").click()
    await expect(pane).to_contain_text("Ana Novak used it.", timeout=15_000)
    await expect(pane.get_by_role("button", name="Use this text")).to_have_count(0)
    await expect(pane).to_contain_text("took the text that Ben Okafor suggested", timeout=15_000)
    await screenshot(ben, "discussion-taken")

    await approve(card).click()
    await expect(messages(ben, "somebody else has to decide").first).to_be_visible()
    his = messages(chidi, "taste our new blend").first
    await screenshot(chidi, "discussion-card-phone")
    await approve(his).click()
    await stage.goes_live("Taste our new blend at the canal on Saturday!")
