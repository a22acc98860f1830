"""The events the app subscribed to. Source: Slack's Events API reference."""

from __future__ import annotations

from bot.playground.delivery import Delivery
from bot.playground.payloads import (
    event_callback,
    message_object,
    user_group_object,
    user_object,
    view_object,
)
from bot.playground.records import Channel, Json, Message, User, UserGroup
from bot.playground.workspace import Workspace

_MOST_USERS = 500  # that an event about a group lists
_CHANNEL_TYPES = {"channels": "channel", "groups": "group", "im": "im"}


class Events:
    """Tells the app what happens where it is a member, if its manifest asks for it."""

    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self._workspace = workspace
        self._delivery = delivery

    def message_posted(self, message: Message) -> None:
        """A person or an app wrote where the app can read."""
        if message.ephemeral_to:
            return
        channel = self._workspace.channel(message.channel)
        event = {
            **message_object(self._workspace, message),
            "channel": channel.id,
            "channel_type": _CHANNEL_TYPES[channel.kind],
            "event_ts": message.ts,
        }
        self._emit(f"message.{channel.kind}", event, channel)
        if f"<@{self._workspace.app.bot_user_id}" in message.text and not channel.is_im:
            mention = {key: value for key, value in event.items() if key != "channel_type"}
            self._emit("app_mention", {**mention, "type": "app_mention"}, channel)

    def message_changed(self, message: Message, before: Message) -> None:
        """A message was edited."""
        self._message_event(
            "message_changed",
            message,
            message=message_object(self._workspace, message),
            previous_message=message_object(self._workspace, before),
        )

    def message_deleted(self, message: Message) -> None:
        """A message is gone."""
        self._message_event(
            "message_deleted",
            message,
            deleted_ts=message.ts,
            previous_message=message_object(self._workspace, message),
        )

    def member_joined(self, channel: Channel, user_id: str, inviter: str | None) -> None:
        """Somebody, perhaps the app, came into a channel."""
        event = {
            "type": "member_joined_channel",
            "user": user_id,
            "channel": channel.id,
            "channel_type": "G" if channel.is_private else "C",
            "team": self._workspace.team.id,
            "event_ts": self._workspace.next_ts(),
            **({"inviter": inviter} if inviter else {}),
        }
        self._emit("member_joined_channel", event, channel)

    def reaction_added(self, message: Message, name: str, user_id: str) -> None:
        """Somebody reacted to a message."""
        event = {
            "type": "reaction_added",
            "user": user_id,
            "reaction": name,
            "item": {"type": "message", "channel": message.channel, "ts": message.ts},
            "item_user": message.user,
            "event_ts": self._workspace.next_ts(),
        }
        self._emit("reaction_added", event, self._workspace.channel(message.channel))

    def channel_shared(self, channel: Channel, team_id: str) -> None:
        """Another team sees a channel from now on."""
        event: Json = {
            "type": "channel_shared",
            "connected_team_id": team_id,
            "channel": channel.id,
            "event_ts": self._workspace.next_ts(),
        }
        self._emit("channel_shared", event, channel)

    def channel_unshared(self, channel: Channel, team_id: str) -> None:
        """Another team sees a channel no more; perhaps further ones do."""
        event: Json = {
            "type": "channel_unshared",
            "previously_connected_team_id": team_id,
            "channel": channel.id,
            "is_ext_shared": channel.is_ext_shared,
            "event_ts": self._workspace.next_ts(),
        }
        self._emit("channel_unshared", event, channel)

    def user_changed(self, user: User) -> None:
        """Somebody's profile, or what they are in Slack, is another."""
        event = {
            "type": "user_change",
            "user": user_object(self._workspace, user),
            "cache_ts": int(self._workspace.now()),
            "event_ts": self._workspace.next_ts(),
        }
        self._emit("user_change", event)

    def group_changed(self, group: UserGroup, before: UserGroup) -> None:
        """A user group was renamed or disabled, or has other members: two events then."""
        ts = self._workspace.next_ts()
        updated = {
            "type": "subteam_updated",
            "subteam": {
                **user_group_object(self._workspace, group),
                "users": list(group.users[:_MOST_USERS]),
                "user_count": len(group.users),
            },
            "event_ts": ts,
        }
        self._emit("subteam_updated", updated)
        added = [user for user in group.users if user not in before.users]
        removed = [user for user in before.users if user not in group.users]
        if added or removed:
            changed = {
                "type": "subteam_members_changed",
                "subteam_id": group.id,
                "team_id": self._workspace.team.id,
                "date_previous_update": before.date_update,
                "date_update": group.date_update,
                "added_users": added,
                "added_users_count": len(added),
                "removed_users": removed,
                "removed_users_count": len(removed),
                "event_ts": ts,
            }
            self._emit("subteam_members_changed", changed)

    def home_opened(self, user_id: str, tab: str) -> None:
        """Somebody looks at the app's Home (``home``) or its direct messages (``messages``)."""
        event: Json = {
            "type": "app_home_opened",
            "user": user_id,
            "channel": self._workspace.im_with_app(user_id).id,
            "tab": tab,
            "event_ts": self._workspace.next_ts(),
        }
        home = self._workspace.views.home(user_id)
        if home is not None and tab == "home":
            event["view"] = view_object(self._workspace, home)
        self._emit("app_home_opened", event)

    def _message_event(self, subtype: str, about: Message, /, **fields: Json | str) -> None:
        if about.ephemeral_to:
            return
        channel = self._workspace.channel(about.channel)
        ts = self._workspace.next_ts()
        event = {
            "type": "message",
            "subtype": subtype,
            "hidden": True,
            "channel": channel.id,
            "channel_type": _CHANNEL_TYPES[channel.kind],
            "ts": ts,
            "event_ts": ts,
            **fields,
        }
        self._emit(f"message.{channel.kind}", event, channel)

    def _emit(self, subscription: str, event: Json, channel: Channel | None = None) -> None:
        app = self._workspace.app
        if subscription not in app.bot_events:
            return
        if channel is not None and app.bot_user_id not in channel.members:
            return
        shared = channel is not None and channel.is_ext_shared
        self._delivery.send_event(event_callback(self._workspace, event, ext_shared=shared))
