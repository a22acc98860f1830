"""Wait for what another process will have done in a moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], *, within: float = 15) -> T:
    """Look until what is seen is truthy (not empty, not None), and return it.

    :raises AssertionError: it wasn't within that many seconds; says what was seen last.
    """
    deadline = time.monotonic() + within
    while not (seen := await look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {seen!r} after {within} s")
        await asyncio.sleep(0.05)
    return seen
