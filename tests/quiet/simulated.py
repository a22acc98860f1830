"""A week in seconds: a clock that is set, and a network with five accounts in this process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from bot.clock import Clock
from bot.errors import Expired, Rejected
from bot.networks.base import (
    Connected,
    ConnectField,
    Heard,
    HeardMention,
    Limits,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Session,
    Uncertainty,
)

REFUSED = "refuse this"  # in a post's text
Work = Callable[[], Awaitable[None]]


class SetClock(Clock):
    """Goes on only when it is set; then everything looks at the time again."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.regular: list[Work] = []
        super().__init__(now=lambda: self.at)

    def every(self, period: timedelta, name: str, work: Work) -> None:
        self.regular.append(work)

    async def set(self, at: datetime) -> None:
        self.at = max(at, self.at)
        for work in self.regular:
            await work()
        self.ring()

    def ring(self) -> None:
        for alarm in self._alarms.values():
            alarm.ring()


@dataclass
class World:
    """What the network's readers do. ``said`` is what was written to each account, oldest first."""

    now: Callable[[], datetime]
    said: dict[str, list[HeardMention]] = field(default_factory=dict)
    live: list[str] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)


class QuietNetwork(Network):
    """Takes every post, except what asks to be refused."""

    name: ClassVar[str] = "quiet"
    label: ClassVar[str] = "Quiet"
    limits: ClassVar[Limits] = Limits(500, 4, 1_000_000, ("image/png",), 1000)
    uncertainty: ClassVar[Uncertainty] = Uncertainty.SAME_KEY
    grace: ClassVar[timedelta] = timedelta(0)
    key_life: ClassVar[timedelta | None] = None
    connect_fields: ClassVar[tuple[ConnectField, ...]] = (ConnectField("handle", "Handle", "Any"),)
    connect_help: ClassVar[str] = ""
    world: ClassVar[World]

    def count(self, text: str) -> int:
        return len(text)

    def new_key(self, now: datetime) -> str:
        return f"{now.timestamp()}-{len(self.world.live)}"

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        handle = fields["handle"]
        self.world.expired.discard(handle)
        return Connected(handle, f"@{handle}", handle, "https://q.example", "q.example", {}, {})

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        return {}

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        return {"text": post.text}

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        if session.account.remote_id in self.world.expired:
            raise Expired("The app password was revoked")
        if REFUSED in prepared["text"]:
            raise Rejected("It looks like spam to us")
        self.world.live.append(prepared["text"])
        number = len(self.world.live)
        return Published(str(number), f"https://q.example/{number}", {"id": str(number)})

    async def find(
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        return None

    async def listen(self, session: Session, cursor: str | None) -> Heard:
        if session.account.remote_id in self.world.expired:
            raise Expired("The app password was revoked")
        said = self.world.said.get(session.account.remote_id, [])
        due = [one for one in said if one.posted_at <= self.world.now()]
        return Heard(due[int(cursor or 0) :], str(len(due)))

    async def delete(self, session: Session, remote_id: str) -> None:
        await asyncio.sleep(0)
