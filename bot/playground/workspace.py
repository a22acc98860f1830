"""The playground's Slack workspace: everything it remembers, in a file.

``Workspace`` holds the team, people, channels and messages; ``.views`` the modals and App Homes,
``.files`` uploads, ``.grants`` triggers and response URLs, ``.changes`` the feed for live pages.
What people *do* (and the app gets to hear of) is in ``people.py``; what the app does comes through
``web_api.py``. Methods here only change state and announce the change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.playground.app_record import App
from bot.playground.changes import Change, ChangeKind, Changes
from bot.playground.errors import SlackError
from bot.playground.files import Files
from bot.playground.grants import Grants
from bot.playground.ids import new_id
from bot.playground.records import (
    Channel,
    Message,
    Reaction,
    ResponseUrl,
    Team,
    User,
    UserGroup,
    from_json,
    to_json,
)
from bot.playground.store import DocumentStore
from bot.playground.views import Views

SLACKBOT = "USLACKBOT"


class Workspace:
    """One Slack team with one app in it.

    :param folder: where ``slack.sqlite3`` and the files' bytes are kept; made if missing.
    :param manifest: the app's manifest as Slack takes it; read anew at each start.
    :param now: Unix seconds; tests replace it to let triggers and URLs expire.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Mapping[str, Any],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.now = now
        self.base_url = "http://127.0.0.1"
        self.changes = Changes()
        self._store = DocumentStore(folder / "slack.sqlite3")
        self.files = Files(self._store, folder / "files", self.changes, now)
        self.grants = Grants(self._store, now)
        self.views = Views(self._store, self.changes, now)
        self.app = App.load(self._store, manifest)
        # Tokens of an app in several workspaces, until when each is good (see ``installing.py``).
        self.issued: dict[str, float] = {}
        team = self._store.get("team", "team")
        self.team = from_json(Team, team) if team else Team("T0ACORN0001", "Acorn", "acorn")
        self.other_teams = {
            key: from_json(Team, body) for key, body in self._store.all("other_team")
        }
        self.users = {key: from_json(User, body) for key, body in self._store.all("user")}
        self.channels = {key: from_json(Channel, body) for key, body in self._store.all("channel")}
        self.user_groups = {
            key: from_json(UserGroup, body) for key, body in self._store.all("user_group")
        }
        self._messages: dict[str, dict[str, Message]] = {}
        for _, body in self._store.all("message"):
            message = from_json(Message, body)
            self._messages.setdefault(message.channel, {})[message.ts] = message
        self._last_ts = max((ts for room in self._messages.values() for ts in room), default="")

    def response_url_address(self, url: ResponseUrl) -> str:
        """Where the app posts to use a response URL."""
        return f"{self.base_url}/{url.kind}/{self.team.id}/{url.id}/{url.secret}"

    @property
    def is_empty(self) -> bool:
        """Whether nobody lives here yet (see ``seed.py``)."""
        return not self.users

    def close(self) -> None:
        self._store.close()

    def next_ts(self) -> str:
        """A ts later than every one given before."""
        ts = f"{self.now():.6f}"
        if ts <= self._last_ts:
            seconds, micros = self._last_ts.split(".")
            total = int(seconds) * 1_000_000 + int(micros) + 1
            ts = f"{total // 1_000_000}.{total % 1_000_000:06d}"
        self._last_ts = ts
        return ts

    # People

    def put_team(self, team: Team) -> None:
        self.team = team
        self._store.put("team", "team", to_json(team))

    def put_other_team(self, team: Team) -> None:
        """A team that channels are shared with (Slack Connect)."""
        self.other_teams[team.id] = team
        self._store.put("other_team", team.id, to_json(team))

    def put_user(self, user: User) -> User:
        """Add or change a person."""
        user = replace(user, team_id=user.team_id or self.team.id)
        self.users[user.id] = user
        self._store.put("user", user.id, to_json(user))
        self.changes.announce(Change(ChangeKind.USER, user=user.id))
        return user

    def user(self, user_id: str) -> User:
        """:raises SlackError: ``user_not_found``."""
        try:
            return self.users[user_id]
        except KeyError:
            raise SlackError("user_not_found") from None

    def user_named(self, name: str) -> User:
        """Who is meant by @name: a handle or a full name, in any case.

        :raises SlackError: ``user_not_found``.
        """
        for user in self.users.values():
            if name.lower() in (user.name.lower(), user.real_name.lower()):
                return user
        raise SlackError("user_not_found")

    def people(self) -> list[User]:
        """Everybody who isn't a bot or gone, by name."""
        people = [user for user in self.users.values() if not (user.is_bot or user.deleted)]
        return sorted(people, key=lambda user: user.real_name)

    def put_user_group(self, group: UserGroup) -> UserGroup:
        self.user_groups[group.id] = group
        self._store.put("user_group", group.id, to_json(group))
        return group

    # Channels

    def put_channel(self, channel: Channel) -> Channel:
        """Add or change a channel."""
        if not channel.created:
            channel = replace(channel, created=int(self.now()))
        self.channels[channel.id] = channel
        self._store.put("channel", channel.id, to_json(channel))
        self.changes.announce(Change(ChangeKind.CHANNEL, channel=channel.id))
        return channel

    def channel(self, channel_id: str) -> Channel:
        """:raises SlackError: ``channel_not_found``."""
        try:
            return self.channels[channel_id]
        except KeyError:
            raise SlackError("channel_not_found") from None

    def channel_named(self, name: str) -> Channel:
        """:raises SlackError: ``channel_not_found``."""
        for channel in self.channels.values():
            if channel.name == name and not channel.is_im:
                return channel
        raise SlackError("channel_not_found")

    def channels_of(self, user_id: str) -> list[Channel]:
        """The channels (not direct messages) that ``user_id`` is in, archived ones left out."""
        return [
            channel
            for channel in self.channels.values()
            if user_id in channel.members and not (channel.is_im or channel.is_archived)
        ]

    def im_with_app(self, user_id: str) -> Channel:
        """The direct messages between a person and the app, opened if need be."""
        for channel in self.channels.values():
            if channel.im_user == user_id:
                return channel
        self.user(user_id)
        return self.put_channel(
            Channel(
                id=new_id("D"),
                name="",
                members=(user_id, self.app.bot_user_id),
                im_user=user_id,
            )
        )

    def add_member(self, channel_id: str, user_id: str) -> Channel:
        """Put somebody into a channel; nothing happens if they are in it."""
        channel = self.channel(channel_id)
        if user_id in channel.members:
            return channel
        return self.put_channel(replace(channel, members=(*channel.members, user_id)))

    def remove_member(self, channel_id: str, user_id: str) -> Channel:
        channel = self.channel(channel_id)
        members = tuple(member for member in channel.members if member != user_id)
        return self.put_channel(replace(channel, members=members))

    def archive(self, channel_id: str, *, archived: bool = True) -> Channel:
        return self.put_channel(replace(self.channel(channel_id), is_archived=archived))

    # Messages

    def add_message(self, message: Message) -> Message:
        """Keep a new message (its ``ts`` from ``next_ts``)."""
        for file_id in message.files:
            self.files.share(file_id, message.channel)
        self._keep(message)
        self._announce(ChangeKind.MESSAGE_POSTED, message)
        return message

    def change_message(self, message: Message) -> Message:
        """Keep a changed message under the same channel and ts."""
        self.message(message.channel, message.ts)
        self._keep(message)
        self._announce(ChangeKind.MESSAGE_CHANGED, message)
        return message

    def delete_message(self, channel_id: str, ts: str) -> Message:
        """:raises SlackError: ``message_not_found``."""
        message = self.message(channel_id, ts)
        del self._messages[channel_id][ts]
        self._store.delete("message", f"{channel_id}/{ts}")
        self._announce(ChangeKind.MESSAGE_DELETED, message)
        return message

    def message(self, channel_id: str, ts: str) -> Message:
        """:raises SlackError: ``message_not_found``."""
        try:
            return self._messages[channel_id][ts]
        except KeyError:
            raise SlackError("message_not_found") from None

    def timeline(self, channel_id: str, viewer: str | None = None) -> list[Message]:
        """A channel as read from top to bottom, oldest first, threads' replies left out.

        Replies also sent to the channel are in it. Ephemeral messages are in it only for
        ``viewer``.
        """
        return [
            message
            for message in self._sorted(channel_id)
            if (not message.is_reply or message.reply_broadcast)
            and (message.ephemeral_to is None or message.ephemeral_to == viewer)
        ]

    def thread(self, channel_id: str, ts: str, viewer: str | None = None) -> list[Message]:
        """A thread: its parent, if there is one still, and the replies, oldest first."""
        return [
            message
            for message in self._sorted(channel_id)
            if (message.ts == ts or message.thread_ts == ts)
            and (message.ephemeral_to is None or message.ephemeral_to == viewer)
        ]

    def replies(self, channel_id: str, ts: str) -> list[Message]:
        """What everybody can read below a message, oldest first."""
        return [message for message in self.thread(channel_id, ts) if message.ts != ts]

    def react(self, channel_id: str, ts: str, name: str, user_id: str) -> Message:
        """Add somebody's reaction.

        :raises SlackError: ``message_not_found``, ``already_reacted``.
        """
        message = self.message(channel_id, ts)
        known = {reaction.name: reaction.users for reaction in message.reactions}
        if user_id in known.get(name, ()):
            raise SlackError("already_reacted")
        known[name] = (*known.get(name, ()), user_id)
        reactions = tuple(Reaction(key, users) for key, users in known.items())
        return self.change_message(replace(message, reactions=reactions))

    def say(self, user_id: str, channel_id: str, text: str, **fields: Any) -> Message:
        """A message with a fresh ts and already encoded text, nobody told but the pages."""
        return self.add_message(
            Message(channel=channel_id, ts=self.next_ts(), user=user_id, text=text, **fields)
        )

    def slackbot(
        self, to: str, channel_id: str, text: str, thread_ts: str | None = None
    ) -> Message:
        """Slackbot says something only ``to`` can see (a command that failed, for instance)."""
        return self.say(SLACKBOT, channel_id, text, ephemeral_to=to, thread_ts=thread_ts)

    def _sorted(self, channel_id: str) -> Sequence[Message]:
        room = self._messages.get(channel_id, {})
        return [room[ts] for ts in sorted(room)]

    def _keep(self, message: Message) -> None:
        self._messages.setdefault(message.channel, {})[message.ts] = message
        self._store.put("message", f"{message.channel}/{message.ts}", to_json(message))

    def _announce(self, kind: ChangeKind, message: Message) -> None:
        self.changes.announce(
            Change(kind, message.channel, message.ts, message.thread_ts, message.ephemeral_to)
        )


def permalink(workspace: Workspace, message: Message) -> str:
    """The address of a message as Slack writes it, on the playground's own server."""
    base = f"{workspace.base_url}/archives/{message.channel}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        return f"{base}?thread_ts={message.thread_ts}&cid={message.channel}"
    return base
