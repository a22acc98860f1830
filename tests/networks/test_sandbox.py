"""The Sandbox network against Sandbox itself, on a real socket."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.errors import Expired, RateLimited, Rejected, Unavailable, Uncertain, UserError
from bot.networks.base import Network, Outgoing, Published, Session, Uploaded
from bot.networks.sandbox import Sandbox
from bot.playground import sandbox as playground
from bot.playground.sandbox_faults import Fault as SandboxFault
from bot.playground.sandbox_faults import FaultKind
from bot.playground.sandbox_seed import BRAND, PEOPLE
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
    send,
    send_thread,
)
from tests.networks.faulty import Fault, FaultyProxy
from tests.servers.web import serve

PASSWORD = next(person.password for person in PEOPLE if person.handle == BRAND)


class SandboxWorld(World):
    """Sandbox as it is seeded; only what a test publishes is counted as shown."""

    publishes_at = "/api/posts"
    logs_in_at = "/api/login"

    def __init__(self, sandbox: playground.Sandbox, address: str) -> None:
        self.sandbox = sandbox
        self.address = address
        self._old = {post.id for post in sandbox.state.posts_of(BRAND)}

    def network(self, client: httpx.AsyncClient, now: Callable[[], datetime]) -> Sandbox:
        return Sandbox(client, {"SANDBOX_URL": self.address}, now)

    def fields(self) -> Mapping[str, str]:
        return {"handle": f"@{BRAND}", "password": PASSWORD}

    def wrong_fields(self) -> Mapping[str, str]:
        return {"handle": BRAND, "password": "not-the-password"}

    def elsewhere(
        self, client: httpx.AsyncClient, now: Callable[[], datetime], address: str
    ) -> tuple[Network, Mapping[str, str]]:
        return Sandbox(client, {"SANDBOX_URL": address}, now), self.fields()

    async def shown(self) -> list[Shown]:
        return [
            Shown(
                str(post.id),
                post.text,
                tuple(picture.alt for picture in post.pictures),
                None if post.reply_to is None else str(post.reply_to),
            )
            for post in reversed(self.sandbox.state.posts_of(BRAND))
            if post.id not in self._old
        ]

    async def revoke(self, session: Session) -> None:
        self.sandbox.state.people.expire_tokens()

    async def say(self, text: str, *, answering: Published | None = None) -> None:
        if answering is None:
            self.sandbox.state.publish("mia", f"@{BRAND} {text}")
        else:
            self.sandbox.state.publish("mia", text, reply_to=int(answering.remote_id))

    async def like(self, published: Published) -> None:
        self.sandbox.state.toggle("mia", int(published.remote_id), "like")


class TestSandbox(
    NetworkContract, ThreadContract, ThreadAnswerContract, ListenContract, MeasureContract
):
    @pytest.fixture
    async def world(self, tmp_path: Path, clock: Clock) -> AsyncIterator[SandboxWorld]:
        sandbox = playground.create_sandbox(tmp_path, clock)
        async with serve(Starlette(routes=[Mount("/sandbox", routes=sandbox.routes)])) as address:
            yield SandboxWorld(sandbox, f"{address}/sandbox")
            sandbox.faults.clear()
        sandbox.close()

    # what is Sandbox's own

    async def test_the_form_names_the_account_that_is_there(
        self, network: PublishingNetwork, world: SandboxWorld
    ) -> None:
        hints = " ".join(field.hint for field in network.connect_fields)
        assert BRAND in hints
        assert PASSWORD in hints

    async def test_a_wrong_password_comes_back_with_sandboxs_own_words(
        self, network: PublishingNetwork, world: SandboxWorld
    ) -> None:
        with pytest.raises(UserError, match=r"@acorn at http://127.*password is wrong"):
            await network.connect(world.wrong_fields())

    async def test_a_posts_address_shows_it(
        self, network: PublishingNetwork, session: Session, world: SandboxWorld
    ) -> None:
        published = await send(network, session, "Look here")
        async with httpx.AsyncClient() as browser:
            page = await browser.get(published.url)
        assert page.status_code == 200
        assert "Look here" in page.text

    async def test_a_reply_hangs_under_what_it_answers(
        self, network: Sandbox, session: Session, world: SandboxWorld
    ) -> None:
        await world.say("cold coffee")
        (mention,) = (await network.listen(session, None)).mentions
        assert mention.author == "@mia"
        answer = await send(network, session, "Sorry!", reply_to=mention.reply_to)
        post = world.sandbox.state.post(int(answer.remote_id))
        assert str(post.reply_to) == mention.remote_id

    async def test_the_page_shows_a_thread_as_one(
        self, network: PublishingNetwork, session: Session, world: SandboxWorld
    ) -> None:
        out = await send_thread(network, session, ["The first", "The second"])
        await world.say("Somebody else", answering=out[0])
        out += await send_thread(network, session, ["The third"], reply_to=out[-1].reply_to)
        async with httpx.AsyncClient() as browser:
            page = (await browser.get(out[1].url)).text
        texts = ("The first", "The second", "The third", "Somebody else")
        places = [page.index(text) for text in texts]
        assert places == sorted(places)
        assert page.count("in a thread") == 2

    async def test_a_first_poll_leaves_out_what_is_older_than_a_day(
        self, network: Sandbox, session: Session, world: SandboxWorld, clock: Clock
    ) -> None:
        await world.say("long ago")
        clock.move(timedelta(days=1, seconds=1))
        assert (await network.listen(session, None)).mentions == []

    async def test_a_first_poll_of_a_new_sandbox_is_empty(
        self, network: Sandbox, session: Session
    ) -> None:
        assert (await network.listen(session, None)).mentions == []

    async def test_more_mentions_than_one_answer_holds_come_with_the_next_polls(
        self, network: Sandbox, session: Session, world: SandboxWorld
    ) -> None:
        for number in range(150):
            await world.say(f"number {number}")
        first = await network.listen(session, None)
        second = await network.listen(session, first.cursor)
        texts = [mention.text for mention in (*first.mentions, *second.mentions)]
        assert texts == [f"@acorn number {number}" for number in range(150)]

    async def test_a_key_works_for_as_long_as_is_declared(
        self, network: Sandbox, session: Session, world: SandboxWorld, clock: Clock
    ) -> None:
        prepared = await network.prepare(session, Outgoing("Once a day", (), None))
        key = network.new_key(clock())
        first = await network.publish(session, key, prepared)
        clock.move(timedelta(hours=23, minutes=59))
        assert await network.publish(session, key, prepared) == first
        clock.move(timedelta(minutes=2))
        assert await network.publish(session, key, prepared) != first

    async def test_alt_text_at_the_limit_is_taken_and_longer_is_refused(
        self, network: Sandbox, session: Session
    ) -> None:
        uploaded = await network.upload(session, a_picture(alt="a" * network.limits.alt))
        assert uploaded["id"]
        with pytest.raises(Exception, match="1,000") as caught:
            await network.upload(session, a_picture(alt="a" * (network.limits.alt + 1)))
        assert type(caught.value).__name__ == "Rejected"

    async def test_every_declared_kind_of_picture_is_taken(
        self, network: Sandbox, session: Session
    ) -> None:
        for mime in network.limits.picture_kinds:
            picture = a_picture(mime.removeprefix("image/").upper())
            uploaded = Uploaded(await network.upload(session, picture), "", 64, 48)
            assert uploaded.result["id"]

    async def test_numbers_grow_while_people_read(
        self, network: Sandbox, session: Session, clock: Clock
    ) -> None:
        published = await send(network, session, "Read me")
        before = await network.measure(session, [published.remote_id])
        clock.move(timedelta(hours=6))
        after = await network.measure(session, [published.remote_id])
        again = await network.measure(session, [published.remote_id])
        assert after.posts[published.remote_id]["likes"] > 0
        assert after.account["followers"] > before.account["followers"]
        assert after == again

    async def test_another_persons_post_is_not_measured(
        self, network: Sandbox, session: Session, world: SandboxWorld
    ) -> None:
        foreign, _ = world.sandbox.state.publish("mia", "Mine")
        assert (await network.measure(session, [str(foreign.id)])).posts == {}

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            (FaultKind.RATE_LIMITED, RateLimited),
            (FaultKind.BROKEN, Uncertain),
            (FaultKind.REFUSED, Rejected),
            (FaultKind.HTML, Uncertain),
            (FaultKind.GARBAGE, Uncertain),
            (FaultKind.DROP, Uncertain),
            (FaultKind.DROP_AFTER_ACCEPT, Uncertain),
        ],
    )
    async def test_each_of_sandboxs_own_faults_ends_in_one_post(
        self,
        network: Sandbox,
        session: Session,
        world: SandboxWorld,
        kind: FaultKind,
        error: type[Exception],
    ) -> None:
        prepared = await network.prepare(session, Outgoing("Once", (), None))
        world.sandbox.faults.add(SandboxFault(kind, "POST", "/api/posts"))
        with pytest.raises(error):
            await network.publish(session, "key", prepared)
        assert len(await world.shown()) == (kind is FaultKind.DROP_AFTER_ACCEPT)
        await network.publish(session, "key", prepared)
        assert len(await world.shown()) == 1

    async def test_a_call_that_hangs_is_given_up(
        self, session: Session, world: SandboxWorld, impatient: httpx.AsyncClient, clock: Clock
    ) -> None:
        hurried = world.network(impatient, clock)
        prepared = await hurried.prepare(session, Outgoing("Hello?", (), None))
        world.sandbox.faults.add(SandboxFault(FaultKind.HANG))
        with pytest.raises(Uncertain):
            await hurried.publish(session, "key", prepared)
        assert await world.shown() == []

    @pytest.mark.parametrize(
        "answer",
        [
            {"notifications": [{"id": "1"}], "cursor": "1"},
            {"notifications": [7], "cursor": "1"},
            {"notifications": None},
            {"cursor": "1"},
            [],
        ],
    )
    async def test_notifications_without_their_fields_are_told_as_such(
        self, network: Sandbox, session: Session, proxy: FaultyProxy, answer: object
    ) -> None:
        body = httpx.Response(200, json=answer).content
        proxy.plan(Fault.answering(200, body, {"Content-Type": "application/json"}))
        with pytest.raises(Unavailable, match="Sandbox"):
            await network.listen(session, None)

    async def test_a_session_without_a_token_asks_for_a_new_connection(
        self, network: Sandbox, session: Session
    ) -> None:
        bare = Session(session.account, {}, Saved())
        with pytest.raises(Expired):
            await network.listen(bare, None)
