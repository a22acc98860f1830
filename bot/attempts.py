"""One attempt at one delivery: what it works with, and how long is waited for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.errors import Uncertain
from bot.networks.base import Published
from bot.retry import LONGEST_WAIT
from storage.records import (
    Account,
    Delivery,
    Medium,
    Part,
    PartKind,
    PartState,
    Post,
    Revision,
)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long is waited for what. A delivery is claimed ``ahead`` of its time, to upload its
    pictures. ``claim`` is its lease until a call is confirmed, renewed all the time, and ``lease``
    from then on: it must outlive the call. What an owner that is gone left is taken over after
    that, and ``patience`` later if a call had begun. ``notice`` is the lease of a notice, two
    thirds of which a call of Slack's may take. ``longest_wait``: before another try."""

    ahead: timedelta = timedelta(seconds=3)
    claim: timedelta = timedelta(seconds=15)
    call: timedelta = timedelta(seconds=60)
    lease: timedelta = timedelta(seconds=120)
    patience: timedelta = timedelta(seconds=60)
    notice: timedelta = timedelta(seconds=30)
    longest_wait: timedelta = LONGEST_WAIT


@dataclass(slots=True)
class Attempt:
    """Everything one attempt works with. ``late``: past the workspace's limit, so that nothing new
    may go out; ``late_from``: that limit (UTC), which may pass after the claim. ``time``: not
    before it (UTC) the call may be made, ``at`` the same by `time.monotonic`; ``may_upload``:
    whether its pictures may be uploaded sooner. ``part`` is the one that is being sent, which
    everything that goes wrong concerns, and ``published`` what became of it; ``first`` is a
    thread's first post, once it is out."""

    delivery: Delivery
    revision: Revision
    post: Post
    account: Account
    media: Mapping[str, Medium]
    reply_to: Mapping[str, Any] | None
    parts: Sequence[Part]
    late: bool
    late_from: datetime
    time: datetime
    at: float
    may_upload: bool = True
    part: Part | None = None
    published: Published | None = None
    first: Published | None = None

    @property
    def uploads(self) -> Sequence[Part]:
        return [part for part in self.parts if part.kind is PartKind.UPLOAD]

    @property
    def posts(self) -> Sequence[Part]:
        """One, or those of a thread in their order."""
        return [part for part in self.parts if part.kind is PartKind.POST]


def as_result(published: Published) -> Mapping[str, Any]:
    """What is kept of a part that is out."""
    return {
        "remote_id": published.remote_id,
        "url": published.url,
        "reply_to": dict(published.reply_to),
    }


def from_result(result: Mapping[str, Any]) -> Published:
    """What was kept of a part that is out."""
    return Published(result["remote_id"], result["url"], result.get("reply_to", {}))


def may_be_out(attempt: Attempt, error: Exception) -> bool:
    """Whether the part may be on the network although the attempt failed.

    A clear answer settles only the call it belongs to: one that was uncertain before this
    attempt stays so. What is out stays out, even if that couldn't be kept.
    """
    if attempt.published is not None:
        return True
    if attempt.part is None:  # it failed before anything of it was looked at
        return any(part.state is PartState.BEGUN for part in attempt.posts)
    return isinstance(error, Uncertain) or attempt.part.state is PartState.BEGUN
