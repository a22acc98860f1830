"""Words and forms become the instant that the person meant, or a refusal that helps."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.times import (
    AmbiguousTime,
    ImpossibleDate,
    InThePast,
    NoDayGiven,
    NoPostingTimes,
    NoTimeGiven,
    RepeatedHour,
    SkippedHour,
    TimeNotUnderstood,
    TooFarAhead,
    UnknownZone,
    from_parts,
    next_free,
    next_occurrence,
    parse_clock,
    spoken,
    understand,
)
from storage.records import Slot

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY_AT_TEN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # 10:00 in Berlin

ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Pacific/Auckland",
        "America/Santiago",  # its clocks change at midnight
        "UTC",
    )
]
zones = st.sampled_from(ZONES)
instants = st.integers(
    int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2045, 1, 1, tzinfo=UTC).timestamp()),
).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
minutes_ahead = st.integers(1, 5 * 365 * 24 * 60 - 1)
weekly = st.builds(Slot, st.integers(0, 6), st.integers(0, 1439))


def whole(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def refusal(
    words: str, *, now: datetime = FRIDAY_AT_TEN, zone: ZoneInfo = BERLIN
) -> TimeNotUnderstood:
    with pytest.raises(TimeNotUnderstood) as caught:
        understand(words, now=now, zone=zone)
    return caught.value


def outcome(words: str, now: datetime, zone: ZoneInfo) -> datetime | TimeNotUnderstood:
    try:
        return understand(words, now=now, zone=zone)
    except TimeNotUnderstood as refused:
        return refused


# -- what is understood ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("tomorrow 9:30", "Sat 21 Nov 2026, 09:30 CET"),
        ("next Monday 8am", "Mon 23 Nov 2026, 08:00 CET"),
        ("in 2 hours", "Fri 20 Nov 2026, 12:00 CET"),
        ("25 Dec 18:00", "Fri 25 Dec 2026, 18:00 CET"),
        ("2026-12-25 18:00", "Fri 25 Dec 2026, 18:00 CET"),
        ("2026-12-25T18:00", "Fri 25 Dec 2026, 18:00 CET"),
        ("today 17:00", "Fri 20 Nov 2026, 17:00 CET"),
        ("tonight 8pm", "Fri 20 Nov 2026, 20:00 CET"),
        ("noon tomorrow", "Sat 21 Nov 2026, 12:00 CET"),
        ("tomorrow at noon", "Sat 21 Nov 2026, 12:00 CET"),
        ("9:00", "Sat 21 Nov 2026, 09:00 CET"),
        ("11:00", "Fri 20 Nov 2026, 11:00 CET"),
        ("in 15 min", "Fri 20 Nov 2026, 10:15 CET"),
        ("in 2h 30m", "Fri 20 Nov 2026, 12:30 CET"),
        ("2 hours from now", "Fri 20 Nov 2026, 12:00 CET"),
        ("now", "Fri 20 Nov 2026, 10:00 CET"),
        ("in 3 days at 9:00", "Mon 23 Nov 2026, 09:00 CET"),
        ("in 2 weeks 9:00", "Fri 4 Dec 2026, 09:00 CET"),
        ("Nov 27th 2pm", "Fri 27 Nov 2026, 14:00 CET"),
        ("november 27 at 2:15 pm", "Fri 27 Nov 2026, 14:15 CET"),
        ("Dec 1st 9:00", "Tue 1 Dec 2026, 09:00 CET"),
        ("Friday at 9", "Fri 27 Nov 2026, 09:00 CET"),
        ("9 o'clock tomorrow", "Sat 21 Nov 2026, 09:00 CET"),
        ("the day after tomorrow 9:00", "Sun 22 Nov 2026, 09:00 CET"),
        ("Friday noon", "Fri 20 Nov 2026, 12:00 CET"),
        ("tue 9:00", "Tue 24 Nov 2026, 09:00 CET"),
        ("Fri Nov 27 14:00", "Fri 27 Nov 2026, 14:00 CET"),
        ("12am tomorrow", "Sat 21 Nov 2026, 00:00 CET"),
        ("midnight", "Sat 21 Nov 2026, 00:00 CET"),
        ("Tomorrow at 9:30.", "Sat 21 Nov 2026, 09:30 CET"),
        ("  Tomorrow,   9:30 ", "Sat 21 Nov 2026, 09:30 CET"),
        ("29 feb 9:00", "Tue 29 Feb 2028, 09:00 CET"),
    ],
)
def test_everyday_words_are_understood(words: str, meant: str) -> None:
    assert spoken(understand(words, now=FRIDAY_AT_TEN, zone=BERLIN), BERLIN) == meant


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("morgen um 9:30 Uhr", "Sat 21 Nov 2026, 09:30 CET"),
        ("heute 17 Uhr", "Fri 20 Nov 2026, 17:00 CET"),
        ("übermorgen 9 Uhr", "Sun 22 Nov 2026, 09:00 CET"),
        ("nächsten Montag 8:00", "Mon 23 Nov 2026, 08:00 CET"),
        ("25. Dezember 18:00", "Fri 25 Dec 2026, 18:00 CET"),
        ("in 2 Stunden", "Fri 20 Nov 2026, 12:00 CET"),
        ("am Freitag um 14 Uhr", "Fri 20 Nov 2026, 14:00 CET"),
        ("am 25.12. um 18.30 Uhr", "Fri 25 Dec 2026, 18:30 CET"),
        ("kommenden Freitag 8 Uhr", "Fri 27 Nov 2026, 08:00 CET"),
        ("demain 9h30", "Sat 21 Nov 2026, 09:30 CET"),
        ("vendredi 14:00", "Fri 20 Nov 2026, 14:00 CET"),
        ("demain 14 h", "Sat 21 Nov 2026, 14:00 CET"),
        ("dans 2 heures", "Fri 20 Nov 2026, 12:00 CET"),
        ("vendredi prochain 14h", "Fri 27 Nov 2026, 14:00 CET"),
        ("lundi prochain 8:00", "Mon 23 Nov 2026, 08:00 CET"),
        ("25 décembre 18:00", "Fri 25 Dec 2026, 18:00 CET"),
        ("mañana a las 9", "Sat 21 Nov 2026, 09:00 CET"),
        ("en 2 horas", "Fri 20 Nov 2026, 12:00 CET"),
        ("el viernes a las 14:00", "Fri 20 Nov 2026, 14:00 CET"),
        ("próximo lunes 8:00", "Mon 23 Nov 2026, 08:00 CET"),
        ("25 de diciembre 18:00", "Fri 25 Dec 2026, 18:00 CET"),
    ],
)
def test_german_french_and_spanish_words_are_understood(words: str, meant: str) -> None:
    assert spoken(understand(words, now=FRIDAY_AT_TEN, zone=BERLIN), BERLIN) == meant


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("Friday 14:00", "Fri 20 Nov 2026, 14:00 CET"),
        ("this Friday 14:00", "Fri 20 Nov 2026, 14:00 CET"),
        ("Friday 9:00", "Fri 27 Nov 2026, 09:00 CET"),
        ("next Friday 14:00", "Fri 27 Nov 2026, 14:00 CET"),
        ("Thursday 14:00", "Thu 26 Nov 2026, 14:00 CET"),
    ],
)
def test_a_weekday_named_on_that_day_is_today_while_the_clock_is_ahead(
    words: str, meant: str
) -> None:
    assert spoken(understand(words, now=FRIDAY_AT_TEN, zone=BERLIN), BERLIN) == meant


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("25/12 9:00", "Fri 25 Dec 2026, 09:00 CET"),
        ("12/25 9:00", "Fri 25 Dec 2026, 09:00 CET"),
        ("5/5 9:00", "Wed 5 May 2027, 09:00 CEST"),
        ("5.6. 9:00", "Sat 5 Jun 2027, 09:00 CEST"),
        ("25.12 18:00", "Fri 25 Dec 2026, 18:00 CET"),
        ("18:00 5.12", "Sat 5 Dec 2026, 18:00 CET"),
        ("sat 5.6. 14:00", "Sat 5 Jun 2027, 14:00 CEST"),
        ("25.12.26 18:00", "Fri 25 Dec 2026, 18:00 CET"),
        ("tomorrow 9.10", "Sat 21 Nov 2026, 09:10 CET"),
        ("17.30", "Fri 20 Nov 2026, 17:30 CET"),
        ("9.30", "Sat 21 Nov 2026, 09:30 CET"),
        ("tomorrow at 9.30", "Sat 21 Nov 2026, 09:30 CET"),
        ("20 Nov 14:00", "Fri 20 Nov 2026, 14:00 CET"),
        ("10 Oct 9:00", "Sun 10 Oct 2027, 09:00 CEST"),
    ],
)
def test_dates_and_clocks_in_numbers_are_told_apart(words: str, meant: str) -> None:
    assert spoken(understand(words, now=FRIDAY_AT_TEN, zone=BERLIN), BERLIN) == meant


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("8 in the evening", "Fri 20 Nov 2026, 20:00 CET"),
        ("tomorrow at 9 in the morning", "Sat 21 Nov 2026, 09:00 CET"),
        ("this afternoon 15:00", "Fri 20 Nov 2026, 15:00 CET"),
    ],
)
def test_the_part_of_the_day_decides_between_morning_and_evening(words: str, meant: str) -> None:
    assert spoken(understand(words, now=FRIDAY_AT_TEN, zone=BERLIN), BERLIN) == meant


@pytest.mark.parametrize(
    "words",
    ["tonight at 8", "tonight at 12", "tomorrow evening 8:00", "tomorrow morning 15:00"],
)
def test_a_clock_that_its_part_of_the_day_doesnt_have_is_refused(words: str) -> None:
    error = refusal(words)
    assert isinstance(error, AmbiguousTime)
    assert "Write the time from 0:00 to 23:59" in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "mon 9",
        "25 dec 9",
        "in half an hour",
        "monday next week 9:00",
        "5.12 18.00",
        "24:00",
        "in 1 hour 30",
        "9:30 - 10:00",
        "30m 9:30",
        "8am 9:30 feb",
    ],
)
def test_what_isnt_read_is_refused_with_an_example_and_never_guessed(words: str) -> None:
    assert "Write it like “" in str(refusal(words))


@pytest.mark.parametrize(
    "words", ["2 hours", "two hours", "demain 14 heures", "tomorrow in 2 hours"]
)
def test_a_number_of_hours_is_a_wait_only_where_the_words_say_so(words: str) -> None:
    assert "isn't a time I can read" in str(refusal(words))


def test_seconds_are_left_out() -> None:
    assert understand("tomorrow 9:30:45", now=FRIDAY_AT_TEN, zone=BERLIN) == datetime(
        2026, 11, 21, 8, 30, tzinfo=UTC
    )


def test_a_wait_ends_on_a_full_minute_and_never_early() -> None:
    now = datetime(2026, 11, 20, 9, 0, 37, 5, tzinfo=UTC)
    assert understand("in 2 hours", now=now, zone=BERLIN) == datetime(
        2026, 11, 20, 11, 1, tzinfo=UTC
    )
    assert understand("now", now=now, zone=BERLIN) == now


def test_a_wait_passes_over_a_clock_change_in_real_hours() -> None:
    evening_before = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # 00:30 CET, clocks jump at 2:00
    instant = understand("in 2 hours", now=evening_before, zone=BERLIN)
    assert instant == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert spoken(instant, BERLIN) == "Sun 29 Mar 2026, 03:30 CEST"


# -- zones in the words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("8:00 UTC", "Sat 21 Nov 2026, 09:00 CET"),
        ("tomorrow 9:00 GMT", "Sat 21 Nov 2026, 10:00 CET"),
        ("tomorrow 18:00 +01:00", "Sat 21 Nov 2026, 18:00 CET"),
        ("tomorrow 18:00 -0500", "Sun 22 Nov 2026, 00:00 CET"),
        ("tomorrow 18:00 UTC+2", "Sat 21 Nov 2026, 17:00 CET"),
        ("2026-12-25T18:00:00Z", "Fri 25 Dec 2026, 19:00 CET"),
        ("tomorrow 9:00 CET", "Sat 21 Nov 2026, 09:00 CET"),
    ],
)
def test_utc_an_offset_and_ones_own_zone_count(words: str, meant: str) -> None:
    assert spoken(understand(words, now=FRIDAY_AT_TEN, zone=BERLIN), BERLIN) == meant


@pytest.mark.parametrize("words", ["9am PST", "9:00 CEST", "tomorrow 9:00 EST", "9:00 IST"])
def test_an_abbreviation_that_ones_clocks_dont_show_is_refused_by_name(words: str) -> None:
    error = refusal(words)
    assert isinstance(error, UnknownZone)
    assert words.split()[-1] in str(error)
    assert "9:00 +01:00" in str(error)


def test_the_same_abbreviation_is_fine_where_clocks_show_it() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    assert spoken(understand("9:00 IST", now=FRIDAY_AT_TEN, zone=kolkata), kolkata) == (
        "Sat 21 Nov 2026, 09:00 IST"
    )


@pytest.mark.parametrize("words", ["9:00 +25:00", "9:00+25", "tomorrow 9:00 -3"])
def test_an_offset_that_is_not_known_is_refused(words: str) -> None:
    error = refusal(words)
    assert isinstance(error, UnknownZone)
    assert "“+02:00”" in str(error)


def test_a_second_zone_is_refused() -> None:
    assert "isn't a time I can read" in str(refusal("9:00 PST CET"))


def test_a_clock_in_utc_may_lie_on_the_day_before() -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    now = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)  # already Saturday there
    assert understand("23:00 UTC", now=now, zone=auckland) == datetime(2026, 11, 20, 23, tzinfo=UTC)


# -- what is refused, and how that helps -----------------------------------------------------------


def test_a_date_in_two_orders_is_refused_with_both_readings() -> None:
    error = refusal("5/6 9:00")
    assert isinstance(error, AmbiguousTime)
    assert error.offers == ("5 June 9:00", "6 May 9:00")
    assert "“5 June 9:00” or “6 May 9:00”" in str(error)
    assert refusal("5/6").offers == ("5 June 9:00", "6 May 9:00")
    assert refusal("05-06-2027 9:00").offers == ("5 June 2027 9:00", "6 May 2027 9:00")
    assert refusal("5/6 8:30 UTC").offers == ("5 June 8:30 UTC", "6 May 8:30 UTC")


def test_a_dotted_number_that_is_clock_or_date_is_refused_with_both_readings() -> None:
    error = refusal("9.10")
    assert isinstance(error, AmbiguousTime)
    assert error.offers == ("9:10", "9 October 9:00")


def test_midnight_of_a_day_is_asked_about_unless_only_one_is_ahead() -> None:
    error = refusal("tomorrow midnight")
    assert isinstance(error, AmbiguousTime)
    assert error.offers == ("21 November 2026 0:00", "22 November 2026 0:00")
    tonight = understand("tonight at midnight", now=FRIDAY_AT_TEN, zone=BERLIN)
    assert spoken(tonight, BERLIN) == "Sat 21 Nov 2026, 00:00 CET"


def test_a_skipped_hour_is_refused_with_the_nearest_times() -> None:
    error = refusal("29 March 2:30", now=datetime(2026, 3, 20, 9, 0, tzinfo=UTC))
    assert isinstance(error, SkippedHour)
    assert error.offers == ("29 March 2026 1:59", "29 March 2026 3:00")
    assert "02:30 on Sun 29 Mar 2026 doesn't exist" in str(error)


@pytest.mark.parametrize(
    ("answer", "hour_utc"),
    [
        ("25 Oct 2026 2:30 first", 0),
        ("25 Oct 2026 2:30 second", 1),
        ("25 Oct 2026 2:30 +02:00", 0),
        ("25 Oct 2026 2:30 CET", 1),
    ],
)
def test_a_repeated_hour_asks_which_and_takes_the_answer(answer: str, hour_utc: int) -> None:
    now = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
    error = refusal("Sunday 2:30", now=now)
    assert isinstance(error, RepeatedHour)
    assert error.offers == ("25 October 2026 2:30 first", "25 October 2026 2:30 second")
    assert "(CEST, +02:00)" in str(error)
    assert "(CET, +01:00)" in str(error)
    assert understand(answer, now=now, zone=BERLIN) == datetime(
        2026, 10, 25, hour_utc, 30, tzinfo=UTC
    )


def test_the_second_of_two_equal_hours_is_ahead_while_the_first_passes() -> None:
    now = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 2:45, for the first time
    assert understand("2:30 second", now=now, zone=BERLIN) == datetime(
        2026, 10, 25, 1, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("today 7:00", "That was 3 hours ago (Fri 20 Nov 2026, 07:00 CET). Choose a later time."),
        ("19 Nov 10:00", "That was 1 day ago (Thu 19 Nov 2026, 10:00 CET). Choose a later time."),
        ("20 Nov 9:59", "That was 1 minute ago (Fri 20 Nov 2026, 09:59 CET). Choose a later time."),
        ("2 hours ago", "That was 2 hours ago (Fri 20 Nov 2026, 08:00 CET). Choose a later time."),
        ("0001-01-01 0:00", "1 Jan 1 is long past. Choose a later time."),
    ],
)
def test_the_past_is_refused_with_how_long_ago(words: str, message: str) -> None:
    error = refusal(words)
    assert isinstance(error, InThePast)
    assert str(error) == message


def test_a_wait_back_to_the_beginning_of_the_calendar_is_refused() -> None:
    hours = int(timedelta(days=date(2026, 11, 20).toordinal() - 1) / timedelta(hours=1)) + 10
    assert str(refusal(f"{hours} hours ago")) == "1 Jan 1 is long past. Choose a later time."


@pytest.mark.parametrize("words", ["2035-01-01 9:00", "in 300 weeks 9:00", "9999-12-31 23:59"])
def test_more_than_five_years_ahead_is_refused(words: str) -> None:
    error = refusal(words)
    assert isinstance(error, TooFarAhead)
    assert "more than five years ahead" in str(error)


@pytest.mark.parametrize(
    ("words", "offer"),
    [
        ("tomorrow", "tomorrow 9:00"),
        ("Dec 9", "Dec 9 9:00"),
        ("2026-12-25", "2026-12-25 9:00"),
        ("tomorrow evening", "tomorrow evening 19:00"),
        ("today", "today 15:00"),
        ("9", "9:00"),
        ("tomorrow 9", "tomorrow 9:00"),
        ("tonight 8", "tonight 8pm"),
        ("tomorrow 9:75", "tomorrow 9:00"),
        ("yesterday", "tomorrow 9:00"),
    ],
)
def test_a_day_without_a_clock_is_refused_with_an_example_that_works(
    words: str, offer: str
) -> None:
    error = refusal(words)
    assert isinstance(error, NoTimeGiven)
    assert error.offers == (offer,)
    assert understand(offer, now=FRIDAY_AT_TEN, zone=BERLIN) > FRIDAY_AT_TEN


@pytest.mark.parametrize(
    "words",
    [
        "31 February 9:00",
        "30/2 9:00",
        "29/2/2027 9:00",
        "31.11. 9:00",
        "2026-02-30 9:00",
        "30 February",
    ],
)
def test_an_impossible_date_is_refused_as_one(words: str) -> None:
    assert isinstance(refusal(words), ImpossibleDate)


def test_a_weekday_that_contradicts_the_date_is_refused() -> None:
    error = refusal("Tue 23 Nov 2026 9:00")
    assert isinstance(error, ImpossibleDate)
    assert "23 November 2026 is a Monday" in str(error)
    assert isinstance(refusal("tue 23.11.2026 9:00"), ImpossibleDate)
    assert isinstance(refusal("fri 5.6. 14:00"), InThePast)  # a Friday this year, not the next


@pytest.mark.parametrize(
    "words",
    [
        "next week 9:00",
        "next week",
        "december 9:00",
        "in 2 months 9:00",
        "32 dec 9:00",
        "27 à 8:30",
    ],
)
def test_a_week_or_month_without_a_day_is_asked_about(words: str) -> None:
    error = refusal(words)
    assert isinstance(error, NoDayGiven)
    assert "“next Monday 9:00”" in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "asdf",
        "christmas 9:00",
        "tomorrow 9:00 please",
        "25:00",
        "tomorrow 9:75",
        "tomorrow 13pm",
        "9:00 10:00",
        "in 2 9:00",
        "december 9:00",
        "1700000000",
        "tomorrow morning 15:00",
        "9:00 Europe/London",
        "x" * 10_000,
        "in 99999999999999999999 days 9:00",
    ],
)
def test_nonsense_is_refused_in_a_short_message(words: str) -> None:
    assert len(str(refusal(words))) < 250


# -- what always holds -----------------------------------------------------------------------------


@settings(deadline=None)
@given(instants, minutes_ahead, zones)
@example(datetime(2026, 10, 20, tzinfo=UTC), 5 * 24 * 60 + 30, ZONES[0])  # 2:30 CEST
@example(datetime(2026, 10, 20, tzinfo=UTC), 5 * 24 * 60 + 90, ZONES[0])  # 2:30 CET
@example(datetime(2027, 4, 1, tzinfo=UTC), 2 * 24 * 60 + 15 * 60 + 15, ZONES[3])  # Lord Howe
def test_a_spoken_time_understood_again_is_the_same_instant(
    now: datetime, minutes: int, zone: ZoneInfo
) -> None:
    instant = whole(now) + timedelta(minutes=minutes)
    assert understand(spoken(instant, zone), now=now, zone=zone) == instant


DAYS = st.sampled_from(
    [
        *("", "today", "tomorrow", "friday", "sunday", "next monday", "sun", "mon", "in 3 days"),
        *("25 dec", "29 march", "29.3.", "25/10", "28 mar 2027", "morgen", "demain", "tonight"),
    ]
)
CLOCKS = st.one_of(
    st.builds("{}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
    st.builds("{}{}".format, st.integers(1, 12), st.sampled_from(["am", "pm"])),
    st.sampled_from(["noon", "midnight", "2:30", "9", "2:30 first", "2:30 UTC", "0:00"]),
)


@settings(deadline=None)
@given(DAYS, CLOCKS, instants, zones)
def test_what_is_understood_is_never_past_and_never_in_a_gap(
    day: str, clock: str, now: datetime, zone: ZoneInfo
) -> None:
    instant = outcome(f"{day} {clock}", now, zone)
    assume(isinstance(instant, datetime))
    assert isinstance(instant, datetime)
    assert instant >= now
    assert instant.tzinfo is UTC
    local = instant.astimezone(zone)
    assert local.replace(tzinfo=None) == local.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if "UTC" not in clock and ":" in clock:
        hour, minute = clock.split()[0].split(":")
        assert local.minute == int(minute)
        assert local.hour % 12 == int(hour) % 12


def changed_minutes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The local times of a year that never come or come twice, every tenth minute of them."""
    noons = [datetime(year, 1, 1, 12, tzinfo=zone) + timedelta(days=day) for day in range(365)]
    changes = [noon for noon in noons if noon.utcoffset() != (noon - timedelta(1)).utcoffset()]
    around = [noon - timedelta(minutes=10 * n) for noon in changes for n in range(144)]
    return [
        local.replace(tzinfo=None)
        for local in around
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    ]


CHANGES = [(zone, naive) for zone in ZONES for naive in changed_minutes(zone, 2027)]


@settings(deadline=None)
@given(st.sampled_from(CHANGES))
def test_what_never_comes_or_comes_twice_is_refused_with_offers_that_work(
    change: tuple[ZoneInfo, datetime],
) -> None:
    zone, naive = change
    refused = outcome(f"{naive:%d %b %Y %H:%M}", FRIDAY_AT_TEN, zone)
    assert isinstance(refused, SkippedHour | RepeatedHour)
    first, second = (outcome(offer, FRIDAY_AT_TEN, zone) for offer in refused.offers)
    assert isinstance(first, datetime)
    assert isinstance(second, datetime)
    assert FRIDAY_AT_TEN < first < second


def test_the_zones_above_do_change_their_clocks() -> None:
    assert len({zone.key for zone, _ in CHANGES}) == 5


WORDS = st.lists(
    st.sampled_from(
        re.findall(
            r"\S+",
            """tomorrow today friday sat monday next this in on at 9 12 2 9:30 14:00 0:00 8am 12pm
            9.30 5/6 25/12 25.12. 5.6. 2026-12-25 25 Dec december 27th 2027 26 noon midnight tonight
            evening morning morgen um Uhr demain à 14h lundi prochain mañana a las days hours weeks
            week 30 min UTC CET PST +02:00 -0500 +13:45 first second now ago of the 31 29 feb 2h""",
        )
    ),
    max_size=5,
).map(" ".join)


@settings(deadline=None)
@given(
    WORDS | st.text(max_size=60) | st.text("0123456789:./- apmtT+Zmon", max_size=25),
    instants,
    zones,
)
def test_any_text_is_a_future_minute_or_a_refusal(
    words: str, now: datetime, zone: ZoneInfo
) -> None:
    found = outcome(words, now, zone)
    if isinstance(found, TimeNotUnderstood):
        assert str(found)
        return
    assert found == now or found == whole(found)
    assert now <= found < now + timedelta(days=5 * 366)


@settings(deadline=None)
@given(WORDS | st.text(max_size=20) | st.text("0123456789:. apm", max_size=10))
def test_any_text_is_a_minute_of_the_day_or_a_refusal(words: str) -> None:
    try:
        minute = parse_clock(words)
    except TimeNotUnderstood:
        return
    assert 0 <= minute < 1440


# -- forms -----------------------------------------------------------------------------------------


def test_a_picked_date_and_time_are_the_persons_own() -> None:
    instant = from_parts(date(2026, 12, 25), time(18), now=FRIDAY_AT_TEN, zone=BERLIN)
    assert instant == datetime(2026, 12, 25, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock", "error"),
    [
        (date(2026, 11, 20), time(9), InThePast),
        (date(2035, 1, 1), time(9), TooFarAhead),
        (date(2027, 3, 28), time(2, 30), SkippedHour),
        (date(2027, 10, 31), time(2, 30), RepeatedHour),
    ],
)
def test_a_picked_time_is_checked_like_words(
    day: date, clock: time, error: type[TimeNotUnderstood]
) -> None:
    with pytest.raises(error):
        from_parts(day, clock, now=FRIDAY_AT_TEN, zone=BERLIN)


def test_a_zone_without_a_name_is_shown_by_its_offset() -> None:
    assert spoken(FRIDAY_AT_TEN, ZoneInfo("Asia/Kathmandu")) == "Fri 20 Nov 2026, 14:45 UTC+05:45"


@pytest.mark.parametrize(
    ("words", "minute"),
    [
        ("9:00", 540),
        ("9am", 540),
        ("17.30", 1050),
        ("12am", 0),
        ("noon", 720),
        ("at 9", 540),
        ("9", 540),
        ("9.10", 550),
        ("17 Uhr", 1020),
    ],
)
def test_a_clock_alone_is_a_minute_of_the_day(words: str, minute: int) -> None:
    assert parse_clock(words) == minute


@pytest.mark.parametrize(
    "words",
    [
        "",
        "25:00",
        "24:00",
        "9:60",
        "monday",
        "9:00 UTC",
        "5/6",
        "friday 9:00",
        "tomorrow 9:00",
        "in 2 hours",
        "now",
        "9:00" + " at" * 1_000,
    ],
)
def test_what_is_no_clock_is_refused(words: str) -> None:
    with pytest.raises(TimeNotUnderstood, match="isn't a time of day"):
        parse_clock(words)


# -- posting times ---------------------------------------------------------------------------------


def test_the_next_free_time_is_the_next_slot_that_nothing_holds() -> None:
    slots = [Slot(4, 9 * 60), Slot(4, 12 * 60), Slot(0, 9 * 60)]
    noon = datetime(2026, 11, 20, 11, tzinfo=UTC)
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert next_free(slots, [], after=FRIDAY_AT_TEN, zone=BERLIN) == noon
    assert (
        next_free(slots, [noon + timedelta(seconds=20)], after=FRIDAY_AT_TEN, zone=BERLIN) == monday
    )
    assert next_free(slots, [], after=noon, zone=BERLIN) == monday


def test_without_slots_there_is_no_next_free_time_and_that_is_said() -> None:
    with pytest.raises(NoPostingTimes, match="/social slots"):
        next_free([], [], after=FRIDAY_AT_TEN, zone=BERLIN)


def test_a_skipped_slot_moves_to_the_first_minute_after_the_gap() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert next_free([Slot(6, 150)], [], after=before, zone=BERLIN) == datetime(
        2026, 3, 29, 1, 0, tzinfo=UTC
    )


def test_a_repeated_slot_happens_once_the_first_time() -> None:
    slot = [Slot(6, 150)]
    first = next_free(slot, [], after=datetime(2026, 10, 24, 12, tzinfo=UTC), zone=BERLIN)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_free(slot, [], after=first, zone=BERLIN) == datetime(2026, 11, 1, 1, 30, tzinfo=UTC)


def test_a_digest_comes_on_its_weekdays_at_its_local_time() -> None:
    after = datetime(2026, 10, 23, 8, tzinfo=UTC)  # Friday 10:00 CEST
    weekdays = range(5)
    assert next_occurrence(weekdays, 540, BERLIN, after) == datetime(2026, 10, 26, 8, tzinfo=UTC)
    assert next_occurrence([4], 601, BERLIN, after) == datetime(2026, 10, 23, 8, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="at least one weekday"):
        next_occurrence([], 540, BERLIN, after)


@given(st.lists(weekly, min_size=1, max_size=5), st.integers(0, 12), instants, zones)
@example([Slot(6, 120), Slot(6, 150), Slot(6, 180)], 5, datetime(2026, 3, 28, tzinfo=UTC), ZONES[0])
def test_the_next_free_time_is_never_past_and_never_taken(
    slots: list[Slot], number_taken: int, after: datetime, zone: ZoneInfo
) -> None:
    taken: list[datetime] = []
    for _ in range(number_taken + 1):
        free = next_free(slots, taken, after=after, zone=zone)
        assert free > after
        assert free not in taken
        assert not taken or free > taken[-1]
        taken.append(free)


@given(weekly, instants, zones)
def test_a_slot_comes_every_week_at_its_own_local_time(
    slot: Slot, after: datetime, zone: ZoneInfo
) -> None:
    free = next_free([slot], [], after=after, zone=zone)
    assert free - after <= timedelta(days=7, hours=2)
    local = free.astimezone(zone)
    naive = datetime.combine(local.date(), time(slot.minute // 60, slot.minute % 60))
    skipped = naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    assume(skipped == naive)
    assert (local.weekday(), local.hour * 60 + local.minute) == (slot.weekday, slot.minute)
