"""What people do in the playground's Slack, and how the app gets to hear of it.

The page and the tests act through ``People``. What goes wrong is in the ``Outcome``, in the words
Slack shows the person; a ``SlackError`` is raised for what Slack's client would not offer at all.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.playground.app_messages import AppMessages
from bot.playground.app_record import Command
from bot.playground.delivery import Delivery
from bot.playground.encoding import encode_command, encode_message
from bot.playground.errors import SlackError
from bot.playground.events import Events
from bot.playground.forms import Forms
from bot.playground.outcome import Outcome, why
from bot.playground.payloads import (
    channel_name,
    command,
    file_by_id,
    interaction,
    message_object,
    view_object,
)
from bot.playground.records import (
    Channel,
    Edited,
    File,
    Json,
    Message,
    Team,
    User,
    UserGroup,
    View,
)
from bot.playground.socket_mode import Kind
from bot.playground.state_values import (
    Entered,
    EnteredValues,
    element_of,
    entered_value,
    fill_in,
    state_of,
)
from bot.playground.workspace import Workspace

NO_VALUES: EnteredValues = {}


class People:
    """Everything a person can do here."""

    def __init__(
        self, workspace: Workspace, delivery: Delivery, events: Events, messages: AppMessages
    ) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._events = events
        self._app_messages = messages
        self._forms = Forms(workspace, delivery)

    # Messages and commands

    async def send(
        self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None
    ) -> Outcome:
        """What the composer does: a slash command if ``text`` is one, else a message."""
        if text.startswith("/"):
            return await self.slash_command(user_id, channel_id, text, thread_ts)
        try:
            self.post_message(user_id, channel_id, text, thread_ts)
        except SlackError as refusal:
            return Outcome(problem=_SENDING.get(refusal.error, refusal.error))
        return Outcome()

    def post_message(
        self,
        user_id: str,
        channel_id: str,
        text: str,
        thread_ts: str | None = None,
        files: Sequence[str] = (),
    ) -> Message:
        """Write a message; ``text`` as typed, ``files`` the ids of the person's uploads.

        :raises SlackError: ``not_in_channel``, ``is_archived``, ``no_text``,
            ``messages_tab_disabled``.
        """
        channel = self._writable(user_id, channel_id)
        if not text.strip() and not files:
            raise SlackError("no_text")
        message = self._workspace.say(
            user_id,
            channel.id,
            encode_message(self._workspace, text),
            thread_ts=thread_ts,
            files=tuple(files),
            subtype="file_share" if files else "",
            client_msg_id=str(uuid.uuid4()),
        )
        self._events.message_posted(message)
        return message

    async def slash_command(
        self, user_id: str, channel_id: str, line: str, thread_ts: str | None = None
    ) -> Outcome:
        """Enter a command with its text. A failure is also said by Slackbot in the channel."""
        name, _, text = line.strip().partition(" ")
        channel = self._writable(user_id, channel_id)
        if name in ("/invite", "/join", "/leave"):
            return self._own_command(user_id, channel, name, text)
        known = {entry.name: entry for entry in self._workspace.app.commands}
        if name not in known:
            problem = f"{name} is not a valid command. To send it as a message, put a space first."
        elif thread_ts:
            problem = f"{name} is not supported in threads. Sorry!"
        else:
            problem = await self._deliver_command(user_id, channel, known[name], text.strip())
        if problem:
            self._workspace.slackbot(user_id, channel.id, problem, thread_ts)
        return Outcome(problem=problem)

    def react(self, user_id: str, channel_id: str, ts: str, name: str) -> Message:
        """Add a reaction. :raises SlackError: ``message_not_found``, ``already_reacted``."""
        message = self._workspace.react(channel_id, ts, name, user_id)
        self._events.reaction_added(message, name, user_id)
        return message

    def edit_message(self, user_id: str, channel_id: str, ts: str, text: str) -> Message:
        """Change one's own message; ``text`` as typed.

        :raises SlackError: ``cant_update_message``, ``message_not_found``, ``no_text``.
        """
        message = self._workspace.message(channel_id, ts)
        if message.user != user_id or message.ephemeral_to:
            raise SlackError("cant_update_message")
        if not text.strip() and not message.files:
            raise SlackError("no_text")
        changed = self._workspace.change_message(
            dataclasses.replace(
                message,
                text=encode_message(self._workspace, text),
                edited=Edited(user_id, self._workspace.next_ts()),
            )
        )
        self._events.message_changed(changed, message)
        return changed

    def delete_message(self, user_id: str, channel_id: str, ts: str) -> None:
        """Delete one's own message, or as an admin anybody's; ephemeral ones are put away.

        :raises SlackError: ``cant_delete_message``, ``message_not_found``.
        """
        message = self._workspace.message(channel_id, ts)
        may = message.user == user_id or message.ephemeral_to == user_id
        if not may and not self._workspace.user(user_id).is_admin:
            raise SlackError("cant_delete_message")
        self._workspace.delete_message(channel_id, ts)
        self._events.message_deleted(message)

    # Channels

    def join_channel(self, user_id: str, channel_id: str, inviter: str | None = None) -> Channel:
        """Come into a channel, or be brought by ``inviter``; nothing happens to who is in it.

        :raises SlackError: ``channel_not_found``, ``is_archived``, ``user_not_found``.
        """
        channel = self._workspace.channel(channel_id)
        self._workspace.user(user_id)
        if channel.is_archived:
            raise SlackError("is_archived")
        if user_id in channel.members:
            return channel
        channel = self._workspace.add_member(channel_id, user_id)
        text = f"<@{user_id}> has joined the channel"
        message = self._workspace.say(user_id, channel_id, text, subtype="channel_join")
        self._events.message_posted(message)
        self._events.member_joined(channel, user_id, inviter)
        return channel

    def leave_channel(self, user_id: str, channel_id: str) -> Channel:
        """Go out of a channel, or take the app out of it."""
        return self._workspace.remove_member(channel_id, user_id)

    # What an owner of the Slack workspace does

    def change_user(self, user: User) -> User:
        """Rename, deactivate or reactivate somebody, or make them a guest; who is deactivated is
        in no user group any more."""
        user = self._workspace.put_user(user)
        self._events.user_changed(user)
        for group in list(self._workspace.user_groups.values()):
            if user.deleted and user.id in group.users:
                others = tuple(one for one in group.users if one != user.id)
                self.change_group(replace(group, users=others))
        return user

    def share_channel(self, channel_id: str, team: Team) -> Channel:
        """Share a channel with another team (Slack Connect)."""
        channel = self._workspace.channel(channel_id)
        self._workspace.put_other_team(team)
        others = tuple(dict.fromkeys((*channel.other_teams, team.id)))
        shared = replace(
            channel, is_ext_shared=True, is_pending_ext_shared=False, other_teams=others
        )
        self._workspace.put_channel(shared)
        self._events.channel_shared(shared, team.id)
        return shared

    def unshare_channel(self, channel_id: str, team_id: str) -> Channel:
        """Share it no more with another team."""
        channel = self._workspace.channel(channel_id)
        others = tuple(other for other in channel.other_teams if other != team_id)
        left = replace(channel, is_ext_shared=bool(others), other_teams=others)
        self._workspace.put_channel(left)
        self._events.channel_unshared(left, team_id)
        return left

    def change_group(self, group: UserGroup) -> UserGroup:
        """Rename, disable or enable a user group, or change who is in it."""
        before = self._workspace.user_groups.get(group.id, replace(group, users=()))
        group = replace(group, date_update=int(self._workspace.now()))
        self._workspace.put_user_group(group)
        self._events.group_changed(group, before)
        return group

    def upload_file(
        self, user_id: str, name: str, content: bytes, alt_txt: str | None = None
    ) -> File:
        """Upload a file, private so far: give its id to ``post_message`` or a ``file_input``."""
        return self._workspace.files.upload(user_id, name, content, alt_txt)

    # Buttons, menus and shortcuts

    async def press(
        self,
        user_id: str,
        place: Message | View,
        action_id: str,
        *,
        block_id: str | None = None,
        choice: Entered = None,
        values: EnteredValues = NO_VALUES,
    ) -> Outcome:
        """Press a button or choose from a menu, in a message, a modal or a Home.

        :param choice: what was chosen or entered, where the element takes something: an option's
            ``value``, a date, ids, or the text of an input that dispatches its action.
        :param values: what stands in the other inputs (block_id -> action_id -> value).
        :raises LookupError: if ``place`` has no such element or option.
        """
        blocks = place.blocks
        if isinstance(place, Message) and not blocks:
            blocks = [block for entry in place.attachments for block in entry.get("blocks", ())]
        found_in, element = element_of(blocks, block_id, action_id)
        entered = fill_in(blocks, values)
        chosen: Json = {}
        if element["type"] != "button":
            chosen = entered_value(element, choice)
            if element["type"] != "overflow":
                entered.setdefault(found_in, {})[action_id] = chosen
        action = {
            **{key: element[key] for key in _ECHOED if key in element},
            **chosen,
            "type": element["type"],
            "action_id": action_id,
            "block_id": found_in,
            "action_ts": self._workspace.next_ts(),
        }
        if isinstance(place, View):
            payload = self._view_action(user_id, place, entered)
        else:
            payload = self._message_action(user_id, place, entered)
        answer = await self._delivery.request(Kind.INTERACTION, {**payload, "actions": [action]})
        return Outcome(problem=why(answer, self._workspace.app.name))

    async def message_shortcut(
        self, user_id: str, channel_id: str, ts: str, callback_id: str
    ) -> Outcome:
        """Choose one of the app's shortcuts in a message's menu.

        :raises SlackError: ``message_not_found``.
        """
        message = self._workspace.message(channel_id, ts)
        payload = interaction(
            self._workspace,
            "message_action",
            self._workspace.user(user_id),
            action_ts=self._workspace.next_ts(),
            channel=self._channel_fields(channel_id),
            callback_id=callback_id,
            trigger_id=self._workspace.grants.new_trigger(user_id).id,
            response_url=self._response_url("app", user_id, message),
            message_ts=ts,
            message=message_object(self._workspace, message),
        )
        answer = await self._delivery.request(Kind.INTERACTION, payload)
        return Outcome(problem=why(answer, self._workspace.app.name))

    # Modals and Home

    def type_into(self, view_id: str, values: EnteredValues) -> View:
        """Keep what was entered so far, so that an update of the view doesn't lose it.

        :raises SlackError: ``not_found``. :raises LookupError: for an unknown input.
        """
        view = self._workspace.views.get(view_id)
        return self._workspace.views.type_into(view_id, fill_in(view.blocks, values))

    async def submit_view(
        self, user_id: str, view_id: str, values: EnteredValues = NO_VALUES
    ) -> Outcome:
        """Press a modal's Submit.

        :param values: what was entered (block_id -> action_id -> value); inputs left out keep
            what was typed before, or began with.
        :raises SlackError: ``not_found`` if the person doesn't look at this modal.
        :raises LookupError: for a value no input of the modal can hold.
        """
        return await self._forms.submit(user_id, view_id, values)

    async def close_view(self, user_id: str, view_id: str, *, everything: bool = False) -> Outcome:
        """Press Cancel, or with ``everything`` the X that closes the whole stack."""
        return await self._forms.close(user_id, view_id, everything=everything)

    def open_home(self, user_id: str, tab: str = "home") -> Channel:
        """Look at the app: its ``home`` tab or its ``messages``; answers with the messages."""
        channel = self._workspace.im_with_app(user_id)
        self._events.home_opened(user_id, tab)
        return channel

    # How it is done

    def _writable(self, user_id: str, channel_id: str) -> Channel:
        channel = self._workspace.channel(channel_id)
        self._workspace.user(user_id)
        if user_id not in channel.members:
            raise SlackError("not_in_channel")
        if channel.is_archived:
            raise SlackError("is_archived")
        if channel.is_im and not self._workspace.app.has_messages_tab:
            raise SlackError("messages_tab_disabled")
        return channel

    def _own_command(self, user_id: str, channel: Channel, name: str, text: str) -> Outcome:
        if name == "/leave":
            self.leave_channel(user_id, channel.id)
            return Outcome()
        try:
            if name == "/join":
                target = self._workspace.channel_named(text.strip().lstrip("#"))
                self.join_channel(user_id, target.id)
            for word in text.split() if name == "/invite" else ():
                self.join_channel(
                    self._workspace.user_named(word.lstrip("@")).id, channel.id, inviter=user_id
                )
        except SlackError as refusal:
            problem = f"{name} {text}: {refusal.error.replace('_', ' ')}"
            self._workspace.slackbot(user_id, channel.id, problem)
            return Outcome(problem=problem)
        return Outcome()

    async def _deliver_command(
        self, user_id: str, channel: Channel, known: Command, text: str
    ) -> str:
        workspace = self._workspace
        url = workspace.grants.new_response_url(kind="commands", channel=channel.id, user=user_id)
        payload = command(
            workspace,
            workspace.user(user_id),
            channel,
            known.name,
            encode_command(workspace, text, should_escape=known.should_escape),
            {
                "response_url": workspace.response_url_address(url),
                "trigger_id": workspace.grants.new_trigger(user_id).id,
            },
        )
        answer = await self._delivery.request(Kind.COMMAND, payload)
        if not answer.acknowledged:
            return f"{known.name} failed. {why(answer, workspace.app.name)}"
        try:
            self._app_messages.answer_command(user_id, channel.id, answer.body)
        except SlackError as refusal:
            details = "; ".join((refusal.error, *refusal.messages))
            return f"{known.name} failed. {workspace.app.name}'s answer was refused: {details}"
        return ""

    def _view_action(
        self, user_id: str, view: View, entered: Mapping[str, Mapping[str, Json]]
    ) -> Json:
        shown = self._workspace.views.type_into(view.id, entered)
        trigger = self._workspace.grants.new_trigger(
            user_id, shown.id if shown.kind == "modal" else None
        )
        return interaction(
            self._workspace,
            "block_actions",
            self._workspace.user(user_id),
            container={"type": "view", "view_id": shown.id},
            trigger_id=trigger.id,
            view=view_object(self._workspace, shown),
        )

    def _message_action(
        self, user_id: str, message: Message, entered: Mapping[str, Mapping[str, Json]]
    ) -> Json:
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.ephemeral_to is not None,
        }
        if message.is_reply:
            container["thread_ts"] = message.thread_ts
        state = state_of(
            message.blocks, entered, lambda file_id: file_by_id(self._workspace, file_id)
        )
        payload = interaction(
            self._workspace,
            "block_actions",
            self._workspace.user(user_id),
            container=container,
            trigger_id=self._workspace.grants.new_trigger(user_id).id,
            channel=self._channel_fields(message.channel),
            state={"values": state},
            response_url=self._response_url("actions", user_id, message),
        )
        if message.ephemeral_to is None:
            payload["message"] = message_object(self._workspace, message)
        return payload

    def _channel_fields(self, channel_id: str) -> Json:
        channel = self._workspace.channel(channel_id)
        return {"id": channel.id, "name": channel_name(channel)}

    def _response_url(self, kind: str, user_id: str, message: Message) -> str:
        url = self._workspace.grants.new_response_url(
            kind=kind,
            channel=message.channel,
            user=user_id,
            message_ts=message.ts if kind == "actions" else None,
            thread_ts=message.thread_ts,
        )
        return self._workspace.response_url_address(url)


_ECHOED = ("text", "value", "url", "style", "confirm", "placeholder", "accessibility_label")

_SENDING = {
    "not_in_channel": "You are not in this channel. Join it to write here.",
    "is_archived": "This channel has been archived.",
    "messages_tab_disabled": "Sending messages to this app has been turned off.",
    "no_text": "Write something first.",
}
