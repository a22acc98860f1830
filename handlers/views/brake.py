"""The brake: the forms that pull and release it, its card, and what says that it is on."""

from collections.abc import Sequence

from bot.brake import (
    LONGEST_REASON,
    MOST_COUNTED,
    BrakeOverview,
    PauseStart,
    ResumeStart,
    ShownBrake,
)
from bot.held_lists import HeldPost
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
    modal,
    multi_select,
    option,
    section,
    select,
    text_input,
)
from handlers.views.held import Names, held_line, name_of

EVERYWHERE = "everywhere"
OF_CAMPAIGN = "campaign:"
ALL_OF_IT = "Everything, on every account"
LEAVE = "leave"
GOES_ON = ":arrow_forward: Publishing goes on."
MOST_CHECKBOXES = 10
MOST_OPTIONS = 100
MOST_LISTED = 30
MOST_SAID = 5  # brakes; a form names them all
LONGEST_SAID = 200


def brake_line(shown: ShownBrake, names: Names | None = None) -> str:
    """That publishing is paused: where, by whom, since when, why.

    :param names: the team's; without them people are mentioned (where only one person looks).
    """
    brake = shown.brake
    who = f"<@{brake.pulled_by}>" if names is None else name_of(names, brake.pulled_by)
    reason = shorten(escape(brake.reason), LONGEST_SAID)
    return (
        f"Publishing is paused {_where(shown)} by {who} since {date(brake.pulled_at)}: “{reason}”"
    )


def _where(shown: ShownBrake) -> str:
    if shown.campaign is not None:
        return f"for the campaign {escape(shown.campaign)}"
    return "everywhere" if shown.label is None else f"on {escape(shown.label)}"


def brake_blocks(standing: Sequence[ShownBrake], *, may_release: bool = False) -> list[Block]:
    """On top of what people look at while a brake is on; nothing while none is."""
    if not standing:
        return []
    lines = [f":no_entry: *{brake_line(one)}*" for one in standing[:MOST_SAID]]
    if len(standing) > MOST_SAID:
        lines.append(f"… and {len(standing) - MOST_SAID} more.")
    elements = [button("What is held", Act.OPEN_HELD)]
    if may_release:
        elements.insert(0, button("Resume publishing", Act.OPEN_RESUME, style="primary"))
    return [section("\n".join(lines)), actions(*elements)]


def paused(shown: ShownBrake) -> str:
    """To who pulled it."""
    return (
        f":no_entry: Publishing is paused {_where(shown)}. What comes due is held, and "
        "nothing is lost. The approvals channel is told. An approver or admin resumes it with "
        "`/social resume`."
    )


def pause_form(start: PauseStart, reason: str = "") -> Block:
    """Asks what to pause and why."""
    blocks: list[Block] = [
        section(f":no_entry: {brake_line(one)}") for one in start.standing[:MOST_SAID]
    ]
    taken = {one.brake.account_id or one.brake.campaign_id for one in start.standing}
    options = [] if None in taken else [option(ALL_OF_IT, EVERYWHERE)]
    options += [
        option(f"Only {choice.label}", choice.account.id)
        for choice in start.choices
        if choice.account.id not in taken
    ]
    options += [
        option(f"Only the campaign {campaign.name}", f"{OF_CAMPAIGN}{campaign.id}")
        for campaign in start.campaigns
        if campaign.id not in taken
    ]
    options = options[:MOST_OPTIONS]
    if not options:
        return modal(Form.MESSAGE, "Publishing is paused", blocks, close="Close")
    blocks += [
        field(
            "where",
            "What",
            select(Act.PAUSE_WHERE, options, initial=options[0]["value"]),
        ),
        field(
            "reason",
            "Why",
            text_input(
                Act.PAUSE_REASON,
                initial=reason,
                placeholder="A product recall; wait for the statement",
                max_length=LONGEST_REASON,
            ),
            hint="Everybody sees it.",
        ),
        context(
            "What comes due is held until an approver or admin resumes publishing. What is being "
            "sent this second can't be called back."
        ),
    ]
    return modal(Form.PAUSE, "Pause publishing", blocks, submit="Pause publishing")


def resume_form(start: ResumeStart, held: Sequence[HeldPost]) -> Block:
    """Shows what was held, and asks what becomes of it.

    :param held: the first of ``start.held``.
    """
    ids = [one.brake.id for one in start.standing]
    blocks = [section(f":no_entry: {brake_line(one)}") for one in start.standing[:MOST_SAID]]
    if len(ids) > 1:
        blocks.append(_which(start.standing))
    blocks += _held(start, held)
    blocks.append(context(_coming(start.coming)))
    return modal(
        Form.RESUME,
        "Resume publishing",
        blocks,
        submit="Resume publishing",
        metadata=pack(brake=ids[0] if len(ids) == 1 else None),
    )


def not_paused(held: int) -> tuple[str, list[Block]]:
    """In the place of the form: no brake is on."""
    text = "Publishing isn't paused."
    if not held:
        return text, [section(text)]
    what = "1 post is still held." if held == 1 else f"{held} posts are still held."
    return text, [section(f"{text} {what}"), actions(button("What is held", Act.OPEN_HELD))]


def _which(standing: Sequence[ShownBrake]) -> Block:
    options = [option(_which_one(one), one.brake.id) for one in standing[:MOST_OPTIONS]]
    chosen = [made["value"] for made in options]
    build = checkboxes if len(options) <= MOST_CHECKBOXES else multi_select
    return field("brakes", "Resume", build(Act.RESUME_BRAKES, options, chosen))


def _which_one(shown: ShownBrake) -> str:
    if shown.campaign is not None:
        return f"Only the campaign {shown.campaign}"
    return ALL_OF_IT if shown.label is None else f"Only {shown.label}"


def _held(start: ResumeStart, held: Sequence[HeldPost]) -> list[Block]:
    if not start.held:
        return [section("Nothing came due meanwhile.")]
    total = len(start.held)
    what = "1 post" if total == 1 else f"{total} posts"
    blocks = [section(f"*{what} came due meanwhile:*")]
    blocks += [
        section(f"{held_line(one)}\nby <@{one.post.author_id}>") for one in held[:MOST_LISTED]
    ]
    if total > len(blocks) - 1:
        blocks.append(context(f"… and {total - len(blocks) + 1} more."))
    options = [
        option("Leave held: I say it for each one", LEAVE),
        option("Publish all of it now", "now"),
        option("Each at its next free time", "next_free"),
    ]
    hint = "What you wrote yourself waits for somebody else who may approve."
    radio: Block = {
        "type": "radio_buttons",
        "action_id": Act.RESUME_HELD,
        "options": options,
        "initial_option": options[0],
    }
    return [*blocks, field("held", "What becomes of it", radio, hint=hint)]


def _coming(number: int) -> str:
    if number > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} posts that aren't due yet go out at their times."
    if number == 0:
        return "Nothing else is scheduled."
    what = (
        "1 post that isn't due yet goes"
        if number == 1
        else f"{number} posts that aren't due yet go"
    )
    return f"{what} out as planned."


def brake_card(shown: BrakeOverview) -> tuple[str, list[Block]]:
    """In the approvals channel: that publishing is paused; or the record of it."""
    brake = shown.shown.brake
    where, reason = _where(shown.shown), shorten(escape(brake.reason), LONGEST_REASON * 2)
    who = name_of(shown.names, brake.pulled_by)
    if brake.released_by is None or brake.released_at is None:
        text = f"Publishing is paused {where}."
        return text, [
            section(
                f":no_entry: *{text}*\n{who}, {date(brake.pulled_at)}\n>{reason}\n"
                "What comes due is held, and its author is told. Approvers and admins can resume."
            ),
            actions(
                button("Resume publishing", Act.OPEN_RESUME, style="primary"),
                button("What is held", Act.OPEN_HELD),
            ),
        ]
    text = f"Publishing goes on {where}."
    by = name_of(shown.names, brake.released_by)
    return text, [
        section(
            f":arrow_forward: *{text}*\n{by} resumed it {date(brake.released_at)}. "
            f"{_was_held(shown)}"
        ),
        context(f"{who} had paused it {date(brake.pulled_at)}: “{reason}”"),
    ]


def _was_held(shown: BrakeOverview) -> str:
    counts = [entry.detail for entry in shown.history if entry.action == "released"]
    number = int(counts[-1]) if counts else 0
    if number == 0:
        return "Nothing was held meanwhile."
    return "1 post was held meanwhile." if number == 1 else f"{number} posts were held meanwhile."
