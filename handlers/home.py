"""App Home: published when somebody opens it, and anew when something on it changes."""

import asyncio
import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import NotAllowed, NotSetUp
from bot.team import Person
from handlers.clients import NotInstalled
from handlers.inbound import Desk
from handlers.people import look_up
from handlers.requests import EventCall, Press, Request, Submission, View
from handlers.views.home import home, home_before, home_without_role
from storage.records import Notice

LOOKS_S = 600.0  # how long somebody who opened Home is taken to look at it
RENEWED = timedelta(seconds=5)  # as long as anybody does
ANYWAY_S = 60.0  # what a clock alone changes ("due within the hour") is on no record

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Looking:
    """Somebody who has their Home in front of them, and what it shows. Times are of
    `time.monotonic`."""

    until: float
    view: View | None = None
    version: int = -1
    read_at: float = 0.0


def register(desk: Desk) -> None:
    """Home."""
    homes = AppHome(desk)
    desk.event("app_home_opened", homes.opened)
    desk.afterwards(homes.follow)
    desk.services.clock.every(RENEWED, "homes", homes.renew)


class AppHome:
    """Publishes people's Homes.

    Who opened it, or pressed something on it last, is taken to look at it still: it follows what
    they do in a form, and what others and the machine do, within seconds.
    """

    def __init__(self, desk: Desk) -> None:
        self._clients = desk.clients
        self._services = desk.services
        self._looking: dict[Person, _Looking] = {}
        self._turns: defaultdict[Person, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slack_urls: dict[str, str] = {}  # by workspace

    async def opened(self, call: EventCall) -> None:
        """Slack says that somebody looks at the app; its messages are no Home."""
        if call.event.get("tab") == "home":
            self._looks(call.person)
            await self._publish(call.person, call.event.get("view", {}).get("hash"))

    async def follow(self, request: Request) -> None:
        """Something was done by somebody; if they look at their Home, it shows that."""
        if isinstance(request, Press) and request.view and request.view["type"] == "home":
            self._looks(request.person)
            await self._publish(request.person, request.view.get("hash"))
        elif isinstance(request, Submission) and request.person in self._looking:
            await self._publish(request.person, None)
        elif request.channel is not None:
            self._looking.pop(request.person, None)

    def _looks(self, person: Person) -> None:
        self._looking[person] = _Looking(until=time.monotonic() + LOOKS_S)

    async def renew(self) -> None:
        """Publish again what changed in front of people. A job for ``Clock.every``."""
        versions: dict[str, int] = {}
        for person, looking in list(self._looking.items()):
            now, place = time.monotonic(), person.workspace_id
            if now > looking.until:
                self._looking.pop(person, None)
                continue
            if place not in versions:
                versions[place] = await self._services.homes.version(place)
            if looking.version == versions[place] and now - looking.read_at < ANYWAY_S:
                continue
            looking.version, looking.read_at = versions[place], now
            await self._publish(person, None, only_new=True)

    async def _publish(
        self, person: Person, seen_hash: str | None, *, only_new: bool = False
    ) -> None:
        """Show the newest state. One at a time: what was read first must not be shown last.

        :param only_new: not if the person sees exactly that already.
        """
        async with self._turns[person]:
            await self._publish_now(person, seen_hash, only_new=only_new)

    async def _publish_now(self, person: Person, seen_hash: str | None, *, only_new: bool) -> None:
        """Read and publish.

        :param seen_hash: of the Home that the person has in front of them. If another one was
            published meanwhile, what was read here may be older than that: it is read again.
        """
        looking = self._looking.get(person) or _Looking(until=0.0)
        try:
            client = await self._clients.of(person.workspace_id)
            view = await self._view(client, person)
            if only_new and view == looking.view:
                return
            if seen_hash is not None:
                try:
                    await client.views_publish(user_id=person.user_id, view=view, hash=seen_hash)
                    looking.view = view
                    return
                except SlackApiError as error:
                    if error.response.get("error") != "hash_conflict":
                        raise
                view = await self._view(client, person)
            await client.views_publish(user_id=person.user_id, view=view)
            looking.view = view
        except (NotInstalled, SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            # What the person did is done; Home shows it when they look at it the next time.
            log.warning("Home of %s could not be published: %s", person.user_id, error)

    async def _view(self, client: AsyncWebClient, person: Person) -> View:
        try:
            shown = await self._services.homes.load(person)
        except (NotSetUp, NotAllowed):
            profile = await look_up(client, person)
            standing = await self._services.setting_up.standing(person, profile)
            await self._services.team.follow(person.workspace_id, profile)
            if not standing.is_set_up:
                return home_before(standing)
            return home_without_role(standing, is_guest=profile.is_guest)
        base = await self._base(client, person.workspace_id)
        return home(shown, lambda card: _permalink(base, card))

    async def _base(self, client: AsyncWebClient, workspace_id: str) -> str:
        """Slack's address of the workspace, asked once."""
        if workspace_id not in self._slack_urls:
            self._slack_urls[workspace_id] = str((await client.auth_test())["url"]).rstrip("/")
        return self._slack_urls[workspace_id]


def _permalink(base: str, card: Notice) -> str | None:
    """A message's address as `chat.getPermalink` gives it, without a call for each card."""
    if not card.channel or not card.ts:
        return None
    return f"{base}/archives/{card.channel}/p{card.ts.replace('.', '')}"
