"""The peer: a bare Bolt app on Socket Mode that acknowledges one command and does nothing else."""

import asyncio
import os

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


async def main() -> None:
    token = os.environ["SLACK_BOT_TOKEN"]
    client = AsyncWebClient(token=token, base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(client=client)

    @app.command("/social")
    async def answer(ack: AsyncAck) -> None:
        await ack("Hello")

    handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], web_client=client)
    await handler.connect_async()
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
