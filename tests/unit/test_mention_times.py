"""By the clock: two lists of doubtful mentions a day, and clocks that run out."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import AlreadyDone
from bot.mention_times import latest_slot
from bot.mentions import LIST_LENGTH
from storage import occurrences
from storage.records import Card, Mention, MentionState, Urgency
from tests.unit.care import COMPLAINT, DAN, DANA, DOUBT, Care, care
from tests.unit.world import TEAM

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Care]:
    async with care(database_url, tmp_path) as made:
        yield made


def next_time(here: Care, hour: int, minute: int = 1) -> None:
    """The clock shows the next such time in Berlin."""
    now = here.time.now().astimezone(BERLIN)
    moment = now.replace(hour=hour, minute=minute)
    here.time.becomes(moment if moment > now else moment + timedelta(days=1))


async def doubted(here: Care, number: int) -> list[Mention]:
    for each in range(number):
        here.said(DOUBT, author=f"@doubt{each}")
    await here.poll()
    return await here.all()


async def test_doubtful_ones_are_gathered_at_9_and_at_15(here: Care) -> None:
    next_time(here, 7)
    await doubted(here, 3)
    times = here.times()
    await times.run()  # the slot of yesterday's 15:00 lists them: the process has just started
    assert len(await here.owed(Card.DOUBTFUL)) == 1
    await doubted(here, 2)
    next_time(here, 8, 59)
    await times.run()
    assert len(await here.owed(Card.DOUBTFUL)) == 1
    next_time(here, 9)
    await times.run()
    await times.run()
    await here.times().run()  # another process, or this one after a restart
    lists = await here.owed(Card.DOUBTFUL)
    assert [card.destination for card in lists] == ["CALERTS"] * 2
    shown = [await here.mentions.doubtful_list(TEAM, card.subject_id) for card in lists]
    assert sorted(len(one.items) for one in shown) == [2, 3]
    next_time(here, 15)
    await times.run()
    assert len(await here.owed(Card.DOUBTFUL)) == 2, "nothing new, so no list"


async def test_an_empty_list_is_not_sent_but_its_time_is_over(here: Care) -> None:
    next_time(here, 9)
    await here.times().run()
    await doubted(here, 1)
    await here.times().run()
    assert await here.owed(Card.DOUBTFUL) == []


async def test_what_does_not_fit_comes_with_the_next_list(here: Care) -> None:
    next_time(here, 7)
    await doubted(here, LIST_LENGTH + 3)
    await here.times().run()
    next_time(here, 9)
    await here.times().run()
    lists = await here.owed(Card.DOUBTFUL)
    sizes = [len((await here.mentions.doubtful_list(TEAM, one.subject_id)).items) for one in lists]
    assert sorted(sizes) == [3, LIST_LENGTH]


async def test_a_list_is_dismissed_together_once(here: Care) -> None:
    mentions = await doubted(here, 3)
    await here.times().run()
    [card] = await here.owed(Card.DOUBTFUL)
    await here.triage.is_negative(DANA, mentions[0].id)
    dismissed = await here.triage.dismiss_list(DAN, card.subject_id)
    assert {mention.id for mention in dismissed} == {mention.id for mention in mentions[1:]}
    with pytest.raises(AlreadyDone):
        await here.triage.dismiss_list(DANA, card.subject_id)
    assert (await here.again(mentions[0])).urgency is Urgency.ALERT
    for mention in mentions[1:]:
        assert (await here.again(mention)).state is MentionState.DISMISSED
        assert await here.did(mention) == [(DAN.user_id, "dismissed")]
    [again] = await here.owed(Card.DOUBTFUL)
    assert again.version == 3


async def test_a_card_says_when_its_clock_has_run_out(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    times = here.times()
    version = await here.version(mention)
    await times.run()
    assert await here.version(mention) == version
    here.time.passes(timedelta(hours=12, minutes=1))
    await times.run()
    await times.run()
    assert await here.version(mention) == version + 1
    here.time.passes(timedelta(hours=12))
    await times.run()
    assert await here.version(mention) == version + 2


async def test_what_ran_out_while_nobody_was_there_is_shown_at_start(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    here.time.passes(timedelta(hours=20))
    version = await here.version(mention)
    await here.times().run()
    assert await here.version(mention) == version + 1


async def test_a_closed_mention_has_no_clocks(here: Care) -> None:
    mention = await here.hear(COMPLAINT)
    await here.triage.resolve(DANA, mention.id)
    version = await here.version(mention)
    here.time.passes(timedelta(hours=25))
    await here.times().run()
    assert await here.version(mention) == version


async def test_an_occurrence_belongs_to_one(here: Care) -> None:
    slot = datetime(2026, 3, 1, 9, tzinfo=UTC)
    for expected in (True, False):
        async with here.world.database.transaction() as tx:
            assert await occurrences.claim(tx, "doubtful T1", slot, slot) is expected


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        ("2026-03-10T07:59+00:00", "2026-03-09T14:00+00:00"),
        ("2026-03-10T08:00+00:00", "2026-03-10T08:00+00:00"),
        ("2026-03-10T13:59+00:00", "2026-03-10T08:00+00:00"),
        ("2026-03-10T14:00+00:00", "2026-03-10T14:00+00:00"),
        ("2026-03-29T07:00+00:00", "2026-03-29T07:00+00:00"),  # the clocks went forward
    ],
)
def test_the_last_slot_in_berlin(now: str, slot: str) -> None:
    assert latest_slot(datetime.fromisoformat(now), BERLIN) == datetime.fromisoformat(slot)


@given(
    st.integers(0, 2_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_a_slot_is_never_ahead_nor_a_day_old(now: datetime, zone: str) -> None:
    slot = latest_slot(now, ZoneInfo(zone))
    assert timedelta() <= now - slot < timedelta(hours=19)
    assert slot.astimezone(ZoneInfo(zone)).hour in (9, 15)
