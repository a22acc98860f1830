"""What the playground's Slack remembers, as frozen records.

Ids look like Slack's (T team, U person, C channel, D direct messages, F file, V view, B bot,
A app). Times are Unix seconds in UTC; a message's ``ts`` is Slack's string "seconds.microseconds",
which is also its id within its channel.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import types
import typing
import zoneinfo
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
T = typing.TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """A Slack workspace; ``domain`` is the part before .slack.com."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class User:
    """A person, a bot user, or Slackbot; ``tz`` is an IANA zone, ``color`` six hex digits.

    ``status_expiration`` is 0 for a status that stays; ``dnd_until`` is 0 for who has no
    do-not-disturb times, else the next ones are from ``dnd_from`` on.
    """

    id: str
    name: str
    real_name: str
    tz: str = "Europe/London"
    title: str = ""
    color: str = "4a154b"
    is_admin: bool = False
    is_owner: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False
    team_id: str = ""
    status_text: str = ""
    status_emoji: str = ""
    status_expiration: int = 0
    dnd_from: int = 0
    dnd_until: int = 0

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = self.real_name.split() or [self.name]
        return "".join(word[0] for word in words[:2]).upper()

    def tz_offset(self, at: float) -> int:
        """Seconds east of UTC at Unix time ``at``."""
        moment = dt.datetime.fromtimestamp(at, zoneinfo.ZoneInfo(self.tz))
        return int((moment.utcoffset() or dt.timedelta()).total_seconds())


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, or with ``im_user`` the direct messages between that person and the app.

    ``other_teams`` are the ids of those it is shared with, or that are invited.
    """

    id: str
    name: str
    members: tuple[str, ...] = ()
    is_private: bool = False
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False
    other_teams: tuple[str, ...] = ()
    is_archived: bool = False
    is_general: bool = False
    is_read_only: bool = False
    im_user: str | None = None
    creator: str = ""
    created: int = 0
    topic: str = ""
    purpose: str = ""

    @property
    def is_im(self) -> bool:
        return self.im_user is not None

    @property
    def kind(self) -> str:
        """Slack's name in scopes and events: ``channels``, ``groups`` or ``im``."""
        if self.is_im:
            return "im"
        return "groups" if self.is_private else "channels"


@dataclass(frozen=True, slots=True)
class Edited:
    """Who edited a message and when (a ts)."""

    user: str
    ts: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji under a message and who chose it."""

    name: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message; ``text`` is encoded as Slack encodes it (&amp;, <@U…>, <https://…>).

    ``thread_ts`` is the parent's ts in a thread (the parent itself has none stored; whether it has
    replies follows from the others). ``ephemeral_to`` names the only person who sees it.
    ``subtype`` is Slack's (``channel_join``, ``file_share``) or empty.
    """

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    bot_id: str | None = None
    thread_ts: str | None = None
    subtype: str = ""
    edited: Edited | None = None
    metadata: Json | None = None
    ephemeral_to: str | None = None
    files: tuple[str, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    reply_broadcast: bool = False
    client_msg_id: str | None = None
    mrkdwn: bool = True
    username: str | None = None
    icon_emoji: str | None = None
    icon_url: str | None = None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


class FileState(enum.StrEnum):
    """Where an upload stands: asked for, bytes here, completed, or deleted."""

    EXPECTED = "expected"
    RECEIVED = "received"
    COMPLETE = "complete"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file; its bytes lie on disk. Before ``ready_at`` Slack still processes it."""

    id: str
    user: str
    name: str
    size: int
    created: int
    title: str = ""
    mimetype: str = ""
    filetype: str = ""
    alt_txt: str | None = None
    width: int | None = None
    height: int | None = None
    state: FileState = FileState.EXPECTED
    ready_at: float = 0.0
    upload_key: str = ""
    is_handed_over: bool = False
    channels: tuple[str, ...] = ()


class ViewKind(enum.StrEnum):
    MODAL = "modal"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class View:
    """A modal or somebody's App Home.

    ``body`` is what the app sent (title, blocks, submit, ...) with missing block and action ids
    filled in. ``typed`` is what the person has entered so far, in Slack's ``state.values`` shape,
    block_id -> action_id -> value; it survives an update for inputs that keep both ids.
    ``errors`` are the messages to show beside fields (block_id -> text), ``trouble`` a message for
    the whole form.
    """

    id: str
    user: str
    kind: ViewKind
    body: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    external_id: str = ""
    typed: dict[str, dict[str, Json]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.body.get("blocks", [])
        return blocks

    @property
    def callback_id(self) -> str:
        return str(self.body.get("callback_id") or "")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Leave to open one view until ``expires_at``; ``view_id`` if it came from a modal."""

    id: str
    user: str
    expires_at: float
    view_id: str | None = None
    used: bool = False


@dataclass(frozen=True, slots=True)
class ResponseUrl:
    """A URL that takes ``uses_left`` more messages for ``user`` in ``channel``."""

    id: str
    secret: str
    channel: str
    user: str
    expires_at: float
    kind: str = "commands"
    message_ts: str | None = None
    thread_ts: str | None = None
    uses_left: int = 5


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A group that can be mentioned with @handle. ``date_delete``: since when it is disabled."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...] = ()
    date_update: int = 0
    date_delete: int = 0


def to_json(record: Any) -> Json:
    """A record as plain JSON values."""
    return dataclasses.asdict(record)


def from_json(kind: type[T], body: Json) -> T:
    """A record of ``kind`` from what ``to_json`` gave.

    :raises TypeError: if a field is missing or unknown.
    """
    hints = typing.get_type_hints(kind)
    return kind(**{name: _restore(hints[name], value) for name, value in body.items()})


def _restore(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(hint, types.UnionType):
        return _restore(next(part for part in hint.__args__ if part is not types.NoneType), value)
    if typing.get_origin(hint) is tuple:
        return tuple(_restore(typing.get_args(hint)[0], item) for item in value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value)
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return hint(value)
    return value
