"""The card of a mention, from the alarm to the record, and the form of a reply."""

import re
from datetime import datetime

from bot.mentions import MentionOverview, Reply
from bot.posts import UNDER_WAY, thread_parts
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
    menu,
    modal,
    option,
    section,
    select,
    text_input,
)
from handlers.views.drafting import KEEP_TYPING
from handlers.views.outcomes import answers, how_far, question
from handlers.views.texts import link, web_address
from storage.records import (
    DeliveryState,
    Mention,
    MentionState,
    PostState,
    Sentiment,
    Urgency,
)

SHOWN_TEXT = 1200
SHOWN_LATER = 500
SHOWN_REPLY = 400
SHOWN_LINES = 12
RECORD_LINES = 8
LONGEST_VALUE = 150  # of an option
RESOLVES = "resolves"

RECORDED = {
    "claimed": "claimed it",
    "took over": "took it over",
    "gave back": "made it everybody's again",
    "replied": "sent a reply",
    "asked to reply": "wrote a reply and asked for approval",
    "routed": "routed it",
    "resolved": "resolved it",
    "dismissed": "said it isn't negative",
    "reopened": "opened it again",
    "released": "made it everybody's again, as its owner left Slack",
    "wrote again": "heard the author again",
    "wrote again and reopened": "heard the author again and opened it again",
}
_PLAIN_NAME = re.compile(r"[^\W\d_]{2,20}(?:[-'’][^\W\d_]{1,20})?")


# What all places share


def quoted(text: str, limit: int, url: str = "") -> str:
    """Foreign text as a quotation, cut with a link to all of it."""
    tidy = "\n".join(line for line in text.strip().split("\n") if line.strip())
    lines = tidy[: limit * 2].split("\n")
    shown = shorten(escape("\n".join(lines[:SHOWN_LINES])), limit)
    was_cut = shown.endswith("…") or len(lines) > SHOWN_LINES or len(tidy) > limit * 2
    body = "\n".join(f">{line}" for line in shown.split("\n")) if tidy else ">_no text_"
    more = link(url, "Read all of it") if was_cut else ""
    return f"{body}\n{more}" if more else body


def excerpt(text: str, limit: int) -> str:
    """Foreign text on one line."""
    return shorten(escape(" ".join(text[: limit * 2].split())), limit) or "_no text_"


def author_of(mention: Mention) -> str:
    """Who said it, as foreign text: the name, and the handle beside it."""
    name = shorten(escape(" ".join(mention.author_name.split())), 60)
    handle = shorten(escape(mention.author.strip()), 80)
    if not name or name == handle:
        return f"*{handle or 'Somebody'}*"
    return f"*{name}* ({handle})" if handle else f"*{name}*"


def _name_of(mention: Mention) -> str:
    return shorten(escape(" ".join(mention.author_name.split()) or mention.author), 60)


def member(shown: MentionOverview, user_id: str | None) -> str:
    """A name, not a mention: a card that is there for others pings nobody."""
    if user_id is None:
        return "Socialdesk"
    name = shown.names.get(user_id)
    return shorten(escape(name), 60) if name else f"<@{user_id}>"


# The card


def card(shown: MentionOverview, now: datetime, *, channel: str) -> tuple[str, list[Block]]:
    """The card as a message: its text for notifications, and its blocks.

    :param now: for the clocks.
    :param channel: where it is shown; a team that has handed the mention on sees a record.
    """
    mention = shown.mention
    blocks = [
        section(heading(shown)),
        section(quoted(mention.text, SHOWN_TEXT, mention.url)),
        *_later(shown),
        context(_why(shown)),
        *_reply_blocks(shown),
    ]
    if mention.state is MentionState.OPEN:
        blocks.append(context(*clocks(mention, now)))
    blocks += _buttons(shown, channel)
    record = _record(shown)
    if record:
        blocks.append(context(record))
    place = escape(shown.place)
    return f"{_name_of(mention)} on {place}: {excerpt(mention.text, 150)}", blocks


def heading(shown: MentionOverview) -> str:
    """How it stands and with whom it is; who said it, where and when."""
    return f"{_state_line(shown)}\n{_where_line(shown)}"


def _state_line(shown: MentionOverview) -> str:
    mention = shown.mention
    owners = [f"*{member(shown, mention.owner_id)}*"] if mention.owner_id else []
    if mention.route:
        owners.append(f"*{escape(mention.route)}*")
    owned = f" · with {' of '.join(owners)}" if owners else ""
    match mention.state:
        case MentionState.RESOLVED:
            return f":white_check_mark: *Resolved*{owned}"
        case MentionState.DISMISSED:
            return ":heavy_multiplication_x: *Not negative*"
        case _ if mention.answered_at is not None:
            return f":speech_balloon: *Answered, not solved yet*{owned}"
        case _:
            return f":rotating_light: *Needs an answer*{owned}"


def _where_line(shown: MentionOverview) -> str:
    mention = shown.mention
    return f"{author_of(mention)} on {escape(shown.place)}, {date(mention.posted_at)}"


def _later(shown: MentionOverview) -> list[Block]:
    """What the author wrote afterwards; of several the newest two."""
    blocks = []
    left_out = len(shown.later) - 2
    if left_out > 0:
        blocks.append(context(f"… {left_out} more in between"))
    for said in shown.later[-2:]:
        head = f"{author_of(said)} wrote again, {date(said.posted_at)}"
        blocks.append(section(f"{head}\n{quoted(said.text, SHOWN_LATER, said.url)}"))
    return blocks


def _why(shown: MentionOverview) -> str:
    raised = [entry for entry in shown.history if entry.action == "raised"]
    if raised:
        return f"Here because {member(shown, raised[-1].actor_id)} said that it is negative."
    words = ", ".join(f"“{excerpt(reason, 60)}”" for reason in shown.mention.reasons[:3])
    return f"Flagged for {words}." if words else "Flagged for its tone."


def clocks(mention: Mention, now: datetime) -> list[str]:
    """By when it is to be answered and solved, or since when it should be."""
    return [
        _clock("Answer by", "Answer overdue since", mention.answer_due_at, now)
        if mention.answered_at is None
        else f":white_check_mark: Answered {date(mention.answered_at)}",
        _clock("Solve by", "Solution overdue since", mention.solve_due_at, now),
    ]


def _clock(still: str, over: str, due_at: datetime, now: datetime) -> str:
    if now >= due_at:
        return f":alarm_clock: *{over}* {date(due_at)}"
    return f":hourglass_flowing_sand: {still} *{date(due_at)}*"


def _reply_blocks(shown: MentionOverview) -> list[Block]:
    blocks: list[Block] = []
    for reply in shown.replies[-3:]:
        blocks.append(section(_reply_line(shown, reply)))
        said = answers(reply.history, shown.names)
        if said:
            blocks.append(context("\n".join(said)))
        if reply.delivery is not None and reply.delivery.state is DeliveryState.UNKNOWN:
            blocks += question(reply.delivery.id, shown.place, reply.text, reply.sent)
    return blocks


def last_reply(shown: MentionOverview) -> str:
    """How our last reply fared; empty: there is none."""
    return _reply_line(shown, shown.replies[-1]) if shown.replies else ""


def _reply_line(shown: MentionOverview, reply: Reply) -> str:
    delivery, who = reply.delivery, f"*{member(shown, reply.post.author_id)}*"
    if delivery is None:
        return f"{_undelivered(reply, who)}\n{_reply_text(reply)}"
    problem = excerpt(delivery.problem or "", 200)
    match delivery.state:
        case DeliveryState.PUBLISHED:
            moment = date(delivery.published_at or delivery.due_at)
            see = link(delivery.url or "", "See it")
            head = f":leftwards_arrow_with_hook: {who} answered {moment} {see}".rstrip()
        case DeliveryState.FAILED:
            head = f":x: {who}'s reply didn't go out: {problem}"
        case DeliveryState.UNKNOWN:
            head = f":grey_question: Nobody can tell from here whether {who}'s reply is out"
        case DeliveryState.TAKEN_DOWN:
            head = f":wastebasket: {who}'s reply was taken down"
        case DeliveryState.HELD:
            head = f":double_vertical_bar: {who}'s reply is held: see `/social held`"
        case DeliveryState.CANCELLED:
            head = f":heavy_multiplication_x: {who}'s reply was cancelled"
        case _ if delivery.problem:
            again, problem = date(delivery.next_attempt_at), problem.rstrip(".")
            head = f":hourglass_flowing_sand: {who}'s reply waits: {problem}; next try {again}"
        case _:
            head = f":outbox_tray: {who}'s reply is going out"
    far = how_far(reply.sent)
    head = f"{head}\n{far}" if far else head
    return f"{head}\n{_reply_text(reply)}"


def _undelivered(reply: Reply, who: str) -> str:
    """Of a reply that was never on its way."""
    match reply.post.state:
        case PostState.IN_REVIEW:
            return f":eyes: {who}'s reply waits for approval"
        case PostState.CHANGES_REQUESTED:
            return f":leftwards_arrow_with_hook: Changes of {who}'s reply are asked for: reply anew"
        case PostState.REJECTED:
            return f":no_entry_sign: {who}'s reply was rejected"
        case _:
            return f":heavy_multiplication_x: {who}'s reply was cancelled"


def _reply_text(reply: Reply) -> str:
    posts = thread_parts(reply.text)
    numbered = [f"{number}/{len(posts)} {post}" for number, post in enumerate(posts, start=1)]
    return quoted("\n".join(numbered) if posts[1:] else posts[0], SHOWN_REPLY)


def _buttons(shown: MentionOverview, channel: str) -> list[Block]:
    mention = shown.mention
    elements: list[Block] = []
    if mention.state is MentionState.OPEN and _is_theirs(shown, channel):
        elements += _open_buttons(shown)
    else:
        elements += _open_link(mention)
        if mention.state is not MentionState.OPEN:
            value = pack(do="reopen", mention=mention.id)
            elements.append(button("Reopen", Act.MENTION_MENU, value))
    return [actions(*elements)] if elements else []


def _is_theirs(shown: MentionOverview, channel: str) -> bool:
    """Whether people in this channel deal with it: everybody where alarms arrive, and the team
    that has it."""
    routes, route = shown.workspace.routes, shown.mention.route
    return channel == shown.workspace.alerts_channel or routes.get(route or "") == channel


def _open_buttons(shown: MentionOverview) -> list[Block]:
    mention = shown.mention
    elements = answer_buttons(shown)
    routes = [
        option(team, pack(mention=mention.id, team=team))
        for team in shown.workspace.routes
        if team != mention.route and len(pack(mention=mention.id, team=team)) <= LONGEST_VALUE
    ]
    if routes:
        elements.append(select(Act.MENTION_ROUTE, routes[:100], placeholder="Route to …"))
    elements.append(menu(Act.MENTION_MENU, menu_options(mention)))
    return elements


def answer_buttons(shown: MentionOverview) -> list[Block]:
    """To answer it, where that is possible, and to see it where it was said."""
    replies = []
    if shown.choice is not None and not _reply_under_way(shown):
        replies = [button("Reply", Act.MENTION_REPLY, shown.mention.id, style="primary")]
    return [*replies, *_open_link(shown.mention)]


def _open_link(mention: Mention) -> list[Block]:
    url = web_address(mention.url)
    return [button("Open", Act.OPEN_LINK, url=url, label="Open where it was said")] if url else []


def menu_options(mention: Mention, by: str | None = None) -> list[Block]:
    """What can be done about an open mention besides replying.

    :param by: the person who is shown it, if it is only one: nobody takes over their own, or
        releases a colleague's.
    """

    def choice(text: str, do: str) -> Block:
        return option(text, pack(do=do, mention=mention.id))

    if mention.owner_id is None:
        owning = [choice("Claim", "claim")]
    else:
        owning = [
            *([choice("Take over", "take_over")] if by != mention.owner_id else []),
            *([choice("Release", "release")] if by in (None, mention.owner_id) else []),
        ]
    return [
        *owning,
        choice("Resolve", "resolve"),
        choice("Not negative", "dismiss"),
    ]


def _reply_under_way(shown: MentionOverview) -> bool:
    return any(reply.post.state in UNDER_WAY for reply in shown.replies)


def _record(shown: MentionOverview) -> str:
    """Who did what, when; the newest lines if there are many."""
    lines = []
    for entry in shown.history:
        if entry.action in ("answered", "raised"):  # that stands on the card itself
            continue
        who = member(shown, entry.actor_id)
        said = RECORDED.get(entry.action, entry.action)
        if entry.action == "routed":
            said = f"routed it to {escape(entry.detail[:60])}"
        elif entry.action == "resolved" and entry.detail:
            said = f"resolved it ({escape(entry.detail[:60])})"
        lines.append(f"{date(entry.at)} {who} {said}")
    newest = lines[-RECORD_LINES:]
    if len(lines) > len(newest):
        newest.insert(0, f"… {len(lines) - len(newest)} earlier entries")
    return "\n".join(newest)


def wrote_again(earlier: Mention, later: Mention) -> tuple[str, list[Block]]:
    """In the card's thread, to whoever has it: its author has written again."""
    to = f"<@{earlier.owner_id}> " if earlier.owner_id else ""
    said = quoted(later.text, SHOWN_LATER, later.url)
    text = f"{to}{_name_of(later)} has written again: {excerpt(later.text, 150)}"
    return text, [
        section(f"{to}{author_of(later)} has written again, {date(later.posted_at)}\n{said}")
    ]


# The form of a reply


def first_sentences(mention: Mention) -> str:
    """Something to begin with. To a complaint: that they were heard, and a private way to go on."""
    first = mention.author_name.split()[:1]
    named = f", {first[0]}" if first and _PLAIN_NAME.fullmatch(first[0]) else ""
    if mention.answered_at is not None:
        return f"Thank you for your patience{named}. "
    if mention.urgency is not Urgency.ALERT:
        return (
            f"Thank you{named}! " if mention.sentiment is Sentiment.POSITIVE else f"Hello{named}! "
        )
    return (
        f"I'm sorry you ran into this{named}. Could you send us a direct message with what "
        "happened and your order number, so that we can put it right?"
    )


def reply_form(
    shown: MentionOverview,
    text: str,
    *,
    count: str,
    resolves: bool,
    asks: bool,
    is_back: bool,
    metadata: str,
) -> Block:
    """The text of the mention, a text to change and send, and whether that resolves it.

    :param count: how long the text is against the network's limit, in words.
    :param asks: it waits for an approval before it goes out.
    :param is_back: the text is what the person typed before, in a form that was closed.
    """
    mention = shown.mention
    newest = shown.later[-1] if shown.later else mention
    said = quoted(newest.text, SHOWN_TEXT, newest.url)
    label = shown.choice.label if shown.choice else shown.place
    return modal(
        Form.REPLY,
        "Reply",
        [
            section(f"{author_of(newest)} on {escape(shown.place)}\n{said}"),
            *([context("Your unfinished reply is back.")] if is_back else []),
            field(
                "text",
                f"Your reply, public, as {label}"[:150],
                text_input(
                    Act.REPLY_TEXT,
                    initial=text,
                    multiline=True,
                    acts_on=KEEP_TYPING,
                ),
                hint="Make it yours: people notice copied answers.",
                acts=True,
            ),
            context(count) | {"block_id": "count"},
            actions(button("Check the length", Act.REPLY_CHECK), block_id="check"),
            field(
                "resolves",
                "Once it is out",
                checkboxes(
                    Act.REPLY_RESOLVES,
                    [option("Resolve with this", RESOLVES)],
                    [RESOLVES] if resolves else [],
                ),
                optional=True,
            ),
        ],
        submit="Ask for approval" if asks else "Send",
        metadata=metadata,
    )
