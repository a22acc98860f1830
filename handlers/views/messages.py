"""Views that only tell something: loading, checking, done, what went wrong."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from handlers.ids import Form
from handlers.views.blocks import SECTION_LIMIT, Block, context, modal, section

PROBLEM = "problem"


def message(title: str, text: str, blocks: Sequence[Block] | None = None) -> Block:
    """A modal that shows a text."""
    return modal(Form.MESSAGE, title, list(blocks or [section(text)]), close="Close")


def loading() -> Block:
    return message("One moment", "Loading … this takes longer than usual.")


def failed(text: str) -> Block:
    return message("That didn't work", _warning(text))


def _warning(text: str) -> str:
    return f":warning: {text}"[:SECTION_LIMIT]


def checking(original: Mapping[str, Any]) -> Block:
    """Shown while a submitted form is still being worked on."""
    view = message("Checking", "Checking … nothing is lost if you close this.")
    view["title"] = {"type": "plain_text", "text": original["title"]["text"], "emoji": True}
    view["blocks"].append(context("It goes on by itself."))
    return view


_KEPT = (
    "type",
    "callback_id",
    "title",
    "submit",
    "close",
    "private_metadata",
    "notify_on_close",
    "clear_on_close",
)


def refilled(original: Mapping[str, Any], problem: str) -> Block:
    """The form again as it was filled in, with what went wrong on top."""
    view = {key: copy.deepcopy(original[key]) for key in _KEPT if original.get(key) is not None}
    typed = original.get("state", {}).get("values", {})
    blocks = [
        _refill(block, typed.get(block["block_id"], {}))
        for block in original["blocks"]
        if block["block_id"] != PROBLEM
    ]
    view["blocks"] = [section(_warning(problem), block_id=PROBLEM), *blocks]
    return view


def _refill(block: Mapping[str, Any], typed: Mapping[str, Any]) -> Block:
    filled = copy.deepcopy(dict(block))
    if block["type"] != "input" or not typed:
        return filled
    element, value = filled["element"], next(iter(typed.values()))
    for given, initial in _INITIAL.items():
        if value.get(given):
            element[initial] = value[given]
        elif given in value:
            element.pop(initial, None)
    return filled


_INITIAL = {
    "value": "initial_value",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_date_time": "initial_date_time",
    "selected_channel": "initial_channel",
    "selected_conversation": "initial_conversation",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
}
