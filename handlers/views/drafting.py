"""The draft form and its second step."""

from collections.abc import Sequence
from enum import Enum

from bot.composing import MOST_POSTS, Count
from bot.drafting import LONGEST_CAMPAIGN, FormStart, Preview
from bot.media import MAX_PICTURES
from handlers.draft_fields import (
    IN_WORDS,
    INPUT_LIMIT,
    NEW_CAMPAIGN,
    NO_CAMPAIGN,
    DraftFields,
    inputs_for,
)
from handlers.ids import Act, Form
from handlers.slack_text import escape, shorten
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
from handlers.views.post_times import asked_time, confirming, goes_out
from handlers.views.texts import excerpt, joined
from storage.records import When

KEEP_TYPING = ("on_character_entered",)  # how what is typed is kept before it is submitted
MOST_CHECKBOXES = 10
MOST_CAMPAIGNS = 98  # of a select's 100 options
IN_CONTEXT = 2800
MOST_CONTEXTS = 10
BEGINNING = 60
THREAD_HINT = (
    "For a thread, put a line of three hyphens (---) between its posts. "
    "Pictures go with the first one."
)

WHEN_OPTIONS = (
    option("Next free time", When.NEXT_FREE.value),
    option("As soon as it's approved", When.NOW.value),
    option("A date and time", When.AT.value),
    option("In words", IN_WORDS),
)
WHEN_OPTIONS_ALONE = (WHEN_OPTIONS[0], option("Now", When.NOW.value), *WHEN_OPTIONS[2:])


class Banner(Enum):
    """What the form says of its content: the sentence, and a button to begin without it."""

    DRAFT_IS_BACK = ("Your draft is back.", "Start anew")
    CHANGES_ARE_BACK = ("Your unfinished changes are back.", "Show the post")
    OLD_CHANGES_ARE_BACK = (
        "Your unfinished changes are back, but the post was changed after them: "
        "what you submit replaces that.",
        "Show the post",
    )
    VOIDS = ("This post was approved. Changed, it has to be approved again.", "")


def draft_view(
    start: FormStart,
    fields: DraftFields,
    *,
    metadata: str,
    preview: Preview,
    banner: Banner | None = None,
    said: Sequence[Block] = (),
    ask: bool = False,
    problem: str | None = None,
) -> Block:
    """The form.

    :param said: what was asked for and said about the post.
    :param preview: shows counts, the time that was understood, and what is wrong.
    :param ask: the time that was understood has to be confirmed by submitting once more.
    """
    zone = start.admitted.member.zone
    blocks: list[Block] = []
    if problem is not None:
        blocks.append(section(f":warning: {problem}", block_id="problem"))
    if ask:
        blocks.append(asked_time(_time_line(preview, zone), preview.due_at, zone))
    if banner is not None:
        sentence, label = banner.value
        anew = button(label, Act.DRAFT_ANEW) if label else None
        blocks.append(section(sentence, accessory=anew, block_id="banner"))
    blocks += said
    blocks += _text_fields(fields.text)
    blocks.append(_accounts_field(start, fields))
    blocks.append(_counts(preview))
    blocks.append(
        field(
            "link",
            "Link",
            {
                "type": "url_text_input",
                "action_id": Act.DRAFT_LINK,
                "dispatch_action_config": {"trigger_actions_on": list(KEEP_TYPING)},
                **({"initial_value": fields.link} if fields.link else {}),
            },
            hint="Goes to the end of the text.",
            optional=True,
            acts=True,
        )
    )
    blocks += _picture_fields(fields)
    blocks += _when_fields(fields, zone, preview)
    blocks += _campaign_fields(start, fields)
    what = "text and descriptions" if fields.pictures else "text"
    blocks.append(
        field(
            "tailor",
            "Per network",
            checkboxes(
                Act.DRAFT_TAILOR,
                [option(f"Tailor the {what} for each network in the next step", "yes")],
                ["yes"] if fields.tailor else [],
            ),
            optional=True,
            acts=True,
        )
    )
    blocks.append(actions(button("Check", Act.DRAFT_CHECK), block_id="check"))
    return modal(
        Form.DRAFT,
        "Write a post",
        blocks,
        submit=confirming(preview.due_at, zone) if ask else _next_label(preview, fields),
        metadata=metadata,
        notify_on_close=True,
    )


def _next_label(preview: Preview, fields: DraftFields) -> str:
    return "Next" if fields.tailor else submit_label(preview)


def submit_label(preview: Preview) -> str:
    return "Ask for approval" if preview.needs_approval else "Schedule"


def _text_fields(text: str) -> list[Block]:
    pieces = inputs_for("text", text)
    return [
        _text_field(
            name,
            "Text, continued" if position else "Text",
            piece,
            Act.DRAFT_TEXT,
            hint=THREAD_HINT if position == len(pieces) - 1 else "",
        )
        for position, (name, piece) in enumerate(pieces)
    ]


def _text_field(name: str, label: str, text: str, act: Act, *, hint: str = "") -> Block:
    return field(
        name,
        label,
        text_input(
            act,
            initial=text,
            multiline=True,
            max_length=INPUT_LIMIT,
            placeholder="What do you want to say?",
            acts_on=KEEP_TYPING,
        ),
        hint=hint,
        optional=True,
        acts=True,
    )


def _accounts_field(start: FormStart, fields: DraftFields) -> Block:
    options = [option(choice.label, choice.account.id) for choice in start.choices[:100]]
    make = checkboxes if len(options) <= MOST_CHECKBOXES else multi_select
    return field(
        "accounts",
        "Accounts",
        make(Act.DRAFT_ACCOUNTS, options, fields.accounts),
        acts=True,
    )


def _counts(preview: Preview) -> Block:
    if not preview.counts:
        return context("_Choose accounts to see how much text fits._") | {"block_id": "counts"}
    lines = [f"*{escape(count.choice.label)}* {counted(count)}" for count in preview.counts]
    shown = joined(lines, IN_CONTEXT)[:MOST_CONTEXTS]
    return context(*shown) | {"block_id": "counts"}


def counted(count: Count) -> str:
    """How much of an account's limit is used, by each post of a thread, and what is wrong."""
    used = f"{', '.join(map(str, count.used))} / {count.limit}"
    if len(count.used) > 1:
        used = f"thread of {len(count.used)}: {used}"
    return f"{used} :warning: {escape(' '.join(count.problems))}" if count.problems else used


def _picture_fields(fields: DraftFields) -> list[Block]:
    shown = []
    if fields.pictures:
        options = [option(picture.name, picture.sha256) for picture in fields.pictures]
        shown.append(
            field(
                "kept",
                "Pictures so far",
                checkboxes(
                    Act.DRAFT_KEPT, options, [picture.sha256 for picture in fields.pictures]
                ),
                optional=True,
            )
        )
    room = MAX_PICTURES - len(fields.pictures)
    if room > 0:
        shown.append(
            field(
                "pictures",
                "Add pictures" if fields.pictures else "Pictures",
                {
                    "type": "file_input",
                    "action_id": Act.DRAFT_PICTURES,
                    "filetypes": ["jpg", "jpeg", "png", "webp", "gif"],
                    "max_files": room,
                },
                hint="You add a description for each (alt text) in the next step.",
                optional=True,
            )
        )
    return shown


def _campaign_fields(start: FormStart, fields: DraftFields) -> list[Block]:
    known = [option(one.name, one.id) for one in start.campaigns[:MOST_CAMPAIGNS]]
    options = [option("No campaign", NO_CAMPAIGN), *known, option("A new one …", NEW_CAMPAIGN)]
    offered = {made["value"] for made in options}
    chosen = fields.campaign if fields.campaign in offered else NO_CAMPAIGN
    shown = [
        field(
            "campaign",
            "Campaign",
            select(Act.DRAFT_CAMPAIGN, options, initial=chosen),
            acts=True,
        )
    ]
    if chosen == NEW_CAMPAIGN:
        shown.append(
            field(
                "new_campaign",
                "Its name",
                text_input(
                    Act.DRAFT_NEW_CAMPAIGN,
                    initial=fields.new_campaign,
                    placeholder="Spring menu",
                    max_length=LONGEST_CAMPAIGN,
                ),
                hint="From then on everybody can choose it.",
            )
        )
    return shown


def _when_fields(fields: DraftFields, zone: str, preview: Preview) -> list[Block]:
    options = WHEN_OPTIONS if preview.needs_approval else WHEN_OPTIONS_ALONE
    shown = [field("when", "When", select(Act.DRAFT_WHEN, options, initial=fields.when), acts=True)]
    if fields.when == When.AT.value:
        shown.append(
            field(
                "at",
                "Date and time",
                {
                    "type": "datetimepicker",
                    "action_id": Act.DRAFT_AT,
                    **({"initial_date_time": fields.at} if fields.at else {}),
                },
                hint=f"In your time zone, {zone}.",
                acts=True,
            )
        )
    if fields.when == IN_WORDS:
        shown.append(
            field(
                "words",
                "Time in words",
                text_input(
                    Act.DRAFT_WORDS,
                    initial=fields.words,
                    placeholder="tomorrow 9:30, next Monday 8am, in 2 hours",
                    max_length=100,
                    acts_on=("on_enter_pressed",),
                ),
                hint=f"In your time zone, {zone}. Press Enter to see how it is understood.",
                acts=True,
            )
        )
    line = _time_line(preview, zone)
    if line:
        shown.append(context(line) | {"block_id": "understood"})
    return shown


def _time_line(preview: Preview, zone: str) -> str:
    for name in ("words", "at", "when"):
        if name in preview.problems:
            return f":warning: {escape(preview.problems[name])}"
    if "accounts" in preview.problems and preview.due_at is None:
        return ""  # the next free time depends on them
    if preview.due_at is None:
        by_then = "as soon as it's approved" if preview.needs_approval else "at once"
        return f"Goes out {by_then}."
    return goes_out(preview.due_at, zone)


def tailor_view(
    start: FormStart,
    fields: DraftFields,
    preview: Preview,
    *,
    metadata: str,
    labels: Sequence[tuple[str, str]],
    said: Sequence[Block] = (),
    problem: str | None = None,
) -> Block:
    """The second step: a text per network and alt text per picture.

    :param said: as in the first.
    :param labels: the chosen networks' names and labels.
    """
    zone = start.admitted.member.zone
    blocks: list[Block] = []
    if problem is not None:
        blocks.append(section(f":warning: {problem}", block_id="problem"))
    blocks += said
    if fields.tailor:
        for network, label in labels:
            blocks += _tailored_text(network, label, fields.tailored.get(network, fields.text))
    for picture in fields.pictures:
        blocks.append(
            field(
                f"alt:{picture.sha256}",
                f"What {picture.name[:60]} shows",
                text_input(
                    Act.TAILOR_ALT, initial=picture.alt, max_length=1000, acts_on=KEEP_TYPING
                ),
                hint="Alt text, for people who can't see the picture.",
                optional=True,
                acts=True,
            )
        )
    blocks.append(_counts(preview))
    blocks += _threads(preview.counts)
    blocks.append(context(_time_line(preview, zone)) | {"block_id": "understood"})
    blocks.append(actions(button("Check", Act.TAILOR_CHECK), block_id="check"))
    return modal(
        Form.TAILOR,
        "Tailor the post",
        blocks,
        submit=submit_label(preview),
        metadata=metadata,
        notify_on_close=True,
    )


def _threads(counts: Sequence[Count]) -> list[Block]:
    """Where each thread is cut: its posts' beginnings, once for all accounts with the same."""
    by_posts: dict[tuple[str, ...], list[Count]] = {}
    for count in counts:
        if len(count.posts) > 1:
            by_posts.setdefault(count.posts, []).append(count)
    blocks = []
    for posts, same in list(by_posts.items())[:MOST_CONTEXTS]:
        names = shorten(escape(", ".join(count.choice.label for count in same)), 200)
        lines = [
            f"{number}/{len(posts)}  {excerpt(post, BEGINNING) or '_only pictures_'}"
            for number, post in enumerate(posts[:MOST_POSTS], start=1)
        ]
        blocks.append(context(shorten(f"*{names}*\n" + "\n".join(lines), IN_CONTEXT)))
    return blocks


def _tailored_text(network: str, label: str, text: str) -> list[Block]:
    return [
        _text_field(
            name, f"Text for {label}{', continued' if position else ''}", piece, Act.TAILOR_TEXT
        )
        for position, (name, piece) in enumerate(inputs_for(f"text:{network}", text))
    ]


def left_blocks(draft_id: str) -> list[Block]:
    """After a form was closed with something in it."""
    return [
        section("What you typed is kept as a draft."),
        actions(
            button("Go on writing", Act.CONTINUE_DRAFT, draft_id, style="primary"),
            button("Throw it away", Act.DROP_DRAFT, draft_id),
        ),
    ]
