"""The blocks we use, with Slack's limits kept (https://docs.slack.dev/reference/block-kit)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from handlers.slack_text import shorten, visible
from handlers.views.texts import units

Block = dict[str, Any]

SECTION_LIMIT = 3000
LONGEST_OPTION = 75
MESSAGE_LIMIT = 13_200  # what all blocks of a message cost together, see `cost`
BLOCK_COST = 100


def cost(blocks: Iterable[Block]) -> int:
    """What blocks take of `MESSAGE_LIMIT`: the characters they show, and something for each block.

    Slack publishes no number; people have measured these
    (https://github.com/slackapi/bolt-js/issues/2509 and /issues/2867).
    """
    return sum(BLOCK_COST + sum(map(units, _texts_in(block))) for block in blocks)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if name == "text" and isinstance(member, str):
                yield member
            else:
                yield from _texts_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts_in(member)


def plain(text: str) -> Block:
    """Nothing is marked up in it; what would be hidden in foreign words is shown."""
    return {"type": "plain_text", "text": visible(text), "emoji": True}


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def section(text: str, *, accessory: Block | None = None, block_id: str | None = None) -> Block:
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if accessory is not None:
        block["accessory"] = accessory
    if block_id is not None:
        block["block_id"] = block_id
    return block


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text)}


def divider() -> Block:
    return {"type": "divider"}


def actions(*elements: Block, block_id: str | None = None) -> Block:
    block: Block = {"type": "actions", "elements": list(elements)}
    if block_id is not None:
        block["block_id"] = block_id
    return block


def button(
    text: str,
    action_id: str,
    value: str = "",
    *,
    style: str | None = None,
    url: str | None = None,
    confirm: Block | None = None,
    label: str | None = None,
) -> Block:
    """:param label: what a screen reader says, where the text alone isn't clear."""
    element: Block = {"type": "button", "text": plain(text), "action_id": action_id}
    if value:
        element["value"] = value
    if style is not None:
        element["style"] = style
    if url is not None:
        element["url"] = url
    if confirm is not None:
        element["confirm"] = confirm
    if label is not None:
        element["accessibility_label"] = label[:75]
    return element


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, danger: bool = False) -> Block:
    element: Block = {
        "title": plain(title),
        "text": mrkdwn(text),
        "confirm": plain(yes),
        "deny": plain(no),
    }
    if danger:
        element["style"] = "danger"
    return element


def option(text: str, value: str, description: str | None = None) -> Block:
    made: Block = {"text": plain(shorten(visible(text), LONGEST_OPTION)), "value": value}
    if description is not None:
        made["description"] = plain(shorten(visible(description), LONGEST_OPTION))
    return made


def menu(action_id: str, options: Sequence[Block]) -> Block:
    """An overflow menu (at most 5)."""
    return {"type": "overflow", "action_id": action_id, "options": list(options)}


def select(
    action_id: str, options: Sequence[Block], *, initial: str | None = None, placeholder: str = ""
) -> Block:
    element: Block = {"type": "static_select", "action_id": action_id, "options": list(options)}
    if placeholder:
        element["placeholder"] = plain(placeholder)
    chosen = [made for made in options if made["value"] == initial]
    if chosen:
        element["initial_option"] = chosen[0]
    return element


def checkboxes(
    action_id: str, options: Sequence[Block], chosen: Sequence[str] | frozenset[str] = ()
) -> Block:
    element: Block = {"type": "checkboxes", "action_id": action_id, "options": list(options)}
    initial = [made for made in options if made["value"] in chosen]
    if initial:
        element["initial_options"] = initial
    return element


def multi_select(
    action_id: str,
    options: Sequence[Block],
    chosen: Sequence[str] | frozenset[str] = (),
    *,
    placeholder: str = "",
) -> Block:
    element = checkboxes(action_id, options, chosen)
    element["type"] = "multi_static_select"
    if placeholder:
        element["placeholder"] = plain(placeholder)
    return element


def time_picker(action_id: str, minute: int) -> Block:
    """:param minute: from midnight, as it stands there first."""
    return {
        "type": "timepicker",
        "action_id": action_id,
        "initial_time": f"{minute // 60:02}:{minute % 60:02}",
    }


def text_input(
    action_id: str,
    *,
    initial: str = "",
    placeholder: str = "",
    multiline: bool = False,
    max_length: int | None = None,
    acts_on: Sequence[str] = (),
) -> Block:
    """:param acts_on: when it acts before submission, e.g. ``on_character_entered``."""
    element: Block = {"type": "plain_text_input", "action_id": action_id, "multiline": multiline}
    if initial:
        element["initial_value"] = initial
    if placeholder:
        element["placeholder"] = plain(placeholder)
    if max_length is not None:
        element["max_length"] = max_length
    if acts_on:
        element["dispatch_action_config"] = {"trigger_actions_on": list(acts_on)}
    return element


def field(
    block_id: str,
    label: str,
    element: Mapping[str, Any],
    *,
    hint: str = "",
    optional: bool = False,
    acts: bool = False,
) -> Block:
    """An input of a form. Its ``block_id`` is the field's name in `FieldErrors`."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": dict(element),
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(hint)
    if acts:
        block["dispatch_action"] = True
    return block


def picture(file_id: str, alt: str) -> Block:
    """The bot's own upload, shown in a message."""
    return {"type": "image", "slack_file": {"id": file_id}, "alt_text": alt or "picture"}


def modal(
    callback_id: str,
    title: str,
    blocks: Sequence[Block],
    *,
    submit: str | None = None,
    close: str = "Cancel",
    metadata: str = "",
    notify_on_close: bool = False,
) -> Block:
    """A modal. Title, submit and close have at most 24 characters."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title),
        "close": plain(close),
        "blocks": list(blocks),
        "private_metadata": metadata,
    }
    if submit is not None:
        view["submit"] = plain(submit)
    if notify_on_close:
        view["notify_on_close"] = True
    return view
