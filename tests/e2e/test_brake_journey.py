"""A crisis in Chromium: everything is paused, what comes due is held and told, then it goes on; and
what came due while nobody ran."""

import signal
import sqlite3

import pytest
from playwright.async_api import Locator, expect
from playwright.async_api import Page as Tab

from bot.playground.seed import ANA, APPROVALS, BEN, DANA
from tests.e2e.stage import Stage, dialog, messages, write
from tests.e2e.test_posts_decisions import approve, asked
from tests.servers.chromium import screenshot

pytestmark = pytest.mark.browser


async def own_messages(tab: Tab) -> None:
    """Go to the person's messages from the bot."""
    await tab.get_by_role("link", name="Socialdesk").first.click()


def pressed(place: Tab | Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)


async def test_everything_is_paused_with_two_presses_and_goes_on_when_it_is_resumed(
    stage: Stage,
) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await asked(ana, "Our beans are safe")
    await asked(ana, "Come and taste them")
    dana = await stage.tab(DANA, "home")
    await pressed(dana.get_by_role("region", name="Home"), "Pause publishing").click()
    form = dialog(dana, "Pause publishing")
    await form.get_by_role("textbox", name="Why").fill("Recall of batch 12")
    await screenshot(dana, "brake-pause")
    await pressed(form, "Pause publishing").click()
    await expect(form).to_be_hidden()
    await expect(dana.get_by_role("main")).to_contain_text("“Recall of batch 12”")
    await screenshot(dana, "brake-home")

    # A row, not a memory: it holds after a crash.
    await stage.end_bot(signal.SIGKILL)
    await stage.start_bot()
    cards = [messages(ben, text) for text in ("Our beans are safe", "Come and taste them")]
    for card in cards:
        await approve(card).click()
        await expect(card).to_contain_text("came due while publishing was paused", timeout=15_000)
    await own_messages(ana)
    mine = messages(ana, "2 of your posts are held.")
    await expect(mine).to_have_count(1)
    await screenshot(ana, "brake-held")
    assert await stage.live("beans") == []

    paused = messages(ben, "Publishing is paused everywhere.")
    await pressed(paused, "Resume publishing").click()
    form = dialog(ben, "Resume publishing")
    await expect(form).to_contain_text("2 posts came due meanwhile")
    await form.get_by_role("radio", name="Publish all of it now").check()
    await screenshot(ben, "brake-resume")
    await pressed(form, "Resume publishing").click()
    after = dialog(ben, "Held posts")
    await expect(after).to_contain_text("2 let go.")
    await pressed(after, "Close").last.click()
    for card, text in zip(cards, ("Our beans are safe", "Come and taste them"), strict=True):
        await expect(card).to_contain_text("Published", timeout=15_000)
        await stage.goes_live(text)
    await expect(messages(ben, "Publishing goes on everywhere.")).to_contain_text(
        "2 posts were held meanwhile"
    )
    await expect(messages(ana, "Nothing of yours is held any more.")).to_have_count(1)
    await screenshot(ana, "brake-done")


async def test_what_came_due_while_nobody_ran_goes_out_when_somebody_says_so(
    socket_stage: Stage,
) -> None:
    stage = socket_stage
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await asked(ana, "Good morning", at="tomorrow 9:30")
    card = messages(ben, "Good morning").first
    await approve(card).click()
    await expect(card).to_contain_text("Approved and scheduled")
    await stage.end_bot()
    with sqlite3.connect(stage.database_file) as database:  # two days pass
        for column in ("due_at", "next_attempt_at"):
            database.execute(f"UPDATE deliveries SET {column} = '2026-01-01 09:30:00.000000'")
        database.execute("UPDATE posts SET due_at = '2026-01-01 09:30:00.000000'")
    database.close()
    await stage.start_bot()
    await own_messages(ana)
    mine = messages(ana, "Your post is held.")
    await expect(mine).to_have_count(1)
    await screenshot(ana, "late-held")
    await pressed(mine, "Ask: publish now").click()
    theirs = messages(ben, "asks to let a held post go out")
    await screenshot(ben, "late-asked")
    await pressed(theirs, "Publish now").click()
    await expect(card).to_contain_text("Published", timeout=15_000)
    await stage.goes_live("Good morning")
    await expect(messages(ana, "Nothing of yours is held any more.")).to_contain_text(
        "Ben Okafor let it go out"
    )


async def test_a_command_is_enough(socket_stage: Stage) -> None:
    stage = socket_stage
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, "/social pause Wrong price in all of them")
    await expect(messages(ben, "Publishing is paused everywhere.")).to_contain_text(
        "Wrong price in all of them"
    )
    await write(ana, "/social queue")
    await expect(messages(ana, "Publishing is paused everywhere by")).to_have_count(1)
