"""How Slack encodes what people type before an app gets to see it.

Source: Slack's "Formatting message text" (escaping, links, mentions) and the ``should_escape``
switch of slash commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.playground.errors import SlackError
from bot.playground.workspace import Workspace

_SKIN_TONES = {chr(0x1F3FB + step): f":skin-tone-{step + 2}:" for step in range(5)}

# Slack's own names where they differ from the ones the emoji package knows.
_SLACK_NAMES = {":thumbsup:": ":+1:", ":thumbsdown:": ":-1:", ":red_heart:": ":heart:"}

_TOKEN = re.compile(
    r"(?P<url>https?://[^\s<>|]+[^\s<>|.,;:!?'\")\]}])"
    r"|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<domain>(?<![\w.@/-])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|de|eu|uk|app|example)\b"
    r"(?:/[^\s<>|]*[^\s<>|.,;:!?'\")\]}])?)"
    r"|(?<![\w@])@(?P<user>[\w.-]*\w)"
    r"|(?<![\w#&])#(?P<channel>[\w-]+)",
    re.IGNORECASE,
)


def encode_message(workspace: Workspace, text: str) -> str:
    """A message's ``text``: entities, <@U…>, <#C…>, <!here>, <https://…>, :shortcodes:."""
    return _encode(
        text,
        links=True,
        mention=lambda name: _mention(workspace, name, with_label=False),
        channel=lambda name: _channel(workspace, name),
    )


def encode_command(workspace: Workspace, text: str, *, should_escape: bool) -> str:
    """A slash command's ``text``: the same with labels (<@U…|ana>) if ``should_escape``.

    Without it names, channels and links stay as typed; & < > are entities always.
    """
    if not should_escape:
        return _encode(text, links=False, mention=lambda _: None, channel=lambda _: None)
    return _encode(
        text,
        links=True,
        mention=lambda name: _mention(workspace, name, with_label=True),
        channel=lambda name: _channel(workspace, name),
    )


def shortcodes(text: str) -> str:
    """Unicode emoji as Slack's shortcodes, skin tones as a second shortcode."""
    if text.isascii():
        return text
    import emoji

    return emoji.replace_emoji(text, lambda found, _: _shortcode(found))


def _encode(
    text: str,
    *,
    links: bool,
    mention: Callable[[str], str | None],
    channel: Callable[[str], str | None],
) -> str:
    parts: list[str] = []
    position = 0
    for match in _TOKEN.finditer(text):
        encoded = _encode_token(match, links, mention, channel)
        if encoded is not None:
            parts += [_entities(text[position : match.start()]), encoded]
            position = match.end()
    parts.append(_entities(text[position:]))
    return "".join(parts)


def _encode_token(
    match: re.Match[str],
    links: bool,
    mention: Callable[[str], str | None],
    channel: Callable[[str], str | None],
) -> str | None:
    found = match.group()
    if match["user"]:
        return mention(match["user"])
    if match["channel"]:
        return channel(match["channel"])
    if not links:
        return None
    escaped = _escape(found)
    if match["url"]:
        return f"<{escaped}>"
    if match["email"]:
        return f"<mailto:{escaped}|{escaped}>"
    return f"<http://{escaped}|{escaped}>"


def _mention(workspace: Workspace, name: str, *, with_label: bool) -> str | None:
    if name in ("here", "channel", "everyone"):
        return f"<!{name}>"
    for group in workspace.user_groups.values():
        if name.lower() == group.handle:
            return f"<!subteam^{group.id}|@{group.handle}>"
    try:
        user = workspace.user_named(name)
    except SlackError:
        return None
    return f"<@{user.id}|{user.name}>" if with_label else f"<@{user.id}>"


def _channel(workspace: Workspace, name: str) -> str | None:
    try:
        channel = workspace.channel_named(name.lower())
    except SlackError:
        return None
    return f"<#{channel.id}|{channel.name}>"


def _entities(text: str) -> str:
    return shortcodes(_escape(text))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shortcode(found: str) -> str:
    import emoji

    tone = "".join(code for char, code in _SKIN_TONES.items() if char in found)
    plain = "".join(char for char in found if char not in _SKIN_TONES)
    name = emoji.demojize(plain, language="alias")
    if not (name.startswith(":") and name.endswith(":")):
        return found
    return _SLACK_NAMES.get(name, name) + tone
