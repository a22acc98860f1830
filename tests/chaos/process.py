"""The bot as it is killed: `python -m bot run` with the networks and the short leases of here.

``python -m tests.chaos.process`` says ``{"ready": true}`` when it runs. It ends in order on
SIGTERM, and at once when whoever started it is gone, even while it is stopped.
"""

import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from pathlib import Path

from bot.__main__ import LOG_FORMAT, stop_signal
from bot.bootstrap import running
from bot.settings import read_settings
from tests.chaos.networks import REGISTRY
from tests.chaos.plan import TIMING

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """The kernel kills this process when its parent ends, even if it is stopped then."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["CHAOS_PARENT"]):
        sys.exit("whoever started this is gone")


async def run() -> None:
    """Run until SIGTERM."""
    settings = read_settings(os.environ, Path("no-dotenv-here"), REGISTRY)
    logging.basicConfig(level=settings.log_level, format=LOG_FORMAT)
    async with running(settings, REGISTRY, timing=TIMING):
        stopped = asyncio.create_task(stop_signal())
        await asyncio.sleep(0)
        print(json.dumps({"ready": True}), flush=True)
        await stopped


if __name__ == "__main__":
    end_with_parent()
    asyncio.run(run())
