"""How often one person may do what costs money or noise, or tries passwords.

Counted in this process alone: with several, each counts for itself, so the limits are up to that
many times higher. They keep mistakes and mischief small; nothing that must hold rests on them.
What a person in a crisis needs isn't limited: pausing, deciding, resolving.
"""

import time
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.team import Person

if TYPE_CHECKING:
    from limits.strategies import MovingWindowRateLimiter


class Costly(StrEnum):
    """What is limited, in the words of the refusal."""

    CONNECT = "connect an account"
    DIGEST = "draw the numbers"
    PLAN = "plan digests"
    WATCH = "add words and feeds"


LIMITS = {
    Costly.CONNECT: "10 per hour",  # each tries a password on a network
    Costly.DIGEST: "10 per minute",  # each draws and uploads a chart
    Costly.PLAN: "30 per hour",
    Costly.WATCH: "60 per hour",  # each fetches a feed
}


class TooOften(UserError):
    """The person did it too often. The text says when to try again."""


class Pace:
    """Counts what people do."""

    @cached_property
    def _limiter(self) -> "MovingWindowRateLimiter":
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        return MovingWindowRateLimiter(MemoryStorage())

    def require(self, person: Person, costly: Costly) -> None:
        """Count it.

        :raises TooOften: it isn't counted and shouldn't be done.
        """
        from limits import parse

        limit = parse(LIMITS[costly])
        named = (costly.value, person.workspace_id, person.user_id)
        if self._limiter.hit(limit, *named):
            return
        again = self._limiter.get_window_stats(limit, *named).reset_time
        minutes = max(1, -(-int(again - time.time()) // 60))
        span = "a minute" if minutes == 1 else f"{minutes} minutes"
        raise TooOften(
            f"That was too often: you can {costly} {limit.amount} times "
            f"{'an hour' if limit.GRANULARITY.name == 'hour' else 'a minute'}. Nothing was "
            f"changed. Try again in {span}."
        )
