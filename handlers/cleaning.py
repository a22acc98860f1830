"""What can't be kept is taken out of everything that Slack sends, before anything reads it.

JSON can carry half a surrogate pair and NUL. No encoding has the first, PostgreSQL refuses the
second, and both are mistakes or mischief: each becomes �.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


async def clean_body(req: AsyncBoltRequest, next: Callable[[], Awaitable[Any]]) -> Any:
    """Bolt's middleware (its names for arguments): the body, cleaned in place."""
    _clean(req.body)
    return await next()


def keepable(text: str) -> str:
    """The text with � for what no database takes."""
    return _UNKEEPABLE.sub("�", text)


def _clean(part: Any) -> None:
    """Without recursion: how deep it goes is for the sender to say."""
    left = [part]
    while left:
        inner = left.pop()
        for key, value in inner.items() if isinstance(inner, dict) else enumerate(inner):
            if isinstance(value, str):
                if _UNKEEPABLE.search(value):
                    inner[key] = keepable(value)
            elif isinstance(value, dict | list):
                left.append(value)
