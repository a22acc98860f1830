"""Addresses that people gave us: called only where they lead to the public internet.

A feed's or a server's address comes from a form, and a redirect from whoever answers: neither
may make this process call the machines beside it (a router, a cloud's metadata, a database). A
name is therefore resolved here, every address it has is checked, and a connection is made to the
very addresses that were checked, for each redirect hop too: a name that resolves otherwise a
moment later (DNS rebinding) gains nothing.

    client = make_client(transport=GuardedTransport(allow_private=settings.allow_private))

``allow_private`` is for tests and the playground, whose servers are on this machine.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.errors import UserError
from bot.networks.http import CONNECTIONS, clean
from bot.networks.transport import Transport

LONGEST_ADDRESS = 2_000  # characters

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
        host = url.host
    except (httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: idna's
        raise ForbiddenAddress(f"“{shown}” is not a web address.") from error
    is_named = _HOST.fullmatch(url.raw_host) and not _is_short_for_an_address(host)
    if url.scheme not in ("http", "https") or not is_named:
        raise ForbiddenAddress(
            f"“{shown}” is not a web address: it looks like https://name.org/page."
        )
    if url.port is not None and not 0 < url.port < 65_536:
        raise ForbiddenAddress(f"“{shown}” is not a web address: there is no port {url.port}.")
    if url.userinfo:
        raise ForbiddenAddress(
            f"The address at {host} holds a name or a password. Give it without them."
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


async def check(address: str, *, allow_private: bool, resolve: Resolve = resolve) -> httpx.URL:
    """Tell early, at a form, whether an address can be called at all. Calling it is guarded
    once more by :class:`GuardedTransport`.

    :raises ForbiddenAddress: why not.
    """
    url = parse(address)
    if not allow_private:
        try:
            await _Guard(resolve, is_public).addresses(url.raw_host.decode("ascii"), _port(url))
        except OSError as error:
            raise ForbiddenAddress(f"There is no server called {clean(url.host)}.") from error
    return url


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport that connects to public addresses only.

    A client with a transport of its own also leaves the environment's proxies alone: what a
    proxy resolves couldn't be checked here.

    :param resolve: finds a host's addresses.
    :param may_call: decides about each of them.
    :param tls: trusts other certificates than the system does.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        resolve: Resolve = resolve,
        may_call: Callable[[IPAddress], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = None if allow_private else _Guard(resolve, may_call)
        self._wire = Transport(connections=CONNECTIONS, tls=tls, resolver=self._guard)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """:raises ForbiddenAddress: the host isn't public, or the scheme isn't http(s)."""
        url = parse(str(request.url))
        if self._guard is not None and _is_numeric(url.host):  # which no resolver is asked about
            self._guard.check(url.host, [url.host])
        return await self._wire.handle_async_request(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


class _Guard(AbstractResolver):
    """Finds a host's addresses, if all of them may be called."""

    def __init__(self, resolve: Resolve, may_call: Callable[[IPAddress], bool]) -> None:
        self._resolve = resolve
        self._may_call = may_call

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """:raises ForbiddenAddress: one of its addresses isn't public.
        :raises OSError: there is no such host.
        """
        try:
            found = await self._resolve(host, port)
        except UnicodeError as error:  # Python's idna codec: a label that is empty or too long
            raise ForbiddenAddress(f"“{clean(host)}” is not a host's name.") from error
        if not found:
            raise OSError("no address")
        self.check(host, found)
        return list(dict.fromkeys(found))

    def check(self, host: str, found: Sequence[str]) -> None:
        for text in found:
            if not self._may_call(ipaddress.ip_address(text.partition("%")[0])):
                raise ForbiddenAddress(
                    f"{clean(host)} is an address inside a private network ({text}). "
                    "Only public addresses can be followed."
                )

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self.addresses(host, port)
        ]

    async def close(self) -> None: ...


def _is_short_for_an_address(host: str) -> bool:
    """2130706433 and 127.1 are 127.0.0.1 to a system, and to nobody else."""
    return host.replace(".", "").isdigit() and not _is_numeric(host)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
