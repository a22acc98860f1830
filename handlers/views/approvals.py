"""The approval card: one message per post, from the question to the record."""

import re
from collections.abc import Callable, Sequence

from bot.comments import COMMENTED, DELETED, REWROTE
from bot.outcomes import SAID_LIVE, SAID_NOT_LIVE
from bot.overview import PostOverview
from bot.policies import is_stuck, others_said, said
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    MESSAGE_LIMIT,
    Block,
    actions,
    button,
    confirm,
    context,
    cost,
    field,
    menu,
    modal,
    option,
    section,
    text_input,
)
from handlers.views.changes import changes
from handlers.views.comments import on_card as comments_on_card
from handlers.views.outcomes import (
    about,
    how_far,
    is_there,
    may_cancel,
    may_edit,
    may_retry,
    questions,
    take_down,
)
from handlers.views.post_texts import PAGES, laid_out, on_card
from handlers.views.texts import joined, link, units
from storage.records import Delivery, DeliveryState, HoldReason, Post, PostState, Verdict

IN_SECTION = 2800
IN_COMMENT = 1600
LONGEST_NAME = 100
MODAL_BLOCKS = 100
IN_RECORD = 1300
MOST_ENTRIES = 10
IN_NEEDS = 300
IN_ALL_NEEDS = 700
IN_MENTION = 300
# What is laid out on a card costs `ON_CARD` at most, what else it shows 4,600: changes or a comment
# 1,700, the record 1,500, the thread 500, state, buttons and notes 900. What it needs and what it
# answers, 1,300, are shown while there are no deliveries, whose news have 1,600 at least.
FULL = MESSAGE_LIMIT - 200
FOR_DELIVERIES = 3500
LINE_COST = 40  # a line's share of its block
SHORTEST_LINE = 150
IN_THE_THREAD = (COMMENTED, REWROTE, DELETED)  # what is said there is read there
WELL = (DeliveryState.PUBLISHED, DeliveryState.TAKEN_DOWN, DeliveryState.SENDING)

STATE_LINE = {
    PostState.DRAFT: ":pencil2: *Being edited*",
    PostState.IN_REVIEW: ":eyes: *Waiting for approval*",
    PostState.CHANGES_REQUESTED: ":leftwards_arrow_with_hook: *Changes requested*",
    PostState.REJECTED: ":no_entry_sign: *Rejected*",
    PostState.SCHEDULED: ":white_check_mark: *Approved and scheduled*",
    PostState.PUBLISHING: ":outbox_tray: *Going out*",
    PostState.PUBLISHED: ":tada: *Published*",
    PostState.PARTLY_PUBLISHED: ":warning: *Published in part*",
    PostState.FAILED: ":x: *Not published*",
    PostState.CANCELLED: ":heavy_multiplication_x: *Cancelled*",
    PostState.TAKEN_DOWN: ":wastebasket: *Taken down*",
}
HELD = ":double_vertical_bar: *Held*"
PAST = ":hourglass: *Its time passed undecided; nothing was published*"
RECORDED = {
    "held": "held it",
    "released": "let it go out",
    "rescheduled": "moved it to its next free time",
    "dropped": "dropped what was held",
    "asked: now": "asked to publish it now",
    "asked: next_free": "asked for its next free time",
    "wrote and asked": "wrote it and asked for approval",
    "edited and asked": "edited it and asked for approval",
    "wrote and scheduled": "wrote it; nobody else has to approve it",
    "edited and scheduled": "edited it; nobody else has to approve it",
    "used a suggestion and asked": "used the suggested text and asked for approval",
    "used a suggestion and scheduled": "used the suggested text",
    "approved": "approved it",
    "asked for changes": "asked for changes",
    "rejected": "rejected it",
    "moved": "changed the time",
    "cancelled": "cancelled it",
    "published": "published",
    "failed": "failed",
    "unknown": "gave no clear answer",
    "retried": "tried again",
    "said it is live": "said it is live",
    "said it isn't live": "said it isn't live",
    "took down": "took it down",
    "could not take down": "could not take it down",
    "due again": "made it due again: its account is connected",
}
LEFT_OUT = "asked to take down"  # what came of it stands there as well


def card(shown: PostOverview, picture_files: Sequence[tuple[str, str]]) -> tuple[str, list[Block]]:
    """The card as a message: its text for notifications, and its blocks.

    :param picture_files: the bot's own uploads with their alt texts.
    """
    post = shown.post
    author = name_of(shown, post.author_id)
    above = [
        section(f"{_headline(shown)}{_campaign(shown)}\n{time_line(shown)}"),
        *_needs(shown),
        *_answered(shown),
        *_comments(shown),
        *changes(shown),
        *on_card(shown, picture_files),
        *comments_on_card(shown.discussion, shown.names),
    ]
    below = [*questions(shown, most=1), *_buttons(shown)]
    if shown.history:
        below.append(context(_record(shown)))
    news = delivery_blocks(shown, FULL - cost([*above, *below]))
    text = f"A post by {author}: {_plain_state(shown)}"
    return text, [*above, *news, *below]


def _headline(shown: PostOverview) -> str:
    """What it is, and whose; who cancelled it isn't always who wrote it."""
    author = name_of(shown, shown.post.author_id)
    ends = [entry.actor_id for entry in shown.history if entry.action == "cancelled"]
    if shown.post.state is PostState.CANCELLED and ends and ends[-1] != shown.post.author_id:
        by = f" by *{name_of(shown, ends[-1])}*" if ends[-1] else ""
        return f"{state_line(shown)}{by} · written by *{author}*"
    return f"{state_line(shown)} · by *{author}*"


def name_of(shown: PostOverview, user_id: str) -> str:
    """A name, not a mention: a card that is there for others pings nobody."""
    name = shown.names.get(user_id)
    return shorten(escape(name), LONGEST_NAME) if name else f"<@{user_id}>"


def state_line(shown: PostOverview) -> str:
    """What the post is, in words."""
    if _is_held(shown):
        return HELD
    if shown.is_past:
        return PAST
    if shown.post.state is PostState.FAILED and is_there(shown):
        return STATE_LINE[PostState.PARTLY_PUBLISHED]
    return STATE_LINE[shown.post.state]


def _is_held(shown: PostOverview) -> bool:
    """Whether nothing more goes out of it by itself."""
    states = {delivery.state for delivery in shown.deliveries}
    return DeliveryState.HELD in states and not states & {
        DeliveryState.PENDING,
        DeliveryState.SENDING,
        DeliveryState.UNKNOWN,
    }


def _plain_state(shown: PostOverview) -> str:
    return re.sub(r":[a-z0-9_]+: |\*", "", state_line(shown)).lower()


def time_line(shown: PostOverview) -> str:
    """When it goes (or went) out, in the reader's own zone."""
    post = shown.post
    is_off = post.state in (PostState.CANCELLED, PostState.REJECTED)
    if post.due_at is None:
        return "It doesn't go out." if is_off else "Goes out as soon as it's approved."
    verb = "Was due" if is_off or _is_held(shown) or shown.is_past else "Goes out"
    if post.state in (
        PostState.PUBLISHED,
        PostState.PARTLY_PUBLISHED,
        PostState.FAILED,
        PostState.TAKEN_DOWN,
    ):
        verb = "Was promised for"
    return f"{verb} {date(post.due_at)}."


def _campaign(shown: PostOverview) -> str:
    return f" · {escape(shown.campaign.name)}" if shown.campaign else ""


def _needs(shown: PostOverview) -> list[Block]:
    """What approvals it still needs, what was given, and whose turn it is."""
    if shown.post.state is not PostState.IN_REVIEW:
        return []
    lines = [f"*{_plainly(said(shown.round, _named(shown)), IN_NEEDS)}*"]
    lines += [_plainly(line, IN_NEEDS) for line in others_said(shown.round, _named(shown))]
    if is_stuck(shown.round):
        lines.append(
            ":warning: Too few people are left who can give that. An admin changes who must "
            "approve with `/social settings`."
        )
    return [context(text) for text in joined(lines, IN_ALL_NEEDS)[:1]]


def _named(shown: PostOverview) -> Callable[[str], str]:
    """People's names as plain text."""
    return lambda user_id: shown.names.get(user_id, "somebody who left")


def _plainly(text: str, longest: int) -> str:
    return shorten(escape(text), longest)


def _answered(shown: PostOverview) -> list[Block]:
    """What a reply answers: nobody can judge it without."""
    if shown.mention is None:
        return []
    said_ = _one_line(shown.mention.text, IN_MENTION)
    return [context(f"A reply to {_one_line(shown.mention.author, LONGEST_NAME)}: “{said_}”")]


def _comments(shown: PostOverview) -> list[Block]:
    """The comment of a decision that sent the post back."""
    if shown.post.state not in (PostState.CHANGES_REQUESTED, PostState.REJECTED):
        return []
    last = [approval for approval in shown.approvals if approval.comment][-1:]
    return [
        section(f"*{name_of(shown, one.user_id)}*: {shorten(escape(one.comment), IN_COMMENT)}")
        for one in last
    ]


def delivery_blocks(shown: PostOverview, room: int = FOR_DELIVERIES) -> list[Block]:
    """What became of the post on each account, where there is something to say.

    Where that is too much, each is said in less, and what is well comes last and is counted.

    :param room: what the blocks may cost, see `cost`.
    """
    room = min(room, FOR_DELIVERIES)
    told = [delivery for delivery in shown.deliveries if _has_news(delivery)]
    told.sort(key=lambda delivery: delivery.state in WELL)
    lines = [_delivery_line(shown, delivery) for delivery in told]
    if cost(_contexts(lines)) > room:
        longest = max(room // len(lines) - LINE_COST, SHORTEST_LINE)
        lines = [shorten(line, longest) for line in lines]
    kept = len(lines)
    while cost(blocks := _contexts([*lines[:kept], *_more(len(lines) - kept)])) > room:
        kept -= 1
    return blocks


def _contexts(lines: Sequence[str]) -> list[Block]:
    return [context(text) for text in joined(lines, IN_SECTION)]


def _more(accounts: int) -> list[str]:
    return [f"… and {accounts} more accounts"] if accounts else []


def _has_news(delivery: Delivery) -> bool:
    return delivery.state is not DeliveryState.PENDING or bool(delivery.problem)


def _delivery_line(shown: PostOverview, delivery: Delivery) -> str:
    line, far = _state_of(shown, delivery), how_far(shown.sent(delivery))
    return f"{line} · {far}" if far else line


def _state_of(shown: PostOverview, delivery: Delivery) -> str:
    choice = shown.accounts.get(delivery.account_id)
    name = escape(choice.label if choice else "?")
    problem = _one_line(delivery.problem or "", 500)
    match delivery.state:
        case DeliveryState.PUBLISHED:
            moment = delivery.published_at or delivery.due_at
            sent = shown.sent(delivery)
            thread = f"a thread of {sent.total}, " if sent.is_thread else ""
            see = link(delivery.url or "", "See it")
            return f":white_check_mark: *{name}* {thread}live {date(moment)} {see}".rstrip()
        case DeliveryState.FAILED:
            return f":x: *{name}* {problem}"
        case DeliveryState.UNKNOWN:
            return f":grey_question: *{name}* {problem}"
        case DeliveryState.SENDING:
            return f":outbox_tray: *{name}* is being sent"
        case DeliveryState.TAKEN_DOWN:
            return f":wastebasket: *{name}* taken down"
        case DeliveryState.HELD:
            return f":double_vertical_bar: *{name}* held: {_why_held(shown, delivery)}"
        case _:
            next_try = date(delivery.next_attempt_at)
            return f":hourglass_flowing_sand: *{name}* {problem.rstrip('.')}; next try {next_try}"


def _why_held(shown: PostOverview, delivery: Delivery) -> str:
    brake = shown.due_under.get(delivery.id)
    if brake is not None:
        by, reason = name_of(shown, brake.pulled_by), _one_line(brake.reason, 200)
        return f"it came due while publishing was paused by {by} (“{reason}”)"
    if delivery.hold_reason is HoldReason.ACCOUNT:
        return "the account must be connected again"
    return "it couldn't go out in time, and its author is asked what becomes of it"


def _one_line(text: str, limit: int) -> str:
    return shorten(escape(" ".join(text.split())), limit)


def _buttons(shown: PostOverview) -> list[Block]:
    post = shown.post
    ids = pack(post=post.id, revision=shown.revision.id, version=str(post.version))
    elements: list[Block] = []
    if post.state is PostState.IN_REVIEW:
        rest = len(laid_out(shown)) - 1
        if shown.is_past:
            elements.append(next_free(post))
        elif rest <= PAGES:  # nobody approves what can't be read here
            elements.append(_approve(ids, has_more=rest > 0))
        elements.append(button("Request changes", Act.REQUEST_CHANGES, ids))
    if post.state in (PostState.PARTLY_PUBLISHED, PostState.FAILED) and may_retry(shown):
        elements.append(button("Try again", Act.RETRY, ids, style="primary"))
    if is_there(shown):
        elements.append(take_down(ids))
    options = _menu_options(shown)
    if options:
        elements.append(menu(Act.POST_MENU, options))
    return [actions(*elements)] if elements else []


def next_free(post: Post) -> Block:
    """The button that gives a post its next free time, as long as it is as it was shown."""
    ids = pack(post=post.id, version=str(post.version))
    return button("Next free time", Act.NEXT_FREE, ids, style="primary")


def _approve(ids: str, *, has_more: bool) -> Block:
    sure = confirm(
        "Read all of it?",
        "The text is longer than this card; the rest is in the thread. Approve all of it?",
        "Approve",
    )
    return button("Approve", Act.APPROVE, ids, style="primary", confirm=sure if has_more else None)


def _menu_options(shown: PostOverview) -> list[Block]:
    post, revision = shown.post, shown.revision

    def choice(text: str, do: str) -> Block:
        return option(text, pack(do=do, post=post.id, revision=revision.id))

    options = []
    if post.state is PostState.IN_REVIEW and shown.round.steps:
        options.append(choice("Reject", "reject"))
    is_reply = post.mention_id is not None  # it has its own form, and goes out at once
    if may_edit(shown):
        options.append(choice("Edit", "edit"))
    if post.state in (PostState.IN_REVIEW, PostState.SCHEDULED) and not is_reply:
        options.append(choice("Reschedule", "reschedule"))
    if may_cancel(shown):
        options.append(choice("Cancel this post", "cancel"))
    options.append(choice("The whole record", "record"))
    return options


def _record(shown: PostOverview) -> str:
    """Who did what, when; the newest lines if there are many."""
    lines = []
    for entry in shown.history:
        if entry.action == LEFT_OUT or entry.action in IN_THE_THREAD:
            continue
        who = name_of(shown, entry.actor_id) if entry.actor_id else "Socialdesk"
        said = RECORDED.get(entry.action, entry.action)
        detail = f" {link(entry.detail, 'it')}" if entry.action == "published" else ""
        if entry.action in (SAID_LIVE, SAID_NOT_LIVE):
            detail = about(entry)
        if entry.action == "approved" and entry.detail:
            detail = f" ({_one_line(entry.detail, 60)})"
        if entry.action in ("asked for changes", "rejected", "failed", "could not take down"):
            detail = f": {_one_line(entry.detail, 100)}"
        lines.append(f"{date(entry.at)} {who} {said}{detail}")
    newest = lines[-MOST_ENTRIES:]
    while units("\n".join(newest)) > IN_RECORD:
        newest.pop(0)
    if len(lines) > len(newest):
        newest.insert(0, f"… {len(lines) - len(newest)} earlier entries")
    return "\n".join(newest)


def comment_form(post_id: str, revision_id: str, verdict: str, channel: str | None) -> Block:
    """Asks for the comment that goes with a request for changes or a rejection."""
    rejects = verdict == Verdict.REJECTED
    title, label = (
        ("Reject the post", "Why?") if rejects else ("Request changes", "What should be different?")
    )
    comment = field(
        "comment",
        label,
        text_input(Act.COMMENT, multiline=True, max_length=1000),
        hint="The author gets it, and it stays on the record.",
    )
    suggest = section(
        "Or change the text yourself, and the author takes it with one press:",
        accessory=button("Suggest a text", Act.SUGGEST),
    )
    return modal(
        Form.COMMENT,
        title,
        [comment] if rejects else [comment, suggest],
        submit="Send",
        metadata=pack(post=post_id, revision=revision_id, verdict=verdict, channel=channel),
    )


def post_modal(shown: PostOverview, picture_files: Sequence[tuple[str, str]]) -> Block:
    """The card as a modal, with what stands in a card's thread below it."""
    _, blocks = card(shown, picture_files)
    rest = [section(text) for page in laid_out(shown)[1:] for text in page]
    if rest:
        blocks += [context("*The rest of the text*"), *rest][: MODAL_BLOCKS - len(blocks)]
    return modal(Form.POST, "The post", blocks, close="Close", metadata=pack(post=shown.post.id))
