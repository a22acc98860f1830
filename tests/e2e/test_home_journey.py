"""App Home in Chromium on a bad day, for each role: what is on fire, what is theirs, and that it
follows what happens while somebody looks."""

from dataclasses import replace

import pytest
from playwright.async_api import expect

from bot.accounts import mark_expired
from bot.playground.seed import ANA, BEN, CHIDI, DANA, EVA, TEAM
from bot.team import Person
from storage import accounts, workspaces
from storage.records import Role
from tests.e2e.stage import Stage, messages
from tests.e2e.test_brake_journey import own_messages
from tests.e2e.test_posts_decisions import asked
from tests.servers.chromium import DESKTOP, PHONE, screenshot

pytestmark = pytest.mark.browser

# A part of what each role's Home shows, and what it doesn't.
HOMES = {
    ANA: ("author", ["Write a post", "On fire", "What goes out next"], ["Reconnect"]),
    BEN: ("approver", ["On fire", "Waiting for your approval", "Review 1"], ["Reconnect"]),
    DANA: ("responder", ["On fire", "No mention waits for your answer"], ["Write a post"]),
    EVA: ("admin", ["On fire", "Reconnect", "Who approves", "Team"], []),
    CHIDI: ("viewer", ["The numbers"], ["On fire", "Mentions", "Write a post"]),
}


async def a_viewer_and_a_dead_account(stage: Stage) -> None:
    services, now = stage.services, stage.services.clock.now()
    async with services.database.transaction() as tx:
        chidi = await workspaces.member(tx, TEAM.id, CHIDI)
        assert chidi is not None
        await workspaces.save_member(tx, replace(chidi, roles=frozenset({Role.VIEWER})))
        [account] = await accounts.of_workspace(tx, TEAM.id)
        await mark_expired(tx, account, "the password was changed", now)


async def test_each_role_sees_its_own_home_and_it_follows_what_happens(stage: Stage) -> None:
    ben = await stage.tab(BEN, "home")
    home = ben.get_by_role("region", name="Home")
    await expect(home).to_contain_text("Nothing waits for your approval")
    ana = await stage.tab(ANA)
    await asked(ana, "Our spring blend is here", at="in 40 minutes")
    await expect(home).to_contain_text("Our spring blend is here", timeout=15_000)  # by itself
    await stage.services.brakes.pull(Person(TEAM.id, EVA), "Recall of batch 12")
    await expect(home).to_contain_text("“Recall of batch 12”", timeout=15_000)
    await a_viewer_and_a_dead_account(stage)
    await expect(home).to_contain_text("Must be connected again", timeout=15_000)
    for who, (role, shown, hidden) in HOMES.items():
        for size, name in ((DESKTOP, ""), (PHONE, "-phone")):
            tab = await stage.tab(who, "home")
            await tab.set_viewport_size({"width": size[0], "height": size[1]})
            home = tab.get_by_role("region", name="Home")
            for text in shown:
                await expect(home).to_contain_text(text)
            for text in hidden:
                await expect(home).not_to_contain_text(text)
            assert await tab.evaluate("document.documentElement.scrollWidth") <= size[0]
            await screenshot(tab, f"fire-{role}{name}")
        await tab.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    eva = await stage.tab(EVA)
    await own_messages(eva)
    dead = messages(eva, "must be connected again")
    await expect(dead).to_contain_text("the password was changed")
    await screenshot(eva, "inbox-dead-account")
