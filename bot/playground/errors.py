"""Slack's refusals.

SlackError -- the Web API answers ``{"ok": false, "error": ...}``
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """A refusal with Slack's own error name.

    ``messages`` go into ``response_metadata.messages``; ``extra`` joins the answer as it is
    (``needed`` and ``provided`` of a missing scope).
    """

    def __init__(self, error: str, messages: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = tuple(messages)
        self.extra = extra
