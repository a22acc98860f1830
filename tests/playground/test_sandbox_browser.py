"""Sandbox's page in a real browser: live, kind to whoever is typing, usable by keyboard."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.playground.sandbox import Sandbox, create_sandbox
from bot.playground.sandbox_seed import BRAND, COMPLAINTS
from tests.servers.chromium import PHONE, NewPage
from tests.servers.web import serve

pytestmark = pytest.mark.browser


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    made = create_sandbox(tmp_path, lambda: datetime.now(UTC))
    yield made
    made.close()


@pytest.fixture
async def address(sandbox: Sandbox) -> AsyncIterator[str]:
    async with serve(Starlette(routes=[Mount("/sandbox", routes=sandbox.routes)])) as origin:
        yield f"{origin}/sandbox/"


async def test_a_post_appears_while_somebody_is_typing(
    page: Page, address: str, sandbox: Sandbox
) -> None:
    await page.goto(address)
    post, _ = sandbox.state.publish(BRAND, "Open from seven")
    await expect(page.locator(f"#post-{post.id}")).to_contain_text("Open from seven")
    await page.locator(f"#post-{post.id} summary").click()
    reply = page.get_by_label("Your reply to Acorn Coffee").first
    await reply.fill("Half a sent")
    later, _ = sandbox.state.publish(BRAND, "And until six", reply_to=post.id)
    await expect(page.locator(f"#post-{later.id}")).to_be_visible()
    await expect(reply).to_have_value("Half a sent")
    await expect(reply).to_be_focused()
    await expect(page.locator("#news")).to_have_text("New post by Acorn Coffee")
    sandbox.state.delete(BRAND, later.id)
    await expect(page.locator(f"#post-{later.id}")).to_have_count(0)


async def test_one_click_complains_as_the_chosen_person(
    page: Page, address: str, sandbox: Sandbox
) -> None:
    await page.goto(address)
    await page.get_by_label("Post as").select_option("Tom Lindqvist")
    await page.get_by_role("button", name="Complain about the brand").click()
    newest = page.locator("article").first
    await expect(newest).to_contain_text("Tom Lindqvist")
    (heard,) = sandbox.state.notifications(BRAND)[-1:]
    assert heard.post.author == "tom"
    assert heard.post.text in {text.format(brand=BRAND) for text in COMPLAINTS}
    await page.reload()
    await expect(page.get_by_label("Post as")).to_have_value("tom")


async def test_one_click_complains_under_a_post_of_the_brand(
    page: Page, address: str, sandbox: Sandbox
) -> None:
    post, _ = sandbox.state.publish(BRAND, "Open from seven")
    await page.goto(address)
    ours = page.locator(f"#post-{post.id}")
    await ours.locator("summary").click()
    await ours.get_by_role("button", name="Complain in a reply").click()
    await expect(page.locator(f"#thread-{post.id} article")).to_have_count(2)
    assert sandbox.state.notifications(BRAND)[-1].kind == "reply"


async def test_everything_works_by_keyboard(page: Page, address: str, sandbox: Sandbox) -> None:
    await page.goto(address)
    await page.get_by_label("What do you want to say?").focus()
    await page.keyboard.type("Typed by hand")
    await page.keyboard.press("Control+Enter")
    newest = page.locator("article").first
    await expect(newest).to_contain_text("Typed by hand")
    await expect(page.get_by_label("What do you want to say?")).to_have_value("")
    like = newest.get_by_role("button", name="Like")
    await like.focus()
    await page.keyboard.press("Enter")
    await expect(like).to_have_attribute("aria-pressed", "true")
    await expect(like).to_contain_text("1")
    await expect(like).to_be_focused()


async def test_a_text_that_is_too_long_is_kept_and_told(page: Page, address: str) -> None:
    await page.goto(address)
    text = page.get_by_label("What do you want to say?")
    await text.fill("a" * 301)
    await expect(page.locator("output").first).to_have_text("-1")
    await page.get_by_role("button", name="Post", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("1 over the limit of 300")
    await expect(text).to_have_value("a" * 301)


async def test_the_page_fits_a_phone_and_works_without_javascript(
    new_page: NewPage, address: str
) -> None:
    phone = await new_page(PHONE, java_script_enabled=False)
    await phone.goto(address)
    assert await phone.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    await phone.get_by_label("What do you want to say?").fill("No scripts here")
    await phone.get_by_role("button", name="Post", exact=True).click()
    await expect(phone.locator("article").first).to_contain_text("No scripts here")
