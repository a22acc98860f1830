"""Feeds as they are found in the wild, from a real server."""

import contextlib
import gzip
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RateLimited, Unavailable
from bot.guarded import ForbiddenAddress, GuardedTransport
from bot.networks.http import make_client
from bot.sources import feeds
from bot.sources.feeds import FeedEntry, FeedPage, NotAFeed, NotModified, fetch

Answer = Callable[[BaseHTTPRequestHandler], None]

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Ann's blog</title>
  <entry>
    <id>tag:ann.example,2026:1</id>
    <title type="html">The &lt;b&gt;Acme&lt;/b&gt; kettle &amp;amp; I</title>
    <link rel="alternate" href="/posts/1"/>
    <author><name>Ann</name></author>
    <published>2026-03-04T05:06:07+02:00</published>
    <content type="html">&lt;p&gt;It &lt;em&gt;broke&lt;/em&gt;.&lt;p&gt;Sad.</content>
  </entry>
</feed>"""

GOOGLE_ALERTS = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:idx="urn:atom-extension:indexing">
  <id>tag:google.com,2013:googlealerts/feed:1</id>
  <title>Google Alert - acme</title>
  <entry>
    <id>tag:google.com,2013:googlealerts/feed:22</id>
    <title type="html">Why &lt;b&gt;Acme&lt;/b&gt; lost me</title>
    <link href="https://www.google.com/url?rct=j&amp;sa=t&amp;url=https://news.example/a%3Fb%3Dc?x=1&amp;y=2&amp;ct=ga&amp;cd=CAIyGQ&amp;usg=AOv"></link>
    <published>2026-05-06T07:08:09Z</published>
    <updated>2026-05-06T07:08:09Z</updated>
    <content type="html">I waited &lt;b&gt;days&lt;/b&gt;&amp;nbsp;...</content>
    <author><name></name></author>
  </entry>
</feed>"""


def rss(items: str, head: str = '<?xml version="1.0" encoding="utf-8"?>') -> bytes:
    items = items.replace("<guid>", '<guid isPermaLink="false">')  # else an id is read as a link
    channel = f"<channel><title>News</title><link>https://news.example/</link>{items}</channel>"
    return f'{head}<rss version="2.0">{channel}</rss>'.encode()


class Server:
    """A real HTTP server on this machine: paths to answers; keeps what it was asked."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def give(self, body: bytes, *, status: int = 200, path: str = "/feed", **headers: str) -> str:
        """Answer at ``path`` with this; returns the whole address."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name.replace("_", "-"), value)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

        self.answers[path] = answer
        return self.base + path


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            known.answers[self.path](self)

        def log_message(self, *args: object) -> None: ...

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # the client may hang up in the middle
                super().handle()

    real = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Server(real.server_port)
    thread = threading.Thread(target=real.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield known
    real.shutdown()
    thread.join()
    real.server_close()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(transport=GuardedTransport(allow_private=True)) as made:
        yield made


def page_of(body: bytes, content_type: str = "application/rss+xml") -> FeedPage:
    request = httpx.Request("GET", "https://news.example/feed.xml")
    headers = {"content-type": content_type}
    return feeds.read(httpx.Response(200, headers=headers, request=request), body)


def only(body: bytes, content_type: str = "application/rss+xml") -> FeedEntry:
    [entry] = page_of(body, content_type).entries
    return entry


# What is fetched


async def test_an_atom_feed_is_read_from_a_server(
    server: Server, client: httpx.AsyncClient
) -> None:
    url = server.give(ATOM, Content_Type="application/atom+xml", ETag='"v1"')
    page = await fetch(client, url)
    assert page == FeedPage(
        url=url,
        title="Ann's blog",
        entries=(
            FeedEntry(
                remote_id="tag:ann.example,2026:1",
                title="The Acme kettle & I",
                text="It broke.\n\nSad.",
                url=f"{server.base}/posts/1",
                author="Ann",
                published_at=datetime(2026, 3, 4, 3, 6, 7, tzinfo=UTC),
            ),
        ),
        etag='"v1"',
        modified=None,
    )


async def test_what_did_not_change_is_not_sent_again(
    server: Server, client: httpx.AsyncClient
) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        unchanged = (
            request.headers["If-None-Match"] == '"v1"'
            and request.headers["If-Modified-Since"] == "Mon, 02 Mar 2026 10:00:00 GMT"
        )
        request.send_response(304 if unchanged else 200)
        request.send_header("ETag", '"v1"')
        request.send_header("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT")
        request.end_headers()
        if not unchanged:
            request.wfile.write(ATOM)

    server.answers["/feed"] = answer
    page = await fetch(client, f"{server.base}/feed")
    assert isinstance(page, FeedPage)
    again = await fetch(client, page.url, etag=page.etag, modified=page.modified)
    assert again == NotModified()


async def test_a_validator_that_would_break_a_request_is_not_kept(
    server: Server, client: httpx.AsyncClient
) -> None:
    page = await fetch(client, server.give(ATOM, ETag='"\xe9"', Last_Modified="x" * 400))
    assert isinstance(page, FeedPage)
    assert (page.etag, page.modified) == (None, None)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare deflate", "identity"])
async def test_packed_feeds_are_unpacked(
    server: Server, client: httpx.AsyncClient, coding: str
) -> None:
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = {
        "gzip": gzip.compress(ATOM),
        "deflate": zlib.compress(ATOM),
        "bare deflate": bare.compress(ATOM) + bare.flush(),
        "identity": ATOM,
    }[coding]
    page = await fetch(client, server.give(body, Content_Encoding=coding.split()[-1]))
    assert isinstance(page, FeedPage)
    assert len(page.entries) == 1


async def test_redirects_are_followed_to_where_the_feed_is(
    server: Server, client: httpx.AsyncClient
) -> None:
    server.give(b"", status=301, path="/old", Location="/older")
    server.give(b"", status=302, path="/older", Location=f"{server.base}/new/feed")
    server.give(ATOM, path="/new/feed")
    page = await fetch(client, f"{server.base}/old")
    assert isinstance(page, FeedPage)
    assert page.url == f"{server.base}/new/feed"


# What is refused


async def test_a_loop_of_redirects_ends(server: Server, client: httpx.AsyncClient) -> None:
    url = server.give(b"", status=302, Location="/feed")
    with pytest.raises(NotAFeed, match="redirects more than 5 times"):
        await fetch(client, url)
    assert len(server.asked) == 6


async def test_a_redirect_into_a_private_network_is_not_followed(server: Server) -> None:
    """The first address is let through as public; the one it redirects to is not."""
    inside = server.give(ATOM, path="/inside")
    server.give(b"", status=302, path="/feed", Location=inside)

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    outside = iter([True, False])
    guard = GuardedTransport(allow_private=False, resolve=resolve, may_call=lambda _: next(outside))
    async with make_client(transport=guard) as client:
        with pytest.raises(ForbiddenAddress):
            await fetch(client, f"{server.base.replace('127.0.0.1', 'acme.example')}/feed")
    assert [path for path, _ in server.asked] == ["/feed"]


@pytest.mark.parametrize("url", ["", "acme", "ftp://127.0.0.1/feed", "http://[", "file:///etc"])
async def test_what_is_no_web_address_is_refused(client: httpx.AsyncClient, url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await fetch(client, url)


async def test_a_web_page_is_no_feed_and_its_own_feed_is_named(
    server: Server, client: httpx.AsyncClient
) -> None:
    page = b"""<!doctype html><html><head><title>Ann's blog</title>
    <link rel="alternate" type="application/rss+xml" href="/rss.xml"></head><body>Hi</body>"""
    url = server.give(page, Content_Type="text/html; charset=utf-8")
    with pytest.raises(NotAFeed) as refused:
        await fetch(client, url)
    assert str(refused.value) == (
        f"{url} is not an RSS or Atom feed: it answered 200 OK, text/html, "
        f"beginning “Ann's blog Hi”. The page names this feed: {server.base}/rss.xml"
    )


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"", "empty"),
        (200, b'{"items": []}', 'beginning “{"items": []}”'),
        (404, b"<h1>No such page</h1>", "404 Not Found"),
        (403, b"go away", "403 Forbidden"),
        (204, b"", "204"),
        (200, b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "image/png"),
    ],
)
async def test_what_came_back_instead_is_said(
    server: Server, client: httpx.AsyncClient, status: int, body: bytes, words: str
) -> None:
    url = server.give(body, status=status, Content_Type="image/png")
    with pytest.raises(NotAFeed) as refused:
        await fetch(client, url)
    assert words in str(refused.value)
    assert url in str(refused.value)
    assert len(str(refused.value)) < 400


async def test_a_server_in_trouble_is_unavailable(
    server: Server, client: httpx.AsyncClient
) -> None:
    for status in (500, 502, 503, 408):
        with pytest.raises(Unavailable, match=str(status)):
            await fetch(client, server.give(b"oops", status=status))


async def test_a_server_that_asks_us_to_wait_is_believed(
    server: Server, client: httpx.AsyncClient
) -> None:
    before = datetime.now(UTC)
    with pytest.raises(RateLimited) as limited:
        await fetch(client, server.give(b"", status=429, Retry_After="120"))
    assert 110 < (limited.value.until - before).total_seconds() < 200


async def test_no_server_is_unavailable(server: Server, client: httpx.AsyncClient) -> None:
    with pytest.raises(Unavailable, match="can't be reached"):
        await fetch(client, "http://127.0.0.1:1/feed")


async def test_an_answer_that_breaks_off_is_unavailable(
    server: Server, client: httpx.AsyncClient
) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "5000")
        request.end_headers()
        request.wfile.write(ATOM[:100])
        request.close_connection = True

    server.answers["/feed"] = answer
    with pytest.raises(Unavailable):
        await fetch(client, f"{server.base}/feed")


async def test_an_answer_that_drips_for_ever_runs_out_of_time(server: Server) -> None:
    """Each byte comes soon enough for httpx: only the limit for the whole ends it."""
    stop = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not stop.is_set():
            request.wfile.write(b" ")
            time.sleep(0.02)

    server.answers["/feed"] = answer
    transport = GuardedTransport(allow_private=True)
    async with make_client(transport=transport, patience_s=0.3) as client:
        with pytest.raises(Unavailable, match="didn't answer in time"):
            await fetch(client, f"{server.base}/feed")
    stop.set()


async def test_a_feed_that_is_too_large_is_not_read_to_its_end(
    server: Server, client: httpx.AsyncClient
) -> None:
    sent = 0

    def answer(request: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.send_response(200)
        request.end_headers()
        for _ in range(1_000):
            request.wfile.write(b"<rss>" + b" " * 99_995)
            sent += 100_000

    server.answers["/feed"] = answer
    with pytest.raises(NotAFeed, match="larger than 2 MB"):
        await fetch(client, f"{server.base}/feed")
    assert sent < 50_000_000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_bomb_does_not_unfold(
    server: Server, client: httpx.AsyncClient, coding: str
) -> None:
    packer = zlib.compressobj(9, wbits=31 if coding == "gzip" else zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 250_000
    url = server.give(bomb, Content_Encoding=coding)
    with pytest.raises(NotAFeed, match="larger than 2 MB"):
        await fetch(client, url)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
async def test_packing_that_was_not_asked_for_is_refused(
    server: Server, client: httpx.AsyncClient, coding: str
) -> None:
    with pytest.raises(NotAFeed, match="packed"):
        await fetch(client, server.give(b"x", Content_Encoding=coding))


async def test_damaged_packing_is_refused(server: Server, client: httpx.AsyncClient) -> None:
    with pytest.raises(NotAFeed, match="damaged"):
        await fetch(client, server.give(b"\x1f\x8bnot really", Content_Encoding="gzip"))


# What is read


def test_google_alerts_links_are_unwrapped_and_markup_is_text() -> None:
    entry = only(GOOGLE_ALERTS, "application/atom+xml")
    assert entry.url == "https://news.example/a%3Fb%3Dc?x=1&y=2"
    assert entry.title == "Why Acme lost me"
    assert entry.text == "I waited days ..."
    assert entry.remote_id == "tag:google.com,2013:googlealerts/feed:22"
    assert entry.author == "Google Alert - acme"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://www.google.de/url?url=https%3A%2F%2Fa.example%2Fb%3Fc%3Dd&amp;ct=ga",
         "https://a.example/b?c=d"),
        ("https://www.google.com/url?q=https://a.example/b&amp;sa=t", "https://a.example/b&sa=t"),
        ("https://www.google.com/url?url=javascript:alert(1)&amp;ct=ga", ""),
        ("https://www.google.com/search?q=acme", "https://www.google.com/search?q=acme"),
        ("/posts/1", "https://news.example/posts/1"),
        ("posts/1", "https://news.example/posts/1"),
        (" https://a.example/b\n", "https://a.example/b"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("http://[", ""),
        ("https://www.google.com/url?url=http://[&amp;ct=ga", ""),
        ("mailto:a@b.example", ""),
    ],
)  # fmt: skip
def test_links_lead_to_web_pages_or_nowhere(link: str, url: str) -> None:
    assert only(rss(f"<item><guid>1</guid><title>t</title><link>{link}</link></item>")).url == url


def test_an_entry_without_an_id_goes_by_its_link_then_by_what_it_says() -> None:
    [linked, said, other, again] = page_of(
        rss(
            "<item><title>a</title><link>https://news.example/a</link></item>"
            "<item><title>b</title><description>text</description></item>"
            "<item><title>b</title><description>other text</description></item>"
            f"<item><title>c</title><guid>{'x' * 5_000}</guid></item>"
        )
    ).entries
    assert linked.remote_id == "https://news.example/a"
    assert said.remote_id.startswith("sha256:")
    assert other.remote_id != said.remote_id
    assert len(again.remote_id) < 100


def test_the_same_entry_twice_is_one_the_first() -> None:
    items = "".join(
        f"<item><guid>{guid}</guid><title>{title}</title></item>"
        for guid, title in [("1", "first"), ("2", "second"), ("1", "again")]
    )
    assert [entry.title for entry in page_of(rss(items)).entries] == ["first", "second"]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Wed, 04 Mar 2026 05:06:07 +0200", datetime(2026, 3, 4, 3, 6, 7, tzinfo=UTC)),
        ("Wed, 04 Mar 2026 05:06:07 EST", datetime(2026, 3, 4, 10, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07Z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Wed, 04 Mar 9026 05:06:07 GMT", None),
        ("0000-00-00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_utc_or_none(date: str, expected: datetime | None) -> None:
    item = f"<item><guid>1</guid><title>t</title><pubDate>{date}</pubDate></item>"
    assert only(rss(item)).published_at == expected


def test_broken_xml_is_read_as_far_as_it_goes() -> None:
    broken = rss("<item><guid>1</guid><title>A & B &nbsp; <b>bold</title></item><item><guid>2")
    assert [entry.remote_id for entry in page_of(broken).entries][:1] == ["1"]
    assert page_of(broken).entries[0].title.startswith("A & B")


@pytest.mark.parametrize(
    ("declared", "actual", "content_type"),
    [
        ("utf-8", "utf-8", "text/xml"),
        ("iso-8859-1", "iso-8859-1", "application/xml"),
        ("utf-8", "cp1252", "application/rss+xml"),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-15"),
        ("nonsense", "utf-8", "application/rss+xml; charset=nonsense"),
        ("utf-16", "utf-16", "application/xml"),
    ],
)
def test_wrong_encodings_still_give_entries(declared: str, actual: str, content_type: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>'
        + rss("<item><guid>1</guid><title>Bad café</title></item>", head="").decode()
    )
    entry = only(text.encode(actual), content_type)
    assert entry.title.startswith("Bad caf")
    if declared == actual and "charset" not in content_type:
        assert entry.title == "Bad café"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7", "cp037"])
def test_entities_a_feed_declares_are_not_expanded(encoding: str) -> None:
    """Neither files nor a billion laughs, whatever encoding hides the declaration."""
    head = (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        '<!DOCTYPE rss [<!ENTITY file SYSTEM "file:///etc/passwd">'
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>'
    )
    feed = rss("<item><guid>1</guid><title>x &file; &c; y</title></item>", head=head)
    entry = only(feed.decode().encode(encoding), "application/xml")
    assert entry.title == "x &file; &c; y"


def test_control_characters_do_not_survive_and_scripts_are_no_text() -> None:
    said = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;p&gt;a\x07b&lt;/p&gt;"
    entry = only(rss(f"<item><guid>1\x00</guid><description>{said}</description></item>"))
    assert entry.text == "ab"
    assert entry.remote_id == "1"


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("bad &#55357;&#56865;!", "bad 😡!"),
        ("bad &#xD83D;&#xde21;!", "bad 😡!"),
        ("half &#xD83D;!", "half !"),
        ("&#55000;", "\ud6d8"),
    ],
)
def test_emoji_written_in_halves_are_put_together(written: str, title: str) -> None:
    assert only(rss(f"<item><guid>1</guid><title>{written}</title></item>")).title == title


@pytest.mark.parametrize("title", ["AT&amp;T", "AT&amp;amp;T", "<![CDATA[AT&amp;T]]>"])
def test_titles_escaped_twice_are_read_once(title: str) -> None:
    assert only(rss(f"<item><guid>1</guid><title>{title}</title></item>")).title == "AT&T"


def test_an_id_that_is_no_link_stays_as_it_is() -> None:
    item = '<item><guid isPermaLink="false">17</guid><title>t</title></item>'
    assert (only(rss(item)).remote_id, only(rss(item)).url) == ("17", "")


def test_plain_titles_keep_their_signs() -> None:
    atom = ATOM.replace(
        b'type="html">The &lt;b&gt;Acme&lt;/b&gt; kettle &amp;amp; I', b">1 &lt; 2 &amp; 3"
    )
    assert only(atom, "application/atom+xml").title == "1 < 2 & 3"


def test_a_huge_feed_is_cut_to_its_first_entries() -> None:
    items = "".join(f"<item><guid>{n}</guid></item>" for n in range(feeds.MOST_ENTRIES + 5))
    long = f"<item><guid>long</guid><description>{'word ' * 20_000}</description></item>"
    page = page_of(rss(long + items))
    assert len(page.entries) == feeds.MOST_ENTRIES
    assert len(page.entries[0].text) == feeds.LONGEST_TEXT


def test_an_empty_feed_is_a_feed() -> None:
    assert page_of(rss("")).entries == ()


@pytest.mark.parametrize("body", [b"<a>" * 200_000, b"<rss " + b"a='1' " * 200_000])
def test_a_feed_of_nothing_but_markup_is_not_read(body: bytes) -> None:
    with pytest.raises(NotAFeed, match="nearly all markup"):
        page_of(body)


PIECES = st.sampled_from(
    [
        *(b"<rss version='2.0'>", b"<channel>", b"<item>", b"</item>", b"<title>", b"</title>"),
        *(b"<feed xmlns='http://www.w3.org/2005/Atom'>", b"<entry>", b"<id>", b"<link href='"),
        *(b"'/>", b"<guid>", b"http://[", b"<![CDATA[", b"]]>", b"<!--", b"&", b"&lt;", b"&#0;"),
        *(b"&#xD800;", b"\x00", b"\xff\xfe", b"x", b"<pubDate>2026", b"-13-45", b"</pubDate>"),
        *(b"<?xml version='1.0' encoding='utf-7'?>", b"<content type='xhtml'>", b"<!DOCTYPE x ["),
        *(b"<content type='base64'>", b"<!ENTITY a 'b'>", b"<author><name>", b"<geo:lat>1"),
    ]
)


@given(st.one_of(st.binary(), st.lists(PIECES, max_size=30).map(b"".join)), st.text(max_size=30))
def test_any_bytes_are_a_feed_or_not_one(body: bytes, content_type: str) -> None:
    try:
        page = page_of(body, content_type.encode("ascii", "ignore").decode())
    except NotAFeed:
        return
    for entry in page.entries:
        (entry.remote_id + entry.title + entry.text + entry.author).encode()
        assert entry.remote_id
        assert entry.url == "" or entry.url.startswith(("http://", "https://"))
