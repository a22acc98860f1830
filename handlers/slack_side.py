"""How the bot reaches Slack: Bolt's app, Web API clients and sockets, for one workspace or many."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import aiohttp
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.accounts import Vault
from bot.clock import Clock
from bot.errors import SettingsError
from bot.installations import Installations
from bot.serving import CLOSE_S
from bot.settings import WHERE_APP, WHERE_BOT, Settings
from handlers.clients import Clients, InstalledClients, OneClient, Tokens
from handlers.installations import INSTALL_PATH, NOT_FOUND, Authorizing, oauth_settings
from handlers.manifest import BOT_SCOPES
from handlers.slack_calls import UNREACHABLE, refusal
from storage import workspaces
from storage.database import Database
from storage.installations import InstallationStore, OAuthStateStore

APP_NAME = "Socialdesk"  # else Bolt looks for a file's name, which takes 150 ms
SOCKETS = 2  # Bolt closes a socket before it opens the next one: two leave no gap


@dataclass(frozen=True, slots=True)
class SlackSide:
    """How Slack is spoken to: for the one workspace of a bot token, or for all installations.

    :param clients: for what a person waits for: they wait as long as Slack asks to, once.
    :param impatient: for notices.
    """

    app: AsyncApp
    clients: Clients
    impatient: Clients
    team_id: str
    tokens: Tokens | None


async def one_workspace(
    settings: Settings, session: aiohttp.ClientSession, database: Database
) -> SlackSide:
    """The workspace of SLACK_BOT_TOKEN. Who the bot is is asked once, so no request waits for it.

    :raises SettingsError: Slack refuses the token or can't be reached.
    """
    client = slack_client(settings, session, settings.slack_bot_token)
    identity = await _who_we_are(client)
    async with database.transaction() as tx:
        await workspaces.ensure(tx, identity["team_id"], identity["team"], datetime.now(UTC))
    app = slack_app(settings, slack_client(settings, session, None), identity)
    impatient = slack_client(settings, session, settings.slack_bot_token, waits=False)
    return SlackSide(app, OneClient(client), OneClient(impatient), identity["team_id"], None)


def slack_app(settings: Settings, client: AsyncWebClient, identity: AsyncSlackResponse) -> AsyncApp:
    """The Bolt app of one workspace.

    :param identity: what Slack said of who the bot is there.
    """
    result = AuthorizeResult(
        enterprise_id=None,
        team_id=identity["team_id"],
        bot_user_id=identity["user_id"],
        bot_id=identity.get("bot_id"),
        bot_token=settings.slack_bot_token,
    )

    async def authorize(**_: Any) -> AuthorizeResult:
        return result

    return AsyncApp(
        name=APP_NAME,
        client=client,
        authorize=authorize,
        # Nothing can be signed with a secret that nobody knows; sockets need no signature.
        signing_secret=settings.slack_signing_secret or secrets.token_hex(),
    )


def many_workspaces(
    settings: Settings,
    session: aiohttp.ClientSession,
    database: Database,
    installed: Installations,
    clock: Clock,
) -> SlackSide:
    """All workspaces that the app is or will be installed in."""
    client_id, client_secret = settings.slack_client_id, settings.slack_client_secret
    public_url, signing_secret = settings.public_url, settings.slack_signing_secret
    assert client_id and client_secret  # the settings see to all four  # noqa: PT018
    assert public_url and signing_secret  # noqa: PT018
    store = InstallationStore(database, Vault(settings.secret_keys), installed.kept, clock.now)
    client = slack_client(settings, session, None)
    rotator = AsyncTokenRotator(client_id=client_id, client_secret=client_secret, client=client)
    tokens = Tokens(database, store, rotator, installed, clock)
    flow = oauth_settings(
        client_id=client_id,
        client_secret=client_secret,
        public_url=public_url,
        authorize_url=urljoin(settings.slack_api_url, "/oauth/v2/authorize"),
        scopes=BOT_SCOPES,
        store=store,
        states=OAuthStateStore(database, clock.now),
        installed=installed,
    )
    app = AsyncApp(
        name=APP_NAME,
        client=client,
        authorize=Authorizing(tokens),  # type: ignore[arg-type]  # Bolt takes its own kind too
        oauth_settings=flow,
        signing_secret=signing_secret,
        user_facing_authorize_error_message=NOT_FOUND.format(url=f"{public_url}{INSTALL_PATH}"),
    )

    def patient(token: str, team_id: str) -> AsyncWebClient:
        return slack_client(settings, session, token, team_id=team_id)

    def impatient(token: str, team_id: str) -> AsyncWebClient:
        return slack_client(settings, session, token, team_id=team_id, waits=False)

    return SlackSide(
        app, InstalledClients(tokens, patient), InstalledClients(tokens, impatient), "", tokens
    )


async def _who_we_are(client: AsyncWebClient) -> AsyncSlackResponse:
    try:
        return await client.auth_test()
    except SlackApiError as error:
        problem = f"SLACK_BOT_TOKEN: Slack refuses it ({refusal(error)}). {WHERE_BOT}"
        raise SettingsError([problem]) from error
    except UNREACHABLE as error:
        problem = f"SLACK_API_URL: Slack {refusal(error)} at {client.base_url}"
        raise SettingsError([problem]) from error


def slack_client(
    settings: Settings,
    session: aiohttp.ClientSession,
    token: str | None,
    *,
    team_id: str | None = None,
    waits: bool = True,
) -> AsyncWebClient:
    """The Web API client. Bolt copies it for each request, so what matters is in its parts.

    :param token: None for Bolt's own, which gets the token from `authorize`.
    :param team_id: the workspace, for a token that may be of its whole organisation.
    :param waits: sleep as long as Slack asks to (429), and try once more. Never after a broken
        connection: it could post a message twice.
    """
    return AsyncWebClient(
        token=token,
        team_id=team_id,
        base_url=settings.slack_api_url,
        session=session,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=1)] if waits else [],
    )


@contextlib.asynccontextmanager
async def sockets(app: AsyncApp, settings: Settings) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Connections to Slack; gives what counts those that are open."""
    token = settings.slack_app_token
    assert token is not None
    clients: list[SocketModeClient] = []

    async def connected() -> int:
        return sum([await client.is_connected() for client in clients])

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(SOCKETS):
            handler = AsyncSocketModeHandler(app, token, web_client=app.client)
            stack.push_async_callback(_within, CLOSE_S, handler.close_async)
            try:  # asked here, because connecting itself would ask again for ever
                opened = await app.client.apps_connections_open(app_token=token)
            except SlackApiError as error:
                problem = f"SLACK_APP_TOKEN: Slack refuses it ({refusal(error)}). {WHERE_APP}"
                raise SettingsError([problem]) from error
            handler.client.wss_uri = opened["url"]
            await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's
            clients.append(handler.client)
        yield connected


async def _within(seconds: float, close: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await close()
