"""Snapshots, plans and what is read across aggregates for digests, on both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from storage import digests, numbers, occurrences, snapshots
from storage.database import Database
from storage.numbers import Missed, Open
from storage.records import DigestPlan, MentionState, PostState, Sentiment, Snapshot, Urgency
from storage.rows import new_id
from tests.unit.numbers_world import (
    DAY,
    HOUR,
    NOON,
    add_mention,
    add_post,
    numbers_world,
)
from tests.unit.world import TEAM

NEGATIVE, ALERT = Sentiment.NEGATIVE, Urgency.ALERT
TWELVE, TWENTY_FOUR = timedelta(hours=12), timedelta(hours=24)


def plan(**new: object) -> DigestPlan:
    made = DigestPlan("p1", TEAM, "C1", None, 540, "Europe/Berlin", "UEVA", NOON)
    return replace(made, **new)  # type: ignore[arg-type]  # fields by name


async def test_history_begins_with_what_each_had_before(database: Database) -> None:
    async with numbers_world(database, "a", "b") as world:
        post = await world.published(NOON - 9 * DAY)
        for hours, count in ((-80, 1), (-60, 2), (-10, 3), (0, 4), (5, 5)):
            await world.numbers(NOON + hours * HOUR, {"followers": count})
        await world.numbers(NOON - 70 * HOUR, {"followers": 70}, of=1)
        await world.numbers(NOON - 65 * HOUR, {"likes": 1}, of=post)
        async with database.reading() as tx:
            found = await snapshots.history(tx, TEAM, NOON - 20 * HOUR, NOON)
    assert [(one.taken_at - NOON) / HOUR for one in found] == [-70, -65, -60, -10, 0]


async def test_the_newest_numbers_of_posts_are_found(database: Database) -> None:
    async with numbers_world(database, "a", "b") as world:
        first, second = await world.published(NOON), await world.published(NOON)
        other = await world.published(NOON, account=1)
        for post, hours, likes in ((first, 2, 9), (first, 1, 5), (second, 1, 0), (other, 1, 7)):
            await world.numbers(NOON + hours * HOUR, {"likes": likes}, of=post)
        await world.numbers(NOON + 9 * HOUR, {"followers": 3})
        async with database.reading() as tx:
            found = await snapshots.newest_of_posts(tx, world.accounts[0].id)
    assert found == {first.id: {"likes": 9}, second.id: {"likes": 0}}


async def test_more_snapshots_are_forgotten_than_fit_into_a_statement(database: Database) -> None:
    async with numbers_world(database) as world:
        account_id = world.accounts[0].id
        taken = [
            Snapshot(new_id(), TEAM, account_id, None, NOON + n * HOUR, {"followers": n})
            for n in range(1203)
        ]
        async with database.transaction() as tx:
            await snapshots.insert_all(tx, taken)
            await snapshots.insert_all(tx, [])
            await snapshots.forget(tx, [one.id for one in taken[1:]])
            left = await snapshots.taken_before(tx, TEAM, NOON + 9000 * HOUR, since=NOON)
    assert left == [(taken[0].id, account_id, NOON)]


async def test_a_plan_with_the_same_id_takes_the_place_of_the_first(database: Database) -> None:
    async with numbers_world(database):
        async with database.transaction() as tx:
            await digests.save(tx, plan())
            await digests.save(tx, plan(id="p2", weekday=2))
            await digests.save(tx, plan(minute=600))
        async with database.transaction() as tx:
            assert await digests.of_channel(tx, TEAM, "C1") == [
                plan(minute=600),
                plan(id="p2", weekday=2),
            ]
            assert await digests.of_channel(tx, "T2", "C1") == []
            assert not await digests.remove(tx, "T2", "p1"), "another workspace's hand"
            assert await digests.remove(tx, TEAM, "p1")
            assert not await digests.remove(tx, TEAM, "p1")
            assert await digests.every(tx) == [plan(id="p2", weekday=2)]


async def test_the_same_plan_made_at_once_is_one(database: Database) -> None:
    async def save(minute: int) -> None:
        async with database.transaction() as tx:
            await digests.save(tx, plan(minute=minute))

    async with numbers_world(database):
        await asyncio.gather(*(save(minute) for minute in range(8)))
        async with database.reading() as tx:
            assert len(await digests.every(tx)) == 1


async def test_claims_of_a_kind_are_forgotten_when_they_are_old(database: Database) -> None:
    async with database.transaction() as tx:
        for job, at in (("a:1", NOON - DAY), ("a:1", NOON), ("ab:1", NOON - DAY)):
            assert await occurrences.claim(tx, job, at, NOON)
        await occurrences.forget(tx, "a", NOON)
        assert not await occurrences.is_claimed(tx, "a:1", NOON - DAY)
        assert await occurrences.is_claimed(tx, "a:1", NOON)
        assert await occurrences.is_claimed(tx, "ab:1", NOON - DAY)


async def test_what_went_out_in_a_time(database: Database) -> None:
    async with numbers_world(database) as world:
        account_id = world.accounts[0].id
        mention = await add_mention(database, NOON)
        inside = await world.published(NOON)
        reply = await add_post(database, account_id, NOON + HOUR, mention_id=mention.id)
        await world.published(NOON - HOUR)
        await world.published(NOON + 2 * HOUR)
        await add_post(database, account_id, NOON, state=PostState.SCHEDULED)
        async with database.reading() as tx:
            found = await numbers.went_out(tx, TEAM, NOON, NOON + 2 * HOUR)
    assert [(one.delivery_id, one.is_reply, one.is_live) for one in found] == [
        (inside.id, False, True),
        (reply.id, True, True),
    ]


async def test_mentions_are_counted_by_tone_of_when_they_were_written(database: Database) -> None:
    async with numbers_world(database):
        await add_mention(database, NOON, NEGATIVE)
        await add_mention(database, NOON, NEGATIVE, state=MentionState.DISMISSED)
        await add_mention(database, NOON, Sentiment.UNCLASSIFIED)
        await add_mention(database, NOON, Sentiment.POSITIVE, seen_at=NOON + 3 * DAY)
        await add_mention(database, NOON - HOUR, NEGATIVE, seen_at=NOON + HOUR)
        await add_mention(database, NOON + DAY, NEGATIVE)
        async with database.reading() as tx:
            found = await numbers.mentions_by_sentiment(tx, TEAM, NOON, NOON + DAY)
            none = await numbers.mentions_by_sentiment(tx, "T2", NOON, NOON + DAY)
    assert found == {
        NEGATIVE: 1,
        Sentiment.NEUTRAL: 1,  # somebody said that it wasn't negative
        Sentiment.UNCLASSIFIED: 1,
        Sentiment.POSITIVE: 1,
    }
    assert none == {}


async def test_answers_count_when_they_are_given_by_the_clock_that_ran(database: Database) -> None:
    async with numbers_world(database):
        early = NOON - 5 * HOUR
        await add_mention(database, early, NEGATIVE, ALERT, answered_at=NOON + HOUR)
        reopened = {"answer_due_at": NOON + TWELVE, "answered_at": NOON + 2 * HOUR}
        await add_mention(database, NOON - 3 * DAY, NEGATIVE, ALERT, **reopened)
        await add_mention(database, NOON, answered_at=NOON + 9 * HOUR)  # praise has no clock
        await add_mention(database, early, NEGATIVE, ALERT, answered_at=NOON - HOUR)
        solved = {"solved_at": NOON + 3 * HOUR, "state": MentionState.RESOLVED}
        await add_mention(database, NOON - 9 * HOUR, NEGATIVE, ALERT, **solved)
        async with database.reading() as tx:
            answers = await numbers.answer_times(tx, TEAM, NOON, NOON + DAY, TWELVE)
            solutions = await numbers.solution_times(tx, TEAM, NOON, NOON + DAY, TWENTY_FOUR)
    assert sorted(answers) == [2 * HOUR, 6 * HOUR]
    assert solutions == [12 * HOUR]


@pytest.mark.parametrize(
    ("facts", "answer", "solution"),
    [
        ({}, 1, 0),  # its first limit ended in the period, its second after it
        ({"answered_at": NOON + HOUR}, 0, 0),
        ({"answered_at": NOON + 5 * HOUR}, 1, 0),  # answered, but late
        ({"solved_at": NOON + HOUR, "state": MentionState.RESOLVED}, 0, 0),
        ({"state": MentionState.DISMISSED}, 0, 0),
        ({"urgency": Urgency.DOUBTFUL}, 0, 0),
        ({"continues": "another"}, 0, 0),
        ({"posted_at": NOON - 22 * HOUR, "answer_due_at": NOON - 10 * HOUR,
          "solve_due_at": NOON + 2 * HOUR}, 0, 1),
    ],
)  # fmt: skip
async def test_a_limit_is_missed_in_the_period_in_which_it_ran_out(
    database: Database, facts: dict[str, object], answer: int, solution: int
) -> None:
    async with numbers_world(database):
        if facts.get("continues"):
            first = await add_mention(database, NOON, sentiment=NEGATIVE)
            facts = {**facts, "continues": first.id}
        await add_mention(database, NOON - 10 * HOUR, NEGATIVE, **{"urgency": ALERT, **facts})
        async with database.reading() as tx:
            found = await numbers.missed(tx, TEAM, NOON, NOON + 4 * HOUR)
    assert found == Missed(answer, solution)


async def test_open_complaints_and_those_past_a_limit(database: Database) -> None:
    async with numbers_world(database):
        await add_mention(database, NOON - HOUR, NEGATIVE, ALERT)
        await add_mention(database, NOON - 13 * HOUR, NEGATIVE, ALERT)
        answered = {"answered_at": NOON - 12 * HOUR}
        await add_mention(database, NOON - 13 * HOUR, NEGATIVE, ALERT, **answered)
        await add_mention(database, NOON - 25 * HOUR, NEGATIVE, ALERT, **answered)
        await add_mention(database, NOON, NEGATIVE, ALERT, state=MentionState.RESOLVED)
        await add_mention(database, NOON, NEGATIVE, Urgency.DOUBTFUL)
        async with database.reading() as tx:
            assert await numbers.open_complaints(tx, TEAM, NOON) == Open(4, 2)
            assert await numbers.open_complaints(tx, "T2", NOON) == Open(0, 0)
            assert await numbers.missed(tx, "T2", NOON, NOON + DAY) == Missed(0, 0)


async def test_what_is_coming_and_what_waits(database: Database) -> None:
    async with numbers_world(database) as world:
        account_id = world.accounts[0].id
        for hours, state in (
            (3, PostState.SCHEDULED),
            (1, PostState.IN_REVIEW),
            (2, PostState.CANCELLED),
            (30, PostState.IN_REVIEW),
            (-1, PostState.SCHEDULED),
        ):
            await add_post(database, account_id, NOON + hours * HOUR, state=state)
        async with database.reading() as tx:
            found = await numbers.coming(tx, TEAM, NOON, NOON + 12 * HOUR)
            assert await numbers.waiting(tx, TEAM) == 2
    assert [post.state for post in found] == [PostState.IN_REVIEW, PostState.SCHEDULED]
