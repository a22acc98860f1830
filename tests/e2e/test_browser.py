"""The browser that the end-to-end tests look through: real, quick, cut off from the world."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.servers.chromium import PHONE, NewPage, screenshot
from tests.servers.web import serve

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Hello</title>
<link rel="icon" href="data:,">
<h1>Hello, {name}</h1><p>Emoji: \N{PARTY POPPER}</p><button>Say it</button><output></output>
<script>document.querySelector("button").onclick =
  () => {{ document.querySelector("output").textContent = "said" }}</script></html>"""


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server in the test's own event loop, as the product's will be."""

    async def hello(request: Request) -> HTMLResponse:
        answer = HTMLResponse(PAGE.format(name=request.cookies.get("name", "nobody")))
        if "name" in request.query_params:
            answer.set_cookie("name", request.query_params["name"])
        return answer

    async with serve(Starlette(routes=[Route("/", hello)])) as url:
        yield url


async def test_a_page_runs_and_answers_to_a_press(page: Page, address: str) -> None:
    await page.goto(address)
    await expect(page.get_by_role("heading", name="Hello, nobody")).to_be_visible()
    await page.get_by_role("button", name="Say it").click()
    await expect(page.get_by_role("status")).to_have_text("said")


async def test_two_pages_are_two_people(new_page: NewPage, address: str) -> None:
    ada, grace = await new_page(), await new_page(PHONE)
    await ada.goto(f"{address}?name=Ada")
    await ada.goto(address)
    await grace.goto(address)
    await expect(ada.get_by_role("heading")).to_have_text("Hello, Ada")
    await expect(grace.get_by_role("heading")).to_have_text("Hello, nobody")


async def test_a_picture_of_a_page_is_kept(page: Page, address: str, tmp_path: Path) -> None:
    await page.goto(address)
    picture = await screenshot(page, "hello", tmp_path)
    assert picture == tmp_path / "hello.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


async def test_no_name_beyond_this_machine_is_found(browser: Browser) -> None:
    page = await browser.new_page()
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        await page.goto("http://example.com/")


BAD_PAGES = """
from playwright.async_api import Page

async def test_that_asks_elsewhere(page: Page) -> None:
    await page.set_content("<img src='https://example.com/a.png'>")

async def test_with_an_error(page: Page) -> None:
    await page.set_content("<script>setTimeout(() => { throw Error('oh no') })</script>")
    await page.wait_for_timeout(100)

async def test_that_is_fine(page: Page) -> None:
    await page.set_content("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>")
"""


def test_what_no_page_may_do_fails_its_test(browser_program: str, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    (tmp_path / "test_pages.py").write_text(BAD_PAGES)
    alone = ["-rE", "-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini"), str(tmp_path)]
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.servers.chromium", *alone],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "3 passed, 2 errors" in outcome.stdout, outcome.stdout
    assert "asked for https://example.com/a.png" in outcome.stdout
    assert "JavaScript error: oh no" in outcome.stdout
