"""What is served over HTTP: Slack's signed requests and the health check."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.health import HealthCheck
from bot.serving import Bounded

SAID_EVERY_S = 60.0

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

    refusals = _Refusals()

    async def events(request: Request) -> Response:
        assert slack is not None
        response = await slack(request)
        if response.status_code == 401:
            refusals.note(request.client.host if request.client else "?")
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
        routes.append(Route(path, page, methods=["GET"]))
    return Starlette(routes=routes, middleware=[Middleware(Bounded)])


class _Refusals:
    """Says that strangers knock, once a minute at most: they mustn't fill the log."""

    def __init__(self) -> None:
        self._unsaid = 0
        self._said_at = -SAID_EVERY_S

    def note(self, host: str) -> None:
        self._unsaid += 1
        if time.monotonic() - self._said_at < SAID_EVERY_S:
            return
        log.warning(
            "Refused a request that Slack didn't sign, or signed more than 5 minutes ago "
            "(from %s; %d since the last line like this).",
            host,
            self._unsaid,
        )
        self._unsaid, self._said_at = 0, time.monotonic()
