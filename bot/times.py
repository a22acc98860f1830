"""Words and forms -> an instant, in the person's zone; and the times that come again every week.

Instants are aware datetimes in UTC, on whole minutes. Local times that the clocks skip, and those
that come twice, are found by a round trip through UTC.
"""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from bot.errors import UserError
from bot.timewords import (
    AmbiguousTime,
    ImpossibleDate,
    NoDayGiven,
    NoTimeGiven,
    TimeNotUnderstood,
    UnknownZone,
    local_times,
    minute_of_day,
    take_zone,
    typed,
    waiting_time,
)
from bot.zones import exists, first_existing, offset_label, to_utc, zone_label
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
    UTC offset or “UTC” behind the clock counts, with days as they are there; a zone's abbreviation
    counts if it is what the person's own clocks show then.

    :raises TimeNotUnderstood: one of its kinds, with a message that says what to write instead.
    """
    try:
        return _still_ahead(_meant(words, now, zone), now, zone)
    except NoTimeGiven as asked:
        offer = _with_clock(words, now, zone)
        raise NoTimeGiven(f"At what time? Write for instance “{offer}”.", [offer]) from asked


def from_parts(day: date, clock: time, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a date and a time picked in a form by a person in ``zone``.

    :raises TimeNotUnderstood: in the past, too far ahead, or an hour that comes never or twice.
    """
    _check_reach(day, now)
    return _still_ahead(_instant(datetime.combine(day, clock), zone), now, zone)


def spoken(instant: datetime, zone: ZoneInfo) -> str:
    """The instant in full for a person in ``zone``: “Mon 23 Nov 2026, 09:30 CET”."""
    local = instant.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {zone_label(local)}"


def parse_clock(words: str) -> int:
    """The minute of the day in “9:00”, “9am”, “17.30” or “noon”.

    :raises TimeNotUnderstood: if it isn't one time of day.
    """
    minute = minute_of_day(words)
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


def _meant(words: str, now: datetime, zone: ZoneInfo) -> datetime:
    phrase = take_zone(words)
    there = phrase.offset or zone
    base = now.astimezone(there).replace(tzinfo=None)
    waiting = waiting_time(phrase, base)
    if waiting is not None:
        _check_reach((base + waiting).date(), now)
        return _whole_minute(now + waiting) if waiting else now
    times = local_times(phrase, base)
    near = [local for local in times if abs(local - base) <= FARTHEST]
    local = next((one for one in near if to_utc(one, there, 1) > now), times[0])
    _check_reach(local.date(), now)
    if phrase.offset:
        return to_utc(local, phrase.offset, 0)
    return _instant(local, zone, phrase.abbreviation, phrase.fold)


def _with_clock(words: str, now: datetime, zone: ZoneInfo) -> str:
    """The words with a clock, where that makes a time that can be used."""
    plain = " ".join(words.split())
    ended = [re.sub(r"\b(\d{1,2})$", rf"\1{end}", plain) for end in (":00", "pm")]
    for offer in (*ended, *(f"{plain} {hour}:00" for hour in (9, 15, 19, 22))):
        try:
            _still_ahead(_meant(offer, now, zone), now, zone)
        except TimeNotUnderstood:
            continue
        return offer
    return "tomorrow 9:00"


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


def _instant(
    naive: datetime, zone: ZoneInfo, abbreviation: str = "", fold: int | None = None
) -> datetime:
    """The one instant of a local time.

    :raises SkippedHour, RepeatedHour: if there are none or two.
    :raises UnknownZone: if a zone is named that the person's clocks don't show then.
    """
    if not exists(naive, zone):
        raise _skipped(naive, zone)
    readings = [to_utc(naive, zone, 0), to_utc(naive, zone, 1)]
    if abbreviation:
        return _named_reading(readings, abbreviation, zone)
    if readings[0] != readings[1] and fold is None:
        raise _repeated(naive, readings, zone)
    return readings[fold or 0]


def _named_reading(readings: list[datetime], abbreviation: str, zone: ZoneInfo) -> datetime:
    for instant in readings:
        if (instant.astimezone(zone).tzname() or "").upper() == abbreviation.upper():
            return instant
    own = readings[0].astimezone(zone)
    shown = f"{own.hour}:{own.minute:02}"
    raise UnknownZone(
        f"“{abbreviation}” isn't what clocks in {zone.key} show then ({zone_label(own)}),"
        f" and may mean several zones. Write your own time ({shown}), or one with its offset, like"
        f" “{shown} {offset_label(own)}” or “{shown} UTC”."
    )


def _skipped(naive: datetime, zone: ZoneInfo) -> SkippedHour:
    after = first_existing(naive.date(), naive.hour * 60 + naive.minute, zone)
    offers = [typed(instant.astimezone(zone)) for instant in (after - _MINUTE, after)]
    return SkippedHour(
        f"{_clock_and_day(naive)} doesn't exist: the clocks in {zone.key} are put forward then."
        f" The nearest are “{offers[0]}” and “{offers[1]}”.",
        offers,
    )


def _repeated(naive: datetime, readings: list[datetime], zone: ZoneInfo) -> RepeatedHour:
    offers = [f"{typed(naive)} first", f"{typed(naive)} second"]
    names = [
        f"{zone_label(one)}, {offset_label(one)}"
        for one in (at.astimezone(zone) for at in readings)
    ]
    return RepeatedHour(
        f"{_clock_and_day(naive)} comes twice: the clocks in {zone.key} are put back then."
        f" Write “{offers[0]}” ({names[0]}) or “{offers[1]}” ({names[1]}).",
        offers,
    )


def _clock_and_day(naive: datetime) -> str:
    return f"{naive:%H:%M} on {naive:%a} {naive.day} {naive:%b %Y}"
