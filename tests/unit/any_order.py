"""One post's life, whatever people, networks and machines do to it; and what must hold meanwhile.

Time stands still unless a step moves it. Processes are publishers that work until nothing is due,
and die where a fault says so, leaving behind what a killed process leaves.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import text

from bot.attempts import Timing
from bot.brake import Brakes
from bot.errors import UserError
from bot.holds import Holds
from bot.networks.base import Uncertainty
from bot.posts import DELIVERY_STEPS, POST_STEPS, outcome, thread_parts
from bot.publishing import Publisher
from bot.team import Person
from storage import accounts, brakes, deliveries, holds, notices, parts, posts
from storage.database import Database
from storage.migrations import migrate
from storage.records import (
    Card,
    Delivery,
    DeliveryState,
    PartKind,
    PartState,
    Post,
    PostState,
)
from storage.rows import Transaction
from tests.unit.adversary import GRACE, Adversary, Call, Fault
from tests.unit.publishing import second_account
from tests.unit.world import ANA, EVA, TEAM, World, world

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TIMING = Timing()
LATENESS = timedelta(minutes=30)
SENDING = "delivery "  # so the tasks are named that send one
GOING = (DeliveryState.PENDING, DeliveryState.SENDING)

WATCH_STEPS = """
CREATE TRIGGER watch_{table} AFTER UPDATE OF state ON {table} WHEN old.state <> new.state
BEGIN INSERT INTO steps VALUES ('{table}', old.state, new.state); END
"""


class StandingClock:
    """Stands still until it is moved (UTC)."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment


@dataclass(slots=True)
class Life:
    """A post and everything around it. ``wrong`` is what must not have happened."""

    here: World
    network: Adversary
    clock: StandingClock
    brakes: Brakes
    holds: Holds
    post_id: str = ""
    approved: str | None = None  # the text that stands approved, as people know it
    writers: tuple[Person, ...] = ()
    wrong: list[str] = field(default_factory=list)

    # Looking

    async def post(self) -> Post:
        return await self.here.post(self.post_id)

    async def deliveries(self) -> list[Delivery]:
        return await self.here.deliveries(self.post_id)

    async def text(self, revision_id: str) -> str:
        """What it says, on every account the same."""
        async with self.here.database.reading() as tx:
            found = await posts.revision(tx, TEAM, revision_id)
        assert found is not None
        [text_] = set(found.content.texts.values())
        return text_

    # A call, seen from its network

    async def look_at(self, call: Call) -> None:
        """Whether this call may be made."""
        async with self.here.database.reading() as tx:
            delivery, position = await _of_key(tx, call.key)
            standing = await brakes.standing(tx, TEAM)
            post = await posts.get(tx, TEAM, delivery.post_id)
            account = await accounts.get(tx, TEAM, call.account_id)
        assert post is not None
        assert account is not None
        expected = thread_parts(self.approved) if self.approved is not None else []
        late = self.clock() - delivery.due_at
        for is_so, what in (
            (self.approved is None, "nothing stands approved"),
            (expected[position : position + 1] != [call.text], f"approved was {expected}"),
            (delivery.revision_id != post.revision_id, "another revision"),
            (delivery.state is not DeliveryState.SENDING, f"its delivery is {delivery.state}"),
            (delivery.account_id != call.account_id, "on another account"),
            (late < timedelta(), f"it is {-late} early"),
            (late > LATENESS, f"it is {late} late"),
            (account.state != "active", f"its account is {account.state}"),
            (any(one.account_id in (None, account.id) for one in standing), "a brake is on"),
            (
                account.limited_until is not None and account.limited_until > self.clock(),
                "its account must wait",
            ),
        ):
            if is_so:
                self.wrong.append(f"{call} was made although {what}")

    # Processes

    async def work(self, script: dict[str, list[Fault]], blind: int = 0) -> None:
        """A process works until nothing is due any more, and stops; or it dies."""
        self.network.script.calls, self.network.script.blind = script, blind
        self.network.killed.clear()
        here = self.here
        publisher = Publisher(
            here.database, here.accounts, here.media, here.clock, TIMING, Random(1)
        )
        before = await self.deliveries()
        left = {one.id: one.lease_until for one in before if one.state is DeliveryState.SENDING}
        around = asyncio.all_tasks()
        running = asyncio.create_task(publisher.run())
        idle = asyncio.create_task(self._idle(left))
        dead = asyncio.create_task(self.network.killed.wait())
        done, _ = await asyncio.wait({idle, dead}, timeout=120, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            self.wrong.append(f"a process never comes to rest: {await self.deliveries()}")
        ended = {running, idle, dead}
        if self.network.killed.is_set():  # whatever it was at, commits too
            ended |= asyncio.all_tasks() - around
        for task in ended:
            task.cancel()
        await asyncio.wait(ended)
        if not self.network.killed.is_set():
            await publisher.drain(5)
        self.network.script.calls, self.network.script.blind = {}, 0

    async def _idle(self, left: Mapping[str, datetime | None]) -> None:
        """:param left: what a process before this one left behind, each with its lease."""
        while await self._is_busy(left):  # noqa: ASYNC110  # what it waits for is in the database
            await asyncio.sleep(0.002)

    async def _is_busy(self, left: Mapping[str, datetime | None]) -> bool:
        if any(each.get_name().startswith(SENDING) for each in asyncio.all_tasks()):
            return True
        for each in await self.deliveries():
            if each.state is DeliveryState.PENDING and each.next_attempt_at <= self.clock():
                return True
            if each.state is DeliveryState.SENDING:
                assert each.lease_until is not None
                is_left = each.id in left and left[each.id] == each.lease_until
                if not is_left or each.lease_until < self.clock() - TIMING.patience:
                    return True
        return False

    async def wait(self, span: timedelta) -> None:
        self.clock.moment += span
        self.network.arrive()

    # The end

    async def calm(self) -> None:
        """Nothing goes wrong any more, and time goes on until nothing is going on."""
        for account_id in ("1", "2"):
            self.network.profile = account_id
            await self.here.accounts.connect(EVA, self.network.name, {"password": "x"})
        async with self.here.database.reading() as tx:
            standing = [one.id for one in await brakes.standing(tx, TEAM)]
        if standing:
            await self.brakes.release(EVA, standing)
        for _ in range(20):
            await self.work({})
            going = [each for each in await self.deliveries() if each.state in GOING]
            if not going:
                return
            at = min(
                each.next_attempt_at
                if each.state is DeliveryState.PENDING
                else (each.lease_until or self.clock()) + TIMING.patience + timedelta(seconds=1)
                for each in going
            )
            await self.wait(max(at - self.clock(), timedelta(seconds=1)))
        self.wrong.append(f"it never comes to an end: {going}")

    async def judge(self) -> None:
        """What must be true in the end."""
        await self.wait(GRACE)
        post, living = await self.post(), await self.deliveries()
        await self._judge_steps()
        if living and post.state is not outcome(living):
            self.wrong.append(f"the post is {post.state}, its deliveries {living}")
        for delivery in living:
            await self._judge(post, delivery)
        accounts_ = {each.call.account_id for each in self.network.taken}
        for account_id in accounts_ - {each.account_id for each in living}:
            self.wrong.append(f"something is out on {account_id}, where nothing is promised")

    async def _judge_steps(self) -> None:
        async with self.here.database.reading() as tx:
            seen = (await tx.connection.execute(text("SELECT DISTINCT * FROM steps"))).all()
        for table, old, new in seen:
            allowed: set[str] = (
                set(POST_STEPS[PostState(old)])
                if table == "posts"
                else set(DELIVERY_STEPS[DeliveryState(old)])
            )
            if new not in allowed:
                self.wrong.append(f"{table} went from {old} to {new}")

    async def _judge(self, post: Post, delivery: Delivery) -> None:
        wanted = thread_parts(await self.text(delivery.revision_id))
        taken = [each for each in self.network.taken if each.call.account_id == delivery.account_id]
        said = [each.call.text for each in taken]
        below = [each.call.below for each in taken]
        if said != wanted[: len(said)]:
            self.wrong.append(f"readers saw {said} of {wanted}")
        if below != [None, *(each.remote_id for each in taken)][: len(below)]:
            self.wrong.append(f"the thread hangs together as {below}")
        async with self.here.database.reading() as tx:
            planned = await parts.of_delivery(tx, delivery.id)
            trouble = await notices.of_card(tx, TEAM, Card.TROUBLE, post.id)
            hold = await holds.open_of(tx, TEAM, post.author_id)
            card = hold and await notices.of_card(tx, TEAM, Card.INBOX, post.author_id)
        done = [each for each in planned if each.state is PartState.DONE]
        begun = [each for each in planned if each.state is PartState.BEGUN]
        known = sum(each.kind is PartKind.POST for each in done)
        asked = delivery.state is DeliveryState.UNKNOWN
        for is_so, what in (
            (delivery.state in GOING, "is still going on"),
            (delivery.state is DeliveryState.PUBLISHED and said != wanted, f"only {said} is out"),
            (delivery.state is DeliveryState.FAILED and trouble is None, "nobody was told"),
            (asked and trouble is None, "nobody was asked"),
            (delivery.state is DeliveryState.HELD and card is None, "nobody was told"),
            (len(said) > known and not begun, f"more is out than is known: {said}"),
            (known > len(said), "less is out than is known"),
            (
                delivery.state in (DeliveryState.FAILED, DeliveryState.CANCELLED) and bool(begun),
                "what may be out is called failed",
            ),
        ):
            if is_so:
                self.wrong.append(f"{delivery}: {what}")


async def _of_key(tx: Transaction, key: str) -> tuple[Delivery, int]:
    """The delivery of a part, and which of its posts that is (0, 1, ...)."""
    query = text("SELECT delivery_id FROM parts WHERE key = :key")
    delivery_id = (await tx.connection.execute(query, {"key": key})).scalar_one()
    delivery = await deliveries.get(tx, TEAM, delivery_id)
    assert delivery is not None
    planned = await parts.of_delivery(tx, delivery_id)
    return delivery, [one.key for one in planned if one.kind is PartKind.POST].index(key)


@contextlib.asynccontextmanager
async def life(template: Path, folder: Path, uncertainty: Uncertainty) -> AsyncIterator[Life]:
    """A world with two accounts on the worst of networks.

    :param template: an empty database of this release.
    """
    shutil.copy(template, folder / "x.db")
    clock = StandingClock()
    network = Adversary(uncertainty, clock)
    url = f"sqlite:///{folder / 'x.db'}"
    async with world(url, folder, now=clock, others=[network]) as made:
        account = await made.accounts.connect(EVA, network.name, {"password": "x"})
        here = replace(made, network=network, account=account)
        await second_account(here)
        async with here.database.transaction() as tx:
            await tx.connection.execute(text("CREATE TABLE steps (what TEXT, old TEXT, new TEXT)"))
            for table in ("posts", "deliveries"):
                await tx.connection.exec_driver_sql(WATCH_STEPS.format(table=table))
        made_life = Life(
            here,
            network,
            clock,
            Brakes(here.database, here.accounts, here.clock),
            Holds(here.database, here.accounts, here.clock),
        )
        network.looking_at = made_life.look_at

        async def brake() -> None:
            with contextlib.suppress(UserError):
                await made_life.brakes.pull(ANA, "a crisis")

        network.braking = brake
        yield made_life


async def empty_database(file: Path) -> None:
    """Make one of this release, for `life` to copy."""
    database = Database(f"sqlite:///{file}")
    await migrate(database)
    await database.close()
