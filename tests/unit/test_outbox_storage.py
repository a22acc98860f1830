"""The outbox: the newest version is sent in the end, nothing is lost, no card is owed twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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

from storage import notice_claims, notices, workspaces
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


async def owe(
    database: Database,
    subject: str = "p1",
    channel: str = "C1",
    at: float = 0,
    card: Card = Card.APPROVAL,
) -> None:
    async with database.transaction() as tx:
        await notices.owe(tx, TEAM, card, subject, channel, START + timedelta(seconds=at))


async def claim(database: Database, at: float = 0, **more: Any) -> list[Notice]:
    async with database.transaction() as tx:
        now = START + timedelta(seconds=at)
        return list(await notice_claims.claim(tx, now, now + LEASE, 50, **more))


async def hold(database: Database, notice: Notice, at: float = 0) -> Notice | None:
    async with database.transaction() as tx:
        now = START + timedelta(seconds=at)
        return await notice_claims.hold(tx, notice, now, now + LEASE)


async def row(database: Database, subject: str = "p1", card: Card = Card.APPROVAL) -> Notice:
    async with database.reading() as tx:
        found = await notices.of_card(tx, TEAM, card, subject)
    assert found is not None
    return found


async def next_due(database: Database, **more: Any) -> datetime | None:
    async with database.reading() as tx:
        return await notice_claims.next_due(tx, **more)


async def sent(
    database: Database, notice: Notice, ts: str = "1.1", at: float = 1, pause: float = 0
) -> bool:
    async with database.transaction() as tx:
        now = START + timedelta(seconds=at)
        return await notice_claims.sent(tx, notice, "C1", ts, now, pause=timedelta(seconds=pause))


async def test_two_changes_before_a_send_are_one_message(database: Database) -> None:
    await owe(database)
    await owe(database)
    [notice] = await claim(database)
    assert notice.version == 2
    await sent(database, notice)
    assert await claim(database, 1) == []


async def test_a_change_while_it_is_sent_is_owed_as_soon_as_a_message_may_change_again(
    database: Database,
) -> None:
    await owe(database)
    [notice] = await claim(database)
    await owe(database, at=1)
    assert await claim(database, 1) == [], "one is outstanding at most"
    await sent(database, notice, at=2)
    assert await claim(database, 2.9) == []
    [again] = await claim(database, 3)
    assert (again.version, again.ts) == (2, "1.1")


async def test_changes_within_a_second_of_an_edit_are_one_more_edit(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    await sent(database, notice, at=2)
    for moment in (2.1, 2.5, 2.9):
        await owe(database, at=moment)
        assert await claim(database, moment) == []
    [again] = await claim(database, 3)
    assert again.version == 4


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
    assert await hold(database, slow, 122) is None
    async with database.transaction() as tx:
        await notice_claims.again(tx, slow, START, "too late", free_at=START)
        await notice_claims.broken(tx, slow, "too late", START)
        assert await notice_claims.found(tx, slow, "C1", "7.7", START) is None
    assert await row(database) == quick
    assert await sent(database, slow, "1.1"), "it is the only message so far"
    assert (await row(database)).state is NoticeState.SENDING
    await owe(database, "p2", at=123)
    assert await claim(database, 123) == [], "the channel is the other one's"
    held = await hold(database, quick, 124)
    assert held is not None
    assert held.ts == "1.1", "so the message is edited instead of posted twice"


async def test_of_two_messages_by_two_processes_one_counts_and_is_brought_up_to_date(
    database: Database,
) -> None:
    """The one window that no client can close: stopped right before the call, past its lease."""
    await owe(database)
    [stopped] = await claim(database)
    first = await hold(database, stopped)
    assert first is not None
    [other] = await claim(database, 121)
    second = await hold(database, other, 121)
    assert second is not None
    assert await sent(database, first, "1.1", at=122)
    assert not await sent(database, second, "2.2", at=122), "this one is one too many"
    [again] = await claim(database, 122)
    assert again.ts == "1.1"


async def test_posting_has_begun_until_there_was_an_answer(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    assert notice.begun_at is None, "nothing to look for"
    held = await hold(database, notice, 1)
    assert held is not None
    assert held.begun_at == START + timedelta(seconds=1)
    async with database.transaction() as tx:
        later = START + timedelta(seconds=9)
        await notice_claims.again(tx, held, later, "lost", free_at=later, uncertain=True)
    [again] = await claim(database, 9)
    held = await hold(database, again, 9)
    assert held is not None
    assert held.begun_at == START + timedelta(seconds=1), "since the first of them"
    async with database.transaction() as tx:
        later = START + timedelta(seconds=20)
        await notice_claims.again(tx, held, later, "ratelimited", free_at=later)
    [fresh] = await claim(database, 20)
    assert fresh.begun_at is None, "Slack said that it did nothing"


async def test_an_edit_begins_no_post(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    await sent(database, notice)
    await owe(database, at=5)
    [edit] = await claim(database, 5)
    held = await hold(database, edit, 5)
    assert held is not None
    assert held.begun_at is None


async def test_a_message_that_was_found_is_edited(database: Database) -> None:
    await owe(database)
    [lost] = await claim(database)
    await hold(database, lost)
    [again] = await claim(database, 121)
    held = await hold(database, again, 121)
    assert held is not None
    async with database.transaction() as tx:
        kept = await notice_claims.found(tx, held, "C1", "1.1", START + 2 * LEASE)
    assert kept is not None
    assert (kept.ts, kept.begun_at) == ("1.1", None)
    assert await sent(database, kept, "1.1", at=122)
    assert (await row(database)).state is NoticeState.SENT


async def test_claims_come_in_the_order_they_were_owed(database: Database) -> None:
    for second, subject in enumerate("dacb"):
        await owe(database, subject, at=second)
    order = []
    for second in range(10, 14):
        [notice] = await claim(database, second)
        order.append(notice.subject_id)
        await sent(database, notice, at=second)
    assert order == list("dacb")


async def test_a_destination_has_one_sender_and_its_pause(database: Database) -> None:
    await owe(database, "p1", "C1")
    await owe(database, "p2", "C1")
    await owe(database, "p3", "C2", at=5)
    [first] = await claim(database)
    assert await next_due(database) == START + timedelta(seconds=5)
    assert [notice.subject_id for notice in await claim(database, 5)] == ["p3"]
    await sent(database, first, at=6, pause=1)
    assert await next_due(database) == START + timedelta(seconds=7)
    assert await claim(database, 6.9) == []
    assert len(await claim(database, 7)) == 1


async def test_a_lease_that_was_renewed_keeps_the_destination(database: Database) -> None:
    await owe(database, "p1")
    await owe(database, "p2")
    [first] = await claim(database)
    held = await hold(database, first, 100)
    assert held is not None
    assert await claim(database, 150) == []
    assert len(await claim(database, 220)) == 1


async def test_two_workspaces_do_not_share_a_destination(database: Database) -> None:
    """A channel that is shared between them has the same id in both."""
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T2", "Birch", START)
        await notices.owe(tx, "T2", Card.APPROVAL, "p1", "C1", START)
    await owe(database)
    assert len(await claim(database)) == 2


async def test_where_slack_takes_no_edits_only_posts_are_claimed(
    database: Database,
) -> None:
    for subject, channel in (("p1", "C1"), ("p2", "C2")):
        await owe(database, subject, channel)
        [notice] = await claim(database)
        await sent(database, notice, at=1)
        await owe(database, subject, channel, at=10)
    await owe(database, "p3", "C3", at=10)
    assert await next_due(database, no_edits_in=[TEAM]) == START + timedelta(seconds=10)
    assert [one.subject_id for one in await claim(database, 10, no_edits_in=[TEAM])] == ["p3"]
    assert await claim(database, 11, no_edits_in=["T2", TEAM]) == []
    assert {one.subject_id for one in await claim(database, 11, no_edits_in=["T2"])} == {
        "p1",
        "p2",
    }


async def test_trouble_waits_for_its_like_and_is_one_message(database: Database) -> None:
    for number in range(4):
        await owe(database, f"p{number}", "U1", at=number / 10, card=Card.TROUBLE)
        async with database.transaction() as tx:  # as every change of a post does
            await notices.refresh(tx, TEAM, f"p{number}", START + timedelta(seconds=number / 10))
    await owe(database, "p9", "U2", card=Card.TROUBLE)
    assert await claim(database, 1.9) == []
    [first, other] = sorted(await claim(database, 2), key=lambda one: one.destination)
    assert (first.subject_id, other.subject_id) == ("p0", "p9")
    async with database.transaction() as tx:
        await notice_claims.join(tx, first)
        assert {one.subject_id for one in await notices.joined_to(tx, first)} == {"p1", "p2", "p3"}
    held = await hold(database, first, 2)
    assert held is not None
    await sent(database, held, "1.1", at=2)
    await sent(database, other, "9.9", at=2)
    assert await claim(database, 100) == [], "all is said"
    assert (await row(database, "p2", Card.TROUBLE)).ts == "1.1", "that is where it is shown"


async def test_what_changes_on_a_list_is_an_edit_of_the_list(database: Database) -> None:
    for subject in ("p1", "p2", "p3"):
        await owe(database, subject, "U1", card=Card.TROUBLE)
    [first] = await claim(database, 2)
    async with database.transaction() as tx:
        await notice_claims.join(tx, first)
    await sent(database, first, "1.1", at=2)
    others = [subject for subject in ("p1", "p2", "p3") if subject != first.subject_id]
    for subject in others:
        async with database.transaction() as tx:
            await notices.refresh(tx, TEAM, subject, START + timedelta(seconds=10))
    edited = []
    for _ in range(3):
        [notice] = await claim(database, 11)
        if notice.joined_to is None:
            edited.append(notice)
            await sent(database, notice, "1.1", at=11)
            continue
        async with database.transaction() as tx:
            await notice_claims.pass_on(tx, notice, START + timedelta(seconds=11))
    assert [notice.id for notice in edited] == [first.id]
    assert await claim(database, 100) == []


async def begin_anew(database: Database, subject: str, at: float) -> None:
    now = START + timedelta(seconds=at)
    async with database.transaction() as tx:
        await notices.start_anew(tx, TEAM, Card.TROUBLE, subject, Card.TROUBLE_BEFORE, now)
        await notices.owe(tx, TEAM, Card.TROUBLE, subject, "U1", now)


async def send_both(database: Database, at: float) -> list[Notice]:
    """The new message and the edit of the old one, in whichever order."""
    claimed = []
    for moment in (at, at + 5):
        [notice] = await claim(database, moment)
        await sent(database, notice, notice.ts or "2.2", at=moment)
        claimed.append(notice)
    assert await claim(database, at + 10) == []
    return claimed


async def test_what_begins_anew_leaves_a_message_that_says_so(database: Database) -> None:
    """Also while that one is being edited; and of several only the newest."""
    await owe(database, "p1", "U1", card=Card.TROUBLE)
    [first] = await claim(database, 2)
    await sent(database, first, "1.1", at=2)
    await owe(database, "p1", "U1", at=10, card=Card.TROUBLE)
    [edit] = await claim(database, 10)
    await begin_anew(database, "p1", at=10)
    new = await row(database, "p1", Card.TROUBLE)
    assert (new.ts, new.state) == (None, NoticeState.OWED)
    assert new.id != first.id, "a look for it in Slack must not find the one before"
    await sent(database, edit, "1.1", at=11)
    before = await row(database, "p1", Card.TROUBLE_BEFORE)
    assert (before.ts, before.state) == ("1.1", NoticeState.OWED)
    await send_both(database, at=20)
    await begin_anew(database, "p1", at=30)
    assert (await row(database, "p1", Card.TROUBLE_BEFORE)).ts == "2.2"


@pytest.mark.parametrize("which", [0, 1])
async def test_what_begins_anew_leaves_the_list_that_it_was_on(
    database: Database, which: int
) -> None:
    for subject in ("p1", "p2", "p3"):
        await owe(database, subject, "U1", card=Card.TROUBLE)
    [first] = await claim(database, 2)
    async with database.transaction() as tx:
        await notice_claims.join(tx, first)
        on_it = [first.subject_id, *(one.subject_id for one in await notices.joined_to(tx, first))]
    await sent(database, first, "1.1", at=2)
    leaves = on_it[which]
    await begin_anew(database, leaves, at=10)
    claimed = await send_both(database, at=20)
    [new] = [one for one in claimed if one.ts is None]
    assert (new.subject_id, new.joined_to) == (leaves, None)
    [edit] = [one for one in claimed if one.ts]
    async with database.reading() as tx:
        left = [edit.subject_id, *(one.subject_id for one in await notices.joined_to(tx, edit))]
    assert sorted(left) == sorted(set(on_it) - {leaves})


async def test_a_list_that_slack_refused_comes_along_when_another_begins(
    database: Database,
) -> None:
    for subject, at in (("p1", 0.0), ("p2", 0.5)):
        await owe(database, subject, "U1", at=at, card=Card.TROUBLE)
    [first] = await claim(database, at=5)
    later = START + timedelta(seconds=60)
    async with database.transaction() as tx:
        await notice_claims.join(tx, first)
        await notice_claims.again(tx, first, later, "ratelimited", free_at=START)
    await owe(database, "p3", "U1", at=10, card=Card.TROUBLE)
    [second] = await claim(database, at=20)
    assert second.subject_id == "p3"
    async with database.transaction() as tx:
        await notice_claims.join(tx, second)
        assert {one.subject_id for one in await notices.joined_to(tx, second)} == {"p1", "p2"}


async def test_trouble_that_is_shown_already_joins_nothing(database: Database) -> None:
    await owe(database, "p1", "U1", card=Card.TROUBLE)
    [shown] = await claim(database, 2)
    await sent(database, shown, "1.1", at=2)
    await owe(database, "p1", "U1", at=10, card=Card.TROUBLE)
    await owe(database, "p2", "U1", at=10, card=Card.TROUBLE)
    [edit] = await claim(database, 10)
    async with database.transaction() as tx:
        await notice_claims.join(tx, edit)
        assert await notices.joined_to(tx, edit) == []
    assert (await row(database, "p2", Card.TROUBLE)).state is NoticeState.OWED


async def test_a_dead_destination_is_tried_again_only_when_it_is_owed_anew(
    database: Database,
) -> None:
    await owe(database)
    [notice] = await claim(database)
    async with database.transaction() as tx:
        await notice_claims.broken(tx, notice, "is_archived", START)
        assert await notice_claims.next_due(tx) is None
        assert await notices.count_broken(tx, TEAM) == {"C1": 1}
    assert await claim(database, 10_000) == []
    await owe(database, at=10_001)
    assert len(await claim(database, 10_001)) == 1


async def test_a_card_owed_anew_while_it_broke_is_tried_again(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    await owe(database, at=1)
    async with database.transaction() as tx:
        await notice_claims.broken(tx, notice, "is_archived", START + timedelta(seconds=2))
    assert len(await claim(database, 2)) == 1


async def test_a_card_that_moves_is_posted_where_it_moved(database: Database) -> None:
    await owe(database)
    [notice] = await claim(database)
    async with database.transaction() as tx:
        await notice_claims.broken(tx, notice, "is_archived", START)
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
        await owe(database, subject, f"C{subject}")
    batches = await asyncio.gather(*(claim(database) for _ in range(6)))
    claimed = [notice.id for batch in batches for notice in batch]
    assert len(claimed) == len(set(claimed)) == 40


async def test_two_senders_never_send_to_the_same_destination(database: Database) -> None:
    for subject in range(60):
        await owe(database, str(subject), f"C{subject % 3}")
    batches = await asyncio.gather(*(claim(database) for _ in range(6)))
    assert sorted(one.destination for batch in batches for one in batch) == ["C0", "C1", "C2"]


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
                taken = await notice_claims.claim(tx, self.now, self.now + LEASE, 50)
                for other in taken[1:]:  # of the other channel
                    began = other.begun_at is not None
                    await notice_claims.again(
                        tx, other, self.now, "later", free_at=self.now, uncertain=began
                    )
            return taken[0] if taken else None

        return self.run(work())  # type: ignore[return-value]  # what `work` gives

    @rule(
        notice=consumes(held), outcome=st.sampled_from(["ok", "lost", "killed", "refused", "gone"])
    )
    def sent(self, notice: Notice | None, outcome: str) -> None:
        """A sender gets on with its claim, perhaps long after it has lost it."""
        if notice is not None:
            self.run(self._send(notice, outcome))

    @rule(notice=consumes(held))
    def crashed(self, notice: Notice | None) -> None:
        """The claim's process is gone."""

    async def _send(self, notice: Notice, outcome: str) -> None:
        async with self.database.transaction() as tx:
            held = await notice_claims.hold(tx, notice, self.now, self.now + LEASE)
        if held is None:
            return
        key = held.subject_id + held.destination
        shown = self.messages.setdefault(key, {})
        if notice.begun_at is not None and held.ts is None and shown:
            [standing] = shown
            async with self.database.transaction() as tx:
                lease = self.now + LEASE
                held = await notice_claims.found(tx, held, held.destination, standing, lease)
            assert held is not None
        if outcome == "refused":
            async with self.database.transaction() as tx:
                at = self.now + timedelta(seconds=5)
                await notice_claims.again(tx, held, at, "refused", free_at=self.now)
            return
        if outcome == "gone" and held.ts:
            shown.pop(held.ts, None)
            async with self.database.transaction() as tx:
                await notice_claims.again(
                    tx, held, self.now, "message_not_found", free_at=self.now, forget_ts=True
                )
            return
        ts = held.ts
        if not ts:
            self.posts += 1
            ts = str(self.posts)
        shown[ts] = self.newest[key]  # rendered from the state of the moment
        if outcome == "killed":
            return
        if outcome == "lost":
            async with self.database.transaction() as tx:
                at = self.now + timedelta(seconds=5)
                await notice_claims.again(tx, held, at, "lost", free_at=self.now, uncertain=True)
            return
        async with self.database.transaction() as tx:
            counts = await notice_claims.sent(tx, held, held.destination, ts, self.now)
        assert counts, "nobody else could have posted it"

    @invariant()
    def a_card_is_one_message_whatever_is_lost(self) -> None:
        assert all(len(shown) <= 1 for shown in self.messages.values())

    def teardown(self) -> None:
        async def quiet_days() -> None:
            for _ in range(60):
                self.now += timedelta(seconds=121)
                async with self.database.transaction() as tx:
                    taken = await notice_claims.claim(tx, self.now, self.now + LEASE, 50)
                if not taken:
                    break
                for notice in taken:
                    await self._send(notice, "ok")
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
