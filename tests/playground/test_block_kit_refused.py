"""Blocks and views that Slack refuses."""

from typing import Any

import pytest

from bot.playground.block_kit import BlockKitError, check_message, check_view

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def section(**more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(), **more}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), **more}


def inputs(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", **more}


def rich_text(*parts: Json) -> Json:
    return {"type": "rich_text", "elements": list(parts)}


def rich_section(*inline: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(inline)}


def chart(**more: Any) -> Json:
    series = [{"name": "s", "data": [{"label": "Mon", "value": 1}]}]
    line = {"type": "line", "series": series, "axis_config": {"categories": ["Mon"]}, **more}
    return {"type": "data_visualization", "title": "t", "chart": line}


def table(rows: list[Any], **more: Any) -> Json:
    return {"type": "table", "rows": rows, **more}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks), **more}


def home(*blocks: Json, **more: Any) -> Json:
    return {"type": "home", "blocks": list(blocks), **more}


def refused_message(*blocks: Json) -> list[str]:
    with pytest.raises(BlockKitError) as caught:
        check_message(list(blocks), text="fallback")
    assert caught.value.error == "invalid_blocks"
    return caught.value.messages


def refused_view(view: object) -> list[str]:
    with pytest.raises(BlockKitError) as caught:
        check_view(view)
    assert caught.value.error == "invalid_arguments"
    return caught.value.messages


REFUSED: list[tuple[str, Any, str]] = [
    ("no text and no fields", {"type": "section"}, "/blocks/0"),
    ("a block that is a string", "section", "/blocks/0"),
    ("a block without type", {"text": mrkdwn()}, "/blocks/0"),
    ("a type that is no string", {"type": 1}, "/blocks/0/type"),
    ("text as a bare string", {"type": "section", "text": "x"}, "/blocks/0/text"),
    ("a text object of unknown type", section(text={"type": "markdown", "text": "x"}), "/text"),
    ("emoji on mrkdwn", section(text={**mrkdwn(), "emoji": True}), "/blocks/0/text"),
    ("emoji that is no boolean", section(text={**plain(), "emoji": "yes"}), "/text/emoji"),
    ("an empty block_id", section(block_id=""), "/block_id"),
    ("a block_id too long", section(block_id="x" * 256), "/block_id"),
    ("eleven fields", section(fields=[mrkdwn()] * 11), "/fields"),
    ("no fields", {"type": "section", "fields": []}, "/fields"),
    ("a field too long", section(fields=[mrkdwn("x" * 2001)]), "/fields/0/text"),
    ("expand that is no boolean", section(expand=1), "/expand"),
    ("a datetimepicker beside a section", section(accessory={"type": "datetimepicker"}), "/type"),
    ("a text input beside a section", section(accessory={"type": "plain_text_input"}), "/type"),
    ("a text beside a section", section(accessory=mrkdwn()), "/accessory/type"),
    ("an empty header", {"type": "header", "text": plain("")}, "/text/text"),
    ("a header too long", {"type": "header", "text": plain("x" * 151)}, "/text/text"),
    ("a divider with text", {"type": "divider", "text": plain()}, "/blocks/0"),
    ("eleven context elements", {"type": "context", "elements": [plain()] * 11}, "/elements"),
    ("an empty context", {"type": "context", "elements": []}, "/elements"),
    ("a button in a context", {"type": "context", "elements": [button()]}, "/elements/0/type"),
    ("an image without source", {"type": "image", "alt_text": "a"}, "/blocks/0"),
    ("an image from two sources", image(slack_file={"id": "F1"}), "/blocks/0"),
    ("an image without alt text", {"type": "image", "image_url": "https://a.b/c"}, "/blocks/0"),
    (
        "a file named twice",
        {"type": "image", "alt_text": "a", "slack_file": {"id": "F1", "url": "https://a.b"}},
        "/slack_file",
    ),
    ("a file not named", {"type": "image", "alt_text": "a", "slack_file": {}}, "/slack_file"),
    ("an image address too long", image(image_url="https://a.b/" + "x" * 3000), "/image_url"),
    ("alt text too long", image(alt_text="x" * 2001), "/alt_text"),
    ("an image title in mrkdwn", image(title=mrkdwn()), "/title/type"),
    ("an alert in a message", {"type": "alert", "text": plain()}, "/blocks/0/type"),
    ("an empty markdown", {"type": "markdown", "text": ""}, "/text"),
    ("a markdown too long", {"type": "markdown", "text": "x" * 12001}, "/text"),
    ("a markdown of a text object", {"type": "markdown", "text": mrkdwn()}, "/text"),
    ("101 rows", table([[cell()]] * 101), "/rows"),
    ("no rows", table([]), "/rows"),
    ("21 columns", table([[cell()] * 21]), "/rows/0"),
    ("an empty cell", table([[cell("")]]), "/rows/0/0/text"),
    ("a cell in mrkdwn", table([[mrkdwn()]]), "/rows/0/0/type"),
    ("21 column settings", table([[cell()]], column_settings=[{}] * 21), "/column_settings"),
    ("an unknown alignment", table([[cell()]], column_settings=[{"align": "top"}]), "/align"),
    ("a table too long", table([[cell("x" * 5001)] * 2]), "/rows"),
    ("a chart titled at length", {**chart(), "title": "x" * 51}, "/title"),
    (
        "seven series",
        chart(series=[{"name": str(n), "data": [{"label": "Mon", "value": 1}]} for n in range(7)]),
        "/series",
    ),
    (
        "a series twice",
        chart(series=[{"name": "s", "data": [{"label": "Mon", "value": 1}]}] * 2),
        "/series/1/name",
    ),
    (
        "a value without a category",
        chart(series=[{"name": "s", "data": [{"label": "Tue", "value": 1}]}]),
        "/series/0/data",
    ),
    (
        "a category without a value",
        chart(axis_config={"categories": ["Mon", "Tue"]}),
        "/series/0/data",
    ),
    (
        "a value that isn't a number",
        chart(series=[{"name": "s", "data": [{"label": "Mon", "value": float("nan")}]}]),
        "/value",
    ),
    ("a chart of unknown kind", {**chart(), "chart": {"type": "radar"}}, "/chart/type"),
    (
        "a slice of nothing",
        {**chart(), "chart": {"type": "pie", "segments": [{"label": "a", "value": 0}]}},
        "/segments/0/value",
    ),
    ("an empty rich text", rich_text(), "/elements"),
    ("a rich text of words", rich_text({"type": "text", "text": "x"}), "/elements/0/type"),
    ("an empty rich word", rich_text(rich_section({"type": "text", "text": ""})), "/text"),
    (
        "a rich word in colour",
        rich_text(rich_section({"type": "text", "text": "x", "style": {"red": True}})),
        "/style",
    ),
    ("a mention by name", rich_text(rich_section({"type": "user", "name": "ada"})), "/elements/0"),
    (
        "a link that runs",
        rich_text(rich_section({"type": "link", "url": "javascript:alert(1)"})),
        "/url",
    ),
    (
        "a call to all the world",
        rich_text(rich_section({"type": "broadcast", "range": "world"})),
        "/range",
    ),
    (
        "a date as text",
        rich_text(rich_section({"type": "date", "timestamp": "1", "format": "{date}"})),
        "/timestamp",
    ),
    ("a colour by name", rich_text(rich_section({"type": "color", "value": "red"})), "/value"),
    (
        "a list of words",
        rich_text(
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [{"type": "text", "text": "x"}],
            }
        ),
        "/type",
    ),
    (
        "a list without style",
        rich_text(
            {"type": "rich_text_list", "elements": [rich_section({"type": "text", "text": "x"})]}
        ),
        "/elements/0",
    ),
    (
        "a list nine deep",
        rich_text(
            {
                "type": "rich_text_list",
                "style": "bullet",
                "indent": 9,
                "elements": [rich_section({"type": "text", "text": "x"})],
            }
        ),
        "/indent",
    ),
    (
        "a mention in code",
        rich_text(
            {"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]}
        ),
        "/type",
    ),
    (
        "six context actions",
        {
            "type": "context_actions",
            "elements": [{"type": "icon_button", "icon": "trash", "text": plain()}] * 6,
        },
        "/elements",
    ),
    (
        "another icon",
        {
            "type": "context_actions",
            "elements": [{"type": "icon_button", "icon": "pen", "text": plain()}],
        },
        "/icon",
    ),
    (
        "a video over http",
        {
            "type": "video",
            "video_url": "http://a.b",
            "thumbnail_url": "https://a.b/c",
            "alt_text": "a",
            "title": plain(),
        },
        "/video_url",
    ),
    ("an empty card", {"type": "card"}, "/blocks/0"),
    ("a card in plain text", {"type": "card", "title": plain()}, "/title/type"),
    (
        "eleven cards",
        {"type": "carousel", "elements": [{"type": "card", "title": mrkdwn()}] * 11},
        "/elements",
    ),
    (
        "a container in itself",
        {"type": "container", "title": plain(), "child_blocks": [{"type": "container"}]},
        "/child_blocks/0/type",
    ),
    (
        "collapsed, yet not collapsible",
        {
            "type": "container",
            "title": plain(),
            "child_blocks": [section()],
            "default_collapsed": True,
        },
        "/default_collapsed",
    ),
    ("a call", {"type": "call", "call_id": "R1"}, "/blocks/0/type"),
]


@pytest.mark.parametrize(
    ("block", "where"),
    [pytest.param(block, where, id=name) for name, block, where in REFUSED],
)
def test_a_message_is_refused_for(block: Json, where: str) -> None:
    told = refused_message(block)
    assert any(line.startswith("[ERROR] ") and f"{where}]" in line for line in told), told


REFUSED_VIEWS: list[tuple[str, Json, str]] = [
    ("no title", {"type": "modal", "blocks": [section()]}, "/view"),
    ("a title in mrkdwn", modal(section(), title=mrkdwn()), "/view/title/type"),
    ("an empty title", modal(section(), title=plain("")), "/view/title/text"),
    ("a title too long", modal(section(), title=plain("x" * 25)), "/view/title/text"),
    ("a submit too long", modal(section(), submit=plain("x" * 25)), "/view/submit/text"),
    ("a close too long", modal(section(), close=plain("x" * 25)), "/view/close/text"),
    ("metadata too long", modal(section(), private_metadata="x" * 3001), "/private_metadata"),
    ("metadata that isn't text", modal(section(), private_metadata={}), "/private_metadata"),
    ("a callback_id too long", modal(section(), callback_id="x" * 256), "/callback_id"),
    ("an external_id too long", modal(section(), external_id="x" * 256), "/external_id"),
    ("notify_on_close as text", modal(section(), notify_on_close="true"), "/notify_on_close"),
    ("submit_disabled", modal(section(), submit_disabled=True), "/view"),
    ("a view as it came back", modal(section(), hash="1.a", id="V1"), "/view"),
    ("no blocks", modal(), "/view/blocks"),
    ("101 blocks", modal(*[section()] * 101), "/view/blocks"),
    ("a table", modal(table([[cell()]])), "/view/blocks/0/type"),
    ("a markdown block", modal({"type": "markdown", "text": "x"}), "/view/blocks/0/type"),
    ("a chart", modal(chart()), "/view/blocks/0/type"),
    ("context actions", modal({"type": "context_actions", "elements": []}), "/blocks/0/type"),
    ("eleven files", modal(inputs({"type": "file_input", "max_files": 11})), "/max_files"),
    ("no file", modal(inputs({"type": "file_input", "max_files": 0})), "/max_files"),
    ("no file type", modal(inputs({"type": "file_input", "filetypes": []})), "/filetypes"),
    ("a focus on files", modal(inputs({"type": "file_input", "focus_on_load": True})), "/element"),
    ("an alert too long", modal({"type": "alert", "text": plain("x" * 201)}), "/text/text"),
    ("an unknown level", modal({"type": "alert", "text": plain(), "level": "bad"}), "/level"),
    ("a Home title", home(section(), title=plain()), "/view"),
    ("a Home submit", home(section(), submit=plain()), "/view"),
    ("a Home that closes", home(section(), clear_on_close=True), "/view"),
    ("files on Home", home(inputs({"type": "file_input"})), "/element/type"),
    ("an alert on Home", home({"type": "alert", "text": plain()}), "/blocks/0/type"),
    ("a table on Home", home(table([[cell()]])), "/blocks/0/type"),
    (
        "two with focus",
        modal(*[inputs({"type": "plain_text_input", "focus_on_load": True})] * 2),
        "/view/blocks/1/element/focus_on_load",
    ),
    ("a block_id twice", modal(*[section(block_id="b")] * 2), "/view/blocks/1/block_id"),
]


@pytest.mark.parametrize(
    ("view", "where"), [pytest.param(view, where, id=name) for name, view, where in REFUSED_VIEWS]
)
def test_a_view_is_refused_for(view: Json, where: str) -> None:
    told = refused_view(view)
    assert any(f"{where}]" in line for line in told), told
