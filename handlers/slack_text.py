"""Text on its way in from Slack, and foreign text on its way out to it.

In: Slack's own encoding (entities, ``<https://…|…>``, ``<@U…>``, ``:tada:``) is undone, once, so
that a post says what the person meant. Out: :func:`escape` is the one door by which foreign text
enters mrkdwn. There ``*``, ``_``, ``~`` and backticks have no escape; where they could mark
something up, look-alikes stand for them: an invisible character would hide in copied text.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from html import unescape
from types import MappingProxyType
from zoneinfo import ZoneInfo

import regex

from bot.errors import UserError
from bot.times import spoken
from handlers.emoji_names import unicode_emoji

_NONE: Mapping[str, str] = MappingProxyType({})


class CustomEmoji(UserError):
    """A workspace's own emoji, which nobody outside can see. ``name`` is without colons."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"“:{name}:” exists in this Slack workspace only; no network can show it."
            " Take it out, or use a standard emoji."
        )
        self.name = name


class UnknownMention(UserError):
    """A person or channel of Slack whose name isn't known here."""


def to_post_text(
    slack_text: str,
    *,
    user_names: Mapping[str, str] = _NONE,
    channel_names: Mapping[str, str] = _NONE,
) -> str:
    """What was typed behind a slash command (``should_escape`` on), as it was meant.

    Formatting signs stay as they were typed. Names are looked up by id, else Slack's label is used.

    :raises CustomEmoji: for an emoji that only this workspace has.
    :raises UnknownMention: for a person or channel without a name.
    """
    return _Decoder(user_names, channel_names).decoded(slack_text)


def message_to_post_text(
    slack_text: str,
    *,
    user_names: Mapping[str, str] = _NONE,
    channel_names: Mapping[str, str] = _NONE,
) -> str:
    """A message's text as people read it: like :func:`to_post_text`, without mrkdwn's markers."""
    decoder = _Decoder(user_names, channel_names)
    return decoder.without_marks(_QUOTE.sub(lambda found: found["kept"] or "", slack_text))


def message_to_text(slack_text: str, *, user_names: Mapping[str, str] = _NONE) -> str:
    """A message's text to be shown again: like :func:`message_to_post_text`, but a workspace's own
    emoji stays as it was written, and who or what can't be named is called by what it is."""
    decoder = _Decoder(user_names, _NONE, lenient=True)
    return decoder.without_marks(_QUOTE.sub(lambda found: found["kept"] or "", slack_text))


def form_to_post_text(typed: str) -> str:
    """What was typed into a form's input: it arrives as it is, except for emoji.

    :raises CustomEmoji: for an emoji that only this workspace has.
    """
    return _with_emoji(typed)


def escape(text: str) -> str:
    """Foreign text for mrkdwn: shown as it is, doing nothing.

    It can't format, mention, link under another name or add emoji; URLs in it stay what they are.
    Direction controls and invisible characters are shown as what they are (‹U+202E›), except where
    emoji and scripts need them; broken surrogates become �.
    """
    shown = visible(text.replace("\r\n", "\n").replace("\r", "\n"))
    return _entities("".join(_tamed(part) for part in _URLS.split(shown)))


def visible(text: str) -> str:
    """Foreign text where nothing is marked up (plain_text, rich_text): what would be hidden in it
    is shown, as `escape` does."""
    return _HIDDEN.sub(_made_visible, _BROKEN.sub("�", text))


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning and "…", in at most ``limit`` UTF-16 units (as Slack counts).

    Cuts between graphemes, and never inside an entity or a ``<…>`` of escaped text.

    :raises ValueError: if not even the ellipsis fits.
    """
    if limit < 1:
        raise ValueError("a limit leaves room for one character at least")
    if _units(text) <= limit:
        return text
    kept, used = [], 1
    for found in _ATOM.finditer(text):
        used += _units(found[0])
        if used > limit:
            break
        kept.append(found[0])
    return "".join(kept).rstrip() + "…"


def date(instant: datetime, zone: ZoneInfo | None = None) -> str:
    """An instant that each reader sees in their own zone.

    :param zone: of the fallback for clients that can't (e-mails, other networks); UTC if not given.
    """
    fallback = spoken(instant, zone or ZoneInfo("UTC"))
    return f"<!date^{int(instant.timestamp())}^{{date_long_pretty}} at {{time}}|{fallback}>"


# -- in --------------------------------------------------------------------------------------------

_BRACKETED = r"<(?P<kind>[@#!]?)(?P<body>[^<>|]*)(?:\|(?P<label>[^<>]*))?>"
_PLAIN = re.compile(_BRACKETED)
_MARKED = re.compile(
    rf"{_BRACKETED}"
    r"|```\n?(?P<block>.+?)\n?```"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?<![\w*_~])(?P<mark>[*_~])(?=\S)(?P<inner>(?:<[^<>]*>|`[^`\n]*`|(?!(?P=mark))[^\n<])+)"
    r"(?<=\S)(?P=mark)(?!\w)",
    re.DOTALL,
)
_QUOTE = re.compile(r"(?P<kept>```.+?```)|^&gt;(?:&gt;&gt;)? ?", re.DOTALL | re.MULTILINE)
_SHORTCODE = re.compile(
    r"(?P<url>https?://\S+)"
    r"|:(?P<name>[\w+'’-]{1,100}):(?::skin-tone-(?P<tone>[2-6])(?:-(?P<second>[2-6]))?:)?"
)
_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)


class _Decoder:
    """:param lenient: nothing is refused."""

    def __init__(
        self,
        user_names: Mapping[str, str],
        channel_names: Mapping[str, str],
        *,
        lenient: bool = False,
    ) -> None:
        self._user_names = user_names
        self._channel_names = channel_names
        self._lenient = lenient

    def decoded(self, encoded: str) -> str:
        return _replaced(_PLAIN, encoded, self._token, lenient=self._lenient)

    def without_marks(self, encoded: str) -> str:
        return _replaced(_MARKED, encoded, self._marked, lenient=self._lenient)

    def _marked(self, found: re.Match[str]) -> str:
        if found["mark"]:
            return self.without_marks(found["inner"])
        literal = found["block"] or found["code"]
        return _unescaped(literal) if literal else self._token(found)

    def _token(self, found: re.Match[str]) -> str:
        kind, body, label = (
            found["kind"],
            found["body"],
            _with_emoji(_unescaped(found["label"] or ""), lenient=self._lenient),
        )
        if kind == "@":
            return "@" + self._known(self._user_names.get(body) or label, "person")
        if kind == "#":
            return "#" + self._known(self._channel_names.get(body) or label, "channel")
        if kind == "!":
            return label or f"@{body.partition('^')[0]}"
        return _link(_unescaped(body), label)

    def _known(self, name: str, what: str) -> str:
        if not (name or self._lenient):
            raise UnknownMention(
                f"A {what} is mentioned whose name can't be seen. Write it as text."
            )
        return name or f"a-{what}"


def _link(target: str, label: str) -> str:
    """What was typed: a link's own address, unless somebody put other words over it."""
    if not label:
        return target
    typed = _ADDRESS.sub("", label).rstrip("/")
    return label if typed == _ADDRESS.sub("", target).rstrip("/") else f"{label} ({target})"


def _replaced(
    pattern: re.Pattern[str],
    encoded: str,
    replacement: Callable[[re.Match[str]], str],
    *,
    lenient: bool,
) -> str:
    """The text with what the pattern finds replaced, and all between it unescaped."""
    pieces, end = [], 0
    for found in pattern.finditer(encoded):
        between = _unescaped(encoded[end : found.start()])
        pieces += [_with_emoji(between, lenient=lenient), replacement(found)]
        end = found.end()
    return "".join([*pieces, _with_emoji(_unescaped(encoded[end:]), lenient=lenient)])


def _unescaped(encoded: str) -> str:
    """Slack's three entities, once. (HTML's others are text: somebody wrote about them.)"""
    return re.sub(r"&(?:amp|lt|gt);", lambda found: unescape(found[0]), encoded)


def _with_emoji(text: str, *, lenient: bool = False) -> str:
    """:raises CustomEmoji: unless lenient; then it stays as it was written."""
    pieces, end, position = [], 0, 0
    while found := _SHORTCODE.search(text, position):
        try:
            follows = found.start() == end > 0
            character = None if found["url"] else _emoji(text, found, follows=follows)
        except CustomEmoji:
            if not lenient:
                raise
            character = None
        position = found.end() if found["url"] or character else found.start() + 1
        if character:
            pieces += [text[end : found.start()], character]
            end = found.end()
    return "".join([*pieces, text[end:]])


def _emoji(text: str, found: re.Match[str], *, follows: bool) -> str | None:
    """The emoji that is meant, or None where the colons are punctuation ("10:30:45", "a:b:c").

    :param follows: whether another emoji stands right before it.
    """
    name = found["name"]
    before = "" if follows else text[found.start() - 1 : found.start()]
    after = text[found.end() : found.end() + 1]
    touched = [near for near in (before, after) if near == "_" or near.isalnum()]
    tones = tuple(int(tone) for tone in (found["tone"], found["second"]) if tone)
    character = unicode_emoji(name, tones)
    if character:
        between = len(touched) == 2 and all(near.isascii() for near in touched)
        small = len(name) < 3 or name.isdigit()
        return None if between or (small and touched) else character
    another = after == ":" and _SHORTCODE.match(text, found.end())
    free = not touched and before != ":" and (after != ":" or another)
    if free and name == name.lower() and any(letter.isalpha() for letter in name):
        raise CustomEmoji(name)
    return None


# -- out -------------------------------------------------------------------------------------------

_LOOKALIKES = {"*": "∗", "_": "＿", "~": "∼", "`": "‵", ":": "∶", ">": "›"}
_JOINING = "".join(
    rf"\p{{Script={script}}}"
    for script in (
        *("Arabic", "Syriac", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil"),
        *("Telugu", "Kannada", "Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan"),
    )
)
_PICTURE = r"\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|[\ufe0e\ufe0f])?"
_FLAG_OF_A_PART = r"\U0001F3F4[\U000E0061-\U000E007A]{5}\U000E007F"
_HIDDEN = regex.compile(
    rf"(?P<kept>{_FLAG_OF_A_PART}|{_PICTURE}(?:\u200d{_PICTURE})*|[0-9#]\ufe0f?\u20e3"
    rf"|(?<=[{_JOINING}])[\u200c\u200d]|(?<=\p{{Han}})[\U000E0100-\U000E01EF])"
    r"|(?P<star>\*\ufe0f?\u20e3)"
    r"|(?P<hidden>[[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Zl}\p{Zp}\ufff9-\ufffb]--[\n\t]])",
    regex.VERSION1,
)
_BROKEN = re.compile(r"[\ud800-\udfff]")
_URLS = re.compile(r"(https?://[^\s<>]+)", re.IGNORECASE)
_MARK = re.compile(
    r"`|(?<![^\W_])[*_~]+(?!\s)|(?<!\s)[*_~]+(?![^\W_])"
    r"|:(?=[\w+'’-]+:)|^(?P<indent>[ \t]*)>",
    re.MULTILINE,
)
_ATOM = regex.compile(r"&(?:amp|lt|gt);|<[^<>]*>|‹U\+[0-9A-F]{4,6}›|\X")


def _made_visible(found: "regex.Match[str]") -> str:
    if found["star"]:
        return "∗\u20e3"
    hidden = found["hidden"]
    return f"‹U+{ord(hidden):04X}›" if hidden else found[0]


def _tamed(part: str) -> str:
    if _URLS.fullmatch(part):
        return _MARK.sub(lambda found: _percent(found[0]), part)
    return _MARK.sub(lambda found: "".join(_LOOKALIKES.get(sign, sign) for sign in found[0]), part)


def _percent(signs: str) -> str:
    """The same URL without signs that could mark something up around it."""
    return signs if signs == ":" else "".join(f"%{ord(sign):02X}" for sign in signs)


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
