"""Generated payloads: what is right is accepted, one fault is found, and nothing else is raised."""

import copy
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from bot.playground.block_kit import BlockKitError, check_message, check_view

Json = dict[str, Any]

# Any character JSON can carry but lone surrogates, which no client sends.
characters = st.characters(exclude_categories=["Cs"])


def words(longest: int) -> st.SearchStrategy[str]:
    return st.text(characters, min_size=1, max_size=min(longest, 40))


def plain(longest: int) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"type": st.just("plain_text"), "text": words(longest)}, optional={"emoji": st.booleans()}
    )


def mrkdwn(longest: int) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {"type": st.just("mrkdwn"), "text": words(longest)}, optional={"verbatim": st.booleans()}
    )


def text(longest: int) -> st.SearchStrategy[Json]:
    return plain(longest) | mrkdwn(longest)


def typed(name: str, required: Json, optional: Json) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just(name), **required}, optional=optional)


addresses = st.from_regex(
    r"https?://[a-z0-9]{1,20}\.example/[a-zA-Z0-9/_.~-]{0,30}", fullmatch=True
)
numbers = st.integers(-1000, 1000).map(str)
slack_ids = st.from_regex(r"[CUW][A-Z0-9]{8}", fullmatch=True)
styles = st.sampled_from(["primary", "danger"])
confirms = st.fixed_dictionaries(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    optional={"style": styles},
)
action: Json = {"action_id": words(255)}
menu: Json = {**action, "confirm": confirms, "placeholder": plain(150)}
field: Json = {
    **action,
    "placeholder": plain(150),
    "dispatch_action_config": st.just({"trigger_actions_on": ["on_enter_pressed"]}),
}

images = st.one_of(
    typed("image", {"image_url": addresses, "alt_text": words(2000)}, {}),
    typed(
        "image",
        {"alt_text": words(2000), "slack_file": st.fixed_dictionaries({"id": slack_ids})},
        {},
    ),
)
buttons = typed(
    "button",
    {"text": plain(75)},
    {**action, "value": words(2000), "url": addresses, "style": styles, "confirm": confirms},
)


@st.composite
def option_lists(draw: st.DrawFn, most: int, label: st.SearchStrategy[Json]) -> list[Json]:
    values = draw(st.lists(words(150), min_size=1, max_size=min(most, 5), unique=True))
    return [{"text": draw(label), "value": value} for value in values]


@st.composite
def static_menus(draw: st.DrawFn, name: str) -> Json:
    members = draw(option_lists(100, plain(75)))
    element = {"type": name, **draw(st.fixed_dictionaries({}, optional=menu))}
    if draw(st.booleans()):
        element["options"] = members
    else:
        element["option_groups"] = [{"label": draw(plain(75)), "options": members}]
    if draw(st.booleans()):
        chosen = draw(st.sampled_from(members))
        many = name.startswith("multi")
        element["initial_options" if many else "initial_option"] = [chosen] if many else chosen
    return element


@st.composite
def choices(draw: st.DrawFn, name: str) -> Json:
    members = draw(option_lists(10, text(75)))
    element = {"type": name, "options": members, **draw(st.fixed_dictionaries({}, optional=action))}
    if draw(st.booleans()):
        chosen = draw(st.sampled_from(members))
        many = name == "checkboxes"
        element["initial_options" if many else "initial_option"] = [chosen] if many else chosen
    return element


overflows = option_lists(5, plain(75)).map(lambda found: {"type": "overflow", "options": found})
dates = st.dates(date(1970, 1, 1)).map(date.isoformat)
times = st.times().map(lambda moment: time.strftime(moment, "%H:%M"))
pickers = st.one_of(
    typed("datepicker", {}, {**menu, "initial_date": dates}),
    typed("timepicker", {}, {**menu, "initial_time": times, "timezone": st.just("Europe/Berlin")}),
)
date_times = typed(
    "datetimepicker", {}, {**action, "initial_date_time": st.integers(10**9, 10**10 - 1)}
)
selects = st.one_of(
    static_menus("static_select"),
    typed("users_select", {}, {**menu, "initial_user": slack_ids}),
    typed("channels_select", {}, {**menu, "initial_channel": slack_ids}),
    typed("external_select", {}, {**menu, "min_query_length": st.integers(0, 10)}),
)
multi_selects = st.one_of(
    static_menus("multi_static_select"),
    typed("multi_users_select", {}, {**menu, "max_selected_items": st.integers(1, 10)}),
)
text_inputs = st.one_of(
    typed(
        "plain_text_input",
        {},
        {
            **field,
            "multiline": st.booleans(),
            "min_length": st.integers(0, 10),
            "max_length": st.integers(10, 3000),
            "initial_value": st.text(characters, max_size=40),
        },
    ),
    typed("number_input", {"is_decimal_allowed": st.booleans()}, {**field, "max_value": numbers}),
    typed("email_text_input", {}, field),
    typed("url_text_input", {}, field),
)
choice_groups = choices("checkboxes") | choices("radio_buttons")
files = typed("file_input", {}, {**action, "max_files": st.integers(1, 10)})

style_marks = st.fixed_dictionaries({}, optional={"bold": st.booleans(), "code": st.booleans()})
inline = st.one_of(
    typed("text", {"text": words(100)}, {"style": style_marks}),
    typed("link", {"url": addresses}, {"text": words(100)}),
    typed("user", {"user_id": slack_ids}, {}),
    typed("channel", {"channel_id": slack_ids}, {}),
    typed("emoji", {"name": st.sampled_from(["tada", "wave"])}, {}),
    typed("date", {"timestamp": st.integers(0, 10**10), "format": st.just("{date}")}, {}),
    typed("broadcast", {"range": st.sampled_from(["here", "channel"])}, {}),
)
rich_sections = typed("rich_text_section", {"elements": st.lists(inline, max_size=3)}, {})
rich_texts = typed(
    "rich_text",
    {
        "elements": st.lists(
            st.one_of(
                rich_sections,
                typed("rich_text_quote", {"elements": st.lists(inline, max_size=3)}, {}),
                typed(
                    "rich_text_list",
                    {
                        "style": st.sampled_from(["bullet", "ordered"]),
                        "elements": st.lists(rich_sections, min_size=1, max_size=3),
                    },
                    {"indent": st.integers(0, 8)},
                ),
            ),
            min_size=1,
            max_size=3,
        )
    },
    {},
)

shared = st.one_of(
    typed(
        "section",
        {"text": text(3000)},
        {
            "fields": st.lists(text(2000), min_size=1, max_size=4),
            "accessory": st.one_of(
                buttons, images, selects, multi_selects, overflows, pickers, choice_groups
            ),
        },
    ),
    typed("header", {"text": plain(150)}, {}),
    typed("divider", {}, {}),
    typed("context", {"elements": st.lists(images | text(3000), min_size=1, max_size=4)}, {}),
    typed(
        "actions",
        {
            "elements": st.lists(
                st.one_of(buttons, selects, overflows, pickers, date_times, choice_groups),
                min_size=1,
                max_size=4,
                unique_by=lambda element: element.get("action_id", id(element)),
            )
        },
        {},
    ),
    rich_texts,
)


def asking(element: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return typed(
        "input",
        {"label": plain(2000), "element": element},
        {"hint": plain(2000), "optional": st.booleans(), "dispatch_action": st.booleans()},
    )


inputs = asking(st.one_of(text_inputs, selects, multi_selects, pickers, date_times, choice_groups))
message_blocks = st.one_of(
    shared,
    inputs,
    typed("markdown", {"text": words(12_000)}, {}),
    typed(
        "data_visualization",
        {
            "title": words(50),
            "chart": st.just({"type": "pie", "segments": [{"label": "a", "value": 1}]}),
        },
        {},
    ),
)


@st.composite
def messages(draw: st.DrawFn) -> list[Json]:
    blocks = draw(st.lists(message_blocks, min_size=1, max_size=5))
    charts = [block for block in blocks if block["type"] == "data_visualization"]
    rest = [block for block in blocks if block["type"] != "data_visualization"]
    numbered = [{**block, "block_id": f"b{n}"} for n, block in enumerate(rest + charts[:2])]
    return numbered if draw(st.booleans()) else rest + charts[:2]


@st.composite
def modals(draw: st.DrawFn) -> Json:
    blocks = draw(st.lists(shared | inputs | asking(files), min_size=1, max_size=5))
    optional = {
        "close": plain(24),
        "private_metadata": st.text(characters, max_size=40),
        "callback_id": words(255),
        "notify_on_close": st.booleans(),
    }
    view = draw(st.fixed_dictionaries({"title": plain(24), "submit": plain(24)}, optional=optional))
    return {"type": "modal", "blocks": blocks, **view}


def objects_in(value: object) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from objects_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from objects_in(member)


@given(messages())
def test_a_right_message_is_accepted(blocks: list[Json]) -> None:
    check_message(blocks, text="x")


@given(messages())
def test_a_right_message_is_right_for_the_sdk_too(blocks: list[Json]) -> None:
    for block in blocks:
        if block["type"] != "data_visualization":  # unknown to the SDK
            model = Block.parse(block)
            assert model is not None
            model.to_dict()


@given(modals())
def test_a_right_modal_is_accepted(view: Json) -> None:
    check_view(view)


@given(st.lists(shared | inputs, min_size=1, max_size=5))
def test_a_right_home_tab_is_accepted(blocks: list[Json]) -> None:
    check_view({"type": "home", "blocks": blocks})


@given(st.data(), modals())
def test_an_unknown_key_is_found_wherever_it_is(data: st.DataObject, view: Json) -> None:
    # A deep copy, for drawn values may be shared between places.
    broken = copy.deepcopy(view)
    places = list(objects_in(broken))
    data.draw(st.sampled_from(places), label="place")["unheard_of"] = 1
    with pytest.raises(BlockKitError) as caught:
        check_view(broken)
    assert caught.value.error == "invalid_arguments"
    assert any("invalid additional property: unheard_of" in told for told in caught.value.messages)


@given(st.data(), messages())
def test_a_missing_type_is_found_wherever_it_is(data: st.DataObject, blocks: list[Json]) -> None:
    broken = copy.deepcopy(blocks)
    places = [found for found in objects_in(broken) if "type" in found]
    del data.draw(st.sampled_from(places), label="place")["type"]
    with pytest.raises(BlockKitError) as caught:
        check_message(broken, text="x")
    assert any("missing required field: type" in told for told in caught.value.messages)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "blocks", "elements"]) | st.text(), inner
        )
    ),
    max_leaves=12,
)


@given(any_json)
def test_nonsense_is_only_ever_refused(value: object) -> None:
    with suppress(BlockKitError):
        check_message(value, text="x")
    with suppress(BlockKitError):
        check_view(value)


@given(st.data(), messages(), any_json)
def test_nonsense_in_a_right_message_is_only_ever_refused(
    data: st.DataObject, blocks: list[Json], value: object
) -> None:
    broken = copy.deepcopy(blocks)
    target = data.draw(st.sampled_from(list(objects_in(broken))), label="place")
    target[data.draw(st.sampled_from(sorted(target)), label="key")] = value
    with suppress(BlockKitError):
        check_message(broken, text="x")
