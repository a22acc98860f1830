"""Slack's text as HTML: mrkdwn, plain text, emoji shortcodes and dates, for one reader.

Every function returns markup in which each character of the text is escaped; the only tags are
those written in this file. Links keep http, https, mailto and tel; anything else stays text.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from handlers.emoji_names import unicode_emoji

_ATOM = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<control>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+'-]+):(?::(?P<tone>skin-tone-[2-6]):)?"
    r"|&(?P<entity>amp|lt|gt);"
    r"|(?<![\w/])(?P<url>https?://[^\s<>|`]+)"
)
_SHORTCODE = re.compile(r":(?P<emoji>[a-z0-9_+'-]+):(?::(?P<tone>skin-tone-[2-6]):)?")
_PREFORMATTED = re.compile(r"```(.+?)```", re.DOTALL)
_QUOTE = re.compile(r"^(?:>|&gt;) ?")
_QUOTE_TO_END = re.compile(r"^(?:>|&gt;){3} ?")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_SAFE_LINK = re.compile(r"^(?:https?://|mailto:|tel:)[^\s]", re.IGNORECASE)
_STYLES = {"*": "strong", "_": "em", "~": "s"}
_DATE_TOKEN = re.compile(r"\{(\w+)\}")
_HALF_A_YEAR = timedelta(days=182)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom the HTML is for, and what ids stand for in their workspace.

    `now` is aware; `zone` is the reader's. `file_url` gives the address of a file of the
    workspace, or None where there is no such file. `channel_url` leads to a channel's page.
    """

    zone: ZoneInfo
    now: datetime
    users: Mapping[str, str]
    channels: Mapping[str, str]
    file_url: Callable[[str], str | None]
    channel_url: Callable[[str], str]
    me: str = ""


def mrkdwn(text: str, reader: Reader) -> Markup:
    """Slack's mrkdwn: bold, italic, strike, code, quotes, links, mentions, dates, emoji."""
    parts: list[Markup] = []
    for index, piece in enumerate(_PREFORMATTED.split(text)):
        if index % 2:
            shown = Markup("").join(_code_atoms(piece.removeprefix("\n").removesuffix("\n")))
            parts.append(Markup("<pre>{}</pre>").format(shown))
        else:
            if index:
                piece = piece.removeprefix("\n")
            parts.append(_paragraphs(piece, reader))
    return Markup("").join(parts)


def plain(text: str) -> Markup:
    """A plain_text object: nothing but emoji shortcodes and line breaks means anything."""
    return _with_breaks(Markup("").join(_with_emoji(text)))


def emoji_character(name: str, tone: str | None = None) -> str | None:
    """The character of a Slack emoji name such as `tada`, with `skin-tone-2` to `-6` or none."""
    return unicode_emoji(name, (int(tone[-1]),) if tone else ())


def emoji_html(name: str, tone: str | None = None) -> Markup:
    """One emoji with its name for those who can't see it; an unknown one stays `:name:`."""
    character = emoji_character(name, tone)
    if character is None:
        return escape(f":{name}:" + (f":{tone}:" if tone else ""))
    return Markup('<span class="emoji" role="img" aria-label="{}" title=":{}:">{}</span>').format(
        name.replace("_", " "), name, character
    )


def link(url: str, label: Markup | str) -> Markup:
    """A link that opens beside the page; an address of another kind than a web page stays text."""
    if not _SAFE_LINK.match(url):
        return escape(label)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>').format(
        url, label
    )


def user_mention(user: str, reader: Reader, fallback: str = "") -> Markup:
    """`@name` of a person or app."""
    name = reader.users.get(user) or fallback or user
    mine = " mention-me" if user == reader.me else ""
    return Markup('<span class="mention{}">@{}</span>').format(mine, name)


def channel_mention(channel: str, reader: Reader, fallback: str = "") -> Markup:
    """`#name`, leading to the channel where it is one of this workspace."""
    name = reader.channels.get(channel)
    if name is None:
        return Markup('<span class="mention">#{}</span>').format(fallback or channel)
    return Markup('<a class="mention" href="{}">#{}</a>').format(reader.channel_url(channel), name)


def date_text(timestamp: int, template: str, reader: Reader) -> str:
    """Slack's date format, such as `{date_short} at {time}`, in the reader's zone.

    Raises OverflowError, OSError or ValueError for a time outside the calendar.
    """
    moment = datetime.fromtimestamp(timestamp, reader.zone)
    now = reader.now.astimezone(reader.zone)
    return _DATE_TOKEN.sub(lambda token: _date_part(token, moment, now), template)


def clock(moment: datetime) -> str:
    """The time of day as Slack writes it: 9:05 AM."""
    return f"{moment.hour % 12 or 12}:{moment:%M} {'AM' if moment.hour < 12 else 'PM'}"


def long_date(moment: datetime, now: datetime) -> str:
    """Today, Yesterday, Tomorrow, or the weekday with the date."""
    near = _near_day(moment, now)
    return near or f"{moment:%A}, {moment:%B} {_ordinal(moment.day)}" + _year(moment, now)


def _paragraphs(text: str, reader: Reader) -> Markup:
    parts: list[Markup] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start = at
        if _QUOTE_TO_END.match(lines[at]):
            quoted = [_QUOTE_TO_END.sub("", lines[at]), *lines[at + 1 :]]
            at = len(lines)
        else:
            while at < len(lines) and _QUOTE.match(lines[at]):
                at += 1
            quoted = [_QUOTE.sub("", line, count=1) for line in lines[start:at]]
        if quoted:
            parts.append(Markup("<blockquote>{}</blockquote>").format(_lines(quoted, reader)))
            continue
        while at < len(lines) and not _QUOTE.match(lines[at]):
            at += 1
        parts.append(_lines(lines[start:at], reader))
    return Markup("").join(parts)


def _lines(lines: list[str], reader: Reader) -> Markup:
    return Markup("<br>").join(_inline(line, reader) for line in lines)


def _inline(line: str, reader: Reader) -> Markup:
    """One line with its styles: a closing mark ends the innermost open one of its kind.

    One pass with a stack, so that a long line of unclosed marks costs no more than its length.
    """
    tokens = list(_tokens(line, reader))
    done: list[Markup] = []
    opened: list[tuple[str, int]] = []
    for at, token in enumerate(tokens):
        if isinstance(token, Markup) or token not in _STYLES:
            done.append(escape(token))
            continue
        before = tokens[at - 1] if at else " "
        after = tokens[at + 1] if at + 1 < len(tokens) else " "
        begun = next((i for i in range(len(opened) - 1, -1, -1) if opened[i][0] == token), None)
        if begun is not None and _ends_style(token, before, after):
            start = opened[begun][1]
            if start + 1 < len(done):
                tag = Markup(_STYLES[token])  # noqa: S704 - one of three constants
                inner = Markup("").join(done[start + 1 :])
                done[start:] = [Markup("<{0}>{1}</{0}>").format(tag, inner)]
                del opened[begun:]
                continue
        # A mark that is open already can't be opened again: the stack holds three at most.
        if begun is None and _begins_style(token, before, after):
            opened.append((token, len(done)))
        done.append(escape(token))
    return Markup("").join(done)


def _begins_style(mark: str, before: str, after: str) -> bool:
    return not _is_word(before) and after != mark and not after.isspace()


def _ends_style(mark: str, before: str, after: str) -> bool:
    return not _is_word(after) and before != mark and not before.isspace()


def _is_word(token: str) -> bool:
    return not isinstance(token, Markup) and token.isalnum()


def _tokens(line: str, reader: Reader) -> Iterator[str]:
    """Single characters, and finished markup (code, links, mentions, emoji)."""
    at = 0
    for match in _ATOM.finditer(line):
        yield from line[at : match.start()]
        at = match.end()
        if code := match["code"]:
            yield Markup("<code>{}</code>").format(Markup("").join(_code_atoms(code)))
        elif control := match["control"]:
            yield _control(control, reader)
        elif name := match["emoji"]:
            if emoji_character(name) is None:
                yield from match[0]
            else:
                yield emoji_html(name, match["tone"])
        elif entity := match["entity"]:
            yield escape(_CHARACTERS[entity])
        else:
            address = match["url"].rstrip(".,!?:;*_~)'\"")
            yield link(_decoded(address), _decoded(address))
            yield from match["url"][len(address) :]
    yield from line[at:]


def _code_atoms(text: str) -> Iterator[Markup]:
    """Inside code only entities and bracketed addresses mean anything."""
    at = 0
    for match in re.finditer(r"<(https?://[^<>|\n]+)(?:\|([^<>\n]*))?>", text):
        yield escape(_decoded(text[at : match.start()]))
        yield escape(_decoded(match[2] or match[1]))
        at = match.end()
    yield escape(_decoded(text[at:]))


def _control(control: str, reader: Reader) -> Markup:
    target, _, label = control.partition("|")
    label = _decoded(label)
    if target.startswith("@"):
        return user_mention(target[1:], reader, label)
    if target.startswith("#"):
        return channel_mention(target[1:], reader, label)
    if target.startswith("!date^"):
        return _date_control(target, label, reader)
    if target.startswith("!"):
        shown = label.removeprefix("@") or target[1:].partition("^")[0]
        return Markup('<span class="mention">@{}</span>').format(shown)
    url = _decoded(target)
    if not _SAFE_LINK.match(url):
        return escape(f"<{_decoded(control)}>")
    shown_url = url.removeprefix("mailto:").removeprefix("tel:")
    return link(url, Markup("").join(_with_emoji(label)) if label else shown_url)


def _date_control(target: str, fallback: str, reader: Reader) -> Markup:
    _, timestamp, template, *url = [*target.split("^", 3), "", ""][:4]
    try:
        shown = date_text(int(timestamp), _decoded(template), reader)
    except (ValueError, OverflowError, OSError):
        return escape(fallback or timestamp)
    address = _decoded(url[0])
    text = Markup('<time title="{}">{}</time>').format(fallback, shown)
    return link(address, text) if address else text


def _date_part(token: re.Match[str], moment: datetime, now: datetime) -> str:
    name = token[1]
    if name.endswith("_pretty"):
        near = _near_day(moment, now)
        if near:
            return near if token.start() == 0 else near.lower()
        name = name.removesuffix("_pretty")
    day = f"{moment:%B} {_ordinal(moment.day)}"
    match name:
        case "date_num":
            return f"{moment:%Y-%m-%d}"
        case "date":
            return day + _year(moment, now)
        case "date_short":
            return f"{moment:%b} {moment.day}, {moment.year}"
        case "date_long":
            return f"{moment:%A}, {day}, {moment.year}"
        case "time":
            return clock(moment)
        case "time_secs":
            return clock(moment).replace(" ", f":{moment:%S} ")
        case "ago":
            return _ago(moment, now)
        case _:
            return token[0]


def _near_day(moment: datetime, now: datetime) -> str | None:
    days = (moment.date() - now.date()).days
    return {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}.get(days)


def _year(moment: datetime, now: datetime) -> str:
    return "" if abs(moment - now) < _HALF_A_YEAR else f", {moment.year}"


def _ordinal(day: int) -> str:
    if 11 <= day <= 13:
        return f"{day}th"
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


def _ago(moment: datetime, now: datetime) -> str:
    # Two times of one zone subtract by the clock on the wall, which a change of clocks falsifies.
    passed = int(now.timestamp() - moment.timestamp())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if abs(passed) >= size:
            count = abs(passed) // size
            amount = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{amount} ago" if passed > 0 else f"in {amount}"
    return "just now"


def _with_emoji(text: str) -> Iterator[Markup]:
    at = 0
    for match in _SHORTCODE.finditer(text):
        yield escape(text[at : match.start()])
        yield emoji_html(match["emoji"], match["tone"])
        at = match.end()
    yield escape(text[at:])


def _with_breaks(text: Markup) -> Markup:
    return Markup("<br>").join(text.split("\n"))


def _decoded(text: str) -> str:
    return _ENTITY.sub(lambda match: _CHARACTERS[match[1]], text)
