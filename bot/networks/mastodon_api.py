"""Calls to a server with Mastodon's API, and what it says about itself.

Many kinds of software speak this API, each a little differently; what a server doesn't say is
taken as Mastodon's own default.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from bot.errors import Expired, NetworkError, Rejected
from bot.networks.base import Session
from bot.networks.http import Client, Garbled, call

LABEL = "Mastodon"
SCOPES = "read and write"


class Gone(Rejected):
    """What was asked for isn't there (any more), or the server doesn't know the address."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A server's word on itself. ``limits`` are those that differ from the defaults."""

    domain: str
    limits: Mapping[str, int]


class Api:
    """What one Mastodon network object calls its servers through.

    :param client: the network's client.
    :param now: the clock (UTC).
    """

    def __init__(self, client: Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def open(
        self, server: str, method: str, path: str, *, token: str = "", **options: Any
    ) -> httpx.Response:
        """Call a server, with a token or without.

        :raises NetworkError: see ``bot/networks/http.py``; ``Gone`` where it answers 404.
        """
        headers = dict(options.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return await call(
            self._client,
            method,
            f"{server}{path}",
            label=LABEL,
            now=self._now,
            refine=_refine,
            headers=headers,
            **options,
        )

    async def call(
        self, session: Session, method: str, path: str, **options: Any
    ) -> httpx.Response:
        """Call the account's own server.

        :raises Expired: it has no token (it was disconnected), or the server refuses it.
        """
        token = session.credentials.get("token")
        if not isinstance(token, str) or not token:
            raise Expired(f"The login on {LABEL} isn't kept any more.")
        return await self.open(session.account.server, method, path, token=token, **options)

    async def instance(self, server: str) -> Instance:
        """What the server says about itself; nothing secret is sent.

        :raises Garbled: it answers, but not as one with this API does.
        :raises NetworkError: one of the other kinds.
        """
        try:
            return instance_in((await self.open(server, "GET", "/api/v2/instance")).json())
        except (Gone, Garbled):
            return instance_in((await self.open(server, "GET", "/api/v1/instance")).json())


def _refine(response: httpx.Response, reason: str) -> NetworkError | None:
    """What a refusal means beyond its status."""
    if response.status_code in (404, 410):
        return Gone(f"{LABEL} doesn't know this: {reason or response.reason_phrase}.")
    if response.status_code == 400 and _is_about_a_token(response):
        return Expired(f"{LABEL} doesn't accept this account's token any more: {reason}.")
    if response.status_code == 403 and _is_about_scopes(response, reason):
        return Expired(f"The token doesn't allow this: it needs the scopes {SCOPES}.")
    return None


def _is_about_a_token(response: httpx.Response) -> bool:
    """Some servers answer a bad token with 400, in plain text."""
    kind = response.headers.get("content-type", "")
    return kind.startswith("text/plain") and "token" in response.text.lower()


def _is_about_scopes(response: httpx.Response, reason: str) -> bool:
    challenge = response.headers.get("www-authenticate", "")
    return "insufficient_scope" in f"{challenge} {reason}" or "scope" in reason.lower()


def instance_in(data: Any) -> Instance:
    """An instance of either version of the API.

    :raises Garbled: it isn't one.
    """
    if not isinstance(data, dict) or not isinstance(data.get("version"), str):
        raise Garbled("what it says about itself isn't what a server with Mastodon's API says")
    domain = data.get("account_domain") or data.get("domain") or data.get("uri")
    if not isinstance(domain, str) or not domain:
        raise Garbled("it doesn't say its domain")
    statuses = _inside(data, "configuration", "statuses")
    media = _inside(data, "configuration", "media_attachments")
    said = {
        "text": statuses.get("max_characters", data.get("max_toot_chars")),
        "pictures": statuses.get("max_media_attachments"),
        "picture_bytes": media.get("image_size_limit"),
        "alt": media.get("description_limit"),
    }
    limits = {name: value for name, value in said.items() if _is_count(value)}
    return Instance(domain=urlsplit(f"//{domain.rpartition('//')[2]}").netloc, limits=limits)


def _inside(data: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    found: Any = data
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def text_in(data: Any, name: str) -> str:
    """A text that must be there.

    :raises Garbled: it isn't.
    """
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value:
        raise Garbled(f"The answer lacks “{name}”: it isn't {LABEL}'s.")
    return value


def list_in(response: httpx.Response) -> list[dict[str, Any]]:
    """The objects of an answer that must be a list; whatever else is in it is left out.

    :raises Garbled: it is no list.
    """
    data = response.json()
    if not isinstance(data, list):
        raise Garbled(f"The answer is no list: it isn't {LABEL}'s.")
    return [each for each in data if isinstance(each, dict)]


def number_in(data: Mapping[str, Any], name: str) -> int:
    """A count; servers leave out or hide what they don't count."""
    value = data.get(name)
    return value if isinstance(value, int) else 0


def moment_in(data: Mapping[str, Any], name: str) -> datetime:
    """A time in UTC.

    :raises Garbled: it isn't one.
    """
    try:
        moment = datetime.fromisoformat(text_in(data, name))
    except ValueError as error:
        raise Garbled(f"“{name}” isn't a time: the answer isn't {LABEL}'s.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def older_page(response: httpx.Response, page: list[dict[str, Any]], limit: int) -> dict[str, str]:
    """The parameters of the page with older entries, empty if there is none.

    Servers name it in a Link header (the only way some of them know); without any such header a
    full page is followed by what is older than its last entry.
    """
    if "link" in response.headers:
        following = response.links.get("next", {}).get("url", "")
        asked = dict(parse_qsl(urlsplit(following).query))
        return {name: asked[name] for name in ("max_id", "older_than") if name in asked}
    last = page[-1].get("id") if len(page) >= limit else None
    return {"max_id": last} if isinstance(last, str) else {}
