"""The approval card: one message per post, from the question to the record."""

import difflib
import re
from collections.abc import Sequence

from bot.overview import PostOverview
from bot.posts import can
from bot.team import decides_own
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape
from handlers.views.blocks import (
    SECTION_LIMIT,
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
from storage.records import Delivery, DeliveryState, HistoryEntry, PostState

ON_CARD = 6000  # characters of texts on the card; the rest goes into its thread
ON_PAGE = 12_000  # of a message in the thread
IN_SECTION = 2800
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
    "wrote": "wrote it",
    "edited": "edited it",
    "asked": "asked for approval",
    "scheduled without approval": "scheduled it; in this workspace nobody else has to approve",
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
    blocks = [section(f"{STATE_LINE[post.state]} · by <@{post.author_id}>\n{time_line(shown)}")]
    blocks += _comments(shown)
    blocks += _changes(shown)
    first, rest = split_texts(shown)
    blocks += [section(text) for text in first]
    if rest:
        blocks.append(context(":thread: The text goes on in the thread."))
    blocks += [picture(file_id, alt) for file_id, alt in picture_files]
    blocks += [context(line) for line in _delivery_lines(shown)]
    blocks += _buttons(shown, has_more=bool(rest))
    blocks.append(context(_record(shown.history)))
    return f"A post by <@{post.author_id}>: {_plain_state(post.state)}", blocks


def rest_in_thread(shown: PostOverview, *, page: int) -> list[Block]:
    """What didn't fit on the card, a message at a time."""
    _, rest = split_texts(shown)
    pages: list[list[Block]] = [[]]
    size = 0
    for text in rest:
        size += len(text)
        if size > ON_PAGE:
            pages.append([])
            size = len(text)
        pages[-1].append(section(text))
    return pages[page] if page < len(pages) else []


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
    return [section(f"<@{one.user_id}>: {escape(one.comment)}") for one in last]


def _changes(shown: PostOverview) -> list[Block]:
    """What changed since the revision that was approved before."""
    before = shown.approved_before
    if before is None or shown.post.state is not PostState.IN_REVIEW:
        if (
            shown.post.state is PostState.IN_REVIEW
            and shown.approvals
            and shown.approvals[-1].revision_id == shown.revision.id
        ):
            return [context("Only the time is new: the text was approved before.")]
        return []
    lines = []
    old, new = before.content, shown.revision.content
    for account_id, choice in shown.accounts.items():
        was, now = old.texts.get(account_id), new.texts.get(account_id, "")
        if was is None:
            lines.append(f"*{escape(choice.label)}* is new.")
        elif was != now:
            lines.append(f"*{escape(choice.label)}*: {word_diff(was, now)}")
    gone = set(old.texts) - set(new.texts)
    if gone:
        lines.append(f"{len(gone)} account(s) were taken out.")
    if old.pictures != new.pictures:
        lines.append("The pictures or their descriptions changed.")
    if not lines:
        return []
    text = ":pencil2: *Changed since it was approved*\n" + "\n".join(dict.fromkeys(lines))
    return [section(text[:SECTION_LIMIT])]


def word_diff(before: str, after: str) -> str:
    """The difference word by word: ~gone~ and *new*, with some words around them."""
    old, new = before.split(), after.split()
    shown: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            same = old[a:b]
            shown += same if len(same) <= 8 else [*same[:3], "…", *same[-3:]]
            continue
        if b > a:
            shown.append(_marked(" ".join(old[a:b]), "~"))
        if d > c:
            shown.append(_marked(" ".join(new[c:d]), "*"))
    return _escaped_but_marked(shown)


def _marked(words: str, mark: str) -> str:
    return f"\0{mark}{words}\0"


def _escaped_but_marked(pieces: Sequence[str]) -> str:
    out = []
    for piece in pieces:
        if piece.startswith("\0"):
            mark, words = piece[1], piece[2:-1]
            out.append(f"{mark}{escape(words)}{mark}")
        else:
            out.append(escape(piece))
    return " ".join(out)


def split_texts(shown: PostOverview) -> tuple[list[str], list[str]]:
    """Sections for the card and for its thread: each text once, with its networks' names."""
    by_text: dict[str, list[str]] = {}
    for account_id, text in shown.revision.content.texts.items():
        choice = shown.accounts.get(account_id)
        by_text.setdefault(text, []).append(choice.label if choice else "?")
    sections: list[str] = []
    for text, labels in by_text.items():
        quoted = _quoted(text) if text else "_no text, only pictures_"
        name = f"*{escape(', '.join(sorted(labels)))}*"
        pieces = _pieces(quoted)
        sections.append(f"{name}\n{pieces[0]}")
        sections += pieces[1:]
    card_size, first = 0, 0
    for text in sections:
        card_size += len(text)
        if card_size > ON_CARD:
            break
        first += 1
    return sections[:first], sections[first:]


def _quoted(text: str) -> str:
    return "\n".join(f">{line}" for line in escape(text).split("\n"))


def _pieces(text: str) -> list[str]:
    """A long text cut at line ends or spaces, so that each piece fits a section."""
    pieces = []
    while len(text) > IN_SECTION:
        cut = max(text.rfind("\n", 0, IN_SECTION), text.rfind(" ", 0, IN_SECTION))
        cut = cut if cut > IN_SECTION // 2 else IN_SECTION
        # Never cut an escaped character (&amp;) in two.
        tail = text.rfind("&", cut - 5, cut)
        if tail != -1 and ";" not in text[tail:cut]:
            cut = tail
        pieces.append(text[:cut])
        text = text[cut:].lstrip("\n ")
    return [*pieces, text]


def _delivery_lines(shown: PostOverview) -> list[str]:
    return [_delivery_line(shown, delivery) for delivery in shown.deliveries if _has_news(delivery)]


def _has_news(delivery: Delivery) -> bool:
    return delivery.state is not DeliveryState.PENDING or bool(delivery.problem)


def _delivery_line(shown: PostOverview, delivery: Delivery) -> str:
    choice = shown.accounts.get(delivery.account_id)
    name = escape(choice.label if choice else "?")
    problem = escape(delivery.problem or "")
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


def _buttons(shown: PostOverview, *, has_more: bool) -> list[Block]:
    post = shown.post
    ids = pack(post=post.id, revision=shown.revision.id)
    elements: list[Block] = []
    if post.state is PostState.IN_REVIEW:
        sure = confirm(
            "Read all of it?",
            "The text is longer than this card; the rest is in the thread. Approve all of it?",
            "Approve",
        )
        elements.append(
            button("Approve", Act.APPROVE, ids, style="primary", confirm=sure if has_more else None)
        )
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


def _record(entries: Sequence[HistoryEntry]) -> str:
    """Who did what, when; the newest lines if there are many."""
    lines = []
    for entry in entries:
        who = f"<@{entry.actor_id}>" if entry.actor_id else "Socialdesk"
        said = RECORDED.get(entry.action, entry.action)
        detail = ""
        if entry.action in ("asked for changes", "rejected", "failed", "could not take down"):
            detail = f": {escape(entry.detail[:200])}"
        lines.append(f"{date(entry.at)} {who} {said}{detail}")
    shown = lines[-12:]
    if len(lines) > len(shown):
        shown.insert(0, f"… {len(lines) - len(shown)} earlier entries")
    return "\n".join(shown)[:2900]


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


def trouble(shown: PostOverview) -> tuple[str, list[Block]]:
    """To the author: what went wrong, what was not lost, what to press."""
    post = shown.post
    ids = pack(post=post.id, revision=shown.revision.id)
    excerpt = _excerpt(shown)
    if post.state in (PostState.CHANGES_REQUESTED, PostState.REJECTED):
        return _sent_back(shown, excerpt, ids)
    lines = _delivery_lines(shown)
    head, buttons = _trouble_head(shown)
    blocks = [section(f"{head}\n>{excerpt}"), *(context(line) for line in lines)]
    if any(d.state is DeliveryState.FAILED for d in shown.deliveries):
        buttons.append(button("Try again", Act.RETRY, ids, style="primary"))
    for delivery in shown.deliveries:
        if delivery.state is DeliveryState.UNKNOWN:
            buttons.append(button("It is live", Act.IS_LIVE, delivery.id))
            buttons.append(button("It is not: send again", Act.IS_NOT_LIVE, delivery.id))
    if buttons:
        blocks.append(actions(*buttons[:25]))
    return head, blocks


def _trouble_head(shown: PostOverview) -> tuple[str, list[Block]]:
    states = {delivery.state for delivery in shown.deliveries}
    if DeliveryState.UNKNOWN in states:
        head = (
            ":grey_question: A network gave no clear answer, so nobody can know from here whether "
            "your post is out. Look there, then press what is true. It is not sent again by itself."
        )
    elif DeliveryState.FAILED in states:
        head = ":x: Your post didn't go out everywhere. Its text and pictures are kept."
    elif shown.post.state in (PostState.PUBLISHED, PostState.TAKEN_DOWN):
        head = ":white_check_mark: Settled: nothing is left to do here."
    else:
        head = (
            ":hourglass_flowing_sand: A network can't take your post just now. "
            "It is tried again by itself; you needn't do anything."
        )
    return head, []


def _sent_back(shown: PostOverview, excerpt: str, ids: str) -> tuple[str, list[Block]]:
    last = shown.approvals[-1]
    did = "rejected" if shown.post.state is PostState.REJECTED else "asked for changes to"
    text = f"<@{last.user_id}> {did} your post"
    blocks = [
        section(f"{text}:\n>{excerpt}"),
        section(f"“{escape(last.comment)}”"),
        actions(button("Edit it", Act.EDIT_POST, ids, style="primary")),
    ]
    return text, blocks


def _excerpt(shown: PostOverview) -> str:
    text = shown.revision.base_text or next(iter(shown.revision.content.texts.values()), "")
    first = text.strip().split("\n")[0]
    return escape(first[:150] + ("…" if len(text.strip()) > len(first[:150]) else ""))
