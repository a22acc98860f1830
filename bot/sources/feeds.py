"""RSS and Atom: fetching a feed and reading what is in it.

Feeds are written by anybody: too large, half a document, in an encoding they don't name, with
dates of 1970. What can be read is read; what is no feed is told apart and said in words.
Sources: RFC 4287 (Atom), RSS 2.0, RFC 9110 (conditional requests); Google Alerts as seen.
"""

import asyncio
import calendar
import hashlib
import io
import re
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from bot import guarded
from bot.errors import RateLimited, Unavailable, UserError
from bot.networks.http import clean, failure, wait_until
from bot.sources.plain_text import from_html, tidy

LARGEST_FEED = 2_000_000  # bytes, unpacked; a large feed is about 500,000
MOST_MARKUP = 100_000  # tags, or attributes: feedparser took 15 s and 250 MB for 2 MB of them
MOST_REDIRECTS = 5
MOST_ENTRIES = 500
LONGEST_TITLE = 500  # characters
LONGEST_TEXT = 20_000

_LONGEST_ID = 300
_FIRST_FEEDS = datetime(1999, 1, 1, tzinfo=UTC)  # what is dated before is a default, not a date
_ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"
_REDIRECTS = (301, 302, 303, 307, 308)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[[^\]]*\]?)?[^>]*>?", re.IGNORECASE)
_HALVES = re.compile(rb"(?:&#(?:x0{0,4}d[89a-f][\da-f]{2}|0{0,4}5[5-7]\d{3});)+", re.IGNORECASE)
_MARKUP = re.compile(
    r"</?(?:b|p|br|a|i|em|strong|div|span|img)\b[^<]*>|&(?:#\d+|#x[\da-f]+|[a-z]{2,8});",
    re.IGNORECASE,
)
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,300}")


class NotAFeed(UserError):
    """What is at the address is no feed: says what was tried and what came back."""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry, as plain text.

    ``remote_id`` is the feed's own id, else the link, else a hash of what it says. ``author`` is
    the entry's or else the feed's title. ``url`` is absolute, http(s), or empty.
    ``published_at`` is UTC, None if the feed gives no believable date.
    """

    remote_id: str
    title: str
    text: str
    url: str
    author: str
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What a feed holds now, in its own order. ``etag`` and ``modified`` go into the next
    :func:`fetch`; ``url`` is where it was found after redirects."""

    url: str
    title: str
    entries: Sequence[FeedEntry]
    etag: str | None
    modified: str | None


@dataclass(frozen=True, slots=True)
class NotModified:
    """Nothing changed since ``etag`` and ``modified`` were given."""


async def fetch(
    client: httpx.AsyncClient, url: str, *, etag: str | None = None, modified: str | None = None
) -> FeedPage | NotModified:
    """Fetch and read the feed at an address a person gave.

    :param client: made with a ``bot.guarded.GuardedTransport``; its read timeout is the limit
        for the whole of it, redirects included.
    :raises NotAFeed: there is something else, or nothing, at the address.
    :raises bot.guarded.ForbiddenAddress: it, or where it redirects to, isn't public http(s).
    :raises RateLimited: the server asks to wait.
    :raises Unavailable: the server can't be reached, is too slow or has a fault.
    """
    host = clean(guarded.parse(url).host)
    try:
        async with asyncio.timeout(client.timeout.read):
            response, body = await _get(client, url, _conditions(etag, modified))
    except (httpx.HTTPError, TimeoutError) as error:
        raise failure(error, label="The feed", host=host, effect=False) from error
    except httpx.InvalidURL as error:
        raise NotAFeed(f"“{clean(url)}” leads to an address that can't be called.") from error
    if response.status_code == 304:
        return NotModified()
    # Reading a large feed takes up to a second of pure Python: not on the event loop.
    return await asyncio.to_thread(read, response, body)


def _conditions(etag: str | None, modified: str | None) -> dict[str, str]:
    headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"}
    if etag:
        headers["If-None-Match"] = etag
    if modified:
        headers["If-Modified-Since"] = modified
    return headers


async def _get(
    client: httpx.AsyncClient, url: str, headers: dict[str, str]
) -> tuple[httpx.Response, bytes]:
    """The last answer after redirects, with its body unpacked; its status is 200 or 304."""
    request: httpx.Request | None = client.build_request("GET", url, headers=headers)
    for _ in range(MOST_REDIRECTS + 1):
        assert request is not None
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if response.status_code in _REDIRECTS and response.next_request is not None:
                request = response.next_request
                continue
            if response.status_code == 304:
                return response, b""
            body = await _body(response)
        finally:
            await response.aclose()
        _refuse_failures(response, body)
        return response, body
    raise NotAFeed(f"{clean(url)} redirects more than {MOST_REDIRECTS} times.")


async def _body(response: httpx.Response) -> bytes:
    """The body, unpacked here in small steps: httpx would unpack a bomb's chunk as a whole."""
    body = bytearray()
    async for piece in _unpacked(response):
        body += piece
        if len(body) > LARGEST_FEED:
            raise NotAFeed(
                f"What is at {_shown(response)} is larger than {LARGEST_FEED // 1_000_000} MB. "
                "A feed is smaller; nothing was read."
            )
    return bytes(body)


async def _unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise NotAFeed(
            f"{_shown(response)} is packed in a way we didn't ask for ({clean(coding)})."
        )
    unpacker: Any = None
    try:
        async for chunk in response.aiter_raw():
            if unpacker is None:
                unpacker = zlib.decompressobj(_window_bits(coding, chunk))
            while chunk:
                yield unpacker.decompress(chunk, 100_000)
                chunk = unpacker.unconsumed_tail
    except zlib.error as error:
        raise NotAFeed(f"{_shown(response)} is packed, and damaged: it can't be read.") from error


def _window_bits(coding: str, first: bytes) -> int:
    """Tell gzip, zlib and the bare deflate that some servers send under zlib's name apart."""
    if coding == "deflate" and first[:1] != b"\x78":
        return -zlib.MAX_WBITS
    return zlib.MAX_WBITS | 32


def _refuse_failures(response: httpx.Response, body: bytes) -> None:
    status = response.status_code
    host = clean(response.url.host)
    if status == 429:
        until = wait_until(response, datetime.now(UTC))
        raise RateLimited(f"{host} asks us to wait before its feed is read again.", until=until)
    if status in (408, 425) or response.is_server_error:
        raise Unavailable(f"{host} can't give its feed just now: it answered {_status(response)}.")
    if not response.is_success or not body.strip():
        raise _not_a_feed(response, body)


def read(response: httpx.Response, body: bytes) -> FeedPage:
    """What a successful answer says as a feed.

    :raises NotAFeed: nothing, it isn't one.
    """
    if max(body.count(b"<"), body.count(b"=")) > MOST_MARKUP:
        raise NotAFeed(f"{_shown(response)} is nearly all markup: no feed is. Nothing was read.")
    try:
        parsed = _parsed(body, response.headers.get("content-type", ""), str(response.url))
    except Exception as error:  # feedparser reads anything, and raises anything on the worst of it
        raise _not_a_feed(response, body) from error
    if not parsed.get("version") and not parsed.entries:
        raise _not_a_feed(response, body)
    title = _plain(parsed.feed, "title")[:LONGEST_TITLE] or clean(response.url.host)
    entries: dict[str, FeedEntry] = {}
    for parsed_entry in parsed.entries[:MOST_ENTRIES]:
        entry = _entry(parsed_entry, base=str(response.url), feed_title=title)
        entries.setdefault(entry.remote_id, entry)
    return FeedPage(
        url=str(response.url),
        title=title,
        entries=tuple(entries.values()),
        etag=_validator(response, "etag"),
        modified=_validator(response, "last-modified"),
    )


def _parsed(body: bytes, content_type: str, base: str) -> Any:
    """feedparser's reading of the body, with no declaration left that could expand."""
    import feedparser
    from feedparser.encodings import convert_to_utf8

    utf8 = convert_to_utf8({"content-type": content_type}, body, {})
    plain = _HALVES.sub(_whole, _DOCTYPE.sub(b" ", utf8))
    return feedparser.parse(
        io.BytesIO(plain),
        response_headers={
            "content-type": "application/xml; charset=utf-8",
            "content-location": base,
        },
        sanitize_html=False,
        resolve_relative_uris=False,
    )


def _whole(halves: re.Match[bytes]) -> bytes:
    """An emoji that was written as its two UTF-16 halves, as some programs do; XML forbids it,
    and feedparser gives the whole feed up."""
    numbers = halves[0].decode().lower().replace("&#", "").rstrip(";").split(";")
    units = (int(n[1:], 16) if n.startswith("x") else int(n) for n in numbers)
    pairs = "".join(map(chr, units)).encode("utf-16-le", "surrogatepass")
    return pairs.decode("utf-16-le", "ignore").encode()


def _entry(entry: Any, *, base: str, feed_title: str) -> FeedEntry:
    title = _plain(entry, "title")[:LONGEST_TITLE]
    text = (_content(entry) or _plain(entry, "summary"))[:LONGEST_TEXT]
    url = _target(str(entry.get("link") or ""), base)
    return FeedEntry(
        remote_id=_remote_id(entry, url, title, text),
        title=title,
        text=text,
        url=url,
        author=tidy(str(entry.get("author") or ""))[:LONGEST_TITLE] or feed_title,
        published_at=_date(entry),
    )


def _remote_id(entry: Any, url: str, title: str, text: str) -> str:
    own = tidy(str(entry.get("id") or ""))
    if 0 < len(own) <= _LONGEST_ID:
        return own
    if not own and 0 < len(url) <= _LONGEST_ID:
        return url
    said = own or url or f"{title}\n{text}"
    return "sha256:" + hashlib.sha256(said.encode()).hexdigest()


def _plain(holder: Any, name: str) -> str:
    return _as_text(holder.get(name), holder.get(f"{name}_detail"))


def _content(entry: Any) -> str:
    """The fullest of an entry's contents."""
    several = (_as_text(item.get("value"), item) for item in entry.get("content") or ())
    return max(several, key=len, default="")


def _as_text(value: Any, detail: Any) -> str:
    """Plain text of a value; ``detail`` says of what type it is. Where a feed says *plain* and
    means HTML it is only half believed: tags and entities
    are HTML all the same."""
    text = str(value or "")
    kind = str((detail or {}).get("type", ""))
    return from_html(text) if "html" in kind or _MARKUP.search(text) else tidy(text)


def _target(link: str, base: str) -> str:
    """Where a link leads, absolute; empty if not to a web page. Google's wrapping is undone."""
    if not link.strip():
        return ""
    try:
        url = urljoin(base, "".join(tidy(link).split()))
        parts = urlsplit(url)
        if (parts.hostname or "").startswith("www.google.") and parts.path == "/url":
            url = _google_target(parts.query) or url
            parts = urlsplit(url)
    except ValueError:  # an address that can't be taken apart ("http://[")
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname else ""


def _google_target(query: str) -> str:
    """The address inside Google Alerts' links, which may be there without being encoded."""
    whole = re.search(r"(?:^|&)(?:url|q)=(.*?)(?:&ct=ga|$)", query)
    if whole and re.match(r"https?://", whole[1]):
        return whole[1]
    encoded = parse_qs(query).get("url") or parse_qs(query).get("q") or [""]
    return encoded[0]


def _date(entry: Any) -> datetime | None:
    # asked for a name that isn't there, feedparser warns and gives another date
    names = [name for name in ("published_parsed", "updated_parsed") if name in entry]
    several: list[time.struct_time] = [entry[name] for name in names if entry[name]]
    for parsed in several:
        try:
            moment = datetime.fromtimestamp(calendar.timegm(parsed), UTC)
        except (ValueError, OverflowError, OSError):
            continue
        if _FIRST_FEEDS <= moment <= datetime.now(UTC) + timedelta(days=1):
            return moment
    return None


def _validator(response: httpx.Response, name: str) -> str | None:
    """A header to be sent back as it came; what isn't plain ASCII would break the request."""
    value = response.headers.get(name, "")
    return value if _VALIDATOR.fullmatch(value) else None


def _not_a_feed(response: httpx.Response, body: bytes) -> NotAFeed:
    """What was tried and what came back, in words."""
    kind = clean(response.headers.get("content-type", "").partition(";")[0]) or "no content type"
    said = [
        f"{_shown(response)} is not an RSS or Atom feed: it answered {_status(response)}, {kind}"
    ]
    opening = body[:20_000].decode("utf-8", "replace")
    words = clean(from_html(opening) if "<" in opening else opening)[:80].strip()
    said.append(f", beginning “{words}”." if words else ", empty.")
    announced = next(_announced(body, str(response.url)), None)
    if announced:
        said.append(f" The page names this feed: {announced}")
    return NotAFeed("".join(said))


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {clean(response.reason_phrase)}".strip()


def _shown(response: httpx.Response) -> str:
    return clean(str(response.url))


def _announced(body: bytes, base: str) -> Iterator[str]:
    """Feeds that an HTML page names in its head (RSS autodiscovery)."""
    reader = _FeedLinks()
    reader.feed(body[:100_000].decode("utf-8", "replace"))
    yield from filter(None, (clean(_target(link, base)) for link in reader.links))


class _FeedLinks(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        kind = (found.get("type") or "").strip().lower()
        if tag == "link" and kind in ("application/rss+xml", "application/atom+xml"):
            self.links.append(found.get("href") or "")
