"""What a failed request is said to have done, and that nothing is sent twice: on real sockets."""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
import pytest
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.networks.transport import Transport, meaning

BEFORE = {httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol}
"""With these, nothing left."""

NOTHING_LEFT = {
    "ConnectionTimeoutError",
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "ClientProxyConnectionError",
    "UnixClientConnectorError",
    "ClientSSLError",
    "ClientConnectorSSLError",
    "ClientConnectorCertificateError",
    "InvalidURL",
    "InvalidUrlClientError",
    "NonHttpUrlClientError",
    "InvalidUrlRedirectClientError",
    "NonHttpUrlRedirectClientError",
}


def kinds(of: type[Exception]) -> Iterator[type[Exception]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def test_only_what_comes_before_a_connection_says_that_nothing_left() -> None:
    every = {kind for kind in kinds(aiohttp.ClientError) if kind.__module__.startswith("aiohttp")}
    assert {kind.__name__ for kind in every} >= NOTHING_LEFT
    said = {kind.__name__ for kind in every if meaning(kind.__new__(kind)) in BEFORE}
    assert said == NOTHING_LEFT


@dataclass
class Server:
    """What it was asked."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Answer = Callable[[Server, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[Server]:
    server = Server()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                server.heads.append(head)
                server.bodies.append(await reader.readexactly(int(length[1]) if length else 0))
                server.asked.set()
                await answer(server, writer)

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(accept(reader, writer))
            tasks.append(serving)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    tasks: list[asyncio.Task[None]] = []
    listening = await asyncio.start_server(end, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0.05)  # the connections are closed


def client(connections: int = 2, *, read: float = 5, pool: float = 5) -> httpx.AsyncClient:
    transport = Transport(connections=connections)
    timeout = httpx.Timeout(5, read=read, pool=pool)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(transport=transport, timeout=timeout, cookies=no_cookies)


async def well(_: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nok")


async def never(_: Server, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
async def test_a_kept_connection_that_ends_with_the_next_request_sends_nothing_twice(
    method: str,
) -> None:
    async def once(server: Server, writer: asyncio.StreamWriter) -> None:
        if len(server.heads) == 1:
            await well(server, writer)
        else:
            writer.transport.abort()

    async with served(once) as server, client() as http:
        assert (await http.get(server.address)).text == "ok"
        with pytest.raises(httpx.TransportError) as failed:
            await http.request(method, server.address, content=b"body")
        assert failed.type not in BEFORE
        assert len(server.heads) == 2


async def test_a_kept_connection_that_ended_before_is_not_used() -> None:
    async def last(server: Server, writer: asyncio.StreamWriter) -> None:
        await well(server, writer)
        await writer.drain()
        writer.close()

    async with served(last) as server, client() as http:
        for _ in range(3):
            assert (await http.post(server.address)).text == "ok"
            await asyncio.sleep(0.05)
        assert len(server.heads) == 3


@pytest.mark.parametrize(
    "stale",
    [
        b"HTTP/1.1 200 Fine\r\nContent-Length: 5\r\n\r\nstale",
        b"HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 408 Request Time-out\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 408 Request Time-out\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 408 Request Time-out\r\n\r\nyou were idle",
    ],
)
async def test_what_a_server_says_unasked_is_no_answer(stale: bytes) -> None:
    async def more(server: Server, writer: asyncio.StreamWriter) -> None:
        await well(server, writer)
        if len(server.heads) == 1:
            await asyncio.sleep(0.05)
            writer.write(stale)

    async with served(more) as server, client() as http:
        assert (await http.post(server.address, content=b"one")).text == "ok"
        await asyncio.sleep(0.1)
        assert (await http.post(server.address, content=b"two")).text == "ok"
        assert server.bodies == [b"one", b"two"]


def test_a_server_that_speaks_first_gets_one_connection() -> None:
    """On uvloop, as the bot runs: its words are there before the request."""

    async def post() -> int:
        connections = 0

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            writer.write(b"220 mail.example ESMTP\r\n")
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(greet, "127.0.0.1", 0)
        async with listening, client() as http:
            port = listening.sockets[0].getsockname()[1]
            with pytest.raises(httpx.TransportError) as failed:
                await http.post(f"http://127.0.0.1:{port}/")
            assert failed.type not in BEFORE
            await asyncio.sleep(0.1)  # the connections are closed
        return connections

    assert uvloop.run(post()) == 1


class AllHere(AbstractResolver):
    """Every name is this machine's."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        here = {"hostname": host, "host": "127.0.0.1", "port": port}
        return [ResolveResult(**here, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None: ...


async def test_of_many_servers_few_connections_are_kept() -> None:
    open_now = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nok")
        open_now -= 1
        writer.close()

    listening = await asyncio.start_server(count, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    transport = Transport(connections=3, resolver=AllHere())
    async with listening, httpx.AsyncClient(transport=transport) as http:
        for number in range(10):
            answer = await http.get(f"http://server{number}.example:{port}/")
            assert answer.text == "ok"
        await asyncio.sleep(0.1)
        assert open_now == 3


async def test_an_answer_with_large_and_many_headers_is_one() -> None:
    policy = b"Content-Security-Policy: " + b"x" * 20_000
    many = b"".join(b"X-Number-%d: 1\r\n" % number for number in range(300))

    async def verbose(_: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n%b%b\r\n\r\nok" % (many, policy))

    async with served(verbose) as server, client() as http:
        assert (await http.post(server.address)).text == "ok"


async def test_what_waits_for_a_connection_in_vain_did_not_leave() -> None:
    async with served(never) as server, client(connections=1, pool=0.2) as http:
        first = asyncio.create_task(http.post(server.address))
        await server.asked.wait()
        with pytest.raises(httpx.ConnectTimeout):
            await http.post(server.address)
        first.cancel()
        assert len(server.heads) == 1


async def test_a_connection_is_free_again_once_its_answer_is_dropped() -> None:
    async def endless(_: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 Fine\r\nContent-Length: 100\r\n\r\nbegun")

    async with served(endless) as server, client(connections=1, pool=1) as http:
        for _ in range(3):
            async with http.stream("GET", server.address) as answer:
                assert answer.status_code == 200
        assert len(server.heads) == 3


async def test_silence_is_no_connect_error() -> None:
    async with served(never) as server, client(read=0.2) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(server.address)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 Fine\r\nContent-Length: 90\r\n\r\ncut",
        b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 Fine\r\nContent-Le",
        b"",
    ],
)
async def test_an_answer_that_is_none_is_no_connect_error(answer: bytes) -> None:
    async def say(_: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with served(say) as server, client() as http:
        with pytest.raises(httpx.TransportError) as failed:
            await http.post(server.address)
        assert failed.type not in BEFORE
        assert len(server.heads) == 1


async def test_a_refused_connection_and_an_unknown_name_are_connect_errors() -> None:
    async with served(well) as server:
        closed = server.address
    async with client() as http:
        for address in (closed, "http://nowhere.invalid"):
            with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)):
                await http.post(address)


async def test_a_certificate_that_nobody_vouches_for_is_a_connect_error(
    tls_server: tuple[int, ssl.SSLContext],
) -> None:
    port, trusted = tls_server
    async with client() as http:
        with pytest.raises(httpx.ConnectError, match="self-signed"):
            await http.get(f"https://127.0.0.1:{port}/")
    async with httpx.AsyncClient(transport=Transport(connections=1, tls=trusted)) as http:
        with pytest.raises(httpx.ConnectError, match="not valid for '127"):
            await http.get(f"https://127.0.0.1:{port}/")
        trusted.check_hostname = False
        assert (await http.get(f"https://127.0.0.1:{port}/")).text == f"127.0.0.1:{port}"


async def test_a_header_that_cannot_be_sent_is_not_sent() -> None:
    async with served(well) as server, client() as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.post(server.address, headers={"Authorization": "Bearer a\r\nX-B: c"})
        assert server.heads == []


async def test_a_request_goes_out_as_it_is() -> None:
    large = bytes(range(256)) * 20_000
    async with served(well) as server, client() as http:
        await http.get(server.address + "/a%2Fb/%C3%A9?since=2026-01-01T00%3A00%3A00%2B00%3A00")
        await http.post(server.address, content=large)
        await http.post(server.address, content=b"small", headers={"Idempotency-Key": "k"})
        await http.post(server.address, files={"file": ("a.png", b"picture", "image/png")})
    first, _, third, _ = server.heads
    assert first.startswith(
        b"GET /a%2Fb/%C3%A9?since=2026-01-01T00%3A00%3A00%2B00%3A00 HTTP/1.1\r\n"
    )
    assert b"\r\nidempotency-key: k\r\n" in third
    assert all(b"cookie" not in head for head in server.heads)
    assert b"content-type" not in third.lower()
    assert server.bodies[:3] == [b"", large, b"small"]
    assert b"picture" in server.bodies[3]
