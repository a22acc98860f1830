"""Stages for tests of the features in Slack: see ``stage.py``."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.stage import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A workspace that is set up as in `make play`: five people, five channels, Sandbox."""
    async with staged(tmp_path) as made:
        yield made


@pytest.fixture
async def empty_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """The same people and channels, but nobody has set Socialdesk up yet."""
    async with staged(tmp_path, is_set_up=False) as made:
        yield made
