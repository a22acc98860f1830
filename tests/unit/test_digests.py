"""Digests: what they say, which chart they show, and that planned ones come once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import periods
from bot.charts import BarChart, ChartWorker, LineChart
from bot.digest_plans import Rhythm, name, understand
from bot.errors import AlreadyDone, Expired, NotAllowed, UserError
from bot.periods import Span
from storage import digests, notices, workspaces
from storage.database import Database
from storage.migrations import migrate
from storage.records import Member, MentionState, Notice, PostState, Role, Sentiment, Urgency
from tests.servers.eventually import eventually
from tests.unit.numbers_world import (
    DAY,
    HOUR,
    NOON,
    NumbersWorld,
    add_mention,
    add_post,
    numbers_world,
)
from tests.unit.world import ANA, BEN, EVA, STRANGER, TEAM

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Rhythm(None, 9 * 60)
WEEKLY = Rhythm(2, 9 * 60)  # Wednesdays, and NOON is one
BROKEN = (sys.executable, "-c", "raise SystemExit(1)")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[NumbersWorld]:
    database = Database(f"sqlite:///{tmp_path / 'digests.db'}")
    await migrate(database)
    async with numbers_world(database, "a", "b") as made:
        yield made
    await database.close()


@pytest.fixture
async def no_charts() -> AsyncIterator[ChartWorker]:
    """A drawing process that dies at once: most tests here need no picture."""
    worker = ChartWorker(command=BROKEN)
    yield worker
    await worker.close()


async def owed(world: NumbersWorld) -> list[Notice]:
    """The digests' notices, in the order of their occurrences."""
    async with world.database.reading() as tx:
        plans = await digests.every(tx)
        return [
            notice
            for plan in plans
            for at in range(40)
            for notice in await notices.of_subject(
                tx, TEAM, f"{plan.id}:{int((_nine(plan.zone) + (at - 20) * DAY).timestamp())}"
            )
        ]


def _nine(zone: str) -> datetime:
    return NOON.astimezone(ZoneInfo(zone)).replace(hour=9)


# What is understood


@pytest.mark.parametrize(
    ("words", "rhythm"),
    [
        ("daily 9:00", Rhythm(None, 540)),
        ("Daily at 9am", Rhythm(None, 540)),
        ("every day 17.30", Rhythm(None, 1050)),
        ("weekly Monday 9:00", Rhythm(0, 540)),
        ("weekly on fri at 4:30 pm", Rhythm(4, 990)),
        ("every Tuesday noon", Rhythm(1, 720)),
        ("weekly wednesdays 8:05", Rhythm(2, 485)),
    ],
)
def test_rhythms_are_understood_as_people_write_them(words: str, rhythm: Rhythm) -> None:
    assert understand(words) == rhythm


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("daily", "`/social digest daily 9:00`"),
        ("weekly", "On which day?"),
        ("weekly 9:00", "On which day?"),
        ("weekly T 9:00", "On which day?"),
        ("weekly Monday", "`/social digest weekly Monday 9:00`"),
        ("daily 25:00", "isn't a time of day"),
        ("daily soon", "isn't a time of day"),
        ("monthly 9:00", "`/social digest daily 9:00`"),
        ("every", "`/social digest daily 9:00`"),
        ("at", "`/social digest daily 9:00`"),
        ("9:00", "`/social digest stop`"),
    ],
)
def test_what_is_not_understood_is_answered_with_an_example(words: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        understand(words)
    assert said in str(refused.value)


# What a digest says


async def test_a_digest_gathers_what_a_manager_asks(
    world: NumbersWorld, no_charts: ChartWorker
) -> None:
    yesterday = NOON - DAY
    for hours, count in ((-60, 90), (-37, 100), (-14, 112)):
        await world.numbers(NOON + hours * HOUR, {"followers": count})
    post = await world.published(yesterday, "Fresh beans")
    await world.numbers(yesterday + HOUR, {"likes": 4, "reposts": 1, "replies": 1}, of=post)
    await add_mention(
        world.database,
        yesterday,
        Sentiment.NEGATIVE,
        Urgency.ALERT,
        answered_at=yesterday + 2 * HOUR,
        solved_at=yesterday + 3 * HOUR,
        state=MentionState.RESOLVED,
    )
    await add_mention(world.database, yesterday, Sentiment.POSITIVE)
    await add_mention(world.database, NOON - 2 * DAY, Sentiment.POSITIVE)
    account_id = world.accounts[0].id
    await add_post(world.database, account_id, NOON + HOUR, "Later", state=PostState.SCHEDULED)
    await add_post(world.database, account_id, NOON + 20 * HOUR, "To", state=PostState.IN_REVIEW)

    shown = await world.digests(no_charts).compose(TEAM, periods.day_before(NOON, BERLIN))
    digest = shown.digest
    first = digest.accounts[0]
    assert first.account.label == "Scripted · @a"
    assert (first.followers, first.followers_gained) == (112, 12)
    assert (first.engagement, first.engagement_before) == (6, 0)
    assert (first.posts, first.posts_before) == (1, 0)
    assert digest.best is not None
    assert digest.best_revision is not None
    assert digest.best_revision.base_text == "Fresh beans"
    assert digest.mentions == {Sentiment.NEGATIVE: 1, Sentiment.POSITIVE: 1}
    assert digest.mentions_before == {Sentiment.POSITIVE: 1}
    told = digest.responses
    assert (told.first_answer, told.answered) == (2 * HOUR, 1)
    assert (told.solution, told.solved) == (3 * HOUR, 1)
    [due] = digest.due
    assert (due.revision.base_text, due.accounts, due.is_approved) == (
        "Later",
        ("Scripted · @a",),
        True,
    )
    assert digest.waiting == 1
    assert not digest.is_quiet
    assert (shown.png, shown.chart_failed) == (None, True), "it goes out without its chart"


async def test_a_day_on_which_nothing_happened_is_quiet(
    world: NumbersWorld, no_charts: ChartWorker
) -> None:
    for hours in (-60, -37, -14):
        for number in (0, 1):
            await world.numbers(NOON + hours * HOUR, {"followers": 100}, of=number)
    shown = await world.digests(no_charts).compose(TEAM, periods.day_before(NOON, BERLIN))
    assert shown.digest.is_quiet
    assert not shown.chart_failed, "nothing was to be drawn"


@pytest.mark.parametrize("what", ["a mention", "an open complaint", "a due post", "a follower"])
async def test_anything_that_happened_is_not_quiet(
    world: NumbersWorld, no_charts: ChartWorker, what: str
) -> None:
    account_id = world.accounts[0].id
    if what == "a mention":
        await add_mention(world.database, NOON - DAY)
    elif what == "an open complaint":
        await add_mention(world.database, NOON - 9 * DAY, Sentiment.NEGATIVE, Urgency.ALERT)
    elif what == "a due post":
        await add_post(world.database, account_id, NOON + HOUR, state=PostState.SCHEDULED)
    else:
        await world.numbers(NOON - 37 * HOUR, {"followers": 100})
        await world.numbers(NOON - 15 * HOUR, {"followers": 101})
    shown = await world.digests(no_charts).compose(TEAM, periods.day_before(NOON, BERLIN))
    assert not shown.digest.is_quiet


async def test_who_asks_sees_today_too_with_fresh_numbers(
    world: NumbersWorld, no_charts: ChartWorker
) -> None:
    post = await world.published(NOON - HOUR)
    world.network.posts = {post.remote_id or "": {"likes": 3, "reposts": 0, "replies": 0}}
    digest = (await world.digests(no_charts).show(ANA)).digest
    assert digest.period.span is Span.SO_FAR
    assert digest.period.last == date(2026, 11, 18)
    assert digest.accounts[0].engagement == 3


async def test_only_people_with_a_role_see_it(world: NumbersWorld, no_charts: ChartWorker) -> None:
    with pytest.raises(UserError):
        await world.digests(no_charts).show(STRANGER)


# The chart


async def grow(world: NumbersWorld, days: int, accounts: int = 1) -> None:
    """Some likes on each of the last days."""
    for number in range(accounts):
        begun = NOON - (days + 1) * DAY
        post = await world.published(begun, account=number)
        for day in range(days + 2):
            at = begun + day * DAY
            await world.numbers(at, {"followers": 100 + day}, of=number)
            await world.numbers(at, {"likes": day * (number + 2)}, of=post)


async def chart(world: NumbersWorld, charts: ChartWorker, span: Span) -> object:
    period = {Span.DAY: periods.day_before, Span.WEEK: periods.week_before}[span](NOON, BERLIN)
    return (await world.digests(charts).compose(TEAM, period)).digest.chart


async def test_a_day_is_shown_in_its_two_weeks(world: NumbersWorld, no_charts: ChartWorker) -> None:
    await grow(world, 20)
    shown = await chart(world, no_charts, Span.DAY)
    assert isinstance(shown, LineChart)
    assert shown.days[0] == date(2026, 11, 4)
    assert shown.days[-1] == date(2026, 11, 17)
    [line] = shown.series
    assert line.values == (2,) * 14
    assert line.before == ()


async def test_a_week_is_shown_beside_the_one_before(
    world: NumbersWorld, no_charts: ChartWorker
) -> None:
    await grow(world, 20)
    shown = await chart(world, no_charts, Span.WEEK)
    assert isinstance(shown, LineChart)
    assert (len(shown.days), shown.series[0].before) == (7, (2,) * 7)


async def test_a_first_day_is_shown_as_bars(world: NumbersWorld, no_charts: ChartWorker) -> None:
    await grow(world, 1, accounts=2)
    shown = await chart(world, no_charts, Span.DAY)
    assert isinstance(shown, BarChart)
    assert [(bar.label, bar.value) for bar in shown.bars] == [
        ("Scripted · @b", 3),
        ("Scripted · @a", 2),
    ]


async def test_without_engagement_followers_are_shown(
    world: NumbersWorld, no_charts: ChartWorker
) -> None:
    for day in range(6):
        await world.numbers(NOON - day * DAY, {"followers": 100 - day})
    shown = await chart(world, no_charts, Span.DAY)
    assert isinstance(shown, LineChart)
    assert shown.running
    assert shown.series[0].values[-5:] == (95, 96, 97, 98, 99)


async def test_nothing_known_is_no_chart(world: NumbersWorld, no_charts: ChartWorker) -> None:
    assert await chart(world, no_charts, Span.WEEK) is None


# Plans


async def test_a_plan_is_in_the_zone_of_who_made_it(world: NumbersWorld) -> None:
    async with world.database.transaction() as tx:
        member = Member(TEAM, BEN.user_id, "Ben", "America/New_York", frozenset({Role.APPROVER}))
        await workspaces.save_member(tx, member)
    made, replaced = await world.plans().plan(BEN, "C1", DAILY)
    assert not replaced
    assert made.plan.zone == "America/New_York"
    assert made.next_due == NOON.replace(hour=14)
    assert name(made.plan) == "every day at 9:00 (America/New_York)"


async def test_a_channel_has_one_daily_and_one_weekly_digest(world: NumbersWorld) -> None:
    plans = world.plans()
    await plans.plan(ANA, "C1", DAILY)
    await plans.plan(ANA, "C1", WEEKLY)
    await plans.plan(ANA, "C2", DAILY)
    _, replaced = await plans.plan(BEN, "C1", Rhythm(None, 600))
    assert replaced
    assert [name(one.plan) for one in await plans.of_channel(EVA, "C1")] == [
        "every day at 10:00 (Europe/Berlin)",
        "every Wednesday at 9:00 (Europe/Berlin)",
    ]


async def test_a_responder_sees_plans_but_makes_none(world: NumbersWorld) -> None:
    async with world.database.transaction() as tx:
        member = Member(TEAM, BEN.user_id, "Ben", "Europe/Berlin", frozenset({Role.RESPONDER}))
        await workspaces.save_member(tx, member)
    plans = world.plans()
    made, _ = await plans.plan(ANA, "C1", DAILY)
    assert len(await plans.of_channel(BEN, "C1")) == 1
    for refused in (plans.plan(BEN, "C1", DAILY), plans.stop(BEN, made.plan.id), plans.check(BEN)):
        with pytest.raises(NotAllowed, match="plan and stop digests"):
            await refused


async def test_stopping_again_says_so(world: NumbersWorld) -> None:
    plans = world.plans()
    made, _ = await plans.plan(ANA, "C1", DAILY)
    await plans.stop(BEN, made.plan.id)
    with pytest.raises(AlreadyDone):
        await plans.stop(ANA, made.plan.id)


async def test_a_digest_is_owed_when_it_is_due_and_not_before(world: NumbersWorld) -> None:
    world.moment = NOON - 6 * HOUR  # 6:00 in Berlin
    await world.plans().plan(ANA, "C1", DAILY)
    poster = world.poster()
    assert await poster.owe_due() == NOON - 3 * HOUR
    assert await owed(world) == []
    world.moment = NOON - 3 * HOUR
    assert await poster.owe_due() == NOON + 21 * HOUR
    [notice] = await owed(world)
    assert (notice.destination, notice.card) == ("C1", "digest")


async def test_neither_a_restart_nor_a_second_process_repeats_a_digest(
    world: NumbersWorld,
) -> None:
    world.moment = NOON - 6 * HOUR
    await world.plans().plan(ANA, "C1", DAILY)
    world.moment = NOON
    await asyncio.gather(*(world.poster().owe_due() for _ in range(3)))
    await world.poster().owe_due()
    [notice] = await owed(world)
    assert notice.version == 1


async def test_after_downtime_the_newest_missed_digest_comes_once_and_says_that_it_is_late(
    world: NumbersWorld,
) -> None:
    world.moment = NOON - 5 * DAY
    plans = world.plans()
    await plans.plan(ANA, "C1", DAILY)
    world.moment = NOON
    await world.poster().owe_due()
    await world.poster().owe_due()
    [notice] = await owed(world)
    async with world.database.reading() as tx:
        told = await plans.owed(tx, notice.subject_id)
    assert told is not None
    assert told.is_late
    assert told.period.days == (date(2026, 11, 17),)


async def test_a_digest_in_time_is_not_late(world: NumbersWorld) -> None:
    world.moment = NOON - 6 * HOUR
    plans = world.plans()
    made, _ = await plans.plan(ANA, "C1", WEEKLY)
    world.moment = made.next_due + timedelta(minutes=2)
    await world.poster().owe_due()
    [notice] = await owed(world)
    async with world.database.reading() as tx:
        told = await plans.owed(tx, notice.subject_id)
    assert told is not None
    assert not told.is_late
    assert (told.period.first, told.period.last) == (date(2026, 11, 11), date(2026, 11, 17))


async def test_a_plan_made_after_its_time_waits_for_the_next_one(world: NumbersWorld) -> None:
    await world.plans().plan(ANA, "C1", DAILY)
    await world.poster().owe_due()
    assert await owed(world) == []


async def test_a_stopped_plan_owes_nothing_any_more(world: NumbersWorld) -> None:
    world.moment = NOON - 6 * HOUR
    plans = world.plans()
    made, _ = await plans.plan(ANA, "C1", DAILY)
    world.moment = NOON
    await world.poster().owe_due()
    [notice] = await owed(world)
    await plans.stop(ANA, made.plan.id)
    async with world.database.reading() as tx:
        assert await plans.owed(tx, notice.subject_id) is None
    world.moment = NOON + DAY
    assert await world.poster().owe_due() is None


async def test_a_network_that_is_down_holds_no_digest_up(world: NumbersWorld) -> None:
    world.moment = NOON - 6 * HOUR
    await world.plans().plan(ANA, "C1", DAILY)
    world.network.fail = {"@a": Expired("gone"), "@b": RuntimeError("a bug")}
    world.moment = NOON
    await world.poster().owe_due()
    assert len(await owed(world)) == 1


async def test_the_poster_wakes_when_a_plan_is_due(world: NumbersWorld) -> None:
    """The task that runs in the bot: planned a moment ahead, owed by itself."""
    world.clock.start()
    task = asyncio.create_task(world.poster().run())
    try:
        made, _ = await world.plans().plan(ANA, "C1", DAILY)
        async with world.database.transaction() as tx:
            await digests.save(tx, replace(made.plan, created_at=NOON - DAY))
        world.clock.alarm("digests").ring()
        await eventually(lambda: owed(world))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        world.clock.stop()
