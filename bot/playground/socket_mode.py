"""Socket Mode: the app connects to us, and gets its requests as envelopes.

Source: Slack's "Using Socket Mode" (hello, envelopes, acknowledgements, disconnect).
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import secrets
import urllib.parse
import uuid
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.playground.changes import Change, ChangeKind
from bot.playground.records import Json
from bot.playground.workspace import Workspace

MAX_CONNECTIONS = 10
TICKET_SECONDS = 60.0
DRAIN_SECONDS = 1.0

# Starlette raises RuntimeError for a socket that is closed already.
_GONE = (WebSocketDisconnect, RuntimeError)


class Kind(enum.StrEnum):
    """What is delivered, by its envelope's name."""

    COMMAND = "slash_commands"
    INTERACTION = "interactive"
    EVENT = "events_api"


class Unacknowledged(Exception):
    """The app did not acknowledge; ``reason`` is Slack's: ``timeout`` or ``connection_failed``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(eq=False, slots=True)
class _Connection:
    socket: WebSocket
    waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)
    is_draining: bool = False


class SocketMode:
    """The app's open connections; requests go to them in turn."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tickets: dict[str, float] = {}
        self._connections: list[_Connection] = []

    @property
    def is_open(self) -> bool:
        """Whether some connection takes requests."""
        return any(not connection.is_draining for connection in self._connections)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    def new_url(self) -> str:
        """An address for one connection, good for a minute (``apps.connections.open``)."""
        now = self._workspace.now()
        self._tickets = {ticket: end for ticket, end in self._tickets.items() if end > now}
        ticket = str(uuid.uuid4())
        self._tickets[ticket] = now + TICKET_SECONDS
        base = self._workspace.base_url.replace("http", "ws", 1)
        query = urllib.parse.urlencode({"ticket": ticket, "app_id": self._workspace.app.id})
        return f"{base}/link/?{query}"

    async def serve(self, socket: WebSocket) -> None:
        """Handle one connection until it ends."""
        ends = self._tickets.pop(socket.query_params.get("ticket", ""), 0.0)
        if ends < self._workspace.now() or len(self._connections) >= MAX_CONNECTIONS:
            await socket.close(code=4401)
            return
        await socket.accept()
        connection = _Connection(socket)
        self._connections.append(connection)
        self._workspace.changes.announce(Change(ChangeKind.APP))
        try:
            await socket.send_json(self._hello())
            while True:
                self._acknowledge(connection, await socket.receive_json())
        except WebSocketDisconnect:
            pass
        finally:
            self._forget(connection)

    async def request(
        self, kind: Kind, payload: Json, seconds: float, attempt: int = 0, reason: str = ""
    ) -> Json:
        """Send an envelope and wait for its acknowledgement; the answer's payload, or {}.

        :raises Unacknowledged: if none comes within ``seconds``.
        """
        connection = self._next_connection()
        envelope_id = str(uuid.uuid4())
        envelope: Json = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": kind.value,
            "accepts_response_payload": kind is not Kind.EVENT,
        }
        if kind is Kind.EVENT:
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = future
        try:
            async with asyncio.timeout(seconds):
                await connection.socket.send_json(envelope)
                answer = await future
        except TimeoutError:
            raise Unacknowledged("timeout") from None
        except _GONE:
            raise Unacknowledged("connection_failed") from None
        finally:
            connection.waiting.pop(envelope_id, None)
        body: Json = answer.get("payload") or {}
        return body

    async def disconnect(self, reason: str = "refresh_requested", *, everyone: bool = False) -> int:
        """Ask the oldest connection (or all) to leave, then close it; how many were asked.

        :param reason: Slack's ``warning``, ``refresh_requested`` or ``link_disabled``.
        """
        leaving = [entry for entry in self._connections if not entry.is_draining]
        leaving = leaving if everyone else leaving[:1]
        for connection in leaving:
            connection.is_draining = True
            with contextlib.suppress(*_GONE):
                await connection.socket.send_json(
                    {"type": "disconnect", "reason": reason, "debug_info": {"host": "playground"}}
                )
        for connection in leaving:
            if connection.waiting:
                await asyncio.wait(list(connection.waiting.values()), timeout=DRAIN_SECONDS)
            with contextlib.suppress(*_GONE):
                await connection.socket.close()
        return len(leaving)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "debug_info": {
                "host": f"playground-{secrets.token_hex(4)}",
                "build_number": 1,
                "approximate_connection_time": 18_060,
            },
            "connection_info": {"app_id": self._workspace.app.id},
        }

    def _next_connection(self) -> _Connection:
        for connection in self._connections:
            if not connection.is_draining:
                self._connections.remove(connection)
                self._connections.append(connection)
                return connection
        raise Unacknowledged("connection_failed")

    @staticmethod
    def _acknowledge(connection: _Connection, message: Json) -> None:
        future = connection.waiting.get(str(message.get("envelope_id")))
        if future is not None and not future.done():
            future.set_result(message)

    def _forget(self, connection: _Connection) -> None:
        self._connections.remove(connection)
        for future in connection.waiting.values():
            if not future.done():
                future.set_exception(Unacknowledged("connection_failed"))
        self._workspace.changes.announce(Change(ChangeKind.APP))
