"""Messages as one person sees them: names, times in their zone, and HTML."""

import dataclasses
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from bot.playground.errors import SlackError
from bot.playground.mrkdwn import clock, emoji_html, long_date, plain
from bot.playground.records import Message, User
from bot.playground.rendering import Renderer
from bot.playground.workspace import SLACKBOT, Workspace, permalink

QUIET = {"channel_join", "channel_leave", "bot_add"}
REPLIERS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file below a message; `url` is None once it was deleted."""

    name: str
    url: str
    size: str
    alt: str
    is_picture: bool
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class ShownReaction:
    """An emoji below a message and who chose it."""

    emoji: Markup
    count: int
    names: str


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """Everything the template needs. `version` changes whenever what is shown does."""

    record: Message
    anchor: str
    author: User
    author_key: str
    name: str
    is_app: bool
    is_quiet: bool
    mentions_me: bool
    text: Markup
    blocks: Markup
    attachments: tuple[Markup, ...]
    files: tuple[ShownFile, ...]
    reactions: tuple[ShownReaction, ...]
    replies: int
    repliers: tuple[User, ...]
    last_reply: str
    thread_lead: bool
    time: str
    short_time: str
    full_time: str
    edited_time: str
    iso: str
    day: str
    day_name: str
    permalink: str
    version: int = 0


class MessageReader:
    """Turns records into what `viewer` sees."""

    def __init__(
        self, workspace: Workspace, viewer: User, renderer: Renderer, now: datetime, base: str
    ) -> None:
        self._workspace = workspace
        self._viewer = viewer
        self._renderer = renderer
        self._now = now
        self._base = base

    def shown(self, messages: Sequence[Message], *, in_thread: bool = False) -> list[ShownMessage]:
        """The messages in the same order."""
        return [self._shown(message, in_thread=in_thread) for message in messages]

    def file(self, file_id: str) -> ShownFile:
        """A file's card or picture. Raises SlackError if it is gone or was never complete."""
        file = self._workspace.files.get(file_id)
        return ShownFile(
            name=file.title or file.name,
            url=f"{self._base}/files/{file.id}",
            size=size_in_words(file.size),
            alt=file.alt_txt or file.title or file.name,
            is_picture=file.width is not None,
            width=file.width,
            height=file.height,
        )

    def _shown(self, message: Message, *, in_thread: bool) -> ShownMessage:
        author = self._workspace.users.get(message.user) or User(message.user, "unknown", "Unknown")
        anchor = f"{'t' if in_thread else 'm'}-{message.ts.replace('.', '-')}"
        moment = self._moment(message.ts)
        replies = [] if in_thread or message.is_reply else self._replies(message)
        shown = ShownMessage(
            record=message,
            anchor=anchor,
            author=author,
            author_key=f"{author.id}{message.username or ''}",
            name=message.username or author.real_name,
            is_app=author.is_bot and author.id != SLACKBOT,
            is_quiet=message.subtype in QUIET,
            mentions_me=mentions(message, self._viewer.id),
            text=self._text(message),
            blocks=self._renderer.blocks(message.blocks, anchor) if message.blocks else Markup(""),
            attachments=tuple(
                self._attachment(attachment, f"{anchor}-a{at}")
                for at, attachment in enumerate(message.attachments)
            ),
            files=tuple(self._files(message)),
            reactions=tuple(
                ShownReaction(emoji_html(entry.name), len(entry.users), self._names(entry.users))
                for entry in message.reactions
            ),
            replies=len(replies),
            repliers=self._repliers(replies),
            last_reply=self._when(self._moment(replies[-1].ts)) if replies else "",
            thread_lead=message.is_reply and message.reply_broadcast and not in_thread,
            time=clock(moment),
            short_time=clock(moment).partition(" ")[0],
            full_time=self._when(moment, seconds=True),
            edited_time=self._when(self._moment(message.edited.ts)) if message.edited else "",
            iso=moment.isoformat(timespec="seconds"),
            day=f"{moment:%Y-%m-%d}",
            day_name=long_date(moment, self._now),
            permalink=permalink(self._workspace, message),
        )
        return dataclasses.replace(shown, version=zlib.crc32(repr(shown).encode()))

    def _text(self, message: Message) -> Markup:
        """Blocks replace the text, which is then for notifications only."""
        if message.blocks or not message.text:
            return Markup("")
        return self._renderer.message(message.text) if message.mrkdwn else plain(message.text)

    def _attachment(self, attachment: dict[str, Any], surface: str) -> Markup:
        if blocks := attachment.get("blocks"):
            return self._renderer.blocks(blocks, surface)
        return self._renderer.message(attachment.get("text") or attachment.get("fallback") or "")

    def _files(self, message: Message) -> list[ShownFile]:
        files = []
        for file_id in message.files:
            try:
                files.append(self.file(file_id))
            except SlackError:
                continue  # deleted since
        return files

    def _replies(self, message: Message) -> list[Message]:
        thread = self._workspace.thread(message.channel, message.ts, self._viewer.id)
        return [reply for reply in thread if reply.ts != message.ts]

    def _repliers(self, replies: list[Message]) -> tuple[User, ...]:
        ids = dict.fromkeys(reply.user for reply in replies)
        known = [self._workspace.users[user] for user in ids if user in self._workspace.users]
        return tuple(known[:REPLIERS_SHOWN])

    def _names(self, users: Sequence[str]) -> str:
        known = self._workspace.users
        return ", ".join(known[user].real_name for user in users if user in known)

    def _moment(self, ts: str) -> datetime:
        return datetime.fromtimestamp(float(ts), self._now.tzinfo)

    def _when(self, moment: datetime, *, seconds: bool = False) -> str:
        time = clock(moment)
        if seconds:
            time = time.replace(" ", f":{moment:%S} ")
        return f"{long_date(moment, self._now)} at {time}"


def mentions(message: Message, user_id: str) -> bool:
    """Whether a message names this person, or everybody."""
    content = message.text + json.dumps(message.blocks)
    named = (f"<@{user_id}", f'"user_id": "{user_id}"', "<!here", "<!channel", "<!everyone")
    return any(mark in content for mark in named)


def size_in_words(size: int) -> str:
    """Bytes, kB or MB, as people read them."""
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{round(size / 1000)} kB"
    return f"{size / 1_000_000:.1f} MB"
