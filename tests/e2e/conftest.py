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
