"""Two Slack workspaces, Acorn and Birch, and one app that is installed in them by its OAuth flow.

The bot takes signed HTTP, as behind a load balancer: any number of processes (here: bots in the
test's own event loop) on one database, and each delivery may go to another one.
"""

import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.fernet import Fernet

from bot.bootstrap import Bot, running
from bot.playground import seed
from bot.playground.installing import Distribution, create_many, distributed
from bot.playground.records import Channel, Message, Team, User
from bot.playground.server import serving
from bot.playground.slack import Slack
from bot.playground.workspace import SLACKBOT, Workspace
from bot.settings import Settings, read_settings
from handlers.manifest import manifest
from tests.handlers.stage import text_of
from tests.servers.eventually import eventually

BIRCH = Team("T0BIRCH0001", "Birch", "birch")
UMA = "W0UMA000001"
BIRCH_SOCIAL = "C0BIRCHSOCL"
BIRCH_APPROVALS = "C0BIRCHAPPR"
ACORN = seed.TEAM
COOKIE = "slack-app-oauth-state"


@dataclass
class Many:
    """The two teams, the app, and the bots that serve it."""

    distribution: Distribution
    address: str
    settings: Settings
    secret_key: str
    bots: list[Bot] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def slack(self, team: Team) -> Slack:
        return self.distribution.slacks[team.id]

    def deliver_to(self, number: int) -> None:
        """Slack's requests go to this bot from now on."""
        for slack in self.distribution.slacks.values():
            slack.delivery.request_url = f"{self.urls[number]}/slack/events"

    async def begin(self, number: int = 0) -> tuple[str, dict[str, str]]:
        """Somebody opens *Add to Slack*: Slack's address they are sent to, and their cookie."""
        async with httpx.AsyncClient() as browser:
            sent = await browser.get(f"{self.urls[number]}/slack/install")
        assert sent.status_code == 302, sent.text
        return sent.headers["location"], {COOKIE: sent.cookies[COOKIE]}

    async def allow(self, location: str, team: Team, installer: str) -> str:
        """They press *Allow* on Slack's page: the address that they come back to."""
        async with httpx.AsyncClient() as browser:
            asked = await browser.get(location)
            assert asked.status_code == 200, asked.text
            back = await browser.post(location, data={"team": team.id, "user": installer})
        address: str = back.headers["location"]
        return address

    async def finish(self, back: str, cookies: dict[str, str], number: int = 0) -> httpx.Response:
        """They come back, to any of the bots."""
        parts = urlsplit(back)
        async with httpx.AsyncClient() as browser:
            header = "; ".join(f"{name}={value}" for name, value in cookies.items())
            return await browser.get(
                f"{self.urls[number]}{parts.path}?{parts.query}", headers={"Cookie": header}
            )

    async def install(
        self, team: Team, installer: str, *, begin: int = 0, finish: int = 0
    ) -> httpx.Response:
        """All of it."""
        location, cookies = await self.begin(begin)
        back = await self.allow(location, team, installer)
        return await self.finish(back, cookies, finish)

    def said(self, team: Team, channel: str, viewer: str | None = None) -> list[str]:
        """What a channel shows."""
        return [text_of(one) for one in self.slack(team).workspace.timeline(channel, viewer)]

    async def seen(
        self, team: Team, channel: str, containing: str, viewer: str | None = None
    ) -> Message:
        """The newest message there that shows this."""

        async def look() -> Message | None:
            shown = self.slack(team).workspace.timeline(channel, viewer)
            return next((one for one in reversed(shown) if containing in text_of(one)), None)

        found = await eventually(look)
        assert found is not None
        return found


def state_of(address: str) -> str:
    """The state in one of Slack's addresses."""
    return parse_qs(urlsplit(address).query)["state"][0]


@contextlib.asynccontextmanager
async def many_staged(
    folder: Path, database_url: str | None = None, *, bots: int = 1
) -> AsyncIterator[Many]:
    """Nothing is installed yet. More than one bot needs PostgreSQL."""
    ports = _free_ports(bots)
    public = f"http://127.0.0.1:{ports[0]}"
    made = manifest(
        request_url=f"{public}/slack/events", redirect_url=f"{public}/slack/oauth_redirect"
    )
    acorn, birch = Workspace(folder / "acorn", made), Workspace(folder / "birch", made)
    slacks = [
        Slack.around(workspace, request_url=f"{public}/slack/events")
        for workspace in (acorn, birch)
    ]
    acorn.put_team(ACORN)
    birch.put_team(BIRCH)
    distribution = distributed(slacks)
    seed.seed(acorn)
    _seed_birch(birch)
    async with contextlib.AsyncExitStack() as stack:
        served = create_many(distribution, strict=True)
        address = await stack.enter_async_context(serving(slacks[0], served))
        birch.base_url = address
        for slack in slacks:
            stack.push_async_callback(slack.close)
        secret_key = Fernet.generate_key().decode()
        settings = read_settings(
            {
                "DATA_DIR": str(folder / "bot"),
                "DATABASE_URL": database_url or "",
                "SECRET_KEY": secret_key,
                "SLACK_CLIENT_ID": distribution.client_id,
                "SLACK_CLIENT_SECRET": distribution.client_secret,
                "SLACK_SIGNING_SECRET": acorn.app.signing_secret,
                "SLACK_API_URL": f"{address}/api/",
                "PUBLIC_URL": public,
                "HTTP_PORT": str(ports[0]),
                "ALLOW_PRIVATE_ADDRESSES": "true",
                "POLL_SECONDS": "3600",
            },
            folder / "no-dotenv",
        )
        many = Many(distribution, address, settings, secret_key)
        for port in ports:
            many.bots.append(await stack.enter_async_context(running(_on(settings, port))))
            many.urls.append(f"http://127.0.0.1:{port}")
        yield many
        for slack in slacks:
            await slack.delivery.settle()
        for bot in many.bots:
            await bot.desk.tasks.drain(10)


def _seed_birch(workspace: Workspace) -> None:
    app = workspace.app
    workspace.put_user(User(SLACKBOT, "slackbot", "Slackbot", color="611f69", is_bot=True))
    workspace.put_user(User(app.bot_user_id, "socialdesk", "Socialdesk", is_bot=True))
    workspace.put_user(User(UMA, "uma", "Uma Reyes", "Europe/Madrid"))
    for channel_id, name in ((BIRCH_SOCIAL, "social"), (BIRCH_APPROVALS, "approvals")):
        workspace.put_channel(
            Channel(id=channel_id, name=name, members=(UMA, app.bot_user_id), creator=UMA)
        )


def _on(settings: Settings, port: int) -> Settings:
    return replace(settings, http_port=port)


def _free_ports(number: int) -> Sequence[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
