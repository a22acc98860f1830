"""The life of a post and of its deliveries: the tables of allowed steps, and what follows from
content. Pure functions over records."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from bot.errors import AlreadyDone
from storage.records import Content, Delivery, DeliveryState, Post, PostState, Revision

P = PostState
POST_STEPS: Mapping[PostState, frozenset[PostState]] = {
    P.DRAFT: frozenset({P.IN_REVIEW, P.SCHEDULED, P.CANCELLED}),
    P.IN_REVIEW: frozenset({P.DRAFT, P.SCHEDULED, P.CHANGES_REQUESTED, P.REJECTED, P.CANCELLED}),
    P.CHANGES_REQUESTED: frozenset({P.DRAFT, P.CANCELLED}),
    P.REJECTED: frozenset({P.DRAFT}),
    P.SCHEDULED: frozenset({P.DRAFT, P.IN_REVIEW, P.PUBLISHING, P.CANCELLED}),
    P.PUBLISHING: frozenset({P.PUBLISHED, P.PARTLY_PUBLISHED, P.FAILED, P.SCHEDULED}),  # held
    P.PUBLISHED: frozenset({P.TAKEN_DOWN, P.PARTLY_PUBLISHED}),
    P.PARTLY_PUBLISHED: frozenset({P.PUBLISHING, P.PUBLISHED, P.TAKEN_DOWN, P.FAILED}),
    # Nothing of it is out, so it can change; tried again, it is scheduled for now.
    P.FAILED: frozenset({P.DRAFT, P.CANCELLED, P.SCHEDULED, P.PUBLISHING})
    | {P.PUBLISHED, P.PARTLY_PUBLISHED, P.TAKEN_DOWN},
    P.CANCELLED: frozenset({P.DRAFT}),
    P.TAKEN_DOWN: frozenset(),
}

D = DeliveryState
DELIVERY_STEPS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    D.PENDING: frozenset({D.SENDING, D.HELD, D.CANCELLED, D.FAILED}),  # a thread, taken down
    D.SENDING: frozenset({D.PUBLISHED, D.FAILED, D.UNKNOWN, D.PENDING, D.HELD}),
    D.UNKNOWN: frozenset({D.PUBLISHED, D.PENDING, D.FAILED}),  # of a thread, the rest isn't out
    D.FAILED: frozenset({D.PENDING, D.CANCELLED, D.TAKEN_DOWN}),  # what was out of a thread
    D.HELD: frozenset({D.PENDING, D.CANCELLED, D.UNKNOWN, D.FAILED}),  # it may be out, in part
    D.PUBLISHED: frozenset({D.TAKEN_DOWN}),
    D.CANCELLED: frozenset(),
    D.TAKEN_DOWN: frozenset(),
}

UNDER_WAY = (P.IN_REVIEW, P.SCHEDULED, P.PUBLISHING)

IN_WORDS: Mapping[PostState, str] = {
    P.DRAFT: "a draft",
    P.IN_REVIEW: "waiting for approval",
    P.CHANGES_REQUESTED: "waiting for changes",
    P.REJECTED: "rejected",
    P.SCHEDULED: "approved and scheduled",
    P.PUBLISHING: "going out right now",
    P.PUBLISHED: "published",
    P.PARTLY_PUBLISHED: "published in part",
    P.FAILED: "failed",
    P.CANCELLED: "cancelled",
    P.TAKEN_DOWN: "taken down",
}


def require_step(post: Post, to: PostState, *, doing: str) -> None:
    """Check a post's step against the table.

    :param doing: what the person wanted, for the message ("approve it").
    :raises AlreadyDone: the step isn't allowed from where the post is.
    """
    if to not in POST_STEPS[post.state]:
        raise AlreadyDone(
            f"You can't {doing}: this post is {IN_WORDS[post.state]}. Nothing was changed."
        )


def too_late(post: Post, done: str) -> AlreadyDone:
    """For a post whose deliveries can't be withdrawn.

    :param done: what can't be done with it any more ("cancelled").
    """
    why = "is out in part" if post.state is P.FAILED else "is going out right now"
    return AlreadyDone(f"This post {why}, so it can't be {done}.")


def can(post: Post, to: PostState) -> bool:
    """Whether the table allows the step."""
    return to in POST_STEPS[post.state]


def outcome(deliveries: Sequence[Delivery]) -> PostState:
    """A post's state, computed from its living deliveries. One that isn't published and has an
    address is a thread that ended halfway."""
    states = {delivery.state for delivery in deliveries}
    if not states:
        return P.CANCELLED
    if D.TAKEN_DOWN in states and states <= {D.TAKEN_DOWN, D.FAILED}:
        return P.TAKEN_DOWN
    if states <= {D.PUBLISHED, D.TAKEN_DOWN}:
        return P.PUBLISHED
    if states & {D.SENDING, D.UNKNOWN} or (
        D.PENDING in states and any(delivery.attempt for delivery in deliveries)
    ):
        return P.PUBLISHING
    is_partly_out = any(each.url for each in deliveries)
    if states <= {D.PENDING, D.HELD} and not is_partly_out:
        return P.SCHEDULED
    if states & {D.PENDING, D.HELD}:
        return P.PUBLISHING
    is_partly_out = is_partly_out or bool(states & {D.PUBLISHED, D.TAKEN_DOWN})
    return P.PARTLY_PUBLISHED if is_partly_out else P.FAILED


def content_hash(content: Content) -> str:
    """SHA-256 over the canonical form: texts per account, link, pictures, alt texts."""
    canonical = json.dumps(
        content.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def thread_parts(text: str) -> list[str]:
    """The posts of a thread: what stands between lines of three hyphens alone. Empty ones are
    left out, so a text without any such line is one post."""
    # "—-" is what phones make of three hyphens while they are typed
    parts = re.split(r"^[^\S\n]*(?:---|—-)[^\S\n]*$", text, flags=re.MULTILINE)
    if len(parts) == 1:
        return [text]
    return [part.strip() for part in parts if part.strip()] or [""]


def without_link(text: str, link: str | None) -> str:
    """The text that `with_link` added the link to."""
    if not link:
        return text
    return "" if text == link else text.removesuffix(f"\n\n{link}")


def with_link(text: str, link: str | None) -> str:
    """What is published: the text, and the link at its end (of a thread, in its last post) unless
    the text holds it already (that link itself, not a longer one that begins with it)."""
    if not link or re.search(rf"{re.escape(link)}(?![\w/?#=&%~+-]|\.\w)", text):
        return text
    return f"{text}\n\n{link}" if text else link


def text_of(revision: Revision) -> str:
    """What a revision says, for recognising it in a list."""
    return revision.base_text.strip() or next(iter(revision.content.texts.values()), "").strip()
