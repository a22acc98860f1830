"""Block Kit as HTML: what an app sends -> what a person sees. Pure; the page swaps it in.

Interactive elements carry what the page's script needs to answer as Slack would: `data-type`,
`data-block-id`, `data-action-id`, and each option's JSON.
"""

import json
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from bot.playground.icons import icon
from bot.playground.mrkdwn import (
    Reader,
    channel_mention,
    date_text,
    emoji_html,
    link,
    mrkdwn,
    plain,
    user_mention,
)

if TYPE_CHECKING:
    import jinja2
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

Json = dict[str, Any]

_LOCAL_HOSTS = {"127.0.0.1", "localhost"}
_RICH_STYLES = {"bold": "strong", "italic": "em", "strike": "s", "underline": "u", "code": "code"}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the pickers of people and conversations offer, as (id, name) in the order shown."""

    people: tuple[tuple[str, str], ...] = ()
    channels: tuple[tuple[str, str], ...] = ()
    direct_messages: tuple[tuple[str, str], ...] = ()


@cache
def environment() -> "jinja2.Environment":
    """The playground's templates; everything that isn't Markup is escaped."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("bot.playground"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Renderer:
    """Renders for one reader."""

    def __init__(self, reader: Reader, choices: Choices | None = None) -> None:
        self._template = environment().get_template("blocks.html")
        self._reader = reader
        self._choices = choices or Choices()

    def blocks(
        self,
        blocks: Sequence[Json],
        surface: str,
        *,
        errors: Mapping[str, str] | None = None,
        file: Callable[[Json], object] = lambda _: None,
    ) -> Markup:
        """The blocks in order. `surface` starts the ids of fields and must be unique in a page.

        `errors` stand beside input blocks (block_id -> text); `file` gives what is shown of a file
        chosen before (name, size, url, is_picture), or None.
        """
        html = self._template.render(
            blocks=blocks,
            surface=surface,
            errors=errors or {},
            file=file,
            text=self.text,
            plain_words=self._plain_words,
            rich=self._rich_text,
            markdown=self._markdown_text,
            image=self._image_source,
            web_address=_web_address,
            as_json=json.dumps,
            accepted=_accepted,
            local_date=lambda at: self._local(at, "%Y-%m-%d"),
            local_time=lambda at: self._local(at, "%H:%M"),
            zone_name=self._zone_name(),
            people=self._choices.people,
            channels=self._choices.channels,
            conversations=self._conversations,
            icon=icon,
        )
        return Markup(html)  # noqa: S704 - made by an autoescaping template

    def text(self, text: Json) -> Markup:
        """A text object, mrkdwn or plain_text."""
        if text.get("type") == "mrkdwn":
            return mrkdwn(text.get("text", ""), self._reader)
        return plain(text.get("text", ""))

    def message(self, text: str) -> Markup:
        """The text of a message without blocks."""
        return mrkdwn(text, self._reader)

    def _plain_words(self, text: Json | None) -> str:
        """What a screen reader calls an accessory: the section's own words."""
        if not text:
            return ""
        words = str(self.text(text).striptags())
        return words if len(words) <= 80 else words[:79] + "…"

    def _image_source(self, image: Json) -> str | None:
        """Where the page may load a picture from: the workspace's files and this machine."""
        if slack_file := image.get("slack_file"):
            identity = slack_file.get("id") or slack_file.get("url", "")
            return self._reader.file_url(identity)
        url = str(image.get("image_url", ""))
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        local = parts.scheme in {"http", "https"} and parts.hostname in _LOCAL_HOSTS
        return url if local else None

    def _local(self, timestamp: int | None, template: str) -> str:
        if not timestamp:
            return ""
        return datetime.fromtimestamp(timestamp, self._reader.zone).strftime(template)

    def _zone_name(self) -> str:
        return self._reader.zone.key.rpartition("/")[2].replace("_", " ") + " time"

    def _conversations(self, element: Json) -> tuple[tuple[str, str], ...]:
        wanted = (element.get("filter") or {}).get("include") or ["public", "private", "im"]
        chosen: tuple[tuple[str, str], ...] = ()
        if {"public", "private"} & set(wanted):
            chosen += tuple((key, f"#{name}") for key, name in self._choices.channels)
        if "im" in wanted:
            chosen += self._choices.direct_messages
        return chosen

    def _markdown_text(self, text: str) -> Markup:
        return Markup(_markdown_parser().render(text))  # noqa: S704 - raw HTML is off in the parser

    def _rich_text(self, block: Json) -> Markup:
        return _join(self._rich_part(part) for part in block.get("elements", []))

    def _rich_part(self, part: Json) -> Markup:
        inner = part.get("elements", [])
        match part.get("type"):
            case "rich_text_list":
                return self._rich_list(part)
            case "rich_text_quote":
                return Markup("<blockquote>{}</blockquote>").format(self._rich_inline(inner))
            case "rich_text_preformatted":
                return Markup("<pre>{}</pre>").format(self._rich_inline(inner, breaks=False))
            case _:
                return Markup('<div class="rich-section">{}</div>').format(self._rich_inline(inner))

    def _rich_list(self, part: Json) -> Markup:
        tag = Markup("ol") if part.get("style") == "ordered" else Markup("ul")
        items = _join(
            Markup("<li>{}</li>").format(self._rich_inline(item.get("elements", [])))
            for item in part.get("elements", [])
        )
        indent = min(int(part.get("indent", 0)), 8)
        start = int(part.get("offset", 0)) + 1
        number = Markup(' start="{}"').format(start) if start > 1 and tag == "ol" else Markup("")
        return Markup('<{0} class="indent-{1}"{2}>{3}</{0}>').format(tag, indent, number, items)

    def _rich_inline(self, elements: list[Json], *, breaks: bool = True) -> Markup:
        return _join(self._rich_element(element, breaks=breaks) for element in elements)

    def _rich_element(self, element: Json, *, breaks: bool) -> Markup:
        reader = self._reader
        match element.get("type"):
            case "text":
                shown = _literal(element.get("text", ""), breaks=breaks)
            case "link":
                url = element.get("url", "")
                shown = link(url, element.get("text") or url)
            case "user":
                shown = user_mention(element.get("user_id", ""), reader)
            case "channel":
                shown = channel_mention(element.get("channel_id", ""), reader)
            case "usergroup":
                shown = _mention(element.get("usergroup_id", ""))
            case "broadcast":
                shown = _mention(element.get("range", ""))
            case "emoji":
                tone = element.get("skin_tone")
                shown = emoji_html(element.get("name", ""), f"skin-tone-{tone}" if tone else None)
            case "date":
                shown = self._rich_date(element)
            case "color":
                shown = Markup("<code>{}</code>").format(element.get("value", ""))
            case _:
                shown = Markup("")
        for style, tag in _RICH_STYLES.items():
            if (element.get("style") or {}).get(style):
                shown = Markup("<{0}>{1}</{0}>").format(Markup(tag), shown)  # noqa: S704 - constants
        return shown

    def _rich_date(self, element: Json) -> Markup:
        fallback = str(element.get("fallback") or element.get("timestamp", ""))
        try:
            shown = date_text(int(element["timestamp"]), element.get("format", ""), self._reader)
        except (KeyError, ValueError, OverflowError, OSError):
            return escape(fallback)
        text = Markup('<time title="{}">{}</time>').format(fallback, shown)
        return link(element["url"], text) if element.get("url") else text


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _mention(name: str) -> Markup:
    return Markup('<span class="mention">@{}</span>').format(name)


def _literal(text: str, *, breaks: bool) -> Markup:
    shown = escape(text)
    return Markup("<br>").join(shown.split("\n")) if breaks else shown


def _web_address(url: str) -> str:
    """The address if a page may lead there, else one that leads nowhere."""
    return url if url.lower().startswith(("http://", "https://", "mailto:")) else "#"


def _accepted(filetypes: list[str]) -> str:
    return ",".join(f".{kind}" for kind in filetypes)


def _markdown_parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.add_render_rule("link_open", _open_beside)
    return parser


def _open_beside(
    renderer: "RendererHTML",
    tokens: "Sequence[Token]",
    at: int,
    options: "OptionsDict",
    _environment: MutableMapping[str, Any],
) -> str:
    tokens[at].attrSet("target", "_blank")
    tokens[at].attrSet("rel", "noopener noreferrer nofollow")
    return renderer.renderToken(tokens, at, options, _environment)
