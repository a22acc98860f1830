"""A bot of one feature that does what a test says, behind signed HTTP and the real Bolt app.

What it does is in its ``on_...`` fields; a test replaces them. The rest (acknowledging, telling,
guarding) is the bot's own.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot import web
from bot.bootstrap import build_services, open_networks
from bot.clock import Clock
from bot.health import HealthCheck
from bot.playground.play import play_settings, playground
from bot.playground.records import Message, View
from bot.playground.seed import ANA, SOCIAL
from bot.playground.slack import Slack
from handlers import desk as desk_feature
from handlers.clients import OneClient
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.requests import (
    CommandCall,
    Done,
    EventCall,
    FormAnswer,
    Press,
    Submission,
)
from handlers.signed import SignedRequests
from handlers.slack_side import slack_app, slack_client
from handlers.views.blocks import (
    Block,
    actions,
    button,
    modal,
    section,
    text_input,
)
from handlers.views.blocks import (
    field as field_block,
)
from storage.database import Database
from storage.migrations import migrate
from tests.handlers.stage import text_of
from tests.servers.eventually import eventually
from tests.servers.web import serve


async def nothing(_: Any) -> None:
    """Do nothing."""


async def done(_: Submission) -> FormAnswer:
    return Done()


@dataclass
class Probe:
    """The feature, and what people see of it."""

    slack: Slack
    client: AsyncWebClient
    desk: Desk
    on_command: Callable[[CommandCall], Awaitable[None]] = nothing
    on_press: Callable[[Press], Awaitable[None]] = nothing
    on_form: Callable[[Submission], Awaitable[FormAnswer]] = done
    on_close: Callable[[Submission], Awaitable[None]] = nothing
    on_event: Callable[[EventCall], Awaitable[None]] = nothing
    form_again: Callable[[Submission, str], Awaitable[View]] | None = None
    hang: asyncio.Event = field(default_factory=asyncio.Event)

    def register(self) -> None:
        async def command(call: CommandCall) -> None:
            await self.on_command(call)

        async def press(press_: Press) -> None:
            await self.on_press(press_)

        async def form(submission: Submission) -> FormAnswer:
            return await self.on_form(submission)

        async def closed(submission: Submission) -> None:
            await self.on_close(submission)

        async def event(call: EventCall) -> None:
            await self.on_event(call)

        async def again(submission: Submission, problem: str) -> Any:
            assert self.form_again is not None
            return await self.form_again(submission, problem)

        self.desk.command("probe", command, usage="probe", summary="Do what the test says")
        self.desk.press(Act.APPROVE, press)
        self.desk.form(Form.COMMENT, form)
        self.desk.form(Form.REPLY, form, again=again)
        self.desk.closed(Form.COMMENT, closed)
        self.desk.event("app_home_opened", event)
        desk_feature.register(self.desk)
        self.desk.listen()

    async def command(self, line: str = "/social probe", who: str = ANA) -> bool:
        """Enter a command; whether it was acknowledged."""
        return (await self.slack.people.slash_command(who, SOCIAL, line)).ok

    async def post_button(self) -> Message:
        """A message with the probe's button."""
        blocks = [actions(button("Press", Act.APPROVE, "1"))]
        posted = await self.client.chat_postMessage(channel=SOCIAL, text="Press", blocks=blocks)
        return self.slack.workspace.message(SOCIAL, posted["ts"])

    async def open_form(self, view: Block | None = None) -> View:
        """Open a form on Ana's screen."""
        trigger = self.slack.workspace.grants.new_trigger(ANA).id
        await self.client.views_open(trigger_id=trigger, view=view or form_of())
        shown = self.modal()
        assert shown is not None
        return shown

    def modal(self, who: str = ANA) -> View | None:
        return self.slack.workspace.views.modal(who)

    async def modal_shows(self, text: str, who: str = ANA) -> View:
        async def look() -> View | None:
            shown = self.modal(who)
            return shown if shown is not None and text in text_of(shown) else None

        found = await eventually(look)
        assert found is not None
        return found

    async def told(self, text: str, who: str = ANA, channel: str = SOCIAL) -> Message:
        """An ephemeral message, or with the person's id as ``channel`` a direct one."""
        place = self.slack.workspace.im_with_app(who).id if channel == who else channel

        async def look() -> Message | None:
            for message in reversed(self.slack.workspace.timeline(place, who)):
                if text in text_of(message):
                    return message
            return None

        found = await eventually(look)
        assert found is not None
        return found

    async def settled(self) -> None:
        await self.slack.delivery.settle()
        await self.desk.tasks.drain(10)


def form_of(*, callback: Form = Form.COMMENT, inputs: bool = True) -> Block:
    """A form with two texts, or with none."""
    blocks = [section("Please")]
    if inputs:
        blocks += [
            field_block(name, name.title(), text_input(Act.COMMENT)) for name in ("first", "second")
        ]
    return modal(callback, "Probe", blocks, submit="Send", notify_on_close=True)


@contextlib.asynccontextmanager
async def probing(folder: Path) -> AsyncIterator[Probe]:
    """A probe at work in the strict playground."""
    async with contextlib.AsyncExitStack() as stack:
        slack, address = await stack.enter_async_context(playground(folder, 0, {}, strict=True))
        settings = replace(
            play_settings(slack, address, folder, {}),
            slack_app_token=None,
            slack_signing_secret=slack.workspace.app.signing_secret,
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        client = slack_client(settings, session, settings.slack_bot_token)
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        await migrate(database)
        networks = await stack.enter_async_context(open_networks(settings))
        services = build_services(settings, database, Clock(), networks)
        stack.push_async_callback(services.charts.close)
        stack.push_async_callback(services.listening.close)
        identity = await client.auth_test()
        app = slack_app(settings, slack_client(settings, session, None), identity)
        probe = Probe(slack, client, Desk(app, OneClient(client), services))
        probe.register()
        served = web.create_app(
            SignedRequests(app, slack.workspace.app.signing_secret).handle, HealthCheck(database)
        )
        slack.delivery.request_url = (
            await stack.enter_async_context(serve(served)) + "/slack/events"
        )
        yield probe
        probe.hang.set()
        await probe.settled()
