"""The rich_text block: sections, lists, quotes and preformatted text, and what they hold.

Source: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block. Elements that only
Slack's own client makes (canvas, citation, list_record and so on) are refused here.
"""

from __future__ import annotations

import re

from bot.playground.block_kit_parts import BLOCK_ID, SLACK_ID
from bot.playground.block_kit_shapes import (
    Members,
    array,
    boolean,
    by_type,
    integer,
    one_of,
    record,
    string,
    typed,
    url,
)

_HEX_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_LINK = url("http", "https", "mailto", "tel", "slack")
_STYLE = record(
    {},
    dict.fromkeys(
        (
            "bold",
            "italic",
            "strike",
            "code",
            "underline",
            "highlight",
            "client_highlight",
            "unlink",
        ),
        boolean,
    ),
)
_STYLED: Members = {"style": _STYLE}
_BORDER: Members = {"border": one_of(0, 1)}


def _colour_problem(value: str) -> str | None:
    return None if _HEX_COLOUR.fullmatch(value) else "must be a hex color"


_TEXT = typed("text", {"text": string()}, _STYLED)
_LINK_ELEMENT = typed("link", {"url": _LINK}, {"text": string(), "unsafe": boolean, **_STYLED})

_INLINE = by_type(
    {
        "text": _TEXT,
        "link": _LINK_ELEMENT,
        "user": typed("user", {"user_id": SLACK_ID}, _STYLED),
        "usergroup": typed("usergroup", {"usergroup_id": SLACK_ID}, _STYLED),
        "team": typed("team", {"team_id": SLACK_ID}, _STYLED),
        "channel": typed("channel", {"channel_id": SLACK_ID}, _STYLED),
        "broadcast": typed("broadcast", {"range": one_of("here", "channel", "everyone")}, _STYLED),
        "emoji": typed(
            "emoji",
            {"name": string()},
            {"unicode": string(), "skin_tone": integer(1, 6), "url": url(), **_STYLED},
        ),
        "date": typed(
            "date",
            {"timestamp": integer(least=0), "format": string()},
            {"url": _LINK, "fallback": string(), **_STYLED},
        ),
        "color": typed("color", {"value": string(test=_colour_problem)}, _STYLED),
    }
)

# An empty section, list, quote or code block is right: it is how a person leaves a blank line.
_SECTION = typed("rich_text_section", {"elements": array(_INLINE, fewest=0)})

_PARTS = by_type(
    {
        "rich_text_section": _SECTION,
        "rich_text_list": typed(
            "rich_text_list",
            {"style": one_of("bullet", "ordered"), "elements": array(_SECTION, fewest=0)},
            {"indent": integer(0, 8), "offset": integer(least=0), **_BORDER},
        ),
        "rich_text_quote": typed(
            "rich_text_quote", {"elements": array(_INLINE, fewest=0)}, _BORDER
        ),
        "rich_text_preformatted": typed(
            "rich_text_preformatted",
            {"elements": array(by_type({"text": _TEXT, "link": _LINK_ELEMENT}), fewest=0)},
            _BORDER,
        ),
    }
)

RICH_TEXT = typed("rich_text", {"elements": array(_PARTS)}, {"block_id": BLOCK_ID})
