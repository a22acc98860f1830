"""The optional parts of the contract: refreshing, listening, measuring (see ``contract.py``)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.errors import Expired, Unavailable
from bot.networks.base import Listens, Measures, Published, Session
from storage.records import MentionKind
from tests.networks.faulty import Fault, FaultyProxy
from tests.networks.world import (
    Fixtures,
    PublishingNetwork,
    Saved,
    World,
    all_heard,
    send,
)


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
        assert (mention.answers, reply.answers) == (None, ours.remote_id)
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
