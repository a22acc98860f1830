"""The worlds that most of these tests stand in; a file whose world differs has its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.world import World, world


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """On both databases."""
    async with world(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[World]:
    """On SQLite only, for rules that don't depend on the database."""
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path) as made:
        yield made
