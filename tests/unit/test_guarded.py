"""Addresses that people gave us are called only where they lead to the public internet."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot import guarded
from bot.errors import Unavailable
from bot.guarded import ForbiddenAddress, GuardedTransport, Resolve
from bot.networks.http import Client, call, make_client
from tests.servers.web import serve

PUBLIC = "93.184.216.34"
OUTSIDE = ("127.0.0.1", "127.0.0.2", "::1")


class Names:
    """A resolver of our own: names to addresses; each answer may be another one."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(several) for name, several in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        several = self.answers.get(host)
        if several is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return several.pop(0) if len(several) > 1 else several[0]


@dataclass
class Outside:
    """A server of the public internet: its address is taken for a public one."""

    port: int
    asked: list[str] = field(default_factory=list)
    redirect: str | None = None

    async def answer(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.url}")
        if self.redirect is not None:
            return Response(status_code=302, headers={"location": self.redirect})
        return Response("hello")


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    async def answer(request: Request) -> Response:
        return await server.answer(request)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    async with serve(app) as address:
        server = Outside(int(address.rpartition(":")[2]))
        yield server


def calling(names: Resolve, *, tls: ssl.SSLContext | None = None, patience_s: float = 30) -> Client:
    """A client of that internet, as the bot makes it."""

    def may_call(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return str(address) in OUTSIDE or guarded.is_public(address)

    transport = GuardedTransport(allow_private=False, resolve=names, may_call=may_call, tls=tls)
    return make_client(transport=transport, patience_s=patience_s)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1"),
        *("240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1"),
    ],
)
def test_addresses_beside_us_are_not_public(address: str) -> None:
    assert not guarded.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert guarded.is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_wrapping_an_ipv4_address_in_ipv6_changes_nothing(inner: ipaddress.IPv4Address) -> None:
    for wrapped in (f"::ffff:{inner}", f"64:ff9b::{inner}"):
        found = guarded.is_public(ipaddress.ip_address(wrapped))
        assert found == guarded.is_public(inner)


@pytest.mark.parametrize(
    "address",
    [
        *("", "acme", "ftp://acme.example/feed", "file:///etc/passwd", "javascript:alert(1)"),
        *("http://", "https:///feed", "http://[", "http://a b/", "http://[fe80::1%25eth0]/"),
        *("http://[::1", "//acme.example/feed", "http://\x00.com/"),
        *("gopher://acme.example", "https://①.example/", "https://acme.example:99999/"),
        *("http://127.1/", "http://2130706433/", "http://0/", "http://127.0.0.1./"),
        "https://xn--i-7iq.ws/",
        "https://acme.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_web_address_is_refused_with_words(address: str) -> None:
    with pytest.raises(ForbiddenAddress) as refused:
        guarded.parse(address)
    assert len(str(refused.value)) < 400


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ForbiddenAddress) as refused:
        guarded.parse("https://ann:s3cret@acme.example/feed")
    assert "s3cret" not in str(refused.value)


@given(st.text())
def test_any_text_is_an_http_address_or_refused(text: str) -> None:
    for address in (text, f"http://{text}", f"https://acme.example/{text}"):
        try:
            url = guarded.parse(address)
        except ForbiddenAddress:
            continue
        assert url.scheme in ("http", "https")
        assert url.host


@pytest.mark.parametrize(
    "address",
    [
        *("http://127.0.0.1/", "http://localhost:8080/", "http://[::1]/"),
        *("http://0x7f000001/", "http://0x7f.1/"),
        *("http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/"),
    ],
)
async def test_this_machine_is_forbidden_however_it_is_written(address: str) -> None:
    with pytest.raises(ForbiddenAddress, match="private network"):
        await guarded.check(address, allow_private=False)
    assert (await guarded.check(address, allow_private=True)).scheme == "http"


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".invalid", "a..b"])
async def test_a_name_that_does_not_exist_is_said_so(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await guarded.check(f"http://{host}/", allow_private=False)


async def test_one_private_address_among_public_ones_is_enough() -> None:
    names = Names(mixed_example=[[PUBLIC, "10.0.0.1"]])
    with pytest.raises(ForbiddenAddress, match=r"10\.0\.0\.1"):
        await guarded.check("https://mixed.example/", allow_private=False, resolve=names)


async def test_the_connection_goes_to_the_address_that_was_checked(outside: Outside) -> None:
    """A name that changes between two look-ups is only looked up once a connection."""
    names = Names(turning_example=[["127.0.0.1"], ["10.0.0.1"]])
    async with calling(names) as client:
        for _ in range(2):
            response = await client.get(f"http://turning.example:{outside.port}/feed?a=b")
    assert names.asked == ["turning.example"]
    assert outside.asked == [f"GET http://turning.example:{outside.port}/feed?a=b"] * 2
    assert str(response.url) == f"http://turning.example:{outside.port}/feed?a=b"


async def test_a_name_inside_a_private_network_is_not_called(outside: Outside) -> None:
    names = Names(inside_example=[["127.0.0.1", "10.0.0.1"]])
    async with calling(names) as client:
        with pytest.raises(ForbiddenAddress, match=r"10\.0\.0\.1"):
            await client.get(f"http://inside.example:{outside.port}/")
    assert outside.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "127.0.0.1.", "0x7f.1"])
async def test_a_host_that_is_an_address_is_checked_too(outside: Outside, host: str) -> None:
    transport = GuardedTransport(allow_private=False)
    async with make_client(transport=transport) as client:
        with pytest.raises(ForbiddenAddress):
            await client.get(f"http://{host}:{outside.port}/")
    assert outside.asked == []


@pytest.mark.parametrize(
    "target",
    ["http://inside.example/", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "file:///"],
)
async def test_each_hop_of_a_redirect_is_checked(outside: Outside, target: str) -> None:
    outside.redirect = target
    names = Names(acme_example=[["127.0.0.1"]], inside_example=[["192.168.0.7"]])
    async with calling(names) as client:
        with pytest.raises(ForbiddenAddress):
            await client.get(f"http://acme.example:{outside.port}/feed", follow_redirects=True)
    assert len(outside.asked) == 1


async def test_the_next_address_is_tried_when_one_takes_no_connection(outside: Outside) -> None:
    names = Names(two_example=[["::1", "127.0.0.1"]], dead_example=[["::1"]])
    async with calling(names) as client:
        answer = await client.post(f"http://two.example:{outside.port}/", content=b"x")
        assert answer.text == "hello"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://dead.example:{outside.port}/")
    assert len(outside.asked) == 1


@pytest.mark.parametrize("names", [Names(), Names(nowhere_example=[[]])])
async def test_an_unknown_name_is_a_connection_that_failed(names: Names) -> None:
    async with calling(names) as client:
        with pytest.raises(httpx.ConnectError, match=r"^no server is called nowhere\.example$"):
            await client.get("https://nowhere.example/feed?token=secret")


async def test_a_name_that_nobody_answers_for_is_a_connection_that_failed() -> None:
    """Whoever could publish with this call must hear that nothing left."""

    async def silent(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    async with calling(silent, patience_s=1) as client:
        with pytest.raises(Unavailable, match=r"can't be reached .*\(no connection in time\)"):
            await call(
                client,
                "POST",
                "https://silent.example/",
                label="Acme",
                now=lambda: datetime.now(UTC),
                effect=True,
            )


async def test_the_next_address_is_tried_when_one_never_shakes_hands(
    tls_server: tuple[int, ssl.SSLContext],
) -> None:
    port, trusted = tls_server

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    try:
        hanging = await asyncio.start_server(silent, "127.0.0.2", port)
    except OSError:
        pytest.skip("this machine has no address 127.0.0.2 (Linux has)")
    names = Names(feeds_example=[["127.0.0.2", "127.0.0.1"]])
    async with hanging, calling(names, tls=trusted, patience_s=3) as client:
        assert (await client.get(f"https://feeds.example:{port}/")).status_code == 200
        await asyncio.sleep(0.05)  # the other connection is closed


async def test_private_addresses_are_called_where_that_is_set(outside: Outside) -> None:
    async with make_client(transport=GuardedTransport(allow_private=True)) as client:
        assert (await client.get(f"http://127.0.0.1:{outside.port}/")).text == "hello"
        assert (await client.get(f"http://localhost:{outside.port}/")).text == "hello"
        with pytest.raises(ForbiddenAddress):
            await client.get("ftp://127.0.0.1/")


async def test_the_certificate_is_checked_for_the_name_not_the_address(
    tls_server: tuple[int, ssl.SSLContext],
) -> None:
    port, trusted = tls_server
    names = Names(feeds_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    async with calling(names, tls=trusted) as client:
        assert (await client.get(f"https://feeds.example:{port}/")).text == f"feeds.example:{port}"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://other.example:{port}/")
