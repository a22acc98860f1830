"""Stages for journeys: see ``stage.py``."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.stage import Stage, staged
from tests.servers.chromium import NewPage


@pytest.fixture
async def stage(tmp_path: Path, new_page: NewPage) -> AsyncIterator[Stage]:
    """A running bot over Socket Mode, set up as in `make play`."""
    async with staged(tmp_path / "stage", new_page) as made:
        yield made


@pytest.fixture(params=[False, True], ids=["sockets", "http"])
async def either_stage(
    request: pytest.FixtureRequest, tmp_path: Path, new_page: NewPage
) -> AsyncIterator[Stage]:
    """The same once with sockets and once with signed HTTP requests."""
    async with staged(tmp_path / "stage", new_page, over_http=request.param) as made:
        yield made
