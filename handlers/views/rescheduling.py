"""The form for a new time."""

from datetime import datetime

from handlers.ids import Act, Form
from handlers.views.blocks import Block, context, field, modal, option, select, text_input
from handlers.views.post_times import asked_time, confirming
from storage.records import When

ASKS_AGAIN = (
    ":warning: This post is approved. Its new time has to be approved too; until then it doesn't "
    "go out."
)


def reschedule_form(
    zone: str,
    due_at: datetime | None,
    when: str,
    words: str,
    *,
    metadata: str,
    understood: str,
    moved_to: datetime | None,
    ask: bool,
    asks_again: bool,
) -> Block:
    """Asks for a new time.

    :param moved_to: how the time is understood.
    :param ask: that has to be confirmed by submitting once more.
    :param asks_again: the post is approved, and somebody has to approve the new time.
    """
    options = [
        option("Next free time", When.NEXT_FREE.value),
        option("A date and time", When.AT.value),
        option("In words", "words"),
    ]
    blocks = [field("when", "When", select(Act.WHEN, options, initial=when), acts=True)]
    if when == When.AT.value:
        initial = {"initial_date_time": int(due_at.timestamp())} if due_at else {}
        blocks.append(
            field(
                "at",
                "Date and time",
                {"type": "datetimepicker", "action_id": Act.AT, **initial},
                hint=f"In your time zone, {zone}.",
                acts=True,
            )
        )
    if when == "words":
        blocks.append(
            field(
                "words",
                "Time in words",
                text_input(
                    Act.WORDS,
                    initial=words,
                    placeholder="tomorrow 9:30, next Monday 8am, in 2 hours",
                    max_length=100,
                    acts_on=("on_enter_pressed",),
                ),
                hint=f"In your time zone, {zone}. Press Enter to see how it is understood.",
                acts=True,
            )
        )
    if asks_again:
        blocks.append(context(ASKS_AGAIN))
    if ask:
        blocks.insert(0, asked_time(understood, moved_to, zone))
    elif understood:
        blocks.append(context(understood) | {"block_id": "understood"})
    return modal(
        Form.RESCHEDULE,
        "Reschedule",
        blocks,
        submit=confirming(moved_to, zone) if ask else "Move it",
        metadata=metadata,
    )
