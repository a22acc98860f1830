"""Words and forms -> an instant, in the person's zone; and the times that come again every week.

Instants are aware datetimes in UTC, on whole minutes. Local times that the clocks skip, and those
that come twice, are found by a round trip through UTC.
"""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from bot.clockwords import (
    AmbiguousTime,
    Clock,
    DayPart,
    Repeat,
    TimeNotUnderstood,
    UnknownZone,
    clock_of,
    in_day_part,
    names_clock,
    take_clock,
    take_day_part,
    tidy,
)
from bot.daywords import (
    ImpossibleDate,
    NoDayGiven,
    check_rest,
    days,
    not_understood,
    take_date,
    take_dotted_pair,
    waiting_time,
)
from bot.errors import UserError
from bot.zones import (
    abbreviations,
    exists,
    first_existing,
    local_time,
    offset_label,
    to_utc,
    zone_label,
)
from storage.records import Slot

__all__ = [
    "AmbiguousTime",
    "ImpossibleDate",
    "InThePast",
    "NoDayGiven",
    "NoPostingTimes",
    "NoTimeGiven",
    "RepeatedHour",
    "SkippedHour",
    "TimeNotUnderstood",
    "TooFarAhead",
    "UnknownZone",
    "from_parts",
    "next_free",
    "next_occurrence",
    "parse_clock",
    "spoken",
    "understand",
]

FARTHEST = timedelta(days=5 * 365 + 1)
"""Nothing is promised for later than this."""

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_LONGEST_WORDS = 120


class NoTimeGiven(TimeNotUnderstood):
    """A day without a clock."""


class InThePast(TimeNotUnderstood):
    """The instant is over."""


class TooFarAhead(TimeNotUnderstood):
    """More than five years from now."""


class SkippedHour(TimeNotUnderstood):
    """The clocks jump over that time of that day. ``offers`` are the nearest times that exist."""


class RepeatedHour(TimeNotUnderstood):
    """The clocks show that time twice on that day. ``offers`` name the one and the other."""


class NoPostingTimes(UserError):
    """An account without slots has no next free time."""


def understand(words: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) that a person in ``zone`` means by ``words``, said at ``now`` (UTC).

    “Friday 14:00” on a Friday morning is today, “9:00” is the next one, “now” is ``now`` itself. A
    UTC offset or “UTC” behind the clock counts, with the day still the person's own; a zone's
    abbreviation counts if it is what the person's own clocks show then.

    :raises TimeNotUnderstood: one of its kinds, with a message that says what to write instead.
    """
    phrase = tidy(words)
    if not phrase or len(phrase) > _LONGEST_WORDS:
        raise not_understood(words)
    waiting = None if names_clock(phrase) else waiting_time(phrase)
    if waiting is not None:
        return _still_ahead(_whole_minute(now + waiting) if waiting else now, now, zone)
    clock, candidates = _read(phrase, now.astimezone(zone), zone)
    return _still_ahead(_choose(clock, candidates, now, zone), now, zone)


def from_parts(day: date, clock: time, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a date and a time picked in a form by a person in ``zone``.

    :raises TimeNotUnderstood: in the past, too far ahead, or an hour that comes never or twice.
    """
    _check_reach(day, now)
    return _still_ahead(_instant(day, Clock(clock.hour * 60 + clock.minute), zone), now, zone)


def spoken(instant: datetime, zone: ZoneInfo) -> str:
    """The instant in full for a person in ``zone``: “Mon 23 Nov 2026, 09:30 CET”."""
    local = instant.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {zone_label(local)}"


def parse_clock(words: str) -> int:
    """The minute of the day in “9:00”, “9am”, “17.30” or “noon”.

    :raises TimeNotUnderstood: if it isn't one time of day.
    """
    minute = clock_of(words)
    if minute is None:
        raise TimeNotUnderstood(
            f"“{words.strip()[:40]}” isn't a time of day. Write it like “9:00” or “17:30”."
        )
    return minute


def next_free(
    slots: Collection[Slot], taken: Collection[datetime], *, after: datetime, zone: ZoneInfo
) -> datetime:
    """The first slot later than ``after`` (UTC) whose minute none of ``taken`` (UTC) holds.

    A slot that the clocks skip moves to the first minute after the gap; one that comes twice
    counts once, the first time.

    :raises NoPostingTimes: if there are no slots.
    """
    if not slots:
        raise NoPostingTimes(
            "This account has no posting times yet. Add some with /social slots, or choose a time."
        )
    held = {instant.astimezone(UTC).replace(second=0, microsecond=0) for instant in taken}
    return next(instant for instant in _occurrences(slots, after, zone) if instant not in held)


def next_occurrence(
    weekdays: Collection[int], minute_of_day: int, zone: ZoneInfo, after: datetime
) -> datetime:
    """The first instant (UTC) after ``after`` that is that time on one of ``weekdays`` in ``zone``.

    Clock changes are handled as for slots. Weekdays count from 0 (Monday).

    :raises ValueError: if ``weekdays`` is empty.
    """
    if not weekdays:
        raise ValueError("an occurrence needs at least one weekday")
    return next(_occurrences([Slot(weekday, minute_of_day) for weekday in weekdays], after, zone))


def _occurrences(slots: Collection[Slot], after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    first = after.astimezone(zone).date() - _DAY
    for number in count():
        day = first + timedelta(days=number)
        on_day = {
            first_existing(day, slot.minute, zone)
            for slot in slots
            if slot.weekday == day.weekday()
        }
        yield from sorted(instant for instant in on_day if instant > after)


def _read(phrase: str, local: datetime, zone: ZoneInfo) -> tuple[Clock, tuple[date, ...]]:
    """The clock in the phrase, and the days it may belong to, the likeliest first."""
    today = local.date()
    part, rest = take_day_part(_without_t(phrase))
    day, rest = take_date(rest, today)

    def allows_bare(others: str) -> bool:
        return day is not None or part is not None or (bool(others) and _is_day(others, today))

    clock, rest = take_clock(rest, abbreviations(local.year, zone), allows_bare)
    if day is None and clock is not None:
        day, rest = take_dotted_pair(rest, today)
    if day is not None:
        check_rest(rest, day)
    candidates = days(rest, today) if day is None else (day,)
    if clock is None:
        raise (
            _no_time(phrase, candidates[0], part, local) if day or rest else not_understood(phrase)
        )
    return in_day_part(clock, part, phrase), candidates


def _without_t(phrase: str) -> str:
    """“2026-12-25t18:00” in two words."""
    return re.sub(r"(\d-\d{2})t(\d)", r"\1 \2", phrase)


def _is_day(words: str, today: date) -> bool:
    try:
        return bool(days(words, today))
    except TimeNotUnderstood:
        return False


def _no_time(phrase: str, day: date, part: DayPart | None, local: datetime) -> NoTimeGiven:
    hour = {DayPart.AFTERNOON: 15, DayPart.EVENING: 19}.get(part or DayPart.MORNING, 9)
    if day == local.date() and hour <= local.hour:
        hour = local.hour + 1
    fits = day >= local.date() and hour < (12 if part is DayPart.MORNING else 24)
    offer = f"{phrase} {hour}:00" if fits else "tomorrow 9:00"
    return NoTimeGiven(f"At what time? Write for instance “{offer}”.", [offer])


def _choose(clock: Clock, candidates: tuple[date, ...], now: datetime, zone: ZoneInfo) -> datetime:
    """The first day whose instant is still ahead, or else the first of all (refused as past)."""
    if clock.either_midnight:
        return _midnight(clock, candidates, now, zone)
    for day in candidates:
        _check_reach(day, now)
    ahead = (day for day in candidates if _roughly(day, clock, zone) > now)
    return _instant(next(ahead, candidates[0]), clock, zone)


def _midnight(
    clock: Clock, candidates: tuple[date, ...], now: datetime, zone: ZoneInfo
) -> datetime:
    """“Friday midnight” is the one before or after Friday, unless only that is still ahead."""
    day = candidates[0] if len(candidates) < 3 else now.astimezone(zone).date()
    _check_reach(day, now)
    if _roughly(day, clock, zone) > now:
        offers = [f"{one.day} {one:%b %Y} 0:00" for one in (day, day + _DAY)]
        raise AmbiguousTime(
            f"Midnight before or after {day:%A}? Write “{offers[0]}” or “{offers[1]}”.", offers
        )
    return _instant(day + _DAY, clock, zone)


def _check_reach(day: date, now: datetime) -> None:
    """Refuses what is years away before it is computed with: the calendar ends at 9999."""
    if day > now.date() + FARTHEST:
        raise TooFarAhead(
            f"{day.day} {day:%b} {day.year} is more than five years ahead. Choose an earlier time."
        )
    if day.year < 1970:
        raise InThePast(f"{day.day} {day:%b} {day.year} is long past. Choose a later time.")


def _still_ahead(instant: datetime, now: datetime, zone: ZoneInfo) -> datetime:
    if instant < now:
        raise InThePast(
            f"That was {_ago(now - instant)} ago ({spoken(instant, zone)}). Choose a later time."
        )
    if instant > now + FARTHEST:
        raise TooFarAhead(
            f"{spoken(instant, zone)} is more than five years ahead. Choose an earlier time."
        )
    return instant


def _ago(passed: timedelta) -> str:
    minutes = int(passed / _MINUTE)
    for size, unit in ((365 * 1440, "year"), (1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            number = minutes // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"


def _whole_minute(instant: datetime) -> datetime:
    """Up to the next full minute, so that what is shown is when it happens."""
    cut = instant.replace(second=0, microsecond=0)
    return cut if cut == instant else cut + _MINUTE


def _roughly(day: date, clock: Clock, zone: ZoneInfo) -> datetime:
    """The instant, whatever the clocks do: good enough to tell whether it is still ahead."""
    naive = local_time(day, clock.minute)
    return (
        naive.replace(tzinfo=clock.offset).astimezone(UTC)
        if clock.offset
        else to_utc(naive, zone, 1)
    )


def _instant(day: date, clock: Clock, zone: ZoneInfo) -> datetime:
    """The one instant of a local time.

    :raises SkippedHour, RepeatedHour: if there are none or two.
    :raises UnknownZone: if a zone is named that the person's clocks don't show then.
    """
    naive = local_time(day, clock.minute)
    if clock.offset:
        return naive.replace(tzinfo=clock.offset).astimezone(UTC)
    if not exists(naive, zone):
        raise _skipped(naive, zone)
    readings = {fold: to_utc(naive, zone, fold) for fold in (0, 1)}
    if clock.abbreviation:
        return _named_reading(readings, clock.abbreviation, zone)
    if readings[0] != readings[1] and clock.repeat is None:
        raise _repeated(naive, readings, zone)
    return readings[1 if clock.repeat is Repeat.SECOND else 0]


def _named_reading(readings: dict[int, datetime], abbreviation: str, zone: ZoneInfo) -> datetime:
    for instant in readings.values():
        if (instant.astimezone(zone).tzname() or "").lower() == abbreviation:
            return instant
    own = readings[0].astimezone(zone)
    shown = f"{own.hour}:{own.minute:02}"
    raise UnknownZone(
        f"“{abbreviation.upper()}” isn't what clocks in {zone.key} show then ({zone_label(own)}),"
        f" and may mean several zones. Write your own time ({shown}), or one with its offset, like"
        f" “{shown} {offset_label(own)}” or “{shown} UTC”."
    )


def _skipped(naive: datetime, zone: ZoneInfo) -> SkippedHour:
    after = first_existing(naive.date(), naive.hour * 60 + naive.minute, zone)
    ends = [after - _MINUTE, after]
    offers = [_typed(instant.astimezone(zone)) for instant in ends]
    return SkippedHour(
        f"{_clock_and_day(naive)} doesn't exist: the clocks in {zone.key} are put forward then."
        f" The nearest are “{offers[0]}” and “{offers[1]}”.",
        offers,
    )


def _repeated(naive: datetime, readings: dict[int, datetime], zone: ZoneInfo) -> RepeatedHour:
    offers = [f"{_typed(naive)} {which}" for which in Repeat]
    names = [
        f"{zone_label(one)}, {offset_label(one)}"
        for one in (at.astimezone(zone) for at in readings.values())
    ]
    return RepeatedHour(
        f"{_clock_and_day(naive)} comes twice: the clocks in {zone.key} are put back then."
        f" Write “{offers[0]}” ({names[0]}) or “{offers[1]}” ({names[1]}).",
        offers,
    )


def _clock_and_day(naive: datetime) -> str:
    return f"{naive:%H:%M} on {naive:%a} {naive.day} {naive:%b %Y}"


def _typed(local: datetime) -> str:
    return f"{local.day} {local:%b %Y} {local.hour}:{local.minute:02}"
