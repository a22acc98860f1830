"""A real browser for the tests: Chromium without a window, cut off from the world.

- ``browser``: a browser of this test's own, with a profile that ends with it;
- ``new_page``: opens further pages, each with cookies of its own (so each can be another person);
- ``page``: one such page, at desktop width.

A test fails if a page of it had an uncaught JavaScript error or asked for anything that is not on
this machine. The browser is started by each test that asks for it: measured on two cores it costs
one second, and it stays in the test's own event loop, together with the servers under test.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.servers.skips import lacking

DESKTOP = (1280, 900)
PHONE = (390, 844)

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name but this machine's is found, whatever asks for it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_HERE = {"127.0.0.1", "localhost"}
_FROM_A_SERVER = {"http", "https", "ws", "wss"}
_PATIENCE = 15_000  # milliseconds for what a page should show; two busy cores need some


class NewPage(Protocol):
    """Opens a page with cookies of its own; ``options`` are those of Playwright's contexts."""

    async def __call__(self, size: tuple[int, int] = DESKTOP, **options: Any) -> Page: ...


@pytest.fixture(scope="session")
def browser_program() -> str:
    """Where Chromium is on this machine."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        lacking("Chromium is not on this machine", "apt install chromium")
    return program


@pytest.fixture
async def browser(browser_program: str) -> AsyncIterator[Browser]:
    """Chromium, started for this test with a new profile."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=browser_program,
            args=_OPTIONS,
            chromium_sandbox=False,  # it can't be had as root, and the pages are our own
        )
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture
async def new_page(browser: Browser) -> AsyncIterator[NewPage]:
    """Opens pages, and holds at the end that none of them did what no page may do."""
    misdeeds: list[str] = []

    async def open_page(size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
        width, height = size
        defaults = {"locale": "en-US", "timezone_id": "UTC"}
        context = await browser.new_context(
            viewport={"width": width, "height": height}, **{**defaults, **options}
        )
        context.set_default_timeout(_PATIENCE)
        page = await context.new_page()
        page.on("pageerror", lambda error: misdeeds.append(f"JavaScript error: {error}"))
        page.on("request", lambda request: _note_if_foreign(request.url, misdeeds))
        page.on("websocket", lambda websocket: _note_if_foreign(websocket.url, misdeeds))
        return page

    yield open_page
    assert misdeeds == [], misdeeds  # pytest explains no assert of a helper's


@pytest.fixture
async def page(new_page: NewPage) -> Page:
    """A page at desktop width."""
    return await new_page()


SCREENSHOTS = Path(os.environ.get("SCREENSHOTS") or Path(__file__).parents[2] / "screenshots")


async def screenshot(page: Page, name: str, folder: Path = SCREENSHOTS) -> Path:
    """Keep a picture of the whole page as ``NAME.png``, to be looked at by people."""
    picture = folder / f"{name}.png"
    await page.screenshot(path=picture, full_page=True, animations="disabled", caret="hide")
    return picture


def _note_if_foreign(url: str, misdeeds: list[str]) -> None:
    address = urlsplit(url)
    if address.scheme in _FROM_A_SERVER and address.hostname not in _HERE:
        misdeeds.append(f"asked for {url}")
