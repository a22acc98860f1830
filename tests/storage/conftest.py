"""A migrated database, once on SQLite and once on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from storage.database import Database
from storage.migrations import migrate


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await migrate(database)
    yield database
    await database.close()
