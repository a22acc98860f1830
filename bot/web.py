"""What is served over HTTP: Slack's signed requests and the health check."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.health import HealthCheck

LARGEST_BODY = 1_000_000  # bytes; Slack's largest view is 250 KB

log = logging.getLogger(__name__)


def create_app(
    slack: Callable[[Request], Awaitable[Response]] | None,
    check: HealthCheck,
    pages: Mapping[str, Callable[[Request], Awaitable[Response]]] | None = None,
) -> Starlette:
    """The application. What a proxy says about a request (X-Forwarded-...) counts for nothing.

    :param slack: answers a verified or refused request of Slack's; None: Slack sends none
        (Socket Mode), so there is nowhere to send a forged one to.
    :param pages: what a browser is answered, by path.
    """

    async def events(request: Request) -> Response:
        assert slack is not None
        if (refused := await _unreadable(request)) is not None:
            return refused
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
        found = await check.look()
        state = {
            "ok": found.problem is None,
            "database": found.problem or "ok",
            "publishing_lag_s": found.publishing_lag_s,
            "notices_owed": found.notices_owed,
            "sockets": found.sockets,
        }
        return JSONResponse(state, status_code=200 if found.problem is None else 503)

    routes = [Route("/health", health, methods=["GET"])]
    if slack is not None:
        routes.append(Route("/slack/events", events, methods=["POST"]))
    for path, page in (pages or {}).items():
        routes.append(Route(path, _page(page), methods=["GET"]))
    return Starlette(routes=routes)


def _page(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return await _unreadable(request) or await answer(request)

    return page


async def _unreadable(request: Request) -> Response | None:
    """The answer to a request whose body is too large, or ends too early."""
    try:
        if await _too_large(request):
            return PlainTextResponse("The request is too large.", status_code=413)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to read it
    return None


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
