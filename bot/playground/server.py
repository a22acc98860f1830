"""The playground's server: Slack's addresses, the controls for trouble, and whose pages it carries.

``create_app`` makes the application, ``serving`` runs it on this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.playground.errors import SlackError
from bot.playground.faults import ApiTrouble, DeliveryTrouble
from bot.playground.recording import Recorder
from bot.playground.slack import Slack
from bot.playground.web_api import WebApi
from bot.playground.web_files import receive_upload, send_file

SHUTDOWN_SECONDS = 2


def create_app(
    slack: Slack,
    *,
    strict: bool,
    recorder: Recorder | None = None,
    extra_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The application.

    :param strict: refuse undocumented arguments of Web API calls (tests) instead of warning.
    :param extra_routes: pages that live on the same server.
    """
    api = WebApi(slack, strict=strict, recorder=recorder)
    addresses = _Addresses(slack)
    routes: list[BaseRoute] = [
        Route("/api/{method}", api.answer, methods=["GET", "POST"]),
        Route("/upload/v1/{file_id}/{key}", addresses.upload, methods=["POST"]),
        Route("/files-pri/{team}-{file_id}/download/{name:path}", addresses.file),
        Route("/files-pri/{team}-{file_id}/{name:path}", addresses.file),
        *(
            Route(f"/{kind}/{{team}}/{{url_id}}/{{secret}}", addresses.respond, methods=["POST"])
            for kind in ("commands", "actions", "app")
        ),
        WebSocketRoute("/link/", addresses.link),
        Route("/playground/faults", addresses.faults, methods=["GET", "POST", "DELETE"]),
        Route("/playground/replay", addresses.replay, methods=["POST"]),
        *extra_routes,
    ]
    return Starlette(routes=routes, middleware=[Middleware(OwnPagesOnly, slack=slack)])


class _Addresses:
    """Slack's addresses beside the Web API, and the playground's controls."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def upload(self, request: Request) -> Response:
        return await receive_upload(self._slack, request)

    async def file(self, request: Request) -> Response:
        return await send_file(self._slack, request)

    async def link(self, websocket: WebSocket) -> None:
        await self._slack.delivery.socket.serve(websocket)

    async def respond(self, request: Request) -> Response:
        """What the app posts to a response URL."""
        path = request.path_params
        try:
            body = await request.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            return PlainTextResponse("invalid_payload", status_code=400)
        if not isinstance(body, dict):
            return PlainTextResponse("invalid_payload", status_code=400)
        try:
            url = self._slack.workspace.grants.use_response_url(path["url_id"], path["secret"])
            self._slack.messages.answer_url(url, body)
        except SlackError as refusal:
            return JSONResponse({"ok": False, "error": refusal.error}, status_code=404)
        return PlainTextResponse("ok")

    async def faults(self, request: Request) -> Response:
        """Trouble on demand, for tests in another process.

        POST {"method", "trouble", "times"?, "seconds"?, "error"?}, {"delivery", "times"?},
        {"disconnect": reason, "everyone"?} or {"limit_channels": bool}; DELETE takes all back.
        """
        faults = self._slack.faults
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            try:
                await self._order(await request.json())
            except (KeyError, TypeError, ValueError) as mistake:
                return JSONResponse({"error": str(mistake)}, status_code=400)
        return JSONResponse(faults.pending())

    async def replay(self, request: Request) -> Response:
        """Send the app a logged HTTP request again, byte for byte ({"index"?})."""
        body = json.loads(await request.body() or b"{}")
        try:
            status = await self._slack.delivery.replay(int(body.get("index", -1)))
        except LookupError as mistake:
            return JSONResponse({"error": str(mistake)}, status_code=400)
        return JSONResponse({"status": status})

    async def _order(self, order: dict[str, Any]) -> None:
        faults = self._slack.faults
        if "disconnect" in order:
            await self._slack.delivery.socket.disconnect(
                order["disconnect"], everyone=bool(order.get("everyone"))
            )
        elif "limit_channels" in order:
            faults.limit_channels = bool(order["limit_channels"])
        elif "delivery" in order:
            trouble = DeliveryTrouble(order["delivery"])
            faults.trouble_deliveries(trouble, times=int(order.get("times", 1)))
        else:
            faults.trouble_calls(
                order["method"],
                ApiTrouble(order["trouble"]),
                times=int(order.get("times", 1)),
                seconds=float(order.get("seconds", 1)),
                error=str(order.get("error", "fatal_error")),
            )


class OwnPagesOnly:
    """Refuses other sites' pages (Origin) and names that point at us (Host).

    The addresses the app calls have no Origin to check; they ask for a token or a secret.
    """

    def __init__(self, app: ASGIApp, slack: Slack) -> None:
        self._app = app
        self._slack = slack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not self._is_ours(scope):
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).close(code=4403)
            else:
                refusal = PlainTextResponse("This playground answers its own pages only.", 403)
                await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        own = urlsplit(self._slack.workspace.base_url)
        hosts = {own.netloc, f"localhost:{own.port}"}
        if headers.get("host") not in hosts:
            return False
        origin = headers.get("origin")
        if origin is None or scope["path"].startswith(_FOR_THE_APP):
            return True
        return origin in {f"{own.scheme}://{host}" for host in hosts}


_FOR_THE_APP = ("/api/", "/upload/v1/", "/files-pri/")


@contextlib.asynccontextmanager
async def serving(
    slack: Slack, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Run ``app`` in this event loop; gives its address, such as ``http://127.0.0.1:8080``.

    Port 0 takes a free one. The workspace's ``base_url`` is set to the address. Signals are left to
    the caller.
    :raises OSError: if the port is taken.
    """
    listening = socket.create_server((host, port))
    slack.workspace.base_url = f"http://{host}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        http=_cuttable(slack),
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield slack.workspace.base_url
    finally:
        await slack.delivery.socket.disconnect("warning", everyone=True)
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _cuttable(slack: Slack) -> type[H11Protocol]:
    """uvicorn's protocol, which also lets ``LostAnswer`` find the connection to cut."""

    class CuttableProtocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            # uvicorn narrows the parameter in the same way.
            super().connection_made(transport)
            slack.faults.transports[transport.get_extra_info("peername")] = transport

    return CuttableProtocol
