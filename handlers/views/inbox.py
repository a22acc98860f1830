"""A person's inbox, as one message."""

from collections.abc import Sequence

from bot.inbox import Inbox
from bot.reviews import WaitingLine
from handlers.ids import Act
from handlers.views.approvals import next_free
from handlers.views.blocks import (
    MESSAGE_LIMIT,
    Block,
    actions,
    button,
    context,
    cost,
    section,
)
from handlers.views.reviews import line, review_button

MOST = 6  # of each kind
FULL = MESSAGE_LIMIT - 500
NOTHING = "Nothing waits for you."


def inbox(shown: Inbox) -> tuple[str, list[Block]]:
    """The message: its text for notifications, and its blocks."""
    if shown.is_empty:
        return NOTHING, [section(f":white_check_mark: {NOTHING}")]
    heads = []
    blocks: list[Block] = []
    if shown.passed:
        head = _one_or(shown.passed, "The time of {} passed undecided; nothing was published.")
        heads.append(head)
        blocks += _part(f":hourglass: *{head}*", shown.passed, own=True)
    if shown.undecided:
        head = _one_or(shown.undecided, "Nobody has decided yet on {}, due soon.")
        heads.append(head)
        blocks += _part(f":warning: *{head}*", shown.undecided, own=True)
    if shown.to_decide:
        number = len(shown.to_decide)
        head = (
            "1 post that is due soon waits for your approval."
            if number == 1
            else f"{number} posts that are due soon wait for your approval."
        )
        heads.append(head)
        blocks += _part(f":eyes: *{head}*", shown.to_decide, own=False)
        blocks.append(actions(review_button(shown.waiting)))
    return " ".join(heads), blocks


def _one_or(lines: Sequence[WaitingLine], text: str) -> str:
    return text.format("your post" if len(lines) == 1 else f"{len(lines)} of your posts")


def _part(head: str, lines: Sequence[WaitingLine], *, own: bool) -> list[Block]:
    """A kind of task; each post can be opened, and the own ones be given their next free time."""
    blocks: list[Block] = [section(head)]
    room = FULL // 3 - cost(blocks)
    for shown, one in enumerate(lines[:MOST]):
        opens = button("Open", Act.OPEN_POST, one.post.id)
        item = (
            [section(line(one, with_author=False)), actions(next_free(one.post), opens)]
            if own
            else [section(line(one), accessory=opens)]
        )
        room -= cost(item)
        if room < 0:
            return [*blocks, context(f"… and {len(lines) - shown} more.")]
        blocks += item
    return [*blocks, *([context(f"… and {len(lines) - MOST} more.")] if lines[MOST:] else [])]
