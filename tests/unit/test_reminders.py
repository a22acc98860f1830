"""Whom to remind and when: in nobody's night, of nobody's holiday, and of everything in time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reminders import (
    BEFORE,
    HORIZON,
    Reviewer,
    Stage,
    latest_list,
    to_remind,
    to_tell_author,
    told_at,
)
from bot.waking_hours import half_day, is_night

UTC_ZONE = ZoneInfo("UTC")
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "UTC",
    )
]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)  # a Monday
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def ben(**given_: object) -> Reviewer:
    return Reviewer("UBEN", UTC_ZONE, **given_)  # type: ignore[arg-type]


def eva(**given_: object) -> Reviewer:
    return Reviewer("UEVA", UTC_ZONE, is_backup=True, **given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "stages"),
    [
        (4 * HOUR + MINUTE, {}),
        (4 * HOUR, {"UBEN": Stage.FIRST}),
        (HOUR, {"UBEN": Stage.AGAIN}),
        (30 * MINUTE, {"UBEN": Stage.AGAIN, "UEVA": Stage.BACKUP}),
        (timedelta(), {}),
        (-MINUTE, {}),
    ],
)
def test_who_decides_is_told_4_hours_and_1_hour_before_then_the_backup(
    before: timedelta, stages: dict[str, Stage]
) -> None:
    assert to_remind(NOON + 6 * HOUR, NOON + 6 * HOUR - before, [ben(), eva()]) == stages


def test_nobody_is_told_the_same_twice() -> None:
    known = ben(reminded=frozenset({Stage.FIRST}))
    assert to_remind(NOON + 3 * HOUR, NOON, [known]) == {}
    assert to_remind(NOON + HOUR, NOON, [known]) == {"UBEN": Stage.AGAIN}


def test_who_is_away_is_left_alone_while_somebody_else_can_decide() -> None:
    away, chidi = ben(is_away=True), Reviewer("UCHIDI", UTC_ZONE)
    assert to_remind(NOON + 2 * HOUR, NOON, [away, chidi]) == {"UCHIDI": Stage.FIRST}
    told = Reviewer("UCHIDI", UTC_ZONE, reminded=frozenset({Stage.FIRST}))
    assert to_remind(NOON + 2 * HOUR, NOON, [away, told]) == {}, "the other one knows"
    assert to_remind(NOON + 2 * HOUR, NOON, [away]) == {"UBEN": Stage.FIRST}, "there is no other"


def test_in_the_night_only_when_it_is_due_then_and_there_is_no_other() -> None:
    night = datetime(2026, 5, 4, 2, tzinfo=UTC)
    sleeping, awake = ben(), Reviewer("UCHIDI", ZoneInfo("Asia/Tokyo"))  # 11 o'clock there
    assert to_remind(night + 2 * HOUR, night, [sleeping, awake]) == {"UCHIDI": Stage.FIRST}
    assert to_remind(night + 2 * HOUR, night, [sleeping]) == {"UBEN": Stage.FIRST}
    morning = datetime(2026, 5, 4, 7, 59, tzinfo=UTC)
    assert to_remind(morning + 2 * HOUR, morning, [sleeping]) == {}, "there is time until 8"
    assert to_remind(morning + 2 * HOUR, morning + MINUTE, [sleeping]) == {"UBEN": Stage.FIRST}


def test_what_is_due_in_the_early_morning_is_told_the_evening_before() -> None:
    due_at = datetime(2026, 5, 5, 7, tzinfo=UTC)  # 9:00 in Berlin
    assert told_at(due_at, Stage.FIRST, BERLIN) == datetime(2026, 5, 4, 16, tzinfo=UTC)
    assert told_at(due_at, Stage.AGAIN, BERLIN) == due_at - HOUR


def test_an_author_is_told_before_it_is_late_and_when_it_is() -> None:
    due_at = NOON + 6 * HOUR
    told = [
        to_tell_author(due_at, due_at - before, UTC_ZONE, NOON)
        for before in (61 * MINUTE, 60 * MINUTE, 15 * MINUTE, timedelta(), -HOUR)
    ]
    assert told == [None, Stage.WARNED, Stage.LAST, Stage.PASSED, Stage.PASSED]


def test_an_author_who_has_just_submitted_is_not_warned_at_once() -> None:
    due_at = NOON + 30 * MINUTE
    assert to_tell_author(due_at, NOON + 4 * MINUTE, UTC_ZONE, NOON) is None
    assert to_tell_author(due_at, NOON + 5 * MINUTE, UTC_ZONE, NOON) is Stage.WARNED


moments = st.integers(1_700_000_000, 1_900_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
reviewers = st.lists(
    st.tuples(st.sampled_from(ZONES), st.booleans(), st.booleans()), min_size=1, max_size=4
).map(
    lambda drawn: [
        Reviewer(f"U{number}", zone, is_backup=backup and number > 0, is_away=away)
        for number, (zone, backup, away) in enumerate(drawn)
    ]
)


@given(moments, st.integers(-60, 1200), reviewers)
def test_nobody_is_disturbed_where_another_can_be_asked(
    due_at: datetime, minutes_before: int, group: Sequence[Reviewer]
) -> None:
    now = due_at - minutes_before * MINUTE
    reminded = to_remind(due_at, now, group)
    assert not reminded or now < due_at
    for one in group:
        if one.user_id not in reminded:
            continue
        others = [each for each in group if each.is_backup is one.is_backup and each is not one]
        awake = [each for each in others if not is_night(now, each.zone)]
        if is_night(now, one.zone):
            assert not awake
        elif one.is_away:
            assert all(each.is_away for each in awake)


@given(moments, reviewers)
def test_somebody_is_told_before_it_is_late_and_nobody_twice(
    due_at: datetime, group: Sequence[Reviewer]
) -> None:
    told: list[tuple[str, Stage]] = []
    now = due_at - HORIZON
    while now <= due_at:
        known = [
            Reviewer(
                one.user_id,
                one.zone,
                one.is_backup,
                one.is_away,
                frozenset(stage for user, stage in told if user == one.user_id),
            )
            for one in group
        ]
        told += to_remind(due_at, now, known).items()
        now += 10 * MINUTE
    assert len(told) == len(set(told))
    asked = {one.user_id for one in group if not one.is_backup}
    assert any(user in asked for user, _ in told)


@given(moments, st.sampled_from(ZONES))
def test_what_is_told_first_is_never_in_the_night_nor_too_late(
    due_at: datetime, zone: ZoneInfo
) -> None:
    for stage in (Stage.FIRST, Stage.WARNED):
        at = told_at(due_at, stage, zone)
        assert not is_night(at, zone)
        assert BEFORE[stage] <= due_at - at <= HORIZON


@given(moments, st.sampled_from(ZONES), st.integers(0, 1439))
def test_a_daily_list_was_due_within_a_day_or_so_and_a_half_day_has_begun(
    now: datetime, zone: ZoneInfo, minute: int
) -> None:
    assert timedelta() <= now - latest_list(now, minute, zone) <= timedelta(hours=25)
    assert timedelta() <= now - half_day(now, zone) < timedelta(hours=14)
