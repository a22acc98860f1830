import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import (
    Expired,
    NetworkError,
    RateLimited,
    Rejected,
    Unavailable,
    Uncertain,
    UserError,
)
from bot.networks.http import (
    DEFAULT_WAIT,
    LARGEST_ANSWER,
    LONGEST_WAIT,
    Garbled,
    call,
    clean,
    make_client,
    outcome,
    server_address,
    wait_until,
)
from tests.networks.faulty import Fault, FaultyProxy

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
URL = "https://net.example/api"

# What raising each of httpx's exceptions becomes: (without effect, with effect).
BOTH_UNAVAILABLE = (Unavailable, Unavailable)
BOTH_REJECTED = (Rejected, Rejected)
UNCLEAR = (Unavailable, Uncertain)
EXPECTED: dict[str, tuple[type[NetworkError], type[NetworkError]]] = {
    "ConnectError": BOTH_UNAVAILABLE,
    "ConnectTimeout": BOTH_UNAVAILABLE,
    "PoolTimeout": BOTH_UNAVAILABLE,
    "ProxyError": BOTH_UNAVAILABLE,
    "InvalidURL": BOTH_REJECTED,
    "UnsupportedProtocol": BOTH_REJECTED,
    "HTTPError": UNCLEAR,
    "RequestError": UNCLEAR,
    "TransportError": UNCLEAR,
    "TimeoutException": UNCLEAR,
    "NetworkError": UNCLEAR,
    "ProtocolError": UNCLEAR,
    "ReadTimeout": UNCLEAR,
    "WriteTimeout": UNCLEAR,
    "ReadError": UNCLEAR,
    "WriteError": UNCLEAR,
    "CloseError": UNCLEAR,
    "LocalProtocolError": UNCLEAR,
    "RemoteProtocolError": UNCLEAR,
    "DecodingError": UNCLEAR,
    "TooManyRedirects": UNCLEAR,
}
# These say that httpx is used wrongly (a bug of ours), or come only from what isn't used here:
# raise_for_status, a cookie jar with cookies in it, reading a stream twice.
BUGS = {
    "CookieConflict",
    "HTTPStatusError",
    "RequestNotRead",
    "ResponseNotRead",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
}


def now() -> datetime:
    return NOW


async def answer_of(
    handler: Callable[[httpx.Request], httpx.Response], *, effect: bool = False, **options: object
) -> httpx.Response:
    async with make_client(transport=httpx.MockTransport(handler)) as client:
        return await call(client, "POST", URL, label="Net", now=now, effect=effect, **options)


def outcome_of(status: int, *, effect: bool, content: bytes = b"{}") -> NetworkError | None:
    response = httpx.Response(status, content=content, request=httpx.Request("POST", URL))
    return outcome(response, label="Net", now=NOW, effect=effect)


def exported_exceptions() -> dict[str, type[Exception]]:
    things = {name: getattr(httpx, name) for name in httpx.__all__}
    return {
        name: thing
        for name, thing in things.items()
        if isinstance(thing, type) and issubclass(thing, Exception)
    }


def test_every_exception_of_httpx_has_its_place() -> None:
    assert set(exported_exceptions()) == set(EXPECTED) | BUGS


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_every_way_a_request_fails_becomes_one_of_our_errors(name: str, effect: bool) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise exported_exceptions()[name]("happened")

    with pytest.raises(NetworkError) as caught:
        await answer_of(fail, effect=effect)
    assert type(caught.value) is EXPECTED[name][effect]
    assert caught.value.__cause__ is not None


def expected_for(status: int, effect: bool) -> type[NetworkError] | None:
    if 200 <= status < 300:
        return None
    if status == 429:
        return RateLimited
    if status in (408, 425, 503):
        return Unavailable
    if status == 401:
        return Expired
    if 400 <= status < 500:
        return Rejected
    if effect:
        return Uncertain
    return Unavailable if status >= 500 else Garbled


@pytest.mark.parametrize("effect", [False, True])
def test_every_status_becomes_one_outcome(effect: bool) -> None:
    for status in range(200, 600):
        expected = expected_for(status, effect)
        error = outcome_of(status, effect=effect)
        assert (type(error) if error else None) is expected, status


@pytest.mark.parametrize(
    "content", [b"", b"<html>hi</html>", b'{"a":', b'"text"', b"7", b"\xff\xfe", b"[" * 90_000]
)
def test_a_success_that_is_no_json_is_no_success(content: bytes) -> None:
    assert type(outcome_of(200, effect=True, content=content)) is Uncertain
    assert type(outcome_of(200, effect=False, content=content)) is Garbled


def test_204_needs_no_body() -> None:
    assert outcome_of(204, effect=True, content=b"") is None


@settings(deadline=None)
@given(st.integers(200, 599), st.booleans(), st.binary(max_size=200))
def test_no_answer_whatever_is_a_bug(status: int, effect: bool, content: bytes) -> None:
    outcome_of(status, effect=effect, content=content)


async def test_an_answer_that_is_too_large_is_not_read() -> None:
    def large(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"[" + b" " * LARGEST_ANSWER + b"]")

    with pytest.raises(Uncertain):
        await answer_of(large, effect=True)


async def test_a_compressed_answer_is_read() -> None:
    zipped = httpx.Response(200, json={"a": "b" * 500})

    def compressed(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, headers={"content-encoding": "gzip"}, content=gzip.compress(zipped.content)
        )

    assert (await answer_of(compressed)).json() == {"a": "b" * 500}


async def test_redirects_are_not_followed() -> None:
    seen: list[httpx.Request] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(307, headers={"location": "https://thief.example/"})

    with pytest.raises(Garbled):
        await answer_of(elsewhere, headers={"Authorization": "Bearer token"})
    assert [request.url.host for request in seen] == ["net.example"]


async def test_cookies_are_not_kept() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={}, headers={"set-cookie": "who=me; Path=/"})

    async with make_client(transport=httpx.MockTransport(answer)) as client:
        for _ in range(2):
            await call(client, "GET", URL, label="Net", now=now)
    assert all("cookie" not in request.headers for request in seen)
    assert seen[0].headers["user-agent"].startswith("Socialdesk/")


async def test_an_impossible_address_is_rejected_before_anything_is_sent() -> None:
    async with make_client() as client:
        with pytest.raises(Rejected):
            await call(client, "GET", "https://net.example:port/", label="Net", now=now)


# waiting


def rate_limited(headers: dict[str, str]) -> timedelta:
    request = httpx.Request("POST", URL)
    return wait_until(httpx.Response(429, headers=headers, request=request), NOW) - NOW


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "0.2"}, 1),
        ({"Retry-After": "Mon, 04 May 2026 09:02:00 GMT"}, 120),
        ({"RateLimit-Reset": str(int(NOW.timestamp()) + 45)}, 45),
        ({"RateLimit-Reset": "45"}, 45),
        ({"X-RateLimit-Reset": "2026-05-04T09:05:00.000Z"}, 300),
        ({"X-RateLimit-Reset": "2026-05-04T11:05:00+02:00"}, 300),
        ({"X-RateLimit-Reset": "2026-05-04T09:05:00"}, 300),
        ({"x-rate-limit-reset": str(int(NOW.timestamp()) + 900)}, 900),
        ({"Retry-After": "10", "RateLimit-Reset": "50"}, 10),
        ({"Retry-After": "soon", "RateLimit-Reset": "50"}, 50),
    ],
)
def test_every_dialect_of_waiting_is_read(headers: dict[str, str], seconds: float) -> None:
    assert rate_limited(headers) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", ["", "soon", "nan", "inf", "-5", "0", "Mon, 04 May 2020 09:02:00 GMT", "99:99"]
)
def test_an_unusable_wait_is_a_minute(value: str) -> None:
    assert rate_limited({"Retry-After": value}) == DEFAULT_WAIT


def test_no_wait_is_longer_than_an_hour() -> None:
    assert rate_limited({"Retry-After": "9" * 9}) == LONGEST_WAIT
    assert rate_limited({"X-RateLimit-Reset": "2036-05-04T09:05:00Z"}) == LONGEST_WAIT


def test_the_servers_own_clock_is_what_its_times_are_held_against() -> None:
    ahead = {
        "Date": "Mon, 04 May 2026 10:00:00 GMT",
        "X-RateLimit-Reset": "2026-05-04T10:00:20Z",
    }
    assert rate_limited(ahead) == timedelta(seconds=20)


@settings(deadline=None)
@given(st.text(max_size=40).filter(str.isascii))
def test_any_header_gives_a_sane_wait(value: str) -> None:
    headers = [(b"retry-after", value.encode())]
    response = httpx.Response(429, headers=headers, request=httpx.Request("GET", URL))
    assert timedelta(seconds=1) <= wait_until(response, NOW) - NOW <= LONGEST_WAIT


# reasons


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": "InvalidRequest", "message": "Text is too long"}, "Text is too long"),
        ({"error": "Validation failed: Text can't be blank"}, "Validation failed"),
        ({"error": {"message": "Unknown field", "code": 100}}, "Unknown field"),
        ({"errors": [{"message": "Too many"}]}, "Too many"),
        ({"title": "Forbidden", "detail": "Not yours"}, "Not yours"),
        ({"error": None, "title": "Nope"}, "Nope"),
        ({"no": "words"}, "422"),
        ([], "422"),
    ],
)
def test_the_networks_own_words_are_the_reason(body: object, reason: str) -> None:
    error = outcome_of(422, effect=True, content=json.dumps(body).encode())
    assert isinstance(error, Rejected)
    assert reason in error.reason


def test_a_web_page_is_never_quoted() -> None:
    error = outcome_of(404, effect=True, content=b"<html><h1>Not found</h1></html>")
    assert error is not None
    assert "html" not in error.reason


async def test_secrets_stay_out_of_reasons() -> None:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkaWQ6cGxjOjEifQ.c2lnbmF0dXJl"

    def echo(request: httpx.Request) -> httpx.Response:
        words = f"{request.headers['authorization']} hunter2 {jwt} end"
        return httpx.Response(422, json={"message": words})

    with pytest.raises(Rejected) as caught:
        await answer_of(echo, headers={"Authorization": "Bearer s3cret-token"}, secrets=["hunter2"])
    for secret in ("s3cret-token", "hunter2", "eyJ"):
        assert secret not in str(caught.value)
    assert "end" in str(caught.value)


@settings(deadline=None)
@given(st.text(max_size=2000))
def test_foreign_words_become_one_short_harmless_line(text: str) -> None:
    line = clean(text)
    assert len(line) <= 300
    assert line.isprintable() or all(char.isprintable() or char.isspace() for char in line)
    assert "\n" not in line
    assert "‮" not in line


async def test_a_network_refines_a_refusal_by_its_body() -> None:
    class Special(Rejected):
        pass

    def refine(response: httpx.Response, reason: str) -> NetworkError | None:
        return Special(reason) if response.json().get("error") == "X" else None

    def answer(body: object) -> Callable[[httpx.Request], httpx.Response]:
        return lambda request: httpx.Response(400, json=body)

    with pytest.raises(Special, match="words"):
        await answer_of(answer({"error": "X", "message": "words"}), refine=refine)
    with pytest.raises(Rejected, match="Y"):
        await answer_of(answer({"error": "Y"}), refine=refine)


# servers' addresses


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("mastodon.social", "https://mastodon.social"),
        (" https://Mastodon.Social/@me ", "https://mastodon.social"),
        ("https://pds.example.org:8443/", "https://pds.example.org:8443"),
        ("bücher.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:2583", "http://127.0.0.1:2583"),
        ("http://127.0.0.1:2583/xrpc", "http://127.0.0.1:2583"),
    ],
)
def test_a_servers_address_is_its_origin(typed: str, origin: str) -> None:
    assert server_address(typed, trusted=["http://127.0.0.1:2583/"]) == origin


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "http://mastodon.social",
        "ftp://mastodon.social",
        "https://me:secret@mastodon.social",
        "https://127.0.0.1",
        "https://[::1]:80",
        "https://169.254.169.254/latest",
        "https://10.0.0.1",
        "localhost",
        "printer.local",
        "https://a..b",
        "https://xn--i-7iq.ws",
        "https://" + "a" * 70 + ".example",
        "https://:80",
        "https://net.example:99999",
        "https://exa mple.org",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_must_not_be_called_is_refused_in_words(typed: str) -> None:
    with pytest.raises(UserError):
        server_address(typed, trusted=["http://127.0.0.1:2583"])


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_typed_address_is_taken_or_refused(typed: str) -> None:
    with contextlib.suppress(UserError):
        assert server_address(typed).startswith("https://")


# on real sockets


@pytest.fixture
async def proxy() -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy() as proxy:
        yield proxy


@pytest.mark.parametrize(
    "fault",
    [
        Fault.hanging(passed_on=False),
        Fault.reset(),
        Fault(False, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
        Fault(False, b"SSH-2.0-OpenSSH_9.2\r\n"),
        Fault(False, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip"),
        Fault(False, b"HTTP/1.1 999 \r\n\r\n"),
        Fault(False, b""),
    ],
    ids=["hang", "reset", "cut", "not HTTP", "bad gzip", "odd status", "closed"],
)
async def test_broken_sockets_are_uncertain_only_where_something_may_be_out(
    proxy: FaultyProxy, fault: Fault
) -> None:
    async with make_client(transport=proxy.transport(), patience_s=1) as client:
        for effect, expected in ((True, Uncertain), (False, Unavailable)):
            proxy.plan(fault)
            with pytest.raises(expected):
                await call(
                    client,
                    "POST",
                    "http://127.0.0.1:9/x",
                    label="Net",
                    now=now,
                    effect=effect,
                    json={},
                )


async def test_a_refused_connection_is_unavailable_even_with_effect(proxy: FaultyProxy) -> None:
    async with make_client(transport=proxy.transport()) as client, proxy.down():
        with pytest.raises(Unavailable):
            await call(
                client, "POST", "http://127.0.0.1:9/x", label="Net", now=now, effect=True, json={}
            )


async def test_an_answer_that_drips_is_given_up_in_time() -> None:
    """Each byte comes before the read timeout; the whole answer would take for ever."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, make_client(patience_s=0.5) as client:
        async with asyncio.timeout(20):
            with pytest.raises(Uncertain, match="in time"):
                await call(
                    client, "POST", f"http://127.0.0.1:{port}/", label="Net", now=now, effect=True
                )
