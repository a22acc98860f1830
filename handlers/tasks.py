"""Work that goes on after Slack was answered: tracked, catching its own errors, drained at stop."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class Tasks:
    """Tasks that nobody awaits. Bolt's own lazy listeners can be lost at shutdown; these can't."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it on; its errors are its own business, what escapes is logged."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("Work after an answer failed.", exc_info=task.exception())

    async def drain(self, limit_s: float) -> None:
        """Wait for what is running and what it begins; what isn't done by then is cancelled."""
        until = asyncio.get_running_loop().time() + limit_s
        while self._running:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                break
            await asyncio.wait(self._running, timeout=left)
        for task in self._running:
            task.cancel()
