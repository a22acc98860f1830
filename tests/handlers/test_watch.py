"""`/social watch`: adding, what is refused and why, changing in place."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.playground.seed import ALERTS, ANA, DANA
from storage.tables import watches as watches_table
from tests.handlers.stage import Stage, inputs_of, text_of
from tests.servers.web import serve

RSS = """<rss version="2.0"><channel><title>Ann's &lt;!channel&gt; blog</title>
<item><title>Acorn Coffee is awful</title><link>https://blog.example/1</link>
<description>The worst, a terrible grinder, I am angry.</description></item>
<item><title>About birds</title><link>https://blog.example/2</link></item></channel></rss>"""


@contextlib.asynccontextmanager
async def blog() -> AsyncIterator[str]:
    async def feed(_: Request) -> Response:
        return Response(RSS, media_type="application/rss+xml")

    async def page(_: Request) -> Response:
        return PlainTextResponse("Welcome to my page")

    async with serve(Starlette(routes=[Route("/feed", feed), Route("/page", page)])) as address:
        yield address


async def test_words_are_added_with_the_command(stage: Stage) -> None:
    await stage.command(DANA, "/social watch acorn kettle & co")
    await stage.whispered(DANA, "*acorn kettle &amp; co* is noted, but no feed is followed yet")
    await stage.command(DANA, "/social watch Acorn Kettle & Co")
    await stage.whispered(DANA, "is followed already")


async def test_a_feed_is_checked_at_once(stage: Stage) -> None:
    async with blog() as address:
        await stage.command(DANA, f"/social watch {address}/feed")
        told = await stage.whispered(DANA, "1 of 2 entries names your brand")
        assert "<!channel>" not in told.text
        await stage.command(DANA, "/social watch")
        shown = await stage.modal(DANA, "Entries with our words count.")
        await stage.press(DANA, shown, "watch_menu", "Count every entry")
        shown = await stage.modal(DANA, "Every entry counts.")
        await stage.command(DANA, "/social watch grinder")
        await stage.whispered(DANA, "Listening for *grinder* in the feeds that are followed")
        await stage.press(DANA, shown, "watch_menu", "Remove")
        shown = await stage.modal(DANA, "No feed is followed yet.")
        assert "Removed “Ann's" in text_of(shown)


async def test_what_a_feed_says_about_the_brand_becomes_a_card_without_reply(stage: Stage) -> None:
    async with blog() as address:
        await stage.command(DANA, f"/social watch {address}/feed")
        await stage.whispered(DANA, "Following")
        async with stage.services.database.transaction() as tx:  # as if it were new since then
            await tx.connection.execute(watches_table.update().values(cursor={}, polled_at=None))
        await stage.services.listening.poll()
        await stage.services.listening.settled()
        card = await stage.message(ALERTS, "Acorn Coffee is awful")
        assert "Needs an answer" in text_of(card)
        assert "Reply" not in text_of(card)


async def test_a_feed_that_is_no_feed_is_told_and_not_stored(stage: Stage) -> None:
    async with blog() as address:
        await stage.command(DANA, f"/social watch {address}/page")
        await stage.whispered(DANA, "Nothing was stored.")
        await stage.command(DANA, f"/social watch {address}/nothing")
        await stage.whispered(DANA, "404")
    await stage.command(DANA, "/social watch")
    await stage.modal(DANA, "No feed is followed yet.")


async def test_the_form_adds_and_says_what_is_wrong_at_its_field(stage: Stage) -> None:
    await stage.command(DANA, "/social watch")
    form = await stage.modal(DANA, "Your brand: Acorn Coffee, @acorn.")
    refused = await stage.submit(form, watch="Acorn Coffee")
    assert "brand words" in refused.errors["watch"]
    assert (await stage.submit(form, watch="kettle")).ok
    shown = await stage.modal(DANA, "*kettle* is noted")
    assert inputs_of(shown)[0]["element"].get("initial_value", "") == ""


async def test_who_may_not_change_it_sees_it_without_the_field(stage: Stage) -> None:
    await stage.command(ANA, "/social watch")
    assert inputs_of(await stage.modal(ANA, "What we listen for")) == []
    await stage.command(ANA, "/social watch kettle")
    await stage.whispered(ANA, "To answer mentions you need the role")
