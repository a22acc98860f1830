"""Words and feeds: what counts in them, and nothing stored of what is no feed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from bot.errors import AlreadyDone, NotAllowed, NotFound, UserError
from bot.listening import Listening
from bot.watches import MOST_WATCHES, Watches, feed_address, is_search
from storage import watches
from storage.records import Card, Watch
from tests.unit.care import DAN, DANA, PERIOD, Care, care
from tests.unit.world import ANA, EVA, TEAM

FEED = "https://blog.example/feed"
ALERTS = "https://www.google.com/alerts/feeds/123/456"
BAD = "The Acorn Coffee grinder broke after two days. Terrible quality, I am angry."
GOOD = "Acorn Coffee is wonderful"
ELSEWHERE = "The worst, most terrible day: my bike broke."

Answer = Callable[[httpx.Request], httpx.Response]


class Web:
    """A server of feeds. ``asked`` is every request; ``answer`` may be replaced."""

    def __init__(self) -> None:
        self.items: list[tuple[str, str, datetime | None]] = []
        self.asked: list[httpx.Request] = []
        self.answer: Answer = self.feed

    def feed(self, request: httpx.Request) -> httpx.Response:
        tag = f'"{len(self.items)}"'
        if request.headers.get("If-None-Match") == tag:
            return httpx.Response(304)
        body = "".join(
            f"<item><title>{title}</title><link>https://blog.example/{name}</link>"
            + (f"<pubDate>{format_datetime(at)}</pubDate>" if at else "")
            + "</item>"
            for name, title, at in self.items
        )
        rss = f"<rss version='2.0'><channel><title>Ann's blog</title>{body}</channel></rss>"
        headers = {"Content-Type": "application/rss+xml", "ETag": tag}
        return httpx.Response(200, content=rss.encode(), headers=headers)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answer(request)
        # A body that is still to be read, as from a socket.
        stream = httpx.ByteStream(answer.content)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Care]:
    async with care(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[Care]:
    """On SQLite only, for rules that don't depend on the database."""
    async with care(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        yield made


@pytest.fixture
def web() -> Web:
    return Web()


def use(here: Care, web: Web) -> Listening:
    """Listening and watching by this server."""
    listening = here.new_listening(httpx.MockTransport(web.handle))
    here.watches = Watches(
        here.world.database, here.world.accounts, listening._client, here.world.clock
    )
    return listening


async def watch_now(here: Care) -> Watch:
    async with here.world.database.reading() as tx:
        [watch] = await watches.of_workspace(tx, TEAM)
    return watch


def now() -> datetime:
    return datetime.now(UTC)


async def test_entries_with_our_words_are_heard_once_and_judged(here: Care, web: Web) -> None:
    use(here, web)
    web.items = [("1", BAD, now()), ("2", ELSEWHERE, now()), ("3", GOOD, now())]
    added = await here.watches.add(DANA, FEED)
    assert (added.entries, added.matching, added.watch.title) == (3, 2, "Ann's blog")
    for _ in range(2):
        await here.poll()
    heard = {mention.text for mention in await here.all()}
    assert heard == {BAD, GOOD}
    [card] = await here.owed(Card.MENTION)
    mention = await here.mentions.card(TEAM, card.subject_id)
    assert (mention.place, mention.choice) == ("Ann's blog", None)
    assert mention.mention.url == "https://blog.example/1"


async def test_watched_words_count_as_the_brand_does(light: Care, web: Web) -> None:
    use(light, web)
    await light.watches.add(DANA, "my bike")
    web.items = [("1", ELSEWHERE, now())]
    assert (await light.watches.add(DANA, FEED)).matching == 1
    await light.poll()
    assert [mention.text for mention in await light.all()] == [ELSEWHERE]


async def test_in_a_search_every_entry_counts(light: Care, web: Web) -> None:
    use(light, web)
    web.items = [("1", ELSEWHERE, now())]
    assert (await light.watches.add(DANA, ALERTS)).watch.everything
    await light.poll()
    assert len(await light.all()) == 1


async def test_a_feed_can_be_made_a_search_and_back(light: Care, web: Web) -> None:
    use(light, web)
    web.items = [("1", ELSEWHERE, now())]
    watch = (await light.watches.add(DANA, FEED)).watch
    await light.poll()
    assert await light.all() == []
    await light.watches.set_everything(DANA, watch.id, True)
    assert (await watch_now(light)).everything
    await light.poll()
    assert len(await light.all()) == 1, "the choice holds for what the feed holds now as well"
    await light.watches.set_everything(DANA, watch.id, False)
    assert not (await watch_now(light)).everything


async def test_what_is_older_than_a_day_when_a_feed_is_followed_is_no_news(
    light: Care, web: Web
) -> None:
    use(light, web)
    web.items = [("old", BAD, now() - timedelta(days=2)), ("new", BAD, now() - timedelta(hours=3))]
    await light.watches.add(DANA, FEED)
    await light.poll()
    assert [mention.url for mention in await light.all()] == ["https://blog.example/new"]


async def test_without_dates_only_what_comes_later_is_news(light: Care, web: Web) -> None:
    use(light, web)
    web.items = [("old", BAD, None)]
    await light.watches.add(DANA, FEED)
    await light.poll()
    web.items = [("new", BAD, None), ("old", BAD, None)]
    await light.poll()
    await light.poll()
    assert [mention.url for mention in await light.all()] == ["https://blog.example/new"]


async def test_a_feed_is_asked_whether_it_changed(light: Care, web: Web) -> None:
    use(light, web)
    await light.watches.add(DANA, FEED)
    await light.poll()
    await light.poll()
    assert web.asked[-1].headers["If-None-Match"] == '"0"'


async def test_a_feed_is_read_every_fifth_period(light: Care, web: Web) -> None:
    listening = use(light, web)
    await light.watches.add(DANA, FEED)
    for _ in range(11):
        await listening.poll()
        await listening.settled()
        light.time.passes(PERIOD)
    assert len(web.asked) == 1 + 3, "checked at once, then read after 0, 5 and 10 periods"


async def test_two_processes_read_a_feed_once(here: Care, web: Web) -> None:
    one = use(here, web)
    two = here.new_listening(httpx.MockTransport(web.handle))
    await here.watches.add(DANA, FEED)
    await asyncio.gather(one.poll(), two.poll())
    await asyncio.gather(one.settled(), two.settled())
    assert len(web.asked) == 1 + 1


async def test_what_is_no_feed_is_told_and_not_stored(light: Care, web: Web) -> None:
    use(light, web)
    web.answer = lambda _: httpx.Response(200, html="<title>Hello</title><p>Welcome")
    with pytest.raises(UserError, match=r"not an RSS or Atom feed: .* Nothing was stored"):
        await light.watches.add(DANA, FEED)
    web.answer = lambda _: httpx.Response(503)
    with pytest.raises(UserError, match=r"503.* Nothing was stored"):
        await light.watches.add(DANA, FEED)
    with pytest.raises(UserError, match="not a web address"):
        await light.watches.add(DANA, "gopher://blog.example/")
    assert (await light.watches.all(DANA)).watches == []


async def test_a_feed_that_breaks_later_says_so_and_is_tried_again(light: Care, web: Web) -> None:
    use(light, web)
    await light.watches.add(DANA, FEED)
    web.answer = lambda _: httpx.Response(404, text="gone")
    await light.poll()
    assert "404" in str((await watch_now(light)).problem)
    assert any("Ann's blog" in line for line in (await light.mentions.open_ones(DANA)).trouble)
    web.answer = web.feed
    await light.poll()
    assert (await watch_now(light)).problem is None


async def test_a_feed_that_asks_to_wait_is_left_alone_until_then(light: Care, web: Web) -> None:
    listening = use(light, web)
    await light.watches.add(DANA, FEED)
    web.answer = lambda _: httpx.Response(429, headers={"Retry-After": "3600"})
    for minutes in (0, 30, 29):
        light.time.passes(timedelta(minutes=minutes))
        await listening.poll()
        await listening.settled()
    assert len(web.asked) == 2
    light.time.passes(timedelta(minutes=2))
    await listening.poll()
    await listening.settled()
    assert len(web.asked) == 3


async def test_words_are_watched_once_and_never_empty(here: Care) -> None:
    added = await here.watches.add(DANA, "  Acorn   Kettle ")
    assert (added.watch.title, added.watch.value) == ("Acorn Kettle", "acorn kettle")
    with pytest.raises(AlreadyDone, match="Acorn KETTLE"):
        await here.watches.add(DAN, "Acorn KETTLE")
    for given, said in (
        (" ", "Give words"),
        ("?!", "Give words"),
        ("a" * 101, "101 characters"),
        ("acorn coffee", "brand words"),
    ):
        with pytest.raises(UserError, match=said):
            await here.watches.add(DANA, given)
    assert len((await here.watches.all(DANA)).watches) == 1


async def test_there_is_a_most(light: Care) -> None:
    for number in range(MOST_WATCHES):
        await light.watches.add(DANA, f"word {number}")
    with pytest.raises(UserError, match="Remove one first"):
        await light.watches.add(DANA, "one more")


async def test_a_watch_is_removed_once(here: Care) -> None:
    watch = (await here.watches.add(DANA, "kettle")).watch
    await here.watches.remove(DAN, watch.id)
    with pytest.raises(NotFound):
        await here.watches.remove(DANA, watch.id)
    assert (await here.watches.all(DANA)).watches == []


async def test_only_responders_and_admins_change_what_is_listened_for(light: Care) -> None:
    watch = (await light.watches.add(EVA, "kettle")).watch
    for step in (
        light.watches.add(ANA, "pot"),
        light.watches.remove(ANA, watch.id),
        light.watches.set_everything(ANA, watch.id, True),
    ):
        with pytest.raises(NotAllowed):
            await step
    shown = await light.watches.all(ANA)
    assert not shown.may_change
    assert [choice.account.id for choice in shown.accounts] == [light.world.account.id]


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://blog.example/feed", "https://blog.example/feed"),
        ("blog.example/feed", "https://blog.example/feed"),
        ("booking.example", None),
        ("acorn coffee", None),
        ("a/b", None),
    ],
)
def test_an_address_is_told_from_words(given: str, address: str | None) -> None:
    assert feed_address(given) == address


def test_google_alerts_are_searches() -> None:
    assert is_search("https://www.google.de/alerts/feeds/1/2")
    assert not is_search("https://blog.example/alerts/feeds/1/2")
    assert not is_search("https://google.evil.example/alerts/")
