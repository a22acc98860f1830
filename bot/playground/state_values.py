"""What people enter, in the shape of Slack's ``state.values``.

A value as a page or a test gives it is a string, a list of strings, or None: the text, the chosen
option's ``value``, the date, the id; several for checkboxes and multi selects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.playground.encoding import shortcodes
from bot.playground.records import Json
from bot.playground.views import elements

Entered = str | Sequence[str] | None
EnteredValues = Mapping[str, Mapping[str, Entered]]

_TEXTS = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
_OPTION = ("static_select", "external_select", "radio_buttons", "overflow")
_OPTIONS = ("multi_static_select", "multi_external_select", "checkboxes")
_ONE = {
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_SEVERAL = {
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
}
STATEFUL = frozenset(
    {*_TEXTS, *_OPTIONS, *_ONE, *_SEVERAL, "file_input", "rich_text_input"}
    | {kind for kind in _OPTION if kind != "overflow"}
)


def element_of(blocks: Sequence[Json], block_id: str | None, action_id: str) -> tuple[str, Json]:
    """The block id and the element with this action id (in this block, if one is named).

    :raises LookupError: if there is none.
    """
    for block in blocks:
        if block_id in (None, block.get("block_id")):
            for element in elements(block):
                if element.get("action_id") == action_id:
                    return str(block.get("block_id")), element
    raise LookupError(f"no element {action_id!r} in block {block_id!r}")


def fill_in(blocks: Sequence[Json], values: EnteredValues) -> dict[str, dict[str, Json]]:
    """``state.values`` for what was entered; files are ``{"id": ...}`` until sent.

    :raises LookupError: for an element or option that isn't there.
    """
    filled: dict[str, dict[str, Json]] = {}
    for block_id, actions in values.items():
        for action_id, entered in actions.items():
            _, element = element_of(blocks, block_id, action_id)
            filled.setdefault(block_id, {})[action_id] = entered_value(element, entered)
    return filled


def entered_value(element: Json, entered: Entered) -> Json:
    """One element's value as Slack sends it. :raises LookupError: for an unknown option."""
    kind = element["type"]
    one = entered if isinstance(entered, str) else next(iter(entered or ()), None)
    several = [entered] if isinstance(entered, str) else list(entered or ())
    several = [item for item in several if item]
    if kind in _TEXTS:
        text = shortcodes(one) if one and kind == "plain_text_input" else one
        return {"type": kind, "value": text or None}
    if kind in _OPTION:
        return {"type": kind, "selected_option": _option(element, one) if one else None}
    if kind in _OPTIONS:
        return {"type": kind, "selected_options": [_option(element, item) for item in several]}
    if kind == "datetimepicker":
        return {"type": kind, "selected_date_time": int(one) if one else None}
    if kind in _ONE:
        return {"type": kind, _ONE[kind][0]: one or None}
    if kind in _SEVERAL:
        return {"type": kind, _SEVERAL[kind][0]: several}
    if kind == "file_input":
        return {"type": kind, "files": [{"id": item} for item in several]}
    raise LookupError(f"nothing can be entered into {kind}")


def initial_value(element: Json) -> Json:
    """What an element holds before anybody touched it."""
    kind = element["type"]
    if kind in _TEXTS:
        return {"type": kind, "value": element.get("initial_value")}
    if kind in _OPTION:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in _OPTIONS:
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    if kind in _ONE:
        selected, initial = _ONE[kind]
        return {"type": kind, selected: element.get(initial)}
    if kind in _SEVERAL:
        selected, initial = _SEVERAL[kind]
        return {"type": kind, selected: element.get(initial, [])}
    if kind == "file_input":
        return {"type": kind, "files": []}
    return {"type": kind, "rich_text_value": element.get("initial_value")}


def state_of(
    blocks: Sequence[Json],
    typed: Mapping[str, Mapping[str, Json]],
    file_object: Callable[[str], Json],
) -> dict[str, dict[str, Json]]:
    """``state.values`` of a view or message: what was typed, else what it began with."""
    state: dict[str, dict[str, Json]] = {}
    for block in blocks:
        for element in elements(block):
            if element.get("type") in STATEFUL:
                block_id, action_id = block["block_id"], element["action_id"]
                value = typed.get(block_id, {}).get(action_id) or initial_value(element)
                if value.get("files"):
                    value = {**value, "files": [file_object(file["id"]) for file in value["files"]]}
                state.setdefault(block_id, {})[action_id] = value
    return state


def _option(element: Json, value: str) -> Json:
    options: list[Any] = list(element.get("options") or ())
    for group in element.get("option_groups") or ():
        options += group["options"]
    for option in options:
        if option.get("value") == value:
            return dict(option)
    raise LookupError(f"no option {value!r} in {element.get('action_id')!r}")
