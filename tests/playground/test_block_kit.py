"""What Slack refuses is refused, under Slack's own name, with a pointer to every fault."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.playground.block_kit import BlockKitError, check_message, check_view

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def section(**more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), **more}


def option(value: str = "v", **more: Any) -> Json:
    return {"text": plain(), "value": value, **more}


def select(**more: Any) -> Json:
    return {"type": "static_select", "options": [option()], **more}


def inputs(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def chart(**more: Any) -> Json:
    series = [{"name": "s", "data": [{"label": "Mon", "value": 1}]}]
    line = {"type": "line", "series": series, "axis_config": {"categories": ["Mon"]}, **more}
    return {"type": "data_visualization", "title": "t", "chart": line}


def table(rows: list[Any], **more: Any) -> Json:
    return {"type": "table", "rows": rows, **more}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks), **more}


def home(*blocks: Json, **more: Any) -> Json:
    return {"type": "home", "blocks": list(blocks), **more}


def refused_message(*blocks: Json) -> list[str]:
    with pytest.raises(BlockKitError) as caught:
        check_message(list(blocks), text="fallback")
    assert caught.value.error == "invalid_blocks"
    return caught.value.messages


def refused_view(view: object) -> list[str]:
    with pytest.raises(BlockKitError) as caught:
        check_view(view)
    assert caught.value.error == "invalid_arguments"
    return caught.value.messages


def error_of(check: Callable[[], None]) -> str:
    with pytest.raises(BlockKitError) as caught:
        check()
    return caught.value.error


class TestSlacksOwnSentences:
    """Word for word what people have had from the real Slack."""

    def test_a_51st_block(self) -> None:
        assert refused_message(*[{"type": "divider"}] * 51) == [
            "[ERROR] no more than 50 items allowed [json-pointer:/blocks]"
        ]

    def test_a_section_text_too_long(self) -> None:
        assert refused_message({"type": "divider"}, section(text=mrkdwn("x" * 3001))) == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/1/text]",
            "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
        ]

    def test_an_empty_field(self) -> None:
        assert refused_message(section(fields=[mrkdwn(), mrkdwn("")])) == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/fields/1]",
            "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/fields/1/text]",
        ]

    def test_verbatim_on_plain_text(self) -> None:
        told = refused_message(actions(button(text={**plain(), "verbatim": True})))
        assert told == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/elements/0/text]",
            "[ERROR] invalid additional property: verbatim"
            " [json-pointer:/blocks/0/elements/0/text]",
        ]

    def test_an_unknown_block_type(self) -> None:
        assert refused_message({"type": "modal"}) == [
            "[ERROR] unsupported type: modal [json-pointer:/blocks/0/type]"
        ]

    def test_a_missing_field(self) -> None:
        assert refused_message({"type": "file", "external_id": "x"}) == [
            "[ERROR] missing required field: source [json-pointer:/blocks/0]"
        ]

    def test_nulls(self) -> None:
        assert refused_message(section(block_id=None, accessory=None, fields=None)) == [
            "[ERROR] must provide a string [json-pointer:/blocks/0/block_id]",
            "[ERROR] must provide an object [json-pointer:/blocks/0/accessory]",
            "[ERROR] must provide an array [json-pointer:/blocks/0/fields]",
        ]

    def test_an_option_label_too_long_in_a_view(self) -> None:
        told = refused_view(modal(inputs(select(options=[option(text=plain("x" * 76))]))))
        assert told == [
            "[ERROR] failed to match all allowed schemas [json-pointer:/view]",
            "[ERROR] failed to match all allowed schemas"
            " [json-pointer:/view/blocks/0/element/options/0/text]",
            "[ERROR] must be less than 76 characters"
            " [json-pointer:/view/blocks/0/element/options/0/text/text]",
        ]

    def test_inputs_without_submit(self) -> None:
        view = modal(inputs({"type": "plain_text_input"}))
        del view["submit"]
        assert refused_view(view) == [
            "[ERROR] must define `submit` to use `input` block [json-pointer:/view/blocks/0/input]"
        ]

    def test_a_view_with_nothing(self) -> None:
        assert refused_view({"type": "modal"})[1:] == [
            "[ERROR] missing required field: title [json-pointer:/view]",
            "[ERROR] missing required field: blocks [json-pointer:/view]",
        ]


class TestNamesOfErrors:
    def test_neither_text_nor_blocks(self) -> None:
        assert error_of(lambda: check_message(None, text=None)) == "no_text"
        assert error_of(lambda: check_message([], text="")) == "no_text"

    def test_text_alone_is_enough(self) -> None:
        check_message(None, text="hello")
        check_message([], text="hello")

    def test_blocks_alone_are_enough(self) -> None:
        check_message([section()], text=None)

    @pytest.mark.parametrize("blocks", ["[]", {"type": "section"}, 1])
    def test_blocks_that_are_no_list(self, blocks: object) -> None:
        assert error_of(lambda: check_message(blocks, text="x")) == "invalid_blocks_format"

    def test_too_much_text_in_all_blocks_together(self) -> None:
        blocks = [section(text=mrkdwn("x" * 2540)) for _ in range(5)]
        check_message(blocks, text="x")
        blocks[0] = section(text=mrkdwn("x" * 2541))
        assert error_of(lambda: check_message(blocks, text="x")) == "msg_blocks_too_long"

    def test_too_much_markdown_together(self) -> None:
        blocks = [{"type": "markdown", "text": "x" * 6000} for _ in range(2)]
        check_message(blocks, text="x")
        blocks[0]["text"] += "x"
        assert error_of(lambda: check_message(blocks, text="x")) == "msg_blocks_too_long"

    def test_a_view_over_250_kb(self) -> None:
        long = section(fields=[mrkdwn("x" * 2000)] * 10)
        check_view(home(*[long] * 12))
        assert error_of(lambda: check_view(home(*[long] * 13))) == "view_too_large"

    def test_size_is_counted_in_bytes(self) -> None:
        long = section(fields=[mrkdwn("€" * 2000)] * 10)
        assert error_of(lambda: check_view(home(*[long] * 5))) == "view_too_large"

    @pytest.mark.parametrize("view", [None, [], "modal", {"type": "dialog"}, {"type": ["modal"]}])
    def test_no_view_at_all(self, view: object) -> None:
        assert refused_view(view)

    def test_what_is_raised_says_everything(self) -> None:
        with pytest.raises(BlockKitError, match=r"(?s)invalid_blocks.*json-pointer:/blocks/0/type"):
            check_message([{"type": "nope"}], text="x")


def test_all_faults_are_collected() -> None:
    told = refused_message(
        {"type": "header", "text": mrkdwn()},
        section(colour="red"),
        actions(button(style="green"), button(url="ftp://example.com")),
    )
    pointers = [line.rpartition("[json-pointer:")[2].rstrip("]") for line in told]
    assert pointers == [
        "/blocks/0/text",
        "/blocks/0/text/type",
        "/blocks/1",
        "/blocks/2/elements/0/style",
        "/blocks/2/elements/1/url",
    ]


class TestIds:
    def test_a_block_id_twice_in_a_message(self) -> None:
        assert refused_message(section(block_id="b"), section(), section(block_id="b")) == [
            "[ERROR] `block_id` b already exists [json-pointer:/blocks/2/block_id]"
        ]

    def test_a_block_id_twice_one_of_them_inside_a_container(self) -> None:
        inside = {"type": "container", "title": plain(), "child_blocks": [section(block_id="b")]}
        assert refused_message(section(block_id="b"), inside) == [
            "[ERROR] `block_id` b already exists [json-pointer:/blocks/1/child_blocks/0/block_id]"
        ]

    def test_an_action_id_twice_in_a_block(self) -> None:
        assert refused_message(actions(button(action_id="a"), button(action_id="a"))) == [
            "[ERROR] `action_id` a already exists [json-pointer:/blocks/0/elements/1/action_id]"
        ]

    def test_an_action_id_again_in_another_block(self) -> None:
        row = section(accessory=button(action_id="edit"))
        check_message([row, row, actions(button(action_id="edit"))], text="x")


class TestHowMany:
    def test_one_table_a_message(self) -> None:
        check_message([table([[cell()]])], text="x")
        assert refused_message(table([[cell()]]), table([[cell()]])) == [
            "[ERROR] only_one_table_allowed [json-pointer:/blocks/1]"
        ]

    def test_two_charts_a_message(self) -> None:
        check_message([chart(), chart()], text="x")
        assert refused_message(chart(), chart(), chart()) == [
            "[ERROR] no more than 2 charts allowed [json-pointer:/blocks/2]"
        ]

    def test_100_blocks_in_a_view_but_50_in_a_message(self) -> None:
        check_view(home(*[section()] * 100))
        check_message([section()] * 50, text="x")


def test_a_home_tab_takes_inputs_without_submit() -> None:
    check_view(home(inputs({"type": "plain_text_input"}, dispatch_action=True)))


def test_what_is_checked_stays_as_it_was() -> None:
    blocks = [section(), actions(select(initial_option=option()))]
    before = [section(), actions(select(initial_option=option()))]
    check_message(blocks, text="x")
    assert blocks == before
