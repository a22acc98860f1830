"""A new installation in Chromium: set up for one person, first account, first post, a colleague."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.playground.seed import ANA, APPROVALS, CARE, DANA, EVA
from tests.e2e.stage import Stage, dialog, messages, pick, problem_at, staged, write
from tests.servers.chromium import NewPage, screenshot

pytestmark = pytest.mark.browser


@pytest.fixture(params=[False, True], ids=["sockets", "http"])
async def new_stage(
    request: pytest.FixtureRequest, tmp_path: Path, new_page: NewPage
) -> AsyncIterator[Stage]:
    """A running bot that nobody has set up."""
    way = {"over_http": request.param, "is_set_up": False}
    async with staged(tmp_path / "stage", new_page, **way) as made:
        yield made


async def test_from_nothing_to_the_first_post_of_one_person(new_stage: Stage) -> None:
    stage = new_stage
    ana = await stage.tab(ANA)
    await write(ana, "/social draft Too early")
    await expect(messages(ana, "isn't set up here yet")).to_contain_text("Home")

    eva = await stage.tab(EVA, "home")
    await eva.get_by_role("button", name="Set up Socialdesk").click()
    form = dialog(eva, "Set up Socialdesk")
    await form.get_by_role("radio", name="Just me").check()
    await pick(form, "Approvals", "social-approvals")
    await pick(form, "Alerts", "social-alerts")
    await pick(form, "Team Care", "care")
    await form.get_by_role("textbox", name="Brand words").fill("Acorn Coffee, @acorn")
    await screenshot(eva, "first-run-form")
    await form.get_by_role("button", name="Save").click()

    connect = dialog(eva, "Connect an account")
    await pick(connect, "Network", "Sandbox")
    await expect(connect).to_contain_text("The brand's account here is acorn")
    await connect.get_by_role("textbox", name="Handle").fill("acorn")
    await connect.get_by_role("textbox", name="Password").fill("wrong")
    await connect.get_by_role("button", name="Connect", exact=True).click()
    await expect(connect).to_contain_text("Nothing was stored", timeout=30_000)
    await expect(connect.get_by_role("textbox", name="Password")).to_have_value("")
    await connect.get_by_role("textbox", name="Password").fill("acorn-coffee")
    await connect.get_by_role("button", name="Connect", exact=True).click()
    done = dialog(eva, "Accounts")
    await expect(done).to_contain_text("Sandbox · @acorn is connected", timeout=30_000)
    await done.get_by_role("button", name="Close", exact=True).last.click()
    await expect(eva.get_by_role("main")).to_contain_text("Sandbox · @acorn: all well")

    await stage.tab(EVA)
    await write(eva, "/social draft All by myself")
    form = dialog(eva, "Write a post")
    await pick(form, "When", "Now")
    await form.get_by_role("button", name="Schedule").click()
    await stage.goes_live("All by myself")
    await stage.tab(EVA, APPROVALS)
    card = messages(eva, "All by myself")
    await expect(card).to_contain_text("nobody else has to approve it")

    await stage.tab(EVA)
    await write(eva, "/social team")
    team = dialog(eva, "Team")
    await screenshot(eva, "first-run-team")
    await pick(team, "Whose roles", "Ana Novak")
    await team.get_by_role("checkbox", name=re.compile("^[Aa]uthor")).check()
    await team.get_by_role("button", name="Save").click()
    await stage.tab(ANA)
    await write(ana, "/social queue")
    await expect(messages(ana, "Nothing is coming")).to_be_visible()


async def test_a_channel_without_socialdesk_is_named_until_it_is_invited(
    new_stage: Stage,
) -> None:
    slack = new_stage.slack
    slack.people.leave_channel(slack.workspace.app.bot_user_id, CARE)
    eva = await new_stage.tab(EVA, "home")
    await eva.get_by_role("button", name="Set up Socialdesk").click()
    form = dialog(eva, "Set up Socialdesk")
    await pick(form, "Approvals", "social-approvals")
    await pick(form, "Alerts", "social-alerts")
    await pick(form, "Team Care", "care")
    await form.get_by_role("button", name="Save").click()
    refused = problem_at(form, "route:Care")
    await expect(refused).to_contain_text("Type /invite @Socialdesk there", timeout=30_000)
    await expect(problem_at(form, "approvals")).to_have_count(0)
    await screenshot(eva, "first-run-invite")

    # The form is in Eva's way: a colleague invites it. No other channel kept its test message.
    dana = await new_stage.tab(DANA, APPROVALS)
    await expect(messages(dana, "will appear here")).to_have_count(0)
    await new_stage.tab(DANA, CARE)
    await write(dana, "/invite @Socialdesk")
    await expect(messages(dana, "has joined the channel")).to_contain_text("Socialdesk")
    await form.get_by_role("button", name="Save").click()
    await expect(dialog(eva, "Connect an account")).to_be_visible(timeout=30_000)
    await expect(messages(dana, "will appear here")).to_contain_text("Eva Lindt")
    await screenshot(dana, "first-run-invited")
