"""Many tasks' work in one go: each gets its own result, its own failure, and waits for nobody."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.grouping import Group


class Work:
    """Doubles numbers; refuses to do zero, alone or with others. Waits until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        self.goes_on.set()

    async def __call__(self, batch: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(batch))
        self.begun.set()
        await self.goes_on.wait()
        if 0 in batch:
            raise ZeroDivisionError("zero")
        return [2 * number for number in batch]


async def test_what_comes_meanwhile_is_done_together_and_each_gets_its_own() -> None:
    work = Work()
    group = Group(work)
    assert await asyncio.gather(*(group.do(number) for number in range(1, 6))) == [2, 4, 6, 8, 10]
    assert work.batches == [[1, 2, 3, 4, 5]]


async def test_nobody_waits_for_company_unless_asked_to() -> None:
    work = Work()
    group = Group(work)
    assert await group.do(1) == 2
    assert await group.do(2) == 4
    assert work.batches == [[1], [2]]


async def test_company_is_waited_for_where_that_was_asked() -> None:
    work = Work()
    group = Group(work, window_s=0.05)

    async def later(number: int) -> int:
        await asyncio.sleep(0.001 * number)
        return await group.do(number)

    assert await asyncio.gather(*(later(number) for number in (1, 2, 3))) == [2, 4, 6]
    assert work.batches == [[1, 2, 3]]


async def test_a_batch_is_no_larger_than_it_may_be() -> None:
    work = Work()
    group = Group(work, most=2, window_s=0.001)
    assert await asyncio.gather(*(group.do(number) for number in range(1, 6))) == [2, 4, 6, 8, 10]
    assert work.batches == [[1, 2], [3, 4], [5]]


async def test_one_that_fails_fails_alone() -> None:
    work = Work()
    group = Group(work, window_s=0.001)
    results = await asyncio.gather(*(group.do(n) for n in (1, 0, 2)), return_exceptions=True)
    assert isinstance(results[1], ZeroDivisionError)
    assert [results[0], results[2]] == [2, 4]
    assert await group.do(3) == 6, "the next ones are done as before"


async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    work = Work()
    work.goes_on.clear()
    group = Group(work, window_s=0.001)
    waiting = [asyncio.create_task(group.do(number)) for number in (1, 2, 3)]
    await work.begun.wait()
    waiting[1].cancel()
    work.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting[1]
    assert [await waiting[0], await waiting[2]] == [2, 6]
    assert work.batches == [[1, 2, 3]]
