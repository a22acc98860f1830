"""Block Kit's elements: buttons, menus, pickers and inputs, and where each may stand.

Source: https://docs.slack.dev/reference/block-kit/block-elements
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.playground.block_kit_parts import (
    ACTION_ID,
    ALT_TEXT,
    CHOICE_OPTION,
    CONFIRM,
    CONVERSATION_FILTER,
    DISPATCH_ACTION_CONFIG,
    IMAGE_MEMBERS,
    IMAGE_SOURCE,
    OPTION_GROUP,
    OVERFLOW_OPTION,
    PLACEHOLDER,
    SELECT_OPTION,
    SLACK_ID,
    STYLE,
    VISIBLE_TO,
    WORKFLOW,
    options_fit,
    plain_text,
)
from bot.playground.block_kit_rich_text import RICH_TEXT
from bot.playground.block_kit_shapes import (
    Findings,
    Members,
    Rule,
    Shape,
    array,
    boolean,
    exactly_one,
    integer,
    one_of,
    record,
    string,
    typed,
    url,
)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def _date_problem(value: str) -> str | None:
    problem = "must be a date in the format YYYY-MM-DD"
    if not _DATE.fullmatch(value):
        return problem
    try:
        date.fromisoformat(value)
    except ValueError:
        return problem
    return None


def _time_problem(value: str) -> str | None:
    return None if _TIME.fullmatch(value) else "must be a time in the format HH:mm"


def _zone_problem(value: str) -> str | None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return "must be a time zone in the IANA format"
    return None


def _number_problem(value: str) -> str | None:
    return None if _NUMBER.fullmatch(value) else "must be a number"


def _in_order(least: str, most: str) -> Rule:
    """The one must not be greater than the other, where both are given."""

    def rule(value: Mapping[str, object], pointer: str, findings: Findings) -> None:
        if least not in value or most not in value:
            return
        if Decimal(str(value[least])) > Decimal(str(value[most])):
            findings.add(f"`{least}` cannot be greater than `{most}`", pointer)

    return rule


def _decimals_allowed(value: Mapping[str, object], pointer: str, findings: Findings) -> None:
    if value["is_decimal_allowed"]:
        return
    for name in ("initial_value", "min_value", "max_value"):
        if "." in str(value.get(name, "")):
            findings.add("must be a whole number", f"{pointer}/{name}")


_ACTION: Members = {"action_id": ACTION_ID}
_CONFIRM: Members = {"confirm": CONFIRM}
_FOCUS: Members = {"focus_on_load": boolean}
_PLACEHOLDER: Members = {"placeholder": PLACEHOLDER}
_DISPATCH: Members = {"dispatch_action_config": DISPATCH_ACTION_CONFIG}
_LABEL: Members = {"accessibility_label": string(longest=75)}

_MENU: Members = {**_ACTION, **_CONFIRM, **_FOCUS, **_PLACEHOLDER}
_MULTI_MENU: Members = {**_MENU, "max_selected_items": integer(least=1)}
_FIELD: Members = {**_ACTION, **_DISPATCH, **_FOCUS, **_PLACEHOLDER}
_STATIC: Members = {
    "options": array(SELECT_OPTION, most=100),
    "option_groups": array(OPTION_GROUP, most=100),
}
_EXTERNAL: Members = {"min_query_length": integer(least=0)}
_CONVERSATIONS: Members = {
    "default_to_current_conversation": boolean,
    "filter": CONVERSATION_FILTER,
}
_RESPONSE_URL: Members = {"response_url_enabled": boolean}
_SLACK_IDS = array(SLACK_ID)
_CHOICES: Members = {"options": array(CHOICE_OPTION, most=10)}
_FEEDBACK = record({"text": plain_text(75), "value": string(longest=2000)}, _LABEL)

IMAGE = typed("image", {"alt_text": ALT_TEXT}, IMAGE_MEMBERS, IMAGE_SOURCE)

BUTTON = typed(
    "button",
    {"text": plain_text(75)},
    {
        **_ACTION,
        **_CONFIRM,
        **_LABEL,
        "url": url(),
        "value": string(longest=2000),
        "style": STYLE,
        "agent_prompt": string(longest=4000),
        "agent_prompt_display": string(),
        "visible_to_user_ids": VISIBLE_TO,
    },
)

_BUTTONS: Members = {
    "button": BUTTON,
    "workflow_button": typed(
        "workflow_button",
        {"text": plain_text(75), "workflow": WORKFLOW},
        {**_ACTION, **_CONFIRM, **_LABEL, "style": STYLE},
    ),
    "overflow": typed(
        "overflow",
        {"options": array(OVERFLOW_OPTION, most=5)},
        {**_ACTION, **_CONFIRM},
        options_fit,
    ),
}

_SELECTS: Members = {
    "static_select": typed(
        "static_select",
        {},
        {**_MENU, **_STATIC, "initial_option": SELECT_OPTION},
        exactly_one("options", "option_groups"),
        options_fit,
    ),
    "external_select": typed(
        "external_select", {}, {**_MENU, **_EXTERNAL, "initial_option": SELECT_OPTION}
    ),
    "users_select": typed("users_select", {}, {**_MENU, "initial_user": SLACK_ID}),
    "conversations_select": typed(
        "conversations_select",
        {},
        {**_MENU, **_CONVERSATIONS, **_RESPONSE_URL, "initial_conversation": SLACK_ID},
    ),
    "channels_select": typed(
        "channels_select", {}, {**_MENU, **_RESPONSE_URL, "initial_channel": SLACK_ID}
    ),
}

_MULTI_SELECTS: Members = {
    "multi_static_select": typed(
        "multi_static_select",
        {},
        {**_MULTI_MENU, **_STATIC, "initial_options": array(SELECT_OPTION, most=100)},
        exactly_one("options", "option_groups"),
        options_fit,
    ),
    "multi_external_select": typed(
        "multi_external_select",
        {},
        {**_MULTI_MENU, **_EXTERNAL, "initial_options": array(SELECT_OPTION, most=100)},
    ),
    "multi_users_select": typed(
        "multi_users_select", {}, {**_MULTI_MENU, "initial_users": _SLACK_IDS}
    ),
    "multi_conversations_select": typed(
        "multi_conversations_select",
        {},
        {**_MULTI_MENU, **_CONVERSATIONS, "initial_conversations": _SLACK_IDS},
    ),
    "multi_channels_select": typed(
        "multi_channels_select", {}, {**_MULTI_MENU, "initial_channels": _SLACK_IDS}
    ),
}

_CHOICE_GROUPS: Members = {
    "checkboxes": typed(
        "checkboxes",
        _CHOICES,
        {**_ACTION, **_CONFIRM, **_FOCUS, "initial_options": array(CHOICE_OPTION, most=10)},
        options_fit,
    ),
    "radio_buttons": typed(
        "radio_buttons",
        _CHOICES,
        {**_ACTION, **_CONFIRM, **_FOCUS, "initial_option": CHOICE_OPTION},
        options_fit,
    ),
}

_DATE_PICKER: Members = {
    "datepicker": typed("datepicker", {}, {**_MENU, "initial_date": string(test=_date_problem)}),
}
_TIME_PICKER: Members = {
    "timepicker": typed(
        "timepicker",
        {},
        {
            **_MENU,
            "initial_time": string(test=_time_problem),
            "timezone": string(test=_zone_problem),
        },
    ),
}
_DATE_TIME_PICKER: Members = {
    "datetimepicker": typed(
        "datetimepicker",
        {},
        {
            **_ACTION,
            **_CONFIRM,
            **_FOCUS,
            # Seconds since the epoch, ten digits (so from 2001 on).
            "initial_date_time": integer(1_000_000_000, 9_999_999_999),
        },
    ),
}

_RICH_TEXT_INPUT: Members = {
    "rich_text_input": typed(
        "rich_text_input",
        {},
        {
            **_FIELD,
            "initial_value": RICH_TEXT,
            "min_lines": integer(1, 100),
            "max_lines": integer(1, 100),
        },
        _in_order("min_lines", "max_lines"),
    ),
}

_TEXT_FIELDS: Members = {
    "plain_text_input": typed(
        "plain_text_input",
        {},
        {
            **_FIELD,
            "initial_value": string(shortest=0, longest=3000),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
        },
        _in_order("min_length", "max_length"),
    ),
    "email_text_input": typed(
        "email_text_input", {}, {**_FIELD, "initial_value": string(shortest=0)}
    ),
    "url_text_input": typed("url_text_input", {}, {**_FIELD, "initial_value": string(shortest=0)}),
    "number_input": typed(
        "number_input",
        {"is_decimal_allowed": boolean},
        {
            **_FIELD,
            "initial_value": string(test=_number_problem),
            "min_value": string(test=_number_problem),
            "max_value": string(test=_number_problem),
        },
        _in_order("min_value", "max_value"),
        _decimals_allowed,
    ),
}

_FILE_INPUT: Members = {
    "file_input": typed(
        "file_input",
        {},
        {**_ACTION, "filetypes": array(string(longest=255)), "max_files": integer(1, 10)},
    ),
}

ACCESSORIES: Members = {
    "image": IMAGE,
    **_BUTTONS,
    **_SELECTS,
    **_MULTI_SELECTS,
    **_CHOICE_GROUPS,
    **_DATE_PICKER,
    **_TIME_PICKER,
}

# Slack refuses multi-select menus in an actions block, whatever its SDKs' types say
# (https://github.com/slackapi/python-slack-sdk/issues/1631).
ACTIONS: Members = {
    **_BUTTONS,
    **_SELECTS,
    **_CHOICE_GROUPS,
    **_DATE_PICKER,
    **_TIME_PICKER,
    **_DATE_TIME_PICKER,
    **_RICH_TEXT_INPUT,
}

INPUTS: Members = {
    **_SELECTS,
    **_MULTI_SELECTS,
    **_CHOICE_GROUPS,
    **_DATE_PICKER,
    **_TIME_PICKER,
    **_DATE_TIME_PICKER,
    **_RICH_TEXT_INPUT,
    **_TEXT_FIELDS,
}
MODAL_INPUTS: Members = {**INPUTS, **_FILE_INPUT}

CONTEXT_ACTIONS: Members = {
    "feedback_buttons": typed(
        "feedback_buttons",
        {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK},
        _ACTION,
    ),
    "icon_button": typed(
        "icon_button",
        {"icon": one_of("trash"), "text": plain_text(75)},
        {
            **_ACTION,
            **_CONFIRM,
            **_LABEL,
            "value": string(longest=2000),
            "visible_to_user_ids": VISIBLE_TO,
        },
    ),
}

URL_SOURCE: Shape = typed("url", {"url": url(), "text": string()})
