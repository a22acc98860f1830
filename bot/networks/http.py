"""HTTP, as every network here uses it: one client each, one mapping of outcomes to our errors.

What came of a call decides what may be done next, so the mapping is careful about one thing above
all: whether a request that can publish (``effect=True``) may have been accepted.

    nothing left this machine (no connection, no free connection)    Unavailable
    it left, and silence, a broken answer, 3xx or 5xx came back      Uncertain if effect, else
                                                                     Unavailable (``Garbled``: not
                                                                     this network's answer)
    408, 425, 503: the server says that it didn't take it            Unavailable
    429                                                              RateLimited
    401                                                              Expired
    any other 4xx, an address that can't be called                   Rejected

A network refines a refusal by its body (``refine``). Sources: RFC 9110 (statuses, Retry-After),
httpx's own tree of exceptions.
"""

import asyncio
import contextlib
import ipaddress
import json
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from bot.errors import (
    Expired,
    NetworkError,
    RateLimited,
    Rejected,
    Unavailable,
    Uncertain,
    UserError,
)
from bot.networks.transport import Transport

USER_AGENT = "Socialdesk/0.1"
PATIENCE_S = 30.0  # for one call from its start to the end of its answer
CONNECTIONS = 40  # to one network
LARGEST_ANSWER = 5_000_000  # bytes: a page of notifications is about 200,000

DEFAULT_WAIT = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)  # asking again once an hour does no harm, a wrong header would
_EPOCH_FROM = 1_000_000_000  # a "reset" above this is a Unix time, below it counts seconds
_RESET_HEADERS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")

_LONGEST_REASON = 300
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?|(?<=bearer )\S+", re.IGNORECASE)

_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NO_ADDRESS = (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
_NOT_TAKEN = (408, 425, 503)

Refine = Callable[[httpx.Response, str], NetworkError | None]
"""Given a refusal (4xx) and its reason in words, the network's better error, or None."""


class Garbled(Unavailable):
    """Something answered, but not as this network does: a web page, broken JSON, other fields."""


class Client(httpx.AsyncClient):
    """An httpx client that can also send a request as it is."""

    def __init__(self, transport: httpx.AsyncBaseTransport, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._wire = transport

    async def send_as_is(self, request: httpx.Request) -> httpx.Response:
        """Its answer, to be streamed and closed. What `send` does about redirects, cookies, logins
        and hooks isn't done, which takes a tenth of a whole post's CPU time (measured)."""
        response = await self._wire.handle_async_request(request)
        response.request = request
        return response


def make_client(
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    patience_s: float = PATIENCE_S,
) -> Client:
    """The one client of one network.

    Redirects are not followed (credentials stay where they were meant to go) and cookies are not
    kept (the client serves many accounts).

    :param transport: replaces the real network in tests.
    :param patience_s: longest wait for one call; having a connection may take a third of it, with
        each address of a server a sixth.
    """
    return Client(
        transport or Transport(connections=CONNECTIONS),
        timeout=httpx.Timeout(patience_s, connect=patience_s / 6, pool=patience_s / 3),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
    )


async def call(
    client: Client,
    method: str,
    url: str,
    *,
    label: str,
    now: Callable[[], datetime],
    effect: bool = False,
    expect_json: bool = True,
    refine: Refine | None = None,
    secrets: Collection[str] = (),
    **options: Any,
) -> httpx.Response:
    """Send one request; what comes back is a success (2xx), read to its end.

    :param label: the network's name for people.
    :param now: the clock (UTC).
    :param effect: the request can publish something.
    :param expect_json: a success must be a JSON object or list (204 apart).
    :param secrets: what must never be repeated in a reason, beside the Authorization header.
    :param options: of ``httpx.AsyncClient.build_request`` (json, params, content, headers ...).
    :raises NetworkError: one of its kinds, as the table above says.
    """
    try:
        request = client.build_request(method, url, **options)
    except (httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: idna's
        raise failure(error, label=label, host="", effect=effect) from error
    try:
        async with asyncio.timeout(client.timeout.read):
            response = await _send(client, request)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise failure(error, label=label, host=_host(request), effect=effect) from error
    problem = outcome(
        response,
        label=label,
        now=now(),
        effect=effect,
        expect_json=expect_json,
        refine=refine,
        secrets=(*secrets, *_sent_secrets(request)),
    )
    if problem is not None:
        raise problem
    return response


async def _send(client: Client, request: httpx.Request) -> httpx.Response:
    """The whole answer, decoded, and never more than ``LARGEST_ANSWER`` of it."""
    streamed = await client.send_as_is(request)
    body = bytearray()
    try:
        async for chunk in streamed.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise httpx.DecodingError("The answer is too large.", request=request)
    finally:
        await streamed.aclose()
    headers = streamed.headers.copy()
    for spent in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(spent, None)
    return httpx.Response(
        streamed.status_code, headers=headers, content=bytes(body), request=request
    )


def failure(error: Exception, *, label: str, host: str, effect: bool) -> NetworkError:
    """What it means that a request raised ``error`` instead of being answered."""
    if isinstance(error, _NO_ADDRESS):
        return Rejected(f"{label} can't be called at “{clean(host or str(error))}”.")
    if isinstance(error, _NOTHING_LEFT):
        detail = clean(str(error))
        return Unavailable(f"{label} can't be reached at {host}" + (f" ({detail})." * bool(detail)))
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        happened = f"{label} at {host} didn't answer in time."
    elif isinstance(error, httpx.DecodingError):
        happened = f"{label} at {host} gave an answer that can't be read."
    else:
        happened = f"{label} at {host} broke the connection off before it answered."
    return Uncertain(happened) if effect else Unavailable(happened)


def outcome(
    response: httpx.Response,
    *,
    label: str,
    now: datetime,
    effect: bool = False,
    expect_json: bool = True,
    refine: Refine | None = None,
    secrets: Collection[str] = (),
) -> NetworkError | None:
    """What an answer means; None for a success."""
    status = response.status_code
    if response.is_success:
        if status == 204 or not expect_json or isinstance(_json(response), dict | list):
            return None
        happened = f"{label} at {_host(response.request)} answered, but not as {label} does."
        return Uncertain(happened) if effect else Garbled(happened)
    reason = reason_of(response, secrets)
    said = f"“{reason}”" if reason else f"{status} {response.reason_phrase}".rstrip()
    if status == 429:
        return RateLimited(f"{label} asks us to wait: {said}.", until=wait_until(response, now))
    if status in _NOT_TAKEN:
        return Unavailable(f"{label} can't take anything just now: {said}.")
    if response.is_client_error:
        refined = refine(response, reason) if refine is not None else None
        if refined is not None:
            return refined
        if status == 401:
            return Expired(f"{label} doesn't accept this account's login: {said}.")
        return Rejected(f"{label} refused it: {said}.")
    if response.is_server_error:
        happened = f"{label} had a fault of its own: {said}."
        return Uncertain(happened) if effect else Unavailable(happened)
    happened = f"{label} at {_host(response.request)} sent us elsewhere: {said}."
    return Uncertain(happened) if effect else Garbled(happened)


def server_address(typed: str, *, trusted: Collection[str] = ()) -> str:
    """The origin (``https://host[:port]``) of a server somebody named.

    Only https and only public names and addresses: what is typed into a form must not make the
    bot call machines beside it. An origin in ``trusted`` (the operator's own settings) is taken
    as it is.

    :raises UserError: what is wrong with it.
    """
    text = clean(typed)
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
        host = url.raw_host.decode("ascii")
        host.encode("idna")  # finds names too long for DNS; `url.host` finds letters IDNA hasn't
        if not (url.host and _HOST.fullmatch(host)) or not 0 < (url.port or 443) < 65_536:
            raise httpx.InvalidURL("no such host or port")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UserError(f"“{text}” isn't a server's address.") from error
    origin = origin_of(str(url))
    if origin in {origin_of(address) for address in trusted}:
        return origin
    if url.scheme != "https":
        raise UserError(f"“{text}” can't be used: the address must start with https://.")
    if url.userinfo:
        raise UserError("Leave name and password out of the server's address.")
    if not _is_public(host):
        raise UserError(f"“{text}” isn't the address of a public server.")
    return origin


def origin_of(address: str) -> str:
    """``scheme://host[:port]`` of an address, in the one spelling that is compared."""
    url = httpx.URL(address)
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        last = host.rstrip(".").rpartition(".")
        return bool(last[0]) and last[2] not in ("local", "localhost", "internal", "lan")


def wait_until(response: httpx.Response, now: datetime) -> datetime:
    """When a 429 lets us ask again (UTC): a second to an hour from now, a minute if it says
    nothing usable.

    Times of the day are held against the server's own ``Date``, so that neither clock's error
    counts.
    """
    headers = response.headers
    there = _http_date(headers.get("date", "")) or now
    for value in (headers.get("retry-after"), *(headers.get(name) for name in _RESET_HEADERS)):
        wait = _wait(value.strip(), there) if value else None
        if wait is not None and wait > timedelta():
            return now + min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)
    return now + DEFAULT_WAIT


def _wait(value: str, there: datetime) -> timedelta | None:
    """One header's wait. Seconds, a Unix time, an HTTP date or an ISO-8601 time."""
    with contextlib.suppress(ValueError):
        number = float(value)
        if not math.isfinite(number):
            return None
        if number > _EPOCH_FROM:
            number -= there.timestamp()
        return timedelta(seconds=min(number, LONGEST_WAIT.total_seconds()))
    moment = _http_date(value)
    if moment is None:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - there


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def reason_of(response: httpx.Response, secrets: Collection[str] = ()) -> str:
    """The network's own reason in plain words, safe to show; empty if it gave none."""
    data = _json(response)
    if data is not None:
        found = next(_said(data), "")
    elif response.headers.get("content-type", "").startswith("text/plain"):
        found = response.text
    else:
        found = ""
    return clean(found, (*secrets, *_sent_secrets(response.request))).rstrip(".")


def _said(data: Any) -> Iterator[str]:
    """Sentences for people in an error's body, the most telling first."""
    if isinstance(data, str) and data.strip():
        yield data
    elif isinstance(data, list):
        for item in data[:1]:
            yield from _said(item)
    elif isinstance(data, dict):
        for key in ("message", "error_description", "detail", "error", "title", "errors"):
            yield from _said(data.get(key))


def clean(text: str, secrets: Collection[str] = ()) -> str:
    """Foreign text as one short line: no secrets, no control or invisible characters."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[removed]")
    text = _TOKEN.sub("[removed]", text)
    visible = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in text[: 20 * _LONGEST_REASON]
        if unicodedata.category(char) not in ("Cf", "Cs", "Co", "Cn")
    )
    line = " ".join(visible.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1].rstrip() + "…"


def _sent_secrets(request: httpx.Request) -> tuple[str, ...]:
    credential = request.headers.get("authorization", "").partition(" ")[2]
    return (credential,) if credential else ()


def _json(response: httpx.Response) -> Any:
    """The body as JSON, None if it is none."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):  # RecursionError: a body of nothing but brackets
        return None


def _host(request: httpx.Request) -> str:
    return request.url.netloc.decode("ascii", "replace")
