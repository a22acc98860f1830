"""Buttons, menus, pickers and inputs that Slack refuses."""

from typing import Any

import pytest

from bot.playground.block_kit import BlockKitError, check_message

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


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


def refused_message(*blocks: Json) -> list[str]:
    with pytest.raises(BlockKitError) as caught:
        check_message(list(blocks), text="fallback")
    assert caught.value.error == "invalid_blocks"
    return caught.value.messages


REFUSED: list[tuple[str, Any, str]] = [
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
    ("a label in mrkdwn", inputs({"type": "plain_text_input"}, label=mrkdwn()), "/label/type"),
    (
        "a label too long",
        inputs({"type": "plain_text_input"}, label=plain("x" * 2001)),
        "/label/text",
    ),
    ("a hint too long", inputs({"type": "plain_text_input"}, hint=plain("x" * 2001)), "/hint/text"),
    ("a button as input", inputs(button()), "/element/type"),
    ("a file input in a message", inputs({"type": "file_input"}), "/element/type"),
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
]


@pytest.mark.parametrize(
    ("block", "where"),
    [pytest.param(block, where, id=name) for name, block, where in REFUSED],
)
def test_a_message_is_refused_for(block: Json, where: str) -> None:
    told = refused_message(block)
    assert any(line.startswith("[ERROR] ") and f"{where}]" in line for line in told), told
