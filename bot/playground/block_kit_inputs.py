"""What Slack's own client checks when a person presses Submit, before the app hears of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

Entry = Mapping[str, object]

REQUIRED = "Please complete this required field."

_VALUE_KEYS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "rich_text_input": "rich_text_value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "file_input": "files",
}

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_MAX_FILES = 10
_MAX_CHARACTERS = 3000


def input_values_ok(
    view: Mapping[str, object], state_values: Mapping[str, Mapping[str, Entry]]
) -> dict[str, str]:
    """What a person is told before a form leaves their client; empty when it may leave.

    ``view`` is a view that :func:`check_view` accepts, each of its input blocks with a
    ``block_id`` (Slack gives one to those that have none); ``state_values`` is what
    ``view.state.values`` would be: block_id, then action_id, then the entry. Answers block_id to
    message, in the order of the form.
    """
    problems: dict[str, str] = {}
    blocks = view["blocks"]
    assert isinstance(blocks, list)
    for block in blocks:
        if block["type"] != "input":
            continue
        # An input block holds one element, so one entry whatever its action_id is.
        entry = next(iter(state_values.get(block["block_id"], {}).values()), {})
        problem = _problem(block, entry.get(_VALUE_KEYS[block["element"]["type"]]))
        if problem is not None:
            problems[block["block_id"]] = problem
    return problems


def _problem(block: Mapping[str, object], value: object) -> str | None:
    element = block["element"]
    assert isinstance(element, dict)
    if _is_empty(value):
        return None if block.get("optional", False) else REQUIRED
    check = _CHECKS.get(element["type"])
    return check(element, value) if check is not None else None


def _is_empty(value: object) -> bool:
    """Nothing typed, chosen or added; a rich text without a character is empty too."""
    if value is None or value in ("", []):
        return True
    if isinstance(value, dict) and value.get("type") == "rich_text":
        return not any(_has_content(part) for part in value["elements"])
    return False


def _has_content(part: Mapping[str, object]) -> bool:
    inside = part.get("elements")
    if isinstance(inside, list):
        return any(_has_content(member) for member in inside)
    return part.get("type") != "text" or bool(part.get("text"))


def _text_problem(element: Entry, value: object) -> str | None:
    length = len(str(value))
    least, most = element.get("min_length", 0), element.get("max_length", _MAX_CHARACTERS)
    assert isinstance(least, int)
    assert isinstance(most, int)
    if length < least:
        return f"Please enter at least {least} characters ({least - length} more)."
    if length > most:
        return f"Please enter no more than {most} characters ({length - most} fewer)."
    return None


def _email_problem(_element: Entry, value: object) -> str | None:
    if _EMAIL.fullmatch(str(value)):
        return None
    return "Please enter an email address, like name@example.com."


def _url_problem(_element: Entry, value: object) -> str | None:
    try:
        parts = urlsplit(str(value))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme in ("http", "https") and parts.netloc:
        return None
    return "Please enter a web address, like https://example.com."


def _number_problem(element: Entry, value: object) -> str | None:
    typed = str(value)
    if not _NUMBER.fullmatch(typed):
        return "Please enter a number."
    if "." in typed and not element["is_decimal_allowed"]:
        return "Please enter a whole number."
    number = Decimal(typed)
    least, most = _bound(element, "min_value"), _bound(element, "max_value")
    if least is not None and number < least:
        return f"Please enter {least} or more."
    if most is not None and number > most:
        return f"Please enter {most} or less."
    return None


def _bound(element: Entry, name: str) -> Decimal | None:
    try:
        return Decimal(str(element[name]))
    except (KeyError, InvalidOperation):
        return None


def _items_problem(element: Entry, value: object) -> str | None:
    most = element.get("max_selected_items")
    if isinstance(most, int) and isinstance(value, list) and len(value) > most:
        return f"Please choose no more than {most}."
    return None


def _files_problem(element: Entry, value: object) -> str | None:
    most = element.get("max_files", _MAX_FILES)
    assert isinstance(most, int)
    assert isinstance(value, list)
    if len(value) > most:
        return f"Please add no more than {most} {'file' if most == 1 else 'files'}."
    endings = element.get("filetypes")
    if not isinstance(endings, list):
        return None
    for file in value:
        name = str(file.get("name", ""))
        if name and name.rpartition(".")[2].lower() not in endings:
            return f"{name} is not one of: {', '.join(endings)}."
    return None


_CHECKS: Mapping[str, Callable[[Entry, object], str | None]] = {
    "plain_text_input": _text_problem,
    "email_text_input": _email_problem,
    "url_text_input": _url_problem,
    "number_input": _number_problem,
    "multi_static_select": _items_problem,
    "multi_external_select": _items_problem,
    "multi_users_select": _items_problem,
    "multi_conversations_select": _items_problem,
    "multi_channels_select": _items_problem,
    "file_input": _files_problem,
}
