"""The three kinds of networks there are, on a server that does to each what it can bear."""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx

from bot.errors import Uncertain
from bot.networks.base import (
    Connected,
    ConnectField,
    Limits,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Session,
    Setting,
    Uncertainty,
)
from bot.networks.http import Client, Garbled, call
from tests.chaos.plan import CLIENT_S, GRACE, KEY_LIFE, KINDS, TIMING

STAMP = "X-Begun"
PROCESS = "X-Process"
PICTURE = "X-Picture"
HALT = "CHAOS_HALT"


class _Rehearsal(Network):
    """A network for these tests. Each request says which process began it, and when (seconds of
    the machine's monotonic clock, the last moment before the request is handed to the client)."""

    limits: ClassVar[Limits] = Limits(300, 4, 1_000_000, ("image/png",), 1000)
    connect_fields: ClassVar[tuple[ConnectField, ...]] = (
        ConnectField("token", "Token", "Any.", secret=True),
    )
    connect_help: ClassVar[str] = ""
    uncertainty: ClassVar[Uncertainty]
    grace: ClassVar[timedelta] = TIMING.lease + GRACE  # from the call's beginning
    key_life: ClassVar[timedelta | None] = KEY_LIFE

    def __init__(
        self,
        client: Client,
        settings: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(client, settings, now)
        client.timeout = httpx.Timeout(CLIENT_S)

    def count(self, text: str) -> int:
        return len(text)

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        raise AssertionError("the accounts are connected already")

    def new_key(self, now: datetime) -> str:
        return secrets.token_hex(8)

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        described = {PICTURE: picture.alt}
        answer = await self._call(
            "POST", "pictures", session, content=picture.data, headers=described
        )
        return {"id": _field(answer, "id")}

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        return {
            "text": post.text,
            "pictures": [picture.result["id"] for picture in post.pictures],
            "reply_to": post.reply_to["id"] if post.reply_to else None,
        }

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        answer = await self._call(
            "POST",
            "posts",
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
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        answer = await self._call("GET", "posts", session)
        if not isinstance(answer, list):
            raise Garbled("It gave no list.")
        for post in answer:
            if post["text"] == prepared["text"] and post["reply_to"] == prepared["reply_to"]:
                return _published(post)
        return None

    async def delete(self, session: Session, remote_id: str) -> None:
        raise AssertionError("nobody takes anything down here")

    async def _call(
        self, method: str, path: str, session: Session, **options: Any
    ) -> dict[str, Any] | list[Any]:
        token = session.credentials["token"]
        stamps = {PROCESS: str(os.getpid()), STAMP: repr(time.monotonic())}
        authorized = {"Authorization": f"Bearer {token}"}
        options["headers"] = {**options.get("headers", {}), **authorized, **stamps}
        url = f"{self._settings[self.settings[0].variable]}/{self.name}/{path}"
        if (method, path) == ("POST", "posts"):
            _halt_once()
        answer: dict[str, Any] | list[Any] = (
            await call(self._client, method, url, label=self.label, now=self._now, **options)
        ).json()
        return answer


def _halt_once() -> None:
    """Where a file is named to be written, the first process to send a post writes it and stops,
    right before the call."""
    if HALT not in os.environ:
        return
    with contextlib.suppress(FileExistsError), Path(os.environ[HALT]).open("x") as file:
        file.write(str(os.getpid()))
        file.flush()
        os.kill(os.getpid(), signal.SIGSTOP)


def _published(post: Any) -> Published:
    remote_id = _field(post, "id")
    return Published(remote_id, f"https://chaos.example/{remote_id}", {"id": remote_id})


def _field(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str):
        raise Garbled(f"It answered without “{name}”.")
    return value


class Keyed(_Rehearsal):
    """The same key again gives the same post, as long as keys live."""

    name = "keyed"
    label = "Keyed"
    settings = (Setting("KEYED_URL", "", "Where the chaos is"),)
    uncertainty = KINDS["keyed"]


class Listed(_Rehearsal):
    """Keys mean nothing; the newest posts can be read."""

    name = "listed"
    label = "Listed"
    settings = (Setting("LISTED_URL", "", "Where the chaos is"),)
    uncertainty = KINDS["listed"]


class Blind(_Rehearsal):
    """Keys mean nothing, and there is nothing to read."""

    name = "blind"
    label = "Blind"
    settings = (Setting("BLIND_URL", "", "Where the chaos is"),)
    uncertainty = KINDS["blind"]


REGISTRY: Sequence[type[Network]] = (Keyed, Listed, Blind)
