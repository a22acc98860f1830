"""A set-up workspace with accounts that give numbers, a clock that tests set, and rows by hand."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, MultiFernet

from bot.accounts import Accounts, Vault
from bot.charts import ChartWorker
from bot.clock import Clock
from bot.digest_plans import DigestPlans, DigestPoster
from bot.digests import Digests
from bot.metrics import Metrics
from bot.networks.base import Connected, Measured, Session
from storage import accounts, deliveries, mentions, posts, snapshots, workspaces
from storage.database import Database
from storage.records import (
    Account,
    Content,
    Delivery,
    DeliveryState,
    Member,
    Mention,
    Mode,
    Post,
    PostState,
    Revision,
    Role,
    Sentiment,
    Snapshot,
    Urgency,
    When,
)
from storage.rows import new_id
from tests.unit.said import a_mention
from tests.unit.world import ANA, BEN, EVA, TEAM, ScriptedNetwork

NOON = datetime(2026, 11, 18, 11, 0, tzinfo=UTC)  # a Wednesday, 12:00 in Berlin
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class CountingNetwork(ScriptedNetwork):
    """Gives the numbers that a test sets; ``fail`` maps a handle to what is raised instead."""

    def __init__(self) -> None:
        super().__init__()
        self.followers: dict[str, int] = {}
        self.posts: dict[str, Mapping[str, int]] = {}
        self.fail: dict[str, Exception] = {}
        self.measured: list[tuple[str, tuple[str, ...]]] = []
        self.before: Callable[[], Any] | None = None

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        handle = fields["password"]
        return Connected(handle, f"@{handle}", handle, "https://s.example", "s.example", {}, {})

    async def measure(self, session: Session, remote_ids: Sequence[str]) -> Measured:
        handle = session.account.handle
        self.measured.append((handle, tuple(remote_ids)))
        if self.before is not None:
            await self.before()
        if handle in self.fail:
            raise self.fail[handle]
        return Measured(
            {"followers": self.followers.get(handle, 100), "following": 1, "posts": 1},
            {key: self.posts[key] for key in remote_ids if key in self.posts},
        )


@dataclass
class NumbersWorld:
    database: Database
    network: CountingNetwork
    connected: Accounts
    accounts: list[Account]
    moment: datetime = NOON
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(lambda: self.moment)

    def metrics(self) -> Metrics:
        """As one process has it."""
        return Metrics(self.database, self.connected, self.clock)

    def digests(self, charts: ChartWorker) -> Digests:
        return Digests(self.database, self.connected, self.metrics(), charts, self.clock)

    def plans(self) -> DigestPlans:
        return DigestPlans(self.database, self.clock)

    def poster(self) -> DigestPoster:
        return DigestPoster(self.database, self.metrics(), self.clock)

    async def taken(self) -> list[Snapshot]:
        async with self.database.reading() as tx:
            return list(
                await snapshots.history(tx, TEAM, NOON - 400 * DAY, self.moment + 400 * DAY)
            )

    async def account(self, number: int = 0) -> Account:
        async with self.database.reading() as tx:
            found = await accounts.get(tx, TEAM, self.accounts[number].id)
        assert found is not None
        return found

    async def published(self, at: datetime, text: str = "Hello", account: int = 0) -> Delivery:
        return await add_post(self.database, self.accounts[account].id, at, text)

    async def numbers(
        self, at: datetime, numbers: Mapping[str, int], of: Delivery | int = 0
    ) -> None:
        """What an account (by its place) or a post had at a time."""
        is_post = isinstance(of, Delivery)
        account_id = of.account_id if isinstance(of, Delivery) else self.accounts[of].id
        one = Snapshot(new_id(), TEAM, account_id, of.id if is_post else None, at, dict(numbers))
        async with self.database.transaction() as tx:
            await snapshots.insert_all(tx, [one])


@contextlib.asynccontextmanager
async def numbers_world(
    database: Database, *handles: str, connected_at: datetime = NOON - 60 * DAY
) -> AsyncIterator[NumbersWorld]:
    """A world on a migrated database. Ana writes, Ben approves, Eva is the admin, in Berlin."""
    network = CountingNetwork()
    clock = Clock(lambda: connected_at)
    vault = Vault(MultiFernet([Fernet(Fernet.generate_key())]))
    connected = Accounts(database, {network.name: network}, vault, clock)
    await add_workspace(database)
    for handle in handles or ("acorn",):
        await connected.connect(EVA, network.name, {"password": handle})
    async with database.reading() as tx:
        made = sorted(await accounts.of_workspace(tx, TEAM), key=lambda one: one.handle)
    yield NumbersWorld(database, network, connected, list(made))


async def add_workspace(database: Database) -> None:
    async with database.transaction() as tx:
        workspace = await workspaces.ensure(tx, TEAM, "Acorn", NOON - 90 * DAY)
        await workspaces.save(
            tx, replace(workspace, mode=Mode.TEAM, zone="Europe/Berlin", set_up_at=NOON - 90 * DAY)
        )
        for person, role in ((ANA, Role.AUTHOR), (BEN, Role.APPROVER), (EVA, Role.ADMIN)):
            roles = frozenset({role})
            await workspaces.save_member(
                tx, Member(TEAM, person.user_id, person.user_id, "Europe/Berlin", roles)
            )


async def add_post(
    database: Database,
    account_id: str,
    at: datetime,
    text: str = "Hello",
    *,
    state: PostState = PostState.PUBLISHED,
    mention_id: str | None = None,
    workspace_id: str = TEAM,
    remote_id: str | None = None,
) -> Delivery:
    """A post with one delivery, which is live if the post is published."""
    post_id, revision_id, delivery_id = new_id(), new_id(), new_id()
    content = Content({account_id: text}, None, ())
    is_live = state is PostState.PUBLISHED
    delivery = Delivery(
        id=delivery_id,
        workspace_id=workspace_id,
        post_id=post_id,
        revision_id=revision_id,
        account_id=account_id,
        state=DeliveryState.PUBLISHED if is_live else DeliveryState.PENDING,
        due_at=at,
        next_attempt_at=at,
        attempt=1,
        remote_id=(remote_id or f"remote-{delivery_id}") if is_live else None,
        url=f"https://s.example/{delivery_id}" if is_live else None,
        published_at=at if is_live else None,
        network="scripted",
    )
    async with database.transaction() as tx:
        await posts.insert(
            tx,
            Post(
                post_id,
                workspace_id,
                ANA.user_id,
                state,
                revision_id,
                When.AT,
                at,
                mention_id,
                1,
                at,
                at,
            ),
            Revision(revision_id, workspace_id, post_id, 1, "hash", content, text, ANA.user_id, at),
        )
        if state is not PostState.IN_REVIEW:
            await deliveries.insert(tx, delivery)
    return delivery


async def add_mention(
    database: Database,
    at: datetime,
    sentiment: Sentiment = Sentiment.NEUTRAL,
    urgency: Urgency = Urgency.NONE,
    **new: Any,
) -> Mention:
    about: dict[str, Any] = {"sentiment": sentiment, "urgency": urgency}
    mention = a_mention(TEAM, at, **{"seen_at": at + timedelta(minutes=1), **about, **new})
    async with database.transaction() as tx:
        await mentions.insert(tx, mention)
    return mention
