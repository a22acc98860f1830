"""Listening: each mention once, each source for itself, and a restart repeats nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import Expired, RateLimited, Unavailable
from bot.listening import Listening
from bot.raising import LONGEST_TEXT
from storage import accounts, mentions
from storage.records import (
    Account,
    AccountState,
    Card,
    MentionKind,
    MentionState,
    Sentiment,
    Urgency,
)
from tests.servers.eventually import eventually
from tests.unit.care import COMPLAINT, DOUBT, FOREIGN, PERIOD, PRAISE, QUESTION, Care, care
from tests.unit.world import TEAM


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Care]:
    async with care(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[Care]:
    """On SQLite only, for rules that don't depend on the database."""
    async with care(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        yield made


async def second_account(here: Care) -> Account:
    first = here.world.account
    second = replace(first, id="second", remote_id="2", handle="@second", cursor=None)
    async with here.world.database.transaction() as tx:
        await accounts.insert(tx, second)
    return second


async def account_now(here: Care) -> Account:
    async with here.world.database.reading() as tx:
        found = await accounts.get(tx, TEAM, here.world.account.id)
    assert found is not None
    return found


async def test_a_clear_complaint_gets_one_card_with_its_two_clocks(here: Care) -> None:
    heard = here.said(COMPLAINT, ago=timedelta(hours=2))
    await here.poll()
    [mention] = await here.all()
    assert mention.urgency is Urgency.ALERT
    assert mention.sentiment is Sentiment.NEGATIVE
    assert mention.reasons[0] == "angry"
    assert mention.answer_due_at == heard.posted_at + timedelta(hours=12)
    assert mention.solve_due_at == heard.posted_at + timedelta(hours=24)
    [card] = await here.owed(Card.MENTION)
    assert (card.subject_id, card.destination) == (mention.id, "CALERTS")


@pytest.mark.parametrize(
    ("text", "urgency", "sentiment"),
    [
        (DOUBT, Urgency.DOUBTFUL, Sentiment.NEGATIVE),
        (QUESTION, Urgency.NONE, Sentiment.NEUTRAL),
        (PRAISE, Urgency.NONE, Sentiment.POSITIVE),
        (FOREIGN, Urgency.NONE, Sentiment.UNCLASSIFIED),
        ("", Urgency.NONE, Sentiment.UNCLASSIFIED),
    ],
)
async def test_only_what_is_clearly_negative_shouts(
    light: Care, text: str, urgency: Urgency, sentiment: Sentiment
) -> None:
    mention = await light.hear(text)
    assert (mention.urgency, mention.sentiment) == (urgency, sentiment)
    assert await light.owed(Card.MENTION) == []


async def test_what_is_heard_again_is_kept_once(here: Care) -> None:
    here.said(COMPLAINT)
    await here.poll()
    async with here.world.database.transaction() as tx:
        await accounts.set_heard(tx, here.world.account.id, problem=None, cursor="0")
    await here.poll()
    assert len(await here.all()) == 1
    [card] = await here.owed(Card.MENTION)
    assert card.version == 1


async def test_two_processes_that_read_the_same_keep_it_once(here: Care) -> None:
    for number in range(30):
        here.said(COMPLAINT, author=f"@person{number}")
    one, two = here.new_listening(), here.new_listening()
    account = here.world.account

    async def read(listening: Listening) -> None:
        # As after a claim that has run out: both read from the same cursor at once.
        await listening._read_account(account)

    await asyncio.gather(read(one), read(two))
    assert len(await here.all()) == 30
    assert len(await here.owed(Card.MENTION)) == 30


async def test_a_source_is_read_by_one_process_in_a_period(here: Care) -> None:
    calls: list[str] = []

    async def count(account: Account) -> None:
        calls.append(account.id)

    here.world.network.before_listening = count
    one, two = here.new_listening(), here.new_listening()
    await asyncio.gather(one.poll(), two.poll())
    await asyncio.gather(one.settled(), two.settled())
    assert len(calls) == 1
    here.time.passes(PERIOD)
    await one.poll()
    await one.settled()
    assert len(calls) == 2


async def test_a_source_that_hangs_delays_no_other(light: Care) -> None:
    second = await second_account(light)
    released = asyncio.Event()

    async def hang(account: Account) -> None:
        if account.id != second.id:
            await released.wait()

    light.world.network.before_listening = hang
    light.said(COMPLAINT)
    listening = light.new_listening()
    await listening.poll()

    async def heard() -> list[str]:
        return [mention.source for mention in await light.all()]

    assert await eventually(heard) == [second.id]
    light.time.passes(PERIOD)
    await listening.poll()  # the one that hangs isn't begun a second time
    released.set()
    await listening.settled()
    assert sorted(await heard()) == sorted([second.id, light.world.account.id])


async def test_a_source_that_fails_says_so_and_stops_no_other(light: Care) -> None:
    second = await second_account(light)

    async def fail(account: Account) -> None:
        if account.id != second.id:
            raise Unavailable("Scripted can't be reached.")

    light.world.network.before_listening = fail
    light.said(COMPLAINT)
    await light.poll()
    assert [mention.source for mention in await light.all()] == [second.id]
    assert (await account_now(light)).problem == "Scripted can't be reached."


async def test_what_a_failed_reading_missed_comes_with_the_next(light: Care) -> None:
    async def fail(_account: Account) -> None:
        raise Unavailable("Scripted can't be reached.")

    answering = light.world.network.before_listening
    light.world.network.before_listening = fail
    light.said(COMPLAINT)
    await light.poll()
    light.world.network.before_listening = answering
    await light.poll()
    assert len(await light.all()) == 1
    assert (await account_now(light)).problem is None


async def test_refused_credentials_tell_the_owner_once_and_end_the_reading(here: Care) -> None:
    calls: list[str] = []

    async def refuse(account: Account) -> None:
        calls.append(account.id)
        raise Expired("Scripted's login has ended.")

    here.world.network.before_listening = refuse
    await here.poll()
    await here.poll()
    assert len(calls) == 1
    account = await account_now(here)
    assert (account.state, account.problem) == (AccountState.EXPIRED, "Scripted's login has ended.")
    [inbox] = await here.owed(Card.INBOX)
    assert inbox.version == 1


async def test_a_network_that_asks_to_wait_is_left_alone_until_then(light: Care) -> None:
    calls: list[str] = []
    until = light.time.now() + timedelta(minutes=30)

    async def limit(account: Account) -> None:
        calls.append(account.id)
        raise RateLimited("Scripted asks to wait.", until=until)

    light.world.network.before_listening = limit
    listening = light.new_listening()
    for minutes in (0, 10, 15, 4):
        light.time.passes(timedelta(minutes=minutes))
        await listening.poll()
        await listening.settled()
    assert len(calls) == 1
    light.time.passes(timedelta(minutes=2))
    await listening.poll()
    await listening.settled()
    assert len(calls) == 2


async def test_a_bug_in_one_reading_is_logged_and_the_next_one_comes(
    light: Care, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(_account: Account) -> None:
        raise ZeroDivisionError

    answering = light.world.network.before_listening
    light.world.network.before_listening = crash
    light.said(COMPLAINT)
    await light.poll()
    assert "ZeroDivisionError" in caplog.text
    light.world.network.before_listening = answering
    await light.poll()
    assert len(await light.all()) == 1


async def test_what_we_say_ourselves_is_no_mention(light: Care) -> None:
    light.said("@brand We are sorry, this is terrible", author="@Brand")
    light.said("Terrible!", author="1")
    await light.poll()
    assert await light.all() == []


async def test_hostile_text_is_kept_as_text(here: Care) -> None:
    light = here
    text = "terrible \0 \ud800 \u202e <!channel> " + "a" * 100_000
    mention = await light.hear(text, author_name="\0" + "x" * 1000, url="javascript:alert(1)")
    assert mention.text.startswith("terrible \N{REPLACEMENT CHARACTER} ? \u202e <!channel> aaa")
    assert len(mention.text) == LONGEST_TEXT
    assert len(mention.author_name) == 255


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(text=st.text(st.characters(), max_size=60), name=st.text(st.characters(), max_size=300))
async def test_whatever_is_said_is_kept(light: Care, text: str, name: str) -> None:
    before = len(await light.all())
    light.said(text, author_name=name, remote_id=f"said-{before}")
    await light.poll()
    assert len(await light.all()) == before + 1


async def test_a_burst_keeps_each_and_loses_none(light: Care) -> None:
    for number in range(130):
        light.said(COMPLAINT, author=f"@person{number}")
    await light.poll()
    assert len(await light.all()) == 130
    assert len({card.subject_id for card in await light.owed(Card.MENTION)}) == 130


async def test_a_date_in_the_future_starts_its_clocks_now(light: Care) -> None:
    mention = await light.hear(posted_at=datetime.now(UTC) + timedelta(days=400))
    assert mention.posted_at == mention.seen_at


# The person writes again


async def closed(here: Care, state: MentionState) -> str:
    """A complaint that was closed; its id."""
    mention = await here.hear(COMPLAINT, remote_id="first")
    async with here.world.database.transaction() as tx:
        await mentions.change(tx, mention, state=state, answered_at=mention.seen_at)
    return mention.id


async def test_a_resolved_mention_opens_again_when_its_author_replies(here: Care) -> None:
    first = await closed(here, MentionState.RESOLVED)
    again = await here.hear(
        "It still doesn't work.", remote_id="second", kind=MentionKind.REPLY, answers="first"
    )
    assert again.continues == first
    assert again.urgency is Urgency.NONE
    mention = await here.mention_of("first")
    assert mention is not None
    assert mention.state is MentionState.OPEN
    assert mention.answered_at is None
    assert mention.answer_due_at == again.posted_at + timedelta(hours=12)
    assert mention.reply_to == again.reply_to
    assert [card.subject_id for card in await here.owed(Card.MENTION)] == [first]
    [ping] = await here.owed(Card.WROTE_AGAIN)
    assert ping.subject_id == again.id


async def test_thanks_are_shown_and_reopen_nothing(light: Care) -> None:
    first = await closed(light, MentionState.RESOLVED)
    version = (await light.owed(Card.MENTION))[0].version
    again = await light.hear(
        "Thanks, it works now!", remote_id="second", kind=MentionKind.REPLY, answers="first"
    )
    mention = await light.mention_of("first")
    assert mention is not None
    assert mention.state is MentionState.RESOLVED
    assert again.continues == first
    assert await light.owed(Card.WROTE_AGAIN) == []
    assert (await light.owed(Card.MENTION))[0].version == version + 1


@pytest.mark.parametrize(
    ("text", "state"),
    [(COMPLAINT, MentionState.OPEN), (QUESTION, MentionState.DISMISSED)],
)
async def test_what_was_found_not_negative_opens_only_for_what_is(
    light: Care, text: str, state: MentionState
) -> None:
    await closed(light, MentionState.DISMISSED)
    await light.hear(text, remote_id="second", kind=MentionKind.REPLY, answers="first")
    mention = await light.mention_of("first")
    assert mention is not None
    assert mention.state is state
    assert bool(await light.owed(Card.WROTE_AGAIN)) == (state is MentionState.OPEN)


async def test_somebody_else_in_the_conversation_gets_a_card_of_their_own(light: Care) -> None:
    await closed(light, MentionState.RESOLVED)
    other = await light.hear(
        COMPLAINT, author="@tom", remote_id="second", kind=MentionKind.REPLY, answers="first"
    )
    assert other.continues is None
    assert len(await light.owed(Card.MENTION)) == 2


async def test_a_third_time_goes_on_in_the_first_conversation(light: Care) -> None:
    first = await closed(light, MentionState.RESOLVED)
    await light.hear(COMPLAINT, remote_id="second", kind=MentionKind.REPLY, answers="first")
    third = await light.hear(COMPLAINT, remote_id="third", kind=MentionKind.REPLY, answers="second")
    assert third.continues == first


async def test_a_reply_to_something_unknown_is_new(light: Care) -> None:
    mention = await light.hear(COMPLAINT, kind=MentionKind.REPLY, answers="elsewhere")
    assert mention.continues is None
    assert len(await light.owed(Card.MENTION)) == 1
