"""Block Kit, checked as Slack checks it: what a message or a view may hold.

Pure functions over plain data, used by the playground's Slack and by the tests of everything we
show. Sources: Slack's reference (https://docs.slack.dev/reference/block-kit), its SDKs' types,
and answers of the real Slack that people have published. All problems are collected, each with
a JSON pointer, in the sentences of Slack's ``response_metadata.messages``; where none was known,
the sentence is ours and the pointer alone is reliable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from bot.playground.block_kit_blocks import MARKDOWN_CHARACTERS, MESSAGE_BLOCKS, VIEW
from bot.playground.block_kit_data import texts_in
from bot.playground.block_kit_inputs import input_values_ok
from bot.playground.block_kit_shapes import NO_MATCH, Findings

__all__ = ["BlockKitError", "check_message", "check_view", "input_values_ok"]

# Slack publishes no number. People who measured it found that the characters shown, and about a
# hundred more for each block, must stay under about 13,200
# (https://github.com/slackapi/bolt-js/issues/2509 and /issues/2867).
MESSAGE_CHARACTERS = 13_200
BLOCK_COST = 100
VIEW_BYTES = 250_000
TABLES_MOST = 1
CHARTS_MOST = 2

Block = Mapping[str, object]


class BlockKitError(Exception):
    """Slack would refuse this.

    ``error`` is the name Slack answers with, ``messages`` its ``response_metadata.messages``.
    """

    def __init__(self, error: str, messages: Sequence[str] = ()) -> None:
        self.error = error
        self.messages = list(messages)
        super().__init__("\n".join([error, *self.messages]))


def check_message(blocks: object, *, text: str | None) -> None:
    """Check what ``chat.postMessage`` and its kin are given; ``blocks`` is None where absent.

    :raises BlockKitError: ``no_text`` (neither text nor blocks), ``invalid_blocks_format`` (not a
        list), ``invalid_blocks``, or ``msg_blocks_too_long`` (right, but too much together).
    """
    if blocks is None or blocks == []:
        if not text:
            raise BlockKitError("no_text")
        return
    if not isinstance(blocks, list):
        raise BlockKitError("invalid_blocks_format")
    findings = Findings()
    MESSAGE_BLOCKS(blocks, "/blocks", findings)
    if not findings.messages:
        _ids_unique(blocks, "/blocks", findings)
        _few_enough(blocks, findings)
    if findings.messages:
        raise BlockKitError("invalid_blocks", findings.messages)
    _short_enough(blocks)


def check_view(view: object) -> None:
    """Check a modal or a Home tab, as ``views.open`` and its kin are given it.

    :raises BlockKitError: ``invalid_arguments``, or ``view_too_large`` (over 250 KB as JSON).
    """
    findings = Findings()
    VIEW(view, "/view", findings)
    if findings.messages:
        raise BlockKitError(
            "invalid_arguments", [f"[ERROR] {NO_MATCH} [json-pointer:/view]", *findings.messages]
        )
    # The shape is right, so this is an object with a list of blocks; mypy is told the same.
    assert isinstance(view, dict)
    blocks = view["blocks"]
    _ids_unique(blocks, "/view/blocks", findings)
    _one_focus(blocks, findings)
    if view["type"] == "modal" and "submit" not in view:
        _no_inputs(blocks, findings)
    if findings.messages:
        raise BlockKitError("invalid_arguments", findings.messages)
    as_sent = json.dumps(view, ensure_ascii=False, separators=(",", ":"))
    if len(as_sent.encode("utf-8", "surrogatepass")) > VIEW_BYTES:
        raise BlockKitError("view_too_large")


def _each_block(blocks: Sequence[Block], pointer: str) -> Iterator[tuple[str, Block]]:
    """The blocks and those inside containers and carousels, each with its pointer."""
    for index, block in enumerate(blocks):
        place = f"{pointer}/{index}"
        yield place, block
        inside = {"container": "child_blocks", "carousel": "elements"}.get(str(block["type"]))
        if inside is not None and isinstance(children := block[inside], list):
            yield from _each_block(children, f"{place}/{inside}")


def _elements(block: Block) -> Iterator[tuple[str, Block]]:
    """The interactive elements of one block, each with its place in the block."""
    if block["type"] == "carousel":
        return
    for name in ("accessory", "element"):
        if isinstance(element := block.get(name), dict):
            yield name, element
    for name in ("elements", "actions"):
        if isinstance(elements := block.get(name), list):
            for index, element in enumerate(elements):
                yield f"{name}/{index}", element


def _ids_unique(blocks: Sequence[Block], pointer: str, findings: Findings) -> None:
    """A block_id is unique among all, an action_id within its block.

    Slack's reference asks of an action_id only that it be "unique among all other action_ids in
    the containing block": a list with the same button in each row is right.
    """
    block_ids: set[object] = set()
    for place, block in _each_block(blocks, pointer):
        if "block_id" in block:
            if block["block_id"] in block_ids:
                findings.add(f"`block_id` {block['block_id']} already exists", f"{place}/block_id")
            block_ids.add(block["block_id"])
        action_ids: set[object] = set()
        for where, element in _elements(block):
            if "action_id" not in element:
                continue
            if (action_id := element["action_id"]) in action_ids:
                findings.add(
                    f"`action_id` {action_id} already exists", f"{place}/{where}/action_id"
                )
            action_ids.add(action_id)


def _few_enough(blocks: Sequence[Block], findings: Findings) -> None:
    """Of tables and charts a message holds only so many."""
    tables = charts = 0
    for place, block in _each_block(blocks, "/blocks"):
        tables += block["type"] == "table"
        charts += block["type"] == "data_visualization"
        if block["type"] == "table" and tables > TABLES_MOST:
            findings.add("only_one_table_allowed", place)
        if block["type"] == "data_visualization" and charts > CHARTS_MOST:
            findings.add(f"no more than {CHARTS_MOST} charts allowed", place)


def _short_enough(blocks: Sequence[Block]) -> None:
    all_blocks = [block for _, block in _each_block(blocks, "/blocks")]
    markdown = sum(len(str(block["text"])) for block in all_blocks if block["type"] == "markdown")
    count = sum(map(len, texts_in(blocks))) + BLOCK_COST * len(all_blocks)
    findings = Findings()
    if markdown > MARKDOWN_CHARACTERS:
        findings.add(f"{markdown} of {MARKDOWN_CHARACTERS} characters of markdown", "/blocks")
    if count > MESSAGE_CHARACTERS:
        findings.add(f"{count} of {MESSAGE_CHARACTERS} characters", "/blocks")
    if findings.messages:
        raise BlockKitError("msg_blocks_too_long", findings.messages)


def _one_focus(blocks: Sequence[Block], findings: Findings) -> None:
    focused = False
    for place, block in _each_block(blocks, "/view/blocks"):
        for where, element in _elements(block):
            if element.get("focus_on_load") is not True:
                continue
            if focused:
                findings.add("only one element can have focus", f"{place}/{where}/focus_on_load")
            focused = True


def _no_inputs(blocks: Sequence[Block], findings: Findings) -> None:
    for index, block in enumerate(blocks):
        if block["type"] == "input":
            findings.add("must define `submit` to use `input` block", f"/view/blocks/{index}/input")
