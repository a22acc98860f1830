"""Block Kit's composition objects: texts, options, confirmations and the like.

Source: https://docs.slack.dev/reference/block-kit/composition-objects
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.playground.block_kit_shapes import (
    Findings,
    Members,
    Shape,
    alternatives,
    array,
    boolean,
    by_type,
    exactly_one,
    one_of,
    record,
    string,
    typed,
    url,
)

ACTION_ID = string(longest=255)
BLOCK_ID = string(longest=255)
SLACK_ID = string(longest=255)
STYLE = one_of("primary", "danger")


def plain_text(longest: int) -> Shape:
    """A plain_text object and nothing else: mrkdwn is refused."""
    return alternatives(_plain_text(longest))


def text(longest: int = 3000) -> Shape:
    """A plain_text or an mrkdwn object."""
    return alternatives(by_type({"plain_text": _plain_text(longest), "mrkdwn": _mrkdwn(longest)}))


def mrkdwn(longest: int) -> Shape:
    """An mrkdwn object and nothing else."""
    return alternatives(_mrkdwn(longest))


def _plain_text(longest: int) -> Shape:
    return typed("plain_text", {"text": string(longest=longest)}, {"emoji": boolean})


def _mrkdwn(longest: int) -> Shape:
    return typed("mrkdwn", {"text": string(longest=longest)}, {"verbatim": boolean})


PLACEHOLDER = plain_text(150)

CONFIRM = record(
    {
        "title": plain_text(100),
        # The reference names plain_text; Slack and its SDKs take mrkdwn as well.
        "text": text(300),
        "confirm": plain_text(30),
        "deny": plain_text(30),
    },
    {"style": STYLE},
)

DISPATCH_ACTION_CONFIG = record(
    {},
    {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), most=2)},
)

CONVERSATION_FILTER = record(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), most=4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)

SLACK_FILE = record({}, {"id": SLACK_ID, "url": url()}, exactly_one("id", "url"))

IMAGE_MEMBERS: Members = {"image_url": url(), "slack_file": SLACK_FILE}
IMAGE_SOURCE = exactly_one("image_url", "slack_file")
ALT_TEXT = string(longest=2000)

WORKFLOW = record(
    {
        "trigger": record(
            {"url": url()},
            {
                "customizable_input_parameters": array(
                    record({"name": string(), "value": string(shortest=0)})
                )
            },
        )
    }
)

VISIBLE_TO = array(SLACK_ID, most=10)

SELECT_OPTION = record(
    {"text": plain_text(75), "value": string(longest=150)}, {"description": plain_text(75)}
)
CHOICE_OPTION = record({"text": text(75), "value": string(longest=150)}, {"description": text(75)})
OVERFLOW_OPTION = record(
    {"text": plain_text(75), "value": string(longest=150)},
    {"description": plain_text(75), "url": url()},
)
OPTION_GROUP = record({"label": plain_text(75), "options": array(SELECT_OPTION, most=100)})


def options_fit(value: Mapping[str, object], pointer: str, findings: Findings) -> None:
    """A rule: option values are unique, and what is chosen at first is one of the options."""
    offered: list[object] = []
    seen: set[object] = set()
    for place, option in _options(value):
        if option["value"] in seen:
            findings.add(
                f"option value `{option['value']}` already exists", f"{pointer}{place}/value"
            )
        seen.add(option["value"])
        offered.append(option)
    for place, option in _initial_options(value):
        if option not in offered:
            findings.add("must be one of the options", f"{pointer}{place}")


def _options(element: Mapping[str, object]) -> list[tuple[str, dict[str, object]]]:
    found = _listed(element.get("options"), "/options")
    for index, (_, group) in enumerate(_listed(element.get("option_groups"), "")):
        found += _listed(group["options"], f"/option_groups/{index}/options")
    return found


def _initial_options(element: Mapping[str, object]) -> list[tuple[str, dict[str, object]]]:
    if isinstance(chosen := element.get("initial_option"), dict):
        return [("/initial_option", chosen)]
    return _listed(element.get("initial_options"), "/initial_options")


def _listed(value: object, place: str) -> list[tuple[str, dict[str, object]]]:
    if not isinstance(value, list):
        return []
    return [(f"{place}/{index}", member) for index, member in enumerate(value)]
