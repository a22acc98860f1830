"""When to try again: sooner at first, never too late, and never what won't help."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Expired, RateLimited, Rejected, Unavailable, Uncertain
from bot.errors import NetworkError as AnyNetworkError
from bot.retry import (
    FIRST_WAIT,
    GIVE_UP_AFTER,
    LONGEST_WAIT,
    Again,
    Never,
    Next,
    UntilReconnected,
    backoff,
    what_next,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TRANSIENT = [Unavailable("down"), Uncertain("lost")]


def decide(error: AnyNetworkError, attempt: int = 1, late: timedelta = timedelta(0)) -> Next:
    return what_next(error, attempt=attempt, due_at=NOW - late, now=NOW, random=Random(1))


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
    assert decide(error, attempt, timedelta(seconds=late)) == Again(until, whole_account=True)


def test_a_limit_that_is_over_already_is_not_hammered() -> None:
    again = decide(RateLimited("slow down", until=NOW - timedelta(hours=1)))
    assert again == Again(NOW + timedelta(seconds=1), whole_account=True)


def test_refused_content_is_not_tried_again() -> None:
    assert decide(Rejected("no")) == Never()


def test_dead_credentials_wait_until_the_account_is_connected_again() -> None:
    assert decide(Expired("no")) == UntilReconnected()


@pytest.mark.parametrize("error", TRANSIENT)
def test_the_rest_is_tried_for_hours_and_then_a_person_decides(error: AnyNetworkError) -> None:
    assert isinstance(decide(error, 5, GIVE_UP_AFTER), Again)
    assert decide(error, 5, GIVE_UP_AFTER + timedelta(seconds=1)) == Never()
