"""A new installation in Chromium: set up for one person, first account, first post, a colleague."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.playground.seed import ANA, APPROVALS, EVA
from tests.e2e.stage import dialog, messages, pick, staged, write
from tests.servers.chromium import NewPage, screenshot

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("over_http", [False, True], ids=["sockets", "http"])
async def test_from_nothing_to_the_first_post_of_one_person(
    tmp_path: Path, new_page: NewPage, over_http: bool
) -> None:
    way = {"over_http": over_http, "is_set_up": False}
    async with staged(tmp_path / "stage", new_page, **way) as stage:
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
        await expect(card).to_contain_text("in this workspace nobody else has to approve")

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
