"""Block Kit's blocks, and which of them messages, modals and Home tabs take.

Source: https://docs.slack.dev/reference/block-kit/blocks. Left out, so refused: `call` and
`auth_provider`, which an app without calls or connected identities has no use for.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.playground.block_kit_data import CHART, DATA_TABLE, TABLE
from bot.playground.block_kit_elements import (
    ACCESSORIES,
    ACTIONS,
    BUTTON,
    CONTEXT_ACTIONS,
    IMAGE,
    INPUTS,
    MODAL_INPUTS,
    URL_SOURCE,
)
from bot.playground.block_kit_parts import (
    ALT_TEXT,
    BLOCK_ID,
    IMAGE_MEMBERS,
    IMAGE_SOURCE,
    mrkdwn,
    plain_text,
    text,
)
from bot.playground.block_kit_rich_text import RICH_TEXT
from bot.playground.block_kit_shapes import (
    Findings,
    Members,
    Rule,
    Shape,
    array,
    at_least_one,
    boolean,
    by_type,
    one_of,
    record,
    string,
    typed,
    url,
)

MESSAGE_BLOCKS_MOST = 50
VIEW_BLOCKS_MOST = 100
MARKDOWN_CHARACTERS = 12_000

_ID: Members = {"block_id": BLOCK_ID}


def _collapsible(container: Mapping[str, object], pointer: str, findings: Findings) -> None:
    collapsible = container.get("is_collapsible", False)
    if container.get("default_collapsed") and not collapsible:
        findings.add("must define `is_collapsible`", f"{pointer}/default_collapsed")
    if container.get("has_header_divider") and collapsible:
        findings.add("must not define `is_collapsible`", f"{pointer}/has_header_divider")


def _block(name: str, required: Members, optional: Members | None = None, *rules: Rule) -> Shape:
    return typed(name, required, {**_ID, **(optional or {})}, *rules)


def _input(elements: Members) -> Shape:
    return _block(
        "input",
        {"label": plain_text(2000), "element": by_type(elements)},
        {"hint": plain_text(2000), "optional": boolean, "dispatch_action": boolean},
    )


_EVERYWHERE: Members = {
    "section": _block(
        "section",
        {},
        {
            "text": text(3000),
            "fields": array(text(2000), most=10),
            "accessory": by_type(ACCESSORIES),
            "expand": boolean,
        },
        at_least_one("text", "fields"),
    ),
    "header": _block("header", {"text": plain_text(150)}),
    "divider": _block("divider", {}),
    "image": _block(
        "image",
        {"alt_text": ALT_TEXT},
        {**IMAGE_MEMBERS, "title": plain_text(2000)},
        IMAGE_SOURCE,
    ),
    "context": _block(
        "context",
        {
            "elements": array(
                by_type({"image": IMAGE, "plain_text": text(), "mrkdwn": text()}), most=10
            )
        },
    ),
    "actions": _block("actions", {"elements": array(by_type(ACTIONS), most=25)}),
    "input": _input(INPUTS),
    "rich_text": RICH_TEXT,
    "video": _block(
        "video",
        {
            "video_url": url("https"),
            "thumbnail_url": url(),
            "alt_text": string(longest=200),
            # The reference says "less than 200", and of the author's name "less than 50".
            "title": plain_text(199),
        },
        {
            "title_url": url("https"),
            "author_name": string(longest=49),
            "provider_name": string(longest=50),
            "provider_icon_url": url(),
            "description": plain_text(200),
        },
    ),
}

_CARD = _block(
    "card",
    {},
    {
        "hero_image": IMAGE,
        "icon": IMAGE,
        "slack_icon": typed("icon", {"name": string()}),
        "title": mrkdwn(150),
        "subtitle": mrkdwn(150),
        "body": mrkdwn(200),
        "subtext": mrkdwn(200),
        "actions": array(by_type({"button": BUTTON}), most=3),
    },
    at_least_one("hero_image", "title", "actions", "body"),
)

_TASK: Members = {
    "task_id": string(),
    "title": string(),
    "status": one_of("pending", "in_progress", "complete", "error"),
}
_TASK_DETAILS: Members = {
    "details": RICH_TEXT,
    "output": RICH_TEXT,
    "sources": array(URL_SOURCE),
}

# What both the reference names and Slack's own validator was seen to take.
_CONTAINED = by_type(
    {
        "table": TABLE,
        **{
            name: _EVERYWHERE[name]
            for name in ("section", "header", "divider", "image", "context", "actions", "video")
        },
    }
)

_MESSAGE: Members = {
    **_EVERYWHERE,
    "markdown": _block("markdown", {"text": string(longest=MARKDOWN_CHARACTERS)}),
    "table": TABLE,
    "data_table": DATA_TABLE,
    "data_visualization": CHART,
    "file": _block("file", {"external_id": string(longest=255), "source": one_of("remote")}),
    "context_actions": _block(
        "context_actions", {"elements": array(by_type(CONTEXT_ACTIONS), most=5)}
    ),
    "card": _CARD,
    "carousel": _block("carousel", {"elements": array(by_type({"card": _CARD}), most=10)}),
    "container": _block(
        "container",
        {"child_blocks": array(_CONTAINED, most=10)},
        {
            "title": plain_text(150),
            "rich_text_title": RICH_TEXT,
            "subtitle": text(150),
            "icon": IMAGE,
            "width": one_of("narrow", "standard", "wide", "full"),
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
        },
        at_least_one("title", "rich_text_title"),
        _collapsible,
    ),
    "task_card": _block("task_card", _TASK, _TASK_DETAILS),
    "plan": _block(
        "plan",
        {"title": string()},
        {"tasks": array(record(_TASK, {"type": one_of("task_card"), **_ID, **_TASK_DETAILS}))},
    ),
}

_MODAL: Members = {
    **_EVERYWHERE,
    "input": _input(MODAL_INPUTS),
    "alert": _block(
        "alert",
        {"text": text(200)},
        {"level": one_of("default", "info", "warning", "error", "success")},
    ),
}

MESSAGE_BLOCKS = array(by_type(_MESSAGE), most=MESSAGE_BLOCKS_MOST)

_VIEW: Members = {
    "private_metadata": string(shortest=0, longest=3000),
    "callback_id": string(shortest=0, longest=255),
    "external_id": string(shortest=0, longest=255),
}

MODAL = typed(
    "modal",
    {"title": plain_text(24), "blocks": array(by_type(_MODAL), most=VIEW_BLOCKS_MOST)},
    {
        **_VIEW,
        "submit": plain_text(24),
        "close": plain_text(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
    },
)
HOME = typed("home", {"blocks": array(by_type(_EVERYWHERE), most=VIEW_BLOCKS_MOST)}, _VIEW)
VIEW = by_type({"modal": MODAL, "home": HOME})
