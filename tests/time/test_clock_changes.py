"""Clocks that are put forward and back, in zones that do it differently; and the leap day.

The table holds facts from the past, so that no law changes them: half an hour on Lord Howe, at
midnight in Chile, in a negative summer time around Ramadan in Morocco.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import periods
from bot.times import (
    ImpossibleDate,
    RepeatedHour,
    SkippedHour,
    from_parts,
    next_free,
    understand,
)
from storage.records import DigestPlan, Slot

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
BEFORE = datetime(2025, 1, 10, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Forward:
    """A local time that doesn't exist, and the first instant after the gap."""

    zone: str
    skipped: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class Back:
    """A local time that comes twice, and when."""

    zone: str
    repeated: datetime
    first: datetime
    second: datetime


def local(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2025, month, day, hour, minute)  # noqa: DTZ001  # what clocks on walls show


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2025, month, day, hour, minute, tzinfo=UTC)


FORWARD = [
    Forward("Europe/Berlin", local(3, 30, 2, 30), utc(3, 30, 1)),
    Forward("America/New_York", local(3, 9, 2, 30), utc(3, 9, 7)),
    Forward("Australia/Lord_Howe", local(10, 5, 2, 15), utc(10, 4, 15, 30)),
    Forward("America/Santiago", local(9, 7, 0, 30), utc(9, 7, 4)),
    Forward("Africa/Casablanca", local(4, 6, 2, 30), utc(4, 6, 2)),
]
BACK = [
    Back("Europe/Berlin", local(10, 26, 2, 30), utc(10, 26, 0, 30), utc(10, 26, 1, 30)),
    Back("America/New_York", local(11, 2, 1, 30), utc(11, 2, 5, 30), utc(11, 2, 6, 30)),
    Back("Australia/Lord_Howe", local(4, 6, 1, 45), utc(4, 5, 14, 45), utc(4, 5, 15, 15)),
    Back("America/Santiago", local(4, 5, 23, 30), utc(4, 6, 2, 30), utc(4, 6, 3, 30)),
    Back("Africa/Casablanca", local(2, 23, 2, 30), utc(2, 23, 1, 30), utc(2, 23, 2, 30)),
]
forward = pytest.mark.parametrize("change", FORWARD, ids=lambda change: change.zone)
back = pytest.mark.parametrize("change", BACK, ids=lambda change: change.zone)


def typed(at: datetime) -> str:
    return f"{at:%d %b %Y %H:%M}"


def daily(zone: str, at: datetime) -> DigestPlan:
    """A digest every day at a clock of that zone."""
    return DigestPlan(
        id="plan",
        workspace_id="T1",
        channel="C1",
        weekday=None,
        minute=at.hour * 60 + at.minute,
        zone=zone,
        created_by="U1",
        created_at=BEFORE,
    )


def slot(at: datetime) -> Slot:
    return Slot(at.weekday(), at.hour * 60 + at.minute)


# Put forward


@forward
def test_words_for_a_skipped_time_offer_the_instants_around_the_gap(change: Forward) -> None:
    zone = ZoneInfo(change.zone)
    with pytest.raises(SkippedHour) as refused:
        understand(typed(change.skipped), now=BEFORE, zone=zone)
    meant = [understand(offer, now=BEFORE, zone=zone) for offer in refused.value.offers]
    assert meant == [change.after - MINUTE, change.after]


@forward
def test_a_picked_skipped_time_is_refused(change: Forward) -> None:
    picked = change.skipped
    with pytest.raises(SkippedHour):
        from_parts(picked.date(), picked.time(), now=BEFORE, zone=ZoneInfo(change.zone))


@forward
def test_a_posting_time_in_the_gap_is_the_first_instant_after_it_that_week(
    change: Forward,
) -> None:
    zone, wanted = ZoneInfo(change.zone), slot(change.skipped)
    found = next_free([wanted], [], after=change.after - DAY, zone=zone)
    assert found == change.after
    following = next_free([wanted], [found], after=change.after - DAY, zone=zone)
    assert following.astimezone(zone).replace(tzinfo=None) == change.skipped + 7 * DAY


@forward
def test_a_digest_in_the_gap_comes_right_after_it_and_once(change: Forward) -> None:
    plan = daily(change.zone, change.skipped)
    due = [periods.next_due(plan, change.after - 2 * DAY)]
    while len(due) < 4:
        due.append(periods.next_due(plan, due[-1]))
    assert due.count(change.after) == 1
    zone = ZoneInfo(change.zone)
    days = [each.astimezone(zone).date() for each in due]
    assert days == [days[0] + number * DAY for number in range(4)]
    others = [each.astimezone(zone).time() for each in due if each != change.after]
    assert set(others) == {change.skipped.time()}


@forward
def test_the_same_clock_tomorrow_is_less_than_a_day_away(change: Forward) -> None:
    zone = ZoneInfo(change.zone)
    noon = datetime.combine(change.skipped.date() - DAY, time(12), zone).astimezone(UTC)
    tomorrow = understand("tomorrow 12:00", now=noon, zone=zone)
    assert tomorrow.astimezone(zone).time() == time(12)
    gap = timedelta(minutes=30) if change.zone == "Australia/Lord_Howe" else timedelta(hours=1)
    assert tomorrow - noon == DAY - gap
    assert understand("in 24 hours", now=noon, zone=zone) - noon == DAY


# Put back


@back
def test_words_for_a_repeated_time_ask_which_and_take_both_answers(change: Back) -> None:
    zone = ZoneInfo(change.zone)
    with pytest.raises(RepeatedHour) as asked:
        understand(typed(change.repeated), now=BEFORE, zone=zone)
    meant = [understand(offer, now=BEFORE, zone=zone) for offer in asked.value.offers]
    assert meant == [change.first, change.second]


@back
def test_a_picked_repeated_time_is_asked_about(change: Back) -> None:
    picked = change.repeated
    with pytest.raises(RepeatedHour):
        from_parts(picked.date(), picked.time(), now=BEFORE, zone=ZoneInfo(change.zone))


@back
def test_a_posting_time_that_comes_twice_is_the_first_one_alone(change: Back) -> None:
    zone, wanted = ZoneInfo(change.zone), slot(change.repeated)
    found = next_free([wanted], [], after=change.first - DAY, zone=zone)
    assert found == change.first
    following = next_free([wanted], [], after=change.first, zone=zone)
    assert following.astimezone(zone).replace(tzinfo=None) == change.repeated + 7 * DAY
    assert next_free([wanted], [], after=change.second - MINUTE, zone=zone) == following


@back
def test_a_digest_at_a_time_that_comes_twice_comes_once(change: Back) -> None:
    plan = daily(change.zone, change.repeated)
    assert periods.next_due(plan, change.first - MINUTE) == change.first
    after = periods.next_due(plan, change.first)
    zone = ZoneInfo(change.zone)
    assert after.astimezone(zone).replace(tzinfo=None) == change.repeated + DAY
    assert periods.newest_due(plan, change.second + MINUTE) == change.first


@back
def test_the_same_clock_tomorrow_is_more_than_a_day_away(change: Back) -> None:
    zone = ZoneInfo(change.zone)
    before = (change.repeated - DAY / 2).date()
    noon = datetime.combine(before, time(12), zone).astimezone(UTC)
    tomorrow = understand("tomorrow 12:00", now=noon, zone=zone)
    assert tomorrow.astimezone(zone).time() == time(12)
    assert tomorrow - noon == DAY + (change.second - change.first)


# The leap day

BERLIN = ZoneInfo("Europe/Berlin")
LEAP = datetime(2028, 2, 29, 8, tzinfo=UTC)  # 9:00 in Berlin


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tomorrow 9:00", datetime(2028, 2, 28, 12, tzinfo=UTC)),
        ("in 2 days at 9:00", datetime(2028, 2, 27, 12, tzinfo=UTC)),
        ("next tuesday 9:00", datetime(2028, 2, 22, 12, tzinfo=UTC)),
        ("29 feb 9:00", datetime(2028, 2, 28, 12, tzinfo=UTC)),
        ("29 feb 9:00", datetime(2027, 3, 5, 12, tzinfo=UTC)),
        ("29.2.2028 9:00", datetime(2027, 3, 5, 12, tzinfo=UTC)),
        ("in 24 hours", datetime(2028, 2, 28, 8, tzinfo=UTC)),
    ],
)
def test_words_reach_the_leap_day(words: str, said: datetime) -> None:
    assert understand(words, now=said, zone=BERLIN) == LEAP


def test_a_year_without_one_has_none() -> None:
    now = datetime(2027, 1, 10, 12, tzinfo=UTC)
    for words in ("29 feb 2027 9:00", "29.2.2027 9:00"):
        with pytest.raises(ImpossibleDate):
            understand(words, now=now, zone=BERLIN)
    last = datetime(2027, 2, 28, 12, tzinfo=UTC)
    assert understand("tomorrow 9:00", now=last, zone=BERLIN).date() == date(2027, 3, 1)


def test_it_is_picked_has_posting_times_and_a_digest() -> None:
    now = datetime(2028, 2, 28, 12, tzinfo=UTC)
    assert from_parts(date(2028, 2, 29), time(9), now=now, zone=BERLIN) == LEAP
    assert next_free([Slot(1, 9 * 60)], [], after=now, zone=BERLIN) == LEAP
    plan = daily("Europe/Berlin", datetime(2028, 2, 29, 9))  # noqa: DTZ001  # a clock on a wall
    assert periods.next_due(plan, now) == LEAP
    assert periods.reported(plan, LEAP + DAY).days == (date(2028, 2, 29),)
