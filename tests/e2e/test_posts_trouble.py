"""Bad days in Chromium: networks that fail, a bot that is killed, a Slack that hiccups."""

import asyncio
import signal
import sqlite3
import time
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from bot.playground.seed import ANA, APPROVALS, BEN, TEAM
from bot.team import Person
from tests.e2e.stage import Stage, dialog, messages, pick, staged, text_of, write
from tests.e2e.test_posts_decisions import approve, asked
from tests.servers.chromium import DESKTOP, PHONE, NewPage, screenshot
from tests.servers.eventually import eventually

pytestmark = pytest.mark.browser

LOCKED_S = 10


async def test_a_network_that_fails_ends_with_exactly_one_post(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    # Down for a moment: the card says what goes on, and it is tried again by itself.
    await stage.trouble_sandbox("500")
    await asked(ana, "Up and down")
    await approve(messages(ben, "Up and down")).click()
    await expect(messages(ben, "Up and down")).to_contain_text("next try")
    await screenshot(ben, "posts-network-down")
    await expect(messages(ben, "Up and down")).to_contain_text("Published", timeout=30_000)
    await stage.goes_live("Up and down")
    # The answer is lost after the post was accepted, then it answers nonsense: still one post.
    await stage.trouble_sandbox("drop_after_accept")
    await stage.trouble_sandbox("garbage")
    await asked(ana, "Only once, please")
    await approve(messages(ben, "Only once, please")).click()
    await expect(messages(ben, "Only once, please")).to_contain_text("Published", timeout=45_000)
    await stage.goes_live("Only once, please")


async def test_who_wrote_what_a_network_refuses_tries_it_again(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await stage.trouble_sandbox("422", times=2)
    await asked(ana, "Refused at first")
    await asked(ana, "Waiting for somebody")
    card = messages(ben, "Refused at first")
    await approve(card).click()
    await expect(card).to_contain_text("Nobody may say that here", timeout=30_000)
    await ana.get_by_role("link", name="Socialdesk").first.click()
    told = messages(ana, "Your post didn't go out")
    await expect(told).to_contain_text("Nobody may say that here")
    await screenshot(ana, "posts-refused")
    await told.get_by_role("button", name="Try again").click()

    # Refused again: it is still hers to mend, in the message and at Home.
    async def refused_twice() -> bool:
        async with stage.services.database.reading() as tx:
            failed = await tx.connection.exec_driver_sql(
                "SELECT count(*) FROM history WHERE action = 'failed'"
            )
            return bool(failed.scalar() == 2)

    await eventually(refused_twice)
    await expect(told).to_have_count(1)
    shown = ((ANA, ana, "Yours to mend"), (BEN, ben, "Waiting for your approval"))
    for who, tab, due in shown:
        for size, name in ((DESKTOP, ""), (PHONE, "-phone")):
            await tab.set_viewport_size({"width": size[0], "height": size[1]})
            home = await stage.tab(who, "home")
            await expect(home.get_by_role("main")).to_contain_text(due)
            width = await home.evaluate("document.documentElement.scrollWidth")
            assert width <= size[0]
            await screenshot(home, f"home-{'author' if who == ANA else 'approver'}{name}")
        await tab.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    mine = ana.get_by_role("main")
    await mine.get_by_role("button", name="Try again").click()
    await stage.goes_live("Refused at first")
    await expect(mine).not_to_contain_text("Yours to mend")
    await stage.tab(BEN, APPROVALS)
    await expect(card).to_contain_text("Published")
    await expect(card.get_by_role("button", name="Try again")).to_have_count(0)


async def test_a_bot_killed_while_it_sends_has_sent_once_after_its_restart(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    hanging, accepted = messages(ben, "Nobody answered"), messages(ben, "The answer was lost")
    await stage.trouble_sandbox("hang")
    await asked(ana, "Nobody answered")
    await approve(hanging).click()
    await expect(hanging).to_contain_text("is being sent")
    await stage.trouble_sandbox("drop_after_accept")
    await asked(ana, "The answer was lost")
    await approve(accepted).click()
    await expect(accepted).to_contain_text("next try")
    await stage.end_bot(signal.SIGKILL)
    await stage.goes_live("The answer was lost")
    # Its lease would run out in some minutes: let it be over.
    with sqlite3.connect(stage.database_file) as database:
        database.execute("UPDATE deliveries SET lease_until = '2020-01-01 00:00:00.000000'")
    database.close()
    await stage.start_bot()
    for card, text in ((hanging, "Nobody answered"), (accepted, "The answer was lost")):
        await expect(card).to_contain_text("Published", timeout=30_000)
        await stage.goes_live(text)
    assert await stage.end_bot() == 0


async def test_a_locked_database_keeps_nobody_waiting(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "/social draft Through thick and thin")
    form = dialog(ana, "Write a post")
    await pick(form, "When", "As soon as")
    await expect(form).to_contain_text("Goes out as soon as it's approved")
    other = sqlite3.connect(stage.database_file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    begun = time.monotonic()
    try:
        await form.get_by_role("button", name="Ask for approval").click()
        await expect(form).to_contain_text("Checking")
        await screenshot(ana, "posts-checking")
        await form.get_by_role("button", name="Close").last.click()
        await write(ana, "/social draft Another one meanwhile")
        await expect(text_of(form)).to_have_value("Another one meanwhile")
        await form.get_by_role("button", name="Close").first.click()
        await asyncio.sleep(max(0, begun + LOCKED_S - time.monotonic()))
    finally:
        other.execute("ROLLBACK")
        other.close()
    card = messages(ben, "Through thick and thin")
    await expect(approve(card)).to_be_visible(timeout=30_000)
    await expect(messages(ana, "It waits for approval")).to_be_visible()


async def test_a_disconnect_in_mid_journey_and_a_slow_slack_lose_nothing(
    socket_stage: Stage,
) -> None:
    stage = socket_stage
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "/social draft Across a disconnect")
    form = dialog(ana, "Write a post")
    await pick(form, "When", "As soon as")
    await expect(form).to_contain_text("Goes out as soon as it's approved")
    await stage.trouble_slack(disconnect="refresh_requested")
    await stage.trouble_slack(method="chat.postMessage", trouble="rate_limited", seconds=1)
    await form.get_by_role("button", name="Ask for approval").click()
    await expect(form).to_be_hidden()
    card = messages(ben, "Across a disconnect")
    await expect(card).to_be_visible(timeout=30_000)
    await stage.trouble_slack(disconnect="warning", everyone=False)
    await stage.trouble_slack(method="chat.update", trouble="lost")
    await approve(card).click()
    await expect(card).to_contain_text("Published", timeout=30_000)
    await expect(card).to_have_count(1)
    await stage.goes_live("Across a disconnect")


async def test_forged_and_replayed_requests_are_refused_and_logged(
    tmp_path: Path, new_page: NewPage
) -> None:
    async with staged(tmp_path / "stage", new_page, over_http=True) as stage:
        ana = await stage.tab(ANA)
        for failed, trouble in enumerate(("wrong_signature", "old_timestamp"), start=1):
            await stage.trouble_slack(delivery=trouble)
            await write(ana, "/social draft Forged")
            await expect(messages(ana, "/social failed")).to_have_count(failed)
        await expect(dialog(ana, "Write a post")).to_have_count(0)
        await screenshot(ana, "posts-forged")

        async def logged() -> bool:
            return "Slack didn't sign" in stage.log()  # once a minute; the next line has the count

        await eventually(logged)
        # A genuine submission, recorded and sent again within its five minutes: one post.
        await asked(ana, "Sent but once")
        async with httpx.AsyncClient() as client:
            again = await client.post(f"{stage.address}/playground/replay", json={"index": -1})
        assert again.json() == {"status": 200}
        ben = await stage.tab(BEN, APPROVALS)
        await expect(messages(ben, "Sent but once")).to_have_count(1)
        await approve(messages(ben, "Sent but once")).click()
        await stage.goes_live("Sent but once")

        async def nothing_comes() -> bool:
            _, total = await stage.services.scheduling.coming(Person(TEAM.id, ANA))
            return total == 0

        await eventually(nothing_comes)
        await stage.goes_live("Sent but once")
