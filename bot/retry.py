"""What happens after a failed attempt: a pure decision on the kind of error."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from bot.errors import Expired, NetworkError, RateLimited, Rejected

SHORTEST_WAIT = timedelta(seconds=1)  # after a limit that is over already
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at a time (UTC). ``whole_account``: its other posts wait until then, too."""

    at: datetime
    whole_account: bool = False


@dataclass(frozen=True, slots=True)
class UntilReconnected:
    """It waits until its account is connected again."""


@dataclass(frozen=True, slots=True)
class Never:
    """Trying again by itself doesn't help: a person decides."""


Next = Again | UntilReconnected | Never


def what_next(
    error: NetworkError,
    *,
    attempt: int,
    due_at: datetime,
    now: datetime,
    random: Random,
    longest: timedelta = LONGEST_WAIT,
) -> Next:
    """What happens after an error.

    :param attempt: how many there were, this one included.
    :param due_at: the promised time; after ``GIVE_UP_AFTER`` a person decides.
    :param longest: the longest wait that we choose ourselves.
    """
    if isinstance(error, RateLimited):
        return Again(max(error.until, now + SHORTEST_WAIT), whole_account=True)
    if isinstance(error, Expired):
        return UntilReconnected()
    if isinstance(error, Rejected) or now - due_at > GIVE_UP_AFTER:
        return Never()
    return Again(now + backoff(attempt, random, longest))


def backoff(attempt: int, random: Random, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """Doubling from 5 s up to the longest, with jitter between half and the whole of it."""
    doublings: int = 2 ** min(attempt - 1, 12)
    whole = min(FIRST_WAIT * doublings, longest)
    return whole * random.uniform(0.5, 1.0)
