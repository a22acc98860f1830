"""What is coming, and the form of the posting times."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.accounts import AccountChoice
from bot.posts import text_of
from bot.scheduling import QueueItem
from bot.waiting import is_past
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    MESSAGE_LIMIT,
    Block,
    actions,
    button,
    checkboxes,
    context,
    cost,
    field,
    header,
    menu,
    modal,
    option,
    section,
    select,
    text_input,
)
from handlers.views.texts import excerpt, units
from storage.records import PostState, Slot

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ROOM = MESSAGE_LIMIT - 500
MENU_SIZE = 180  # of an item's block and menu, at most
HELD = ":double_vertical_bar: held"
PAST = ":hourglass: its time passed undecided"
STATE = {
    PostState.IN_REVIEW: ":eyes: waiting for approval",
    PostState.SCHEDULED: ":white_check_mark: approved",
    PostState.PUBLISHING: ":outbox_tray: going out",
    PostState.PUBLISHED: ":tada: published",
    PostState.PARTLY_PUBLISHED: ":warning: published in part",
    PostState.FAILED: ":x: not published",
    PostState.CANCELLED: ":heavy_multiplication_x: cancelled",
}


def queue_blocks(
    items: Sequence[QueueItem],
    labels: Mapping[str, str],
    total: int,
    *,
    lately: Sequence[QueueItem] = (),
    now: datetime,
    paused: Sequence[Block] = (),
    note: str = "",
) -> list[Block]:
    """The coming posts, soonest first, and below them those that went out.

    :param paused: what says that publishing is paused, on top.
    :param note: what was just done.
    """
    noted = [*paused, *([context(note)] if note else [])]
    if not items:
        return [
            *noted,
            section("Nothing is coming. Write the next post:"),
            actions(button("Write a post", Act.OPEN_DRAFT, style="primary")),
            *_lately(lately, labels, now),
        ]
    below = _lately(lately, labels, now)
    blocks: list[Block] = []
    room = ROOM - cost([*noted, *below])
    for item in items:
        block = _item(item, labels, now)
        room -= units(block["text"]["text"]) + MENU_SIZE
        if room < 0:
            break
        blocks.append(block)
    if total > len(blocks):
        blocks.append(context(f"… and {total - len(blocks)} later."))
    return [*noted, header("What is coming"), *blocks, *below]


def _lately(items: Sequence[QueueItem], labels: Mapping[str, str], now: datetime) -> list[Block]:
    """What went out or was cancelled in the last days: the way to what has no card of its own."""
    blocks = [_item(item, labels, now) for item in items]
    return [header("Lately"), *blocks] if blocks else []


def _item(item: QueueItem, labels: Mapping[str, str], now: datetime) -> Block:
    post = item.post
    when = date(post.due_at) if post.due_at else "As soon as it's approved"
    names = shorten(escape(", ".join(labels[account.id] for account in item.accounts)), 200)
    said = excerpt(text_of(item.revision), 120) or "_only pictures_"
    state = HELD if item.held else PAST if is_past(post, now) else STATE[post.state]
    campaign = f" · {escape(item.campaign)}" if item.campaign else ""
    line = f"*{when}* · {state} · <@{post.author_id}>{campaign}\n{names}\n>{said}"
    if post.state not in (PostState.IN_REVIEW, PostState.SCHEDULED):
        return section(line, accessory=button("Open", Act.OPEN_POST, post.id))
    options = [
        option("Open", pack(do="open", post=post.id)),
        option("Edit", pack(do="edit", post=post.id)),
        option("Reschedule", pack(do="reschedule", post=post.id)),
        option("Cancel this post", pack(do="cancel", post=post.id)),
    ]
    return section(line, accessory=menu(Act.QUEUE_MENU, options))


def slots_form(
    choices: Sequence[AccountChoice],
    chosen: AccountChoice,
    slots: Sequence[Slot],
    *,
    zone: str,
    may_change: bool,
    metadata: str,
) -> Block:
    """The posting times of one account; fields carry its id so that switching shows its own."""
    account_id = chosen.account.id
    days = [str(day) for day in sorted({slot.weekday for slot in slots})]
    minutes = sorted({slot.minute for slot in slots})
    clocks = ", ".join(f"{minute // 60}:{minute % 60:02}" for minute in minutes)
    accounts = select(
        Act.SLOTS_ACCOUNT,
        [option(choice.label, choice.account.id) for choice in choices[:100]],
        initial=account_id,
    )
    what = section("*Next free time* is the next of these that no other post of the account holds.")
    if not may_change:
        named = ", ".join(WEEKDAYS[int(day)] for day in days)
        return modal(
            Form.SLOTS,
            "Posting times",
            [
                what,
                section("*Account*", accessory=accounts),
                section(f"{named}: {clocks} ({zone})"),
                context("An admin can change them here."),
            ],
            close="Close",
            metadata=metadata,
        )
    return modal(
        Form.SLOTS,
        "Posting times",
        [
            what,
            field("account", "Account", accounts, acts=True),
            field(
                f"days:{account_id}",
                "Days",
                checkboxes(
                    Act.SLOTS_DAYS,
                    [option(name, str(number)) for number, name in enumerate(WEEKDAYS)],
                    days,
                ),
            ),
            field(
                f"times:{account_id}",
                "Times",
                text_input(Act.SLOTS_TIMES, initial=clocks, placeholder="9:00, 12:00, 16:00"),
                hint=f"Separated by commas, in the workspace's time zone, {zone}.",
            ),
        ],
        submit="Save",
        metadata=metadata,
    )
