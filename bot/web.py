"""What is served over HTTP: Slack's signed requests and the health check."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from storage.database import Database

LARGEST_BODY = 1_000_000  # bytes; Slack's largest view is 250 KB
HEALTH_LIMIT_S = 3

log = logging.getLogger(__name__)


def create_app(
    slack: Callable[[Request], Awaitable[Response]] | None, database: Database
) -> Starlette:
    """The application.

    :param slack: answers a verified or refused request of Slack's; None: Slack sends none
        (Socket Mode), so there is nowhere to send a forged one to.
    """
    looking: set[asyncio.Task[str | None]] = set()

    async def events(request: Request) -> Response:
        assert slack is not None
        try:
            if await _too_large(request):
                return PlainTextResponse("The request is too large.", status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        if request.headers.get("X-Slack-Request-Timestamp", "0").isdecimal():
            response = await slack(request)
        else:  # Bolt stumbles over it
            response = PlainTextResponse("The timestamp is no number.", status_code=401)
        if response.status_code == 401:
            log.warning(
                "Refused a request that Slack didn't sign, or signed more than 5 minutes ago "
                "(from %s).",
                request.client.host if request.client else "?",
            )
        return response

    async def health(_: Request) -> Response:
        # Not cancelled when it takes too long: the database's driver can't stop half-way.
        look = asyncio.create_task(database.problem())
        looking.add(look)
        look.add_done_callback(looking.discard)
        done, _pending = await asyncio.wait([look], timeout=HEALTH_LIMIT_S)
        problem = look.result() if done else f"no answer in {HEALTH_LIMIT_S} s"
        if problem is not None:
            return JSONResponse({"ok": False, "database": problem}, status_code=503)
        return JSONResponse({"ok": True})

    routes = [Route("/health", health, methods=["GET"])]
    if slack is not None:
        routes.append(Route("/slack/events", events, methods=["POST"]))
    return Starlette(routes=routes)


async def _too_large(request: Request) -> bool:
    size = 0
    chunks = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            return True
        chunks.append(chunk)
    request._body = b"".join(chunks)  # where Starlette keeps a body that was read
    return False
