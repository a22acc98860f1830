"""A set-up workspace with one account on a network that answers as a test says."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import httpx
from cryptography.fernet import Fernet, MultiFernet
from PIL import Image

from bot.accounts import Accounts, Vault
from bot.approvals import Approvals
from bot.attempts import Timing
from bot.clock import Clock
from bot.composing import PostForm
from bot.drafting import Drafting
from bot.media import MediaFolder
from bot.networks.base import (
    Connected,
    ConnectField,
    Heard,
    HeardMention,
    Limits,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Session,
    Uncertainty,
)
from bot.outcomes import Outcomes
from bot.publishing import Publisher
from bot.scheduling import Scheduling
from bot.team import Person
from storage import accounts, deliveries, media, policies, posts, workspaces
from storage.database import Database
from storage.migrations import migrate
from storage.records import (
    Account,
    Delivery,
    Member,
    Mode,
    Picture,
    Policy,
    Post,
    PostState,
    Role,
    Scope,
    Step,
    Verdict,
)
from storage.rows import new_id

TEAM = "T1"
ANA = Person(TEAM, "UANA")
BEN = Person(TEAM, "UBEN")
CHIDI = Person(TEAM, "UCHIDI")
EVA = Person(TEAM, "UEVA")
STRANGER = Person("T2", "UX")


async def nothing_special(*_: Any) -> None:
    """The network answers."""


class ScriptedNetwork(Network):
    """Keeps what it accepts; before each call it does what the test asked for.

    ``behave`` gets the number of the call (1, 2, ...) and may raise before acceptance, ``calling``
    may wait as well; ``lose`` names the calls that are accepted and then end without an answer.
    ``preparing`` happens between the claim and the last look before the call.
    """

    name: ClassVar[str] = "scripted"
    label: ClassVar[str] = "Scripted"
    threads: ClassVar[bool] = True
    limits: ClassVar[Limits] = Limits(300, 4, 1_000_000, ("image/png",), 1000)
    connect_fields: ClassVar[tuple[ConnectField, ...]] = (
        ConnectField("password", "Password", "Any will do", secret=True),
    )
    connect_help: ClassVar[str] = ""

    def __init__(self, uncertainty: Uncertainty = Uncertainty.SAME_KEY) -> None:
        super().__init__(httpx.AsyncClient(), {}, lambda: datetime.now(UTC))
        self.uncertainty = uncertainty
        self.connected_as = Connected(
            "1", "@brand", "Brand", "https://s.example/brand", "s.example", {}, {}
        )
        self.grace = timedelta(0)
        self.key_life: timedelta | None = None
        self.live: dict[str, str] = {}  # what readers see: remote id -> text
        self.by_key: dict[str, str] = {}
        self.accepted: list[tuple[str, str | None]] = []  # text, and what it goes on from
        self.keys: list[str] = []  # of each call
        self.pictures: list[int] = []  # how many each call had
        self.calls = 0
        self.behave: Callable[[int], None] = lambda number: None
        self.lose: dict[int, Exception] = {}
        self.calling: Callable[[int], Awaitable[None]] = nothing_special
        self.preparing: Callable[[], Awaitable[object]] = nothing_special
        self.looking: Callable[[], None] = lambda: None
        self.deleted: list[str] = []
        self.deletions = 0
        self.deleting: Callable[[int], None] = lambda number: None
        self.uploads = 0
        self.inbox: list[HeardMention] = []  # what is said to every account, oldest first
        self.before_listening: Callable[[Account], Awaitable[None]] = nothing_special

    def count(self, text: str) -> int:
        return len(text)

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        return self.connected_as

    def new_key(self, now: datetime) -> str:
        return f"key-{Random().random()}"

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        self.uploads += 1
        return {"id": f"picture-{self.uploads}"}

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        await self.preparing()
        below = post.reply_to["id"] if post.reply_to else None
        return {"text": post.text, "reply_to": below, "pictures": len(post.pictures)}

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        self.calls += 1
        self.keys.append(key)
        self.pictures.append(prepared["pictures"])
        number = self.calls
        await self.calling(number)
        self.behave(number)
        remote_id = self.by_key.get(key) if self.uncertainty is Uncertainty.SAME_KEY else None
        if remote_id is None:
            self.accepted.append((prepared["text"], prepared["reply_to"]))
            remote_id = f"post-{len(self.accepted)}"
            self.live[remote_id] = prepared["text"]
            self.by_key[key] = remote_id
        if number in self.lose:
            raise self.lose[number]
        return _published(remote_id)

    async def find(
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        self.looking()
        for remote_id, text in self.live.items():
            if text == prepared["text"]:
                return _published(remote_id)
        return None

    async def listen(self, session: Session, cursor: str | None) -> Heard:
        await self.before_listening(session.account)
        return Heard(self.inbox[int(cursor or 0) :], str(len(self.inbox)))

    async def delete(self, session: Session, remote_id: str) -> None:
        self.deletions += 1
        self.deleting(self.deletions)
        self.deleted.append(remote_id)
        self.live.pop(remote_id, None)


def _published(remote_id: str) -> Published:
    return Published(remote_id, f"https://s.example/{remote_id}", {"id": remote_id})


class OtherNetwork(ScriptedNetwork):
    """A second one, for what must not concern it."""

    name: ClassVar[str] = "other"
    label: ClassVar[str] = "Other"


@dataclass
class World:
    """Everything a test of the product's rules needs."""

    database: Database
    clock: Clock
    network: ScriptedNetwork
    accounts: Accounts
    drafting: Drafting
    approvals: Approvals
    scheduling: Scheduling
    outcomes: Outcomes
    media: MediaFolder
    account: Account

    async def submitted(self, text: str = "Hello", **form: Any) -> Post:
        form.setdefault("account_ids", (self.account.id,))
        return (await self.drafting.submit(ANA, PostForm(text=text, **form))).post

    async def picture(self) -> Picture:
        """A picture that was copied in."""
        drawn = io.BytesIO()
        Image.new("RGB", (8, 6), "#0b6e63").save(drawn, "PNG")
        medium = self.media.keep(TEAM, "green.png", drawn.getvalue(), self.clock.now())
        async with self.database.transaction() as tx:
            await media.insert(tx, medium)
        return Picture(medium.sha256, "a green field")

    async def approved(self, text: str = "Hello", **form: Any) -> Post:
        post = await self.submitted(text, **form)
        decided = await self.approvals.decide(
            BEN, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
        return decided.post

    async def post(self, post_id: str) -> Post:
        async with self.database.reading() as tx:
            found = await posts.get(tx, TEAM, post_id)
        assert found is not None
        return found

    async def deliveries(self, post_id: str) -> list[Delivery]:
        async with self.database.reading() as tx:
            return list(await deliveries.of_post(tx, post_id))

    async def settled(self, post_id: str) -> PostState:
        """The post's state once nothing is going on any more."""
        async with asyncio.timeout(20):
            while True:
                state = (await self.post(post_id)).state
                if state not in (PostState.SCHEDULED, PostState.PUBLISHING):
                    return state
                states = {d.state for d in await self.deliveries(post_id)}
                if "unknown" in states:
                    return state
                await asyncio.sleep(0.02)

    async def hurry(self, post_id: str) -> None:
        """A retry that would wait for minutes is due now."""
        async with self.database.transaction() as tx:
            for delivery in await deliveries.of_post(tx, post_id):
                await deliveries.move(
                    tx,
                    delivery.id,
                    [delivery.state],
                    delivery.state,
                    next_attempt_at=datetime.now(UTC) - timedelta(seconds=1),
                )
        self.clock.alarm("publisher").ring()

    @contextlib.asynccontextmanager
    async def publishing(self, timing: Timing | None = None) -> AsyncIterator[Publisher]:
        """A publisher that works in the background."""
        publisher = Publisher(
            self.database, self.accounts, self.media, self.clock, timing, Random(1)
        )
        task = asyncio.create_task(publisher.run())
        try:
            yield publisher
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await publisher.drain(5)


def _own_cards(mode: Mode, now: datetime) -> Policy:
    return Policy(
        id=new_id(),
        workspace_id=TEAM,
        scope=Scope.WORKSPACE,
        scope_id="",
        steps=() if mode is Mode.ALONE else (Step(""),),
        author_counts=False,
        replies=False,
        own_card=True,
        updated_by=EVA.user_id,
        updated_at=now,
    )


@contextlib.asynccontextmanager
async def world(
    database_url: str,
    folder: Path,
    *,
    uncertainty: Uncertainty = Uncertainty.SAME_KEY,
    mode: Mode = Mode.TEAM,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    others: Sequence[ScriptedNetwork] = (),
    own_cards: bool = True,
) -> AsyncIterator[World]:
    """A world on a database; Ana writes, Ben and Chidi approve, Eva is the admin.

    :param others: further networks, on which nothing is connected yet.
    :param own_cards: a policy gives each post its card at once, however far away it is.
    """
    database = Database(database_url, now=now)
    await migrate(database)
    clock = Clock(now)
    network = ScriptedNetwork(uncertainty)
    connected = Accounts(
        database,
        {each.name: each for each in (network, *others)},
        Vault(MultiFernet([Fernet(Fernet.generate_key())])),
        clock,
    )
    async with database.transaction() as tx:
        workspace = await workspaces.ensure(tx, TEAM, "Acorn", now())
        await workspaces.save(
            tx,
            replace(
                workspace,
                mode=mode,
                zone="Europe/Berlin",
                approvals_channel="CAPPROVALS",
                alerts_channel="CALERTS",
                set_up_at=now(),
            ),
        )
        for person, role in ((ANA, Role.AUTHOR), (BEN, Role.APPROVER), (CHIDI, Role.APPROVER)):
            member = Member(TEAM, person.user_id, person.user_id, "UTC", frozenset({role}))
            await workspaces.save_member(tx, member)
        if own_cards:
            await policies.save(tx, _own_cards(mode, now()))
        admin = Member(TEAM, EVA.user_id, "Eva", "Europe/Berlin", frozenset({Role.ADMIN}))
        await workspaces.save_member(tx, admin)
    await connected.connect(EVA, network.name, {"password": "x"})
    async with database.reading() as tx:
        account = (await accounts.of_workspace(tx, TEAM))[0]
    folder_of_pictures = MediaFolder(folder / "media")
    clock.start()
    try:
        yield World(
            database,
            clock,
            network,
            connected,
            Drafting(database, connected, clock),
            Approvals(database, clock),
            Scheduling(database, clock),
            Outcomes(database, connected, clock),
            folder_of_pictures,
            account,
        )
    finally:
        clock.stop()
        await database.close()
