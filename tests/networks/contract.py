"""What every network must do: subclass ``NetworkContract`` and give it a ``world`` fixture.

A world is a real server with an account of ours on it and a stranger's, reached through a proxy
that breaks chosen requests (``faulty.py``). Optional parts are classes of their own: a network
whose credentials age also subclasses ``RefreshContract``, one with threads ``ThreadContract``,
one that listens ``ListenContract`` (with threads ``ThreadAnswerContract``), one that gives numbers
``MeasureContract``.

    class TestMastodon(NetworkContract, ThreadContract, ListenContract, MeasureContract):
        @pytest.fixture
        async def world(self, mastodon_server): ...
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import httpx
import pytest

from bot.errors import (
    Expired,
    NetworkError,
    RateLimited,
    Rejected,
    Unavailable,
    Uncertain,
    UserError,
)
from bot.networks.base import Limits, Session
from tests.networks.contract_parts import ListenContract, MeasureContract, RefreshContract
from tests.networks.contract_threads import ThreadAnswerContract, ThreadContract
from tests.networks.faulty import Fault, FaultyProxy, json_fault
from tests.networks.world import (
    Clock,
    Fixtures,
    PublishingNetwork,
    Saved,
    Shown,
    World,
    a_picture,
    prepare,
    resolve,
    send,
    send_thread,
    session_of,
)

__all__ = [  # all that a network's tests import
    "Clock",
    "Fixtures",
    "ListenContract",
    "MeasureContract",
    "NetworkContract",
    "PublishingNetwork",
    "RefreshContract",
    "Saved",
    "Shown",
    "ThreadAnswerContract",
    "ThreadContract",
    "World",
    "a_picture",
    "prepare",
    "resolve",
    "send",
    "send_thread",
    "session_of",
]


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

    async def test_an_older_post_with_the_same_words_is_not_taken_for_it(
        self, network: PublishingNetwork, session: Session, clock: Clock
    ) -> None:
        await send(network, session, "Every morning")
        clock.move(timedelta(days=1))
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "Every morning")
        assert await network.find(session, key, prepared, since) is None

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
