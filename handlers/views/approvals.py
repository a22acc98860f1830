"""The approval card: one message per post, from the question to the record."""

import re
from collections.abc import Sequence

from bot.overview import PostOverview
from bot.posts import can
from bot.team import decides_own
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    Block,
    actions,
    button,
    confirm,
    context,
    field,
    menu,
    modal,
    option,
    picture,
    section,
    text_input,
)
from handlers.views.changes import changes
from handlers.views.texts import cut, joined, units
from storage.records import Delivery, DeliveryState, PostState

ON_CARD = 4500  # of texts on the card, in Slack's units; the rest goes into its thread
ON_PAGE = 12_000  # of a message in the thread
PAGES = 2  # messages in the thread
IN_SECTION = 2800
IN_QUOTE = 2600  # which leaves room for the accounts' names above it
IN_RECORD = 1500
MOST_ENTRIES = 10
FITS = "The text fits on the card now."

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
RECORDED = {
    "wrote and asked": "wrote it and asked for approval",
    "edited and asked": "edited it and asked for approval",
    "wrote and scheduled": "wrote it; in this workspace nobody else has to approve",
    "edited and scheduled": "edited it; in this workspace nobody else has to approve",
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
}


def card(shown: PostOverview, picture_files: Sequence[tuple[str, str]]) -> tuple[str, list[Block]]:
    """The card as a message: its text for notifications, and its blocks.

    :param picture_files: the bot's own uploads with their alt texts.
    """
    post = shown.post
    blocks = [
        section(
            f"{STATE_LINE[post.state]} · by *{name_of(shown, post.author_id)}*\n{time_line(shown)}"
        )
    ]
    blocks += _comments(shown)
    blocks += changes(shown)
    first, rest = split_texts(shown)
    blocks += [section(text) for text in first]
    if rest:
        blocks.append(context(":thread: The text goes on in the thread."))
    for file_id, alt in picture_files:
        blocks += _picture(file_id, alt)
    blocks += delivery_blocks(shown)
    blocks += _buttons(shown, rest)
    if shown.history:
        blocks.append(context(_record(shown)))
    text = f"A post by {name_of(shown, post.author_id)}: {_plain_state(post.state)}"
    return text, blocks


def name_of(shown: PostOverview, user_id: str) -> str:
    """A name, not a mention: a card that is there for others pings nobody."""
    name = shown.names.get(user_id)
    return escape(name) if name else f"<@{user_id}>"


def _picture(file_id: str, alt: str) -> list[Block]:
    """A picture with its description, which is approved and published with it."""
    described = f"Description: {escape(alt)}" if alt else ":warning: No description (alt text)"
    return [picture(file_id, alt), context(shorten(described, 1200))]


def rest_in_thread(shown: PostOverview, *, page: int) -> list[Block]:
    """What didn't fit on the card, a message at a time."""
    pages = _pages(split_texts(shown)[1])
    return [section(text) for text in pages[page]] if page < len(pages) else []


def _pages(texts: Sequence[str]) -> list[list[str]]:
    pages: list[list[str]] = []
    room = 0
    for text in texts:
        if units(text) > room:
            pages.append([])
            room = ON_PAGE
        pages[-1].append(text)
        room -= units(text)
    return pages


def fits_now() -> list[Block]:
    """In place of a text that has become shorter."""
    return [context(FITS)]


def _plain_state(state: PostState) -> str:
    return re.sub(r":[a-z0-9_]+: |\*", "", STATE_LINE[state]).lower()


def time_line(shown: PostOverview) -> str:
    """When it goes (or went) out, in the reader's own zone."""
    post = shown.post
    if post.due_at is None:
        return "Goes out as soon as it's approved."
    verb = "Was due" if post.state in (PostState.CANCELLED, PostState.REJECTED) else "Goes out"
    if post.state in (
        PostState.PUBLISHED,
        PostState.PARTLY_PUBLISHED,
        PostState.FAILED,
        PostState.TAKEN_DOWN,
    ):
        verb = "Was promised for"
    return f"{verb} {date(post.due_at)}."


def _comments(shown: PostOverview) -> list[Block]:
    """The comment of a decision that sent the post back."""
    if shown.post.state not in (PostState.CHANGES_REQUESTED, PostState.REJECTED):
        return []
    last = [approval for approval in shown.approvals if approval.comment][-1:]
    return [
        section(f"*{name_of(shown, one.user_id)}*: {shorten(escape(one.comment), IN_SECTION)}")
        for one in last
    ]


def split_texts(shown: PostOverview) -> tuple[list[str], list[str]]:
    """Sections for the card and for its thread: each text once, with its networks' names."""
    by_text: dict[str, list[str]] = {}
    for account_id, text in shown.revision.content.texts.items():
        choice = shown.accounts.get(account_id)
        by_text.setdefault(text, []).append(choice.label if choice else "?")
    sections: list[str] = []
    for text, labels in by_text.items():
        name = shorten(f"*{escape(', '.join(sorted(labels)))}", 200) + "*"
        pieces = _quoted_pieces(escape(text)) if text else ["_no text, only pictures_"]
        sections.append(f"{name}\n{pieces[0]}")
        sections += pieces[1:]
    room, first = ON_CARD, 0
    for section_ in sections:
        room -= units(section_)
        if room < 0:
            break
        first += 1
    return sections[:first], sections[first:]


def _quoted_pieces(escaped: str) -> list[str]:
    """Quoting adds a sign to each line, so what is all lines is cut smaller."""
    pieces = []
    for piece in cut(escaped, IN_QUOTE):
        small = units(piece) + piece.count("\n") <= IN_QUOTE
        pieces += [_quoted(part) for part in ([piece] if small else cut(piece, IN_QUOTE // 2))]
    return pieces


def _quoted(escaped: str) -> str:
    return "\n".join(f">{line}" for line in escaped.split("\n"))


def delivery_blocks(shown: PostOverview) -> list[Block]:
    """What became of the post on each account, where there is something to say."""
    lines = [
        _delivery_line(shown, delivery) for delivery in shown.deliveries if _has_news(delivery)
    ]
    return [context(text) for text in joined(lines, IN_SECTION)]


def _has_news(delivery: Delivery) -> bool:
    return delivery.state is not DeliveryState.PENDING or bool(delivery.problem)


def _delivery_line(shown: PostOverview, delivery: Delivery) -> str:
    choice = shown.accounts.get(delivery.account_id)
    name = escape(choice.label if choice else "?")
    problem = _one_line(delivery.problem or "", 500)
    match delivery.state:
        case DeliveryState.PUBLISHED:
            moment = delivery.published_at or delivery.due_at
            link = f"<{delivery.url}|See it>" if delivery.url else ""
            return f":white_check_mark: *{name}* live {date(moment)} {link}"
        case DeliveryState.FAILED:
            return f":x: *{name}* {problem}"
        case DeliveryState.UNKNOWN:
            return f":grey_question: *{name}* {problem}"
        case DeliveryState.SENDING:
            return f":outbox_tray: *{name}* is being sent"
        case DeliveryState.TAKEN_DOWN:
            return f":wastebasket: *{name}* taken down"
        case DeliveryState.HELD:
            return f":double_vertical_bar: *{name}* held: {problem}"
        case _:
            next_try = date(delivery.next_attempt_at)
            return f":hourglass_flowing_sand: *{name}* {problem}; next try {next_try}"


def _one_line(text: str, limit: int) -> str:
    return shorten(escape(" ".join(text.split())), limit)


def _buttons(shown: PostOverview, rest: Sequence[str]) -> list[Block]:
    post = shown.post
    ids = pack(post=post.id, revision=shown.revision.id, version=str(post.version))
    elements: list[Block] = []
    if post.state is PostState.IN_REVIEW:
        if len(_pages(rest)) <= PAGES:  # nobody approves what can't be read here
            elements.append(_approve(ids, has_more=bool(rest)))
        elements.append(button("Request changes", Act.REQUEST_CHANGES, ids))
    if post.state in (PostState.PARTLY_PUBLISHED, PostState.FAILED):
        elements.append(button("Try again", Act.RETRY, ids, style="primary"))
    if any(d.state is DeliveryState.PUBLISHED for d in shown.deliveries):
        elements.append(
            button(
                "Take down",
                Act.TAKE_DOWN,
                ids,
                confirm=confirm(
                    "Take it down?",
                    "This deletes the post on every network that allows it. "
                    "It can't be brought back.",
                    "Take down",
                    danger=True,
                ),
            )
        )
    options = _menu_options(shown)
    if options:
        elements.append(menu(Act.POST_MENU, options))
    return [actions(*elements)] if elements else []


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
    if post.state is PostState.IN_REVIEW and not decides_own(shown.workspace):
        options.append(choice("Reject", "reject"))
    if can(post, PostState.DRAFT):
        options.append(choice("Edit", "edit"))
    if post.state in (PostState.IN_REVIEW, PostState.SCHEDULED):
        options.append(choice("Reschedule", "reschedule"))
    if can(post, PostState.CANCELLED):
        options.append(choice("Cancel this post", "cancel"))
    return options


def _record(shown: PostOverview) -> str:
    """Who did what, when; the newest lines if there are many."""
    lines = []
    for entry in shown.history:
        who = name_of(shown, entry.actor_id) if entry.actor_id else "Socialdesk"
        said = RECORDED.get(entry.action, entry.action)
        detail = f" <{entry.detail}|it>" if entry.action == "published" and entry.detail else ""
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
    title, label = (
        ("Reject the post", "Why?")
        if verdict == "rejected"
        else ("Request changes", "What should be different?")
    )
    return modal(
        Form.COMMENT,
        title,
        [
            field(
                "comment",
                label,
                text_input(Act.COMMENT, multiline=True, max_length=1000),
                hint="The author gets it, and it stays on the record.",
            )
        ],
        submit="Send",
        metadata=pack(post=post_id, revision=revision_id, verdict=verdict, channel=channel),
    )


def live_link_form(delivery_id: str) -> Block:
    """Asks where the post that is live can be seen."""
    return modal(
        Form.LIVE_LINK,
        "It is live",
        [
            field(
                "link",
                "The post's address",
                {"type": "url_text_input", "action_id": Act.DRAFT_LINK},
                hint="Open the post on the network and copy its address.",
            )
        ],
        submit="Save",
        metadata=pack(delivery=delivery_id),
    )
