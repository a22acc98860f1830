"""The bot as it is killed: `python -m bot run` with the networks and the short leases of here.

``python -m tests.chaos.process`` says ``{"ready": true}`` when it runs. It ends in order on
SIGTERM, and at once when whoever started it is gone, even while it is stopped. On SIGUSR1 its
SQLite file may grow no further, on SIGUSR2 as it likes.
"""

import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from pathlib import Path

from sqlalchemy import text

from bot import logs
from bot.__main__ import served, stop_signal
from bot.bootstrap import running
from bot.settings import read_settings
from storage.database import Database
from storage.rows import Transaction
from tests.chaos.networks import REGISTRY
from tests.chaos.plan import TIMING

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

log = logging.getLogger(__name__)


def end_with_parent() -> None:
    """The kernel kills this process when its parent ends, even if it is stopped then."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["CHAOS_PARENT"]):
        sys.exit("whoever started this is gone")


ANY_PAGES = 1_073_741_823  # what SQLite begins with


async def limit_pages(database: Database, *, is_full: bool) -> None:
    """Through both connections that write: the limit is each connection's own."""

    async def limit(tx: Transaction) -> None:
        used = (await tx.connection.execute(text("PRAGMA page_count"))).scalar_one()
        most = used if is_full else ANY_PAGES
        await tx.connection.execute(text(f"PRAGMA max_page_count = {most}"))
        log.info("The database may have %s pages.", most)

    async with database.transaction() as tx:
        await limit(tx)
    await database.at_once(limit)


async def run() -> None:
    """Run until SIGTERM."""
    settings = read_settings(os.environ, Path("no-dotenv-here"), REGISTRY)
    logs.configure(settings.log_level)
    loop = asyncio.get_running_loop()
    limiting: set[asyncio.Task[None]] = set()
    async with running(settings, REGISTRY, timing=TIMING) as bot:

        def limit(is_full: bool) -> None:
            task = loop.create_task(limit_pages(bot.services.database, is_full=is_full))
            limiting.add(task)
            task.add_done_callback(limiting.discard)

        loop.add_signal_handler(signal.SIGUSR1, limit, True)
        loop.add_signal_handler(signal.SIGUSR2, limit, False)
        stopped = asyncio.create_task(stop_signal())
        await asyncio.sleep(0)
        print(json.dumps({"ready": True}), flush=True)
        await stopped


if __name__ == "__main__":
    end_with_parent()
    served(run())
