"""The playground's small Slack as a process of its own, which loses answers as the seed says.

``python -m tests.chaos.slack SEED AUTHORS`` keeps its state in the working folder, prints
``{"url", "token", "secret", "authors"}`` and ends when its stdin is closed. ``GET /told`` lists
every message to a person.
"""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from random import Random

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.playground.faults import ApiFault, ApiTrouble, Faults
from bot.playground.records import User
from bot.playground.seed import seed as furnish
from bot.playground.server import create_app, serving
from bot.playground.slack import Slack
from bot.playground.workspace import Workspace
from handlers.manifest import manifest

TROUBLES = (ApiTrouble.LOST, ApiTrouble.LOST, ApiTrouble.SERVER_ERROR, ApiTrouble.RATE_LIMITED)
AT = frozenset({"chat.postMessage", "chat.update"})


class SeededFaults(Faults):
    """Every sixth message or so goes wrong: often its answer is lost after it was posted."""

    def __init__(self, seed: str) -> None:
        super().__init__()
        self._random = Random(f"{seed} slack")

    def take_for_call(self, method: str) -> ApiFault | None:
        if method in AT and self._random.random() < 1 / 6:
            return ApiFault(method, self._random.choice(TROUBLES))
        return None


async def serve(seed: str, authors: int) -> None:
    """Serve until stdin is closed."""
    workspace = Workspace(Path.cwd(), manifest(request_url="http://127.0.0.1:1/slack/events"))
    furnish(workspace)
    ids = [f"U0AUTHOR{number:05d}" for number in range(authors)]
    for user_id in ids:
        workspace.put_user(User(user_id, user_id.lower(), user_id.title()))
    slack = dataclasses.replace(Slack.around(workspace), faults=SeededFaults(seed))

    async def told(_: Request) -> JSONResponse:
        return JSONResponse(
            [
                {
                    "to": channel.im_user,
                    "notice": ((message.metadata or {}).get("event_payload") or {}).get("id"),
                    "ts": message.ts,
                    "text": message.text,
                    "blocks": json.dumps(message.blocks),
                }
                for channel in workspace.channels.values()
                if channel.is_im
                for message in workspace.timeline(channel.id, channel.im_user)
            ]
        )

    app = create_app(slack, strict=True, extra_routes=[Route("/told", told)])
    async with serving(slack, app) as address:
        ready = {
            "url": address,
            "token": workspace.app.bot_token,
            "secret": workspace.app.signing_secret,
            "authors": ids,
        }
        print(json.dumps(ready), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await slack.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
