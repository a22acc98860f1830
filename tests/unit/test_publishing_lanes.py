"""What goes wrong on one network, account or delivery is nobody else's trouble."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event, text

from bot.errors import RateLimited
from bot.publishing import BREATH, HANDS
from storage.records import AccountState, Card, DeliveryState, PostState
from tests.servers.eventually import eventually
from tests.unit.publishing import (
    MovedClock,
    owed,
    second_account,
    state_of,
    trouble,
    uncertain,
)
from tests.unit.world import ANA, EVA, OtherNetwork, World, world

UNTIL = timedelta(minutes=10)
A_MINUTE = timedelta(minutes=1)


async def test_a_network_that_hangs_keeps_only_its_own_hands_busy(tmp_path: Path) -> None:
    other, answers = OtherNetwork(), asyncio.Event()

    async def hang(_: int) -> None:
        await answers.wait()

    url = f"sqlite:///{tmp_path / 'x.db'}"
    async with world(url, tmp_path, others=[other]) as here, here.publishing():
        here.network.calling = hang
        account = await here.accounts.connect(EVA, "other", {"password": "x"})
        for number in range(2 * HANDS):
            await here.approved(f"Hangs {number}")

        async def is_busy() -> bool:
            return here.network.calls == HANDS

        await eventually(is_busy)
        post = await here.approved("Goes on", account_ids=(account.id,))
        assert await here.settled(post.id) is PostState.PUBLISHED
        assert list(other.live.values()) == ["Goes on"]
        assert here.network.calls == HANDS
        answers.set()


async def test_a_rate_limit_makes_the_whole_account_wait_until_then_and_nobody_else(
    tmp_path: Path,
) -> None:
    now = MovedClock()
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=now) as here:
        limit = now() + UNTIL

        def limited(_: int) -> None:
            raise RateLimited("slow down", until=limit)

        here.network.behave = limited
        async with here.publishing():
            first = await here.approved("First")
            await uncertain(here, first.id, 1)
            here.network.behave = lambda _: None
            second = await here.approved("Second of the same account")
            elsewhere = await here.approved(
                "Another account", account_ids=((await second_account(here)).id,)
            )
            assert await here.settled(elsewhere.id) is PostState.PUBLISHED
            now.ahead = UNTIL - A_MINUTE
            await goes_out_elsewhere(here, "Another, a minute before")
            assert here.network.calls == 3
            for post in (first, second):
                [delivery] = await here.deliveries(post.id)
                assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.PENDING, limit)
            now.ahead = UNTIL + A_MINUTE
            here.clock.alarm("publisher").ring()
            for post in (first, second):
                assert await here.settled(post.id) is PostState.PUBLISHED
        assert here.network.calls == 5


async def goes_out_elsewhere(here: World, said: str) -> None:
    post = await here.approved(said, account_ids=("second",))
    here.clock.alarm("publisher").ring()
    assert await here.settled(post.id) is PostState.PUBLISHED


async def test_what_waits_for_a_limit_can_still_be_cancelled(light: World) -> None:
    """Its call was about to be made when another post of its account met the limit."""
    met, until = asyncio.Event(), datetime.now(UTC) + UNTIL
    prepared = 0

    async def prepare_the_second_later() -> None:
        nonlocal prepared
        prepared += 1
        if prepared == 2:
            await met.wait()

    def limited(_: int) -> None:
        raise RateLimited("slow down", until=until)

    light.network.preparing = prepare_the_second_later
    light.network.behave = limited
    posts = [await light.approved("One"), await light.approved("Two")]
    async with light.publishing():

        async def has_met_it() -> bool:
            waits = [await state_of(light, post.id) == "pending" for post in posts]
            return prepared == 2 and light.network.calls == 1 and any(waits)

        await eventually(has_met_it)
        met.set()

        async def both_wait() -> bool:
            return all([await state_of(light, post.id) == "pending" for post in posts])

        await eventually(both_wait)
    waiting = [post for post in posts if (await light.deliveries(post.id))[0].attempt == 0]
    assert len(waiting) == 1
    assert light.network.calls == 1
    assert (await light.deliveries(waiting[0].id))[0].next_attempt_at == until
    await light.scheduling.cancel(ANA, waiting[0].id)


async def test_one_that_cannot_be_prepared_stops_no_other_and_is_told(light: World) -> None:
    posts = [await light.approved(f"Post {number}") for number in range(3)]
    async with light.database.transaction() as tx:
        await tx.connection.execute(
            text("UPDATE revisions SET content = replace(content, :account, 'x') WHERE id = :id"),
            {"account": light.account.id, "id": posts[1].revision_id},
        )
    async with light.publishing():
        for post in (posts[0], posts[2]):
            assert await light.settled(post.id) is PostState.PUBLISHED
        await eventually(lambda: trouble(light, posts[1].id))
    [delivery] = await light.deliveries(posts[1].id)
    assert delivery.state is DeliveryState.PENDING
    assert delivery.next_attempt_at > datetime.now(UTC)
    assert "Socialdesk itself failed" in (delivery.problem or "")
    assert sorted(light.network.live.values()) == ["Post 0", "Post 2"]


async def test_what_is_due_but_in_other_hands_is_not_asked_for_without_a_breath(
    tmp_path: Path, postgresql_url: str
) -> None:
    """A process was stopped while it claimed: the others can't have its row meanwhile, and must
    not ask the database for it as fast as they can."""
    async with world(postgresql_url, tmp_path) as here:
        post = await here.approved("Locked")
        looked: list[float] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if "min(deliveries.next_attempt_at)" in statement:
                looked.append(asyncio.get_running_loop().time())

        event.listen(here.database.engine.sync_engine, "before_cursor_execute", note)
        async with here.publishing():
            async with here.database.transaction() as stopped:
                await stopped.connection.execute(text("SELECT * FROM deliveries FOR UPDATE"))
                await eventually(lambda: several(looked))
            here.clock.alarm("publisher").ring()
            assert await here.settled(post.id) is PostState.PUBLISHED
        assert looked[5] - looked[1] >= 4 * BREATH.total_seconds() * 0.9


async def several(looked: list[float]) -> bool:
    return len(looked) > 5


async def test_an_account_that_must_be_connected_again_is_left_alone(light: World) -> None:
    async with light.database.transaction() as tx:
        await tx.connection.execute(
            text("UPDATE accounts SET state = :state"), {"state": AccountState.EXPIRED}
        )
    post = await light.approved("Waits")
    elsewhere = await second_account(light)
    async with light.publishing():
        going = await light.approved("Goes", account_ids=(elsewhere.id,))
        assert await light.settled(going.id) is PostState.PUBLISHED

        async def is_held() -> bool:
            return await state_of(light, post.id) is DeliveryState.HELD

        await eventually(is_held)
    assert list(light.network.live.values()) == ["Goes"]
    assert await owed(light, post.id, Card.TROUBLE) == 0, "the account's owner is told, once"
