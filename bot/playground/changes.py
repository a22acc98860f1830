"""The feed of changes behind the live pages."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

BACKLOG = 1_000


class ChangeKind(enum.StrEnum):
    """What changed. ``EVERYTHING`` is sent to a subscriber who fell too far behind."""

    MESSAGE_POSTED = "message_posted"
    MESSAGE_CHANGED = "message_changed"
    MESSAGE_DELETED = "message_deleted"
    CHANNEL = "channel"
    MODAL = "modal"
    HOME = "home"
    USER = "user"
    FILE = "file"
    APP = "app"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    ``channel`` and ``ts`` for messages (``thread_ts`` in a thread); ``user`` is whose modal or Home
    it is, or the only person who sees an ephemeral message. ``APP``: the app came or went.
    """

    kind: ChangeKind
    channel: str | None = None
    ts: str | None = None
    thread_ts: str | None = None
    user: str | None = None


class Subscription:
    """Changes in order; iterate with ``async for``."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Change] = asyncio.Queue(BACKLOG)

    def put(self, change: Change) -> None:
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            change = Change(ChangeKind.EVERYTHING)
        self._queue.put_nowait(change)

    async def get(self) -> Change:
        """Wait for the next change."""
        return await self._queue.get()

    async def __aiter__(self) -> AsyncIterator[Change]:
        while True:
            yield await self.get()


class Changes:
    """Where changes are announced and listened for."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def announce(self, change: Change) -> None:
        for subscription in self._subscriptions:
            subscription.put(change)

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """``with workspace.changes.subscribe() as changes: async for change in changes: ...``"""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
