"""The Mastodon network against servers that behave as Mastodon, GoToSocial, Hollo and Takahe do."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Expired, FieldErrors, RateLimited, Rejected, UserError
from bot.networks.base import Network, Published, Session
from bot.networks.http import Garbled, make_client
from bot.networks.mastodon import Mastodon, _addressed, _same_words
from bot.networks.mastodon_api import instance_in
from bot.sources.plain_text import from_html
from storage.records import MentionKind
from tests.networks.contract import (
    Clock,
    ListenContract,
    MeasureContract,
    NetworkContract,
    PublishingNetwork,
    Saved,
    Shown,
    ThreadAnswerContract,
    ThreadContract,
    World,
    a_picture,
    prepare,
    resolve,
    send,
    send_thread,
)
from tests.networks.faulty import Fault, FaultyProxy, json_fault
from tests.servers.mastodon import (
    DOMAIN,
    GOTOSOCIAL,
    HOLLO,
    MASTODON,
    TAKAHE,
    TOKEN,
    MastodonServer,
    Ways,
    markup,
)
from tests.servers.web import serve


class MastodonWorld(World):
    publishes_at = "/api/v1/statuses"
    logs_in_at = "/api/v1/accounts/verify_credentials"

    def __init__(self, server: MastodonServer) -> None:
        self.server = server

    def network(self, client: httpx.AsyncClient, now: Callable[[], datetime]) -> Mastodon:
        return Mastodon(client, {"MASTODON_URL": self.server.address}, now)

    def fields(self) -> Mapping[str, str]:
        return {"server": self.server.address, "token": TOKEN}

    def wrong_fields(self) -> Mapping[str, str]:
        return {"server": self.server.address, "token": "wrong-token-1234"}

    def elsewhere(
        self, client: httpx.AsyncClient, now: Callable[[], datetime], address: str
    ) -> tuple[Network, Mapping[str, str]]:
        network = Mastodon(client, {"MASTODON_URL": address}, now)
        return network, {"server": address, "token": TOKEN}

    async def shown(self) -> list[Shown]:
        return [
            Shown(
                each.id,
                each.text,
                tuple(medium.description for medium in each.media),
                each.in_reply_to.id if each.in_reply_to else None,
            )
            for each in self.server.ours()
        ]

    async def revoke(self, session: Session) -> None:
        self.server.token = None

    async def say(self, text: str, *, answering: Published | None = None) -> None:
        self.server.say(
            f"@bakery@{DOMAIN} {text}", answering=answering.remote_id if answering else None
        )

    async def like(self, published: Published) -> None:
        self.server.like(published.remote_id)


class Behaviour(
    NetworkContract, ThreadContract, ThreadAnswerContract, ListenContract, MeasureContract
):
    """What holds on every server with this API."""

    ways: ClassVar[Ways]

    @pytest.fixture
    async def world(self, clock: Clock) -> AsyncIterator[MastodonWorld]:
        server = MastodonServer(self.ways, clock)
        async with serve(server.app()) as server.address:
            yield MastodonWorld(server)

    async def test_the_same_words_as_before_are_not_taken_for_this_post(
        self, network: PublishingNetwork, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        await send(network, session, "Every Monday")
        prepared = await prepare(network, session, "Every Monday")
        assert await network.find(session, network.new_key(clock()), prepared, clock()) is None

    async def test_it_is_found_even_if_the_noted_status_is_gone_and_the_clocks_differ(
        self, network: PublishingNetwork, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        first = await send(network, session, "The day before")
        prepared = await prepare(network, session, "Today")
        await network.delete(session, first.remote_id)
        published = await network.publish(session, "key", prepared)
        since = clock() + timedelta(minutes=50)
        assert await network.find(session, "key", prepared, since) == published

    async def test_a_long_gone_status_with_the_same_words_is_not_it(
        self, network: PublishingNetwork, session: Session, clock: Clock
    ) -> None:
        old = await send(network, session, "Every Monday")
        newest = await send(network, session, "On Tuesday")
        clock.move(timedelta(days=7))
        prepared = await prepare(network, session, "Every Monday")
        await network.delete(session, newest.remote_id)
        assert old.remote_id
        assert await network.find(session, "key", prepared, clock()) is None

    @pytest.mark.parametrize(
        "text",
        [
            "Tom & Jerry's <cheese>",
            "Two\n\nparagraphs\nand a line",
            "  trimmed on both sides \n",
            "See https://shop.example/a/very/long/path/that/is/shortened?with=1&more=2 now",
            f"Hello @mia@other.example and @tom@{DOMAIN}, #welcome",
            "#Bread and #butter-milk; half#way, https://shop.example/#top",
            "👨‍👩‍👧‍👦 e\u0301 日本語",
        ],
    )
    async def test_it_is_found_however_the_server_writes_it(
        self, network: PublishingNetwork, session: Session, clock: Clock, text: str
    ) -> None:
        prepared = await prepare(network, session, text)
        published = await network.publish(session, "key", prepared)
        assert await network.find(session, "key", prepared, clock()) == published

    async def test_a_picture_alone_is_out_and_is_found(
        self, network: PublishingNetwork, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        prepared = await prepare(network, session, "", pictures=(a_picture(),))
        published = await network.publish(session, "key", prepared)
        assert await network.find(session, "key", prepared, clock()) == published
        (shown,) = await world.shown()
        assert shown.alts == ("A red square",)

    async def test_the_same_words_with_other_pictures_are_another_post(
        self, network: PublishingNetwork, session: Session, clock: Clock
    ) -> None:
        bare = await prepare(network, session, "Look")
        illustrated = await prepare(network, session, "Look", pictures=(a_picture(),))
        await network.publish(session, "key", bare)
        assert await network.find(session, "other", illustrated, clock()) is None

    async def test_an_answer_names_whom_it_answers(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        world.server.say(f"@bakery@{DOMAIN} stale!")
        (mention,) = (await network.listen(session, None)).mentions
        assert mention.author == "@mia@other.example"
        answer = await send(network, session, "Sorry!", reply_to=mention.reply_to)
        (told,) = world.server.told("mia", "other.example")
        assert told.id == answer.remote_id
        assert told.text == "@mia@other.example Sorry!"
        assert told.in_reply_to is not None
        assert told.in_reply_to.id == mention.remote_id

    @pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
    async def test_an_answer_is_never_more_public_than_what_it_answers(
        self, network: Mastodon, session: Session, world: MastodonWorld, visibility: str
    ) -> None:
        world.server.say(f"@bakery@{DOMAIN} psst", visibility=visibility)
        (mention,) = (await network.listen(session, None)).mentions
        await send(network, session, "Yes?", reply_to=mention.reply_to)
        assert world.server.ours()[-1].visibility == visibility

    async def test_a_lost_answer_is_found_and_not_sent_again(
        self,
        network: Mastodon,
        session: Session,
        world: MastodonWorld,
        proxy: FaultyProxy,
        clock: Clock,
    ) -> None:
        world.server.say(f"@bakery@{DOMAIN} stale!")
        (mention,) = (await network.listen(session, None)).mentions
        prepared = await prepare(network, session, "Sorry!", reply_to=mention.reply_to)
        key, since = network.new_key(clock()), clock()
        proxy.plan(Fault.lost(), on=world.publishes_at, method="POST")
        with pytest.raises(Exception, match="broke the connection off"):
            await network.publish(session, key, prepared)
        clock.move(timedelta(hours=3))  # no server keeps a key that long
        await resolve(network, session, key, prepared, since)
        assert len(world.server.ours()) == 1

    @pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
    async def test_a_thread_stays_as_visible_as_its_head_and_names_nobody_needlessly(
        self, network: Mastodon, session: Session, world: MastodonWorld, visibility: str
    ) -> None:
        world.server.say(f"@bakery@{DOMAIN} psst", visibility=visibility)
        (mention,) = (await network.listen(session, None)).mentions
        await send_thread(network, session, ["One", "Two", "Three"], reply_to=mention.reply_to)
        first, *others = world.server.ours()
        name = "@mia@other.example "
        assert first.text == f"{name}One"
        needed = name if visibility in ("private", "direct") else ""
        assert [each.text for each in others] == [f"{needed}Two", f"{needed}Three"]
        assert {each.visibility for each in world.server.ours()} == {visibility}

    async def test_a_thread_follows_what_the_account_usually_shows_to_whom(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        world.server.ways = replace(world.server.ways, usually="private")
        await send_thread(network, session, ["One", "Two"])
        assert [each.text for each in world.server.ours()] == ["One", "Two"]
        assert {each.visibility for each in world.server.ours()} == {"private"}

    async def test_words_are_plain_and_a_warning_comes_first(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        world.server.say(
            f"@bakery@{DOMAIN} Tom & I\nsaw <b> on https://bakery.example/menu?a=1&b=2",
            spoiler="about bread",
        )
        (mention,) = (await network.listen(session, None)).mentions
        assert mention.text == (
            "about bread\n\n@bakery Tom & I\nsaw <b> on https://bakery.example/menu?a=1&b=2"
        )
        assert mention.kind is MentionKind.MENTION

    async def test_many_mentions_are_all_heard_in_order(
        self, network: Mastodon, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        start = (await network.listen(session, None)).cursor
        for number in range(95):
            clock.move(timedelta(seconds=1))
            await world.say(f"number {number:02}")
        heard = await network.listen(session, start)
        assert [mention.text[-9:] for mention in heard.mentions] == [
            f"number {number:02}" for number in range(95)
        ]
        assert (await network.listen(session, heard.cursor)).mentions == []

    async def test_a_late_notification_is_heard_and_old_ones_are_not(
        self, network: Mastodon, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        await world.say("two days ago")
        clock.move(timedelta(days=2))
        await world.say("first")
        heard = await network.listen(session, None)
        assert [mention.text for mention in heard.mentions] == ["@bakery first"]
        clock.move(timedelta(days=3))
        await world.say("second")
        heard = await network.listen(session, heard.cursor)
        assert [mention.text for mention in heard.mentions] == ["@bakery second"]

    async def test_an_odd_notification_hides_no_other(
        self, network: Mastodon, session: Session, proxy: FaultyProxy, clock: Clock
    ) -> None:
        good = {
            "id": "9",
            "type": "mention",
            "created_at": clock().isoformat(),
            "account": {"acct": "mia"},
            "status": {
                "id": "8",
                "created_at": clock().isoformat(),
                "content": "<p>Hi</p>",
                "uri": "https://other.example/8",
            },
        }
        odd = [7, {}, {**good, "id": "10", "status": None}, {**good, "id": "11", "account": []}]
        odd.append({**good, "id": "12", "created_at": "yesterday"})
        odd.append({**good, "id": "13", "type": "follow"})
        proxy.plan(json_fault(200, [*odd, good]), on="/notifications")
        (mention,) = (await network.listen(session, None)).mentions
        assert (mention.text, mention.author) == ("Hi", f"@mia@{DOMAIN}")

    async def test_a_picture_that_takes_its_time_is_waited_for(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        world.server.slow_media = 2
        await send(network, session, "Look", pictures=(a_picture(),))
        assert len(world.server.ours()) == 1

    async def test_a_large_picture_is_made_to_fit(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        with pytest.raises(Rejected):
            await network.upload(session, replace(a_picture(), data=b"not a picture"))
        await network.upload(session, a_picture("GIF"))
        assert len(world.server.media) == 1

    async def test_an_alt_text_that_is_too_long_is_refused(
        self, network: Mastodon, session: Session
    ) -> None:
        with pytest.raises(Rejected, match="too long"):
            await network.upload(session, a_picture(alt="a" * 1501))

    async def test_a_reset_time_in_iso_8601_is_understood(
        self, network: Mastodon, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        world.server.calls_left = 0
        with pytest.raises(RateLimited) as caught:
            await network.listen(session, None)
        wait = caught.value.until - clock()
        assert timedelta(seconds=60) < wait <= timedelta(seconds=91)

    async def test_a_bad_token_asks_to_reconnect(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        world.server.token = "another"
        with pytest.raises(Expired):
            await network.measure(session, [])

    async def test_a_token_without_its_scopes_is_told_at_connecting(
        self, network: Mastodon, world: MastodonWorld
    ) -> None:
        world.server.scopes = frozenset()
        with pytest.raises(UserError, match="scopes read and write"):
            await network.connect(world.fields())

    async def test_a_token_that_may_not_write_asks_to_reconnect(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        prepared = await prepare(network, session, "Hello")
        world.server.scopes = frozenset({"read"})
        with pytest.raises(Expired, match="scopes read and write"):
            await network.publish(session, "key", prepared)

    async def test_the_handle_names_its_server(
        self, network: Mastodon, world: MastodonWorld
    ) -> None:
        connected = await network.connect(world.fields())
        assert connected.handle == f"@bakery@{DOMAIN}"
        assert connected.server == world.server.address

    async def test_a_disconnected_account_asks_for_a_new_connection(
        self, network: Mastodon, session: Session
    ) -> None:
        with pytest.raises(Expired):
            await network.listen(Session(session.account, {}, Saved()), None)


class TestMastodon(Behaviour):
    ways = MASTODON

    async def test_a_key_is_good_for_an_hour(
        self, network: Mastodon, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        assert network.key_life == timedelta(hours=1)
        prepared = await prepare(network, session, "Once")
        first = await network.publish(session, "key", prepared)
        clock.move(timedelta(minutes=59))
        assert await network.publish(session, "key", prepared) == first
        assert len(world.server.ours()) == 1

    async def test_the_servers_own_limits_hold(
        self, network: Mastodon, world: MastodonWorld
    ) -> None:
        connected = await network.connect(world.fields())
        assert connected.limits == {
            "text": 500,
            "pictures": 4,
            "picture_bytes": 1_000_000,
            "alt": 1_500,
        }

    async def test_links_and_hosts_count_as_mastodon_counts_them(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        link = "https://shop.example.com/" + "a" * 200
        text = f"@mia@other.example {link} " + "b" * (500 - 4 - 1 - 23 - 1)
        assert network.count(text) == 500
        await send(network, session, text)
        with pytest.raises(Rejected):
            await send(network, session, text + "b")

    async def test_polling_goes_on_where_it_was(
        self, network: Mastodon, session: Session, world: MastodonWorld, proxy: FaultyProxy
    ) -> None:
        await world.say("one")
        cursor = (await network.listen(session, None)).cursor
        proxy.clear()
        await network.listen(session, cursor)
        (request,) = proxy.seen
        assert "since_id=" in request.url

    async def test_a_post_too_old_for_the_list_is_asked_for_by_itself(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        first = await send(network, session, "The first of many")
        for number in range(125):
            world.server._add("bakery", f"number {number}", "public", None, [])
        measured = await network.measure(session, [first.remote_id])
        assert measured.posts == {first.remote_id: {"likes": 0, "reposts": 0, "replies": 0}}


class TestGoToSocial(Behaviour):
    """Ignores the key: only looking keeps a post from going out twice."""

    ways = GOTOSOCIAL

    async def test_the_server_itself_would_post_twice(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        prepared = await prepare(network, session, "Twice")
        await network.publish(session, "key", prepared)
        await network.publish(session, "key", prepared)
        assert len(world.server.ours()) == 2


class TestHollo(Behaviour):
    """Takes JSON alone and any length, ignores ``since_id``, has no source."""

    ways = replace(HOLLO, longest=500)
    # the contract's own test holds with a limit; without one see below

    async def test_a_server_that_takes_any_length_is_not_relied_on(
        self, network: Mastodon, session: Session, world: MastodonWorld
    ) -> None:
        world.server.ways = HOLLO
        with pytest.raises(Rejected, match="1 over"):
            await send(network, session, "a" * 501)
        assert world.server.ours() == []


class TestTakahe(Behaviour):
    """Knows the first version of the API only, ignores the key, and has no source."""

    ways = TAKAHE

    async def test_a_link_that_the_server_cuts_is_compared_by_its_address(
        self, network: Mastodon, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        world.server.ways = replace(TAKAHE, cuts_links=True)
        one, other = (f"See https://shop.example/{'a' * 60}/{end}&b=1 #new" for end in "xy")
        await send(network, session, one)
        prepared = await prepare(network, session, other)
        assert await network.find(session, "key", prepared, clock()) is None
        published = await network.publish(session, "key", prepared)
        assert await network.find(session, "key", prepared, clock()) == published

    async def test_accents_may_come_back_composed(
        self, network: Mastodon, session: Session, world: MastodonWorld, clock: Clock
    ) -> None:
        prepared = await prepare(network, session, "cafe\u0301")
        published = await network.publish(session, "key", prepared)
        world.server.ours()[-1].text = "caf\u00e9"
        assert await network.find(session, "key", prepared, clock()) == published


# Connecting


async def test_a_token_of_odd_characters_is_no_token() -> None:
    async with httpx.AsyncClient() as client:
        network = Mastodon(client, {"MASTODON_URL": "https://social.example"}, Clock())
        for token in ("two words", "tökén", "a\nb"):
            with pytest.raises(FieldErrors) as caught:
                await network.connect({"server": "social.example", "token": token})
            assert set(caught.value.fields) == {"token"}
            assert token not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:5432",
        "https://127.0.0.1",
        "https://localhost",
        "https://[::1]",
        "https://169.254.169.254/latest",
        "https://10.0.0.7",
        "http://social.example",
        "ftp://social.example",
        "https://me:secret@social.example",
        "not an address",
    ],
)
async def test_an_address_that_isnt_public_is_never_called(address: str) -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"called {request.url}")

    async with make_client(transport=httpx.MockTransport(never)) as client:
        network = Mastodon(client, {"MASTODON_URL": "https://mastodon.social"}, Clock())
        with pytest.raises(UserError) as caught:
            await network.connect({"server": address, "token": TOKEN})
        assert "secret" not in str(caught.value)


async def test_a_server_that_is_no_mastodon_gets_no_token() -> None:
    seen: list[httpx.Request] = []

    def other(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"hello": "world"})

    async with make_client(transport=httpx.MockTransport(other)) as client:
        network = Mastodon(client, {"MASTODON_URL": "http://127.0.0.1:9"}, Clock())
        with pytest.raises(UserError, match=r"127\.0\.0\.1:9.*doesn't seem"):
            await network.connect({"server": "http://127.0.0.1:9", "token": TOKEN})
    assert [request.url.path for request in seen] == ["/api/v2/instance", "/api/v1/instance"]
    assert not [request for request in seen if "authorization" in request.headers]


# What a server says of itself


def test_an_instance_of_the_first_version() -> None:
    found = instance_in({"uri": "https://a.example", "version": "2.7", "max_toot_chars": 5000})
    assert (found.domain, found.limits) == ("a.example", {"text": 5000})


def test_the_accounts_domain_may_be_another_than_the_servers() -> None:
    data = {"domain": "gts.a.example", "account_domain": "a.example", "version": "0.19"}
    assert instance_in(data).domain == "a.example"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ("version", "uri", "domain", "configuration", "statuses", "max_characters")
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_a_server_says_is_an_instance_or_garbled(data: object) -> None:
    try:
        found = instance_in(data)
    except Garbled:
        return
    assert all(isinstance(value, int) and value > 0 for value in found.limits.values())


# Words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Sorry!", "@mia@other.example Sorry!"),
        ("@mia@other.example Sorry!", "@mia@other.example Sorry!"),
        ("Sorry, @MIA@Other.example.", "Sorry, @MIA@Other.example."),
        ("@mia Sorry!", "@mia@other.example @mia Sorry!"),
        ("@mia@other.example.org hi", "@mia@other.example @mia@other.example.org hi"),
        ("@mia@other.examples hi", "@mia@other.example @mia@other.examples hi"),
        ("x@mia@other.example hi", "@mia@other.example x@mia@other.example hi"),
    ],
)
def test_a_stranger_is_named_once(text: str, told: str) -> None:
    assert _addressed(text, "mia@other.example", DOMAIN) == told


def test_a_neighbour_may_be_named_without_the_host() -> None:
    acct = f"tom@{DOMAIN}"
    assert _addressed("@tom hi", acct, DOMAIN) == "@tom hi"
    assert _addressed(f"@tom@{DOMAIN} hi", acct, DOMAIN) == f"@tom@{DOMAIN} hi"
    assert _addressed("@tommy hi", acct, DOMAIN) == f"@{acct} @tommy hi"


@given(st.text(alphabet=st.characters(exclude_categories=("C",)), max_size=200))
def test_words_are_the_same_after_going_through_html(text: str) -> None:
    assert _same_words(text, from_html(markup(text)))


@given(st.text(max_size=40), st.text(max_size=40))
def test_other_words_are_not_the_same(one: str, other: str) -> None:
    assert _same_words(f"a{one}", f"b{other}") is False
