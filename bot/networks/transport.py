"""How a network's requests leave: httpx's interface over aiohttp's connections.

aiohttp parses in C and finds a free connection at once: a call takes half of the CPU time that
httpx's own transport takes, whatever the number of connections (measured, docs/benchmarks.md).

What an error says is kept exact, because it decides whether a post may be sent again: only an
error before there was a connection becomes one of httpx's connect errors.
Source of the tree of exceptions: aiohttp's client reference, "Client exceptions".
"""

import contextlib
import io
import os
import ssl
from collections.abc import AsyncIterator, Iterator

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

_KEPT_S = 4.0  # an idle connection: Node's and uvicorn's servers close theirs after 5 s
_LONGEST_HEADER = 65_536  # bytes
_MOST_HEADERS = 1_000
_LARGE = 1_000_000  # bytes: sent in pieces, so that others get their turn


class Transport(httpx.AsyncBaseTransport):
    """Sends requests over at most ``connections`` at once; the others wait for one. No more than
    that many are kept.

    Of a request's timeouts, `pool` is for having a connection, all in all, `connect` for each
    address tried and `read` for each piece of the answer. Nothing is sent a second time.

    :param tls: trusts other certificates than the system does.
    :param resolver: finds the addresses of hosts, not of those that are addresses themselves.
    :param proxy: the address of an HTTP proxy that everything goes through.
    """

    def __init__(
        self,
        *,
        connections: int,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
        proxy: str | None = None,
    ) -> None:
        self._connections = connections
        self._tls = tls
        self._resolver = resolver
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Its answer, to be read and closed.

        :raises httpx.ConnectError, httpx.ConnectTimeout: nothing left.
        :raises httpx.TransportError: it may have.
        """
        if self._session is None:
            self._session = self._new_session()
        with _as_httpx_says_it():
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=_body(await request.aread()),
                allow_redirects=False,
                timeout=_timeout(request.extensions["timeout"]),
            )
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Content(response),
            request=request,
            extensions={"reason_phrase": (response.reason or "").encode("latin-1", "replace")},
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _new_session(self) -> aiohttp.ClientSession:
        connector = _Connector(
            limit=self._connections,
            ssl=self._tls or True,
            resolver=self._resolver,
            keepalive_timeout=_KEPT_S,
        )
        return aiohttp.ClientSession(
            connector=connector,
            middlewares=[_once],
            skip_auto_headers=["Content-Type"],
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # httpx does
            proxy=self._proxy,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )


class _Connector(aiohttp.TCPConnector):
    """Is careful with connections that are kept."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        """None on which something came meanwhile (a 408 before the server closes it, say): aiohttp
        would take that for the next request's answer."""
        kept = await super()._get(key, traces)
        while kept is not None and kept.protocol is not None and kept.protocol.should_close:
            kept.close()
            kept = await super()._get(key, traces)
        return kept

    def _release(
        self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False
    ) -> None:
        """aiohttp's limit is on those in use; each of many servers would leave one open."""
        idle = sum(map(len, self._conns.values()))
        super()._release(key, protocol, should_close=should_close or idle >= self._limit)


class _Content(httpx.AsyncByteStream):
    """A response's body as it comes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_says_it():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        self._response.release()


def _body(content: bytes) -> bytes | io.BytesIO | None:
    return io.BytesIO(content) if len(content) > _LARGE else content or None


def _timeout(wanted: dict[str, float | None]) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        connect=wanted["pool"], sock_connect=wanted["connect"], sock_read=wanted["read"]
    )


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """aiohttp repeats a request of an idempotent method on its own errors, not on these."""
    with _as_httpx_says_it():
        return await send(request)


@contextlib.contextmanager
def _as_httpx_says_it() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, ValueError) as error:
        raise meaning(error)(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    """What happened, without the address, which may hold a secret."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return "no connection in time"
        case aiohttp.ClientConnectorDNSError():
            return f"no server is called {error.host}"
        case aiohttp.ClientConnectorCertificateError():
            return str(error.certificate_error)
        case aiohttp.ClientConnectorSSLError():
            return str(error.os_error)
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            return os.strerror(number) if number else "no connection"
        case _:
            return str(error)


def meaning(error: Exception) -> type[httpx.RequestError]:
    """What httpx would have raised for one of aiohttp's errors."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return httpx.UnsupportedProtocol
        case aiohttp.ServerTimeoutError():
            return httpx.ReadTimeout
        case aiohttp.ClientOSError():
            return httpx.ReadError
        case ValueError():  # a header that can't be sent
            return httpx.LocalProtocolError
        case _:  # broken off, cut short, or no HTTP
            return httpx.RemoteProtocolError
