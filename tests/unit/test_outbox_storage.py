"""The outbox: the newest version is sent in the end, nothing is lost, no card is owed twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from storage import notices, workspaces
from storage.database import Database
from storage.migrations import migrate
from storage.records import Card, Notice, NoticeState

TEAM = "T1"
LEASE = timedelta(seconds=120)
START = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await migrate(database)
    async with database.transaction() as tx:
        await workspaces.ensure(tx, TEAM, "Acorn", START)
    yield database
    await database.close()


async def owe(database: Database, subject: str = "p1", channel: str = "C1", at: int = 0) -> None:
    async with database.transaction() as tx:
        now = START + timedelta(seconds=at)
        await notices.owe(tx, TEAM, Card.APPROVAL, subject, channel, now)


async def claim(
    database: Database, at: int = 0, *, besides: frozenset[str] = frozenset()
) -> list[Notice]:
    async with database.transaction() as tx:
        now = START + timedelta(seconds=at)
        return list(await notices.claim(tx, now, now + LEASE, 10, besides=besides))


async def row(database: Database, subject: str = "p1") -> Notice:
    async with database.reading() as tx:
        found = await notices.of_card(tx, TEAM, Card.APPROVAL, subject)
    assert found is not None
    return found


async def sent(database: Database, notice: Notice, ts: str = "1.1", at: int = 1) -> None:
    async with database.transaction() as tx:
        await notices.sent(tx, notice, "C1", ts, START + timedelta(seconds=at))


async def test_two_changes_before_a_send_are_one_message(database: Database) -> None:
    await owe(database)
    await owe(database)
    [notice] = await claim(database)
    assert notice.version == 2
    await sent(database, notice)
    assert await claim(database, 1) == []


async def test_a_change_while_it_is_sent_is_owed_at_once(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    await owe(database, at=1)
    assert await claim(database, 1) == [], "one is outstanding at most"
    await sent(database, notice, at=2)
    [again] = await claim(database, 2)
    assert (again.version, again.ts) == (2, "1.1")


async def test_what_a_gone_process_was_sending_comes_back_after_its_lease(
    database: Database,
) -> None:
    await owe(database)
    await claim(database)
    assert await claim(database, 119) == []
    [again] = await claim(database, 120)
    assert again.attempt == 2


async def test_who_lost_its_claim_changes_nothing_but_where_the_message_is(
    database: Database,
) -> None:
    await owe(database)
    [slow] = await claim(database)
    [quick] = await claim(database, 121)
    async with database.transaction() as tx:
        assert await notices.hold(tx, slow, START + 3 * LEASE) is None
        await notices.again(tx, slow, START, "too late")
        await notices.broken(tx, slow, "too late", START)
        await notices.give_back(tx, slow, START)
    assert await row(database) == quick
    await sent(database, slow, "1.1")
    assert (await row(database)).state is NoticeState.SENDING
    async with database.transaction() as tx:
        held = await notices.hold(tx, quick, START + 3 * LEASE)
    assert held is not None
    assert held.ts == "1.1", "so the message is edited instead of posted twice"


async def test_claims_come_in_the_order_they_were_owed(database: Database) -> None:
    for second, subject in enumerate("dacb"):
        await owe(database, subject, at=second)
    assert [notice.subject_id for notice in await claim(database, 10)] == list("dacb")


async def test_busy_destinations_are_left_out_of_claims_and_of_what_is_due(
    database: Database,
) -> None:
    await owe(database, "p1", "C1")
    await owe(database, "p2", "C2", at=5)
    busy = frozenset({"C1"})
    async with database.reading() as tx:
        assert await notices.next_due(tx, besides=busy) == START + timedelta(seconds=5)
    assert [notice.destination for notice in await claim(database, 9, besides=busy)] == ["C2"]


async def test_a_dead_destination_is_tried_again_only_when_it_is_owed_anew(
    database: Database,
) -> None:
    await owe(database)
    [notice] = await claim(database)
    async with database.transaction() as tx:
        await notices.broken(tx, notice, "is_archived", START)
        assert await notices.next_due(tx) is None
        assert await notices.count_broken(tx, TEAM) == {"C1": 1}
    assert await claim(database, 10_000) == []
    await owe(database, at=10_001)
    assert len(await claim(database, 10_001)) == 1


async def test_a_card_owed_anew_while_it_broke_is_tried_again(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    await owe(database, at=1)
    async with database.transaction() as tx:
        await notices.broken(tx, notice, "is_archived", START + timedelta(seconds=2))
    assert len(await claim(database, 2)) == 1


async def test_a_card_that_moves_is_posted_where_it_moved(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    async with database.transaction() as tx:
        await notices.broken(tx, notice, "is_archived", START)
        await notices.mend(tx, TEAM, "C1", START, moved_to="C2")
    [moved] = await claim(database, 1)
    assert (moved.destination, moved.ts) == ("C2", None)


async def test_another_workspaces_cards_are_not_touched(database: Database) -> None:
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T2", "Birch", START)
        await notices.owe(tx, "T2", Card.APPROVAL, "p1", "C1", START)
    await owe(database)
    async with database.transaction() as tx:
        await notices.refresh(tx, TEAM, "p1", START)
        [theirs] = await notices.of_subject(tx, "T2", "p1")
    assert theirs.version == 1
    assert (await row(database)).version == 2


async def test_two_processes_that_owe_the_same_card_at_once_owe_it_once(
    database: Database,
) -> None:
    for subject in map(str, range(10)):
        await asyncio.gather(*(owe(database, subject) for _ in range(4)))
        assert (await row(database, subject)).version == 4


async def test_two_senders_never_claim_the_same_card(database: Database) -> None:
    for subject in map(str, range(40)):
        await owe(database, subject)
    batches = await asyncio.gather(*(claim(database) for _ in range(6)))
    claimed = [notice.id for batch in batches for notice in batch]
    assert len(claimed) == len(set(claimed)) == 40


class Outbox(RuleBasedStateMachine):
    """Changes, claims, answers, lost answers, stalls and crashes in any order.

    Slack is what `messages` says: the version each message shows. The model knows the newest
    version of each card; whatever happens, quiet days at the end bring every message to it.
    """

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = TemporaryDirectory()
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'x.db'}")
        self.now = START
        self.newest: dict[str, int] = {}
        self.messages: dict[str, dict[str, int]] = {}
        self.lost_answers = 0
        self.posts = 0

    def run(self, work: object) -> object:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]  # any coroutine

    @initialize()
    def open(self) -> None:
        async def prepare() -> None:
            await migrate(self.database)
            async with self.database.transaction() as tx:
                await workspaces.ensure(tx, TEAM, "Acorn", START)

        self.run(prepare())

    @rule(subject=st.sampled_from("ab"), channel=st.sampled_from(["C1", "C2"]))
    def something_changes(self, subject: str, channel: str) -> None:
        async def change() -> None:
            async with self.database.transaction() as tx:
                await notices.owe(tx, TEAM, Card.APPROVAL, subject, channel, self.now)

        self.run(change())
        key = subject + channel
        self.newest[key] = self.newest.get(key, 0) + 1

    @rule(seconds=st.sampled_from([1, 30, 121]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(target=held)
    def claimed(self) -> Notice | None:
        async def work() -> Notice | None:
            async with self.database.transaction() as tx:
                taken = await notices.claim(tx, self.now, self.now + LEASE, 1)
            return taken[0] if taken else None

        return self.run(work())  # type: ignore[return-value]  # what `work` gives

    @rule(notice=consumes(held), outcome=st.sampled_from(["ok", "lost", "refused", "gone"]))
    def sent(self, notice: Notice | None, outcome: str) -> None:
        """A sender gets on with its claim, perhaps long after it has lost it."""
        if notice is not None:
            self.run(self._send(notice, outcome))

    @rule(notice=consumes(held))
    def crashed(self, notice: Notice | None) -> None:
        """The claim's process is gone."""

    async def _send(self, notice: Notice, outcome: str) -> None:
        async with self.database.transaction() as tx:
            held = await notices.hold(tx, notice, self.now + LEASE)
        if held is None:
            return
        key = held.subject_id + held.destination
        shown = self.messages.setdefault(key, {})
        if outcome == "refused":
            async with self.database.transaction() as tx:
                await notices.again(tx, held, self.now + timedelta(seconds=5), "refused")
            return
        if outcome == "gone" and held.ts:
            shown.pop(held.ts, None)
            async with self.database.transaction() as tx:
                await notices.again(tx, held, self.now, "message_not_found", forget_ts=True)
            return
        ts = held.ts
        if not ts:
            self.posts += 1
            ts = str(self.posts)
        shown[ts] = self.newest[key]  # rendered from the state of the moment
        if outcome == "lost":
            self.lost_answers += 0 if held.ts else 1
            async with self.database.transaction() as tx:
                await notices.again(tx, held, self.now + timedelta(seconds=5), "lost")
            return
        async with self.database.transaction() as tx:
            await notices.sent(tx, held, held.destination, ts, self.now)

    @invariant()
    def a_card_is_one_message_unless_an_answer_was_lost(self) -> None:
        extra = sum(max(len(shown) - 1, 0) for shown in self.messages.values())
        assert extra <= self.lost_answers

    def teardown(self) -> None:
        async def quiet_days() -> None:
            for _ in range(60):
                self.now += timedelta(seconds=121)
                async with self.database.transaction() as tx:
                    taken = await notices.claim(tx, self.now, self.now + LEASE, 1)
                if not taken:
                    break
                await self._send(taken[0], "ok")
            async with self.database.reading() as tx:
                for key, newest in self.newest.items():
                    found = await notices.of_subject(tx, TEAM, key[0])
                    [card] = [notice for notice in found if notice.destination == key[1:]]
                    assert card.state is NoticeState.SENT
                    assert card.sent_version == card.version == newest
                    assert card.ts is not None
                    assert self.messages[key][card.ts] == newest

        try:
            self.run(quiet_days())
        finally:
            self.run(self.database.close())
            self.loop.close()
            self.folder.cleanup()


def test_whatever_happens_the_newest_version_is_shown_in_the_end() -> None:
    run_state_machine_as_test(
        Outbox,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
