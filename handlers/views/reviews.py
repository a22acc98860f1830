"""Many at once: the daily list, and the modal that pages through the posts."""

from collections import Counter
from collections.abc import Sequence

from bot.overview import PostOverview
from bot.posts import text_of
from bot.reviews import Reviewed, ReviewList, WaitingLine
from handlers.ids import Act, Form
from handlers.slack_text import date, escape, shorten
from handlers.views.approvals import name_of, next_free, state_line, time_line
from handlers.views.blocks import (
    Block,
    actions,
    button,
    context,
    field,
    modal,
    picture,
    section,
    text_input,
)
from handlers.views.changes import changes
from handlers.views.post_texts import laid_out
from handlers.views.texts import excerpt
from storage.records import PostState, Verdict

EXCERPT = 120
LONGEST_LABELS = 200
MOST_IN_LIST = 8
SAID = {"a": "approved", "c": "sent back for changes", "r": "rejected", "s": "skipped"}
ASKED = {
    Verdict.CHANGES_REQUESTED: "What should be different?",
    Verdict.REJECTED: "Why isn't it published?",
}
NO_PICTURES = (
    ":warning: Its pictures can't be shown just now, so it can't be approved here. Skip it and "
    "come back to it in a minute."
)
NEWER = "There is a newer message below."


# The list


def review_list(shown: ReviewList) -> tuple[str, list[Block]]:
    """An approver's list: its text for notifications, and its blocks."""
    if not shown.total:
        text = "Nothing waits for your approval any more."
        return text, [section(f":white_check_mark: {text}")]
    text = f"{posts(shown.total)} for your approval."
    blocks = [section(f":eyes: *{text}*"), *[section(line(one)) for one in shown.lines]]
    more = shown.total - len(shown.lines)
    if more:
        blocks.append(context(f"… and {more} more."))
    return text, [*blocks, actions(review_button(shown.total))]


def newer_below() -> tuple[str, list[Block]]:
    """In place of a message that another one has followed."""
    return NEWER, [context(NEWER)]


def posts(number: int) -> str:
    """“1 post waits”, “12 posts wait”."""
    return "1 post waits" if number == 1 else f"{number} posts wait"


def review_button(number: int) -> Block:
    """The way into the modal."""
    return button(f"Review {number}", Act.OPEN_REVIEW, style="primary")


def line(one: WaitingLine, *, with_author: bool = True) -> str:
    """A waiting post in a list: when it is due, where, whose, how it begins."""
    due_at = one.post.due_at
    when = date(due_at) if due_at else "As soon as it's approved"
    labels = shorten(escape(", ".join(one.labels)), LONGEST_LABELS)
    text = text_of(one.revision)
    said = excerpt(text, EXCERPT) or "_only pictures_"
    by = f" · by <@{one.post.author_id}>" if with_author else ""
    return f"*{when}* · {labels}{by}\n>{said}"


# One after the other


def submit_label(item: Reviewed, *, pages_left: int, asking: Verdict | None, shows: bool) -> str:
    """What the modal's own button does with the post that is shown; it says so.

    :param shows: whether the pictures can be seen.
    """
    if asking is not None:
        return "Send"
    if not item.waits:
        return "Next"
    if item.shown.is_past or not shows:
        return "Skip"
    return "Read on" if pages_left else "Approve"


def review_modal(
    item: Reviewed,
    picture_files: Sequence[tuple[str, str]] | None,
    *,
    place: int,
    total: int,
    page: int,
    asking: Verdict | None,
    note: str,
    metadata: str,
) -> Block:
    """One post of a round.

    :param picture_files: the bot's own uploads with their alt texts; None: they can't be shown.
    :param place: counts from 1; ``page`` of its texts from 0.
    :param asking: the decision that a comment is asked for.
    :param note: what was just done or happened, on top (mrkdwn).
    """
    shown = item.shown
    pages = laid_out(shown)
    page = min(page, len(pages) - 1)
    blocks = [section(note)] if note else []
    blocks.append(section(_head(item)))
    if shown.is_past and item.waits:
        blocks.append(actions(next_free(shown.post)))
    if page == 0:
        blocks += changes(shown, more="All of the new text stands below.")
    blocks += [section(text) for text in pages[page]]
    if page == 0:
        blocks += _pictures(picture_files)
    left = len(pages) - page - 1
    if len(pages) > 1:
        blocks.append(context(f"Part {page + 1} of {len(pages)} of this text."))
    if asking is not None:
        comment = text_input(Act.COMMENT, multiline=True, max_length=1000)
        hint = "The author gets it, and it stays on the record."
        blocks.append(field(comment_block(place), ASKED[asking], comment, hint=hint))
    buttons = _buttons(item, place=place, page=page, asking=asking)
    if buttons:
        blocks.append(actions(*buttons))
    return modal(
        Form.REVIEW,
        f"Post {place} of {total}",
        blocks,
        submit=submit_label(item, pages_left=left, asking=asking, shows=picture_files is not None),
        close="Close",
        metadata=metadata,
    )


def comment_block(place: int) -> str:
    """The comment's block id: each post's its own, as Slack keeps what is typed by it."""
    return f"comment:{place}"


def _head(item: Reviewed) -> str:
    shown = item.shown
    head = f"*{time_line(shown).rstrip('.')}* · by {name_of(shown, shown.post.author_id)}"
    if shown.is_past or not item.waits:
        return f"{state_line(shown)}\n{head}"
    return head


def _pictures(files: Sequence[tuple[str, str]] | None) -> list[Block]:
    if files is None:
        return [section(NO_PICTURES)]
    blocks: list[Block] = []
    for file_id, alt in files:
        said = f"Description: {escape(alt)}" if alt else ":warning: No description (alt text)"
        blocks += [picture(file_id, alt), context(shorten(said, 2000))]
    return blocks


def _buttons(item: Reviewed, *, place: int, page: int, asking: Verdict | None) -> list[Block]:
    back = "Back to the post" if asking is not None else "Back"
    elements = []
    if asking is None and item.waits:
        elements += [
            button("Request changes", Act.REVIEW_CHANGES),
            button("Reject", Act.REVIEW_REJECT),
            button("Skip", Act.REVIEW_SKIP),
        ]
    if asking is not None or place > 1 or page > 0:
        elements.append(button(back, Act.REVIEW_BACK))
    return elements


def decided_meanwhile(shown: PostOverview) -> str:
    """That a post of the round waits no more, and who decided."""
    text = excerpt(text_of(shown.revision), 60) or "_only pictures_"
    decision = next(
        (one for one in reversed(shown.approvals) if one.revision_id == shown.revision.id), None
    )
    if decision is None or shown.post.state in (PostState.CANCELLED, PostState.DRAFT):
        return f":information_source: “{text}” waits no more: {state_line(shown)}"
    who = name_of(shown, decision.user_id)
    did = {
        Verdict.APPROVED: "approved",
        Verdict.CHANGES_REQUESTED: "asked for changes to",
        Verdict.REJECTED: "rejected",
    }[decision.verdict]
    return f":information_source: {who} {did} “{text}” meanwhile ({date(decision.decided_at)})."


def round_done(said: str, left: int, note: str) -> Block:
    """What the modal shows at the end.

    :param said: a letter for each post, see `SAID`.
    :param left: posts that wait for this person still: skipped ones, and new ones.
    """
    blocks = [section(note)] if note else []
    counted = Counter(said)
    told = ", ".join(
        f"{counted[letter]} {word}" for letter, word in SAID.items() if counted[letter]
    )
    blocks.append(section(f":tada: *That was the last one.* {told.capitalize()}{'.' * bool(told)}"))
    if left:
        blocks += [
            section(f"{posts(left)} for you still."),
            actions(review_button(left)),
        ]
    else:
        blocks.append(context("Nothing else waits for your approval."))
    return modal(Form.REVIEW, "Reviewed", blocks, close="Close")


def nothing_to_review() -> Block:
    """The modal when nothing waits."""
    text = ":white_check_mark: Nothing waits for your approval."
    return modal(Form.REVIEW, "Review", [section(text)], close="Close")


def parts_of(shown: PostOverview) -> int:
    """How many pages the texts of a post take."""
    return len(laid_out(shown))
