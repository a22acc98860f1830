"""Two steps of approval in Chromium, set in the form, with a change in between."""

import pytest
from playwright.async_api import Locator, expect

from bot.playground.seed import ANA, APPROVALS, BEN, DANA, EVA
from tests.e2e.stage import Stage, choose, dialog, messages, pick, text_of, write
from tests.e2e.test_posts_decisions import approve, asked
from tests.servers.chromium import PHONE, screenshot

pytestmark = pytest.mark.browser

ALL, STEP = "Who must approve", "A step"


def pressed(place: Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)


async def test_two_steps_with_a_change_in_between(stage: Stage) -> None:
    eva = await stage.tab(EVA)
    await write(eva, "/social settings")
    form = dialog(eva, ALL)
    await expect(form).to_contain_text("Any approver or admin.")
    await screenshot(eva, "policies-none")
    await form.get_by_role("button", name="More actions").first.click()
    await form.get_by_role("menuitem", name="Change", exact=True).click()
    await form.get_by_role("radio", name="People or groups that I choose").check()
    await pressed(form, "Choose who").click()
    step = dialog(eva, STEP)
    await step.get_by_label("What is it called?").fill("Content")
    await screenshot(eva, "policies-step")
    await pressed(step, "Keep it").click()
    await expect(form).to_contain_text("Content: any approver or admin")
    await pressed(form, "Add a step after that").click()
    await step.get_by_label("What is it called?").fill("Legal")
    await pick(step, "Or a Slack user group", "@legal")
    await pressed(step, "Keep it").click()
    await expect(form).to_contain_text("2. Legal: 1 of @legal")
    await screenshot(eva, "policies-steps")
    await pressed(form, "Save").click()
    await expect(form).to_contain_text("1. Content: any approver or admin; 2. Legal: 1 of @legal.")
    await screenshot(eva, "policies-saved")
    await pressed(form, "Close").last.click()

    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    dana = await stage.tab(DANA, APPROVALS, PHONE)
    await asked(ana, "Half price on Friday", at="tomorrow 9:30")
    card = messages(ben, "on Friday")
    theirs = messages(dana, "on Friday")
    await expect(card).to_contain_text("Step 1 of 2: needs 1 of Content")
    await screenshot(ben, "policies-card-first")
    await approve(card).click()
    await expect(card).to_contain_text("Step 2 of 2: needs 1 of Legal")
    await expect(card).to_contain_text("Content: approved by Ben Okafor")
    await screenshot(ben, "policies-card-second")

    # Ana changes it while Legal looks: what Ben approved is void.
    anas = await stage.tab(ANA, APPROVALS)
    await choose(messages(anas, "on Friday"), "Edit")
    edit = dialog(anas, "Write a post")
    await text_of(edit).fill("Free coffee on Friday")
    await pressed(edit, "Ask for approval").click()
    await expect(edit).to_be_hidden()
    await expect(theirs).to_contain_text("Step 1 of 2: needs 1 of Content")
    await screenshot(dana, "policies-card-changed")
    await approve(theirs).click()
    await expect(messages(dana, "It isn't your turn yet")).to_have_count(1)
    await screenshot(dana, "policies-not-your-turn")
    await approve(card).click()
    await expect(theirs).to_contain_text("Step 2 of 2")
    await approve(theirs).click()
    await expect(theirs).to_contain_text("Approved and scheduled")
    await expect(theirs).to_contain_text("Dana Weber approved it (Legal)")
    await screenshot(dana, "policies-approved")
