"""Answers that go wrong on demand, so that trouble on a network can be tried and tested.

A fault is ordered through ``/control/faults`` and used up by the next API calls it fits.
"""

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

RETRY_AFTER_S = 30


class FaultKind(StrEnum):
    RATE_LIMITED = "429"
    BROKEN = "500"
    REFUSED = "422"  # what the network says it will never take
    HTML = "html"  # a proxy's error page, with status 200
    GARBAGE = "garbage"  # cut JSON
    HANG = "hang"  # no answer, nothing done
    DROP = "drop"  # the connection ends, nothing done
    DROP_AFTER_ACCEPT = "drop_after_accept"  # it is done, and the connection ends


@dataclass(frozen=True, slots=True)
class Fault:
    """``method`` and ``path`` (a beginning, as ``/api/posts``) narrow what it fits."""

    kind: FaultKind
    method: str = ""
    path: str = ""
    times: int = 1

    def fits(self, method: str, path: str) -> bool:
        return self.method in ("", method) and path.startswith(self.path)


class Faults:
    """The faults that are waiting."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._released = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._released = asyncio.Event()
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget them all, and let go of calls that hang."""
        self._waiting.clear()
        self._released.set()

    def take(self, method: str, path: str) -> FaultKind | None:
        """The first fault that fits this call; one of its times is used up."""
        for position, fault in enumerate(self._waiting):
            if fault.fits(method, path):
                if fault.times > 1:
                    self._waiting[position] = replace(fault, times=fault.times - 1)
                else:
                    del self._waiting[position]
                return fault.kind
        return None

    async def answer(self, kind: FaultKind, request: Request) -> Response:
        """What the caller gets instead of an answer."""
        if kind is FaultKind.RATE_LIMITED:
            return JSONResponse(
                {"error": {"code": "rate_limited", "message": "Too many requests."}},
                429,
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        if kind is FaultKind.BROKEN:
            return JSONResponse(
                {"error": {"code": "internal_error", "message": "Something broke here."}}, 500
            )
        if kind is FaultKind.REFUSED:
            return JSONResponse(
                {"error": {"code": "not_here", "message": "Nobody may say that here."}}, 422
            )
        if kind is FaultKind.HTML:
            return HTMLResponse("<!doctype html><title>Bad gateway</title><h1>502</h1>")
        if kind is FaultKind.GARBAGE:
            return Response('{"id": "12", "te', media_type="application/json")
        if kind is FaultKind.HANG:
            await self._hang(request)
        return Dropped()

    async def _hang(self, request: Request) -> None:
        released = asyncio.ensure_future(self._released.wait())
        gone = asyncio.ensure_future(_until_gone(request))
        await asyncio.wait({released, gone}, return_when=asyncio.FIRST_COMPLETED)
        for task in (released, gone):
            task.cancel()


class Dropped(Response):
    """An answer that breaks off: the server closes the connection in the middle of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", b"1024")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
