"""What one network's tests provide to the contract, and what all of them work with."""

import io
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import httpx
import pytest
from PIL import Image

from bot.networks.base import (
    Connected,
    HeardMention,
    Listens,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Publishes,
    Session,
    Uncertainty,
    Uploaded,
)
from bot.networks.http import make_client
from storage.records import Account, AccountState
from tests.networks.faulty import FaultyProxy


class PublishingNetwork(Network, Publishes):
    """A network that publishes."""


@dataclass
class Clock:
    """A clock that stands still until it is moved, so that promised times can be compared."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.time

    def move(self, by: timedelta) -> None:
        self.time += by


@dataclass(frozen=True, slots=True)
class Shown:
    """A post of our account as the server shows it to others; ``answers`` is the remote id of
    the post it replies to."""

    remote_id: str
    text: str
    alts: tuple[str, ...] = ()
    answers: str | None = None


class World(ABC):
    """A server, our account on it and a stranger, as one network's tests provide them.

    :cvar publishes_at: part of the path of the call that makes a post public.
    """

    publishes_at: ClassVar[str]

    @abstractmethod
    def network(self, client: httpx.AsyncClient, now: Callable[[], datetime]) -> Network:
        """The network, set to this server."""

    @abstractmethod
    def fields(self) -> Mapping[str, str]:
        """What a person types to connect our account."""

    @abstractmethod
    def wrong_fields(self) -> Mapping[str, str]:
        """The same with a wrong password or token."""

    @abstractmethod
    def elsewhere(
        self, client: httpx.AsyncClient, now: Callable[[], datetime], address: str
    ) -> tuple[Network, Mapping[str, str]]:
        """A network and what is typed, when the server named is at ``address``."""

    @abstractmethod
    async def shown(self) -> list[Shown]:
        """Our account's posts, read without the network file under test."""

    @abstractmethod
    async def revoke(self, session: Session) -> None:
        """Make the session's credentials useless for good."""

    async def age(self, session: Session) -> None:
        """Make the session's access too old, so that it must be refreshed."""
        raise NotImplementedError

    async def say(self, text: str, *, answering: Published | None = None) -> None:
        """A stranger mentions our account, or replies to a post of ours; returns when the
        server shows it to us."""
        raise NotImplementedError

    async def like(self, published: Published) -> None:
        """A stranger likes a post of ours; returns when the server counts it."""
        raise NotImplementedError

    def picture(self) -> PictureFile:
        """A picture the server takes."""
        return a_picture()


def a_picture(kind: str = "PNG", alt: str = "A red square") -> PictureFile:
    """A small red picture of 64 by 48."""
    data = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(data, kind)
    return PictureFile(data.getvalue(), f"image/{kind.lower()}", 64, 48, alt, f"red.{kind.lower()}")


def account_of(network: Network, connected: Connected) -> Account:
    return Account(
        id=f"account-{connected.remote_id}",
        workspace_id="T1",
        network=network.name,
        remote_id=connected.remote_id,
        handle=connected.handle,
        name=connected.name,
        url=connected.url,
        server=connected.server,
        state=AccountState.ACTIVE,
        credentials=b"",
        limits=dict(connected.limits),
        slots=None,
        owner_id="U1",
        cursor=None,
        polled_at=None,
        problem=None,
        created_at=datetime.now(UTC),
    )


@dataclass
class Saved:
    """Keeps what a session saves, as the account's row would."""

    credentials: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, credentials: Mapping[str, Any]) -> None:
        self.credentials.append(dict(credentials))


def session_of(network: Network, connected: Connected, saved: Saved | None = None) -> Session:
    return Session(account_of(network, connected), dict(connected.credentials), saved or Saved())


async def send(
    network: PublishingNetwork,
    session: Session,
    text: str,
    *,
    pictures: tuple[PictureFile, ...] = (),
    reply_to: Mapping[str, Any] | None = None,
) -> Published:
    """A post from upload to publishing, as the publisher does it."""
    prepared = await prepare(network, session, text, pictures=pictures, reply_to=reply_to)
    return await network.publish(session, network.new_key(datetime.now(UTC)), prepared)


async def send_thread(
    network: PublishingNetwork,
    session: Session,
    texts: Sequence[str],
    *,
    pictures: tuple[PictureFile, ...] = (),
    reply_to: Mapping[str, Any] | None = None,
) -> list[Published]:
    """A thread as the publisher sends it: each post is prepared when the one before is out, and
    what it needs of that was kept as JSON meanwhile. Pictures go with the first."""
    out: list[Published] = []
    for text in texts:
        reply_to = json.loads(json.dumps(dict(out[-1].reply_to))) if out else reply_to
        with_first = () if out else pictures
        out.append(await send(network, session, text, pictures=with_first, reply_to=reply_to))
    return out


async def prepare(
    network: PublishingNetwork,
    session: Session,
    text: str,
    *,
    pictures: tuple[PictureFile, ...] = (),
    reply_to: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    uploaded = [
        Uploaded(await network.upload(session, picture), picture.alt, picture.width, picture.height)
        for picture in pictures
    ]
    return await network.prepare(session, Outgoing(text, uploaded, reply_to))


async def resolve(
    network: PublishingNetwork,
    session: Session,
    key: str,
    prepared: Mapping[str, Any],
    since: datetime,
) -> Published:
    """What is done about an uncertain send, as the network declares it."""
    if network.uncertainty is Uncertainty.SAME_KEY:
        return await network.publish(session, key, prepared)
    assert network.uncertainty is Uncertainty.LOOK_UP, "a person can't be asked here"
    found = await network.find(session, key, prepared, since)
    return found or await network.publish(session, key, prepared)


async def all_heard(network: Listens, session: Session, cursor: str | None) -> list[HeardMention]:
    return list((await network.listen(session, cursor)).mentions)


class Fixtures:
    """What the contracts' tests are given. ``world`` comes from the network's own test file."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    async def proxy(self) -> AsyncIterator[FaultyProxy]:
        async with FaultyProxy() as proxy:
            yield proxy

    @pytest.fixture
    async def client(self, proxy: FaultyProxy) -> AsyncIterator[httpx.AsyncClient]:
        async with make_client(transport=proxy.transport()) as client:
            yield client

    @pytest.fixture
    async def impatient(self, proxy: FaultyProxy) -> AsyncIterator[httpx.AsyncClient]:
        """A client that waits for an answer so shortly that a test can await its giving up."""
        async with make_client(transport=proxy.transport(), patience_s=1.5) as client:
            yield client

    @pytest.fixture
    def network(self, world: World, client: httpx.AsyncClient, clock: Clock) -> PublishingNetwork:
        return cast(PublishingNetwork, world.network(client, clock))

    @pytest.fixture
    def saved(self) -> Saved:
        return Saved()

    @pytest.fixture
    async def session(
        self, network: PublishingNetwork, world: World, proxy: FaultyProxy, saved: Saved
    ) -> Session:
        connected = await network.connect(world.fields())
        proxy.clear()
        return session_of(network, connected, saved)
