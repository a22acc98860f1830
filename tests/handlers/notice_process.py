"""A sender of notices in a process of its own, for a test that kills it.

Argument: a JSON object with the database's and Slack's address, the token, and what cards show
({subject: [text, thread's ts or null]}).
"""

import asyncio
import json
import sys

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from handlers.clients import OneClient
from handlers.notices import NoticeSender, Rendered
from handlers.views.blocks import section
from storage.database import Database
from storage.records import Card, Notice


async def main(database_url: str, slack: str, token: str, shown: dict[str, list[str]]) -> None:
    async def render(notice: Notice) -> Rendered:
        text, thread_ts = shown[notice.subject_id]
        return Rendered(text, [section(text)], thread_ts=thread_ts)

    clock = Clock()
    clock.start()
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=token, base_url=slack, session=session, retry_handlers=[])
        database = Database(database_url)
        await NoticeSender(database, OneClient(client), clock, {Card.APPROVAL: render}).run()


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
