"""A small Slack on a free port, and the official clients that talk to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.seed import seed
from bot.playground.server import create_app, serving
from bot.playground.slack import Slack
from bot.playground.workspace import Workspace
from tests.playground.manifest import MANIFEST


class Clock:
    """Unix time that goes on by itself and can be put forward."""

    def __init__(self, real: Callable[[], float]) -> None:
        self._real = real
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._real() + self._ahead

    def forward(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time)


@pytest.fixture
def workspace(tmp_path: Path, clock: Clock) -> Workspace:
    workspace = Workspace(tmp_path / "slack", MANIFEST, now=clock)
    seed(workspace)
    return workspace


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[Slack]:
    """A Slack that is being served, strict about arguments."""
    slack = Slack.around(workspace, event_retry_seconds=(0.0, 0.05, 0.1))
    async with serving(slack, create_app(slack, strict=True)):
        yield slack
    await slack.close()


@pytest.fixture
def client(slack: Slack) -> AsyncWebClient:
    """The official client with the bot's token."""
    return AsyncWebClient(
        token=slack.workspace.app.bot_token, base_url=f"{slack.workspace.base_url}/api/"
    )
