"""What is coming, and the form of the posting times."""

from collections.abc import Mapping, Sequence

from bot.accounts import AccountChoice
from bot.scheduling import QUEUE_LENGTH, QueueItem
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    Block,
    actions,
    button,
    checkboxes,
    context,
    field,
    header,
    menu,
    modal,
    option,
    section,
    select,
    text_input,
)
from storage.records import PostState, Slot

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
STATE = {
    PostState.IN_REVIEW: ":eyes: waiting for approval",
    PostState.SCHEDULED: ":white_check_mark: approved",
    PostState.PUBLISHING: ":outbox_tray: going out",
}


def queue_blocks(items: Sequence[QueueItem], labels: Mapping[str, str], total: int) -> list[Block]:
    """The coming posts, soonest first."""
    if not items:
        return [
            section("Nothing is coming. Write the next post:"),
            actions(button("Write a post", Act.OPEN_DRAFT, style="primary")),
        ]
    blocks = [header("What is coming")]
    blocks += [_item(item, labels) for item in items[:QUEUE_LENGTH]]
    if total > len(items):
        blocks.append(context(f"… and {total - len(items)} later ones."))
    return blocks


def _item(item: QueueItem, labels: Mapping[str, str]) -> Block:
    post = item.post
    when = date(post.due_at) if post.due_at else "As soon as it's approved"
    names = ", ".join(labels[account.id] for account in item.accounts)
    texts = item.revision.content.texts
    text = item.revision.base_text.strip() or next(iter(texts.values()), "")
    excerpt = shorten(escape(" ".join(text.split())), 120) or "_only pictures_"
    line = f"*{when}* · {STATE[post.state]} · <@{post.author_id}>\n{escape(names)}\n>{excerpt}"
    if post.state is PostState.PUBLISHING:
        return section(line)
    options = [
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
    metadata: str,
) -> Block:
    """The posting times of one account; fields carry its id so that switching shows its own."""
    account_id = chosen.account.id
    days = [str(day) for day in sorted({slot.weekday for slot in slots})]
    minutes = sorted({slot.minute for slot in slots})
    clocks = ", ".join(f"{minute // 60}:{minute % 60:02}" for minute in minutes)
    return modal(
        Form.SLOTS,
        "Posting times",
        [
            section(
                "*Next free time* is the next of these that no other post of the account holds."
            ),
            field(
                "account",
                "Account",
                select(
                    Act.SLOTS_ACCOUNT,
                    [option(choice.label, choice.account.id) for choice in choices[:100]],
                    initial=account_id,
                ),
                acts=True,
            ),
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
