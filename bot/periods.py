"""Periods of digests, and when a plan's digest is due. Days are calendar days in a zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.times import next_occurrence
from bot.zones import first_existing
from storage.records import DigestPlan

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


class Span(StrEnum):
    DAY = "day"  # one calendar day
    WEEK = "week"  # seven full calendar days
    SO_FAR = "so far"  # the last seven calendar days, of which today isn't over


@dataclass(frozen=True, slots=True)
class Period:
    """A time that a digest is about, and the one it is held against.

    ``start`` and ``end`` (not included) are instants in UTC; ``first`` and ``last`` are the days
    in ``zone``. The period before is as long, by the clock on the wall.
    """

    span: Span
    zone: ZoneInfo
    first: date
    last: date
    start: datetime
    end: datetime
    before_start: datetime
    before_end: datetime

    @property
    def days(self) -> tuple[date, ...]:
        return _days(self.first, self.last)

    @property
    def days_before(self) -> tuple[date, ...]:
        """The days that stand beside ``days`` in the period before."""
        back = _DAY if self.span is Span.DAY else _WEEK
        return tuple(day - back for day in self.days)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) of a calendar day, also where the clocks skip or repeat midnight."""
    return first_existing(day, 0, zone)


def day_before(moment: datetime, zone: ZoneInfo) -> Period:
    """The last full day at a moment."""
    today = moment.astimezone(zone).date()
    return _full(Span.DAY, today - _DAY, today - _DAY, zone)


def week_before(moment: datetime, zone: ZoneInfo) -> Period:
    """The last seven full days at a moment."""
    today = moment.astimezone(zone).date()
    return _full(Span.WEEK, today - _WEEK, today - _DAY, zone)


def so_far(moment: datetime, zone: ZoneInfo) -> Period:
    """The last seven days up to a moment, held against the same time a week earlier."""
    local = moment.astimezone(zone)
    first, minute = local.date() - 6 * _DAY, local.hour * 60 + local.minute
    start = day_start(first - _WEEK, zone)
    return Period(
        span=Span.SO_FAR,
        zone=zone,
        first=first,
        last=local.date(),
        start=day_start(first, zone),
        end=moment.astimezone(UTC),
        before_start=start,
        before_end=first_existing(local.date() - _WEEK, minute, zone),
    )


def last_days(period: Period, count: int) -> tuple[date, ...]:
    """The last ``count`` days up to the period's last one."""
    return _days(period.last - (count - 1) * _DAY, period.last)


def reported(plan: DigestPlan, occurrence: datetime) -> Period:
    """What the digest of a plan that is due at ``occurrence`` (UTC) is about."""
    zone = ZoneInfo(plan.zone)
    return (day_before if plan.weekday is None else week_before)(occurrence, zone)


def next_due(plan: DigestPlan, after: datetime) -> datetime:
    """When (UTC) the plan's first digest after a moment is due."""
    return next_occurrence(_weekdays(plan), plan.minute, ZoneInfo(plan.zone), after)


def newest_due(plan: DigestPlan, now: datetime) -> datetime | None:
    """When (UTC) the plan's newest digest was due; None if there was none since it was made."""
    newest = None
    coming = next_due(plan, max(plan.created_at, now - 8 * _DAY))
    while coming <= now:
        newest, coming = coming, next_due(plan, coming)
    return newest


def _weekdays(plan: DigestPlan) -> range:
    return range(7) if plan.weekday is None else range(plan.weekday, plan.weekday + 1)


def _full(span: Span, first: date, last: date, zone: ZoneInfo) -> Period:
    length = last - first + _DAY
    return Period(
        span=span,
        zone=zone,
        first=first,
        last=last,
        start=day_start(first, zone),
        end=day_start(last + _DAY, zone),
        before_start=day_start(first - length, zone),
        before_end=day_start(first, zone),
    )


def _days(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + number * _DAY for number in range((last - first).days + 1))
