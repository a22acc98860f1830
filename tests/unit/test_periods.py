"""Periods of digests: calendar days in a zone, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import periods
from bot.periods import Period, Span, day_start, newest_due, next_due, reported
from storage.records import DigestPlan

DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "America/Havana",  # midnight comes twice in autumn, and not at all in spring
            "Asia/Beirut",  # the clocks change at midnight
            "Australia/Lord_Howe",  # by half an hour
            "Pacific/Apia",  # skipped 30 Dec 2011
            "Pacific/Kiritimati",
            "Asia/Kathmandu",
        )
    ]
)
_EDGES = datetime(2005, 1, 1), datetime(2036, 12, 31)  # noqa: DTZ001  # as Hypothesis wants them
MOMENTS = st.datetimes(*_EDGES, timezones=st.just(UTC))


def plan(
    *,
    weekday: int | None = None,
    minute: int = 9 * 60,
    zone: str = "Europe/Berlin",
    made: datetime = datetime(2026, 1, 1, tzinfo=UTC),
) -> DigestPlan:
    return DigestPlan("p", "T1", "C1", weekday, minute, zone, "U1", made)


def local(moment: datetime, zone: ZoneInfo = BERLIN) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


@given(MOMENTS, ZONES)
def test_a_day_begins_at_its_first_instant(moment: datetime, zone: ZoneInfo) -> None:
    day = moment.astimezone(zone).date()
    start = day_start(day, zone)
    assert start <= moment < day_start(day + DAY, zone)
    assert start.astimezone(zone).date() == day
    assert (start - timedelta(seconds=1)).astimezone(zone).date() < day


@given(MOMENTS, ZONES)
def test_full_periods_end_where_today_begins_and_follow_each_other(
    moment: datetime, zone: ZoneInfo
) -> None:
    today = moment.astimezone(zone).date()
    for period, length in (
        (periods.day_before(moment, zone), 1),
        (periods.week_before(moment, zone), 7),
    ):
        assert period.end == day_start(today, zone)
        assert period.last == today - DAY
        assert len(period.days) == len(period.days_before) == length
        assert period.before_end == period.start
        assert period.before_start <= period.start <= period.end <= moment
        assert period.days_before[0] == period.before_start.astimezone(zone).date() or (
            zone.key == "Pacific/Apia"  # that day never was
        )


@given(MOMENTS, ZONES)
def test_so_far_is_held_against_the_same_time_a_week_earlier(
    moment: datetime, zone: ZoneInfo
) -> None:
    period = periods.so_far(moment, zone)
    assert period.end == moment
    assert len(period.days) == 7
    assert period.last == moment.astimezone(zone).date()
    assert period.before_start <= period.before_end <= period.start <= period.end
    there, here = period.before_end.astimezone(zone), moment.astimezone(zone)
    assert abs((here.replace(tzinfo=None) - there.replace(tzinfo=None)) - 7 * DAY) <= timedelta(
        hours=25
    )


def test_a_day_of_a_clock_change_has_23_or_25_hours() -> None:
    spring = periods.day_before(datetime(2026, 3, 30, 7, 0, tzinfo=UTC), BERLIN)
    autumn = periods.day_before(datetime(2026, 10, 26, 8, 0, tzinfo=UTC), BERLIN)
    assert spring.end - spring.start == timedelta(hours=23)
    assert autumn.end - autumn.start == timedelta(hours=25)


@given(
    MOMENTS,
    ZONES,
    st.none() | st.integers(0, 6),
    st.integers(0, 1439),
    st.integers(0, 20 * 24 * 60),
)
def test_the_newest_due_is_the_last_one_before_now(
    now: datetime, zone: ZoneInfo, weekday: int | None, minute: int, age_minutes: int
) -> None:
    made = plan(
        weekday=weekday, minute=minute, zone=zone.key, made=now - timedelta(minutes=age_minutes)
    )
    newest = newest_due(made, now)
    coming = next_due(made, now)
    assert coming > now
    if newest is None:
        assert next_due(made, made.created_at) > now
    else:
        assert made.created_at < newest <= now
        assert next_due(made, newest) == coming, "none lies between"


def test_a_daily_digest_is_about_yesterday_and_a_weekly_one_about_seven_days() -> None:
    nine = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # Monday 9:00 in Berlin
    daily = reported(plan(), nine)
    assert (daily.span, daily.days) == (Span.DAY, (date(2026, 11, 22),))
    weekly = reported(plan(weekday=0), nine)
    assert (weekly.span, weekly.first, weekly.last) == (
        Span.WEEK,
        date(2026, 11, 16),
        date(2026, 11, 22),
    )


def test_a_day_is_that_of_the_plans_zone() -> None:
    moment = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # still Sunday in New York
    there = reported(plan(zone="America/New_York", minute=21 * 60), moment)
    assert there.days == (date(2026, 11, 21),)


@pytest.mark.parametrize(
    ("day", "due"),
    [
        ("2026-03-28", "2026-03-28 02:30"),
        ("2026-03-29", "2026-03-29 03:00"),  # 2:30 is skipped
        ("2026-10-25", "2026-10-25 02:30"),  # comes twice, counts once
    ],
)
def test_a_plan_keeps_its_time_on_the_wall(day: str, due: str) -> None:
    midnight = datetime.combine(date.fromisoformat(day), time(), BERLIN)
    first = next_due(plan(minute=150), midnight)
    assert local(first) == due
    assert next_due(plan(minute=150), first) - first >= timedelta(hours=22)


def test_the_last_days_end_with_the_periods_last() -> None:
    period: Period = periods.day_before(datetime(2026, 11, 23, 8, tzinfo=UTC), BERLIN)
    assert periods.last_days(period, 14) == tuple(
        date(2026, 11, 9) + number * DAY for number in range(14)
    )
