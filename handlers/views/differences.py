"""A difference as Slack can show it: what is gone struck out, what is new bold, in rich text.

Marks of mrkdwn fail beside punctuation and inside words; the styles of rich text don't.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from bot.differences import Kind, Run
from handlers.slack_text import shorten, visible
from handlers.views.blocks import BLOCK_COST, Block, context
from handlers.views.texts import units

AROUND = 3  # words that stay beside a difference
LONGEST_SIDE = 60  # units of them
LONGEST_RUN = 1500  # of what is gone or new in one place
LONGEST_LABEL = 200
IN_BLOCK = 2800
STYLE_COST = 20  # of each piece with its style
STYLES = {Kind.GONE: {"strike": True}, Kind.NEW: {"bold": True}}


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that changed: what it is, and how, unless its name says all."""

    label: str
    runs: Sequence[Run] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A styled piece of a part; ``change`` is the place of the difference that it belongs to."""

    text: str
    style: Block
    is_label: bool
    change: int | None


def difference_blocks(told: Sequence[Told], room: int, *, more: str) -> list[Block]:
    """Each thing in its own words, as far as they fit.

    :param room: what the blocks may cost, see `cost`.
    :param more: said after how many further changes there are.
    """
    pieces = list(_pieces(told))
    for_more = BLOCK_COST + 40 + units(more)
    shown = _fitting(pieces, room)
    if len(shown) < len(pieces):
        shown = _fitting(pieces, room - for_more)
    left = len({piece.change for piece in pieces[len(shown) :] if piece.change is not None})
    blocks = _laid_out(shown)
    if left:
        what = "1 more change." if left == 1 else f"{left} more changes."
        blocks.append(context(f"… and {what} {more}"))
    return blocks


def _pieces(told: Sequence[Told]) -> Iterator[_Piece]:
    change = 0
    for one in told:
        change += 1
        label = shorten(visible(one.label), LONGEST_LABEL)
        yield _Piece(label, {"bold": True}, True, None if one.runs else change)
        last = Kind.SAME
        for position, run in enumerate(one.runs):
            is_first, is_last = position == 0, position == len(one.runs) - 1
            if run.kind is Kind.SAME:
                around = _around(run.text, not is_first, not is_last)
                yield _Piece(around, {}, False, None)
            else:
                change += last is Kind.SAME
                if (last, run.kind) == (Kind.GONE, Kind.NEW):
                    yield _Piece(" ", {}, False, change)
                text = _cut(_marked(run.text, is_first, is_last))
                yield _Piece(text, STYLES[run.kind], False, change)
            last = run.kind


def _around(text: str, is_behind: bool, is_before: bool) -> str:
    """What stayed: some words behind a change and some before the next, or all if it is short."""
    first = _first_words(text) if is_behind else ""
    last = _last_words(text) if is_before else ""
    if units(text) <= units(first) + units(last) + 5:
        return visible(text)
    behind = f"{visible(first)} … " if first else "… "
    return f"{behind}{visible(last)}" if last else behind.rstrip()


def _first_words(text: str) -> str:
    found = re.match(rf"(?:\s*\S+){{1,{AROUND}}}", text[: LONGEST_SIDE * 2])
    signs = regex.findall(r"\X", found[0] if found else text[:LONGEST_SIDE])
    return "".join(signs[:LONGEST_SIDE])


def _last_words(text: str) -> str:
    found = re.search(rf"(?:\S+\s*){{1,{AROUND}}}$", text[-LONGEST_SIDE * 2 :])
    signs = regex.findall(r"\X", found[0] if found else text[-LONGEST_SIDE:])
    return "".join(signs[-LONGEST_SIDE:])


def _marked(text: str, is_first: bool, is_last: bool) -> str:
    """White space is a change like any other: where nobody could see it, a sign stands for it."""
    only_space = not text.strip()

    def sign(found: re.Match[str]) -> str:
        at_an_end = (is_first and found.start() == 0) or (is_last and found.end() == len(text))
        if found[0] == " " and not only_space and not at_an_end:
            return " "
        return "".join(_SIGNS.get(one) or f"‹U+{ord(one):04X}›" for one in found[0])

    return visible(re.sub(r"\s+", sign, text))


_SIGNS = {" ": "␣", "\n": "↵\n", "\t": "⇥"}


def _cut(text: str) -> str:
    if units(text) <= LONGEST_RUN:
        return text
    kept = shorten(text, LONGEST_RUN)
    return f"{kept} ({units(text) - units(kept)} more characters)"


def _fitting(pieces: Sequence[_Piece], room: int) -> Sequence[_Piece]:
    used = 0
    for number, piece in enumerate(pieces):
        used += units(piece.text) + STYLE_COST
        if used + BLOCK_COST * (used // IN_BLOCK + 1) > room:
            return pieces[:number]
    return pieces


def _laid_out(pieces: Sequence[_Piece]) -> list[Block]:
    """Rich text: a line for each label, and what changed as a quotation below it."""
    blocks: list[Block] = []
    used = IN_BLOCK
    for piece in pieces:
        kind = "rich_text_section" if piece.is_label else "rich_text_quote"
        size = units(piece.text) + STYLE_COST
        if used + size > IN_BLOCK:
            blocks.append({"type": "rich_text", "elements": []})
            used = 0
        parts = blocks[-1]["elements"]
        if piece.is_label or not parts or parts[-1]["type"] != kind:
            parts.append({"type": kind, "elements": []})
        element: Block = {"type": "text", "text": piece.text}
        if piece.style:
            element["style"] = piece.style
        parts[-1]["elements"].append(element)
        used += size
    return blocks
