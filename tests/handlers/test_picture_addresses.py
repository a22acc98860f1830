"""The bot's token goes to Slack and nowhere else, whatever address a file has."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from yarl import URL

from bot.clock import Clock
from bot.errors import UserError
from bot.media import MediaFolder, OfferedPicture
from handlers.pictures import Pictures, is_slacks
from storage.database import Database
from tests.servers.web import serve

SLACK = "https://slack.com/api/"


@pytest.mark.parametrize(
    ("address", "is_its_own"),
    [
        ("https://files.slack.com/files-pri/T1-F1/a.png", True),
        ("https://acorn.enterprise.slack.com/files/a.png", True),
        ("https://slack.com/a.png", True),
        ("http://files.slack.com/a.png", False),
        ("https://slack.com.evil.example/a.png", False),
        ("https://evilslack.com/a.png", False),
        ("https://drive.google.com/a.png", False),
        ("https://files.slack.com@evil.example/a.png", False),
        ("https://u:p@files.slack.com/a.png", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("file:///etc/passwd", False),
        ("/a.png", False),
        ("", False),
    ],
)
def test_only_slacks_own_hosts_are_slacks(address: str, is_its_own: bool) -> None:
    assert is_slacks(URL(address), SLACK) == is_its_own


@contextlib.asynccontextmanager
async def listening(tokens: list[str | None]) -> AsyncIterator[str]:
    """A server that isn't Slack's; it notes the tokens that it is given."""

    async def anything(request: Request) -> Response:
        tokens.append(request.headers.get("authorization"))
        return Response(b"x", media_type="image/png")

    async with serve(Starlette(routes=[Route("/{rest:path}", anything)])) as address:
        yield address


@pytest.fixture
async def pictures(tmp_path: Path) -> AsyncIterator[Pictures]:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    yield Pictures(database, MediaFolder(tmp_path), Clock())
    await database.close()


def offered(url: str) -> list[OfferedPicture]:
    return [OfferedPicture("F1", "a.png", "image/png", 1, url)]


async def test_a_file_that_is_kept_elsewhere_is_not_fetched(pictures: Pictures) -> None:
    tokens: list[str | None] = []
    async with listening(tokens) as elsewhere:
        client = AsyncWebClient(token="xoxb-secret", base_url=SLACK)
        with pytest.raises(UserError, match="isn't kept in Slack"):
            await pictures.copy(client, "T1", offered(f"{elsewhere}/a.png"))
    assert tokens == []


async def test_a_redirect_out_of_slack_is_not_followed(pictures: Pictures) -> None:
    tokens: list[str | None] = []

    async def away(request: Request) -> Response:
        return RedirectResponse(f"{elsewhere}/a.png")

    async def round_and_round(request: Request) -> Response:
        return RedirectResponse("/round")

    routes = [Route("/away", away), Route("/round", round_and_round)]
    async with listening(tokens) as elsewhere, serve(Starlette(routes=routes)) as slack:
        client = AsyncWebClient(token="xoxb-secret", base_url=f"{slack}/api/")
        with pytest.raises(UserError, match="isn't kept in Slack"):
            await pictures.copy(client, "T1", offered(f"{slack}/away"))
        with pytest.raises(UserError, match="in circles"):
            await pictures.copy(client, "T1", offered(f"{slack}/round"))
    assert tokens == []
