"""A person's words about a time: dateparser reads them, guards keep it from guessing.

Most guards put the same words to it again (day and month the other way round, another base, a word
less): where the answers differ, the person is asked.

Measured: importing dateparser takes 0.05 s and 9 MB, so no start waits for it; the first phrase
0.1 s and 5 MB, the first in another language 0.01 to 0.05 s, a later one 3 to 17 ms.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from bot.errors import UserError


class TimeNotUnderstood(UserError):
    """The words are no time that can be used; ``offers`` are words that can."""

    def __init__(self, message: str, offers: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.offers = tuple(offers)


class AmbiguousTime(TimeNotUnderstood):
    """The words can be read in two ways."""


class ImpossibleDate(TimeNotUnderstood):
    """No calendar has that day."""


class NoDayGiven(TimeNotUnderstood):
    """A week, month or year without a day."""


class NoTimeGiven(TimeNotUnderstood):
    """A day without a clock, or a bare number."""


class UnknownZone(TimeNotUnderstood):
    """A zone that isn't the person's own and may mean several, or that nobody has."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a person ``said``, the ``words`` of it for dateparser, and what stands ``behind`` them.

    That is a zone, as an ``offset`` or an ``abbreviation`` like CET, and ``fold``, which of two
    equal hours is meant: 0 the first, 1 the second. ``is_next`` is set for “lundi prochain”.
    """

    said: str
    words: str
    is_next: bool
    behind: str
    offset: tzinfo | None
    abbreviation: str
    fold: int | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What dateparser makes of words: ``parts`` are those of the answer that the words say."""

    at: datetime
    period: str
    parts: frozenset[str]
    part_of_day: str | None

    @property
    def has_clock(self) -> bool:
        return "time" in self.parts and self.period != "part_of_day"

    @property
    def has_day(self) -> bool:
        return {"month", "day"} <= self.parts


_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_LONGEST = 120
_JUST_PASSED = timedelta(days=30)
"""A date without a year that passed no longer ago was meant this year (and is refused as past)."""

_WHICH = re.compile(r"\s\(?(?:(first)|second)\)?$", re.IGNORECASE)
_SIGN_LEFT = re.compile(r"(?:(?:^|\s)-|\+)\d")
_CLOCK = re.compile(r"\d(?:(?::\d\d)+(?:\s?[ap]\.?m\b)?|\s?[ap]\.?m\b)", re.IGNORECASE)
_HOUR = re.compile(
    r"(?:\b(?:at|um|à|a las?) (?P<at>\d{1,2})(?: ?(?:uhr|h|o['’]?clock))?"
    r"|(?<!\bin )(?<!\bdans )(?<!\ben )(?<![\w:.])(?P<of>\d{1,2}) ?(?:uhr|h|o['’]?clock))"
    r"(?![\w:./-]| ?[ap]\.?m)",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^am |\b[aà] (?=\d)", re.IGNORECASE)  # “27 à 8:30” would be 27 January
_DOTTED = re.compile(r"(?<![\d.])([01]?\d|2[0-3])\.([0-5]\d)(?![\d.])")
_DAY_FIRST = re.compile(r"\d\.\s?\d")
_WAIT = re.compile(r"(?:in|dans|en) .+|.+ (?:from now|ago)|[^\W\d]+", re.IGNORECASE)
_NEXT = re.compile(r"\b(?:nächste[nrs]?|kommende[nrs]?|prochain|próximo)\b", re.IGNORECASE)
_COUNTED = re.compile(r"\d ?[^\W\d]{3,}")
_HOURS = {
    "early_morning": range(1, 9),
    "morning": range(4, 12),
    "afternoon": range(12, 19),
    "evening": range(16, 24),
    "night": range(18, 24),
}


def take_zone(words: str) -> Phrase:
    """The phrase, apart from the zone and which of two equal hours it names.

    :raises TimeNotUnderstood: nothing, or a whole speech.
    :raises AmbiguousTime: “9.10”, with both readings as offers.
    :raises UnknownZone: an offset that dateparser doesn't know.
    """
    from dateparser.timezone_parser import (
        pop_tz_offset_from_string,
    )

    said = _tidy(words)
    if not said or len(said) > _LONGEST:
        raise _not_understood(words)
    which = _WHICH.search(said)
    rest, zone = pop_tz_offset_from_string(said[: which.start()] if which else said)
    rest = _tidy(rest)
    if _SIGN_LEFT.search(rest):
        raise UnknownZone(f"“{said}” has an offset I don't know. Write it like “+02:00”.")
    _refuse_lone_dot(rest)
    name = zone.tzname(None) if zone else ""
    is_offset = name in ("UTC", "GMT", "Z") or "+" in name or "-" in name
    words, number_of_next = _NEXT.subn("", _plain(rest))
    return Phrase(
        said,
        _tidy(words),
        is_next=number_of_next > 0,
        behind=said.removeprefix(rest),
        offset=zone if is_offset else None,
        abbreviation="" if is_offset else name,
        fold=None if which is None else 0 if which[1] else 1,
    )


def waiting_time(phrase: Phrase, base: datetime) -> timedelta | None:
    """How long from ``base``, if the phrase says that (“in 2 hours”, “now”) and names no clock.

    :raises TimeNotUnderstood: “2 hours”, which may be ahead or ago.
    """
    found, later = _ask(phrase.words, base), _ask(phrase.words, base + _MINUTE)
    if not found or not later or not found.has_clock or later.at - found.at != _MINUTE:
        return None
    if not _WAIT.fullmatch(phrase.words) or found in _without_a_number(phrase.words, base):
        raise _not_understood(phrase.said)
    return found.at - base


def local_times(phrase: Phrase, base: datetime) -> list[datetime]:
    """The local times (naive) that the phrase may mean when the clock shows ``base``.

    The likeliest comes first, though it may be past; whole minutes.

    :raises TimeNotUnderstood: or one of its kinds.
    """
    if re.fullmatch(r"\d{1,2}", phrase.words):
        raise NoTimeGiven("At what time?")
    preferred = ["future"] if phrase.is_next else ["current_period", "future"]
    readings = [_one_reading(phrase, base, one) for one in preferred]
    _check_complete(phrase, readings[0], base)
    names_two_clocks = len(_CLOCK.findall(phrase.words)) > 1
    if names_two_clocks or readings[0] in _without_a_number(phrase.words, base, preferred[0]):
        raise _not_understood(phrase.said)
    readings = _on_weekday_said(phrase.words, readings, base)
    times = [reading.at.replace(second=0, microsecond=0) for reading in readings]
    if "midnight" in phrase.words.lower():
        return _midnights(times, phrase, base)
    just_passed = base - _JUST_PASSED < times[0] <= base
    return times[:1] if just_passed and "year" not in readings[0].parts else times


def minute_of_day(words: str) -> int | None:
    """The minute of the day if the words are one clock and nothing else, like “9am” or “17.30”."""
    phrase = _plain(_tidy(words))
    if len(phrase) > _LONGEST:
        return None
    phrase = f"{phrase}:00" if phrase.isdigit() else phrase
    # Only a clock stays on the day, and at its time, from wherever it is looked at.
    base = datetime.combine(date(2026, 1, 5), time())
    found, later = (
        _ask(phrase, one, PREFER_DATES_FROM="current_period")
        for one in (base, base + _DAY + _MINUTE)
    )
    if not found or not later or not found.has_clock or later.at - found.at != _DAY:
        return None
    return found.at.hour * 60 + found.at.minute if found.at.date() == base.date() else None


def _not_understood(words: str) -> TimeNotUnderstood:
    """The general refusal, with examples."""
    reason = (
        f"“{_shown(words)}” isn't a time I can read." if words.strip() else "No time was given."
    )
    return TimeNotUnderstood(
        f"{reason} Write it like “tomorrow 9:30”, “Friday 14:00”, “25 Dec 18:00” or “in 2 hours”."
    )


def typed(local: datetime, *, year: bool = True) -> str:
    """A local time as a person can type it: “25 December 2026 9:00”."""
    day = f"{local.day} {local:%B %Y}" if year else f"{local.day} {local:%B}"
    return f"{day} {local.hour}:{local:%M}"


def _tidy(words: str) -> str:
    """Single spaces, a plain minus, no punctuation at the ends (but the dot of “25.12.”)."""
    plain = " ".join(words.replace("−", "-").split()).strip(" ,;|()!")
    return re.sub(r"(?<=:\d\d)\.$", "", plain)


def _plain(words: str) -> str:
    """Clocks with a colon, which dateparser reads everywhere: “at 9”, “17 Uhr”, “9.30”."""
    words = _NOISE.sub("", _HOUR.sub(r"\g<at>\g<of>:00", words))
    return words if ":" in words else _DOTTED.sub(r"\1:\2", words)


def _shown(words: str) -> str:
    plain = " ".join(words.split())
    return plain if len(plain) <= 60 else plain[:59] + "…"


def _ask(words: str, base: datetime, **settings: str | bool) -> _Reading | None:
    from dateparser.date import DateDataParser

    every: dict[str, Any] = {
        "RELATIVE_BASE": base,
        "TIMEZONE": "UTC",  # no conversion: the base and the answer are in the same zone
        "RETURN_TIME_AS_PERIOD": True,
        "PARSERS": ["relative-time", "absolute-time"],
        "SKIP_TOKENS": ["t", "diesen", "ce", "el", "este"],
    }
    parser = DateDataParser(
        languages=["en", "de", "fr", "es"], use_given_order=True, settings={**every, **settings}
    )
    found = parser.get_date_data(words)
    if found.date_obj is None or found.date_obj.tzinfo:  # a zone in the middle, or a second one
        return None
    part_of_day = found.part_of_day.value if found.part_of_day else None
    return _Reading(found.date_obj, found.period, frozenset(found.parts), part_of_day)


def _ask_in_both_orders(words: str, base: datetime, preferred: str) -> list[_Reading]:
    """What the words say with the day first, and with the month first, where that makes a day."""
    orders = ["DMY"] if _DAY_FIRST.search(words) else ["DMY", "MDY"]
    strict = {"PREFER_DATES_FROM": preferred, "STRICT_DATE_ORDER": "all"}
    asked = (_ask(words, base, DATE_ORDER=order, **strict) for order in orders)
    found = [reading for reading in asked if reading]
    return [reading for reading in found if reading.has_day] or found[:1]


def _one_reading(phrase: Phrase, base: datetime, preferred: str) -> _Reading:
    found = _ask_in_both_orders(phrase.words, base, preferred)
    if not found:
        raise _unread(phrase, base)
    if found[0].at != found[-1].at:
        clocks = [one.at if one.has_clock else one.at.replace(hour=9) for one in found]
        offers = [typed(at, year="year" in found[0].parts) + phrase.behind for at in clocks]
        raise _in_two_ways(phrase.said, offers)
    return found[0]


def _in_two_ways(said: str, offers: Sequence[str]) -> AmbiguousTime:
    return AmbiguousTime(
        f"“{_shown(said)}” can be read in two ways. Write “{offers[0]}” or “{offers[1]}”.", offers
    )


def _refuse_lone_dot(words: str) -> None:
    pair = _DOTTED.fullmatch(words)
    if pair and int(pair[1]) and 1 <= int(pair[2]) <= 12:
        day = f"{int(pair[1])} {date(2000, int(pair[2]), 1):%B}"
        raise _in_two_ways(words, [f"{int(pair[1])}:{pair[2]}", f"{day} 9:00"])


def _unread(phrase: Phrase, base: datetime) -> TimeNotUnderstood:
    """Why dateparser reads nothing: with a day 1 in it, an impossible date becomes possible."""
    mended = re.sub(r"(?<![\d:])\d{1,4}(?![\d:])", "1", phrase.words, count=1)
    found = _ask_in_both_orders(mended, base, "future") if mended != phrase.words else []
    if not found or not found[0].has_day:
        return _not_understood(phrase.said)
    return ImpossibleDate(
        f"There is no day “{_shown(phrase.said)}”. Look at the day and the month again, and write"
        " it like “25 Dec 18:00”."
    )


def _check_complete(phrase: Phrase, reading: _Reading, base: datetime) -> None:
    """Refuses what dateparser has filled in by itself, and the evening at 8:00."""
    said = _shown(phrase.said)
    coarse = _ask(phrase.words, base, RETURN_TIME_AS_PERIOD=False)
    is_week = coarse is not None and coarse.period == "week"
    if not reading.has_day or (is_week and not _COUNTED.search(phrase.words)):
        raise NoDayGiven(
            f"Which day is “{said}”? Write it like “next Monday 9:00” or “25 Dec 9:00”."
        )
    if not reading.has_clock:
        raise NoTimeGiven("At what time?")
    hours = _HOURS[reading.part_of_day] if reading.part_of_day else range(24)
    if reading.at.hour not in hours and "midnight" not in said.lower():
        raise AmbiguousTime(
            f"{reading.at:%H:%M} and the part of the day don't go together in “{said}”."
            " Write the time from 0:00 to 23:59, without the part of the day."
        )


def _on_weekday_said(words: str, readings: list[_Reading], base: datetime) -> list[_Reading]:
    """The readings on the weekday that is said beside a date: dateparser lets the date win.

    :raises ImpossibleDate: “Tue 23 Nov” on a Monday.
    """
    for word in re.findall(r"(?<!\w)[^\W\d_]{2,}", words):
        alone = _ask(word, base)
        if not alone or alone.period != "day":
            continue
        without = _ask_in_both_orders(_tidy(words.replace(word, "", 1)), base, "current_period")
        fitting = [one for one in readings if one.at.weekday() == alone.at.weekday()]
        if readings[0] in without and not fitting:
            at = readings[-1].at
            raise ImpossibleDate(
                f"{at.day} {at:%B %Y} is a {at:%A}. Leave the weekday out, or correct the date."
            )
        readings = fitting if readings[0] in without else readings
    return readings


def _without_a_number(
    words: str, base: datetime, preferred: str = "current_period"
) -> Iterator[_Reading]:
    """What dateparser reads without one of the numbers: it passes over those it can't place."""
    for number in re.finditer(r"\S*\d\S*", words):
        rest = _tidy(words[: number.start()] + words[number.end() :])
        yield from _ask_in_both_orders(rest, base, preferred) if rest else ()


def _midnights(times: Sequence[datetime], phrase: Phrase, base: datetime) -> list[datetime]:
    """“Friday midnight” is the one before or after Friday, unless only that is still ahead."""
    for at in times:
        ahead = [one for one in (at, at + _DAY) if one > base]
        if len(ahead) == 2:
            raise _in_two_ways(phrase.said, [typed(one) + phrase.behind for one in ahead])
        if ahead:
            return ahead
    return [times[0]]
