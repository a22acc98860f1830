"""What an author is told: what went wrong or was decided, what was not lost, what to press."""

from bot.overview import PostOverview
from bot.posts import text_of, thread_parts
from handlers.ids import Act
from handlers.payloads import pack
from handlers.slack_text import escape, shorten
from handlers.views.approvals import STATE_LINE, delivery_blocks, state_line, time_line
from handlers.views.blocks import Block, actions, button, context, menu, option, section
from handlers.views.outcomes import (
    answers,
    may_cancel,
    may_edit,
    may_retry,
    questions,
    take_down,
)
from handlers.views.suggestions import difference, use
from storage.records import DeliveryState, PostState

LONGEST_COMMENT = 2800
FOR_SUGGESTION = 8000
CHANGED = {
    "cancelled": "cancelled",
    "moved": "moved",
    "edited and asked": "edited",
    "edited and scheduled": "edited",
}


def trouble(shown: PostOverview) -> tuple[str, list[Block]]:
    """The message as it is true now: its text for notifications, and its blocks."""
    if shown.post.state in (PostState.CHANGES_REQUESTED, PostState.REJECTED):
        return _sent_back(shown)
    changed = changed_by_another(shown)
    if changed:
        return _changed(shown, changed)
    states = {delivery.state for delivery in shown.deliveries}
    head = _head(shown, states)
    blocks = [section(f"{head}\n>{excerpt(shown)}"), *delivery_blocks(shown)]
    said = answers(shown.history, shown.names)
    if said:
        blocks.append(context("\n".join(said)))
    return head, [*blocks, *questions(shown), *failed_buttons(shown)]


def _head(shown: PostOverview, states: set[DeliveryState]) -> str:
    what = "post" if shown.post.mention_id is None else "reply"
    if shown.post.state is PostState.TAKEN_DOWN:
        return STATE_LINE[PostState.TAKEN_DOWN]
    if DeliveryState.UNKNOWN in states:
        return (
            ":grey_question: A network gave no clear answer, so nobody can know from here whether "
            f"your {what} is out. Look there, then press what is true. It is not sent again by "
            "itself."
        )
    if DeliveryState.FAILED in states and shown.post.mention_id is not None:
        return (
            ":x: Your reply didn't go out, so the mention still waits for an answer. The text is "
            "kept: try again, or press *Reply* on the mention's card to change it first."
        )
    if DeliveryState.FAILED in states and may_edit(shown):
        return (
            ":x: Your post didn't go out. Its text and pictures are kept: try again, or edit it "
            "first."
        )
    if states == {DeliveryState.FAILED}:
        return ":x: Your thread stopped halfway. Its text and pictures are kept."
    if DeliveryState.FAILED in states:
        return ":x: Your post didn't go out everywhere. Its text and pictures are kept."
    if DeliveryState.HELD in states:
        return state_line(shown)
    if shown.post.state is PostState.PUBLISHING and any(each.problem for each in shown.deliveries):
        return (
            f":hourglass_flowing_sand: A network can't take your {what} just now. "
            "It is tried again by itself; you needn't do anything."
        )
    return state_line(shown)


def failed_buttons(shown: PostOverview) -> list[Block]:
    """To go on with what failed, to change it or to give it up, and to take down what is live of a
    thread that did."""
    failed = [each for each in shown.deliveries if each.state is DeliveryState.FAILED]
    if shown.post.state is PostState.TAKEN_DOWN or not failed:
        return []
    ids = pack(post=shown.post.id)
    elements = [button("Try again", Act.RETRY, ids, style="primary")] if may_retry(shown) else []
    if may_edit(shown):
        elements.append(button("Edit it", Act.EDIT_POST, ids))
    if any(shown.sent(each).live for each in failed):
        elements.append(take_down(ids))
    if may_cancel(shown):
        what = "post" if shown.post.mention_id is None else "reply"
        choice = option(f"Cancel this {what}", pack(do="cancel", post=shown.post.id))
        elements.append(menu(Act.POST_MENU, [choice]))
    return [actions(*elements)] if elements else []


def _sent_back(shown: PostOverview) -> tuple[str, list[Block]]:
    last = shown.approvals[-1]
    rejected = shown.post.state is PostState.REJECTED
    text = f"<@{last.user_id}> {'rejected' if rejected else 'asked for changes to'} your post"
    label = "Edit it" if not rejected else "Edit it and ask again"
    above = [
        section(f"{text}:\n>{excerpt(shown)}"),
        section(f"“{shorten(escape(last.comment), LONGEST_COMMENT)}”"),
    ]
    ids = pack(post=shown.post.id)
    if shown.offer is None or shown.suggestion is None:
        return text, [*above, actions(button(label, Act.EDIT_POST, ids, style="primary"))]
    return text, [
        *above,
        section("*The suggested text:*"),
        *difference(shown, *shown.suggestion, FOR_SUGGESTION),
        actions(use(shown.offer), button(label, Act.EDIT_POST, ids)),
    ]


def changed_by_another(shown: PostOverview) -> str:
    """What somebody else did with the author's post, as long as that is the last thing that
    happened to it; else nothing."""
    last = shown.history[-1] if shown.history else None
    if last is None or last.actor_id in (None, shown.post.author_id) or last.action not in CHANGED:
        return ""
    what = "post" if shown.post.mention_id is None else "reply"
    return f"<@{last.actor_id}> {CHANGED[last.action]} your {what}"


def next_step(shown: PostOverview) -> Block:
    """What the author can do about that: a button."""
    if shown.post.state is PostState.CANCELLED and shown.post.mention_id is None:
        return button("Edit it and ask again", Act.EDIT_POST, pack(post=shown.post.id))
    return button("Open", Act.OPEN_POST, shown.post.id)


def _changed(shown: PostOverview, text: str) -> tuple[str, list[Block]]:
    is_cancelled = shown.post.state is PostState.CANCELLED
    as_it_is = f"{state_line(shown)} · {time_line(shown)}"
    return text, [
        section(f"{text}:\n>{excerpt(shown)}"),
        context("Its text and pictures are kept." if is_cancelled else as_it_is),
        actions(next_step(shown)),
    ]


def excerpt(shown: PostOverview) -> str:
    """How the post begins, escaped."""
    text = text_of(shown.revision)
    first = thread_parts(text)[0].strip().split("\n")[0]
    return shorten(escape(first), 150) + (" …" if first != text else "") or "_only pictures_"
