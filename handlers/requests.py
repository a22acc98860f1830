"""What a person did in Slack, typed, and the ways to answer them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.team import Person
from handlers.errors import explain
from handlers.slack_calls import FAILED, UNREACHABLE, refusal
from handlers.views.blocks import Block
from handlers.views.messages import failed, loading, message

PATIENCE_S = 1.0
WEBHOOK_S = 10
CLOSED = "not_found"  # what Slack says of a view that was closed meanwhile

View = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What all requests have in common. ``body`` is verified by Bolt."""

    person: Person
    body: Mapping[str, Any]
    client: AsyncWebClient
    channel: str | None

    async def whisper(self, text: str, blocks: list[Block] | None = None) -> None:
        """Tell the person alone: in the channel they are in, else in a modal. Where neither is
        possible (the bot isn't in the channel, the press is too old), in a direct message."""
        try:
            if self.channel is None:
                await self._show(text, blocks)
            else:
                await self.client.chat_postEphemeral(
                    channel=self.channel,
                    user=self.person.user_id,
                    text=text,
                    blocks=blocks,
                    thread_ts=_thread(self.body),
                )
        except FAILED as error:
            log.info("Telling somebody where they are failed (%s).", refusal(error))
            if not await self._told_by_url(text, blocks):
                await self._tell_directly(text, blocks)

    async def _show(self, text: str, blocks: list[Block] | None) -> None:
        await self.show(message("Socialdesk", text, blocks))

    async def show(self, view: View) -> AsyncSlackResponse:
        """Open a modal, on top of the one the person is in, if any."""
        in_modal = self.body.get("view", {}).get("type") == "modal"
        open_or_push = self.client.views_push if in_modal else self.client.views_open
        return await open_or_push(trigger_id=self.body.get("trigger_id", ""), view=view)

    async def _told_by_url(self, text: str, blocks: list[Block] | None) -> bool:
        """Commands can be typed where the bot isn't; their response_url reaches there."""
        if self.channel is None or not self.body.get("response_url"):
            return False
        try:
            answer = await AsyncWebhookClient(self.body["response_url"], timeout=WEBHOOK_S).send(
                text=text,
                blocks=blocks,
                replace_original=False,
                unfurl_links=False,
                unfurl_media=False,
            )
        except UNREACHABLE:
            return False
        return answer.status_code == 200

    async def _tell_directly(self, text: str, blocks: list[Block] | None) -> None:
        await self.client.chat_postMessage(
            channel=self.person.user_id,
            text=text,
            blocks=blocks,
            unfurl_links=False,
            unfurl_media=False,
        )

    async def open(self, making: Awaitable[View]) -> None:
        """Open a modal, on top of the one the person is in, if any. One that takes longer than a
        second shows *Loading* meanwhile.

        The modal's own errors are shown in it, because nobody looks elsewhere by then.
        """
        task = asyncio.ensure_future(making)
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        if done:
            await self.show(task.result())
            return
        try:
            opened = await self.show(loading())
        except BaseException:
            task.cancel()
            raise
        try:
            view = await task
        except Exception as error:  # whatever it is, the person must see it in the open modal
            view = failed(explain(error))
        try:
            await self.client.views_update(view_id=opened["view"]["id"], view=view)
        except SlackApiError as error:
            if refusal(error) != CLOSED:
                raise

    async def push(self, view: View) -> None:
        """Put a modal on top of the one the person is in."""
        await self.client.views_push(trigger_id=self.body["trigger_id"], view=view)


@dataclass(frozen=True, slots=True)
class CommandCall(Request):
    """`/social <name> <words>`. ``words`` is as Slack encoded it; of an unknown name, the name."""

    words: str
    name: str


@dataclass(frozen=True, slots=True)
class Press(Request):
    """A button, a menu's choice or an input that acts at once. ``value`` is what was chosen."""

    value: str
    action: Mapping[str, Any]
    values: Mapping[str, Any]

    @property
    def view(self) -> Mapping[str, Any] | None:
        """The modal or Home it was in, if any."""
        view: Mapping[str, Any] | None = self.body.get("view")
        return view


@dataclass(frozen=True, slots=True)
class Submission(Request):
    """A submitted form. ``values`` by block id; ``metadata`` is the view's own."""

    values: Mapping[str, Any]
    metadata: str


@dataclass(frozen=True, slots=True)
class ShortcutCall(Request):
    """A shortcut on a message."""

    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventCall(Request):
    """Something that happened in Slack and that the app subscribed to."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """The form is done with: every modal closes. ``then`` runs afterwards (a message, say)."""

    then: Callable[[], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """The form is followed by another view."""

    view: View


FormAnswer = Done | Next


def _thread(body: Mapping[str, Any]) -> str | None:
    """The thread that the pressed message is in; a message that only has one stands outside."""
    message = body.get("message", {})
    thread_ts: str | None = message.get("thread_ts")
    return thread_ts if thread_ts != message.get("ts") else None
