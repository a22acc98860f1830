"""When to try again: sooner at first, never too late, and never what won't help."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Expired, RateLimited, Rejected, Unavailable, Uncertain
from bot.errors import NetworkError as AnyNetworkError
from bot.retry import FIRST_WAIT, GIVE_UP_AFTER, LONGEST_WAIT, backoff, next_attempt

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TRANSIENT = [Unavailable("down"), Uncertain("lost")]
FOR_GOOD = [Rejected("no"), Expired("no")]


def decide(error: AnyNetworkError, attempt: int = 1, late: timedelta = timedelta(0)) -> object:
    return next_attempt(error, attempt=attempt, due_at=NOW - late, now=NOW, random=Random(1))


@given(attempt=st.integers(1, 10_000), seed=st.integers())
def test_a_wait_is_between_half_and_the_whole_of_a_doubling_one(attempt: int, seed: int) -> None:
    whole = min(FIRST_WAIT * 2 ** min(attempt - 1, 30), LONGEST_WAIT)
    assert whole / 2 <= backoff(attempt, Random(seed)) <= whole


@given(attempt=st.integers(1, 1_000), seed=st.integers())
def test_a_later_wait_is_not_shorter(attempt: int, seed: int) -> None:
    assert backoff(attempt, Random(seed)) <= backoff(attempt + 1, Random(seed))


@given(seconds=st.integers(1, 100_000), attempt=st.integers(1, 50), late=st.integers(0, 100_000))
def test_a_rate_limit_waits_exactly_as_long_as_asked(seconds: int, attempt: int, late: int) -> None:
    until = NOW + timedelta(seconds=seconds)
    error = RateLimited("slow down", until=until)
    assert decide(error, attempt, timedelta(seconds=late)) == until


def test_a_limit_that_is_over_already_is_not_hammered() -> None:
    again = decide(RateLimited("slow down", until=NOW - timedelta(hours=1)))
    assert again == NOW + timedelta(seconds=1)


@pytest.mark.parametrize("error", FOR_GOOD)
def test_what_trying_again_cannot_help_is_not_tried_again(error: AnyNetworkError) -> None:
    assert decide(error) is None


@pytest.mark.parametrize("error", TRANSIENT)
def test_the_rest_is_tried_for_hours_and_then_a_person_decides(error: AnyNetworkError) -> None:
    assert decide(error, 5, GIVE_UP_AFTER) is not None
    assert decide(error, 5, GIVE_UP_AFTER + timedelta(seconds=1)) is None
