"""Pictures between Slack and us: a person's upload is copied once, and cards show the bot's own."""

import asyncio
from collections.abc import Sequence

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.errors import UserError
from bot.media import MAX_BYTES, MediaFolder, OfferedPicture, check_offered
from handlers.slack_calls import UNREACHABLE, refusal
from storage import media
from storage.database import Database
from storage.records import Medium

READY_POLLS = 20
LONGEST_ALT = (
    1_000  # characters (https://docs.slack.dev/reference/methods/files.getUploadURLExternal)
)


class Pictures:
    """Copies pictures in, and uploads ours for cards."""

    def __init__(self, database: Database, folder: MediaFolder, clock: Clock) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    async def copy(
        self, client: AsyncWebClient, workspace_id: str, offered: Sequence[OfferedPicture]
    ) -> list[Medium]:
        """Copy what a person chose in a form.

        :raises PictureRefused: which picture breaks which rule.
        :raises UserError: Slack didn't hand the file out.
        """
        check_offered(offered)
        kept = []
        for picture in offered:
            data = await self._download(client, picture)
            medium = await asyncio.to_thread(
                self._folder.keep, workspace_id, picture.name, data, self._clock.now()
            )
            async with self._database.transaction() as tx:
                await media.insert(tx, medium)
            kept.append(medium)
        return kept

    async def _download(self, client: AsyncWebClient, picture: OfferedPicture) -> bytes:
        headers = {"Authorization": f"Bearer {client.token}"}
        timeout = aiohttp.ClientTimeout(total=30)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(picture.url, headers=headers) as response,
            ):
                if response.status != 200 or response.content_type == "text/html":
                    raise UserError(
                        f"Slack didn't hand out {picture.name} (status {response.status}). "
                        "Choose it again. If it goes on, the app lacks the scope files:read."
                    )
                return await _read(response.content)
        except UNREACHABLE as error:
            raise UserError(
                f"Slack didn't hand out {picture.name} ({refusal(error)}). Try again in a minute."
            ) from error

    async def shown(self, client: AsyncWebClient, medium: Medium) -> str:
        """The Slack file id of our own upload, made if there is none yet."""
        if medium.slack_file_id is not None:
            return medium.slack_file_id
        data = await asyncio.to_thread(self._folder.read, medium.sha256)
        file_id = await self.upload(client, data, medium.name)
        async with self._database.transaction() as tx:
            await media.set_slack_file(tx, medium.workspace_id, medium.sha256, file_id)
        return file_id

    async def upload(
        self, client: AsyncWebClient, data: bytes, name: str, *, alt: str | None = None
    ) -> str:
        """Upload a picture as the bot's own; its file id.

        Straight after an upload Slack refuses the file in blocks, so it is waited for.

        :param alt: at most 1,000 characters count.
        """
        uploaded = await client.files_upload_v2(
            content=data, filename=name, alt_txt=alt[:LONGEST_ALT] if alt else None
        )
        file_id: str = uploaded["files"][0]["id"]
        for _ in range(READY_POLLS):
            info = await client.files_info(file=file_id)
            if info["file"].get("mimetype"):
                break
            await asyncio.sleep(0.25)
        return file_id


async def _read(content: aiohttp.StreamReader) -> bytes:
    """All of it, or just too much of it."""
    data = bytearray()
    async for chunk in content.iter_chunked(65_536):
        data += chunk
        if len(data) > MAX_BYTES:
            break
    return bytes(data)
