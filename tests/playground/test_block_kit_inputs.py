"""What a person is told before a form leaves their client."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.playground.block_kit import check_view, input_values_ok

Json = dict[str, Any]
REQUIRED = "Please complete this required field."


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def options(*values: str) -> list[Json]:
    return [{"text": plain(value), "value": value} for value in values]


def asked(element: Json, block_id: str = "b", **more: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(), "element": element, **more}


def form(*blocks: Json) -> Json:
    view = {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks)}
    check_view(view)
    return view


def told(element: Json, entry: Json, **more: Any) -> str | None:
    state = {"b": {"a": {"type": element["type"], **entry}}}
    return input_values_ok(form(asked(element, **more)), state).get("b")


EMPTY: dict[str, tuple[Json, Json]] = {
    "plain_text_input": ({}, {"value": None}),
    "email_text_input": ({}, {"value": ""}),
    "url_text_input": ({}, {"value": ""}),
    "number_input": ({"is_decimal_allowed": True}, {"value": None}),
    "rich_text_input": (
        {},
        {
            "rich_text_value": {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": []},
                    {
                        "type": "rich_text_list",
                        "style": "bullet",
                        "elements": [{"type": "rich_text_section", "elements": []}],
                    },
                ],
            }
        },
    ),
    "static_select": ({"options": options("v")}, {"selected_option": None}),
    "external_select": ({}, {"selected_option": None}),
    "radio_buttons": ({"options": options("v")}, {"selected_option": None}),
    "checkboxes": ({"options": options("v")}, {"selected_options": []}),
    "users_select": ({}, {"selected_user": None}),
    "conversations_select": ({}, {"selected_conversation": None}),
    "channels_select": ({}, {"selected_channel": None}),
    "multi_static_select": ({"options": options("v")}, {"selected_options": []}),
    "multi_external_select": ({}, {"selected_options": []}),
    "multi_users_select": ({}, {"selected_users": []}),
    "multi_conversations_select": ({}, {"selected_conversations": []}),
    "multi_channels_select": ({}, {"selected_channels": []}),
    "datepicker": ({}, {"selected_date": None}),
    "timepicker": ({}, {"selected_time": None}),
    "datetimepicker": ({}, {"selected_date_time": None}),
    "file_input": ({}, {"files": []}),
}

FILLED: dict[str, Json] = {
    "plain_text_input": {"value": "x"},
    "email_text_input": {"value": "ada@example.com"},
    "url_text_input": {"value": "https://example.com"},
    "number_input": {"value": "0"},
    "rich_text_input": {
        "rich_text_value": {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U1"}]}
            ],
        }
    },
    "static_select": {"selected_option": options("v")[0]},
    "external_select": {"selected_option": options("v")[0]},
    "radio_buttons": {"selected_option": options("v")[0]},
    "checkboxes": {"selected_options": options("v")},
    "users_select": {"selected_user": "U1"},
    "conversations_select": {"selected_conversation": "C1"},
    "channels_select": {"selected_channel": "C1"},
    "multi_static_select": {"selected_options": options("v")},
    "multi_external_select": {"selected_options": options("v")},
    "multi_users_select": {"selected_users": ["U1"]},
    "multi_conversations_select": {"selected_conversations": ["C1"]},
    "multi_channels_select": {"selected_channels": ["C1"]},
    "datepicker": {"selected_date": "2026-11-22"},
    "timepicker": {"selected_time": "09:00"},
    "datetimepicker": {"selected_date_time": 1795000000},
    "file_input": {"files": [{"id": "F1", "name": "a.png"}]},
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_required_input_must_be_filled(name: str) -> None:
    element, entry = EMPTY[name]
    assert told({"type": name, **element}, entry) == REQUIRED
    assert input_values_ok(form(asked({"type": name, **element})), {}) == {"b": REQUIRED}


@pytest.mark.parametrize("name", EMPTY)
def test_an_optional_input_may_stay_empty(name: str) -> None:
    element, entry = EMPTY[name]
    assert told({"type": name, **element}, entry, optional=True) is None


@pytest.mark.parametrize("name", FILLED)
def test_a_filled_input_may_go(name: str) -> None:
    element, _ = EMPTY[name]
    assert told({"type": name, **element}, FILLED[name]) is None


@pytest.mark.parametrize(
    ("element", "entry", "message"),
    [
        (
            {"type": "plain_text_input", "min_length": 3},
            {"value": "ab"},
            "Please enter at least 3 characters (1 more).",
        ),
        (
            {"type": "plain_text_input", "max_length": 3},
            {"value": "abcde"},
            "Please enter no more than 3 characters (2 fewer).",
        ),
        (
            {"type": "plain_text_input"},
            {"value": "x" * 3001},
            "Please enter no more than 3000 characters (1 fewer).",
        ),
        (
            {"type": "email_text_input"},
            {"value": "ada at example"},
            "Please enter an email address, like name@example.com.",
        ),
        (
            {"type": "url_text_input"},
            {"value": "example.com"},
            "Please enter a web address, like https://example.com.",
        ),
        (
            {"type": "url_text_input"},
            {"value": "https://[x"},
            "Please enter a web address, like https://example.com.",
        ),
        (
            {"type": "number_input", "is_decimal_allowed": True},
            {"value": "ten"},
            "Please enter a number.",
        ),
        (
            {"type": "number_input", "is_decimal_allowed": False},
            {"value": "1.5"},
            "Please enter a whole number.",
        ),
        (
            {"type": "number_input", "is_decimal_allowed": False, "min_value": "2"},
            {"value": "1"},
            "Please enter 2 or more.",
        ),
        (
            {"type": "number_input", "is_decimal_allowed": True, "max_value": "9.5"},
            {"value": "10"},
            "Please enter 9.5 or less.",
        ),
        (
            {"type": "multi_users_select", "max_selected_items": 1},
            {"selected_users": ["U1", "U2"]},
            "Please choose no more than 1.",
        ),
        (
            {"type": "file_input", "max_files": 1},
            {"files": [{"id": "F1"}, {"id": "F2"}]},
            "Please add no more than 1 file.",
        ),
        (
            {"type": "file_input"},
            {"files": [{"id": str(number)} for number in range(11)]},
            "Please add no more than 10 files.",
        ),
        (
            {"type": "file_input", "filetypes": ["png", "jpg"]},
            {"files": [{"id": "F1", "name": "a.PNG"}, {"id": "F2", "name": "b.exe"}]},
            "b.exe is not one of: png, jpg.",
        ),
    ],
)
def test_a_value_out_of_bounds(element: Json, entry: Json, message: str) -> None:
    assert told(element, entry) == message


def test_what_is_typed_into_an_optional_input_is_checked() -> None:
    element = {"type": "number_input", "is_decimal_allowed": False}
    assert told(element, {"value": "ten"}, optional=True) == "Please enter a number."


def test_all_problems_are_told_in_the_order_of_the_form() -> None:
    text = {"type": "plain_text_input"}
    view = form(
        {"type": "section", "text": plain()},
        asked(text, "first"),
        asked(text, "second"),
        asked(text, "third"),
    )
    state = {"second": {"a": {"type": "plain_text_input", "value": "here"}}}
    assert list(input_values_ok(view, state).items()) == [("first", REQUIRED), ("third", REQUIRED)]


def test_a_menu_outside_an_input_block_is_never_required() -> None:
    menu = {"type": "static_select", "options": options("v")}
    view = form({"type": "actions", "block_id": "b", "elements": [menu]})
    assert input_values_ok(view, {}) == {}


@given(st.integers(0, 20), st.integers(20, 40), st.text(min_size=1, max_size=60))
def test_a_text_may_go_exactly_when_its_length_is_allowed(least: int, most: int, text: str) -> None:
    element = {"type": "plain_text_input", "min_length": least, "max_length": most}
    assert (told(element, {"value": text}) is None) == (least <= len(text) <= most)
