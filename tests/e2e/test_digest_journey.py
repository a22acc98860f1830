"""The digest in Chromium: asked for, planned, and there by itself with its chart."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, expect

from bot.playground.seed import ANA, APPROVALS, BEN, EVA, SOCIAL, TEAM
from storage import accounts, digests, snapshots
from storage.records import DigestPlan, Snapshot
from storage.rows import new_id
from tests.e2e.stage import Stage, dialog, messages, pick, write
from tests.servers.chromium import PHONE, NewPage, screenshot
from tests.unit.numbers_world import add_post

pytestmark = pytest.mark.browser

DAY = timedelta(days=1)
LIKES = (3, 9, 6, 14, 11, 5, 4, 8, 12, 21, 17, 26, 9, 15, 31)  # gained, day after day


async def test_a_manager_asks_for_the_numbers_and_has_them_come(
    stage: Stage, new_page: NewPage
) -> None:
    await remember_two_weeks(stage)
    ana, ben, eva = await stage.tab(ANA), await stage.tab(BEN, APPROVALS), await stage.tab(EVA)
    await write(ana, "/social draft Warm buns until six, and the second coffee is free.")
    form = dialog(ana, "Write a post")
    await pick(form, "When", "As soon as")
    await form.get_by_role("button", name="Ask for approval").click()
    card = messages(ben, "Warm buns until six")
    await card.get_by_role("button", name="Approve", exact=True).click()
    await expect(card).to_contain_text("Published", timeout=30_000)
    live = await stage.goes_live("Warm buns")
    sandbox = await new_page()
    await sandbox.goto(f"{stage.address}/sandbox/")
    like = sandbox.locator(f"#post-{live['id']}").get_by_role("button", name="Like")
    for who in ("Mia Okafor", "Tom Lindqvist"):
        await sandbox.get_by_label("Post as").select_option(who)
        await expect(like).to_have_attribute("aria-pressed", "false")
        await like.click()
        await expect(like).to_have_attribute("aria-pressed", "true")

    await write(eva, "/social digest")
    shown = messages(eva, "The last 7 days, up to now")
    await expect(shown).to_contain_text("Only visible to you", timeout=30_000)
    await expect(shown).to_contain_text("Engagement")
    await expect(shown).to_contain_text("The best post")
    await picture_is_there(shown, re.compile("^Engagement, .*Sandbox · @acorn"))
    await screenshot(eva, "digest-now")

    await write(eva, "/social digest daily 9:00")
    answer = messages(eva, "The first:")
    await expect(answer).to_contain_text("every day at 9:00 (Europe/Berlin)")
    await expect(answer).to_contain_text(re.compile(r"\w{3} \d+ \w{3} \d{4}, 09:00 CE"))
    await write(eva, "/social digest weekly Monday 9:00")
    weekly = messages(eva, "A digest of the seven days before")
    await expect(weekly).to_contain_text("every Monday at 9:00 (Europe/Berlin)")
    await expect(weekly).to_contain_text(re.compile(r"The first: \*?Mon \d+ \w{3} \d{4}, 09:00 CE"))
    await weekly.get_by_role("button", name="More actions").first.click()
    await weekly.get_by_role("menuitem", name="Stop this digest").first.click()
    await expect(messages(eva, "no digest every Monday at 9:00")).to_be_visible()
    await write(eva, "/social digest every now and then")
    await expect(messages(eva, "/social digest weekly Monday 9:00").last).to_be_visible()
    await screenshot(eva, "digest-planned")

    await be_due_now(stage)
    for tab, name in ((ana, "digest-posted"), (await new_page(PHONE), "digest-phone")):
        await tab.goto(f"{stage.address}/w/{ANA}/{SOCIAL}")
        posted = messages(tab, "Comes every day at")
        await expect(posted).to_have_count(1, timeout=30_000)
        await expect(posted).to_contain_text("Yesterday, ")
        await expect(posted).not_to_contain_text("Only visible to you")
        await picture_is_there(posted, re.compile("^Engagement, "))
        assert (
            await tab.evaluate("document.documentElement.scrollWidth")
            <= (tab.viewport_size or {"width": 0})["width"]
        )
        await screenshot(tab, name)

    await stage.end_bot()
    await stage.start_bot()
    await write(eva, "/social digest stop")
    await expect(messages(eva, "Stopped: no digest every day at")).to_be_visible(timeout=30_000)
    await expect(messages(ana, "Comes every day at")).to_have_count(1)


async def picture_is_there(message: Locator, alt: re.Pattern[str]) -> None:
    """The chart is described, and its bytes have come and are a picture."""
    image = message.get_by_role("button", name=alt)  # a press enlarges it
    await expect(image).to_be_visible(timeout=30_000)
    await expect(image).to_have_js_property("complete", True)
    assert await image.evaluate("picture => picture.naturalWidth") == 1600


async def remember_two_weeks(stage: Stage) -> None:
    """What the bot would have measured: a post that was liked, day after day."""
    database = stage.services.database
    async with database.reading() as tx:
        [account] = await accounts.of_workspace(tx, TEAM.id)
    begun = datetime.now(UTC) - (len(LIKES) + 1) * DAY
    post = await add_post(
        database,
        account.id,
        begun,
        "Our autumn blend is back: hazelnut, plum, a little cocoa.",
        workspace_id=TEAM.id,
        remote_id="999999",
    )
    taken, total = [], 0
    for day, gained in enumerate(LIKES):
        at, total = begun + (day + 1) * DAY, total + gained
        people = {"followers": 1200 + 5 * day, "following": 96, "posts": 7}
        for hours in (0, 11):
            when = at - timedelta(hours=hours)
            taken.append(Snapshot(new_id(), TEAM.id, account.id, None, when, people))
        numbers = {"likes": total, "reposts": total // 5, "replies": total // 9}
        taken.append(Snapshot(new_id(), TEAM.id, account.id, post.id, at, numbers))
    async with database.transaction() as tx:
        await snapshots.insert_all(tx, taken)


async def be_due_now(stage: Stage) -> None:
    """As if the channel's plan had been made long ago, for a minute ago."""
    due = datetime.now(UTC) - timedelta(minutes=1)
    async with stage.services.database.transaction() as tx:
        [plan] = await digests.every(tx)
        await digests.save(
            tx,
            DigestPlan(
                plan.id,
                plan.workspace_id,
                plan.channel,
                None,
                due.hour * 60 + due.minute,
                "UTC",
                plan.created_by,
                due - 3 * DAY,
            ),
        )
