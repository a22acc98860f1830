"""Stages for journeys: see ``stage.py``.

A journey that takes ``stage`` is made twice: once with the bot's sockets, once with Slack's signed
HTTP requests. Each has a playground, a bot and a browser of its own, as nothing that one person
did should be needed by, or in the way of, another journey: that costs two to three seconds, less
than most journeys take.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.stage import Stage, staged
from tests.servers.chromium import NewPage


@pytest.fixture(params=[False, True], ids=["sockets", "http"])
async def stage(
    request: pytest.FixtureRequest, tmp_path: Path, new_page: NewPage
) -> AsyncIterator[Stage]:
    """A running bot, set up as in `make play`."""
    async with staged(tmp_path / "stage", new_page, over_http=request.param) as made:
        yield made


@pytest.fixture
async def socket_stage(tmp_path: Path, new_page: NewPage) -> AsyncIterator[Stage]:
    """The same with sockets only, for what only they can do."""
    async with staged(tmp_path / "stage", new_page) as made:
        yield made
