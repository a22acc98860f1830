"""When to try again: a pure decision on the kind of error."""

from datetime import datetime, timedelta
from random import Random

from bot.errors import Expired, NetworkError, RateLimited, Rejected

SHORTEST_WAIT = timedelta(seconds=1)  # after a limit that is over already
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=6)


def next_attempt(
    error: NetworkError, *, attempt: int, due_at: datetime, now: datetime, random: Random
) -> datetime | None:
    """When to try again (UTC), or None: never by itself.

    :param attempt: how many there were, this one included.
    :param due_at: the promised time; after ``GIVE_UP_AFTER`` a person decides.
    """
    if isinstance(error, RateLimited):
        return max(error.until, now + SHORTEST_WAIT)
    if isinstance(error, Rejected | Expired) or now - due_at > GIVE_UP_AFTER:
        return None
    return now + backoff(attempt, random)


def backoff(attempt: int, random: Random) -> timedelta:
    """Doubling from 5 s up to 10 min, with jitter between half and the whole of it."""
    doublings: int = 2 ** min(attempt - 1, 12)
    whole = min(FIRST_WAIT * doublings, LONGEST_WAIT)
    return whole * random.uniform(0.5, 1.0)
