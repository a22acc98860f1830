"""What tests of publishing look at and wait for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import select

from bot.attempts import Attempt, Timing
from bot.claiming import Claimer
from bot.sending import Sender
from bot.settling import Settling
from storage import accounts, deliveries, notices, parts
from storage.records import (
    Account,
    Card,
    Delivery,
    DeliveryState,
    HoldReason,
    Notice,
    NoticeState,
    Part,
)
from storage.rows import Transaction, many
from storage.tables import notices as notice_rows
from tests.servers.eventually import eventually
from tests.unit.world import TEAM, World


async def owed(here: World, post_id: str, card: Card) -> int:
    async with here.database.reading() as tx:
        notice = await notices.of_card(tx, TEAM, card, post_id)
    assert notice is None or notice.state is NoticeState.OWED
    return 0 if notice is None else notice.version


async def uncertain(here: World, post_id: str, calls: int) -> None:
    """Wait until a call has ended without an answer and the delivery waits for its next try."""

    async def look() -> bool:
        [delivery] = await here.deliveries(post_id)
        return here.network.calls >= calls and delivery.state is DeliveryState.PENDING

    await eventually(look)


async def begun_at(light: World, post_id: str) -> datetime:
    [delivery] = await light.deliveries(post_id)
    async with light.database.reading() as tx:
        [part] = await parts.of_delivery(tx, delivery.id)
    assert part.begun_at is not None
    return part.begun_at


class Hands:
    """One process's share of publishing, step by step."""

    def __init__(self, here: World) -> None:
        self.here = here
        timing = Timing()
        self.claimer = Claimer(here.database, here.accounts, here.clock, timing)
        owner = self.claimer.owner
        self.sender = Sender(here.database, here.accounts, here.media, here.clock, timing, owner)
        self.settling = Settling(here.database, here.clock, Random(1), owner)

    async def attempt(self) -> Attempt:
        """Claim the one delivery that is due, and read what it needs."""
        [attempt] = await self.claimer.prepare(await self.claim())
        return attempt

    async def claim(self) -> Sequence[Delivery]:
        return await self.claimer.claim(self.here.network.name, 10, (), timedelta())


async def is_over(here: World, delivery: Delivery) -> None:
    """The lease has ended long ago."""
    async with here.database.transaction() as tx:
        await ends(tx, delivery, datetime.now(UTC) - timedelta(hours=1))


async def ends(tx: Transaction, delivery: Delivery, at: datetime) -> None:
    """The claim's lease does, or did."""
    sending = DeliveryState.SENDING
    await deliveries.move(tx, delivery.id, [sending], sending, lease_until=at)


async def held(here: World, post_id: str, reason: HoldReason) -> bool:
    return all(one.hold_reason is reason for one in await here.deliveries(post_id))


async def trouble(here: World, post_id: str) -> int:
    return await owed(here, post_id, Card.TROUBLE)


class MovedClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def second_account(here: World) -> Account:
    """Another profile on the same network."""
    made = replace(here.account, id="second", remote_id="2", handle="@second")
    async with here.database.transaction() as tx:
        await accounts.insert(tx, made)
    return made


async def is_live(here: World, text: str) -> bool:
    return text in here.network.live.values()


async def goes_out(here: World, text: str) -> None:
    """Approve a post for now and wait until it is live: so the publisher has looked by then."""
    await here.approved(text)
    here.clock.alarm("publisher").ring()
    await eventually(lambda: is_live(here, text))


async def state_of(here: World, post_id: str) -> DeliveryState:
    """Of a post's only delivery."""
    [delivery] = await here.deliveries(post_id)
    return delivery.state


async def parts_of(here: World, post_id: str) -> Sequence[Part]:
    """Of a post's only delivery, in their order."""
    [delivery] = await here.deliveries(post_id)
    async with here.database.reading() as tx:
        return await parts.of_delivery(tx, delivery.id)


async def inboxes(here: World) -> Sequence[Notice]:
    """The notices of who is told of what is held."""
    async with here.database.reading() as tx:
        return await many(tx, Notice, select(notice_rows).where(notice_rows.c.card == Card.INBOX))
