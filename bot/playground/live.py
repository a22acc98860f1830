"""The live stream of a page: what changed, in words its script understands (server-sent events)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from bot.playground.changes import Change, ChangeKind, Subscription
from bot.playground.records import Channel, User
from bot.playground.workspace import Workspace

HEARTBEAT_SECONDS = 15.0
SILENCE = ":\n\n"

_MESSAGE_KINDS = {
    ChangeKind.MESSAGE_POSTED,
    ChangeKind.MESSAGE_CHANGED,
    ChangeKind.MESSAGE_DELETED,
}
_PERSONAL_KINDS = {ChangeKind.MODAL: "modal", ChangeKind.HOME: "home"}


class Live:
    """The streams of all open pages.

    `is_app_there` says whether the app would get what people do.
    """

    def __init__(self, workspace: Workspace, is_app_there: Callable[[], bool]) -> None:
        self._workspace = workspace
        self._is_app_there = is_app_there
        self._closed = asyncio.Event()

    def close(self) -> None:
        """End every stream."""
        self._closed.set()

    async def events(self, user: User, seen: Callable[[Channel], None]) -> AsyncIterator[str]:
        """One person's stream; `seen` is called with the channel of each message in it."""
        closing = asyncio.create_task(self._closed.wait())
        with self._workspace.changes.subscribe() as subscription:
            # A browser calls the stream open only when something has come.
            yield SILENCE
            try:
                while not self._closed.is_set():
                    change = await _next_change(subscription, closing)
                    notice = self._notice(change, user, seen) if change else None
                    if notice:
                        yield f"data: {json.dumps(notice)}\n\n"
                    elif change is None:
                        yield SILENCE
            finally:
                closing.cancel()

    def _notice(
        self, change: Change, user: User, seen: Callable[[Channel], None]
    ) -> dict[str, Any] | None:
        """What a person's page is told of a change; nothing of what isn't theirs to see."""
        if change.kind in _MESSAGE_KINDS:
            return self._message_notice(change, user, seen)
        if personal := _PERSONAL_KINDS.get(change.kind):
            return {"kind": personal} if change.user == user.id else None
        if change.kind is ChangeKind.APP:
            return {"kind": "app", "connected": self._is_app_there()}
        if change.kind is ChangeKind.FILE:
            return None  # shown by a message or a form, which announce themselves
        return {"kind": "everything"}

    def _message_notice(
        self, change: Change, user: User, seen: Callable[[Channel], None]
    ) -> dict[str, Any] | None:
        if change.user not in (None, user.id):
            return None
        channel = self._workspace.channels.get(change.channel or "")
        if channel is None or user.id not in channel.members:
            return None
        seen(channel)
        return {
            "kind": "message",
            "channel": channel.id,
            "ts": change.ts,
            "thread_ts": change.thread_ts,
        }


async def _next_change(subscription: Subscription, closing: asyncio.Task[Any]) -> Change | None:
    """The next change, or None after a while without one or at the end."""
    getting = asyncio.create_task(subscription.get())
    try:
        await asyncio.wait(
            {getting, closing}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        return getting.result() if getting.done() else None
    finally:
        getting.cancel()
