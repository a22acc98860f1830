"""Who is told that a channel takes no messages: each admin once, and it ends if nobody can be."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot import destinations
from bot.shared_channels import SHARED
from storage import destinations as places
from storage import notice_claims, notices, workspaces
from storage.database import Database
from storage.migrations import migrate
from storage.records import Card, Member, Notice, NoticeState, Role

TEAM = "T1"
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVA, BEN = "UEVA", "UBEN"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await migrate(database)
    async with database.transaction() as tx:
        await workspaces.ensure(tx, TEAM, "Acorn", START)
        for user in (EVA, BEN):
            member = Member(TEAM, user, user, "UTC", frozenset({Role.ADMIN}))
            await workspaces.save_member(tx, member)
        await workspaces.save_member(tx, Member(TEAM, "UANA", "", "UTC", frozenset({Role.AUTHOR})))
        await notices.owe(tx, TEAM, Card.APPROVAL, "p1", "C1", START)
    yield database
    await database.close()


async def send_all(database: Database, at: int, *, refusing: frozenset[str]) -> list[Notice]:
    """One round of what is owed; what was sent to."""
    now = START + timedelta(seconds=at)
    async with database.transaction() as tx:
        claimed = await notice_claims.claim(tx, now, now + timedelta(minutes=2), 50)
    for notice in claimed:
        async with database.transaction() as tx:
            if notice.destination in refusing:
                await notice_claims.broken(tx, notice, "channel_not_found", now)
                place = notice.workspace_id, notice.destination
                await destinations.refused(tx, *place, "channel_not_found", now)
            else:
                await notice_claims.sent(tx, notice, notice.destination, str(at), now)
                await destinations.took(tx, notice.workspace_id, notice.destination, now)
    return list(claimed)


async def told(database: Database, about: str) -> dict[str, Notice]:
    """The admins' cards about a destination, by admin."""
    async with database.reading() as tx:
        found = await notices.of_subject(tx, TEAM, about)
    return {notice.destination: notice for notice in found if notice.card == Card.DEAD_CHANNEL}


async def test_every_admin_is_told_and_nobody_else(database: Database) -> None:
    await send_all(database, 0, refusing=frozenset({"C1"}))
    assert set(await told(database, "C1")) == {EVA, BEN}


async def test_an_admin_who_cannot_be_told_is_told_of_to_the_others(database: Database) -> None:
    dead = frozenset({"C1", EVA})
    for at in range(0, 50, 5):
        await send_all(database, at, refusing=dead)
    assert set(await told(database, EVA)) == {BEN}
    assert set(await told(database, BEN)) == set()


async def test_where_no_admin_can_be_told_it_ends(database: Database) -> None:
    dead = frozenset({"C1", EVA, BEN})
    rounds = [await send_all(database, at, refusing=dead) for at in range(0, 100, 5)]
    assert sum(map(len, rounds)) < 10
    assert rounds[-1] == []


async def test_one_more_that_is_kept_changes_the_message_and_sends_no_other(
    database: Database,
) -> None:
    for at in (0, 5):
        await send_all(database, at, refusing=frozenset({"C1"}))
    first = await told(database, "C1")
    async with database.transaction() as tx:
        await notices.owe(tx, TEAM, Card.APPROVAL, "p2", "C1", START + timedelta(seconds=10))
    for at in (10, 15):
        await send_all(database, at, refusing=frozenset({"C1"}))
    second = await told(database, "C1")
    for admin in (EVA, BEN):
        assert second[admin].ts == first[admin].ts
        assert second[admin].version == first[admin].version + 1


async def test_what_is_kept_is_owed_again_with_the_first_message_that_arrives(
    database: Database,
) -> None:
    await send_all(database, 0, refusing=frozenset({"C1"}))
    async with database.transaction() as tx:
        await notices.owe(tx, TEAM, Card.APPROVAL, "p2", "C1", START + timedelta(seconds=10))
    for at in (10, 15, 20):
        await send_all(database, at, refusing=frozenset())
    async with database.reading() as tx:
        kept = await notices.of_card(tx, TEAM, Card.APPROVAL, "p1")
        known = await places.get(tx, TEAM, "C1")
    assert kept is not None
    assert kept.state is NoticeState.SENT
    assert known is not None
    assert known.problem is None


async def test_a_death_before_the_admins_read_of_the_mending_is_the_same_message(
    database: Database,
) -> None:
    for at in (0, 5):
        await send_all(database, at, refusing=frozenset({"C1"}))
    before = await told(database, "C1")
    now = START + timedelta(seconds=10)
    async with database.transaction() as tx:
        await destinations.took(tx, TEAM, "C1", now)
        await destinations.refused(tx, TEAM, "C1", "is_archived", now)
    after = await told(database, "C1")
    assert {admin: card.ts for admin, card in after.items()} == {
        admin: card.ts for admin, card in before.items()
    }


async def test_that_slack_takes_a_message_says_nothing_about_who_sees_the_channel(
    database: Database,
) -> None:
    """One may be on its way while the channel becomes shared."""
    await send_all(database, 0, refusing=frozenset())
    now = START + timedelta(seconds=10)
    async with database.transaction() as tx:
        await destinations.refused(tx, TEAM, "C1", SHARED, now)
        await destinations.took(tx, TEAM, "C1", now, but_for=SHARED)
        known = await places.get(tx, TEAM, "C1")
        assert known is not None
        assert known.problem == SHARED
        await destinations.took(tx, TEAM, "C1", now)
        known = await places.get(tx, TEAM, "C1")
    assert known is not None
    assert known.problem is None
