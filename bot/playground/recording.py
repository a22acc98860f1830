"""A record of every Web API call, to be held against other descriptions of Slack's contract."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.playground.records import Json

_TOKEN = re.compile(r"\b(xox[a-z]|xapp)-[\w-]+")


class Recorder:
    """Appends one JSON line a call: method, arguments, answer. Tokens are masked."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lines = path.open("a", encoding="utf-8", buffering=1)

    def record(self, method: str, arguments: Mapping[str, Any], answer: Json) -> None:
        line = json.dumps(
            {"method": method, "arguments": dict(arguments), "answer": answer}, ensure_ascii=False
        )
        self._lines.write(_TOKEN.sub(r"\1-***", line) + "\n")

    def close(self) -> None:
        self._lines.close()
