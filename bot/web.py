"""What is served over HTTP: Slack's signed requests and the health check."""

import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from storage.database import Database

LARGEST_BODY = 1_000_000  # bytes; Slack's largest view is 250 KB

log = logging.getLogger(__name__)


def create_app(slack: Callable[[Request], Awaitable[Response]], database: Database) -> Starlette:
    """The application. ``slack`` answers a verified or refused request of Slack's."""

    async def events(request: Request) -> Response:
        if await _too_large(request):
            return PlainTextResponse("The request is too large.", status_code=413)
        response = await slack(request)
        if response.status_code == 401:
            log.warning(
                "Refused a request that Slack didn't sign, or signed more than 5 minutes ago "
                "(from %s).",
                request.client.host if request.client else "?",
            )
        return response

    async def health(_: Request) -> Response:
        problem = await database.problem()
        if problem is not None:
            return JSONResponse({"ok": False, "database": problem}, status_code=503)
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[
            Route("/slack/events", events, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ]
    )


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
