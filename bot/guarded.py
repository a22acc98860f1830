"""Addresses that people gave us: called only where they lead to the public internet.

A feed's or a server's address comes from a form, and a redirect from whoever answers: neither
may make this process call the machines beside it (a router, a cloud's metadata, a database). A
name is therefore resolved here, every address it has is checked, and the connection goes to the
very address that was checked, at every request and each redirect hop: a name that resolves
otherwise a moment later (DNS rebinding) gains nothing.

    client = make_client(transport=GuardedTransport(allow_private=settings.allow_private))

``allow_private`` is for tests and the playground, whose servers are on this machine.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx

from bot.errors import UserError
from bot.networks.http import CONNECTIONS, clean, tls

LONGEST_ADDRESS = 2_000  # characters
MOST_TRIED = 3  # addresses of one host: all of them and its name must fit into one call's time

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host's name and a port -> its IP addresses, best first.

:raises OSError: there is no such name.
"""

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST = re.compile(rb"[\w.-]+|[\da-fA-F:.]+")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address is in the last 32 bits
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, deprecated: the same


class ForbiddenAddress(UserError):
    """An address given by a person (or a redirect) that we don't call. The text says why."""


def parse(address: str) -> httpx.URL:
    """What was typed as an http or https address.

    :raises ForbiddenAddress: it is none, is too long, or holds a password.
    """
    shown = clean(address[:200])
    if len(address) > LONGEST_ADDRESS:
        raise ForbiddenAddress(f"An address may have {LONGEST_ADDRESS:,} characters: “{shown}”.")
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL as error:
        raise ForbiddenAddress(f"“{shown}” is not a web address.") from error
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.raw_host):
        raise ForbiddenAddress(
            f"“{shown}” is not a web address: it looks like https://name.org/page."
        )
    if url.port is not None and not 0 < url.port < 65_536:
        raise ForbiddenAddress(f"“{shown}” is not a web address: there is no port {url.port}.")
    if url.userinfo:
        raise ForbiddenAddress(
            f"The address at {url.host} holds a name or a password. Give it without them."
        )
    return url


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses the system knows for a host, as :data:`Resolve` says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the public internet's, tunnels into IPv4 unwrapped."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64 or address in _COMPATIBLE:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local or address.is_reserved:
            return False
    return address.is_global and not address.is_multicast


async def public_addresses(url: httpx.URL, resolve: Resolve = resolve) -> Sequence[str]:
    """Where a URL's host is, if all of it is public.

    :raises ForbiddenAddress: one of its addresses isn't public.
    :raises OSError: there is no such host.
    """
    try:
        found = await resolve(url.raw_host.decode("ascii"), url.port or _port(url))
    except UnicodeError as error:  # Python's idna codec: a label that is empty or too long
        raise ForbiddenAddress(f"“{clean(url.host)}” is not a host's name.") from error
    for text in found:
        if not is_public(ipaddress.ip_address(text.partition("%")[0])):
            raise ForbiddenAddress(
                f"{clean(url.host)} is an address inside a private network ({text}). "
                "Only public addresses can be followed."
            )
    return list(dict.fromkeys(found))


async def check(address: str, *, allow_private: bool, resolve: Resolve = resolve) -> httpx.URL:
    """Tell early, at a form, whether an address can be called at all. Calling it is guarded
    once more by :class:`GuardedTransport`.

    :raises ForbiddenAddress: why not.
    """
    url = parse(address)
    if not allow_private:
        try:
            await public_addresses(url, resolve)
        except OSError as error:
            raise ForbiddenAddress(f"There is no server called {clean(url.host)}.") from error
    return url


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport that connects to public addresses only.

    A client with a transport of its own also leaves the environment's proxies alone: what a
    proxy resolves couldn't be checked here. Connections aren't kept: they are made to an IP
    address, and two names with the same one must not share a TLS session.

    :param inner: sends what passed; the real network unless a test gives another.
    :param resolve: finds a host's addresses.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        inner: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
        self._inner = inner or httpx.AsyncHTTPTransport(verify=tls(), limits=limits)
        self._allow_private = allow_private
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """:raises ForbiddenAddress: the host isn't public, or the scheme isn't http(s)."""
        parse(str(request.url))
        if self._allow_private:
            return await self._inner.handle_async_request(request)
        limits: Mapping[str, float | None] = request.extensions.get("timeout", {})
        try:
            async with asyncio.timeout(limits.get("connect")):
                addresses = await public_addresses(request.url, self._resolve)
        except TimeoutError as error:  # nothing left this machine: it isn't the call's own limit
            raise httpx.ConnectTimeout(f"{request.url.host} wasn't found in time") from error
        except OSError as error:
            raise httpx.ConnectError(f"no server is called {request.url.host}") from error
        return await self._try_each(request, addresses[:MOST_TRIED])

    async def _try_each(self, request: httpx.Request, addresses: Sequence[str]) -> httpx.Response:
        """The answer of the first address that takes the connection."""
        problem: httpx.TransportError = httpx.ConnectError("the host has no address")
        for address in addresses:
            try:
                return await self._inner.handle_async_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
        raise problem

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to an IP address; the certificate is still checked for the name."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,  # with the Host header, which httpx has set from the name
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")},
    )


def _port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80
