"""Somebody complains on Sandbox; the team answers and solves it from Slack, in Chromium."""

import pytest
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.playground.seed import ALERTS, CARE, DANA, EVA
from tests.e2e.stage import Stage, choose, dialog, messages, write
from tests.handlers.test_mentions import it_is_late, mention_times
from tests.servers.chromium import PHONE, NewPage, screenshot
from tests.servers.eventually import eventually
from tests.servers.web import serve

pytestmark = pytest.mark.browser

FEED = '<rss version="2.0"><channel><title>Coffee forum</title>{}</channel></rss>'
ENTRY = '<item><guid isPermaLink="false">{0}</guid><title>{1}</title></item>'


async def test_a_complaint_is_answered_and_resolved_from_slack(
    stage: Stage, new_page: NewPage
) -> None:
    sandbox = await new_page()
    await sandbox.goto(f"{stage.address}/sandbox/")
    await sandbox.get_by_label("Post as").select_option("Tom Lindqvist")
    await sandbox.get_by_role("button", name="Complain about the brand").click()
    dana = await stage.tab(DANA, ALERTS)
    card = messages(dana, "Tom Lindqvist")
    await expect(card).to_contain_text("Needs an answer", timeout=30_000)
    await expect(card).to_contain_text("Answer by")
    await screenshot(dana, "mentions-card")

    await card.get_by_role("button", name="Reply", exact=True).click()
    form = dialog(dana, "Reply")
    text = form.get_by_role("textbox", name="Your reply, public, as Sandbox · @acorn")
    await expect(text).to_have_value(
        "I'm sorry you ran into this, Tom. Could you send us a direct message with what happened "
        "and your order number, so that we can put it right?"
    )
    await text.fill("I'm sorry, Tom. Please send us a direct message & we'll put it right.")
    await form.get_by_role("button", name="Check the length").click()
    await expect(form).to_contain_text("69 / 300", timeout=30_000)
    await screenshot(dana, "mentions-reply")
    await form.get_by_label("Resolve with this").check()
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_be_hidden(timeout=30_000)

    await expect(card).to_contain_text("Resolved", timeout=30_000)
    await expect(card).to_contain_text("Dana Weber answered")
    await screenshot(dana, "mentions-resolved")
    href = await card.get_by_role("link", name="See it").get_attribute("href")
    assert href
    await sandbox.goto(href)
    answer = "Please send us a direct message & we'll put it right."
    await expect(sandbox.get_by_text(answer).first).to_be_visible()
    await expect(messages(dana)).to_have_count(1)


async def test_it_goes_to_a_team_and_opens_again_when_the_person_writes_again(
    stage: Stage, new_page: NewPage
) -> None:
    sandbox = await new_page()
    await sandbox.goto(f"{stage.address}/sandbox/")
    await sandbox.get_by_label("What do you want to say?").fill(
        "@acorn my parcel arrived broken. Terrible!"
    )
    await sandbox.get_by_role("button", name="Post", exact=True).click()
    dana = await stage.tab(DANA, ALERTS, PHONE)
    card = messages(dana, "my parcel arrived broken").first
    await expect(card).to_contain_text("Needs an answer", timeout=30_000)
    await screenshot(dana, "mentions-card-phone")
    route = card.get_by_role("combobox", name="Route to …")
    await route.fill("Care")
    await route.press("Enter")
    await expect(card).to_contain_text("with Care", timeout=30_000)

    eva = await stage.tab(EVA, CARE)
    theirs = messages(eva, "my parcel arrived broken").first
    await choose(theirs, "Claim")
    await expect(theirs).to_contain_text("with Eva Lindt of Care", timeout=30_000)
    await choose(theirs, "Resolve")
    await expect(theirs).to_contain_text("Resolved", timeout=30_000)
    await expect(card).to_contain_text("Resolved", timeout=30_000)

    ours = sandbox.locator("article").filter(has_text="my parcel arrived broken").first
    await ours.locator("summary").click()
    await ours.get_by_role("textbox").fill("@acorn still nothing, this is awful")
    await ours.get_by_role("button", name="Reply", exact=True).click()
    await expect(theirs).to_contain_text("still nothing, this is awful", timeout=30_000)
    await expect(theirs).to_contain_text("Needs an answer")
    await screenshot(eva, "mentions-again")


async def test_what_is_late_is_answered_from_the_inbox(stage: Stage, new_page: NewPage) -> None:
    sandbox = await new_page()
    await sandbox.goto(f"{stage.address}/sandbox/")
    await sandbox.get_by_label("Post as").select_option("Tom Lindqvist")
    await sandbox.get_by_role("button", name="Complain about the brand").click()
    alerts = await stage.tab(DANA, ALERTS)
    await expect(messages(alerts, "Needs an answer")).to_have_count(1, timeout=30_000)
    await it_is_late(stage.services)
    eva = await stage.tab(EVA, "messages", PHONE)
    await expect(messages(eva, "1 negative mention is overdue")).to_be_visible(timeout=30_000)
    await screenshot(eva, "inbox-overdue-phone")
    dana = await stage.tab(DANA, "messages")
    inbox = messages(dana, "1 negative mention is overdue")
    await expect(inbox).to_be_visible(timeout=30_000)
    await screenshot(dana, "inbox-overdue")
    await inbox.get_by_role("button", name="Reply", exact=True).click()
    form = dialog(dana, "Reply")
    await form.get_by_label("Resolve with this").check()
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_be_hidden(timeout=30_000)
    for tab in (dana, eva):
        await expect(messages(tab, "Nothing waits for you")).to_be_visible(timeout=30_000)
    alerts = await stage.tab(DANA, ALERTS)
    await expect(messages(alerts, "Resolved")).to_have_count(1, timeout=30_000)


async def test_doubtful_ones_are_dismissed_together(stage: Stage, new_page: NewPage) -> None:
    sandbox = await new_page()
    await sandbox.goto(f"{stage.address}/sandbox/")
    for who, text in (
        ("Tom Lindqvist", "@acorn the bag was a little torn."),
        ("Léa Moreau", "@acorn I miss the old bags."),
        ("Jonas Weber", "@acorn the lid was a little torn, too."),
    ):
        await sandbox.get_by_label("Post as").select_option(who)
        await sandbox.get_by_label("What do you want to say?").fill(text)
        await sandbox.get_by_role("button", name="Post", exact=True).click()
        await expect(sandbox.get_by_label("What do you want to say?")).to_have_value("")
    database = stage.services.database

    async def heard() -> bool:
        async with database.reading() as tx:
            found = (await tx.connection.exec_driver_sql("SELECT text FROM mentions")).all()
        return len(found) == 3

    await eventually(heard)
    async with database.transaction() as tx:  # the time of the next list has come
        await tx.connection.exec_driver_sql("DELETE FROM occurrences")
    await mention_times(stage.services)
    dana = await stage.tab(DANA, ALERTS)
    shown = messages(dana, "possibly negative mentions")
    await expect(shown).to_contain_text("3 possibly negative mentions", timeout=30_000)
    await screenshot(dana, "mentions-doubtful")
    tom = shown.locator(".block").filter(has_text="Tom Lindqvist")
    await tom.get_by_role("button", name="More actions").click()
    await shown.get_by_role("menuitem", name="It is negative").click()
    await expect(messages(dana, "Needs an answer")).to_have_count(1, timeout=30_000)
    await shown.get_by_role("button", name="Dismiss all").click()
    sure = dana.get_by_role("dialog", name="None of them is negative?")
    await sure.get_by_role("button", name="Dismiss all").click()
    looked_at = messages(dana, "everything was looked at")
    await expect(looked_at).to_contain_text("Not negative, says Dana Weber", timeout=30_000)
    await screenshot(dana, "mentions-doubtful-done")


async def test_a_feed_is_followed_and_what_is_not_negative_is_put_aside(stage: Stage) -> None:
    entries: list[str] = []

    async def feed(_: Request) -> Response:
        return Response(FEED.format("".join(entries)), media_type="application/rss+xml")

    async def page(_: Request) -> Response:
        return HTMLResponse("<!doctype html><title>News</title>")

    routes = [Route("/feed", feed), Route("/page", page)]
    dana = await stage.tab(DANA, ALERTS)
    async with serve(Starlette(routes=routes)) as address:
        await write(dana, f"/social watch {address}/page")
        await expect(messages(dana, "Nothing was stored")).to_be_visible(timeout=30_000)
        await screenshot(dana, "mentions-no-feed")
        await write(dana, f"/social watch {address}/feed")
        added = messages(dana, "Following Coffee forum")
        await expect(added).to_contain_text("0 of 0 entries name your brand")
        entries += [ENTRY.format(1, "Acorn Coffee: awful service, I am so angry")]
        entries += [ENTRY.format(2, "What a horrible, terrible mess elsewhere")]
        card = messages(dana, "awful service")
        await expect(card).to_contain_text("Needs an answer", timeout=30_000)
        await expect(card.get_by_role("button", name="Reply", exact=True)).to_have_count(0)
        await screenshot(dana, "mentions-from-a-feed")
        await choose(card, "Not negative")
        await expect(card).to_contain_text("Not negative")
        await expect(card).to_contain_text("Dana Weber")
        await expect(card).not_to_contain_text("Answer by")
        await screenshot(dana, "mentions-not-negative")
        await write(dana, "/social mentions")
        shown = dialog(dana, "Mentions")
        await expect(shown).to_contain_text("Nothing")
        await screenshot(dana, "mentions-none-left")
        await shown.get_by_role("button", name="Close").last.click()
        await expect(messages(dana, "elsewhere")).to_have_count(0)


async def test_lists_and_what_is_listened_for(stage: Stage, new_page: NewPage) -> None:
    sandbox = await new_page()
    await sandbox.goto(f"{stage.address}/sandbox/")
    said = (
        "@acorn the bag was a little torn.",
        "@acorn Der Kaffee kam leider kalt an, das war nichts.",
        "@acorn awful <b>service</b>, I am angry :tada: *never* again!",
        "@acorn what time do you close on Sunday?",
    )
    for text in said:
        await sandbox.get_by_label("What do you want to say?").fill(text)
        await sandbox.get_by_role("button", name="Post", exact=True).click()
        await expect(sandbox.get_by_label("What do you want to say?")).to_have_value("")
    dana = await stage.tab(DANA, ALERTS)
    await expect(messages(dana, "Needs an answer")).to_have_count(1, timeout=30_000)
    for size, name in (((1280, 900), ""), (PHONE, "-phone")):
        await dana.set_viewport_size({"width": size[0], "height": size[1]})
        await write(dana, "/social mentions")
        shown = dialog(dana, "Mentions")
        await expect(shown).to_contain_text("1 to answer or to solve", timeout=30_000)
        await expect(shown).to_contain_text("Couldn't be read (1)")
        await screenshot(dana, f"mentions-list{name}")
        await shown.get_by_role("button", name="Close").last.click()
        await write(dana, "/social watch")
        watching = dialog(dana, "What we listen for")
        await expect(watching).to_contain_text("Acorn Coffee, @acorn", timeout=30_000)
        await screenshot(dana, f"mentions-watch{name}")
        await watching.get_by_role("button", name="Close").last.click()
        await (
            messages(dana, "Needs an answer")
            .get_by_role("button", name="Reply", exact=True)
            .click()
        )
        form = dialog(dana, "Reply")
        await expect(form).to_be_visible(timeout=30_000)
        await screenshot(dana, f"mentions-form{name}")
        await form.get_by_role("button", name="Cancel").click()
