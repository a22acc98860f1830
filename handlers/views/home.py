"""App Home: what is one person's to do. At most 100 blocks, whatever the amount."""

from collections.abc import Callable, Sequence

from bot.home import Home, PostLine
from bot.posts import text_of
from bot.reviews import DEFAULT_MINUTE, list_minute
from bot.setup import Standing
from bot.team import Action
from handlers.ids import Act
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    Block,
    actions,
    button,
    confirm,
    context,
    divider,
    header,
    section,
    time_picker,
)
from handlers.views.brake import brake_blocks
from handlers.views.connect import line as account_line
from handlers.views.reviews import review_button
from handlers.views.setup import named, not_set_up
from handlers.views.texts import excerpt
from handlers.views.urgent import urgent_blocks
from storage.records import AccountState, Draft, Notice, Post, PostState

MOST_TO_DECIDE = 8
MOST_TO_ANSWER = 5
MOST_TO_MEND = 5
MOST_DRAFTS = 5
MOST_ACCOUNTS = 8
EXCERPT = 140

Link = Callable[[Notice], str | None]


def home(shown: Home, link: Link) -> Block:
    """A person's Home.

    :param link: where a card is, for a person's browser; None if it isn't posted yet.
    """
    if not shown.may_somewhere(Action.LOOK):
        return home_of_numbers()
    blocks = [
        *brake_blocks(shown.brakes, may_release=shown.may(Action.RELEASE)),
        _ways_in(shown),
        *urgent_blocks(shown.urgent),
        *_held(shown),
        *_to_decide(shown, link),
        *_to_answer(shown, link),
        *_to_mend(shown, link),
        *_drafts(shown.drafts),
        *_coming(shown, link),
        *_accounts(shown),
        *_for_admins(shown),
    ]
    return {"type": "home", "blocks": blocks}


def home_of_numbers() -> Block:
    """For who sees numbers and nothing else."""
    return {
        "type": "home",
        "blocks": [
            section("How your posts and accounts are doing, and what people say about you:"),
            actions(button("The numbers", Act.OPEN_DIGEST, style="primary")),
        ],
    }


def home_before(standing: Standing) -> Block:
    """Before the set-up: what is missing and who can finish it."""
    _, blocks = not_set_up(standing)
    return {"type": "home", "blocks": [header("Welcome to Socialdesk"), *_WHAT_IT_IS, *blocks]}


def home_without_role(standing: Standing, *, is_guest: bool = False) -> Block:
    """For who has no role here: who can give one; where no admin is left, the way to be one."""
    if is_guest:
        last = [
            section(
                "Guests have no desk here. An admin can make you a client of a campaign: then you "
                "decide on its posts where you see their cards."
            )
        ]
    elif standing.may_set_up:
        last = [
            section("You have no role here yet, and Socialdesk has no admin any more."),
            actions(button("Set up Socialdesk", Act.OPEN_SETUP, style="primary")),
        ]
    else:
        who = named(standing.finishers) or "An owner or admin of this Slack workspace"
        last = [section(f"You have no role here yet. {who} can give you one with `/social team`.")]
    return {"type": "home", "blocks": [header("Welcome to Socialdesk"), *_WHAT_IT_IS, *last]}


_WHAT_IT_IS = (
    section(
        "Run your team's social media from Slack: draft a post, have it approved, and it goes out "
        "on time on every network. What people say about you comes back here."
    ),
)


def _ways_in(shown: Home) -> Block:
    elements = [button("What is coming", Act.OPEN_QUEUE)]
    if shown.may(Action.LOOK):  # in more than some campaigns
        elements.append(button("Mentions", Act.OPEN_MENTIONS))
    if shown.may(Action.NUMBERS):
        elements.append(button("The numbers", Act.OPEN_DIGEST))
    if shown.may_somewhere(Action.DRAFT):
        elements.insert(0, button("Write a post", Act.OPEN_DRAFT, style="primary"))
    if shown.may(Action.BRAKE) and not any(one.is_everywhere for one in shown.brakes):
        elements.append(button("Pause publishing", Act.OPEN_PAUSE))
    return actions(*elements)


def _held(shown: Home) -> list[Block]:
    if not shown.held:
        return []
    what = "1 of your posts is" if shown.held == 1 else f"{shown.held} of your posts are"
    text = f":double_vertical_bar: *{what} held*: say what becomes of it."
    return [section(text, accessory=button("See", Act.OPEN_HELD, "mine", label="See what is held"))]


def _to_decide(shown: Home, link: Link) -> list[Block]:
    if not shown.to_decide:
        if shown.may_somewhere(Action.DECIDE):
            nothing = ":white_check_mark: Nothing waits for your approval."
            return [context(nothing), *_list_time(shown)]
        return []
    number = len(shown.to_decide)
    blocks = [
        header(_counted("Waiting for your approval", number)),
        actions(review_button(number)),
    ]
    for waiting in shown.to_decide[:MOST_TO_DECIDE]:
        text = f"{_head(waiting)} · by <@{waiting.post.author_id}>\n{_excerpt(waiting)}"
        blocks.append(section(text, accessory=_open(waiting.post, waiting.card, link)))
    return blocks + _more(number, MOST_TO_DECIDE, "in *Review*") + _list_time(shown)


def _list_time(shown: Home) -> list[Block]:
    """When the daily list comes, for who gets one."""
    minute = list_minute(shown.admitted.member)
    if minute is None:
        text = "You get no list of what waits for your approval."
        daily = button("Send me one at 9:00", Act.REVIEW_DAILY, str(DEFAULT_MINUTE))
        return [section(text, accessory=daily)]
    zone = escape(shown.admitted.member.zone)
    text = f"Your list of what waits comes once a day at (in your time zone, {zone}):"
    picker = time_picker(Act.REVIEW_TIME, minute)
    return [section(text), actions(picker, button("Send me none", Act.REVIEW_NEVER))]


def _to_answer(shown: Home, link: Link) -> list[Block]:
    if not shown.to_answer:
        if shown.may(Action.RESPOND):
            return [context(":white_check_mark: No mention waits for your answer.")]
        return []
    blocks = [header(_counted("Mentions to answer", len(shown.to_answer)))]
    for line in shown.to_answer[:MOST_TO_ANSWER]:
        mention = line.mention
        whose = " · yours" if mention.owner_id else ""
        due = (
            f"answer by {date(mention.answer_due_at)}"
            if mention.answered_at is None
            else f"solve by {date(mention.solve_due_at)}"
        )
        text = escape(shorten(" ".join(mention.text.split()), EXCERPT))
        blocks.append(
            section(
                f"*{escape(mention.author)}*{whose} · {due}\n>{text}",
                accessory=_link(line.card, link),
            )
        )
    return blocks + _more(len(shown.to_answer), MOST_TO_ANSWER, "in `/social mentions`")


def _to_mend(shown: Home, link: Link) -> list[Block]:
    if not shown.to_mend:
        return []
    blocks = [header(_counted("Yours to mend", len(shown.to_mend)))]
    for task in shown.to_mend[:MOST_TO_MEND]:
        blocks.append(
            section(
                f"{_trouble(task)}\n{_excerpt(task)}", accessory=_open(task.post, task.card, link)
            )
        )
        ids = pack(post=task.post.id, revision=task.revision.id)
        if task.post.state is PostState.CHANGES_REQUESTED:
            blocks.append(actions(button("Edit it", Act.EDIT_POST, ids, style="primary")))
        elif task.post.state is not PostState.PUBLISHING:
            again = button("Try again", Act.RETRY, ids, style="primary")
            may_edit = not task.is_out and task.post.mention_id is None
            edit = [button("Edit it", Act.EDIT_POST, ids)] if may_edit else []
            blocks.append(actions(again, *edit))
    return blocks + _more(len(shown.to_mend), MOST_TO_MEND, "in your messages from Socialdesk")


def _trouble(task: PostLine) -> str:
    why = escape(shorten(" ".join(task.why.split()), 300))
    if task.post.state is PostState.CHANGES_REQUESTED:
        return f":pencil2: *<@{task.by}> asks for changes:* “{why}”"
    where = escape(", ".join(task.labels))
    if task.post.state is PostState.PUBLISHING:
        return (
            f":grey_question: *Is it out?* ({where}) A network gave no clear answer. Look there, "
            "and say so in the message from Socialdesk."
        )
    what = "didn't go out everywhere" if task.is_out else "didn't go out"
    return f":x: *It {what}* ({where}). {why}"


def _drafts(drafts: Sequence[Draft]) -> list[Block]:
    if not drafts:
        return []
    blocks = [header(_counted("Your drafts", len(drafts)))]
    for draft in drafts[:MOST_DRAFTS]:
        text = excerpt(str(draft.fields.get("text", "")), EXCERPT)
        what = "A change of a post" if draft.post_id else "A new post"
        kept = f"{what}, kept {date(draft.updated_at)}"
        blocks.append(section(f"{text or '_no text yet_'}\n{kept}"))
        blocks.append(
            actions(
                button("Continue", Act.CONTINUE_DRAFT, draft.id),
                button(
                    "Throw away",
                    Act.DROP_DRAFT,
                    draft.id,
                    confirm=confirm(
                        "Throw it away?",
                        "What was typed into this form is lost.",
                        "Throw away",
                        "Keep it",
                        danger=True,
                    ),
                ),
            )
        )
    return blocks + _more(len(drafts), MOST_DRAFTS, "which come up when these are done")


def _coming(shown: Home, link: Link) -> list[Block]:
    """What goes out next; what waits for this person's approval stands above already."""
    if not shown.coming and shown.to_decide:
        return []
    blocks = [header("What goes out next")]
    if not shown.coming:
        return [*blocks, section("Nothing is scheduled.")]
    for coming in shown.coming:
        state = " · waits for approval" if coming.post.state is PostState.IN_REVIEW else ""
        state = " · held" if coming.held else state
        text = f"{_head(coming)}{state}\n{_excerpt(coming)}"
        blocks.append(section(text, accessory=_open(coming.post, coming.card, link)))
    more = shown.coming_total - len(shown.coming)
    return blocks + ([context(f"… and {more} more: *What is coming*.")] if more > 0 else [])


def _accounts(shown: Home) -> list[Block]:
    blocks = [header("Accounts")]
    if not shown.accounts:
        who = "Connect the first one:" if shown.may(Action.CONFIGURE) else "An admin connects it."
        return [*blocks, section(f":warning: No account is connected yet. {who}")]
    sick = list(shown.sick_accounts)
    well = [choice for choice in shown.accounts if choice not in sick]
    for choice in sick[:MOST_ACCOUNTS]:
        again = button("Reconnect", Act.RECONNECT, choice.account.id, style="primary")
        is_mine = choice.account.state is AccountState.EXPIRED and shown.may(Action.CONFIGURE)
        blocks.append(section(account_line(choice), accessory=again if is_mine else None))
    blocks += _more(len(sick), MOST_ACCOUNTS, "in `/social connect`")
    if well:
        names = ", ".join(escape(choice.label) for choice in well[:MOST_ACCOUNTS])
        rest = len(well) - MOST_ACCOUNTS
        and_more = f" and {rest} more" if rest > 0 else ""
        blocks.append(context(f":white_check_mark: {names}{and_more}: all well."))
    return blocks


def _for_admins(shown: Home) -> list[Block]:
    if not shown.may(Action.CONFIGURE):
        return []
    return [
        divider(),
        actions(
            button("Connect an account", Act.OPEN_CONNECT),
            button("Team", Act.OPEN_TEAM),
            button("Who approves", Act.OPEN_SETTINGS),
            button("Posting times", Act.OPEN_SLOTS),
            button("Set-up", Act.OPEN_SETUP),
        ),
    ]


def _head(shown: PostLine) -> str:
    due_at = shown.post.due_at
    when = date(due_at) if due_at else "As soon as it's approved"
    return f"*{when}* · {escape(', '.join(shown.labels))}"


def _excerpt(shown: PostLine) -> str:
    return f">{excerpt(text_of(shown.revision), EXCERPT) or '_only pictures_'}"


def _open(post: Post, card: Notice | None, link: Link) -> Block:
    """To its card, or to what the card would show."""
    found = _link(card, link)
    return found or button("Open", Act.OPEN_POST, post.id, label="Open the post")


def _link(card: Notice | None, link: Link) -> Block | None:
    url = link(card) if card else None
    return button("Open", Act.OPEN_LINK, url=url, label="Open its card") if url else None


def _counted(text: str, number: int) -> str:
    return f"{text} ({number})" if number > 1 else text


def _more(number: int, most: int, where: str) -> list[Block]:
    return [context(f"… and {number - most} more {where}.")] if number > most else []
