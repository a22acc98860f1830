"""Calls to Bluesky's servers (AT Protocol XRPC) and the sessions they need.

Access tokens live two hours, refresh tokens 90 days; a used refresh token keeps working for two
hours, so a refresh whose answer was lost can be done again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import httpx

from bot.errors import Expired, NetworkError, Rejected
from bot.networks.base import Session
from bot.networks.http import Client, Garbled, call

LABEL = "Bluesky"
WEB = "https://bsky.app"

_LOGIN_REFUSED = ("InvalidToken", "AuthMissing", "AuthenticationRequired", "BadAuth")
_CLOSED = {
    "AccountTakedown": "has taken this account down",
    "AccountSuspended": "has suspended this account",
    "AccountDeactivated": "says that this account is deactivated",
    "RepoTakendown": "has taken this account down",
    "RepoSuspended": "has suspended this account",
    "RepoDeactivated": "says that this account is deactivated",
}


class Refused(Rejected):
    """A refusal with the server's name for it (``error`` in its body)."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.code = code


class Stale(Expired):
    """The access token is too old: refreshing it helps."""


class Closed(Expired):
    """The account is taken down, suspended or deactivated: no new login helps."""


class Api:
    """What one Bluesky network object calls its servers through.

    :param client: the network's client.
    :param now: the clock (UTC).
    """

    def __init__(self, client: Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._renewed: dict[str, tuple[str, Mapping[str, Any]]] = {}

    async def open(
        self,
        server: str,
        method: str,
        nsid: str,
        *,
        token: str = "",
        effect: bool = False,
        secrets: Collection[str] = (),
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Call a server, with a token or without; its answer is always a JSON object.

        :raises NetworkError: see ``bot/networks/http.py``; ``Refused``, ``Stale`` and ``Closed``
            where Bluesky says more.
        """
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        response = await call(
            self._client,
            method,
            f"{server}/xrpc/{nsid}",
            label=LABEL,
            now=self._now,
            effect=effect,
            refine=_refine,
            secrets=secrets,
            headers={**(headers or {}), **authorization},
            **options,
        )
        data = response.json()
        return data if isinstance(data, dict) else {}

    async def call(
        self, session: Session, method: str, nsid: str, *, effect: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Call the account's own server, refreshing its access once if that is too old."""
        used = session.credentials["access"]
        try:
            return await self._as(session, method, nsid, effect=effect, **options)
        except Stale:
            await self._renew(session, used)
        return await self._as(session, method, nsid, effect=effect, **options)

    async def _as(self, session: Session, method: str, nsid: str, **options: Any) -> dict[str, Any]:
        kept = session.credentials
        return await self.open(kept["service"], method, nsid, token=kept["access"], **options)

    async def _renew(self, session: Session, stale: str) -> None:
        """New tokens in the place of ``stale``: one refresh at a time for an account, and none
        if somebody else's (of this session or of another one for the account) replaced it."""
        account = session.account.id
        async with self._locks[account]:
            if session.credentials["access"] != stale:
                return
            replaced, fresh = self._renewed.get(account, ("", {}))
            if replaced != stale:
                fresh = await self._refreshed(session)
                await session.save({**session.credentials, **fresh})
                self._renewed[account] = (stale, fresh)
            session.credentials.update(fresh)

    async def _refreshed(self, session: Session) -> dict[str, str]:
        kept = session.credentials
        try:
            data = await self.open(
                kept["service"],
                "POST",
                "com.atproto.server.refreshSession",
                token=kept["refresh"],
                secrets=(kept["access"],),
            )
        except Stale as error:
            raise Expired(f"{LABEL}'s login for this account has run out.") from error
        return tokens(data)


def tokens(data: Mapping[str, Any]) -> dict[str, str]:
    """The tokens in an answer of createSession or refreshSession."""
    return {"access": text_in(data, "accessJwt"), "refresh": text_in(data, "refreshJwt")}


def text_in(data: Mapping[str, Any], key: str) -> str:
    """A text that an answer must have.

    :raises Garbled: it hasn't.
    """
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise Garbled(f"The answer lacks “{key}”: it isn't {LABEL}'s.")
    return value


def post_url(uri: str) -> str:
    """Where people read a post (``at://did/collection/key``). By DID: handles change."""
    did, _, key = uri.removeprefix("at://").split("/", 2)
    return f"{WEB}/profile/{did}/post/{key}"


def _refine(response: httpx.Response, reason: str) -> NetworkError | None:
    """Bluesky's own names for what went wrong; they say more than the status does."""
    try:
        code = response.json()["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(code, str):
        return None
    if code == "ExpiredToken":
        return Stale(f"{LABEL}'s login for this account has run out.")
    if code in _LOGIN_REFUSED:
        return Expired(f"{LABEL} doesn't accept this account's login: “{reason}”.")
    if code in _CLOSED:
        return Closed(f"{LABEL} {_CLOSED[code]}.")
    return Refused(f"{LABEL} refused it: “{reason}”.", code)
