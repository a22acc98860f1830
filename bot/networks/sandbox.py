"""Sandbox, the playground's own small network (its API: ``bot/playground/sandbox_api.py``)."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import httpx

from bot.counting import graphemes
from bot.errors import Expired, Rejected, Uncertain, UserError
from bot.networks.base import (
    Connected,
    ConnectField,
    Heard,
    HeardMention,
    Limits,
    Measured,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Session,
    Setting,
    Uncertainty,
)
from bot.networks.http import Garbled, call
from storage.records import MentionKind

_IDS_AT_ONCE = 50
_NOTIFICATIONS_AT_ONCE = 100


class Sandbox(Network):
    """Posts, pictures, replies, mentions and numbers on Sandbox."""

    name: ClassVar[str] = "sandbox"
    label: ClassVar[str] = "Sandbox"
    limits: ClassVar[Limits] = Limits(
        text=300,
        pictures=4,
        picture_bytes=5_000_000,
        picture_kinds=("image/jpeg", "image/png", "image/gif", "image/webp"),
        alt=1_000,
    )
    threads: ClassVar[bool] = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("SANDBOX_URL", "", "Address of the playground's Sandbox; empty: not offered."),
    )
    connect_fields: ClassVar[tuple[ConnectField, ...]] = (
        ConnectField("handle", "Handle", "The brand's account here is acorn.", "acorn"),
        ConnectField("password", "Password", "The password of acorn is acorn-coffee.", secret=True),
    )
    connect_help: ClassVar[str] = (
        "Sandbox is the playground's own small network: what is published there stays on this "
        "machine."
    )

    uncertainty: ClassVar[Uncertainty] = Uncertainty.SAME_KEY
    grace: ClassVar[timedelta] = timedelta(0)
    key_life: ClassVar[timedelta | None] = timedelta(hours=24)

    def count(self, text: str) -> int:
        """Characters as a reader sees them."""
        return graphemes(text)

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        """Log in with handle and password; the token is kept, the password isn't.

        :raises UserError: what was tried and what came back.
        :raises NetworkError: Sandbox isn't there just now.
        """
        handle = fields["handle"].strip().removeprefix("@").lower()
        password = fields["password"]
        if not handle or not password.strip():
            raise UserError("Sandbox needs a handle and its password.")
        tried = f"Tried to log in as @{handle} at {self._base}"
        body = {"handle": handle, "password": password}
        try:
            answer = await self._call("POST", "/api/login", secrets=(password,), json=body)
            token, person = answer["token"], answer["person"]
            return Connected(
                remote_id=person["handle"],
                handle=f"@{person['handle']}",
                name=person["name"],
                url=person["url"],
                server=self._base,
                credentials={"token": token},
                limits={},
            )
        except (Expired, Rejected) as error:
            raise UserError(f"{tried}: {error.reason}") from error
        except (Garbled, KeyError, TypeError) as error:
            raise UserError(f"{tried}, but what answers there isn't Sandbox.") from error

    def new_key(self, now: datetime) -> str:  # a random key needs no time
        """A random key."""
        return secrets.token_urlsafe(16)

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        """Upload a picture with its alt text.

        :raises NetworkError: one of its kinds.
        """
        answer = await self._call(
            "POST",
            "/api/pictures",
            session,
            files={"file": (picture.name, picture.data, picture.mime)},
            data={"alt": picture.alt},
        )
        return {"id": _text(answer, "id")}

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        """The body that will be sent; nothing has to be asked for it."""
        return {
            "text": post.text,
            "pictures": [picture.result["id"] for picture in post.pictures],
            "reply_to": post.reply_to["id"] if post.reply_to else None,
        }

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        """Send it; the same key gives the same post for a day.

        :raises Uncertain: no clear answer: send again with the same key.
        """
        answer = await self._call(
            "POST",
            "/api/posts",
            session,
            effect=True,
            json=dict(prepared),
            headers={"Idempotency-Key": key},
        )
        try:
            return _published(answer)
        except Garbled as error:
            raise Uncertain(error.reason) from error

    async def find(
        self,
        session: Session,
        key: str,
        prepared: Mapping[str, Any],  # the key alone says it
        since: datetime,
    ) -> Published | None:
        """The post this key made, if there is one."""
        answer = await self._call("GET", "/api/posts", session, params={"key": key})
        posts = _list(answer, "posts")
        return _published(posts[0]) if posts else None

    async def delete(self, session: Session, remote_id: str) -> None:
        """Delete it; what is gone already is no error."""

        def gone_is_fine(response: httpx.Response, _reason: str) -> _Gone | None:
            return _Gone("") if response.status_code == 404 else None

        try:
            await self._call("DELETE", f"/api/posts/{remote_id}", session, refine=gone_is_fine)
        except _Gone:
            return

    async def listen(self, session: Session, cursor: str | None) -> Heard:
        """Mentions and replies since ``cursor`` (None: from a day ago), oldest first."""
        params = {"limit": str(_NOTIFICATIONS_AT_ONCE)}
        if cursor is None:
            params["since"] = (self._now() - timedelta(days=1)).isoformat()
        else:
            params["after"] = cursor
        answer = await self._call("GET", "/api/notifications", session, params=params)
        mentions = [_heard(each) for each in _list(answer, "notifications")]
        return Heard(mentions, _text(answer, "cursor"))

    async def measure(self, session: Session, remote_ids: Sequence[str]) -> Measured:
        """The account's and its posts' running totals."""
        person = await self._call("GET", "/api/me", session)
        posts: dict[str, Mapping[str, int]] = {}
        for start in range(0, len(remote_ids), _IDS_AT_ONCE):
            ids = ",".join(remote_ids[start : start + _IDS_AT_ONCE])
            answer = await self._call("GET", "/api/posts", session, params={"ids": ids})
            for post in _list(answer, "posts"):
                posts[_text(post, "id")] = _numbers(post, "likes", "reposts", "replies")
        return Measured(_numbers(person, "followers", "following", "posts"), posts)

    @property
    def _base(self) -> str:
        return self._settings["SANDBOX_URL"].rstrip("/")

    async def _call(
        self, method: str, path: str, session: Session | None = None, **options: Any
    ) -> Any:
        """The answer's JSON, None if there is none."""
        if session is not None:
            headers = {"Authorization": f"Bearer {_token(session)}"}
            options["headers"] = {**options.get("headers", {}), **headers}
        response = await call(
            self._client,
            method,
            f"{self._base}{path}",
            label=self.label,
            now=self._now,
            **options,
        )
        return response.json() if response.content else None


class _Gone(Rejected):
    """The post isn't there any more."""


def _token(session: Session) -> str:
    """:raises Expired: the account is kept without one (it was disconnected)."""
    token = session.credentials.get("token")
    if not isinstance(token, str) or not token:
        raise Expired("Sandbox's login isn't kept any more.")
    return token


def _published(post: Any) -> Published:
    post_id = _text(post, "id")
    return Published(post_id, _text(post, "url"), {"id": post_id})


def _heard(notification: Any) -> HeardMention:
    """:raises Garbled: fields are missing."""
    try:
        post, author = notification["post"], notification["author"]
        return HeardMention(
            remote_id=post["id"],
            kind=MentionKind(notification["kind"]),
            author=f"@{author['handle']}",
            author_name=author["name"],
            text=post["text"],
            url=post["url"],
            posted_at=datetime.fromisoformat(post["created_at"]),
            reply_to={"id": post["id"]},
            answers=post["reply_to"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Garbled("Sandbox gave a notification that can't be read.") from error


def _text(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str):
        raise Garbled(f"Sandbox answered without “{name}”.")
    return value


def _list(answer: Any, name: str) -> list[Any]:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, list):
        raise Garbled(f"Sandbox answered without “{name}”.")
    return value


def _numbers(answer: Any, *names: str) -> dict[str, int]:
    try:
        return {name: int(answer[name]) for name in names}
    except (KeyError, TypeError, ValueError) as error:
        raise Garbled(f"Sandbox answered without {', '.join(names)}.") from error
