"""A small real Bolt app, reached over signed HTTP or over Socket Mode."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.playground.slack import Slack


class Inbox:
    """What reached the app; ``wait`` until something fits."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._arrived = asyncio.Condition()

    async def add(self, body: dict[str, Any]) -> None:
        async with self._arrived:
            self.bodies.append(body)
            self._arrived.notify_all()

    async def wait(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: any(map(fits, self.bodies)))
        return next(body for body in self.bodies if fits(body))

    async def wait_for_event(self, kind: str) -> dict[str, Any]:
        found = await self.wait(lambda body: body.get("event", {}).get("type") == kind)
        event: dict[str, Any] = found["event"]
        return event


def bolt_app(slack: Slack) -> AsyncApp:
    """An app with the playground's secrets; listeners are the test's."""
    app = slack.workspace.app
    client = AsyncWebClient(
        token=app.bot_token, base_url=f"{slack.workspace.base_url}/api/", timeout=5
    )
    return AsyncApp(client=client, signing_secret=app.signing_secret)


@contextlib.asynccontextmanager
async def over_http(slack: Slack, app: AsyncApp) -> AsyncIterator[None]:
    """Serve the app's requests on a free port and tell Slack about it."""
    handler = AsyncSlackRequestHandler(app)

    async def endpoint(request: Request) -> Response:
        return await handler.handle(request)

    listening = socket.create_server(("127.0.0.1", 0))
    starlette = Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])
    server = _QuietServer(
        uvicorn.Config(starlette, lifespan="off", log_config=None, access_log=False)
    )
    task = asyncio.create_task(server.serve(sockets=[listening]))
    slack.delivery.request_url = f"http://127.0.0.1:{listening.getsockname()[1]}/slack/events"
    try:
        yield
    finally:
        await slack.delivery.settle()
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def over_socket(slack: Slack, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    """Connect the app by Socket Mode."""
    handler = AsyncSocketModeHandler(
        app,
        slack.workspace.app.app_token,
        web_client=app.client,
        ping_interval=0.5,
    )
    await handler.connect_async()
    try:
        await wait_until(lambda: slack.delivery.socket.is_open)
        yield handler
        await slack.delivery.settle()
    finally:
        await handler.close_async()


async def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for a state, ten seconds at most."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the state is another library's, without an event
            await asyncio.sleep(0.01)


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield
