"""The composition root: settings -> a running bot, started and stopped in order."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import aiohttp
import uvicorn
from slack_bolt.async_app import AsyncApp

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
from bot.serving import server_config
from bot.set_back import SetBack
from bot.settings import Settings
from bot.setup import SettingUp
from bot.shared_channels import SharedChannels
from bot.suggestions import Suggestions
from bot.team import Team
from bot.triage import Triage
from bot.user_groups import UserGroups
from bot.watches import Watches
from handlers import register
from handlers.clients import LOOKED_EVERY
from handlers.inbound import Desk
from handlers.installations import (
    INSTALL_PATH,
    REDIRECT_PATH,
    InstallPages,
)
from handlers.notices import NoticeSender
from handlers.presence import Presence
from handlers.signed import SignedRequests
from handlers.slack_side import many_workspaces, one_workspace, sockets
from handlers.user_groups import GroupReader
from storage.database import Database

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
            slack = many_workspaces(settings, session, database, installed, clock)
        else:
            slack = await one_workspace(settings, session, database)
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
        away = Presence(slack.clients, clock).away
        clock.every(timedelta(minutes=1), "mentions", MentionTimes(database, clock, away).run)
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
        open_sockets = None
        if settings.socket_mode:
            open_sockets = await stack.enter_async_context(sockets(slack.app, settings))
        if settings.http_port is not None:
            check = HealthCheck(database, open_sockets)
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
    raiser = Raiser(database, cache(EnglishClassifier), Thresholds(), clock)
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
        inboxes=Inboxes(database, accounts, held_lists, mentions, clock),
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
