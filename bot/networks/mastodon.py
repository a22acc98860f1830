"""Mastodon, and every server with its API (GoToSocial, Pleroma, Takahe, Hollo ...).

https://docs.joinmastodon.org. Mastodon itself keeps an idempotency key for an hour, other
software ignores it and posts twice. So the key is always sent, and after an unclear answer the
account's newest statuses are looked through before anything is sent again. To tell this post
from an older one with the same words, the newest status of before is noted first.
"""

import asyncio
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from bot import guarded
from bot.counting import mastodon_length
from bot.errors import Expired, FieldErrors, Rejected, Unavailable, Uncertain, UserError
from bot.networks.base import (
    Connected,
    ConnectField,
    Heard,
    Limits,
    Listens,
    Measured,
    Measures,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Publishes,
    Session,
    Setting,
    Uncertainty,
)
from bot.networks.http import Client, Garbled, clean, origin_of, server_address
from bot.networks.mastodon_api import LABEL, SCOPES, Api, Gone, Instance, moment_in, text_in
from bot.networks.mastodon_inbox import (
    full_name,
    link_of,
    listen,
    measure,
    own_statuses,
    words_of,
)
from bot.networks.pictures import fit_picture

_CLOCKS_APART = timedelta(hours=1)  # how wrong a server's clock may be when a post is looked for
_PAGES_LOOKED_THROUGH = 5
_PROCESSING_WAITS_S = (0.2, 0.3, 0.5, 1, 1, 2, 3, 5, 5, 5)
_QUIETER = ("unlisted", "private", "direct")
_SEEN_IF_NAMED = ("private", "direct")  # strangers see only those that name them
_HOST_OF_MENTION = re.compile(r"(?<=@)([\w.-]*\w)@[\w.:-]*\w")


class Mastodon(Network, Publishes, Listens, Measures):
    name = "mastodon"
    label = LABEL
    limits = Limits(
        text=500,
        pictures=4,
        picture_bytes=16_000_000,
        picture_kinds=("image/jpeg", "image/png", "image/gif", "image/webp"),
        alt=1_500,
    )
    threads = True
    settings = (
        Setting(
            "MASTODON_URL",
            "https://mastodon.social",
            "A Mastodon server that may be on a private network or without https",
        ),
    )
    connect_fields = (
        ConnectField(
            "server",
            "Server",
            "The address of the account's server.",
            "https://mastodon.social",
        ),
        ConnectField(
            "token",
            "Access token",
            f"Made there under Preferences, Development, New application, scopes {SCOPES}.",
            secret=True,
        ),
    )
    connect_help = (
        "Make an application on the account's server and copy its access token; it can be "
        "withdrawn there at any time."
    )

    uncertainty: ClassVar[Uncertainty] = Uncertainty.LOOK_UP
    grace: ClassVar[timedelta] = timedelta(seconds=60)
    key_life: ClassVar[timedelta | None] = timedelta(hours=1)

    def __init__(
        self,
        client: Client,
        settings: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(client, settings, now)
        self._api = Api(client, now)
        self._trusted = origin_of(settings["MASTODON_URL"])

    def count(self, text: str) -> int:
        """In grapheme clusters, where a link counts 23 and ``@user@host`` as ``@user``."""
        return mastodon_length(text)

    # connecting

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        typed, token = clean(fields.get("server", "")), fields.get("token", "").strip()
        _check_fields(typed, token)
        server = server_address(typed, trusted=(self._trusted,))
        await guarded.check(server, allow_private=server == self._trusted)
        instance = await self._instance(server)
        account = await self._account(server, token)
        try:
            acct = full_name(text_in(account, "acct"), instance.domain)
            return Connected(
                remote_id=text_in(account, "id"),
                handle=f"@{acct}",
                name=clean(str(account.get("display_name") or "")) or acct,
                url=text_in(account, "url"),
                server=server,
                credentials={"token": token, "domain": instance.domain},
                limits=instance.limits,
            )
        except Garbled as error:
            raise UserError(f"Tried to log in at {server}: {error.reason}") from error

    async def _instance(self, server: str) -> Instance:
        """Nothing secret is sent to a server before it has said that it is one."""
        try:
            return await self._api.instance(server)
        except (Rejected, Expired, Garbled) as error:
            raise UserError(
                f"Asked {server} whether it is a server with {LABEL}'s API, and it doesn't seem"
                f" to be one: {error.reason}"
            ) from error

    async def _account(self, server: str, token: str) -> dict[str, Any]:
        """Whose token it is; that it may read notifications is tried as well."""
        try:
            response = await self._api.open(
                server, "GET", "/api/v1/accounts/verify_credentials", token=token
            )
            await self._api.open(
                server, "GET", "/api/v1/notifications", token=token, params={"limit": "1"}
            )
        except (Expired, Rejected, Garbled) as error:
            raise UserError(f"Tried the token at {server}: {error.reason}") from error
        data = response.json()
        return data if isinstance(data, dict) else {}

    # publishing

    def new_key(self, now: datetime) -> str:
        return secrets.token_urlsafe(16)

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        limits = self.limits.with_overrides(session.account.limits)
        data, mime = picture.data, picture.mime
        if mime != "image/gif" or len(data) > limits.picture_bytes:  # a GIF may be animated
            fitted = await asyncio.to_thread(fit_picture, data, limits.picture_bytes)
            data, mime = fitted.data, fitted.mime
        body = {
            "files": {"file": (f"picture.{mime.rpartition('/')[2]}", data, mime)},
            "data": {"description": picture.alt},
        }
        try:
            response = await self._api.call(session, "POST", "/api/v2/media", **body)
        except Gone:
            response = await self._api.call(session, "POST", "/api/v1/media", **body)
        medium = text_in(response.json(), "id")
        if response.status_code == 202:
            await self._wait_until_ready(session, medium)
        return {"id": medium}

    async def _wait_until_ready(self, session: Session, medium: str) -> None:
        """:raises Unavailable: the server is still at it after half a minute."""
        for wait_s in _PROCESSING_WAITS_S:
            await asyncio.sleep(wait_s)
            response = await self._api.call(session, "GET", f"/api/v1/media/{medium}")
            if response.status_code != 206:
                return
        raise Unavailable(f"{LABEL} is still processing a picture.")

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        text, told = post.text, None
        body: dict[str, Any] = {}
        if post.reply_to:
            told = post.reply_to.get("acct")
            if told:
                text = _addressed(text, told, session.credentials["domain"])
            body["in_reply_to_id"] = post.reply_to["id"]
            if post.reply_to.get("visibility") in _QUIETER:
                body["visibility"] = post.reply_to["visibility"]
        problems = self.text_problems(text, self.limits.with_overrides(session.account.limits))
        if problems:  # some servers take any length
            raise Rejected(" ".join(problems))
        if text:  # an empty one is refused even beside pictures
            body["status"] = text
        if post.pictures:
            body["media_ids"] = [each.result["id"] for each in post.pictures]
        if post.language:
            body["language"] = post.language
        newest = [each["id"] async for each in own_statuses(self._api, session, 1, limit=1)]
        return {"body": body, "after": newest[0] if newest else None, "told": told}

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        response = await self._api.call(
            session,
            "POST",
            "/api/v1/statuses",
            effect=True,
            json=prepared["body"],  # as a form, some servers post an empty status
            headers={"Idempotency-Key": key},
        )
        try:
            return _published(response.json(), prepared)
        except Garbled as error:
            raise Uncertain(f"{LABEL} answered, but not that the post is out.") from error

    async def find(
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        statuses = own_statuses(self._api, session, pages=_PAGES_LOOKED_THROUGH)
        async for status in statuses:
            if status["id"] == prepared["after"]:
                return None
            if moment_in(status, "created_at") < since - _CLOCKS_APART:
                return None  # the noted one was deleted, or there was none
            if await self._is_same(session, status, prepared["body"]):
                return _published(status, prepared)
        return None

    async def _is_same(
        self, session: Session, status: Mapping[str, Any], body: Mapping[str, Any]
    ) -> bool:
        media = status.get("media_attachments")
        return (
            status.get("in_reply_to_id") == body.get("in_reply_to_id")
            and len(media if isinstance(media, list) else ()) == len(body.get("media_ids", ()))
            and any(
                _same_words(text, body.get("status", ""))
                for text in await self._texts(session, status)
            )
        )

    async def _texts(self, session: Session, status: Mapping[str, Any]) -> tuple[str, ...]:
        """What was typed; where the server doesn't tell, what is shown: a link as its words or,
        as these may be cut, as its address."""
        try:
            response = await self._api.call(
                session, "GET", f"/api/v1/statuses/{status['id']}/source"
            )
            typed = response.json().get("text")
        except (Rejected, Garbled, AttributeError):
            typed = None
        if isinstance(typed, str):
            return (typed,)
        return words_of(status), words_of(status, whole_links=True)

    async def delete(self, session: Session, remote_id: str) -> None:
        try:
            await self._api.call(session, "DELETE", f"/api/v1/statuses/{remote_id}")
        except Gone:
            return

    # listening and measuring

    async def listen(self, session: Session, cursor: str | None) -> Heard:
        return await listen(self._api, session, cursor, self._now())

    async def measure(self, session: Session, remote_ids: Sequence[str]) -> Measured:
        return await measure(self._api, session, remote_ids)


def _check_fields(server: str, token: str) -> None:
    problems = {}
    if not server:
        problems["server"] = "Type the address of the account's server."
    if not token:
        problems["token"] = "Paste the access token."  # noqa: S105  # words, no secret
    elif not token.isascii() or not token.isprintable() or " " in token:
        problems["token"] = "This can't be a token: it has spaces or unusual characters."  # noqa: S105
    if problems:
        raise FieldErrors(problems)


def _addressed(text: str, acct: str, domain: str) -> str:
    """The reply with ``@user@host`` in it: the API doesn't add it, and without it they aren't
    told. Neighbours on one server are told by ``@user`` alone."""
    user, _, host = acct.partition("@")
    names = re.escape(acct) if host != domain else rf"{re.escape(user)}(?:@{re.escape(host)})?"
    named = re.search(rf"(?<![\w@/])@{names}(?![\w@-]|\.\w)", text, re.IGNORECASE)
    return text if named else f"@{acct} {text}"


def _published(status: Any, prepared: Mapping[str, Any]) -> Published:
    """:raises Garbled: it is no status that is out."""
    name = text_in(status, "id")
    reply_to = {"id": name, "visibility": status.get("visibility")}
    if reply_to["visibility"] in _SEEN_IF_NAMED:
        reply_to["acct"] = prepared.get("told")
    return Published(name, link_of(status), reply_to)


def _same_words(one: str, other: str) -> bool:
    """Servers trim, rewrap, compose accents and show mentions without their host."""
    composed = (unicodedata.normalize("NFC", text) for text in (one, other))
    plain = (" ".join(_HOST_OF_MENTION.sub(r"\1", text).split()) for text in composed)
    return next(plain) == next(plain)
