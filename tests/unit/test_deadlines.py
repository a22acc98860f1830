"""By the clock: lists, cards that come near, reminders, warnings; once for all processes."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.accounts import mark_expired
from bot.deadlines import Deadlines
from bot.errors import AlreadyDone
from bot.held_lists import HeldLists
from bot.inboxes import Inboxes
from bot.mentions import Mentions
from bot.reviews import Reviews
from bot.scheduling import NewTime
from bot.team import Profile, Team
from storage import accounts, notices, posts, workspaces
from storage.records import (
    AccountState,
    Card,
    Notice,
    NoticeState,
    Post,
    PostState,
    Role,
    Verdict,
    When,
)
from storage.tables import notices as notice_rows
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM, World, world

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)


@dataclass
class Here:
    """A world whose time a test sets."""

    now: datetime = MONDAY + 12 * HOUR
    away: set[str] = field(default_factory=set)
    _world: World | None = None

    @property
    def world(self) -> World:
        assert self._world is not None
        return self._world

    def deadlines(self) -> Deadlines:
        async def away(_: str, asked: Collection[str]) -> Collection[str]:
            return self.away & set(asked)

        return Deadlines(self.world.database, self.world.clock, self.inboxes(), away)

    def inboxes(self) -> Inboxes:
        held = HeldLists(self.world.database, self.world.accounts)
        known = Mentions(self.world.database, self.world.accounts, self.world.clock)
        return Inboxes(self.world.database, self.world.accounts, held, known, self.world.clock)

    async def tick(self, at: datetime) -> None:
        self.now = at
        await self.deadlines().run()

    async def due(self, at: datetime, text: str = "Hello") -> Post:
        return await self.world.submitted(text, when=When.AT, at=at)

    async def waiting(self) -> Sequence[Post]:
        async with self.world.database.reading() as tx:
            return await posts.waiting(tx, TEAM)

    async def cards(self, post: Post) -> int:
        async with self.world.database.reading() as tx:
            return int(await notices.of_card(tx, TEAM, Card.APPROVAL, post.id) is not None)

    async def of(self, card: Card, user_id: str) -> Notice | None:
        async with self.world.database.reading() as tx:
            return await notices.of_card(tx, TEAM, card, user_id)

    async def has(self, card: Card) -> set[str]:
        """Who is owed this card, or has it."""
        users = (ANA.user_id, BEN.user_id, CHIDI.user_id, EVA.user_id)
        return {user_id for user_id in users if await self.of(card, user_id)}

    async def sent(self) -> None:
        """As if all that is owed stood in Slack."""
        async with self.world.database.transaction() as tx:
            await tx.connection.execute(
                notice_rows.update()
                .where(notice_rows.c.ts.is_(None))
                .values(ts=notice_rows.c.id, channel="D1")
            )
            await tx.connection.execute(
                notice_rows.update().values(
                    state=NoticeState.SENT, sent_version=notice_rows.c.version
                )
            )

    async def inbox(self, user_id: str) -> tuple[int, int, int]:
        """How much of each kind is in it."""
        shown = await self.inboxes().load(TEAM, user_id)
        return len(shown.to_decide), len(shown.undecided), len(shown.passed)


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Here]:
    made = Here()
    async with world(database_url, tmp_path, now=lambda: made.now, own_cards=False) as made._world:
        await made.deadlines().run()  # the hour of this day's list passes with nothing on it
        yield made


async def test_a_card_comes_at_once_only_for_what_is_near(here: Here) -> None:
    far = await here.due(here.now + 4 * HOUR + MINUTE)
    near = await here.due(here.now + 4 * HOUR)
    now = await here.world.submitted("As soon as it's approved", when=When.NOW)
    assert [await here.cards(post) for post in (far, near, now)] == [0, 1, 1]


async def test_what_comes_near_undecided_gets_its_card_and_keeps_it(here: Here) -> None:
    post = await here.due(here.now + 10 * HOUR)
    decided = await here.due(here.now + 10 * HOUR + MINUTE)
    await here.world.approvals.decide(
        BEN, decided.id, Verdict.APPROVED, revision_id=decided.revision_id
    )
    await here.tick(here.now + 5 * HOUR)
    assert await here.cards(post) == 0
    await here.tick(here.now + HOUR)
    assert await here.cards(post) == 1
    card = await here.of(Card.APPROVAL, post.id)
    await here.deadlines().run()  # another process
    assert await here.of(Card.APPROVAL, post.id) == card
    assert await here.cards(decided) == 0, "what was decided from the list needs none"


async def test_the_list_comes_once_a_day_at_the_hour_and_only_when_something_waits(
    here: Here,
) -> None:
    reviews = Reviews(here.world.database, here.world.accounts, here.world.clock)
    await reviews.set_time(CHIDI, 16 * 60)
    await here.tick(MONDAY + 9 * HOUR)
    assert await here.has(Card.REVIEW) == set(), "nothing waits"
    await here.due(MONDAY + timedelta(days=3))
    await here.tick(MONDAY + timedelta(days=1, hours=8, minutes=59))
    assert await here.has(Card.REVIEW) == set()
    await here.tick(MONDAY + timedelta(days=1, hours=9))
    assert await here.has(Card.REVIEW) == {BEN.user_id}, "the admin is the backup, and asked later"
    first = await here.of(Card.REVIEW, BEN.user_id)
    await here.sent()
    await here.deadlines().run()
    again = await here.of(Card.REVIEW, BEN.user_id)
    assert first is not None
    assert again is not None
    assert again.version == first.version
    await here.tick(MONDAY + timedelta(days=1, hours=16))
    assert await here.has(Card.REVIEW) == {BEN.user_id, CHIDI.user_id}
    await reviews.set_time(BEN, None)
    await here.tick(MONDAY + timedelta(days=2, hours=9))
    still = await here.of(Card.REVIEW, BEN.user_id)
    assert still is not None
    assert still.ts == again.ts, "they want none any more"


async def test_the_list_of_a_new_day_is_a_new_message_and_the_old_one_says_so(here: Here) -> None:
    await here.due(MONDAY + timedelta(days=4))
    await here.tick(MONDAY + timedelta(days=1, hours=9))
    await here.sent()
    old = await here.of(Card.REVIEW, BEN.user_id)
    await here.tick(MONDAY + timedelta(days=2, hours=9))
    new = await here.of(Card.REVIEW, BEN.user_id)
    before = await here.of(Card.REVIEW_BEFORE, BEN.user_id)
    assert old is not None
    assert new is not None
    assert before is not None
    assert new.ts is None
    assert before.ts == old.ts
    assert before.state is NoticeState.OWED


async def test_a_decision_edits_the_lists_that_stand(here: Here) -> None:
    post = await here.due(MONDAY + timedelta(days=4))
    await here.tick(MONDAY + timedelta(days=1, hours=9))
    await here.sent()
    await here.world.approvals.decide(BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id)
    for user_id in (BEN.user_id, CHIDI.user_id):
        listed = await here.of(Card.REVIEW, user_id)
        assert listed is not None
        assert listed.state is NoticeState.OWED
        assert listed.ts is not None


async def test_approvers_then_the_backup_are_reminded_once(here: Here) -> None:
    due_at = MONDAY + 18 * HOUR
    await here.due(due_at)
    await here.tick(due_at - 4 * HOUR)
    assert await here.has(Card.INBOX) == {BEN.user_id, CHIDI.user_id}
    assert await here.inbox(BEN.user_id) == (1, 0, 0)
    await here.sent()
    await here.deadlines().run()
    told = await here.of(Card.INBOX, BEN.user_id)
    assert told is not None
    assert told.state is NoticeState.SENT, "once"
    await here.tick(due_at - HOUR)
    again = await here.of(Card.INBOX, BEN.user_id)
    assert again is not None
    assert again.state is NoticeState.OWED
    assert again.ts == told.ts, "an edit: this half-day's new message is spent"
    assert EVA.user_id not in await here.has(Card.INBOX)
    await here.tick(due_at - 30 * MINUTE)
    assert EVA.user_id in await here.has(Card.INBOX)


async def test_the_list_is_the_first_reminder_of_what_is_due_soon(here: Here) -> None:
    await here.due(MONDAY + timedelta(days=1, hours=13, minutes=30))
    await here.tick(MONDAY + timedelta(days=1, hours=9))
    assert await here.has(Card.REVIEW) == {BEN.user_id, CHIDI.user_id}
    await here.tick(MONDAY + timedelta(days=1, hours=10))
    assert await here.has(Card.INBOX) == set()
    await here.tick(MONDAY + timedelta(days=1, hours=12, minutes=30))
    assert await here.has(Card.INBOX) >= {BEN.user_id, CHIDI.user_id}


async def test_who_is_away_is_not_reminded(here: Here) -> None:
    here.away = {BEN.user_id}
    due_at = MONDAY + 18 * HOUR
    await here.due(due_at)
    await here.tick(due_at - 4 * HOUR)
    assert await here.has(Card.INBOX) == {CHIDI.user_id}
    here.away = set()
    await here.tick(due_at - 3 * HOUR)
    assert await here.has(Card.INBOX) == {BEN.user_id, CHIDI.user_id}


async def test_a_new_message_comes_at_most_once_per_half_day(here: Here) -> None:
    for number in range(6):
        await here.due(MONDAY + (16 + number) * HOUR, f"Post {number}")
    pings = 0
    moment = MONDAY + 12 * HOUR
    while moment < MONDAY + 24 * HOUR:
        await here.tick(moment)
        inbox = await here.of(Card.INBOX, BEN.user_id)
        pings += inbox is not None and inbox.ts is None
        await here.sent()
        moment += 10 * MINUTE
    assert pings == 1


async def test_what_came_when_the_message_was_spent_gets_one_in_the_next_half_day(
    here: Here,
) -> None:
    due_at = MONDAY + 15 * HOUR
    await here.due(due_at)
    await here.tick(due_at - HOUR)
    assert await here.has(Card.INBOX) >= {BEN.user_id}
    await here.sent()
    bens = replace(here.world.account, owner_id=BEN.user_id)
    async with here.world.database.transaction() as tx:
        await accounts.save(tx, bens)
        await mark_expired(tx, bens, "the password was changed", here.now)
    for hours, is_new in ((23, False), (31, False), (32, True), (33, False)):
        await here.tick(MONDAY + hours * HOUR)
        inbox = await here.of(Card.INBOX, BEN.user_id)
        assert inbox is not None
        assert (inbox.ts is None) is is_new, hours
        await here.sent()


async def test_an_inbox_with_nothing_in_it_is_not_brought_up(here: Here) -> None:
    account = here.world.account
    due_at = here.now + HOUR
    await here.due(due_at)
    await here.tick(due_at - HOUR)  # the author's message of this half-day
    await here.sent()
    async with here.world.database.transaction() as tx:
        await mark_expired(tx, replace(account, owner_id=ANA.user_id), "withdrawn", here.now)
        await accounts.set_state(tx, account.id, AccountState.ACTIVE, None)
    for post in await here.waiting():
        await here.world.approvals.decide(
            BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
    await here.sent()
    await here.tick(MONDAY + timedelta(days=1, hours=9))
    inbox = await here.of(Card.INBOX, ANA.user_id)
    assert inbox is not None
    assert inbox.ts is not None


async def test_the_author_is_told_before_it_is_late_and_nothing_is_published(here: Here) -> None:
    due_at = MONDAY + 18 * HOUR
    post = await here.due(due_at)
    await here.tick(due_at - 61 * MINUTE)
    assert ANA.user_id not in await here.has(Card.INBOX)
    await here.tick(due_at - 60 * MINUTE)
    assert await here.inbox(ANA.user_id) == (0, 1, 0)
    await here.sent()
    told = await here.of(Card.INBOX, ANA.user_id)
    await here.tick(due_at - 15 * MINUTE)
    last = await here.of(Card.INBOX, ANA.user_id)
    assert told is not None
    assert last is not None
    assert last.ts == told.ts, "this author was told by a message already"
    await here.sent()
    card = await here.of(Card.APPROVAL, post.id)
    await here.tick(due_at)
    assert await here.inbox(ANA.user_id) == (0, 0, 1)
    redrawn = await here.of(Card.APPROVAL, post.id)
    assert card is not None
    assert redrawn is not None
    assert redrawn.version == card.version + 1
    await here.sent()
    await here.deadlines().run()
    once = await here.of(Card.APPROVAL, post.id)
    assert once is not None
    assert once.version == redrawn.version
    with pytest.raises(AlreadyDone, match="has passed"):
        await here.world.approvals.decide(
            BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
    assert await here.world.deliveries(post.id) == []
    assert (await here.world.post(post.id)).state is PostState.IN_REVIEW


async def test_who_had_their_message_for_something_else_is_still_told_by_one(here: Here) -> None:
    """The last warning is worth a message of its own."""
    first, second = MONDAY + 17 * HOUR, MONDAY + 19 * HOUR
    await here.due(first, "The first")
    await here.due(second, "The second")
    await here.tick(first - 60 * MINUTE)
    await here.sent()
    await here.tick(second - 60 * MINUTE)
    warned = await here.of(Card.INBOX, ANA.user_id)
    assert warned is not None
    assert warned.ts is not None, "an edit"
    await here.sent()
    await here.tick(second - 15 * MINUTE)
    last = await here.of(Card.INBOX, ANA.user_id)
    assert last is not None
    assert last.ts is None, "a new message"


async def test_next_free_time_is_one_press_and_only_for_the_post_as_it_was_shown(
    here: Here,
) -> None:
    due_at = MONDAY + 18 * HOUR
    post = await here.due(due_at)
    await here.tick(due_at + MINUTE)
    free = NewTime(When.NEXT_FREE)
    moved = await here.world.scheduling.reschedule(ANA, post.id, free, version=post.version)
    assert moved.due_at is not None
    assert moved.due_at > here.now
    assert await here.inbox(ANA.user_id) == (0, 0, 0)
    decided = await here.world.approvals.decide(
        BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id
    )
    with pytest.raises(AlreadyDone, match="decided since"):
        await here.world.scheduling.reschedule(ANA, post.id, free, version=moved.version)
    assert (await here.world.post(post.id)).state is PostState.SCHEDULED
    assert decided.post.due_at == moved.due_at


async def test_a_change_of_roles_keeps_the_hour_of_the_list(here: Here) -> None:
    reviews = Reviews(here.world.database, here.world.accounts, here.world.clock)
    await reviews.set_time(BEN, 7 * 60)
    profile = Profile(BEN.user_id, "Ben", "UTC", runs_slack=False, may_have_roles=True)
    team = Team(here.world.database, here.world.clock)
    await team.set_roles(EVA, profile, frozenset({Role.APPROVER, Role.AUTHOR}))
    async with here.world.database.reading() as tx:
        kept = await workspaces.member(tx, TEAM, BEN.user_id)
    assert kept is not None
    assert kept.review_minute == 7 * 60
