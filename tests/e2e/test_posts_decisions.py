"""Deciding in Chromium: approvals, changes, moves, cancels, and who was first."""

import re

import pytest
from playwright.async_api import Locator, expect
from playwright.async_api import Page as Tab

from bot.digest_plans import WEEKDAYS
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, EVA, TEAM
from storage import accounts
from tests.e2e.stage import Stage, choose, dialog, messages, pick, refused, text_of, write
from tests.servers.chromium import PHONE, screenshot

pytestmark = pytest.mark.browser

ASK = "Ask for approval"


async def asked(tab: Tab, text: str, *, at: str = "") -> None:
    """Ask for approval: as soon as it's approved, or at a time in words."""
    await write(tab, f"/social draft {text}")
    form = dialog(tab, "Write a post")
    await pick(form, "When", "In words" if at else "As soon as")
    if at:
        await form.get_by_label("Time in words").fill(at)
        await form.get_by_label("Time in words").press("Enter")
        await expect(form.get_by_text("Goes out")).to_be_visible()
    await form.get_by_role("button", name=ASK).click()
    await expect(form).to_be_hidden()


async def commented(tab: Tab, title: str, comment: str) -> None:
    form = dialog(tab, title)
    await form.get_by_role("textbox").fill(comment)
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_be_hidden()


def approve(card: Locator) -> Locator:
    return card.get_by_role("button", name="Approve", exact=True)


async def test_a_post_goes_back_to_its_author_and_is_approved_after_the_changes(
    stage: Stage,
) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await asked(ana, "Come and taste our new blend on Friday", at="tomorrow 9:30")
    card = messages(ben, "taste our new blend")
    await card.get_by_role("button", name="Request changes").click()
    await screenshot(ben, "posts-request-changes")
    await commented(ben, "Request changes", "Name the café, please")
    await expect(card).to_contain_text("Changes requested")
    await expect(card).to_contain_text("Name the café, please")
    await expect(approve(card)).to_have_count(0)

    await ana.get_by_role("link", name="Socialdesk").first.click()
    told = messages(ana, "asked for changes to your post")
    await expect(told).to_contain_text("Name the café, please")
    await screenshot(ana, "posts-changes-requested")
    await told.get_by_role("button", name="Edit it").click()
    form = dialog(ana, "Write a post")
    await expect(text_of(form)).to_have_value("Come and taste our new blend on Friday")
    await text_of(form).fill("Come and taste our new blend at the canal on Friday")
    await form.get_by_role("button", name=ASK).click()
    await expect(form).to_be_hidden()
    await expect(card).to_contain_text("Changed since changes were requested")
    await expect(card.locator("strong", has_text="at the canal")).to_be_visible()
    await expect(messages(ana, "your post")).to_have_count(0)  # it says what is true now
    await expect(messages(ana, "Waiting for approval")).to_be_visible()
    await screenshot(ben, "posts-what-changed")
    await approve(card).click()
    await expect(card).to_contain_text("Approved and scheduled")

    # An edit after the approval voids it.
    await choose(card, "Edit")
    form = dialog(ben, "Write a post")
    await expect(form).to_contain_text("This post was approved.")
    await text_of(form).fill("Come and taste our new blend at the harbour on Friday")
    await form.get_by_role("button", name=ASK).click()
    await expect(card).to_contain_text("Changed since it was approved")
    await expect(card.locator("s, del", has_text="canal")).to_be_visible()
    await approve(card).click()
    await expect(messages(ben, "The text is yours")).to_contain_text("Only visible to you")
    chidi = await stage.tab(CHIDI, APPROVALS, PHONE)
    his = messages(chidi, "taste our new blend")
    await screenshot(chidi, "posts-card-phone")
    await choose(his, "Reject")
    await commented(chidi, "Reject the post", "Not this week")
    await expect(card).to_contain_text("Rejected")
    await expect(card).to_contain_text("Not this week")
    assert await stage.live("taste our new blend") == []


async def account_id(stage: Stage) -> str:
    async with stage.services.database.reading() as tx:
        [account] = await accounts.of_workspace(tx, TEAM.id)
    return account.id


async def test_two_approvers_at_once_and_a_stale_button(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    chidi = await stage.tab(CHIDI, APPROVALS)
    await asked(ana, "Both press at once")
    for tab in (ben, chidi):
        await expect(approve(messages(tab, "Both press at once"))).to_be_visible()
    # The card changes for everybody a moment later, so that one press is on what was there before.
    await stage.trouble_slack(method="chat.update", trouble="slow", seconds=2)
    await approve(messages(ben, "Both press at once")).click()
    await approve(messages(chidi, "Both press at once")).click()
    await expect(messages(chidi, "Your press changed nothing")).to_contain_text(
        "Ben Okafor approved"
    )
    await stage.goes_live("Both press at once")
    await expect(messages(ben, "Both press at once")).to_contain_text("Published")


async def test_times_are_moved_and_posts_cancelled_from_the_queue(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await asked(ana, "Move me about", at="tomorrow 9:30")
    card = messages(ben, "Move me about")
    await approve(card).click()
    await expect(card).to_contain_text("Approved and scheduled")
    # By an approver: settled with the press.
    await choose(card, "Reschedule")
    form = dialog(ben, "Reschedule")
    await pick(form, "When", "In words")
    await form.get_by_label("Time in words").fill("tomorrow 17:00")
    await form.get_by_role("button", name="Move it").click()
    await expect(form).to_contain_text("If that's right, press Yes: ")
    await screenshot(ben, "posts-reschedule")
    await form.get_by_role("button", name=re.compile("^Yes: ")).click()
    await expect(form).to_be_hidden()
    await expect(card).to_contain_text("Ben Okafor changed the time")
    await expect(card).to_contain_text("Approved and scheduled")
    # Next free time is one of the times that the admin has set.
    eva = await stage.tab(EVA)
    await write(eva, "/social slots")
    form = dialog(eva, "Posting times")
    for day in WEEKDAYS:
        await form.get_by_role("checkbox", name=day).check()
    await form.get_by_role("textbox", name="Times").fill("13:37, 25:00")
    await refused(form, "Save", f"times:{await account_id(stage)}", "25:00")
    await form.get_by_role("textbox", name="Times").fill("13:37")
    await screenshot(eva, "posts-slots")
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_be_hidden()
    # By its author, from the queue: asks for one press on the card.
    await write(ana, "/social queue")
    queue = messages(ana, "What is coming")
    await expect(queue).to_contain_text("approved")
    await screenshot(ana, "posts-queue")
    await choose(queue, "Reschedule")
    form = dialog(ana, "Reschedule")
    await pick(form, "When", "Next free time")
    await expect(form.get_by_text("Goes out")).to_contain_text(" 13:37 ")
    await form.get_by_role("button", name="Move it").click()
    await expect(form).to_be_hidden()
    await expect(card).to_contain_text("Only the time is new")
    await approve(card).click()
    await expect(card).to_contain_text("Approved and scheduled")
    await write(ana, "/social queue")
    await expect(messages(ana, "What is coming")).to_have_count(2)
    await screenshot(ana, "posts-queue-2")
    await choose(messages(ana, "What is coming").last, "Cancel this post")
    await expect(messages(ana, "Cancelled: it won't go out")).to_be_visible()
    await expect(card).to_contain_text("Cancelled")
    await screenshot(ana, "posts-cancelled")
