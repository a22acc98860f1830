"""A person's inbox, as one message."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.inboxes import Inbox, PressingMentions
from bot.mentions import MentionOverview
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
    menu,
    section,
)
from handlers.views.connect import expired_account
from handlers.views.held import held_card
from handlers.views.mentions import (
    answer_buttons,
    clocks,
    heading,
    last_reply,
    menu_options,
    quoted,
)
from handlers.views.reviews import line, review_button

# Together fewer than a message's 50 blocks.
MOST_OWN = 3
MOST_TO_DECIDE = 6
MOST_HELD, MOST_DONE = 5, 3
MOST_EXPIRED = 3
SHOWN_TEXT = 300  # of a mention
FULL = MESSAGE_LIMIT - 500
NOTHING = "Nothing waits for you."

Part = tuple[str, list[Block]]  # for the notification, and to see


def inbox(shown: Inbox, now: datetime, user_id: str) -> Part:
    """The message: its text for notifications, and its blocks. What is urgent comes first.

    :param user_id: whose it is.
    """
    kinds: list[Callable[[Inbox, int], Part]] = [
        draw
        for is_there, draw in (
            (shown.mentions, lambda shown, room: _mentions(shown.mentions, now, user_id, room)),
            (shown.passed, _passed),
            (shown.held is not None and shown.held.total, _held),
            (shown.expired, _expired),
            (shown.undecided, _undecided),
            (shown.to_decide, _to_decide),
        )
        if is_there
    ]
    if not kinds and shown.held is not None:
        return held_card(shown.held, for_author=True)  # what became of it
    if not kinds:
        return NOTHING, [section(f":white_check_mark: {NOTHING}")]
    parts = [draw(shown, FULL // len(kinds)) for draw in kinds]
    return " ".join(text for text, _ in parts), [block for _, part in parts for block in part]


def _mentions(pressing: PressingMentions, now: datetime, user_id: str, room: int) -> Part:
    late, soon = _negative(pressing.late, "overdue"), _negative(pressing.soon, "due soon")
    head = " ".join(said for said in (late, soon) if said)
    items = [_mention(one, now, user_id) for one in pressing.shown]
    total = pressing.late + pressing.soon
    return head, _some(f":alarm_clock: *{head}*", items, total, room, " in `/social mentions`.")


def _negative(number: int, how: str) -> str:
    if not number:
        return ""
    return (
        f"1 negative mention is {how}." if number == 1 else f"{number} negative mentions are {how}."
    )


def _mention(shown: MentionOverview, now: datetime, user_id: str) -> list[Block]:
    mention = shown.mention
    newest = shown.later[-1] if shown.later else mention
    is_nobodys = mention.owner_id is None and mention.route is None
    parts = [
        heading(shown),
        "Nobody has it yet." if is_nobodys else "",
        quoted(newest.text, SHOWN_TEXT, newest.url),
        last_reply(shown),
        *clocks(mention, now),
    ]
    options = menu_options(mention, by=user_id)
    return [
        section("\n".join(part for part in parts if part)),
        actions(*answer_buttons(shown), menu(Act.MENTION_MENU, options)),
    ]


def _held(shown: Inbox, room: int) -> Part:
    assert shown.held is not None
    if room == FULL:  # it is alone
        return held_card(shown.held, for_author=True)
    newest = replace(shown.held, done=shown.held.done[-MOST_DONE:])
    return held_card(newest, for_author=True, room=room, most=MOST_HELD)


def _passed(shown: Inbox, room: int) -> Part:
    head = _one_or(shown.passed, "The time of {} passed undecided; nothing was published.")
    return head, _posts(f":hourglass: *{head}*", shown.passed, MOST_OWN, _own, room)


def _undecided(shown: Inbox, room: int) -> Part:
    head = _one_or(shown.undecided, "Nobody has decided yet on {}, due soon.")
    return head, _posts(f":warning: *{head}*", shown.undecided, MOST_OWN, _own, room)


def _one_or(lines: Sequence[WaitingLine], text: str) -> str:
    return text.format("your post" if len(lines) == 1 else f"{len(lines)} of your posts")


def _expired(shown: Inbox, room: int) -> Part:
    said: list[str] = []
    blocks: list[Block] = []
    for choice in shown.expired[:MOST_EXPIRED]:
        text, part = expired_account(choice)
        if said and cost([*blocks, *part]) > room:
            break
        said.append(text)
        blocks += part
    more = len(shown.expired) - len(said)
    if more:
        blocks.append(context(f"… and {more} more: `/social connect`."))
    return " ".join(said), blocks


def _to_decide(shown: Inbox, room: int) -> Part:
    number = len(shown.to_decide)
    head = (
        "1 post that is due soon waits for your approval."
        if number == 1
        else f"{number} posts that are due soon wait for your approval."
    )
    blocks = _posts(f":eyes: *{head}*", shown.to_decide, MOST_TO_DECIDE, _others, room - 200)
    return head, [*blocks, actions(review_button(shown.waiting))]


def _own(one: WaitingLine) -> list[Block]:
    """One's own post can be given its next free time."""
    opens = button("Open", Act.OPEN_POST, one.post.id)
    return [section(line(one, with_author=False)), actions(next_free(one.post), opens)]


def _others(one: WaitingLine) -> list[Block]:
    return [section(line(one), accessory=button("Open", Act.OPEN_POST, one.post.id))]


def _posts(
    head: str,
    lines: Sequence[WaitingLine],
    most: int,
    item_of: Callable[[WaitingLine], list[Block]],
    room: int,
) -> list[Block]:
    """A kind of posts: what it is, and the first ones of them."""
    return _some(head, [item_of(one) for one in lines[:most]], len(lines), room)


def _some(
    head: str, items: Sequence[list[Block]], total: int, room: int, where: str = "."
) -> list[Block]:
    """What it is, as many of the items as there is room for, and how many more there are."""
    blocks: list[Block] = [section(head)]
    shown = 0
    room -= cost(blocks)
    for item in items:
        room -= cost(item)
        if room < 0:
            break
        blocks += item
        shown += 1
    more = total - shown
    return [*blocks, *([context(f"… and {more} more{where}")] if more else [])]
