"""The composition root: settings -> a running bot, started and stopped in order."""

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import aiohttp
import uvicorn
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import web
from bot.accounts import Accounts, Vault
from bot.approvals import Approvals
from bot.attempts import Timing
from bot.brake import Brakes
from bot.campaign_roles import CampaignRoles
from bot.charts import ChartWorker
from bot.clock import Clock
from bot.comments import Comments
from bot.deadlines import Deadlines
from bot.digest_plans import DigestPlans, DigestPoster
from bot.digests import Digests
from bot.drafting import Drafting
from bot.errors import SettingsError
from bot.guarded import GuardedTransport
from bot.health import HealthCheck
from bot.held_lists import HeldLists
from bot.holds import Holds
from bot.home import Homes
from bot.inboxes import Inboxes
from bot.installations import Installations
from bot.leaving import Leaving
from bot.listening import Listening
from bot.media import MediaFolder
from bot.mention_times import MentionTimes
from bot.mentions import Mentions
from bot.metrics import TICK, Metrics
from bot.networks import NETWORKS
from bot.networks.base import Network
from bot.networks.http import make_client
from bot.opening import alone_on, bring_up, prepare_folder, take_over
from bot.outcomes import Outcomes
from bot.policy_settings import Policies
from bot.publishing import Publisher
from bot.raising import Raiser
from bot.record import Record
from bot.replying import Replying
from bot.reviews import Reviews
from bot.scheduling import Scheduling
from bot.sentiment import EnglishClassifier, Thresholds
from bot.services import Services
from bot.serving import CLOSE_S, server_config
from bot.set_back import SetBack
from bot.settings import WHERE_APP, WHERE_BOT, Settings
from bot.setup import SettingUp
from bot.shared_channels import SharedChannels
from bot.suggestions import Suggestions
from bot.team import Team
from bot.triage import Triage
from bot.user_groups import UserGroups
from bot.watches import Watches
from handlers import register
from handlers.clients import LOOKED_EVERY, Clients, InstalledClients, OneClient, Tokens
from handlers.inbound import Desk
from handlers.installations import (
    INSTALL_PATH,
    NOT_FOUND,
    REDIRECT_PATH,
    Authorizing,
    InstallPages,
    oauth_settings,
)
from handlers.manifest import BOT_SCOPES
from handlers.notices import NoticeSender
from handlers.presence import Presence
from handlers.signed import SignedRequests
from handlers.slack_calls import UNREACHABLE, refusal
from handlers.user_groups import GroupReader
from storage import workspaces
from storage.database import Database
from storage.installations import InstallationStore, OAuthStateStore

APP_NAME = "Socialdesk"  # else Bolt looks for a file's name, which takes 150 ms
SOCKETS = 2  # Bolt closes a socket before it opens the next one: two leave no gap
DRAIN_S = 20.0  # for everything that is under way when it stops; shorter than a container is given
SLACK_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10)  # an upload included
FIRST_REFRESH_S = 10.0  # for tokens that ended while nothing ran
CHART_PATIENCE_S = 20.0  # well within a notice's lease, the upload included

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot. ``team_id``: the workspace of its token; empty where it serves many."""

    services: Services
    desk: Desk
    team_id: str


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


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    registry: Sequence[type[Network]] = NETWORKS,
    timing: Timing | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Bot]:
    """Start everything in order; at the end stop it in the opposite order.

    :param registry: the networks there are.
    :param timing: how long publishing and notices wait for what.
    :param clock: what tells the time, the database's included on SQLite.
    :raises SettingsError: the folder, the database or the port can't be used, Slack refuses a
        token or can't be reached.
    :raises AlreadyRunning: another process has the SQLite file.
    """
    clock = clock or Clock()
    async with contextlib.AsyncExitStack() as stack:
        prepare_folder(settings.data_dir)
        database = Database(settings.database_url, now=clock.now)
        stack.enter_context(alone_on(database))
        stack.push_async_callback(database.close)
        await bring_up(database)
        await take_over(database)
        # Of a session that it is given, slack_sdk takes the timeout from there.
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=SLACK_TIMEOUT))
        installed = Installations(database, clock)
        if settings.many_workspaces:
            slack = _many_workspaces(settings, session, database, installed, clock)
        else:
            slack = await _one_workspace(settings, session, database)
        clock.when_set_back(SetBack(database, clock).end_waits)
        networks = await stack.enter_async_context(open_networks(settings, registry))
        services = build_services(settings, database, clock, networks, installed)
        stack.push_async_callback(services.listening.close)
        stack.push_async_callback(services.charts.close)
        desk = Desk(slack.app, slack.clients, services)
        renderers = register(desk)
        sender = NoticeSender(
            database, slack.impatient, clock, renderers, timing, desk.outside.may_post
        )
        publisher = Publisher(database, services.accounts, services.media, clock, timing)
        clock.every(timedelta(seconds=settings.poll_seconds), "listening", services.listening.poll)
        clock.every(timedelta(minutes=1), "mentions", MentionTimes(database, clock).run)
        away = Presence(slack.clients, clock).away
        deadlines = Deadlines(database, clock, services.inboxes, away)
        clock.every(timedelta(minutes=1), "deadlines", deadlines.run)
        groups = GroupReader(slack.clients, services.user_groups, clock)
        clock.every(timedelta(minutes=10), "user groups", groups.read_due)
        if slack.tokens is not None:
            with contextlib.suppress(TimeoutError):  # it goes on every few minutes
                async with asyncio.timeout(FIRST_REFRESH_S):
                    await slack.tokens.refresh_due()
            clock.every(LOOKED_EVERY, "tokens", slack.tokens.refresh_due)
        poster = DigestPoster(database, services.metrics, clock)
        clock.start()
        clock.every(TICK, "numbers", services.metrics.measure_due)
        drains = (publisher.drain, sender.drain, desk.tasks.drain, services.metrics.drain)
        stack.push_async_callback(_drain_all, drains)
        stack.callback(clock.stop)
        for work in (publisher.run(), sender.run(), poster.run()):
            stack.push_async_callback(_cancel, asyncio.create_task(work))
        sockets = None
        if settings.socket_mode:
            sockets = await stack.enter_async_context(_sockets(slack.app, settings))
        if settings.http_port is not None:
            check = HealthCheck(database, sockets)
            await stack.enter_async_context(_http(slack.app, check, settings))
        yield Bot(services, desk, slack.team_id)


def build_services(
    settings: Settings,
    database: Database,
    clock: Clock,
    networks: Mapping[str, Network],
    installed: Installations | None = None,
) -> Services:
    """The use cases over a database and the networks.

    :param installed: where the one that remembers tokens exists already.
    """
    accounts = Accounts(database, networks, Vault(settings.secret_keys), clock)
    metrics, charts = Metrics(database, accounts, clock), ChartWorker(patience_s=CHART_PATIENCE_S)
    drafting = Drafting(database, accounts, clock)
    approvals = Approvals(database, clock)
    mentions = Mentions(database, accounts, clock)
    held_lists = HeldLists(database, accounts)
    feeds = make_client(transport=GuardedTransport(allow_private=settings.allow_private_addresses))
    raiser = Raiser(database, EnglishClassifier(), Thresholds(), clock)
    return Services(
        database=database,
        clock=clock,
        accounts=accounts,
        media=MediaFolder(settings.data_dir / "media"),
        drafting=drafting,
        scheduling=Scheduling(database, clock),
        approvals=approvals,
        policies=Policies(database, accounts, clock),
        comments=Comments(database, clock),
        suggestions=Suggestions(database, accounts, approvals, drafting, clock),
        reviews=Reviews(database, accounts, clock),
        inboxes=Inboxes(database, accounts, held_lists, clock),
        outcomes=Outcomes(database, accounts, clock),
        brakes=Brakes(database, accounts, clock),
        holds=Holds(database, accounts, clock),
        held_lists=held_lists,
        installations=installed or Installations(database, clock),
        setting_up=SettingUp(database, clock, settings.first_admin),
        shared_channels=SharedChannels(database, clock),
        team=Team(database, clock),
        user_groups=UserGroups(database, clock),
        campaign_roles=CampaignRoles(database, clock),
        leaving=Leaving(database),
        homes=Homes(database, accounts, clock),
        metrics=metrics,
        charts=charts,
        digests=Digests(database, accounts, metrics, charts, clock),
        digest_plans=DigestPlans(database, clock),
        mentions=mentions,
        triage=Triage(database, clock),
        replying=Replying(database, mentions, drafting, clock),
        watches=Watches(database, accounts, feeds, clock),
        listening=Listening(
            database,
            accounts,
            raiser,
            feeds,
            clock,
            period=timedelta(seconds=settings.poll_seconds),
        ),
        record=Record(database, accounts),
    )


@contextlib.asynccontextmanager
async def open_networks(
    settings: Settings, registry: Sequence[type[Network]] = NETWORKS
) -> AsyncIterator[dict[str, Network]]:
    """One instance of each network that has its addresses, each with its own HTTP client."""
    async with contextlib.AsyncExitStack() as stack:
        made = {}
        for network in registry:
            if not all(settings.networks[setting.variable] for setting in network.settings):
                continue
            transport = None
            if network.server_is_typed():
                transport = GuardedTransport(allow_private=settings.allow_private_addresses)
            client = await stack.enter_async_context(make_client(transport=transport))
            made[network.name] = network(client, settings.networks, lambda: datetime.now(UTC))
        yield made


async def _one_workspace(
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


def _many_workspaces(
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
async def _sockets(
    app: AsyncApp, settings: Settings
) -> AsyncIterator[Callable[[], Awaitable[int]]]:
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


@contextlib.asynccontextmanager
async def _http(app: AsyncApp, check: HealthCheck, settings: Settings) -> AsyncIterator[None]:
    port = settings.http_port or 0
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    try:
        listener = socket.create_server((settings.http_host, port), family=family)
    except OSError as error:
        problem = f"HTTP_PORT: {settings.http_host}:{port} can't be used ({error.strerror})."
        raise SettingsError([problem]) from error
    secret = settings.slack_signing_secret
    slack = SignedRequests(app, secret).handle if secret is not None else None
    answer = InstallPages(app).answer
    pages = dict.fromkeys((INSTALL_PATH, REDIRECT_PATH), answer) if settings.many_workspaces else {}
    server = _Server(server_config(web.create_app(slack, check, pages)))
    with listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """Leaves the signals to us: the whole bot stops in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _drain_all(drains: Sequence[Callable[[float], Awaitable[None]]]) -> None:
    """Let all finish what they are at, side by side, so that they have one limit together."""
    ends = await asyncio.gather(*(drain(DRAIN_S) for drain in drains), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            log.error("Finishing what was under way failed.", exc_info=end)


async def _within(seconds: float, close: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await close()
