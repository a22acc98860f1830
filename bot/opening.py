"""Opening the folder and the database that everything is kept in; whatever is wrong with them is
said in words for the operator."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from bot.errors import AlreadyRunning, SettingsError
from storage import history, leases
from storage.database import Database
from storage.lock import Taken, only_process
from storage.migrations import HEAD, DatabaseTooNew, DatabaseUnusable, migrate, stored_version


def prepare_folder(folder: Path) -> None:
    """The folder of everything that is kept; nobody else on the machine may look into it.

    :raises SettingsError: it can't be made, or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        problem = f"DATA_DIR: {folder} can't be used ({error.strerror}). Name another folder."
        raise SettingsError([problem]) from error


@contextmanager
def alone_on(database: Database) -> Iterator[None]:
    """Be the only process that works on an SQLite file; any number may share a server.

    :raises AlreadyRunning: another process has it.
    :raises SettingsError: it can't be used.
    """
    with ExitStack() as stack:
        try:
            if database.file is not None:
                stack.enter_context(only_process(database.file))
        except Taken as error:
            raise AlreadyRunning(
                f"Socialdesk is running already on {database.file}: {error.holder}. "
                "Stop that one first; on PostgreSQL, several may run side by side."
            ) from error
        except OSError as error:
            problem = f"DATABASE_URL: {database.file} can't be used ({error.strerror})."
            raise SettingsError([problem]) from error
        yield


async def is_up_to_date(database: Database) -> bool:
    """Whether there is nothing to migrate.

    :raises SettingsError: it can't be used.
    """
    with _database_in_words():
        return await stored_version(database) == HEAD


async def bring_up(database: Database) -> bool:
    """Bring the database to this release; whether anything was done.

    :raises SettingsError: it can't be used, or a newer release has been there.
    """
    with _database_in_words():
        done = await migrate(database)
    async with database.reading() as tx:
        workspace_ids = await history.kept_for(tx)
    for workspace_id in workspace_ids:
        taken_in = 1
        while taken_in:
            async with database.transaction() as tx:
                taken_in = await history.take_in(tx, workspace_id)
    return done


@asynccontextmanager
async def looking_at(url: str) -> AsyncIterator[Database]:
    """The database, for who only looks at it, beside a running bot.

    :raises SettingsError: it isn't there, can't be used, or is another release's.
    """
    database = Database(url)
    try:
        if database.file is not None and not database.file.exists():
            raise SettingsError([f"DATABASE_URL: there is no database at {database.file} yet."])
        if not await is_up_to_date(database):
            raise SettingsError(
                ["DATABASE_URL: the database is another release's. `python -m bot migrate` first."]
            )
        yield database
    finally:
        await database.close()


@contextmanager
def _database_in_words() -> Iterator[None]:
    try:
        yield
    except (DatabaseTooNew, DatabaseUnusable) as error:
        raise SettingsError([f"DATABASE_URL: {error}"]) from error


async def take_over(database: Database) -> None:
    """Whoever is alone on a file needn't wait for what the process before it was at."""
    if database.file is not None:
        async with database.transaction() as tx:
            await leases.end_all(tx, await database.now(tx))
