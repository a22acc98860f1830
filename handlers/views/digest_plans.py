"""What posts itself in a channel: what was understood, the list and its menus, what was stopped."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from bot import times
from bot.digest_plans import Planned, name
from handlers.ids import Act
from handlers.views.blocks import Block, context, divider, menu, option, section


def plan_blocks(planned: Sequence[Planned]) -> list[Block]:
    """What posts itself in the channel, each with its menu; or how to have it do so."""
    if not planned:
        return [
            context(
                "Have it come by itself: `/social digest daily 9:00` or "
                "`/social digest weekly Monday 9:00`"
            )
        ]
    return [
        section(
            f"Comes here {name(one.plan)}\nNext: {_next(one)}",
            accessory=menu(Act.DIGEST_MENU, [option("Stop this digest", one.plan.id)]),
        )
        for one in planned
    ]


def planned_message(
    made: Planned, all_planned: Sequence[Planned], *, replaced: bool, shared: bool
) -> tuple[str, list[Block]]:
    """What was understood, in full, and everything that posts itself in the channel."""
    about = "the day before" if made.plan.weekday is None else "the seven days before"
    instead = " It takes the place of the one before." if replaced else ""
    text = (
        f":white_check_mark: A digest of {about} comes here {name(made.plan)}, in your time zone. "
        f"The first: *{_next(made)}*.{instead}"
    )
    blocks = [section(text)]
    if shared:
        blocks.append(
            context(":warning: This channel is shared with another organisation: they will see it.")
        )
    others = [one for one in all_planned if one.plan.id != made.plan.id]
    if others:
        blocks += [divider(), *plan_blocks(others)]
    stop = option("Stop this digest", made.plan.id)
    blocks[0]["accessory"] = menu(Act.DIGEST_MENU, [stop])
    return text, blocks


def stopped_text(stopped: Sequence[str], *, left: int) -> str:
    """What doesn't come any more. ``stopped`` are names of plans."""
    if not stopped:
        return "No digest comes to this channel by itself, so there is nothing to stop."
    rest = "" if not left else " The other one goes on."
    return f":octagonal_sign: Stopped: no digest {' and '.join(stopped)} here any more.{rest}"


def _next(one: Planned) -> str:
    return times.spoken(one.next_due, ZoneInfo(one.plan.zone))
