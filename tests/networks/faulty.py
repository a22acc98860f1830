"""A forward HTTP proxy on loopback that breaks chosen requests on real sockets.

A client gets to every plain http server through it; a request that a fault was planned for is
dropped, left hanging, cut, reset or answered by the proxy itself.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit

from bot.networks.http import CONNECTIONS
from bot.networks.transport import Transport

HTML = b"<!doctype html><html><body><h1>Bad gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the proxy saw it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a request. ``passed_on``: the server gets it (and acts on it) first."""

    passed_on: bool
    answer: bytes | None  # None: none
    hangs: bool = False

    @classmethod
    def lost(cls) -> "Fault":
        """The server took it, and its answer is lost with the connection."""
        return cls(passed_on=True, answer=None)

    @classmethod
    def reset(cls) -> "Fault":
        """The connection is reset before the server gets anything."""
        return cls(passed_on=False, answer=None)

    @classmethod
    def hanging(cls, *, passed_on: bool) -> "Fault":
        """No answer, and the connection stays open."""
        return cls(passed_on=passed_on, answer=None, hangs=True)

    @classmethod
    def answering(
        cls,
        status: int,
        body: bytes = HTML,
        headers: Mapping[str, str] | None = None,
        *,
        passed_on: bool = False,
    ) -> "Fault":
        """The proxy answers in the server's place."""
        fields = {
            "Content-Type": "text/html",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return cls(passed_on, f"HTTP/1.1 {status} Answer\r\n{head}\r\n".encode() + body)

    @classmethod
    def cut(cls) -> "Fault":
        """The server took it; its answer breaks off in the middle."""
        return cls(True, b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"uri":')


def json_fault(
    status: int, body: object, headers: Mapping[str, str] | None = None, *, passed_on: bool = False
) -> Fault:
    """The proxy answers with JSON in the server's place."""
    fields = {"Content-Type": "application/json", **(headers or {})}
    return Fault.answering(status, json.dumps(body).encode(), fields, passed_on=passed_on)


@dataclass
class FaultyProxy:
    """``async with FaultyProxy() as proxy``; give clients ``proxy.transport()``."""

    seen: list[Seen] = field(default_factory=list)
    _planned: list[tuple[Callable[[Seen], bool], Fault]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _port: int = 0

    async def __aenter__(self) -> "FaultyProxy":
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    def transport(self) -> Transport:
        proxy = f"http://127.0.0.1:{self._port}"
        return Transport(connections=CONNECTIONS, proxy=proxy)

    def plan(self, fault: Fault, *, on: str = "", method: str = "", times: int = 1) -> None:
        """Break the next ``times`` requests whose path contains ``on`` (and have ``method``)."""

        def matches(request: Seen) -> bool:
            return on in request.path and method in ("", request.method)

        self._planned += [(matches, fault)] * times

    def clear(self) -> None:
        """Forget what was planned and seen."""
        self._planned.clear()
        self.seen.clear()

    @contextlib.asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Nothing listens: connections are refused."""
        await self._stop()
        try:
            yield
        finally:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection: read it, break it or pass it on."""
        try:
            request = await _read_request(reader)
            if request is None:
                return
            self.seen.append(request)
            fault = self._fault_for(request)
            answer = b""
            if fault is None or fault.passed_on:
                answer = await _pass_on(request)
            if fault is not None:
                if fault.hangs:
                    await asyncio.Event().wait()
                if fault.answer is None:
                    writer.transport.abort()
                    return
                answer = fault.answer
            writer.write(answer)
            await writer.drain()
        except ConnectionError:
            pass  # the client gave up first, as clients of a hanging server do
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _fault_for(self, request: Seen) -> Fault | None:
        for index, (matches, fault) in enumerate(self._planned):
            if matches(request):
                del self._planned[index]
                return fault
        return None


async def _read_request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None  # closed without asking anything
    first, *lines = head.decode("latin-1").split("\r\n")
    method, url, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, url, headers, body)


async def _pass_on(request: Seen) -> bytes:
    """The server's whole answer, as it came."""
    parts = urlsplit(request.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in ("connection", "proxy-connection", "transfer-encoding")
    }
    headers |= {"connection": "close"}
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"{request.method} {path} HTTP/1.1\r\n{head}\r\n".encode() + request.body)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
