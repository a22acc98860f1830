"""Messages the app leaves outside the Web API: answers to commands, and response URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.playground.checks import Content, message_content
from bot.playground.errors import SlackError
from bot.playground.events import Events
from bot.playground.records import Edited, Message, ResponseUrl
from bot.playground.workspace import Workspace


class AppMessages:
    """Posts and changes what the app says."""

    def __init__(self, workspace: Workspace, events: Events) -> None:
        self._workspace = workspace
        self._events = events

    def post(self, channel: str, content: Content, **fields: Any) -> Message:
        """A new message from the app."""
        app = self._workspace.app
        message = self._workspace.say(
            app.bot_user_id,
            channel,
            content.text,
            blocks=content.blocks,
            attachments=content.attachments,
            metadata=content.metadata,
            bot_id=app.bot_id,
            **fields,
        )
        self._events.message_posted(message)
        return message

    def edit(self, message: Message, content: Content) -> Message:
        """The app's message with other content; blocks that aren't given again are gone."""
        changed = self._workspace.change_message(
            replace(
                message,
                text=content.text,
                blocks=content.blocks,
                attachments=content.attachments,
                metadata=content.metadata or message.metadata,
                edited=Edited(self._workspace.app.bot_user_id, self._workspace.next_ts()),
            )
        )
        self._events.message_changed(changed, message)
        return changed

    def delete(self, message: Message) -> None:
        self._workspace.delete_message(message.channel, message.ts)
        self._events.message_deleted(message)

    def answer_command(self, user: str, channel: str, body: Any) -> None:
        """What the app said in its acknowledgement of a command; nothing for an empty one.

        :raises SlackError: as Slack would refuse it.
        """
        if isinstance(body, str):
            body = {"text": body}
        if not body or not (body.get("text") or body.get("blocks") or body.get("attachments")):
            return
        content = message_content(self._workspace, body)
        everyone = body.get("response_type") == "in_channel"
        self.post(channel, content, ephemeral_to=None if everyone else user)

    def answer_url(self, url: ResponseUrl, body: Mapping[str, Any]) -> None:
        """What the app posted to a response URL.

        :raises SlackError: as Slack would refuse it.
        """
        original = self._original(url)
        if body.get("delete_original"):
            if original is None:
                raise SlackError("message_not_found")
            self.delete(original)
            return
        content = message_content(self._workspace, body)
        if body.get("replace_original") and original is not None:
            self.edit(original, content)
            return
        everyone = body.get("response_type") == "in_channel"
        self.post(
            url.channel,
            content,
            ephemeral_to=None if everyone else url.user,
            thread_ts=body.get("thread_ts") or url.thread_ts,
        )

    def _original(self, url: ResponseUrl) -> Message | None:
        if url.message_ts is None:
            return None
        try:
            return self._workspace.message(url.channel, url.message_ts)
        except SlackError:
            return None
