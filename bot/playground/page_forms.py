"""Between a form in the browser and Slack's state: what it shows, and what came back."""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.playground.records import Json
from bot.playground.state_values import Entered, EnteredValues, element_of
from bot.playground.views import elements

_INITIAL = {
    "value": "initial_value",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
    "files": "initial_files",
}


def with_typed(blocks: Sequence[Json], typed: Mapping[str, Mapping[str, Json]]) -> list[Json]:
    """The blocks with what a person typed before (`state.values`) as what they begin with."""
    shown = copy.deepcopy(list(blocks))
    for block in shown:
        for element in elements(block):
            value = typed.get(block.get("block_id", ""), {}).get(element.get("action_id", ""))
            for key, content in (value or {}).items():
                if key in _INITIAL:
                    element[_INITIAL[key]] = _as_typed(content) if key == "value" else content
    return shown


def entered_values(
    blocks: Sequence[Json], values: Mapping[str, Mapping[str, Entered]], zone: ZoneInfo
) -> EnteredValues:
    """What the browser sent; its dates with times, in `zone`, become Unix seconds.

    Raises LookupError for an element that isn't in the blocks, ValueError for an impossible date.
    """
    return {
        block_id: {
            action_id: entered_value(blocks, block_id, action_id, value, zone)
            for action_id, value in actions.items()
        }
        for block_id, actions in values.items()
    }


def entered_value(
    blocks: Sequence[Json], block_id: str, action_id: str, value: Entered, zone: ZoneInfo
) -> Entered:
    """One value; see `entered_values`."""
    _, element = element_of(blocks, block_id, action_id)
    if element.get("type") == "datetimepicker" and isinstance(value, str) and value:
        moment = datetime.fromisoformat(value).replace(tzinfo=zone)
        return str(int(moment.timestamp()))
    return value


def _as_typed(text: str | None) -> str | None:
    """Slack keeps a typed emoji as its shortcode."""
    if not text or ":" not in text:
        return text
    import emoji

    return emoji.emojize(text, language="alias")
