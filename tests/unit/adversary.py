"""A network at its worst, within what it declares; and what it saw of every call.

An accepted post is visible to `find` at once, or within the grace if its request was still on its
way; a key is remembered for its life.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Never

from bot.errors import Expired, NetworkError, RateLimited, Rejected, Unavailable, Uncertain
from bot.networks.base import Connected, Published, Session, Uncertainty
from tests.unit.world import ScriptedNetwork, nothing_special

GRACE = timedelta(seconds=30)
ON_ITS_WAY = timedelta(seconds=20)
KEY_LIFE = timedelta(hours=1)
LIMIT = timedelta(minutes=10)


class Fault(StrEnum):
    """What becomes of one call to publish."""

    NONE = "taken and answered"
    REFUSED = "refused for good"
    DOWN = "not taken, which it says"
    LIMITED = "not taken: wait"
    EXPIRED = "not taken: the login isn't valid any more"
    LOST = "never arrives, no answer"
    UNANSWERED = "taken, no answer"
    UNREADABLE = "taken, an answer that makes no sense"
    DELAYED = "taken a little later, no answer"
    KILLED_BEFORE = "the process dies before the call"
    KILLED_LOST = "the process dies, the call never arrives"
    KILLED_TAKEN = "the process dies, the call is taken"
    KILLED_DELAYED = "the process dies, the call is taken a little later"
    BRAKED = "somebody pulls the brake between the claim and the call"


@dataclass(frozen=True, slots=True)
class Call:
    """One call to publish."""

    account_id: str
    key: str
    text: str
    below: str | None
    at: datetime


@dataclass(slots=True)
class Taken:
    """A post that readers see, or saw until it was deleted."""

    remote_id: str
    call: Call
    is_deleted: bool = False


@dataclass(slots=True)
class Script:
    """What goes wrong next: of each account's calls, and of the looks for a post."""

    calls: dict[str, list[Fault]] = field(default_factory=dict)
    blind: int = 0

    def next(self, account_id: str) -> Fault:
        left = self.calls.get(account_id, [])
        return left.pop(0) if left else Fault.NONE


class Adversary(ScriptedNetwork):
    """:param now: the clock, which the test moves."""

    name: ClassVar[str] = "adversary"

    def __init__(self, uncertainty: Uncertainty, now: Callable[[], datetime]) -> None:
        super().__init__(uncertainty)
        self.grace = GRACE
        self.key_life = KEY_LIFE
        self.clock = now
        self.script = Script()
        self.profile = "1"  # who logs in next
        self.taken: list[Taken] = []
        self.coming: list[tuple[datetime, Call]] = []
        self.killed = asyncio.Event()
        self.looking_at: Callable[[Call], Awaitable[None]] = nothing_special
        self.braking: Callable[[], Awaitable[None]] = nothing_special
        self._next: dict[str, Fault] = {}

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        made = await super().connect(fields)
        return replace(made, remote_id=self.profile)

    async def prepare(self, session: Session, post: Any) -> Mapping[str, Any]:
        fault = self.script.next(session.account.id)
        self._next[session.account.id] = fault
        if fault is Fault.KILLED_BEFORE:
            await self._die()
        if fault is Fault.BRAKED:
            await self.braking()
        return await super().prepare(session, post)

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        account_id = session.account.id
        # What was prepared before, is sent again as it was.
        fault = self._next.pop(account_id, None) or self.script.next(account_id)
        call = Call(account_id, key, prepared["text"], prepared["reply_to"], self.clock())
        await self.looking_at(call)
        self.arrive()
        match fault:
            case Fault.LOST:
                raise Uncertain("no answer")
            case Fault.DELAYED | Fault.KILLED_DELAYED:
                self.coming.append((self.clock() + ON_ITS_WAY, call))
            case Fault.KILLED_LOST | Fault.KILLED_BEFORE:
                await self._die()
            case Fault.REFUSED | Fault.DOWN | Fault.LIMITED | Fault.EXPIRED:
                raise self._refusal(fault)
        if fault is Fault.DELAYED:
            raise Uncertain("no answer")
        if fault is Fault.KILLED_DELAYED:
            await self._die()
        taken = self._take(call)
        match fault:
            case Fault.UNANSWERED:
                raise Uncertain("no answer")
            case Fault.UNREADABLE:
                raise KeyError("id")
            case Fault.KILLED_TAKEN:
                await self._die()
        return _published(taken)

    def _refusal(self, fault: Fault) -> NetworkError:
        if fault is Fault.LIMITED:
            return RateLimited("slow down", until=self.clock() + LIMIT)
        kinds = {Fault.REFUSED: Rejected, Fault.DOWN: Unavailable, Fault.EXPIRED: Expired}
        return kinds[fault](fault.value)

    async def _die(self) -> Never:
        self.killed.set()
        await asyncio.Event().wait()
        raise AssertionError("the dead don't go on")

    def arrive(self) -> None:
        """What was on its way is taken by now."""
        due = [call for at, call in self.coming if at <= self.clock()]
        self.coming = [(at, call) for at, call in self.coming if at > self.clock()]
        for call in due:
            self._take(call)

    def _take(self, call: Call) -> Taken:
        if self.uncertainty is Uncertainty.SAME_KEY:
            for known in self.taken:
                if known.call.key == call.key and call.at < known.call.at + KEY_LIFE:
                    return known
        self.taken.append(Taken(f"post-{len(self.taken) + 1}", call))
        return self.taken[-1]

    async def find(
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        if self.script.blind:
            self.script.blind -= 1
            raise Unavailable("it is down")
        self.arrive()
        for each in self.taken:
            wanted = (session.account.id, prepared["text"], prepared["reply_to"])
            if (each.call.account_id, each.call.text, each.call.below) == wanted:
                return None if each.is_deleted else _published(each)
        return None

    async def delete(self, session: Session, remote_id: str) -> None:
        for each in self.taken:
            if each.remote_id == remote_id:
                each.is_deleted = True


def _published(taken: Taken) -> Published:
    address = f"https://s.example/{taken.remote_id}"
    return Published(taken.remote_id, address, {"id": taken.remote_id})
