"""How far a delivery's posts are: one, or those of a thread. Pure functions over its parts.

A part that is out and is to be deleted says so in its result (``TAKE_DOWN``): from the press until
it is gone nothing may be sent after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.records import Part, PartKind, PartState

TAKE_DOWN = "take_down"
WANTED = "wanted"
GONE = "gone"


@dataclass(frozen=True, slots=True)
class Progress:
    """``live``: the addresses of the posts that are out, by their number from 1. ``uncertain``: the
    number of the first that isn't known to be out, with its part's id. ``can_go_on``: whether what
    isn't out can still be sent."""

    total: int
    live: Mapping[int, str]
    uncertain: int | None
    uncertain_id: str | None
    can_go_on: bool

    @property
    def is_thread(self) -> bool:
        return self.total > 1

    @property
    def first_url(self) -> str:
        """Where people see what is out; empty if nothing is."""
        return next(iter(self.live.values()), "")


NOTHING_SENT = Progress(1, {}, None, None, True)


def progress(parts: Sequence[Part]) -> Progress:
    """Of a delivery's parts, in their order."""
    posts = posts_of(parts)
    next_one = next((part for part in posts if part.state is not PartState.DONE), None)
    return Progress(
        total=max(len(posts), 1),
        live={
            number: str((part.result or {}).get("url") or "")
            for number, part in enumerate(posts, start=1)
            if is_out(part)
        },
        uncertain=None if next_one is None else posts.index(next_one) + 1,
        uncertain_id=None if next_one is None else next_one.id,
        can_go_on=not is_being_taken_down(posts) and not cannot_go_on(posts),
    )


def posts_of(parts: Sequence[Part]) -> list[Part]:
    """The parts that are posts, without uploads."""
    return [part for part in parts if part.kind is PartKind.POST]


def is_out(part: Part) -> bool:
    """Whether readers see it."""
    return part.state is PartState.DONE and (part.result or {}).get(TAKE_DOWN) != GONE


def is_being_taken_down(posts: Sequence[Part]) -> bool:
    """Whether somebody wants these posts deleted, or they are."""
    return any(TAKE_DOWN in (part.result or {}) for part in posts)


def cannot_go_on(posts: Sequence[Part]) -> bool:
    """Whether the rest of a thread has nothing to hang on: a person saw the post before it, and
    the network couldn't be asked what it is called there."""
    out = [part for part in posts if part.state is PartState.DONE]
    return 0 < len(out) < len(posts) and not (out[-1].result or {}).get("reply_to")
