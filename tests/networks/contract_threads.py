"""The contract of networks with threads (see ``contract.py``)."""

from datetime import timedelta

import pytest

from bot.errors import Uncertain
from bot.networks.base import Listens, Session
from tests.networks.faulty import Fault, FaultyProxy
from tests.networks.world import (
    Clock,
    Fixtures,
    PublishingNetwork,
    Shown,
    World,
    all_heard,
    prepare,
    resolve,
    send,
    send_thread,
)


async def shown_by_text(world: World) -> dict[str, Shown]:
    return {shown.text: shown for shown in await world.shown()}


class ThreadContract(Fixtures):
    """For networks that declare ``threads``."""

    async def test_a_thread_hangs_together_with_its_pictures_at_its_head(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert network.threads
        texts = ["We opened a bakery", "It was closed", "So we baked at home"]
        out = await send_thread(network, session, texts, pictures=(world.picture(),))
        shown = {post.remote_id: post for post in await world.shown()}
        assert [shown[post.remote_id].text for post in out] == texts
        assert [shown[post.remote_id].answers for post in out] == [
            None,
            out[0].remote_id,
            out[1].remote_id,
        ]
        assert [len(shown[post.remote_id].alts) for post in out] == [1, 0, 0]

    async def test_a_post_that_is_found_tells_what_the_next_one_needs_as_publishing_it_did(
        self, network: PublishingNetwork, session: Session, clock: Clock
    ) -> None:
        first = await send(network, session, "One of two")
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "Two of two", reply_to=first.reply_to)
        second = await network.publish(session, key, prepared)
        assert second.reply_to
        assert await network.find(session, key, prepared, since) == second

    async def test_a_lost_answer_in_the_middle_breaks_no_thread(
        self,
        network: PublishingNetwork,
        session: Session,
        world: World,
        proxy: FaultyProxy,
        clock: Clock,
    ) -> None:
        first = await send(network, session, "One")
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "Two", reply_to=first.reply_to)
        proxy.plan(Fault.lost(), on=world.publishes_at, method="POST")
        with pytest.raises(Uncertain):
            await network.publish(session, key, prepared)
        second = await resolve(network, session, key, prepared, since)
        await send(network, session, "Three", reply_to=second.reply_to)
        assert len(await world.shown()) == 3
        shown = await shown_by_text(world)
        assert shown["Two"].answers == first.remote_id
        assert shown["Three"].answers == shown["Two"].remote_id

    async def test_two_posts_of_one_thread_with_the_same_words_are_told_apart(
        self, network: PublishingNetwork, session: Session, world: World, clock: Clock
    ) -> None:
        first = await send(network, session, "Knock")
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "Knock", reply_to=first.reply_to)
        assert await network.find(session, key, prepared, since) is None
        second = await network.publish(session, key, prepared)
        third = await send(network, session, "Knock", reply_to=second.reply_to)
        assert len({post.remote_id for post in (first, second, third)}) == 3
        assert await network.find(session, key, prepared, since) == second

    async def test_yesterdays_thread_with_the_same_words_is_another_one(
        self, network: PublishingNetwork, session: Session, clock: Clock
    ) -> None:
        await send_thread(network, session, ["Menu of the day", "Soup"])
        clock.move(timedelta(days=1))
        first = await send(network, session, "Menu of the day")
        key, since = network.new_key(clock()), clock()
        prepared = await prepare(network, session, "Soup", reply_to=first.reply_to)
        assert await network.find(session, key, prepared, since) is None

    async def test_a_thread_is_deleted_from_its_end(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        out = await send_thread(network, session, ["One", "Two", "Three"])
        for post in reversed(out):
            await network.delete(session, post.remote_id)
        assert await world.shown() == []


class ThreadAnswerContract(Fixtures):
    """For networks with threads on which mentions are heard."""

    async def test_a_thread_that_answers_hangs_under_what_it_answers(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert isinstance(network, Listens)
        await world.say("your bread was stale")
        (mention,) = await all_heard(network, session, None)
        out = await send_thread(
            network, session, ["We are sorry", "Here is what happened"], reply_to=mention.reply_to
        )
        shown = {post.remote_id: post for post in await world.shown()}
        assert [shown[post.remote_id].answers for post in out] == [
            mention.remote_id,
            out[0].remote_id,
        ]
        assert shown[out[1].remote_id].text == "Here is what happened"

    async def test_a_thread_of_ours_is_no_news_to_us(
        self, network: PublishingNetwork, session: Session, world: World
    ) -> None:
        assert isinstance(network, Listens)
        cursor = (await network.listen(session, None)).cursor
        await send_thread(network, session, ["One", "Two"])
        await world.say("said after it")
        heard = [mention.text for mention in await all_heard(network, session, cursor)]
        assert len(heard) == 1
        assert "said after it" in heard[0]
