"""App Home: published when somebody opens it, and anew after what they press on it."""

import asyncio
import logging
from collections import defaultdict

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

log = logging.getLogger(__name__)


def register(desk: Desk) -> None:
    """Home."""
    homes = AppHome(desk)
    desk.event("app_home_opened", homes.opened)
    desk.afterwards(homes.follow)


class AppHome:
    """Publishes people's Homes.

    Who pressed something on their Home last is taken to look at it still: when the form that they
    opened from there is done, Home is published again. Nothing is polled.
    """

    def __init__(self, desk: Desk) -> None:
        self._clients = desk.clients
        self._services = desk.services
        self._looking: set[Person] = set()
        self._turns: defaultdict[Person, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slack_urls: dict[str, str] = {}  # by workspace

    async def opened(self, call: EventCall) -> None:
        """Slack says that somebody looks at the app; its messages are no Home."""
        if call.event.get("tab") == "home":
            self._looking.add(call.person)
            await self._publish(call.person, call.event.get("view", {}).get("hash"))

    async def follow(self, request: Request) -> None:
        """Something was done by somebody; if they look at their Home, it shows that."""
        if isinstance(request, Press) and request.view and request.view["type"] == "home":
            self._looking.add(request.person)
            await self._publish(request.person, request.view.get("hash"))
        elif isinstance(request, Submission) and request.person in self._looking:
            await self._publish(request.person, None)
        elif request.channel is not None:
            self._looking.discard(request.person)

    async def _publish(self, person: Person, seen_hash: str | None) -> None:
        """Show the newest state. One at a time: what was read first must not be shown last."""
        async with self._turns[person]:
            await self._publish_now(person, seen_hash)

    async def _publish_now(self, person: Person, seen_hash: str | None) -> None:
        """Read and publish.

        :param seen_hash: of the Home that the person has in front of them. If another one was
            published meanwhile, what was read here may be older than that: it is read again.
        """
        try:
            client = await self._clients.of(person.workspace_id)
            if seen_hash is not None:
                try:
                    await client.views_publish(
                        user_id=person.user_id,
                        view=await self._view(client, person),
                        hash=seen_hash,
                    )
                    return
                except SlackApiError as error:
                    if error.response.get("error") != "hash_conflict":
                        raise
            await client.views_publish(
                user_id=person.user_id, view=await self._view(client, person)
            )
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
