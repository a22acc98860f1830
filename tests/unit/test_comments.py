"""What people write in a card's thread: kept once, as it is by now, whatever order it comes in."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bot.comments import (
    COMMENTED,
    DELETED,
    REWROTE,
    Comments,
    Discussion,
    ThreadMessage,
    discussion,
)
from bot.team import Person
from storage import history, notices
from storage.records import Card, NoticeState, Post, Verdict
from storage.tables import notices as notice_table
from tests.unit.world import ANA, BEN, STRANGER, TEAM, World

CHANNEL, CARD, REPLY = "CAPPROVALS", "1.000001", "2.000001"
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SOMEBODY = Person(TEAM, "UNOBODY")  # without a role


async def with_card(here: World, ts: str = CARD) -> Post:
    """A post whose card stands in Slack."""
    post = await here.submitted()
    async with here.database.transaction() as tx:
        await tx.connection.execute(
            notice_table.update()
            .where(notice_table.c.subject_id == post.id, notice_table.c.card == Card.APPROVAL)
            .values(channel=CHANNEL, ts=ts, state=NoticeState.SENT, sent_version=1)
        )
    return post


def reply(text: str, after_s: float = 0, ts: str = REPLY, thread_ts: str = CARD) -> ThreadMessage:
    return ThreadMessage(CHANNEL, thread_ts, ts, text, AT + timedelta(seconds=after_s))


async def said(here: World, post: Post) -> Discussion:
    async with here.database.reading() as tx:
        return await discussion(tx, post.id)


async def recorded(here: World, post: Post) -> list[tuple[str, str | None, str]]:
    async with here.database.reading() as tx:
        entries = await history.of_subject(tx, post.id)
    return [
        (entry.action, entry.actor_id, entry.detail)
        for entry in entries
        if entry.action in (COMMENTED, REWROTE, DELETED)
    ]


async def test_a_comment_is_kept_once_and_the_card_shows_it(here: World) -> None:
    post, comments = await with_card(here), Comments(here.database, here.clock)
    for _ in range(2):
        await comments.follow(BEN, reply("Which café?"))
    found = await said(here, post)
    assert [(one.user_id, one.text) for one in found.newest] == [(BEN.user_id, "Which café?")]
    assert await recorded(here, post) == [(COMMENTED, BEN.user_id, "Which café?")]
    async with here.database.reading() as tx:
        shown = await notices.of_subject(tx, TEAM, post.id)
    assert {one.state for one in shown if one.card == Card.APPROVAL} == {NoticeState.OWED}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_in_whatever_order_events_come_a_deleted_comment_is_gone(
    here: World, order: tuple[int, ...]
) -> None:
    post, comments = await with_card(here), Comments(here.database, here.clock)
    events = [reply("First"), reply("Second", 5), reply("", 9)]
    for number in order:
        await comments.follow(BEN, events[number])
    assert (await said(here, post)).total == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0)])
async def test_in_whatever_order_edits_come_the_newest_text_stays(
    here: World, order: tuple[int, ...]
) -> None:
    post, comments = await with_card(here), Comments(here.database, here.clock)
    events = [reply("First"), reply("Second", 5), reply("Third", 9)]
    for number in order:
        await comments.follow(BEN, events[number])
    assert [one.text for one in (await said(here, post)).newest] == ["Third"]


async def test_edits_and_deletions_are_on_the_record_and_who_deleted_is_not_guessed(
    here: World,
) -> None:
    post, comments = await with_card(here), Comments(here.database, here.clock)
    for message in (reply("First"), reply("Second", 5), reply("", 9)):
        await comments.follow(BEN, message)
    assert await recorded(here, post) == [
        (COMMENTED, BEN.user_id, "First"),
        (REWROTE, BEN.user_id, "Second"),
        (DELETED, None, ""),
    ]


async def test_only_threads_of_a_posts_card_are_kept(here: World) -> None:
    post, comments = await with_card(here), Comments(here.database, here.clock)
    await comments.follow(BEN, reply("Lunch?", thread_ts="9.000009"))
    await comments.follow(STRANGER, reply("Of another workspace"))
    assert (await said(here, post)).total == 0
    assert await recorded(here, post) == []


async def test_who_has_no_role_is_kept_as_who_they_are_and_gets_no_power(here: World) -> None:
    post, comments = await with_card(here), Comments(here.database, here.clock)
    await comments.follow(SOMEBODY, reply("May I say something?"))
    assert [one.user_id for one in (await said(here, post)).newest] == [SOMEBODY.user_id]
    with pytest.raises(Exception, match="role"):
        await here.approvals.decide(
            SOMEBODY, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )


async def test_an_author_reads_what_was_asked_and_the_newest_of_the_thread(here: World) -> None:
    post, comments = await with_card(here), Comments(here.database, here.clock)
    for number in range(5):
        message = reply(f"Comment {number}", number, ts=f"2.00000{number}")
        await comments.follow(BEN, message)
    await here.approvals.decide(
        BEN,
        post.id,
        Verdict.CHANGES_REQUESTED,
        revision_id=post.revision_id,
        comment="Name the café",
    )
    found = await comments.said(ANA, post.id)
    assert found.asked is not None
    assert found.asked.comment == "Name the café"
    assert found.discussion.total == 5
    assert [one.text[-1] for one in found.discussion.newest] == ["2", "3", "4"]
