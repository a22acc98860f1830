"""The peer: a bare Bolt app that acknowledges a command and presses and does nothing else.

On Socket Mode; where SLACK_SIGNING_SECRET is set, it takes signed HTTP on HTTP_PORT, on the same
server as Socialdesk.
"""

import asyncio
import os
import re

import uvicorn
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def main() -> None:
    token = os.environ["SLACK_BOT_TOKEN"]
    client = AsyncWebClient(token=token, base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(client=client, signing_secret=os.environ.get("SLACK_SIGNING_SECRET"))

    @app.command("/social")
    async def answer(ack: AsyncAck) -> None:
        await ack("Hello")

    @app.action(re.compile(""))
    async def pressed(ack: AsyncAck) -> None:
        await ack()

    if "SLACK_SIGNING_SECRET" in os.environ:
        await _serve(app, int(os.environ["HTTP_PORT"]))
        return
    handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], web_client=client)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _serve(app: AsyncApp, port: int) -> None:
    handler = AsyncSlackRequestHandler(app)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    web = Starlette(routes=[Route("/slack/events", events, methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(web, port=port, log_config=None, access_log=False, lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn offers no event
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await serving


asyncio.run(main())
