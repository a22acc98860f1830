"""The limits slack_sdk doesn't know: at each the payload is right, one beyond it is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bot.playground.block_kit import BlockKitError, check_message, check_view, input_values_ok

Json = dict[str, Any]
Build = Callable[[int], Json]

ADDRESS = "https://example.com/a"
DIVIDER: Json = {"type": "divider"}


def plain(count: int = 1) -> Json:
    return {"type": "plain_text", "text": "x" * count}


def mrkdwn(count: int = 1) -> Json:
    return {"type": "mrkdwn", "text": "x" * count}


def option(**more: Any) -> Json:
    return {"text": plain(), "value": "v", **more}


def acts(kind: str, **more: Any) -> Json:
    return {"type": "actions", "elements": [{"type": kind, **more}]}


def asks(kind: str, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": {"type": kind, **more}}


def icon(**more: Any) -> Json:
    button = {"type": "icon_button", "icon": "trash", "text": plain(), **more}
    return {"type": "context_actions", "elements": [button]}


def video(**more: Any) -> Json:
    addresses = {"video_url": ADDRESS, "thumbnail_url": ADDRESS}
    return {"type": "video", "alt_text": "a", "title": plain(), **addresses, **more}


def cell(count: int = 1) -> Json:
    return {"type": "raw_text", "text": "x" * count}


def data_table(rows: int = 2, columns: int = 1, **more: Any) -> Json:
    return {"type": "data_table", "caption": "c", "rows": [[cell()] * columns] * rows, **more}


def pie(count: int = 1, label: int = 1) -> Json:
    chart = {"type": "pie", "segments": [{"label": "x" * label, "value": 0.1}] * count}
    return {"type": "data_visualization", "title": "t", "chart": chart}


def line(count: int = 1, name: int = 1, **axes: Any) -> Json:
    categories = [str(number) for number in range(count)]
    series = {"name": "x" * name, "data": [{"label": label, "value": 0} for label in categories]}
    config = {"categories": categories, **axes}
    chart = {"type": "line", "series": [series], "axis_config": config}
    return {"type": "data_visualization", "title": "t", "chart": chart}


def rich(*inline: Json) -> Json:
    section = {"type": "rich_text_section", "elements": list(inline)}
    return {"type": "rich_text", "elements": [section]}


def bullets(**more: Any) -> Json:
    found = {"type": "rich_text_list", "style": "bullet", "elements": [], **more}
    return {"type": "rich_text", "elements": [found]}


AT_MOST: dict[str, tuple[int, Build]] = {
    "a field": (2000, lambda n: {"type": "section", "fields": [mrkdwn(n)]}),
    "a text in a context": (3000, lambda n: {"type": "context", "elements": [mrkdwn(n)]}),
    "a workflow button": (
        75,
        lambda n: acts("workflow_button", text=plain(n), workflow={"trigger": {"url": ADDRESS}}),
    ),
    "who sees a button": (
        10,
        lambda n: acts("button", text=plain(), visible_to_user_ids=["U1"] * n),
    ),
    "an icon button": (75, lambda n: icon(text=plain(n))),
    "an icon button's value": (2000, lambda n: icon(value="x" * n)),
    "a choice": (75, lambda n: acts("checkboxes", options=[option(text=mrkdwn(n))])),
    "a choice's value": (150, lambda n: acts("radio_buttons", options=[option(value="x" * n)])),
    "a choice's description": (
        75,
        lambda n: acts("checkboxes", options=[option(description=mrkdwn(n))]),
    ),
    "checkboxes": (
        10,
        lambda n: acts("checkboxes", options=[option(value=str(i)) for i in range(n)]),
    ),
    "an overflow option": (75, lambda n: acts("overflow", options=[option(text=plain(n))])),
    "an overflow option's value": (
        150,
        lambda n: acts("overflow", options=[option(value="x" * n)]),
    ),
    "an overflow option's description": (
        75,
        lambda n: acts("overflow", options=[option(description=plain(n))]),
    ),
    "a user's id": (255, lambda n: acts("users_select", initial_user="U" * n)),
    "options chosen outside": (
        100,
        lambda n: asks("multi_external_select", initial_options=[option()] * n),
    ),
    "a moment": (
        9_999_999_999,
        lambda n: acts("datetimepicker", initial_date_time=n),
    ),
    "fewest lines": (100, lambda n: asks("rich_text_input", min_lines=n)),
    "most lines": (100, lambda n: asks("rich_text_input", max_lines=n)),
    "a minimum length": (3000, lambda n: asks("plain_text_input", min_length=n)),
    "a maximum length": (3000, lambda n: asks("plain_text_input", max_length=n)),
    "an initial text": (3000, lambda n: asks("plain_text_input", initial_value="x" * n)),
    "a video's alt text": (200, lambda n: video(alt_text="x" * n)),
    "a video's description": (200, lambda n: video(description=plain(n))),
    "a video's provider": (50, lambda n: video(provider_name="x" * n)),
    "a card's subtext": (
        200,
        lambda n: {"type": "card", "title": mrkdwn(), "subtext": mrkdwn(n)},
    ),
    "a card's actions": (
        3,
        lambda n: {"type": "card", "actions": [{"type": "button", "text": plain()}] * n},
    ),
    "a file's id": (255, lambda n: {"type": "file", "source": "remote", "external_id": "x" * n}),
    "table rows": (100, lambda n: {"type": "table", "rows": [[cell()]] * n}),
    "table columns": (20, lambda n: {"type": "table", "rows": [[cell()] * n]}),
    "table characters": (10_000, lambda n: {"type": "table", "rows": [[cell(n)]]}),
    "table column settings": (
        20,
        lambda n: {"type": "table", "rows": [[cell()]], "column_settings": [{}] * n},
    ),
    "data table rows": (101, lambda n: data_table(rows=n)),
    "data table columns": (20, lambda n: data_table(columns=n)),
    "data table pages": (100, lambda n: data_table(page_size=n)),
    "data table header column": (19, lambda n: data_table(row_header_column_index=n)),
    "slices": (6, lambda n: pie(count=n)),
    "a slice's label": (20, lambda n: pie(label=n)),
    "points": (20, lambda n: line(count=n)),
    "a series' name": (20, lambda n: line(name=n)),
    "the x axis": (50, lambda n: line(x_label="x" * n)),
    "the y axis": (50, lambda n: line(y_label="x" * n)),
    "a skin tone": (6, lambda n: rich({"type": "emoji", "name": "wave", "skin_tone": n})),
    "an indent": (8, lambda n: bullets(indent=n)),
    "a border": (1, lambda n: bullets(border=n)),
}

AT_LEAST: dict[str, tuple[int, Build]] = {
    "a moment": (1_000_000_000, lambda n: acts("datetimepicker", initial_date_time=n)),
    "fewest lines": (1, lambda n: asks("rich_text_input", min_lines=n)),
    "most lines": (1, lambda n: asks("rich_text_input", max_lines=n)),
    "a minimum length": (0, lambda n: asks("plain_text_input", min_length=n)),
    "a maximum length": (1, lambda n: asks("plain_text_input", max_length=n)),
    "items to select": (1, lambda n: asks("multi_users_select", max_selected_items=n)),
    "a query": (0, lambda n: acts("external_select", min_query_length=n)),
    "data table rows": (2, lambda n: data_table(rows=n)),
    "data table pages": (1, lambda n: data_table(page_size=n)),
    "data table header column": (0, lambda n: data_table(row_header_column_index=n)),
    "a skin tone": (1, lambda n: rich({"type": "emoji", "name": "wave", "skin_tone": n})),
    "an indent": (0, lambda n: bullets(indent=n)),
    "an offset": (0, lambda n: bullets(offset=n)),
    "a date": (0, lambda n: rich({"type": "date", "timestamp": n, "format": "{date}"})),
}


@pytest.mark.parametrize("name", AT_MOST)
def test_no_more_than(name: str) -> None:
    most, build = AT_MOST[name]
    check_message([build(most)], text="x")
    with pytest.raises(BlockKitError, match="invalid_blocks"):
        check_message([build(most + 1)], text="x")


@pytest.mark.parametrize("name", AT_LEAST)
def test_no_less_than(name: str) -> None:
    least, build = AT_LEAST[name]
    check_message([build(least)], text="x")
    with pytest.raises(BlockKitError, match="invalid_blocks"):
        check_message([build(least - 1)], text="x")


def test_the_sentence_for_a_number_out_of_bounds_names_the_bound() -> None:
    for value, told in ((0, "must be more than 0"), (3001, "must be less than 3001")):
        with pytest.raises(BlockKitError) as caught:
            check_message([asks("plain_text_input", max_length=value)], text="x")
        pointer = "[json-pointer:/blocks/0/element/max_length]"
        assert caught.value.messages == [f"[ERROR] {told} {pointer}"]


@pytest.mark.parametrize("part", ["rich_text_section", "rich_text_quote", "rich_text_preformatted"])
def test_a_part_of_a_rich_text_may_be_empty(part: str) -> None:
    rich_text = {"type": "rich_text", "elements": [{"type": part, "elements": []}]}
    check_message([rich_text, bullets(elements=[])], text="x")


@pytest.mark.parametrize("kind", ["plain_text_input", "email_text_input", "url_text_input"])
def test_an_initial_value_may_be_empty(kind: str) -> None:
    check_message([asks(kind, initial_value="")], text="x")


def test_rows_of_a_data_table_are_even_and_its_header_is_plain() -> None:
    uneven = data_table(rows=2)
    uneven["rows"] = [[cell()], [cell()], [cell(), cell()]]
    with pytest.raises(BlockKitError, match=r"json-pointer:/blocks/0/rows/2\]"):
        check_message([uneven], text="x")
    linked = data_table(rows=2, columns=2)
    linked["rows"] = [[cell(), rich({"type": "text", "text": "x"})], [cell(), cell()]]
    with pytest.raises(BlockKitError, match=r"json-pointer:/blocks/0/rows/0/1/type\]"):
        check_message([linked], text="x")


def test_a_view_may_be_exactly_250_000_bytes() -> None:
    long: list[Json] = [{"type": "section", "fields": [mrkdwn(2000)] * 10}] * 12
    long += [{"type": "section", "text": mrkdwn(3000)}] * 2

    def view(count: int) -> Json:
        return {"type": "home", "blocks": [*long, {"type": "section", "text": mrkdwn(count)}]}

    count = 250_000 - len(json.dumps(view(0), separators=(",", ":")))
    check_view(view(count))
    with pytest.raises(BlockKitError, match="view_too_large"):
        check_view(view(count + 1))


class TestValuesAtTheirBounds:
    """A value exactly at a bound may leave the client."""

    @pytest.mark.parametrize(
        ("element", "entry"),
        [
            ({"type": "number_input", "min_value": "2"}, {"value": "2"}),
            ({"type": "number_input", "max_value": "2"}, {"value": "2"}),
            ({"type": "multi_users_select", "max_selected_items": 1}, {"selected_users": ["U1"]}),
            ({"type": "file_input", "max_files": 1}, {"files": [{"id": "F1"}]}),
            ({"type": "plain_text_input"}, {"value": "x"}),
        ],
    )
    def test_may_go(self, element: Json, entry: Json) -> None:
        if element["type"] == "number_input":
            element = {"is_decimal_allowed": False, **element}
        asked = {"type": "input", "block_id": "b", "label": plain(), "element": element}
        view = {"type": "modal", "title": plain(), "submit": plain(), "blocks": [asked]}
        check_view(view)
        assert input_values_ok(view, {"b": {"a": entry}}) == {}

    @pytest.mark.parametrize("typed", ["https://", "ftp://example.com", "//example.com"])
    def test_half_an_address_may_not(self, typed: str) -> None:
        view = {"type": "modal", "blocks": [{**asks("url_text_input"), "block_id": "b"}]}
        assert list(input_values_ok(view, {"b": {"a": {"value": typed}}})) == ["b"]
