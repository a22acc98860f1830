"""What every network must do: subclass ``NetworkContract`` and give it a ``world`` fixture.

A world is a real server with an account of ours on it and a stranger's, reached through a proxy
that breaks chosen requests (``faulty.py``). Optional parts are classes of their own: a network
whose credentials age also subclasses ``RefreshContract``, one that listens ``ListenContract``,
one that gives numbers ``MeasureContract``.

    class TestMastodon(NetworkContract, ListenContract, MeasureContract):
        @pytest.fixture
        async def world(self, mastodon_server): ...
"""

import asyncio
import io
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import httpx
import pytest
from PIL import Image

from bot.errors import (
    Expired,
    NetworkError,
    RateLimited,
    Rejected,
    Unavailable,
    Uncertain,
    UserError,
)
from bot.networks.base import (
    Connected,
    HeardMention,
    Limits,
    Listens,
    Measures,
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
from storage.records import Account, AccountState, MentionKind
from tests.networks.faulty import Fault, FaultyProxy, json_fault


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
    """A post of our account as the server shows it to others."""

    remote_id: str
    text: str
    alts: tuple[str, ...] = ()


class World(ABC):
    """A server, our account on it and a stranger, as one network's tests provide them.

    :cvar publishes_at: part of the path of the call that makes a post public.
    :cvar logs_in_at: part of the path of a call that every connecting makes.
    """

    publishes_at: ClassVar[str]
    logs_in_at: ClassVar[str]

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


class NetworkContract(Fixtures):
    """Connecting, publishing, deleting, and what every kind of failure becomes."""

    # connecting

    async def test_connecting_tells_who_the_account_is(
        self, network: PublishingNetwork, world: World
    ) -> None:
        connected = await network.connect(world.fields())
        assert connected.remote_id
        assert connected.handle
        assert connected.server
        assert connected.url.startswith("http")
        assert connected.credentials

    async def test_every_typed_field_is_declared(
        self, network: PublishingNetwork, world: World
    ) -> None:
        declared = {field.name for field in network.connect_fields}
        assert set(world.fields()) <= declared
        assert any(field.secret for field in network.connect_fields)

    async def test_a_wrong_password_says_what_was_tried_and_not_the_password(
        self, network: PublishingNetwork, world: World
    ) -> None:
        wrong = world.wrong_fields()
        with pytest.raises(UserError) as caught:
            await network.connect(wrong)
        secrets = [wrong[field.name] for field in network.connect_fields if field.secret]
        assert secrets
        assert not [secret for secret in secrets if secret in str(caught.value)]

    async def test_an_empty_form_is_a_users_error(self, network: PublishingNetwork) -> None:
        with pytest.raises(UserError):
            await network.connect({field.name: " " for field in network.connect_fields})

    @pytest.mark.parametrize(
        "answer",
        [
            Fault.answering(200),
            Fault.answering(404),
            Fault.answering(200, b'{"half":', {"Content-Type": "application/json"}),
            json_fault(200, {"hello": "world"}),
            json_fault(200, []),
            json_fault(404, {"error": "Not here"}),
        ],
        ids=["web page", "404 page", "broken JSON", "other JSON", "JSON list", "JSON 404"],
    )
    async def test_a_server_that_is_none_of_this_network_is_named(
        self,
        world: World,
        client: httpx.AsyncClient,
        clock: Clock,
        proxy: FaultyProxy,
        answer: Fault,
    ) -> None:
        network, fields = world.elsewhere(client, clock, "http://127.0.0.1:9")
        proxy.plan(answer, times=9)
        with pytest.raises(UserError, match=r"127\.0\.0\.1:9"):
            await network.connect(fields)

    async def test_a_server_that_cannot_be_reached_is_named(
        self, world: World, client: httpx.AsyncClient, clock: Clock, proxy: FaultyProxy
    ) -> None:
        network, fields = world.elsewhere(client, clock, "http://127.0.0.1:9")
        async with proxy.down():
            with pytest.raises((UserError, Unavailable), match=r"127\.0\.0\.1:9"):
                await network.connect(fields)

    # publishing

    async def test_a_text_is_out_once(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        published = await send(network, session, "Fresh bread from seven 🥖")
        assert published.url.startswith("http")
        (shown,) = await world.shown()
        assert shown.remote_id == published.remote_id
        assert shown.text == "Fresh bread from seven 🥖"

    async def test_a_picture_goes_out_with_its_alt_text(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        pictures = (world.picture(), replace(world.picture(), alt="The same, again"))
        await send(network, session, "Look", pictures=pictures)
        (shown,) = await world.shown()
        assert shown.alts == ("A red square", "The same, again")

    async def test_two_posts_with_one_text_are_two(
        self, network: PublishingNetwork, session: Session, world: World, clock: Clock
    ) -> None:
        first = await send(network, session, "Every Monday")
        clock.move(timedelta(seconds=1))
        second = await send(network, session, "Every Monday")
        assert first.remote_id != second.remote_id
        assert len(await world.shown()) == 2

    async def test_keys_differ_even_at_one_time(self, network: PublishingNetwork) -> None:
        now = datetime.now(UTC)
        assert len({network.new_key(now) for _ in range(200)}) == 200

    async def test_sending_again_is_one_post_or_is_found(
        self, network: PublishingNetwork, session: Session, world: World, clock: Clock
    ) -> None:
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "Once", pictures=(world.picture(),))
        first = await network.publish(session, key, prepared)
        assert await resolve(network, session, key, prepared, since) == first
        assert len(await world.shown()) == 1

    async def test_a_post_that_is_not_out_is_not_found(
        self, network: PublishingNetwork, session: Session, clock: Clock
    ) -> None:
        prepared = await prepare(network, session, "Never sent")
        key = network.new_key(clock())
        assert await network.find(session, key, prepared, clock()) is None

    async def test_a_post_that_is_out_is_found(
        self, network: PublishingNetwork, session: Session, clock: Clock
    ) -> None:
        prepared = await prepare(network, session, "Sent & <found>")
        key, since = network.new_key(clock()), clock()
        published = await network.publish(session, key, prepared)
        assert await network.find(session, key, prepared, since) == published

    # over the limit

    def text_of(self, network: PublishingNetwork, count: int) -> str:
        """A text as long as ``count`` in the network's own count."""
        return "a" * count

    async def test_a_text_at_the_limit_goes_out_and_one_more_is_refused_by_both(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        limits: Limits = network.limits.with_overrides(session.account.limits)
        fits, over = (self.text_of(network, limits.text + more) for more in (0, 1))
        assert network.text_problems(fits, limits) == []
        await send(network, session, fits)
        assert network.text_problems(over, limits)
        with pytest.raises(Rejected):
            await send(network, session, over)
        assert [shown.text for shown in await world.shown()] == [fits]

    # failures of the publishing call

    @pytest.mark.parametrize(
        ("fault", "out"),
        [
            (Fault.lost(), True),
            (Fault.cut(), True),
            (Fault.answering(200, passed_on=True), True),
            (Fault.answering(200, b"\x00\xff{", {"Content-Type": "application/json"}), False),
            (Fault.answering(500, passed_on=True), True),
            (Fault.answering(502, passed_on=True), True),
            (json_fault(500, {"error": "InternalServerError"}), False),
            (Fault.answering(504), False),
            (Fault.answering(302, headers={"Location": "http://127.0.0.1:9/login"}), False),
            (Fault.reset(), False),
        ],
        ids=[
            "answer lost",
            "answer cut",
            "web page after accepting",
            "garbage before accepting",
            "500 after accepting",
            "502 after accepting",
            "500 before accepting",
            "504 before accepting",
            "redirect",
            "reset before accepting",
        ],
    )
    async def test_an_unclear_answer_is_uncertain_and_resolves_to_one_post(
        self,
        network: PublishingNetwork,
        session: Session,
        world: World,
        proxy: FaultyProxy,
        clock: Clock,
        fault: Fault,
        out: bool,
    ) -> None:
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "One and only")
        proxy.plan(fault, on=world.publishes_at, method="POST")
        with pytest.raises(Uncertain):
            await network.publish(session, key, prepared)
        assert len(await world.shown()) == out
        published = await resolve(network, session, key, prepared, since)
        (shown,) = await world.shown()
        assert shown.remote_id == published.remote_id
        assert shown.text == "One and only"

    @pytest.mark.parametrize("passed_on", [True, False])
    async def test_silence_is_uncertain_in_time_and_resolves_to_one_post(
        self,
        network: PublishingNetwork,
        session: Session,
        world: World,
        proxy: FaultyProxy,
        clock: Clock,
        impatient: httpx.AsyncClient,
        passed_on: bool,
    ) -> None:
        hurried = cast(PublishingNetwork, world.network(impatient, clock))
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "Patience")
        proxy.plan(Fault.hanging(passed_on=passed_on), on=world.publishes_at, method="POST")
        async with asyncio.timeout(20):
            with pytest.raises(Uncertain):
                await hurried.publish(session, key, prepared)
        await resolve(network, session, key, prepared, since)
        assert [shown.text for shown in await world.shown()] == ["Patience"]

    async def test_a_429_says_until_when(
        self,
        network: PublishingNetwork,
        session: Session,
        world: World,
        proxy: FaultyProxy,
        clock: Clock,
    ) -> None:
        prepared = await prepare(network, session, "Slowly")
        too_many = json_fault(429, {"error": "Too many requests"}, {"Retry-After": "30"})
        proxy.plan(too_many, on=world.publishes_at, method="POST")
        with pytest.raises(RateLimited) as caught:
            await network.publish(session, network.new_key(clock()), prepared)
        assert caught.value.until == clock() + timedelta(seconds=30)
        assert await world.shown() == []

    async def test_no_connection_means_that_nothing_was_sent(
        self, network: PublishingNetwork, session: Session, proxy: FaultyProxy, clock: Clock
    ) -> None:
        prepared = await prepare(network, session, "Offline")
        async with proxy.down():
            with pytest.raises(Unavailable):
                await network.publish(session, network.new_key(clock()), prepared)

    async def test_a_503_means_that_nothing_was_taken(
        self,
        network: PublishingNetwork,
        session: Session,
        world: World,
        proxy: FaultyProxy,
        clock: Clock,
    ) -> None:
        prepared = await prepare(network, session, "Busy")
        proxy.plan(Fault.answering(503), on=world.publishes_at, method="POST")
        with pytest.raises(Unavailable):
            await network.publish(session, network.new_key(clock()), prepared)

    async def test_a_reason_never_repeats_a_secret(
        self,
        network: PublishingNetwork,
        session: Session,
        world: World,
        proxy: FaultyProxy,
        clock: Clock,
    ) -> None:
        prepared = await prepare(network, session, "Careful")
        proxy.clear()
        proxy.plan(Fault.reset(), on=world.publishes_at, method="POST")
        with pytest.raises(Uncertain):
            await network.publish(session, network.new_key(clock()), prepared)
        token = proxy.seen[-1].headers["authorization"].split()[-1]
        refusal = json_fault(422, {"error": f"no: {token}", "message": f"{token}\x00‮ no"})
        proxy.plan(refusal, on=world.publishes_at, method="POST")
        with pytest.raises(NetworkError) as caught:
            await network.publish(session, network.new_key(clock()), prepared)
        assert isinstance(caught.value, Rejected)
        assert token not in caught.value.reason
        assert "\x00" not in caught.value.reason
        assert "‮" not in caught.value.reason

    # failures of calls that publish nothing

    @pytest.mark.parametrize(
        "fault",
        [Fault.answering(500), Fault.answering(200), Fault.lost(), Fault.reset()],
        ids=["500", "web page", "answer lost", "reset"],
    )
    async def test_an_upload_that_failed_can_simply_be_tried_again(
        self,
        network: PublishingNetwork,
        session: Session,
        world: World,
        proxy: FaultyProxy,
        fault: Fault,
    ) -> None:
        proxy.plan(fault)
        with pytest.raises(Unavailable):
            await network.upload(session, world.picture())
        await send(network, session, "At last", pictures=(world.picture(),))
        assert len(await world.shown()) == 1

    # credentials

    async def test_revoked_credentials_ask_for_a_new_connection(
        self, network: PublishingNetwork, session: Session, world: World, clock: Clock
    ) -> None:
        prepared = await prepare(network, session, "Locked out")
        await world.revoke(session)
        with pytest.raises(Expired):
            await network.publish(session, network.new_key(clock()), prepared)
        assert await world.shown() == []

    # deleting

    async def test_deleting_twice_is_no_error(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        stays = await send(network, session, "This stays")
        goes = await send(network, session, "This goes")
        await network.delete(session, goes.remote_id)
        await network.delete(session, goes.remote_id)
        assert [shown.remote_id for shown in await world.shown()] == [stays.remote_id]

    async def test_a_deleting_whose_answer_was_lost_can_be_tried_again(
        self, network: PublishingNetwork, session: Session, world: World, proxy: FaultyProxy
    ) -> None:
        goes = await send(network, session, "This goes")
        proxy.plan(Fault.lost())
        with pytest.raises(Unavailable):
            await network.delete(session, goes.remote_id)
        await network.delete(session, goes.remote_id)
        assert await world.shown() == []


class RefreshContract(Fixtures):
    """For networks whose access ages and is refreshed."""

    async def test_aged_access_is_refreshed_and_kept(
        self, network: PublishingNetwork, session: Session, world: World, saved: Saved
    ) -> None:
        await world.age(session)
        await send(network, session, "Still here")
        assert len(await world.shown()) == 1
        assert len(saved.credentials) == 1
        assert saved.credentials[0] == session.credentials

    async def test_many_calls_at_once_refresh_once(
        self, network: PublishingNetwork, session: Session, world: World, saved: Saved
    ) -> None:
        await world.age(session)
        twin = replace(session, credentials=dict(session.credentials))
        await asyncio.gather(
            *(network.upload(each, world.picture()) for each in (session, twin) * 4)
        )
        assert len(saved.credentials) == 1


class ListenContract(Fixtures):
    """For networks on which mentions and replies are read."""

    async def test_a_mention_and_a_reply_are_heard_with_what_an_answer_needs(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert isinstance(network, Listens)
        ours = await send(network, session, "Opening today")
        await world.say("your bread was stale")
        await world.say("and the queue endless", answering=ours)
        heard = {mention.text: mention for mention in await all_heard(network, session, None)}
        mention = next(found for text, found in heard.items() if "stale" in text)
        reply = next(found for text, found in heard.items() if "endless" in text)
        assert mention.kind is MentionKind.MENTION
        assert reply.kind is MentionKind.REPLY
        for each in (mention, reply):
            assert each.remote_id
            assert each.author
            assert each.url.startswith("http")
            assert each.posted_at.utcoffset() == timedelta()
        answer = await send(network, session, "We are sorry", reply_to=reply.reply_to)
        assert answer.remote_id in [shown.remote_id for shown in await world.shown()]

    async def test_the_cursor_neither_loses_nor_repeats(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert isinstance(network, Listens)
        cursor = (await network.listen(session, None)).cursor
        texts: list[str] = []
        for round_ in range(3):
            for number in range(2):
                await world.say(f"complaint {round_}.{number}")
            heard = await network.listen(session, cursor)
            texts += [mention.text for mention in heard.mentions]
            cursor = heard.cursor
        expected = [f"complaint {round_}.{number}" for round_ in range(3) for number in range(2)]
        assert [sum(one in text for text in texts) for one in expected] == [1] * 6
        assert len(texts) == 6
        assert (await network.listen(session, cursor)).mentions == []

    async def test_a_failed_poll_loses_nothing(
        self, network: PublishingNetwork, session: Session, world: World, proxy: FaultyProxy
    ) -> None:
        assert isinstance(network, Listens)
        cursor = (await network.listen(session, None)).cursor
        await world.say("heard at the second try")
        proxy.plan(Fault.lost())
        with pytest.raises(Unavailable):
            await network.listen(session, cursor)
        (mention,) = (await network.listen(session, cursor)).mentions
        assert "heard at the second try" in mention.text

    async def test_revoked_credentials_are_told_while_listening(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert isinstance(network, Listens)
        await world.revoke(session)
        with pytest.raises(Expired):
            await network.listen(session, None)


class MeasureContract(Fixtures):
    """For networks that give numbers."""

    async def test_numbers_of_the_account_and_its_posts(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert isinstance(network, Measures)
        liked = await send(network, session, "Everybody's favourite")
        other = await send(network, session, "Nobody's favourite")
        await world.like(liked)
        measured = await network.measure(session, [liked.remote_id, other.remote_id])
        assert set(measured.account) == {"followers", "following", "posts"}
        assert measured.posts[liked.remote_id] == {"likes": 1, "reposts": 0, "replies": 0}
        assert measured.posts[other.remote_id] == {"likes": 0, "reposts": 0, "replies": 0}

    async def test_a_deleted_post_is_left_out(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert isinstance(network, Measures)
        stays = await send(network, session, "This stays")
        goes = await send(network, session, "This goes")
        await world.like(stays)  # by then the server counts them both
        await network.delete(session, goes.remote_id)
        await self.forgotten(world, goes)
        measured = await network.measure(session, [stays.remote_id, goes.remote_id])
        assert set(measured.posts) == {stays.remote_id}

    async def forgotten(self, world: World, published: Published) -> None:
        """Returns when the server's counts know of the deletion; at once where they are exact."""

    async def test_no_posts_is_no_problem(
        self, network: PublishingNetwork, session: Session
    ) -> None:
        assert isinstance(network, Measures)
        assert (await network.measure(session, [])).posts == {}
