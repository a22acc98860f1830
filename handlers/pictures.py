"""Pictures between Slack and us: a person's upload is copied once, and cards show the bot's own."""

import asyncio
from collections.abc import Sequence

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from bot.clock import Clock
from bot.errors import UserError
from bot.media import MAX_BYTES, MediaFolder, OfferedPicture, check_offered
from handlers.slack_calls import UNREACHABLE, refusal
from storage import media
from storage.database import Database
from storage.records import Medium

READY_POLLS = 20
MOST_REDIRECTS = 3
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
        timeout = aiohttp.ClientTimeout(total=30)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                response = await _from_slack(session, client, picture)
                async with response:
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


async def _from_slack(
    session: aiohttp.ClientSession, client: AsyncWebClient, picture: OfferedPicture
) -> aiohttp.ClientResponse:
    """The answer at a file's address, redirects followed inside Slack alone: the bot's token goes
    along, and a file that is kept elsewhere (Google Drive) has that server's address here.

    :raises UserError: the address isn't Slack's.
    """
    url = URL(picture.url)
    for _ in range(MOST_REDIRECTS + 1):
        if not is_slacks(url, client.base_url):
            raise UserError(
                f"{picture.name} isn't kept in Slack but at {url.host or 'an unknown place'}. "
                "Download it, then upload it from your device."
            )
        response = await session.get(
            url, headers={"Authorization": f"Bearer {client.token}"}, allow_redirects=False
        )
        moved = response.headers.get("Location")
        if response.status not in (301, 302, 303, 307, 308) or moved is None:
            return response
        response.release()
        url = url.join(URL(moved))
    raise UserError(f"Slack sent us round in circles for {picture.name}. Choose it again.")


def is_slacks(url: URL, api: str) -> bool:
    """Whether an address belongs to the Slack whose Web API we call (https://slack.com/api/ has its
    files at https://files.slack.com)."""
    ours = URL(api)
    if not ours.host or not url.host or url.user is not None:
        return False
    if url.origin() == ours.origin():
        return True
    own = ours.host.removeprefix("www.")
    return url.scheme == ours.scheme == "https" and url.host.endswith(f".{own}")


async def _read(content: aiohttp.StreamReader) -> bytes:
    """All of it, or just too much of it."""
    data = bytearray()
    async for chunk in content.iter_chunked(65_536):
        data += chunk
        if len(data) > MAX_BYTES:
            break
    return bytes(data)
