"""How HTTP is served to the whole internet: what anybody can make this process hold is bounded.

A request's head has `HEAD_S` to arrive and 16 KB to fit in, its body `BODY_S` and `LARGEST_BODY`.
All bodies that are being read share `LARGEST_TOGETHER`; those of up to `SMALL_BODY` (a press, a
command, most forms) don't count, so that a flood of large ones doesn't keep Slack's out.
"""

import asyncio

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

LARGEST_BODY = 1_000_000  # bytes; Slack's largest view is 250 KB
SMALL_BODY = 65_536
LARGEST_TOGETHER = 10_000_000
LARGEST_HEAD = 16_384
MOST_CONNECTIONS = 200
HEAD_S = 10.0
BODY_S = 10.0  # Slack gives up after 3
LINGER_S = 1.0  # for a refused client to stop sending, so that it reads why
CLOSE_S = 2  # for a connection whose other end may not answer any more


class Refused(Exception):
    """A body that isn't read (any further)."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Bounded:
    """Reads each request's body before the application sees it, within the limits above.

    :param patience_s: for the whole body, from the end of its head.
    """

    def __init__(self, app: ASGIApp, patience_s: float = BODY_S) -> None:
        self._app = app
        self._patience_s = patience_s
        self._large = 0  # bytes of bodies above `SMALL_BODY` that are held now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            if await self._is_read(scope, receive, send, body):
                await self._app(scope, _again(bytes(body), receive), send)
        finally:
            self._large -= len(body) if len(body) > SMALL_BODY else 0

    async def _is_read(self, scope: Scope, receive: Receive, send: Send, body: bytearray) -> bool:
        """Fill ``body``, or refuse it, or find that nobody is there any more (False)."""
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._read(scope, receive, body)
        except TimeoutError:
            refusal = Refused(408, "The request took too long.")
        except Refused as error:
            refusal = error
        await _refuse(scope, receive, send, refusal)
        return False

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> bool:
        """Fill ``body``; False: the client went away.

        :raises Refused: it is too large, alone or together with others.
        """
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and (len(declared) > 9 or int(declared) > LARGEST_BODY):
            raise Refused(413, "The request is too large.")
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            before = len(body)
            if before + len(message.get("body", b"")) > LARGEST_BODY:
                raise Refused(413, "The request is too large.")
            body += message.get("body", b"")
            if len(body) > SMALL_BODY:
                self._large += len(body) - (before if before > SMALL_BODY else 0)
                if self._large > LARGEST_TOGETHER:
                    raise Refused(503, "Too much at once. Try again in a minute.")
            if not message.get("more_body", False):
                return True


def _again(body: bytes, receive: Receive) -> Receive:
    """The same request, read already."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: Refused) -> None:
    """Say no, read on for a moment without keeping anything, and close."""
    answer = PlainTextResponse(refusal.text, refusal.status, headers={"Connection": "close"})

    async def send_and_linger(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({**message, "more_body": True})
        try:
            async with asyncio.timeout(LINGER_S):
                while (await receive()).get("more_body", False):
                    pass
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    await answer(scope, receive, send_and_linger)


class PatientNoLonger(H11Protocol):
    """uvicorn's protocol, which waits for ever for a request's head, with an end to it."""

    head_s = HEAD_S
    _head_limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # uvicorn narrows the parameter in the same way.
        super().connection_made(transport)
        self._head_limit = self.loop.call_later(self.head_s, self._give_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        busy = self.cycle is not None and not self.cycle.response_complete
        if self._head_limit is not None and busy:
            self._head_limit.cancel()
            self._head_limit = None
        elif self._head_limit is None and not busy:  # a further request on the connection begins
            self._head_limit = self.loop.call_later(self.head_s, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_limit is not None:
            self._head_limit.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def server_config(app: ASGIApp) -> uvicorn.Config:
    """uvicorn's settings for an application that strangers can reach."""
    return uvicorn.Config(
        app,
        http=PatientNoLonger,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=CLOSE_S,
    )
