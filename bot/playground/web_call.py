"""One call of the Web API: its arguments, its rights, and the conversation it is about."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.playground.errors import SlackError
from bot.playground.records import Channel, Json
from bot.playground.slack import Slack

T = TypeVar("T")

_TRUE = ("true", "1", "yes")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that got past the token's check."""

    method: str
    arguments: Mapping[str, Any]
    slack: Slack

    def text(self, name: str, default: str = "") -> str:
        """:raises SlackError: ``invalid_arguments`` if it isn't a string."""
        value = self.arguments.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise SlackError(
                "invalid_arguments", [f"[ERROR] must provide a string [json-pointer:/{name}]"]
            )
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.arguments.get(name)
        return default if value is None else str(value).lower() in _TRUE

    def number(self, name: str, default: int) -> int:
        """:raises SlackError: ``invalid_arguments`` if it isn't a whole number."""
        try:
            return int(self.arguments.get(name, default))
        except (TypeError, ValueError):
            raise SlackError(
                "invalid_arguments", [f"[ERROR] must be an integer [json-pointer:/{name}]"]
            ) from None

    def require_scope(self, *any_of: str) -> None:
        """:raises SlackError: ``missing_scope`` unless the app has one of them."""
        scopes = self.slack.workspace.app.scopes
        if any_of and not set(any_of) & set(scopes):
            raise SlackError("missing_scope", needed=",".join(any_of), provided=",".join(scopes))

    def conversation(self, suffix: str, name: str = "channel") -> Channel:
        """The conversation that argument ``name`` names, and the right to ``suffix`` it.

        :param suffix: ``read`` or ``history``, which makes ``channels:read`` and so on.
        :raises SlackError: ``channel_not_found`` (also for a private one without the app),
            ``missing_scope``.
        """
        workspace = self.slack.workspace
        channel = workspace.channel(self.text(name))
        if channel.is_private and workspace.app.bot_user_id not in channel.members:
            raise SlackError("channel_not_found")
        self.require_scope(f"{channel.kind}:{suffix}")
        return channel

    def page(
        self, items: Sequence[T], *, default: int = 100, most: int = 1_000
    ) -> tuple[list[T], Json]:
        """The part of ``items`` asked for, and the answer's ``response_metadata``.

        :raises SlackError: ``invalid_limit``, ``invalid_cursor``.
        """
        limit = self.number("limit", default) or default
        if not 1 <= limit <= most:
            raise SlackError("invalid_limit")
        start = _position(self.text("cursor"))
        end = start + limit
        cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
        return list(items[start:end]), {"response_metadata": {"next_cursor": cursor}}


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the Web API, as Slack documents it.

    ``scopes``: one of them is needed. ``needs_app_token``: an app-level token instead of the bot's.
    """

    handle: Callable[[Call], Json]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    needs_app_token: bool = False


READ = ("channels:read", "groups:read", "im:read", "mpim:read")
HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        prefix, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if prefix == "next":
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise SlackError("invalid_cursor")
