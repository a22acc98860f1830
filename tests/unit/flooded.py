"""A process with the bot's door and nothing behind it, for the test that floods it."""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.health import HealthCheck
from bot.serving import server_config
from bot.web import create_app
from handlers.signed import SignedRequests
from storage.database import Database
from storage.migrations import migrate


async def main(folder: Path, secret: str) -> None:
    database = Database(f"sqlite:///{folder / 'x.db'}")
    await migrate(database)

    async def authorize(**_: object) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1")

    app = AsyncApp(authorize=authorize, signing_secret=secret)
    with socket.create_server(("127.0.0.1", 0), backlog=500) as listener:
        print(listener.getsockname()[1], flush=True)
        door = create_app(SignedRequests(app, secret).handle, HealthCheck(database))
        await uvicorn.Server(server_config(door)).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
