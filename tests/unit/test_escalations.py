"""Whom a mention concerns whose clocks run out: before it is late, and when it is; by day."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deadlines import Deadlines
from bot.escalations import HORIZON, LATE_FOR, Answering, Concern, Stage, concerns, to_tell
from bot.inboxes import MOST_MENTIONS
from bot.team import Profile, Team
from bot.triage import reply_moved
from storage import mentions, user_groups, workspaces
from storage.records import (
    Card,
    Member,
    Mention,
    MentionState,
    NoticeState,
    PostState,
    Role,
    UserGroup,
)
from storage.tables import notices as notice_rows
from tests.unit.care import COMPLAINT, DAN, DANA, DOUBT, Care, care
from tests.unit.said import a_mention
from tests.unit.world import ANA, BEN, EVA, TEAM

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)  # a Monday; then 20:00 and 8:00 are the limits
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC")


def member(user_id: str, role: Role, zone: str = "UTC") -> Member:
    return Member(TEAM, user_id, user_id, zone, frozenset({role}))


def team(*, responders: str = "DANA DAN", zone: str = "UTC") -> Answering:
    return Answering(
        {who: member(who, Role.RESPONDER, zone) for who in responders.split()},
        {"EVA": member("EVA", Role.ADMIN, zone)},
    )


def said(at: datetime = MORNING, **new: Any) -> Mention:
    return a_mention(TEAM, at, **new)


def stages(found: Mapping[str, Concern]) -> dict[str, Stage]:
    return {who: one.stage for who, one in found.items()}


@pytest.mark.parametrize(
    ("after", "answered", "told"),
    [
        (10 * HOUR - MINUTE, False, {}),
        (10 * HOUR, False, {"DANA": Stage.ANSWER_SOON, "DAN": Stage.ANSWER_SOON}),
        (12 * HOUR, False, dict.fromkeys(("EVA", "DANA", "DAN"), Stage.ANSWER_LATE)),
        (23 * HOUR, False, dict.fromkeys(("EVA", "DANA", "DAN"), Stage.ANSWER_LATE)),
        (24 * HOUR, False, dict.fromkeys(("EVA", "DANA", "DAN"), Stage.SOLVE_LATE)),
        (10 * HOUR - MINUTE, True, {}),
        (10 * HOUR, True, {"DANA": Stage.SOLVE_SOON, "DAN": Stage.SOLVE_SOON}),  # the evening
        (24 * HOUR, True, dict.fromkeys(("EVA", "DANA", "DAN"), Stage.SOLVE_LATE)),
        (24 * HOUR + LATE_FOR, True, dict.fromkeys(("EVA", "DANA", "DAN"), Stage.SOLVE_LATE)),
        (24 * HOUR + LATE_FOR + MINUTE, True, {}),
    ],
)
def test_who_is_told_what(after: timedelta, answered: bool, told: dict[str, Stage]) -> None:
    mention = said(answered_at=MORNING + HOUR if answered else None)
    assert stages(concerns(mention, MORNING + after, team())) == told


def test_before_it_is_late_it_is_its_owners_alone() -> None:
    owned = said(owner_id="DAN")
    assert set(concerns(owned, MORNING + 11 * HOUR, team())) == {"DAN"}
    assert set(concerns(owned, MORNING + 13 * HOUR, team())) == {"DAN", "EVA"}
    of_an_admin = said(owner_id="EVA")
    assert set(concerns(of_an_admin, MORNING + 11 * HOUR, team())) == {"EVA"}


def test_whose_owner_may_not_answer_any_more_is_everybodys() -> None:
    left = said(owner_id="UGONE")
    assert set(concerns(left, MORNING + 11 * HOUR, team())) == {"DANA", "DAN"}


def test_where_nobody_answers_but_admins_it_is_theirs() -> None:
    assert set(concerns(said(), MORNING + 11 * HOUR, team(responders=""))) == {"EVA"}


@pytest.mark.parametrize("state", [MentionState.RESOLVED, MentionState.DISMISSED])
def test_what_is_closed_concerns_nobody(state: MentionState) -> None:
    assert not concerns(said(state=state), MORNING + 13 * HOUR, team())


def test_what_came_in_after_the_evening_reminders_is_told_of_a_little_later() -> None:
    """Its reminder would have been due at 18:00, when nobody had heard it."""
    evening = MORNING - 13 * HOUR  # 19:00: to be answered by 7:00
    assert not concerns(said(evening), evening + 29 * MINUTE, team())
    told = concerns(said(evening), evening + 30 * MINUTE, team())
    assert stages(told)["DANA"] is Stage.ANSWER_SOON


def test_nobody_is_told_in_their_night_nor_on_holiday_while_somebody_is_there() -> None:
    found = {
        who: Concern(member(who, Role.RESPONDER, zone), Stage.ANSWER_LATE, MORNING)
        for who, zone in (("DANA", "UTC"), ("DAN", "UTC"), ("TAO", "America/New_York"))
    }
    evening = MORNING + 13 * HOUR  # in New York it is 17:00

    def told(now: datetime, *away: str, others_know: bool = False) -> list[str]:
        return list(to_tell(found, away, now, others_know=others_know))

    assert told(MORNING) == ["DANA", "DAN"]
    assert told(evening) == ["TAO"]
    assert told(MORNING, "DANA") == ["DAN"]
    assert told(MORNING, "DANA", "DAN") == ["DANA", "DAN"]
    assert told(MORNING, "DANA", "DAN", others_know=True) == []
    assert told(evening, "TAO", others_know=True) == []


@given(
    st.integers(0, 2_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.integers(0, 24 * 60),
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_it_concerns_its_owner_from_when_it_must_until_it_is_long_over(
    at: datetime, minutes: int, zone: str, answered: bool
) -> None:
    mention = said(at, owner_id="DAN", answered_at=at if answered else None)
    now = at + minutes * MINUTE
    found = concerns(mention, now, team(zone=zone)).get("DAN")
    due_at = mention.solve_due_at if answered else mention.answer_due_at
    if now >= due_at:
        assert found is not None
        assert found.stage.is_late
    elif found is not None:
        assert not found.stage.is_late
        assert now < due_at <= now + HORIZON
    else:
        at_once = timedelta(hours=4) if answered else timedelta(hours=2)
        assert due_at - now > at_once


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Care]:
    """On both databases; what is said on Monday at 8:00 UTC is to be answered by 20:00."""
    async with care(database_url, tmp_path) as made:
        made.time.becomes(MORNING)
        yield made


async def tick(here: Care, after: timedelta) -> None:
    here.time.becomes(MORNING + after)
    await here.times().run()


async def deadlines(here: Care) -> None:
    """The job that brings up inboxes, among others."""

    async def nobody(*_: object) -> Collection[str]:
        return ()

    await Deadlines(here.world.database, here.world.clock, here.inboxes(), nobody).run()


async def pings(here: Care) -> dict[str, bool]:
    """Whose inbox is owed, and whether as a new message; then it stands in Slack."""
    owed = {
        one.subject_id: one.ts is None
        for one in await here.owed(Card.INBOX)
        if one.state is NoticeState.OWED
    }
    async with here.world.database.transaction() as tx:
        rows = notice_rows.update()
        await tx.connection.execute(
            rows.where(notice_rows.c.ts.is_(None)).values(ts=notice_rows.c.id, channel="D1")
        )
        await tx.connection.execute(
            rows.values(state=NoticeState.SENT, sent_version=notice_rows.c.version)
        )
    return owed


async def counted(here: Care, user_id: str) -> tuple[int, int]:
    """How many mentions are late, and how many will be soon, in somebody's inbox."""
    found = (await here.inboxes().load(TEAM, user_id)).mentions
    return (0, 0) if found is None else (found.late, found.soon)


async def test_responders_are_told_before_and_the_admin_too_when_it_is_late(here: Care) -> None:
    await here.hear(COMPLAINT)
    await tick(here, 9 * HOUR)
    assert await pings(here) == {}
    await tick(here, 10 * HOUR)
    assert await pings(here) == {DANA.user_id: True, DAN.user_id: True}
    assert await counted(here, DANA.user_id) == (0, 1)
    assert await counted(here, EVA.user_id) == (0, 0)
    await tick(here, 10 * HOUR + MINUTE)
    assert await pings(here) == {}, "once"


async def test_late_is_worth_a_message_of_its_own(here: Care) -> None:
    early = MORNING - 3 * HOUR  # to be answered by 17:00
    here.time.becomes(early)
    mention = await here.hear(COMPLAINT)
    await tick(here, 7 * HOUR)
    assert await pings(here) == {DANA.user_id: True, DAN.user_id: True}
    version = await here.version(mention)
    await tick(here, 9 * HOUR)
    assert await pings(here) == dict.fromkeys((DANA.user_id, DAN.user_id, EVA.user_id), True)
    assert await here.version(mention) == version + 1, "and its card says so"
    for user_id in (DANA.user_id, EVA.user_id):
        assert await counted(here, user_id) == (1, 0)
    for user_id in (ANA.user_id, BEN.user_id):
        assert await counted(here, user_id) == (0, 0)


async def test_of_many_that_are_late_one_message_an_hour_comes_and_none_is_dropped(
    here: Care,
) -> None:
    late = (5, 15, 66, 80, 95)  # minutes from 14:00, Eva's 16:00, on
    for minute in late:
        here.time.becomes(MORNING - 6 * HOUR + minute * MINUTE)
        await here.hear(f"{COMPLAINT} ({minute})", author=f"@angry{minute}")
    new = []
    for minute in range(0, 240, 5):
        await tick(here, 6 * HOUR + minute * MINUTE)
        told = (await pings(here)).get(EVA.user_id)
        await deadlines(here)
        if told or (await pings(here)).get(EVA.user_id):
            new.append(minute)
    assert len(new) == 3
    assert new[0] == 5
    assert all(60 <= later - earlier <= 65 for earlier, later in pairwise(new))
    shown = (await here.inboxes().load(TEAM, EVA.user_id)).mentions
    assert shown is not None
    assert (shown.late, shown.soon) == (len(late), 0)
    assert len(shown.shown) == MOST_MENTIONS


async def test_what_waits_for_its_hour_waits_for_the_morning_as_well(here: Care) -> None:
    for minute in (0, 20):  # to be answered at 17:30 and 17:50, Eva's 19:30 and 19:50
        here.time.becomes(MORNING + (-150 + minute) * MINUTE)
        await here.hear(f"{COMPLAINT} ({minute})", author=f"@angry{minute}")
    new = []
    for hours in (9.5, 10, 10.5, 11, 12, 18, 22, 23):
        await tick(here, hours * HOUR)
        told = (await pings(here)).get(EVA.user_id)
        await deadlines(here)
        if told or (await pings(here)).get(EVA.user_id):
            new.append(hours)
    assert new == [9.5, 22]


async def test_ones_own_come_first_then_what_is_nearest_to_its_limit(here: Care) -> None:
    heard = []
    for number, hours in enumerate((0, 1, 2)):
        here.time.becomes(MORNING + hours * HOUR)
        heard.append(await here.hear(f"{COMPLAINT} ({number})", author=f"@angry{number}"))
    await here.triage.claim(DANA, heard[2].id)
    here.time.becomes(MORNING + 11 * HOUR + 10 * MINUTE)
    inbox = (await here.inboxes().load(TEAM, DANA.user_id)).mentions
    assert inbox is not None
    assert [one.mention.id for one in inbox.shown] == [heard[n].id for n in (2, 0, 1)]
    assert await counted(here, DAN.user_id) == (0, 2)


async def test_what_is_done_about_it_edits_the_inboxes_that_show_it(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    await tick(here, 10 * HOUR)
    await pings(here)
    await here.triage.claim(DANA, mention.id)
    assert await pings(here) == {DANA.user_id: False, DAN.user_id: False}
    assert await counted(here, DAN.user_id) == (0, 0)
    await here.triage.resolve(DANA, mention.id)
    assert await pings(here) == {DANA.user_id: False}
    assert (await here.inboxes().load(TEAM, DANA.user_id)).is_empty


async def test_what_fell_late_by_night_is_told_in_the_morning(here: Care) -> None:
    here.time.becomes(MORNING + 8 * HOUR)  # 16:00: to be answered by 4:00
    await here.hear(COMPLAINT)
    await tick(here, 10 * HOUR)  # 18:00, the evening before
    assert await pings(here) == {DANA.user_id: True, DAN.user_id: True}
    for hours in (20, 21):
        await tick(here, hours * HOUR)
        assert await pings(here) == {}
    await tick(here, 22 * HOUR)
    assert await pings(here) == {EVA.user_id: True}, "it is 8:00 in Berlin"
    await tick(here, 24 * HOUR)
    assert await pings(here) == {DANA.user_id: True, DAN.user_id: True}


async def test_who_is_away_is_told_when_they_are_back(here: Care) -> None:
    await here.hear(COMPLAINT)
    here.away = {DANA.user_id}
    await tick(here, 10 * HOUR)
    assert await pings(here) == {DAN.user_id: True}
    here.away = set()
    await tick(here, 11 * HOUR)
    assert await pings(here) == {DANA.user_id: True}


async def test_an_answer_ends_the_first_clock_and_the_second_goes_on(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    await here.triage.claim(DANA, mention.id)
    async with here.world.database.transaction() as tx:
        assert await mentions.note_answer(tx, mention.id, here.time.now())
    await tick(here, 10 * HOUR - MINUTE)
    assert await pings(here) == {}
    await tick(here, 10 * HOUR)
    assert await pings(here) == {DANA.user_id: True}, "it must be solved by tomorrow morning"
    await tick(here, 24 * HOUR)
    assert await pings(here) == {DANA.user_id: True, EVA.user_id: True}


async def test_who_answers_through_a_user_group_is_told_and_who_is_gone_is_not(here: Care) -> None:
    await here.hear(COMPLAINT)
    async with here.world.database.transaction() as tx:
        gives = frozenset({Role.RESPONDER})
        group = UserGroup(TEAM, "SCARE", "care", "Care", (BEN.user_id,), gives, MORNING)
        await user_groups.save(tx, group)
        dan = await workspaces.member(tx, TEAM, DAN.user_id)
        assert dan is not None
        await workspaces.save_member(tx, replace(dan, is_gone=True))
    await tick(here, 10 * HOUR)
    assert await pings(here) == {DANA.user_id: True, BEN.user_id: True}


async def test_two_processes_at_once_tell_once(here: Care) -> None:
    await here.hear(COMPLAINT)
    await tick(here, 11 * HOUR)
    assert set(await pings(here)) == {DANA.user_id, DAN.user_id}
    here.time.becomes(MORNING + 24 * HOUR)
    await asyncio.gather(here.times().run(), here.times().run())
    before = [one for one in await here.owed(Card.INBOX_BEFORE) if one.subject_id == DANA.user_id]
    assert [one.version for one in before] == [2], "said once that there is a newer one"
    assert set(await pings(here)) >= {DANA.user_id, DAN.user_id, EVA.user_id}


async def test_what_fell_late_while_nobody_was_there_is_told_for_a_week(here: Care) -> None:
    await here.hear(COMPLAINT)
    await tick(here, 4 * 24 * HOUR)
    assert await pings(here) == dict.fromkeys((DANA.user_id, DAN.user_id, EVA.user_id), True)
    await tick(here, 5 * 24 * HOUR)
    assert await pings(here) == {}, "once"


async def test_after_a_week_it_leaves_the_inboxes(here: Care) -> None:
    await here.hear(COMPLAINT)
    await tick(here, 24 * HOUR)
    everybody = {DANA.user_id, DAN.user_id, EVA.user_id}
    assert set(await pings(here)) == everybody
    times = here.times()
    for after, edited in ((LATE_FOR, set()), (LATE_FOR + 25 * HOUR, everybody)):
        here.time.becomes(MORNING + after)
        await times.run()
        assert await pings(here) == dict.fromkeys(edited, False)
    assert (await here.inboxes().load(TEAM, DANA.user_id)).is_empty


async def test_what_is_opened_again_is_told_again(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    await tick(here, 24 * HOUR)
    await pings(here)
    await here.triage.resolve(DANA, mention.id)
    await tick(here, 27 * HOUR)
    await pings(here)
    await here.triage.reopen(DANA, mention.id)
    await tick(here, 28 * HOUR)
    assert (await pings(here))[DANA.user_id] is True


async def test_what_is_said_to_be_negative_days_later_is_told_as_late(here: Care) -> None:
    mention = await here.hear(DOUBT)
    here.time.becomes(MORNING + 50 * HOUR)
    await here.triage.is_negative(DANA, mention.id)
    await tick(here, 50 * HOUR + MINUTE)
    assert set(await pings(here)) == {DANA.user_id, DAN.user_id, EVA.user_id}


async def test_what_somebody_leaves_behind_is_told_to_whoever_has_it_now(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    await tick(here, 24 * HOUR)
    await here.triage.claim(DAN, mention.id)
    await pings(here)
    gone = Profile(DAN.user_id, "Dan", "UTC", runs_slack=False, may_have_roles=False, is_gone=True)
    await Team(here.world.database, here.world.clock).follow(TEAM, gone)
    await tick(here, 26 * HOUR)
    assert await pings(here) == {DANA.user_id: True, EVA.user_id: True}


async def test_a_reply_that_failed_edits_the_inboxes_that_show_it(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    await tick(here, 11 * HOUR)
    begun = await here.replying.start(DANA, mention.id)
    await here.replying.send(DANA, mention.id, "Sorry!", resolves=True, reply_id=begun.reply_id)
    await pings(here)
    post = await here.world.post(begun.reply_id)
    async with here.world.database.transaction() as tx:
        await reply_moved(tx, post, PostState.FAILED, here.time.now())
    assert await pings(here) == {DANA.user_id: False}
