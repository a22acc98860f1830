"""What one person sees of the workspace: the page and its parts, as HTML."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from bot.playground.app_record import Command
from bot.playground.errors import SlackError
from bot.playground.icons import icon
from bot.playground.mrkdwn import Reader
from bot.playground.page_forms import with_typed
from bot.playground.page_messages import MessageReader, ShownFile, ShownMessage, mentions
from bot.playground.records import Channel, Message, User, View
from bot.playground.rendering import Choices, Renderer, environment
from bot.playground.workspace import Workspace

PAGE_LENGTH = 60

_OWN_COMMANDS = (
    Command(
        "/invite", "Bring someone, or the app, into this channel", "@name", should_escape=False
    ),
    Command("/join", "Come into a channel", "#channel", should_escape=False),
    Command("/leave", "Go out of this channel", "", should_escape=False),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the sidebar."""

    path: str
    name: str
    lead: Markup
    unread: bool = False
    mentions: int = 0


@dataclass(frozen=True, slots=True)
class Sidebar:
    channels: tuple[Place, ...]
    direct: Place
    home: Place


@dataclass(frozen=True, slots=True)
class Thread:
    """An open thread: its parent's ts, and the parent with the replies."""

    ts: str
    messages: list[ShownMessage]


@dataclass(frozen=True, slots=True)
class ShownView:
    """A modal or a Home. `version` changes whenever what is shown does."""

    id: str
    blocks: Markup
    version: int
    depth: int = 1
    title: str = ""
    submit: str = ""
    close: str = ""
    trouble: str = ""


class Screen:
    """One person's view of the workspace at one moment.

    `last_read` gives the ts up to which they have read each channel.
    """

    def __init__(
        self,
        workspace: Workspace,
        viewer: User,
        *,
        last_read: Mapping[str, str],
        app_connected: bool,
    ) -> None:
        self._workspace = workspace
        self._viewer = viewer
        self._last_read = last_read
        self._app_connected = app_connected
        self._base = f"/w/{viewer.id}"
        self.zone = ZoneInfo(viewer.tz)
        now = datetime.fromtimestamp(workspace.now(), self.zone)
        self._renderer = Renderer(self._reader(now), self._choices())
        self._messages = MessageReader(workspace, viewer, self._renderer, now, self._base)

    def page(
        self, channel: Channel, *, home: bool = False, thread_ts: str = "", since: str = ""
    ) -> str:
        """The whole page at a channel, or at the app's Home."""
        messages, earlier = ([], "") if home else self._timeline(channel, since)
        people = self._workspace.people()
        return self._render(
            "page.html",
            channel,
            place="home" if home else "channel",
            place_path="home" if home else channel.id if not channel.is_im else "messages",
            title="Home" if home else channel.name or self._workspace.app.name,
            people=people,
            other=next((p for p in people if "approver" in p.title.lower()), people[-1]),
            member_names=", ".join(self._name(member) for member in channel.members),
            messages=self._messages.shown(messages),
            earlier=earlier,
            thread=self._thread(channel, thread_ts) if thread_ts else None,
            home=self._home(),
            modal=self._modal(),
            commands=self._commands(),
        )

    def messages(
        self, channel: Channel, *, thread_ts: str = "", only: list[str], since: str = ""
    ) -> str:
        """Messages of a channel or a thread; `only` those with these ts, all if it is empty."""
        if thread_ts:
            found = self._workspace.thread(channel.id, thread_ts, self._viewer.id)
        elif only:
            found = self._workspace.timeline(channel.id, self._viewer.id)
        else:
            found, _ = self._timeline(channel, since)
        wanted = [message for message in found if not only or message.ts in only]
        shown = self._messages.shown(wanted, in_thread=bool(thread_ts))
        return self._render("messages.html", channel, messages=shown, in_thread=bool(thread_ts))

    def thread(self, channel: Channel, ts: str) -> str:
        """The pane with a thread."""
        return self._render("thread.html", channel, thread=self._thread(channel, ts))

    def sidebar(self, channel: Channel, *, home: bool) -> str:
        """The lists of channels, direct messages and apps."""
        return self._render("sidebar.html", channel, place="home" if home else "channel")

    def modal(self) -> str:
        """The form the person looks at; nothing if there is none."""
        return self._render("modal.html", modal=self._modal())

    def home(self) -> str:
        """What the app published for the person."""
        return self._render("home.html", home=self._home())

    def file(self, file_id: str) -> ShownFile:
        """A file as it is listed in a form. Raises SlackError if there is none."""
        return self._messages.file(file_id)

    def unread(self, channel: Channel) -> list[Message]:
        """What the person has not read in a channel."""
        seen = self._last_read.get(channel.id, "")
        return [
            message
            for message in self._workspace.timeline(channel.id, self._viewer.id)
            if message.ts > seen and message.user != self._viewer.id
        ]

    def _render(self, template: str, channel: Channel | None = None, **content: Any) -> str:
        workspace = self._workspace
        return (
            environment()
            .get_template(template)
            .render(
                {
                    "viewer": self._viewer,
                    "team": workspace.team,
                    "channel": channel,
                    "app_user": workspace.users[workspace.app.bot_user_id],
                    "app_user_id": workspace.app.bot_user_id,
                    "app_name": workspace.app.name,
                    "app_connected": self._app_connected,
                    "shortcuts": [entry for entry in workspace.app.shortcuts if entry.on_message],
                    "sidebar": self._sidebar() if channel else None,
                    "icon": icon,
                    "asset": "/static/{}".format,
                    "city": lambda zone: zone.rpartition("/")[2].replace("_", " "),
                    **content,
                }
            )
        )

    def _timeline(self, channel: Channel, since: str) -> tuple[list[Message], str]:
        """The newest messages (from `since` on, if given), and where the ones before begin."""
        messages = self._workspace.timeline(channel.id, self._viewer.id)
        start = max(len(messages) - PAGE_LENGTH, 0)
        if since:
            start = next((at for at, entry in enumerate(messages) if entry.ts >= since), 0)
        earlier = messages[max(start - PAGE_LENGTH, 0)].ts if start else ""
        return messages[start:], earlier

    def _thread(self, channel: Channel, ts: str) -> Thread:
        messages = self._workspace.thread(channel.id, ts, self._viewer.id)
        return Thread(ts, self._messages.shown(messages, in_thread=True))

    def _sidebar(self) -> Sidebar:
        workspace = self._workspace
        direct = workspace.im_with_app(self._viewer.id)
        waiting = len(self.unread(direct))
        channels = sorted(workspace.channels_of(self._viewer.id), key=lambda entry: entry.name)
        return Sidebar(
            channels=tuple(self._place(channel) for channel in channels),
            direct=Place(
                direct.id, workspace.app.name, self._app_picture(), waiting > 0, mentions=waiting
            ),
            home=Place("home", workspace.app.name, icon("home")),
        )

    def _place(self, channel: Channel) -> Place:
        unread = self.unread(channel)
        named = sum(mentions(message, self._viewer.id) for message in unread)
        lead = icon("lock" if channel.is_private else "hash")
        return Place(channel.id, channel.name, lead, bool(unread), mentions=named)

    def _app_picture(self) -> Markup:
        module = (
            environment()
            .get_template("parts.html")
            .make_module({"app_user_id": self._workspace.app.bot_user_id})
        )
        picture: Markup = module.avatar(  # type: ignore[attr-defined] # a macro of the template
            self._workspace.users[self._workspace.app.bot_user_id], 20
        )
        return picture

    def _modal(self) -> ShownView | None:
        stack = self._workspace.views.stack(self._viewer.id)
        if not stack:
            return None
        view = stack[-1]
        return ShownView(
            id=view.id,
            blocks=self._view_blocks(view),
            version=_version(view),
            depth=len(stack),
            title=_words(view, "title"),
            submit=_words(view, "submit"),
            close=_words(view, "close") or "Cancel",
            trouble=view.trouble,
        )

    def _home(self) -> ShownView | None:
        view = self._workspace.views.home(self._viewer.id)
        if view is None:
            return None
        return ShownView(view.id, self._view_blocks(view), _version(view))

    def _view_blocks(self, view: View) -> Markup:
        blocks = with_typed(view.blocks, view.typed)
        return self._renderer.blocks(blocks, view.id, errors=view.errors, file=self._listed_file)

    def _listed_file(self, file: Mapping[str, str]) -> ShownFile | None:
        try:
            return self._messages.file(file["id"])
        except SlackError:
            return None

    def _commands(self) -> Markup:
        suggestions = [
            {"insert": insert, "usage": usage, "description": description}
            for command in (*self._workspace.app.commands, *_OWN_COMMANDS)
            for insert, usage, description in suggestions_for(command)
        ]
        # In a script element only "<" could end the text.
        return Markup(json.dumps(suggestions).replace("<", "\\u003c"))  # noqa: S704

    def _reader(self, now: datetime) -> Reader:
        workspace = self._workspace
        return Reader(
            zone=self.zone,
            now=now,
            users={user.id: user.real_name for user in workspace.users.values()},
            channels={
                channel.id: channel.name
                for channel in workspace.channels.values()
                if not channel.is_im
            },
            file_url=self._file_url,
            channel_url=lambda channel: f"{self._base}/{channel}",
            me=self._viewer.id,
        )

    def _choices(self) -> Choices:
        workspace = self._workspace
        people = tuple((user.id, user.real_name) for user in workspace.people())
        channels = tuple(
            (channel.id, channel.name) for channel in workspace.channels_of(self._viewer.id)
        )
        direct = ((workspace.im_with_app(self._viewer.id).id, workspace.app.name),)
        return Choices(people, channels, direct)

    def _file_url(self, identity: str) -> str | None:
        """From a file's id, or from an address of it, in which the id stands."""
        for part in identity.split("/"):
            try:
                return f"{self._base}/files/{self._workspace.files.get(part).id}"
            except SlackError:
                continue
        return None

    def _name(self, user_id: str) -> str:
        user = self._workspace.users.get(user_id)
        return user.real_name if user else user_id


def suggestions_for(command: Command) -> list[tuple[str, str, str]]:
    """What the composer offers for a command: (text to insert, usage, description).

    A usage hint such as `[draft <text> | queue]` names sub-commands, which are offered too.
    """
    offered = [(command.name, command.usage_hint, command.description)]
    hint = command.usage_hint.strip()
    if hint.startswith("[") and hint.endswith("]") and "]" not in hint[:-1]:
        hint = hint[1:-1]
    if "|" not in hint:
        return offered
    for part in hint.split("|"):
        word, _, usage = part.strip().partition(" ")
        if word.isalpha():
            offered.append((f"{command.name} {word}", usage, ""))
    return offered


def _words(view: View, name: str) -> str:
    text: dict[str, str] = view.body.get(name) or {}
    return text.get("text", "")


def _version(view: View) -> int:
    return zlib.crc32(repr((view.hash, view.errors, view.trouble)).encode())
