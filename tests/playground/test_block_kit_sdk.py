"""slack_sdk's models as an independent witness: where they check, we agree; and what they miss.

The models check lengths and counts in ``to_dict()``. At a limit both accept; one beyond it, both
refuse.
"""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, Option, OptionGroup
from slack_sdk.models.views import View

from bot.playground.block_kit import BlockKitError, check_message, check_view

Json = dict[str, Any]

DIVIDER: Json = {"type": "divider"}


def plain(count: int = 1) -> Json:
    return {"type": "plain_text", "text": "x" * count}


def mrkdwn(count: int = 1) -> Json:
    return {"type": "mrkdwn", "text": "x" * count}


def address(count: int = 30) -> str:
    return "https://example.com/".ljust(count, "x")


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), **more}


def acts(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def press(**more: Any) -> Json:
    return acts(button(**more))


def confirmed(**more: Any) -> Json:
    texts = {name: plain() for name in ("title", "text", "confirm", "deny")}
    return press(confirm={**texts, **more})


def asks(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def options(count: int = 1, prefix: str = "") -> list[Json]:
    return [{"text": plain(), "value": f"{prefix}{number}"} for number in range(count)]


def select(**more: Any) -> Json:
    return acts({"type": "static_select", **more})


def grouped(count: int) -> Json:
    return select(
        option_groups=[
            {"label": plain(), "options": options(1, f"{number}-")} for number in range(count)
        ]
    )


def feedback(count: int = 1, **more: Any) -> Json:
    good = {"text": plain(), "value": "x", **more}
    element = {
        "type": "feedback_buttons",
        "positive_button": good,
        "negative_button": {"text": plain(), "value": "x"},
    }
    return {"type": "context_actions", "elements": [element] * count}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": address(), "alt_text": "a", **more}


def video(**more: Any) -> Json:
    addresses = {"video_url": address(), "thumbnail_url": address()}
    return {"type": "video", "alt_text": "a", "title": plain(), **addresses, **more}


def container(count: int = 1, **more: Any) -> Json:
    return {"type": "container", "title": plain(), "child_blocks": [DIVIDER] * count, **more}


def modal(**more: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": [DIVIDER], **more}


MESSAGE_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "block_id": (255, lambda n: {**DIVIDER, "block_id": "x" * n}),
    "section text": (3000, lambda n: {"type": "section", "text": mrkdwn(n)}),
    "section fields": (10, lambda n: {"type": "section", "fields": [plain()] * n}),
    "header": (150, lambda n: {"type": "header", "text": plain(n)}),
    "context elements": (10, lambda n: {"type": "context", "elements": [plain()] * n}),
    "image element address": (
        3000,
        lambda n: {"type": "context", "elements": [image(image_url=address(n))]},
    ),
    "image element alt text": (
        2000,
        lambda n: {"type": "context", "elements": [image(alt_text="x" * n)]},
    ),
    "actions": (25, lambda n: acts(*[button()] * n)),
    "action_id": (255, lambda n: press(action_id="x" * n)),
    "button text": (75, lambda n: press(text=plain(n))),
    "button value": (2000, lambda n: press(value="x" * n)),
    "button address": (3000, lambda n: press(url=address(n))),
    "button label": (75, lambda n: press(accessibility_label="x" * n)),
    "button prompt": (4000, lambda n: press(agent_prompt="x" * n)),
    "confirm title": (100, lambda n: confirmed(title=plain(n))),
    "confirm text": (300, lambda n: confirmed(text=mrkdwn(n))),
    "confirm button": (30, lambda n: confirmed(confirm=plain(n))),
    "deny button": (30, lambda n: confirmed(deny=plain(n))),
    "context actions": (5, feedback),
    "feedback text": (75, lambda n: feedback(text=plain(n))),
    "feedback value": (2000, lambda n: feedback(value="x" * n)),
    "image address": (3000, lambda n: image(image_url=address(n))),
    "image alt text": (2000, lambda n: image(alt_text="x" * n)),
    "image title": (2000, lambda n: image(title=plain(n))),
    "input label": (2000, lambda n: asks({"type": "plain_text_input"}, label=plain(n))),
    "input hint": (2000, lambda n: asks({"type": "plain_text_input"}, hint=plain(n))),
    "placeholder": (150, lambda n: asks({"type": "plain_text_input", "placeholder": plain(n)})),
    "select options": (100, lambda n: select(options=options(n))),
    "option groups": (100, grouped),
    "multi-select options": (
        100,
        lambda n: asks({"type": "multi_static_select", "options": options(n)}),
    ),
    "overflow options": (5, lambda n: acts({"type": "overflow", "options": options(n)})),
    "markdown": (12_000, lambda n: {"type": "markdown", "text": "x" * n}),
    "video title": (199, lambda n: video(title=plain(n))),
    "video author": (49, lambda n: video(author_name="x" * n)),
    "card title": (150, lambda n: {"type": "card", "title": mrkdwn(n)}),
    "card subtitle": (150, lambda n: {"type": "card", "title": mrkdwn(), "subtitle": mrkdwn(n)}),
    "card body": (200, lambda n: {"type": "card", "body": mrkdwn(n)}),
    "carousel": (
        10,
        lambda n: {"type": "carousel", "elements": [{"type": "card", "title": mrkdwn()}] * n},
    ),
    "container title": (150, lambda n: container(title=plain(n))),
    "container subtitle": (150, lambda n: container(subtitle=mrkdwn(n))),
    "container blocks": (10, container),
}

VIEW_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "title": (24, lambda n: modal(title=plain(n))),
    "submit": (24, lambda n: modal(submit=plain(n))),
    "close": (24, lambda n: modal(close=plain(n))),
    "private_metadata": (3000, lambda n: modal(private_metadata="x" * n)),
    "callback_id": (255, lambda n: modal(callback_id="x" * n)),
    "blocks": (100, lambda n: modal(blocks=[DIVIDER] * n)),
}


def sdk_message(*blocks: Json) -> None:
    """:raises SlackObjectFormationError: if slack_sdk finds a fault."""
    for block in blocks:
        model = Block.parse(block)
        assert model is not None
        assert model.to_dict()["type"] == block["type"]


def sdk_view(view: Json) -> None:
    """:raises SlackObjectFormationError: if slack_sdk finds a fault."""
    View(**view).to_dict()


@pytest.mark.parametrize("name", MESSAGE_LIMITS)
def test_both_hold_a_message_to_the_same_limit(name: str) -> None:
    limit, build = MESSAGE_LIMITS[name]
    check_message([build(limit)], text="x")
    sdk_message(build(limit))
    with pytest.raises(SlackObjectFormationError):
        sdk_message(build(limit + 1))
    with pytest.raises(BlockKitError, match="invalid_blocks"):
        check_message([build(limit + 1)], text="x")


@pytest.mark.parametrize("name", VIEW_LIMITS)
def test_both_hold_a_view_to_the_same_limit(name: str) -> None:
    limit, build = VIEW_LIMITS[name]
    check_view(build(limit))
    sdk_view(build(limit))
    with pytest.raises(SlackObjectFormationError):
        sdk_view(build(limit + 1))
    with pytest.raises(BlockKitError, match="invalid_arguments"):
        check_view(build(limit + 1))


OPTION_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "text": (75, lambda n: {"text": plain(n), "value": "v"}),
    "value": (150, lambda n: {"text": plain(), "value": "x" * n}),
}

GROUP_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "label": (75, lambda n: {"label": plain(n), "options": options()}),
    "options": (100, lambda n: {"label": plain(), "options": options(n)}),
}


@pytest.mark.parametrize("name", OPTION_LIMITS)
def test_both_hold_an_option_to_the_same_limit(name: str) -> None:
    # Given as plain data inside a menu, the SDK does not look at options: so ask it directly.
    limit, build = OPTION_LIMITS[name]
    check_message([select(options=[build(limit)])], text="x")
    Option(**build(limit)).to_dict()
    with pytest.raises(SlackObjectFormationError):
        Option(**build(limit + 1)).to_dict()
    with pytest.raises(BlockKitError, match="invalid_blocks"):
        check_message([select(options=[build(limit + 1)])], text="x")


@pytest.mark.parametrize("name", GROUP_LIMITS)
def test_both_hold_a_group_of_options_to_the_same_limit(name: str) -> None:
    limit, build = GROUP_LIMITS[name]
    check_message([select(option_groups=[build(limit)])], text="x")
    OptionGroup(**build(limit)).to_dict()
    with pytest.raises(SlackObjectFormationError):
        OptionGroup(**build(limit + 1)).to_dict()
    with pytest.raises(BlockKitError, match="invalid_blocks"):
        check_message([select(option_groups=[build(limit + 1)])], text="x")


BOTH_REFUSE: dict[str, Json] = {
    "a section of nothing": {"type": "section"},
    "an unknown button style": press(style="warning"),
    "an unknown confirm style": confirmed(style="warning"),
    "no overflow options": acts({"type": "overflow", "options": []}),
    "options and groups": select(
        options=options(), option_groups=[{"label": plain(), "options": options(1, "g")}]
    ),
    "a date that isn't one": asks({"type": "datepicker", "initial_date": "tomorrow"}),
    "a time that isn't one": asks({"type": "timepicker", "initial_time": "noon"}),
    "a moment that isn't one": asks(
        {"type": "datetimepicker", "initial_date_time": 10_000_000_000}
    ),
    "a card of nothing": {"type": "card"},
    "an unknown width": container(width="huge"),
    "no cards": {"type": "carousel", "elements": []},
}


@pytest.mark.parametrize("name", BOTH_REFUSE)
def test_both_refuse(name: str) -> None:
    with pytest.raises(BlockKitError):
        check_message([BOTH_REFUSE[name]], text="x")
    with pytest.raises(SlackObjectFormationError):
        sdk_message(BOTH_REFUSE[name])


SDK_MISSES: dict[str, list[Json]] = {
    "a 51st block": [DIVIDER] * 51,
    "a field over 2,000": [{"type": "section", "fields": [mrkdwn(2001)]}],
    "an empty text": [{"type": "header", "text": {"type": "plain_text", "text": ""}}],
    "an action_id twice in a block": [acts(button(action_id="a"), button(action_id="a"))],
    "a block_id twice": [{**DIVIDER, "block_id": "b"}] * 2,
    "no options": [select(options=[])],
    "an option twice": [select(options=options() + options())],
    "an initial option not offered": [
        select(options=options(), initial_option={"text": plain(), "value": "other"})
    ],
    "an unknown filter": [acts({"type": "conversations_select", "filter": {"include": ["all"]}})],
    "an empty cell": [{"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]}],
    "101 rows": [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}],
    "21 columns": [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}],
    "two tables": [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2,
    "an image without source": [{"type": "image", "alt_text": "a"}],
    "an image from two sources": [image(slack_file={"id": "F1"})],
    "mrkdwn in a header": [{"type": "header", "text": mrkdwn()}],
    "mrkdwn on a button": [press(text=mrkdwn())],
    "an unknown key": [{"type": "section", "text": plain(), "colour": "red"}],
    "an address that isn't one": [press(url="example")],
    "a multi-select in actions": [acts({"type": "multi_users_select"})],
    "too much together": [{"type": "section", "text": mrkdwn(3000)}] * 5,
}


@pytest.mark.parametrize("name", SDK_MISSES)
def test_we_refuse_what_the_sdk_misses(name: str) -> None:
    sdk_message(*SDK_MISSES[name])
    with pytest.raises(BlockKitError):
        check_message(SDK_MISSES[name], text="x")


SDK_MISSES_IN_VIEWS: dict[str, Json] = {
    "inputs and no submit": {
        "type": "modal",
        "title": plain(),
        "blocks": [asks({"type": "plain_text_input"})],
    },
    "a title in mrkdwn": modal(title=mrkdwn()),
    "a block of unknown type": modal(blocks=[{"type": "unheard_of"}, DIVIDER]),
    "a Home title": {"type": "home", "title": plain(), "blocks": [DIVIDER]},
    "two with focus": modal(blocks=[asks({"type": "plain_text_input", "focus_on_load": True})] * 2),
}


@pytest.mark.parametrize("name", SDK_MISSES_IN_VIEWS)
def test_we_refuse_views_the_sdk_takes(name: str) -> None:
    sdk_view(SDK_MISSES_IN_VIEWS[name])
    with pytest.raises(BlockKitError, match="invalid_arguments"):
        check_view(SDK_MISSES_IN_VIEWS[name])
