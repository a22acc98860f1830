"""The clock in a phrase: “9:30”, “8am”, “17 Uhr”, “at 9”, “noon”, and its zone.

Numbers are read here and not by a library, because a library guesses where a person must be asked.
What is refused is named here too; the days are read in :mod:`bot.daywords`.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, timezone
from enum import StrEnum

from bot.errors import UserError


class TimeNotUnderstood(UserError):
    """The words are no time that can be used; ``offers`` are words that can."""

    def __init__(self, message: str, offers: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.offers = tuple(offers)


class AmbiguousTime(TimeNotUnderstood):
    """The words can be read in two ways."""


class UnknownZone(TimeNotUnderstood):
    """A zone that isn't the person's own and may mean several, or that nobody has."""


class DayPart(StrEnum):
    """What narrows twelve hours down."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class Repeat(StrEnum):
    """Which of the two, where the clocks are put back and an hour comes twice."""

    FIRST = "first"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day as it was said.

    ``minute`` counts from midnight, up to 1440 (24:00). ``offset`` is set where the words name UTC
    or an offset, ``abbreviation`` (lower case) where they name a zone like CET. ``either_midnight``
    marks the word itself: it may be the one before the day or the one after it.
    """

    minute: int
    offset: timezone | None = None
    abbreviation: str | None = None
    repeat: Repeat | None = None
    either_midnight: bool = False


_UTC = frozenset({"utc", "gmt", "z"})
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\w+",
        """pt pst pdt mt mst mdt ct cst cdt et est edt akst akdt hst bst wet west cet cest eet eest
        msk ist jst kst pkt sgt hkt acst acdt awst aest aedt nzst nzdt sast wat cat eat brt art
        clt""",
    )
)
_NUMBER = re.compile(
    r"(?:(?P<at>\bat|@|\bum|\bà|\ba las?)\s*)?(?<![\w:./+-])(?P<hour>\d{1,2})"
    r"(?:(?P<mark>[:.h])(?P<minute>\d{2})(?::00(?:\.0+)?)?)?"
    r"(?:\s?(?P<suffix>[ap]\.?m\b\.?|uhr\b|o['’]?clock\b|h\b|heures?\b|horas?\b))?"
    r"(?![\d:/]|\.\d)(?P<zulu>z\b)?(?(zulu)|(?!\w))"
)
_NAME = re.compile(
    r"(?:\bat\s+)?\b(?:(?P<noon>noon|midday|mittags?|midi|mediodía)"
    r"|midnight|mitternacht|minuit|medianoche)\b"
)
_DAY_PART = re.compile(
    r"\b(?:(?P<today>this)\s+|(?:in the|at)\s+)?(?P<part>morning|afternoon|evening|night)\b"
)
_OFFSET = re.compile(
    r"\s*(?:utc|gmt)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?(?![\w:])"
)
_ABBREVIATION = re.compile(r"\s*\(?\b(?P<name>[a-z]{1,5})\b\)?(?![\w/])")
_REPEAT = re.compile(r"\s*\(?\b(?P<which>first|second)\b\)?")


def tidy(words: str) -> str:
    """Lower case, single spaces, no punctuation at the ends."""
    plain = words.lower().replace("−", "-")
    return " ".join(plain.split()).strip(" ,;|-")


def cut(words: str, start: int, end: int) -> str:
    """The phrase without one of its parts."""
    return tidy(f"{words[:start]} {words[end:]}")


def clock_of(words: str) -> int | None:
    """The minute of the day if the words are one clock and nothing else, like “9am” or “17.30”."""
    phrase = tidy(words)
    name = _NAME.fullmatch(phrase)
    if name:
        return 720 if name["noon"] else 0
    number = _NUMBER.fullmatch(phrase)
    minute = _minute(number) if number else None
    return None if minute == 1440 else minute


def names_clock(phrase: str) -> bool:
    """Whether something in the phrase is surely a time of day, and not a span like “2h”."""
    return any(
        found["mark"] == ":" or found["at"] or (found["suffix"] or "h")[0] != "h"
        for found in _NUMBER.finditer(phrase)
    )


def take_day_part(phrase: str) -> tuple[DayPart | None, str]:
    """The part of the day, and the phrase without it (“this” and “tonight” leave “today”)."""
    phrase = phrase.replace("tonight", "this evening")
    found = _DAY_PART.search(phrase)
    if not found:
        return None, phrase
    rest = tidy(_DAY_PART.sub("today" if found["today"] else "", phrase, count=1))
    return DayPart(found["part"].replace("night", "evening")), rest


def take_clock(
    phrase: str, own_abbreviations: Collection[str], allows_bare: Callable[[str], bool]
) -> tuple[Clock | None, str]:
    """The one clock of a phrase, and the phrase without it.

    :param own_abbreviations: what the clocks of the person's zone are called, lower case.
    :param allows_bare: told what else is said, whether a bare number can be an hour (“mon 9”).
    :raises TimeNotUnderstood: two clocks, an impossible one, an unknown offset, or “5.12” alone.
    """
    names = list(_NAME.finditer(phrase))
    numbers = list(_NUMBER.finditer(phrase))
    possible = [found for found in numbers if _minute(found) is not None]
    sure = [found for found in possible if _is_surely_clock(found)]
    if len(names) + len(sure) > 1:
        raise TimeNotUnderstood(f"“{phrase}” names more than one time of day. Write one.")
    if names:
        noon = bool(names[0]["noon"])
        clock = Clock(720 if noon else 0, either_midnight=not noon)
        return _with_zone(clock, phrase, names[0], own_abbreviations)
    if not sure and any(_is_surely_clock(found) for found in numbers):
        raise TimeNotUnderstood(
            f"“{phrase}” names a time that no clock shows. Write it like “17:30”."
        )
    chosen = sure[0] if sure else _likely(phrase, possible, allows_bare)
    if chosen is None:
        return None, phrase
    clock = Clock(_minute(chosen) or 0, offset=timezone(timedelta()) if chosen["zulu"] else None)
    return _with_zone(clock, phrase, chosen, own_abbreviations)


def in_day_part(clock: Clock, part: DayPart | None, said: str) -> Clock:
    """The clock within its part of the day: “tonight 8” is 20:00.

    :raises TimeNotUnderstood: “tomorrow morning 15:00” is nothing.
    """
    if part is None or clock.either_midnight:
        return clock
    hour = clock.minute // 60
    if (part is DayPart.AFTERNOON and 1 <= hour <= 6) or (
        part is DayPart.EVENING and 4 <= hour <= 11
    ):
        return replace(clock, minute=clock.minute + 720)
    fits = {
        DayPart.MORNING: hour < 12,
        DayPart.AFTERNOON: 12 <= hour < 19,
        DayPart.EVENING: hour >= 16,
    }
    if not fits[part]:
        raise TimeNotUnderstood(
            f"“{said}”: {hour % 24}:{clock.minute % 60:02} isn't in the {part}."
            " Write the time from 0:00 to 23:59, without the part of the day."
        )
    return clock


def _is_surely_clock(found: re.Match[str]) -> bool:
    return bool(found["at"] or found["suffix"] or found["mark"] in (":", "h"))


def _minute(found: re.Match[str]) -> int | None:
    hour, minute, suffix = int(found["hour"]), int(found["minute"] or 0), found["suffix"] or ""
    if suffix.startswith(("a", "p")):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if suffix.startswith("p") else 0)
    total = hour * 60 + minute
    return total if minute < 60 and (hour < 24 or total == 1440) else None


def _likely(
    phrase: str, numbers: Sequence[re.Match[str]], allows_bare: Callable[[str], bool]
) -> re.Match[str] | None:
    """A clock written with a dot, or a bare hour: only where nothing else can be meant."""
    dotted = [found for found in numbers if found["mark"]]
    if dotted:
        last = dotted[-1]
        hour, minute = int(last["hour"]), int(last["minute"])
        if phrase == last[0] and hour and 1 <= minute <= 12 and allows_bare("") is False:
            offers = [f"{hour}:{minute:02}", f"{hour} {date(2000, minute, 1):%B} 9:00"]
            raise AmbiguousTime(
                f"“{phrase}” can be a time or a date. Write “{offers[0]}” or “{offers[1]}”.", offers
            )
        return last
    for found in reversed(numbers):
        outer = found.start() == 0 or found.end() == len(phrase)
        others = cut(phrase, found.start(), found.end())
        if outer and int(found["hour"]) < 24 and allows_bare(others):
            return found
    return None


def _with_zone(
    clock: Clock, phrase: str, found: re.Match[str], own: Collection[str]
) -> tuple[Clock, str]:
    """What stands behind the clock: an offset or a zone, and which of two equal hours."""
    end = found.end()
    offset, named = _OFFSET.match(phrase, end), _ABBREVIATION.match(phrase, end)
    if offset:
        clock, end = replace(clock, offset=_offset(offset)), offset.end()
    elif named and named["name"] in _UTC:
        clock, end = replace(clock, offset=timezone(timedelta())), named.end()
    elif named and (named["name"] in _ABBREVIATIONS or named["name"] in own):
        clock, end = replace(clock, abbreviation=named["name"]), named.end()
    which = _REPEAT.match(phrase, end)
    if which:
        clock, end = replace(clock, repeat=Repeat(which["which"])), which.end()
    return clock, cut(phrase, found.start(), end)


def _offset(found: re.Match[str]) -> timezone:
    hours, minutes = int(found["hours"]), int(found["minutes"] or 0)
    size = timedelta(hours=hours, minutes=minutes)
    if size > timedelta(hours=14) or minutes > 59:
        raise UnknownZone(f"No clock is at “{found[0].strip()}” from UTC. Write it like “+02:00”.")
    return timezone(-size if found["sign"] == "-" else size)
