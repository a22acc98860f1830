"""A stage for journeys: the strict playground, the bot as a process of its own, people's tabs.

The playground (its Slack, its page, Sandbox) runs in the test's own event loop; the bot is
``python -m bot run``, started, killed and started again as an operator would. What a journey needs
beforehand is set up in the bot's database as `make play` does it.
"""

import asyncio
import contextlib
import io
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.async_api import Locator, expect
from playwright.async_api import Page as Tab

from bot.bootstrap import build_services, open_networks
from bot.clock import Clock
from bot.playground.play import play_settings, playground
from bot.playground.seed import EVA, SOCIAL, TEAM
from bot.playground.slack import Slack
from bot.playground.starting_point import furnish
from bot.services import Services
from bot.settings import read_settings
from bot.team import Person
from storage import workspaces
from storage.database import Database
from storage.migrations import migrate
from tests.servers.chromium import DESKTOP, NewPage
from tests.servers.eventually import eventually

ROOT = Path(__file__).parents[2]
RUNNING = "Socialdesk is running"


@dataclass(slots=True)
class Stage:
    """Where a journey happens. ``services`` work on the bot's own database, beside the bot."""

    slack: Slack
    address: str
    folder: Path
    environment: Mapping[str, str]
    services: Services
    new_page: NewPage
    bot: Process | None = None
    _tabs: dict[str, Tab] = field(default_factory=dict)

    # The bot

    async def start_bot(self) -> None:
        """Start it and wait until it says that it runs."""
        said = self.log().count(RUNNING)
        with (self.folder / "bot.log").open("ab") as log:
            self.bot = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                cwd=self.folder,  # so that it finds no .env of ours
                env={**self.environment, "PYTHONPATH": str(ROOT)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

        async def is_up() -> bool:
            assert self.bot is not None
            assert self.bot.returncode is None, self.log()
            return self.log().count(RUNNING) > said

        await eventually(is_up, within=60)

    async def end_bot(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end (or kill it: SIGKILL); its exit code."""
        assert self.bot is not None
        if self.bot.returncode is None:
            self.bot.send_signal(how)
        return await self.bot.wait()

    def log(self) -> str:
        """What the bot has logged, over all its lives."""
        file = self.folder / "bot.log"
        return file.read_text(errors="replace") if file.exists() else ""

    @property
    def database_file(self) -> Path:
        return self.folder / "socialdesk.db"

    # People

    async def tab(self, who: str, place: str = SOCIAL, size: tuple[int, int] = DESKTOP) -> Tab:
        """The person's tab, gone to a channel (or ``home``, or somebody's ``im``)."""
        if who not in self._tabs:
            self._tabs[who] = await self.new_page(size)
            await self._tabs[who].add_locator_handler(dialog(self._tabs[who], "Done"), _close)
        tab = self._tabs[who]
        await tab.goto(f"{self.address}/w/{who}/{place}")
        await tab.wait_for_load_state("load")
        return tab

    # Trouble

    async def trouble_slack(self, **order: Any) -> None:
        """See the playground's ``/playground/faults``."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{self.address}/playground/faults", json=order)
        assert answer.status_code == 200, answer.text

    async def trouble_sandbox(self, kind: str, **order: Any) -> None:
        """Let publishing on Sandbox go wrong (see ``sandbox_faults.FaultKind``)."""
        wanted = {"kind": kind, "method": "POST", "path": "/api/posts", **order}
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{self.address}/sandbox/control/faults", json=wanted)
        assert answer.is_success, answer.text

    # Sandbox

    async def live(self, containing: str) -> list[dict[str, Any]]:
        """The brand's posts on Sandbox that hold this text, as Sandbox's own API shows them."""
        async with httpx.AsyncClient(base_url=f"{self.address}/sandbox/api") as client:
            login = {"handle": "acorn", "password": "acorn-coffee"}
            token = (await client.post("/login", json=login)).json()["token"]
            listed = await client.get("/posts", headers={"Authorization": f"Bearer {token}"})
        return [post for post in listed.json()["posts"] if containing in post["text"]]

    async def goes_live(self, containing: str, within: float = 30) -> dict[str, Any]:
        """Wait for exactly one such post."""
        found = await eventually(lambda: self.live(containing), within=within)
        assert len(found) == 1, found
        return found[0]

    async def connect(self, network: str, **fields: str) -> None:
        """Connect one more account, as the admin would."""
        await self.services.accounts.connect(Person(TEAM.id, EVA), network, fields)


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    new_page: NewPage,
    *,
    over_http: bool = False,
    is_set_up: bool = True,
    own_cards: bool = True,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Stage]:
    """A stage with its bot running.

    :param is_set_up: as `make play` begins; else nobody has set Socialdesk up yet.
    :param own_cards: as in `make play`; else what isn't due soon waits in lists.
    :param over_http: Slack sends signed HTTP requests; else the bot opens sockets.
    :param environment: further settings of the bot.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}/slack/events" if over_http else None
    folder.mkdir(parents=True, exist_ok=True)
    async with playground(folder, 0, {}, request_url=url, strict=True) as (slack, address):
        # The playground's own settings say what a bot in it needs; the process gets them as text.
        play_settings(slack, address, folder, {})  # makes the key
        app = slack.workspace.app
        way_in = {"SLACK_APP_TOKEN": app.app_token}
        if over_http:
            way_in = {"SLACK_SIGNING_SECRET": app.signing_secret, "HTTP_PORT": str(port)}
        given = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(folder),
            "SECRET_KEY": (folder / "secret.key").read_text(),
            "SLACK_BOT_TOKEN": app.bot_token,
            "SLACK_API_URL": f"{address}/api/",
            "SANDBOX_URL": f"{address}/sandbox",
            "ALLOW_PRIVATE_ADDRESSES": "true",
            "POLL_SECONDS": "3",
            **way_in,
            **(environment or {}),
        }
        async with _services(given, folder) as services:
            stage = Stage(slack, address, folder, given, services, new_page)
            if is_set_up:
                await furnish(services, TEAM.id, own_cards=own_cards)
            try:
                await stage.start_bot()
                yield stage
            finally:
                if stage.bot is not None:
                    await _end_for_sure(stage.bot)


@contextlib.asynccontextmanager
async def _services(given: Mapping[str, str], folder: Path) -> AsyncIterator[Services]:
    settings = read_settings(given, dotenv=folder / "none")
    async with contextlib.AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        await migrate(database)
        async with database.transaction() as tx:
            await workspaces.ensure(tx, TEAM.id, TEAM.name, datetime.now(UTC))
        networks = await stack.enter_async_context(open_networks(settings))
        yield build_services(settings, database, Clock(), networks)


async def _end_for_sure(bot: Process) -> None:
    if bot.returncode is None:
        bot.terminate()
        try:
            async with asyncio.timeout(10):
                await bot.wait()
        except TimeoutError:
            bot.kill()
            await bot.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# What is on a page


def composer(tab: Tab) -> Locator:
    return tab.get_by_role("main").get_by_role("combobox", name=re.compile("^Message "))


def messages(tab: Tab, containing: str = "") -> Locator:
    """The channel's messages that show this text."""
    return tab.get_by_role("main").get_by_role("article").filter(has_text=containing)


def dialog(tab: Tab, title: str) -> Locator:
    return tab.get_by_role("dialog", name=title)


def text_of(form: Locator) -> Locator:
    """The draft form's text."""
    return form.get_by_role("textbox", name="Text (optional)", exact=True)


def problem_at(form: Locator, block_id: str) -> Locator:
    """What is wrong, beside this field of a form."""
    return form.locator(f'[data-input-block="{block_id}"] .field-error:visible')


async def refused(
    form: Locator,
    button: str,
    block_id: str,
    said: str,
    *,
    put: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Press, and be told beside the field what is wrong.

    On a busy machine the answer is late and says it on top of the form, as Slack takes no errors
    any more then: press again.

    :param put: puts what is wrong into the form, for what isn't in it any more after a late
        answer: a file that was refused. Pressing again without it would be right.
    """
    beside = problem_at(form, block_id).filter(has_text=said)
    for is_last in (False, False, True):
        if put is not None:
            await put()
        await form.get_by_role("button", name=button).click()
        with contextlib.suppress(*() if is_last else (AssertionError,)):
            await expect(beside).to_be_visible()
            return


async def write(tab: Tab, text: str) -> None:
    """Write in the channel: a message or a command."""
    await composer(tab).click()  # waits for a form that is just closing: keys would go to it
    await composer(tab).fill(text)
    await composer(tab).press("Enter")


async def choose(place: Locator, option: str) -> None:
    """Choose from a message's menu of further actions."""
    await place.locator(".block").get_by_role("button", name="More actions").click()
    await place.get_by_role("menuitem", name=option, exact=True).click()


async def pick(form: Locator, label: str, option: str) -> None:
    """Choose in one of a form's selects."""
    box = form.get_by_role("combobox", name=label)
    await box.fill(option)
    await box.press("Enter")


async def _close(done: Locator) -> None:
    """What a busy machine shows when a form took longer than a second."""
    await done.get_by_role("button", name="Close").last.click()


def png(color: str = "#0b6e63", size: tuple[int, int] = (320, 200)) -> bytes:
    """A picture."""
    content = io.BytesIO()
    Image.new("RGB", size, color).save(content, "PNG")
    return content.getvalue()
