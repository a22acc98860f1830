"""The day in a phrase: numbers and weekdays are read here, all other words by dateparser.

Numbers, because “5/6” must be asked about and never guessed; weekdays, because a library takes the
“Friday” said on a Friday for the next one, and “mon 9” for a month.

Measured: importing dateparser takes 0.05 to 0.1 s and 9 MB; the first English phrase 0.09 s and
6 MB, the first German, French and Spanish ones 0.06 s and 0.6 MB together, a later phrase 1 ms.
"""

import re
from datetime import date, datetime, time, timedelta

from dateparser.date import DateDataParser

from bot.clockwords import AmbiguousTime, TimeNotUnderstood, cut, tidy


class ImpossibleDate(TimeNotUnderstood):
    """No calendar has that day."""


class NoDayGiven(TimeNotUnderstood):
    """A week, month or year without a day."""


_WEEKDAYS = {
    name: weekday
    for weekday, names in enumerate(
        (
            "monday mon montag mo lundi lun lunes",
            "tuesday tue tues dienstag di mardi martes",
            "wednesday wed mittwoch mi mercredi miércoles miercoles",
            "thursday thu thur thurs donnerstag do jeudi jueves",
            "friday fri freitag fr vendredi viernes",
            "saturday sat samstag sonnabend sa samedi sábado sabado",
            "sunday sun sonntag so dimanche domingo",
        )
    )
    for name in names.split()
}
_NEXT = frozenset({"next", "nächsten", "nächster", "nächste", "prochain", "próximo", "proximo"})
_SMALL = frozenset(
    re.findall(r"\w+", "on this coming the of at am um diesen kommenden à ce le el este")
)
_COUNTED = re.compile(r"(?:in|dans|en) (?:\d+|an?|one|eine[mnr]?|une?|una) ?[^\W\d]+")
_SPAN = re.compile(r"(?:in|dans|en) .+|.+ (?:from now|ago)|now|jetzt|maintenant|ahora")
_WHOLE = re.compile(r"(?:next|this) (?:week|month|year)")
_YEAR = r"(?:\d{2}){1,2}"
_ISO = re.compile(r"(?<![\w./-])(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?!\d)")
_DOTTED = re.compile(
    rf"(?<![\w./-])(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.(?:\s?(?P<year>{_YEAR}))?(?![\w:])"
)
_DOTTED_PAIR = re.compile(r"(?<![\w./-])(?P<day>\d{1,2})\.(?P<month>\d{1,2})(?![\w:])")
_SLASHED = re.compile(
    rf"(?<![\w./-])(?P<first>\d{{1,2}})/(?P<second>\d{{1,2}})(?:/(?P<year>{_YEAR}))?(?![\w/:])"
)
_DASHED = re.compile(r"(?<![\w./-])(?P<first>\d{1,2})-(?P<second>\d{1,2})-(?P<year>\d{4})(?![\w:])")
_LANGUAGES = ["en", "de", "fr", "es"]
_BASE = datetime.combine(date(2026, 1, 5), time(12))
_JUST_PASSED = timedelta(days=30)
"""A date without a year that passed no longer ago was meant this year (and is refused as past)."""


def waiting_time(phrase: str) -> timedelta | None:
    """Hours and minutes from now, if that is all the phrase says. They pass whatever clocks do."""
    if not _SPAN.fullmatch(phrase):
        return None
    words = phrase.replace("half an hour", "30 minutes")
    found = _ask_dateparser(words, _BASE, ["relative-time"])
    return found[0] - _BASE if found and found[1] == "time" else None


def take_date(phrase: str, today: date) -> tuple[date | None, str]:
    """A date in numbers, and the phrase without it.

    :raises AmbiguousTime: “5/6”, with both readings as offers.
    :raises ImpossibleDate: “31.2.”
    """
    for pattern in (_ISO, _DOTTED):
        found = pattern.search(phrase)
        if found:
            day = _date(found[0], found["year"], int(found["month"]), int(found["day"]), today)
            return day, cut(phrase, *found.span())
    found = _SLASHED.search(phrase) or _DASHED.search(phrase)
    return _in_either_order(phrase, found, today) if found else (None, phrase)


def take_dotted_pair(phrase: str, today: date) -> tuple[date | None, str]:
    """“25.12”, once a clock has been found elsewhere and it can't be one."""
    found = _DOTTED_PAIR.search(phrase)
    if not found:
        return None, phrase
    day = _date(found[0], None, int(found["month"]), int(found["day"]), today)
    return day, cut(phrase, *found.span())


def days(phrase: str, today: date) -> tuple[date, ...]:
    """The days that the words may mean, the likeliest first; all about now for no words at all.

    “friday” on a Friday is today or a week from today, whichever the clock is still ahead of.

    :raises TimeNotUnderstood: or one of its kinds.
    """
    words = [word.rstrip(".,") for word in phrase.split() if word not in _SMALL]
    if not words:
        # Yesterday is among them for a clock in UTC, which may be a day behind the person's own.
        return tuple(today + timedelta(days=number) for number in (-1, 0, 1, 2))
    weekdays = [_WEEKDAYS[word] for word in words if word in _WEEKDAYS]
    if len(weekdays) != 1:
        return (_named_day(phrase, today),)
    return _weekday(weekdays[0], [word for word in words if word not in _WEEKDAYS], today)


def check_rest(phrase: str, day: date) -> None:
    """What else is said beside a date in numbers: nothing, or the weekday that it is.

    :raises TimeNotUnderstood: another weekday, or anything else.
    """
    for word in (word.rstrip(".,") for word in phrase.split() if word not in _SMALL):
        if word not in _WEEKDAYS:
            raise not_understood(phrase)
        _check_weekday(day, _WEEKDAYS[word])


def not_understood(words: str) -> TimeNotUnderstood:
    """The general refusal, with examples."""
    shown = " ".join(words.split())
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    reason = f"“{shown}” isn't a time I can read." if shown else "No time was given."
    return TimeNotUnderstood(
        f"{reason} Write it like “tomorrow 9:30”, “Friday 14:00”, “25 Dec 18:00” or “in 2 hours”."
    )


def _in_either_order(phrase: str, found: re.Match[str], today: date) -> tuple[date, str]:
    first, second, year = int(found["first"]), int(found["second"]), found["year"]
    if first != second and 1 <= first <= 12 and 1 <= second <= 12:
        before, after = phrase[: found.start()], phrase[found.end() :]
        offers = [
            " ".join(
                f"{before} {day} {date(2000, month, 1):%B} {_full(year) if year else ''}"
                f" {after if before or after else '9:00'}".split()
            )
            for day, month in ((first, second), (second, first))
        ]
        raise AmbiguousTime(
            f"“{found[0]}” can be read in two ways. Write “{offers[0]}” or “{offers[1]}”.", offers
        )
    day, month = (second, first) if second > 12 else (first, second)
    return _date(found[0], year, month, day, today), cut(phrase, *found.span())


def _date(shown: str, year: str | None, month: int, day: int, today: date) -> date:
    years = [_full(year)] if year else range(today.year, today.year + 9)
    for one in years:
        try:
            found = date(one, month, day)
        except ValueError:
            continue
        if year or found >= today - _JUST_PASSED:
            return found
    raise _impossible(shown)


def _full(year: str) -> int:
    return int(year) + (2000 if len(year) == 2 else 0)


def _weekday(weekday: int, others: list[str], today: date) -> tuple[date, ...]:
    week = timedelta(days=7)
    ahead = timedelta(days=(weekday - today.weekday()) % 7)
    if not others:
        return (today + ahead,) if ahead else (today, today + week)
    if len(others) == 1 and others[0] in _NEXT:
        return (today + (ahead or week),)
    if others == ["next", "week"]:
        return (today - timedelta(days=today.weekday()) + week + timedelta(days=weekday),)
    day = _named_day(" ".join(others), today)
    _check_weekday(day, weekday)
    return (day,)


def _check_weekday(day: date, weekday: int) -> None:
    if day.weekday() != weekday:
        raise ImpossibleDate(
            f"{day.day} {day:%B} {day.year} is a {day:%A}."
            " Leave the weekday out, or correct the date."
        )


def _named_day(words: str, today: date) -> date:
    if _WHOLE.fullmatch(words):
        raise NoDayGiven(f"Which day {words}? Write it like “next Monday 9:00” or “25 Dec 9:00”.")
    found = _ask_for_day(words, today)
    if found is None:
        if re.search(r"\d", words) and _ask_for_day(re.sub(r"\d+", "1", words, count=1), today):
            raise _impossible(words)
        raise not_understood(words)
    # Without a year dateparser looks ahead of its base only: today, or what passed a few days ago,
    # comes out a year late. Asked from a month ago it says the day that the person has in mind.
    earlier = _ask_for_day(words, today - _JUST_PASSED)
    return earlier if earlier and (found - earlier).days in (365, 366) else found


def _ask_for_day(words: str, today: date) -> date | None:
    base = datetime.combine(today, time(12))
    found = _ask_dateparser(words, base, ["relative-time", "absolute-time"])
    if found is None:
        return None
    counted = found[1] in ("week", "month", "year") and _COUNTED.fullmatch(words)
    return found[0].date() if found[1] == "day" or counted else None


def _ask_dateparser(words: str, base: datetime, parsers: list[str]) -> tuple[datetime, str] | None:
    """What dateparser reads, and how exact it is ("time", "day", "week"...)."""
    parser = DateDataParser(
        languages=_LANGUAGES,
        use_given_order=True,
        settings={
            "PREFER_DATES_FROM": "future",
            "RELATIVE_BASE": base,
            "RETURN_AS_TIMEZONE_AWARE": False,
            "RETURN_TIME_AS_PERIOD": True,
            "PARSERS": parsers,
        },
    )
    found = parser.get_date_data(tidy(words))
    return (found.date_obj, found.period) if found.date_obj else None


def _impossible(shown: str) -> ImpossibleDate:
    return ImpossibleDate(f"There is no day “{shown}”. Look at the day and the month again.")
