"""What Slack refuses is refused, under Slack's own name, with a pointer to every fault."""

from collections.abc import Callable
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


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), **more}


def option(value: str = "v", **more: Any) -> Json:
    return {"text": plain(), "value": value, **more}


def select(**more: Any) -> Json:
    return {"type": "static_select", "options": [option()], **more}


def inputs(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", **more}


def confirm(**more: Any) -> Json:
    return {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain(), **more}


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


def error_of(check: Callable[[], None]) -> str:
    with pytest.raises(BlockKitError) as caught:
        check()
    return caught.value.error


class TestSlacksOwnSentences:
    """Word for word what people have had from the real Slack."""

    def test_a_51st_block(self) -> None:
        assert refused_message(*[{"type": "divider"}] * 51) == [
            "[ERROR] no more than 50 items allowed [json-pointer:/blocks]"
        ]

    def test_a_section_text_too_long(self) -> None:
        assert refused_message({"type": "divider"}, section(text=mrkdwn("x" * 3001))) == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/1/text]",
            "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
        ]

    def test_an_empty_field(self) -> None:
        assert refused_message(section(fields=[mrkdwn(), mrkdwn("")])) == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/fields/1]",
            "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/fields/1/text]",
        ]

    def test_verbatim_on_plain_text(self) -> None:
        told = refused_message(actions(button(text={**plain(), "verbatim": True})))
        assert told == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/elements/0/text]",
            "[ERROR] invalid additional property: verbatim"
            " [json-pointer:/blocks/0/elements/0/text]",
        ]

    def test_an_unknown_block_type(self) -> None:
        assert refused_message({"type": "modal"}) == [
            "[ERROR] unsupported type: modal [json-pointer:/blocks/0/type]"
        ]

    def test_a_missing_field(self) -> None:
        assert refused_message({"type": "file", "external_id": "x"}) == [
            "[ERROR] missing required field: source [json-pointer:/blocks/0]"
        ]

    def test_nulls(self) -> None:
        assert refused_message(section(block_id=None, accessory=None, fields=None)) == [
            "[ERROR] must provide a string [json-pointer:/blocks/0/block_id]",
            "[ERROR] must provide an object [json-pointer:/blocks/0/accessory]",
            "[ERROR] must provide an array [json-pointer:/blocks/0/fields]",
        ]

    def test_an_option_label_too_long_in_a_view(self) -> None:
        told = refused_view(modal(inputs(select(options=[option(text=plain("x" * 76))]))))
        assert told == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/view]",
            "[ERROR] failed to match all allowed schemas"
            " [json-pointer:/view/blocks/0/element/options/0/text]",
            "[ERROR] must be less than 76 characters"
            " [json-pointer:/view/blocks/0/element/options/0/text/text]",
        ]

    def test_inputs_without_submit(self) -> None:
        view = modal(inputs({"type": "plain_text_input"}))
        del view["submit"]
        assert refused_view(view) == [
            "[ERROR] must define `submit` to use `input` block [json-pointer:/view/blocks/0/input]"
        ]

    def test_a_view_with_nothing(self) -> None:
        assert refused_view({"type": "modal"})[1:] == [
            "[ERROR] missing required field: title [json-pointer:/view]",
            "[ERROR] missing required field: blocks [json-pointer:/view]",
        ]


class TestNamesOfErrors:
    def test_neither_text_nor_blocks(self) -> None:
        assert error_of(lambda: check_message(None, text=None)) == "no_text"
        assert error_of(lambda: check_message([], text="")) == "no_text"

    def test_text_alone_is_enough(self) -> None:
        check_message(None, text="hello")
        check_message([], text="hello")

    def test_blocks_alone_are_enough(self) -> None:
        check_message([section()], text=None)

    @pytest.mark.parametrize("blocks", ["[]", {"type": "section"}, 1])
    def test_blocks_that_are_no_list(self, blocks: object) -> None:
        assert error_of(lambda: check_message(blocks, text="x")) == "invalid_blocks_format"

    def test_too_much_text_in_all_blocks_together(self) -> None:
        blocks = [section(text=mrkdwn("x" * 2540)) for _ in range(5)]
        check_message(blocks, text="x")
        blocks[0] = section(text=mrkdwn("x" * 2541))
        assert error_of(lambda: check_message(blocks, text="x")) == "msg_blocks_too_long"

    def test_too_much_markdown_together(self) -> None:
        blocks = [{"type": "markdown", "text": "x" * 6000} for _ in range(2)]
        check_message(blocks, text="x")
        blocks[0]["text"] += "x"
        assert error_of(lambda: check_message(blocks, text="x")) == "msg_blocks_too_long"

    def test_a_view_over_250_kb(self) -> None:
        long = section(fields=[mrkdwn("x" * 2000)] * 10)
        check_view(home(*[long] * 12))
        assert error_of(lambda: check_view(home(*[long] * 13))) == "view_too_large"

    def test_size_is_counted_in_bytes(self) -> None:
        long = section(fields=[mrkdwn("€" * 2000)] * 10)
        assert error_of(lambda: check_view(home(*[long] * 5))) == "view_too_large"

    @pytest.mark.parametrize("view", [None, [], "modal", {"type": "dialog"}, {"type": ["modal"]}])
    def test_no_view_at_all(self, view: object) -> None:
        assert refused_view(view)

    def test_what_is_raised_says_everything(self) -> None:
        with pytest.raises(BlockKitError, match=r"(?s)invalid_blocks.*json-pointer:/blocks/0/type"):
            check_message([{"type": "nope"}], text="x")


def test_all_faults_are_collected() -> None:
    told = refused_message(
        {"type": "header", "text": mrkdwn()},
        section(colour="red"),
        actions(button(style="green"), button(url="ftp://example.com")),
    )
    pointers = [line.rpartition("[json-pointer:")[2].rstrip("]") for line in told]
    assert pointers == [
        "/blocks/0/text",
        "/blocks/0/text/type",
        "/blocks/1",
        "/blocks/2/elements/0/style",
        "/blocks/2/elements/1/url",
    ]


REFUSED_IN_MESSAGES: list[tuple[str, Any, str]] = [
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
    ("26 actions", actions(*[button()] * 26), "/elements"),
    ("no actions", actions(), "/elements"),
    ("a multi-select in actions", actions({"type": "multi_users_select"}), "/elements/0/type"),
    ("a text input in actions", actions({"type": "plain_text_input"}), "/elements/0/type"),
    ("an image in actions", actions(image()), "/elements/0/type"),
    ("a disabled button", actions(button(disabled=True)), "/elements/0"),
    ("a button in mrkdwn", actions(button(text=mrkdwn())), "/elements/0/text/type"),
    ("a button text too long", actions(button(text=plain("x" * 76))), "/elements/0/text/text"),
    ("a button value too long", actions(button(value="x" * 2001)), "/elements/0/value"),
    ("a button value that is a number", actions(button(value=7)), "/elements/0/value"),
    ("an empty action_id", actions(button(action_id="")), "/elements/0/action_id"),
    ("an action_id too long", actions(button(action_id="x" * 256)), "/elements/0/action_id"),
    ("a button label too long", actions(button(accessibility_label="x" * 76)), "_label"),
    ("an address without a host", actions(button(url="https://")), "/elements/0/url"),
    ("an address with a space", actions(button(url="https://example.com/a b")), "/url"),
    ("an address that can't be read", actions(button(url="https://[x")), "/url"),
    ("an empty address", actions(button(url="")), "/url"),
    ("a confirm without deny", actions(button(confirm={"title": plain()})), "/confirm"),
    ("a confirm title in mrkdwn", actions(button(confirm=confirm(title=mrkdwn()))), "/title/type"),
    ("a confirm title too long", actions(button(confirm=confirm(title=plain("x" * 101)))), "/text"),
    ("a confirm text too long", actions(button(confirm=confirm(text=plain("x" * 301)))), "/text"),
    ("a confirm button too long", actions(button(confirm=confirm(deny=plain("x" * 31)))), "/text"),
    ("a confirm style", actions(button(confirm=confirm(style="default"))), "/confirm/style"),
    ("a typed confirm", actions(button(confirm=confirm(type="confirm"))), "/confirm"),
    ("no options", actions(select(options=[])), "/options"),
    ("101 options", actions(select(options=[option(str(n)) for n in range(101)])), "/options"),
    ("neither options nor groups", actions({"type": "static_select"}), "/elements/0"),
    (
        "options and groups",
        actions(select(option_groups=[{"label": plain(), "options": [option("w")]}])),
        "/elements/0",
    ),
    (
        "an empty group",
        actions({"type": "static_select", "option_groups": [{"label": plain(), "options": []}]}),
        "/option_groups/0/options",
    ),
    (
        "a value in two groups",
        actions(
            {
                "type": "static_select",
                "option_groups": [{"label": plain(), "options": [option()]}] * 2,
            }
        ),
        "/option_groups/1/options/0/value",
    ),
    ("a value twice", actions(select(options=[option(), option()])), "/options/1/value"),
    ("an option in mrkdwn", actions(select(options=[option(text=mrkdwn())])), "/text/type"),
    ("an option without value", actions(select(options=[{"text": plain()}])), "/options/0"),
    ("an option value too long", actions(select(options=[option("x" * 151)])), "/0/value"),
    ("an option with a type", actions(select(options=[option(type="option")])), "/options/0"),
    ("an option with an address", actions(select(options=[option(url="https://a.b")])), "/0"),
    (
        "an option described at length",
        actions(select(options=[option(description=plain("x" * 76))])),
        "/description/text",
    ),
    (
        "an initial option not offered",
        actions(select(initial_option=option("w"))),
        "/initial_option",
    ),
    ("a placeholder too long", actions(select(placeholder=plain("x" * 151))), "/placeholder/text"),
    (
        "six overflow options",
        actions({"type": "overflow", "options": [option(str(n)) for n in range(6)]}),
        "/options",
    ),
    (
        "eleven checkboxes",
        actions({"type": "checkboxes", "options": [option(str(n)) for n in range(11)]}),
        "/options",
    ),
    (
        "initial checkboxes not offered",
        actions({"type": "checkboxes", "options": [option()], "initial_options": [option("w")]}),
        "/initial_options/0",
    ),
    (
        "checkboxes with a limit of their own",
        actions({"type": "checkboxes", "options": [option()], "max_selected_items": 1}),
        "/elements/0",
    ),
    (
        "a date in another order",
        actions({"type": "datepicker", "initial_date": "22-11-2026"}),
        "/initial_date",
    ),
    (
        "a day that isn't",
        actions({"type": "datepicker", "initial_date": "2026-02-30"}),
        "/initial_date",
    ),
    (
        "a time of day that isn't",
        actions({"type": "timepicker", "initial_time": "24:00"}),
        "/initial_time",
    ),
    (
        "a time without zero",
        actions({"type": "timepicker", "initial_time": "9:30"}),
        "/initial_time",
    ),
    ("a zone that isn't", actions({"type": "timepicker", "timezone": "Berlin"}), "/timezone"),
    ("a folder of zones", actions({"type": "timepicker", "timezone": "Europe"}), "/timezone"),
    (
        "a moment as text",
        actions({"type": "datetimepicker", "initial_date_time": "1628633820"}),
        "_time",
    ),
    (
        "a moment in milliseconds",
        actions({"type": "datetimepicker", "initial_date_time": 1628633820000}),
        "_time",
    ),
    (
        "a placeholder on a datetimepicker",
        actions({"type": "datetimepicker", "placeholder": plain()}),
        "/elements/0",
    ),
    (
        "an empty filter",
        actions({"type": "conversations_select", "filter": {"include": []}}),
        "/filter/include",
    ),
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
    ("a label in mrkdwn", inputs({"type": "plain_text_input"}, label=mrkdwn()), "/label/type"),
    (
        "a label too long",
        inputs({"type": "plain_text_input"}, label=plain("x" * 2001)),
        "/label/text",
    ),
    ("a hint too long", inputs({"type": "plain_text_input"}, hint=plain("x" * 2001)), "/hint/text"),
    ("a button as input", inputs(button()), "/element/type"),
    ("a file input in a message", inputs({"type": "file_input"}), "/element/type"),
    ("an alert in a message", {"type": "alert", "text": plain()}, "/blocks/0/type"),
    (
        "an input that confirms",
        inputs({"type": "plain_text_input", "confirm": confirm()}),
        "/element",
    ),
    ("a maximum of none", inputs({"type": "plain_text_input", "max_length": 0}), "/max_length"),
    (
        "a maximum over 3000",
        inputs({"type": "plain_text_input", "max_length": 3001}),
        "/max_length",
    ),
    ("a minimum below none", inputs({"type": "plain_text_input", "min_length": -1}), "/min_length"),
    (
        "a minimum over the maximum",
        inputs({"type": "plain_text_input", "min_length": 5, "max_length": 4}),
        "/element",
    ),
    (
        "a length that is a truth",
        inputs({"type": "plain_text_input", "max_length": True}),
        "/max_length",
    ),
    (
        "an initial value over 3000",
        inputs({"type": "plain_text_input", "initial_value": "x" * 3001}),
        "/initial_value",
    ),
    (
        "an unknown dispatch",
        inputs(
            {"type": "plain_text_input", "dispatch_action_config": {"trigger_actions_on": ["blur"]}}
        ),
        "/trigger_actions_on/0",
    ),
    ("a number of unknown kind", inputs({"type": "number_input"}), "/element"),
    (
        "a number as number",
        inputs({"type": "number_input", "is_decimal_allowed": True, "min_value": 1}),
        "/min_value",
    ),
    (
        "a number that isn't",
        inputs({"type": "number_input", "is_decimal_allowed": True, "min_value": "one"}),
        "/min_value",
    ),
    (
        "a decimal among whole numbers",
        inputs({"type": "number_input", "is_decimal_allowed": False, "min_value": "0.5"}),
        "/min_value",
    ),
    (
        "a minimum over the maximum, as numbers",
        inputs(
            {
                "type": "number_input",
                "is_decimal_allowed": False,
                "min_value": "10",
                "max_value": "9",
            }
        ),
        "/element",
    ),
    ("none to select", inputs({"type": "multi_users_select", "max_selected_items": 0}), "_items"),
    (
        "an empty initial list",
        inputs({"type": "multi_users_select", "initial_users": []}),
        "_users",
    ),
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
    [pytest.param(block, where, id=name) for name, block, where in REFUSED_IN_MESSAGES],
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


class TestIds:
    def test_a_block_id_twice_in_a_message(self) -> None:
        assert refused_message(section(block_id="b"), section(), section(block_id="b")) == [
            "[ERROR] `block_id` b already exists [json-pointer:/blocks/2/block_id]"
        ]

    def test_a_block_id_twice_one_of_them_inside_a_container(self) -> None:
        inside = {"type": "container", "title": plain(), "child_blocks": [section(block_id="b")]}
        assert refused_message(section(block_id="b"), inside) == [
            "[ERROR] `block_id` b already exists [json-pointer:/blocks/1/child_blocks/0/block_id]"
        ]

    def test_an_action_id_twice_in_a_block(self) -> None:
        assert refused_message(actions(button(action_id="a"), button(action_id="a"))) == [
            "[ERROR] `action_id` a already exists [json-pointer:/blocks/0/elements/1/action_id]"
        ]

    def test_an_action_id_again_in_another_block(self) -> None:
        row = section(accessory=button(action_id="edit"))
        check_message([row, row, actions(button(action_id="edit"))], text="x")


class TestHowMany:
    def test_one_table_a_message(self) -> None:
        check_message([table([[cell()]])], text="x")
        assert refused_message(table([[cell()]]), table([[cell()]])) == [
            "[ERROR] only_one_table_allowed [json-pointer:/blocks/1]"
        ]

    def test_two_charts_a_message(self) -> None:
        check_message([chart(), chart()], text="x")
        assert refused_message(chart(), chart(), chart()) == [
            "[ERROR] no more than 2 charts allowed [json-pointer:/blocks/2]"
        ]

    def test_100_blocks_in_a_view_but_50_in_a_message(self) -> None:
        check_view(home(*[section()] * 100))
        check_message([section()] * 50, text="x")


def test_a_home_tab_takes_inputs_without_submit() -> None:
    check_view(home(inputs({"type": "plain_text_input"}, dispatch_action=True)))


def test_what_is_checked_stays_as_it_was() -> None:
    blocks = [section(), actions(select(initial_option=option()))]
    before = [section(), actions(select(initial_option=option()))]
    check_message(blocks, text="x")
    assert blocks == before
