"""Doing in one transaction what several tasks want at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Group(Generic[T, R]):
    """Gathers items while the batch before them is worked on.

    :param work: does a batch, and gives one result for each item, in their order.
    :param window_s: how long a batch waits for company; 0: not at all.
    :param most: the largest batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        window_s: float = 0,
        most: int = 100,
    ) -> None:
        self._work = work
        self._window_s = window_s
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def do(self, item: T) -> R:
        """The item's result.

        :raises Exception: what its work raised.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._run(), name="group")
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                if self._window_s:
                    await asyncio.sleep(self._window_s)
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._do(batch)
        finally:
            self._worker = None

    async def _do(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:  # handed to whoever waits for it
            if len(batch) > 1:
                for each in batch:  # one that can't be done must not stop the others
                    await self._do([each])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
