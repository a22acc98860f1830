"""Trouble on demand: what a real Slack does on a bad day, one call or delivery at a time."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections import deque
from dataclasses import dataclass
from weakref import WeakValueDictionary

from bot.playground.records import Json


class ApiTrouble(enum.StrEnum):
    """What happens to a Web API call.

    ``LOST``: the call is carried out, then the connection is cut instead of an answer.
    ``GARBLED``: the call is carried out, then something on the way answers with its own page.
    ``LATE``: the call is carried out at once, its answer comes ``seconds`` later.
    ``ERROR``: the answer is ``{"ok": false, "error": <name>}`` and nothing is carried out.
    """

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    SLOW = "slow"
    LOST = "lost"
    GARBLED = "garbled"
    LATE = "late"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ApiFault:
    """Trouble for the next ``times`` calls of ``method`` ("*": any); ``seconds`` to be slow by or
    to name in Retry-After; ``error`` the name for ``ERROR``."""

    method: str
    trouble: ApiTrouble
    times: int = 1
    seconds: float = 1
    error: str = "fatal_error"


class DeliveryTrouble(enum.StrEnum):
    """What is wrong with a request to the app.

    Signature and timestamp go wrong over HTTP only. ``REPEATED``: an event is delivered once more
    as if its acknowledgement had been lost.
    """

    WRONG_SIGNATURE = "wrong_signature"
    OLD_TIMESTAMP = "old_timestamp"
    REPEATED = "repeated"


class Faults:
    """The trouble that is still to come."""

    def __init__(self) -> None:
        self._api: list[ApiFault] = []
        self._deliveries: deque[DeliveryTrouble] = deque()
        self.limit_channels = False
        """Whether a second ``chat.postMessage`` within a second in a channel is answered 429."""
        self.transports: WeakValueDictionary[object, asyncio.Transport] = WeakValueDictionary()
        """The open connections by their peer's address, for answers that get lost."""

    def trouble_calls(
        self,
        method: str,
        trouble: ApiTrouble,
        *,
        times: int = 1,
        seconds: float = 1,
        error: str = "fatal_error",
    ) -> None:
        """Let the next ``times`` calls of ``method`` go wrong."""
        self._api.append(ApiFault(method, trouble, times, seconds, error))

    def trouble_deliveries(self, trouble: DeliveryTrouble, *, times: int = 1) -> None:
        """Let the next ``times`` requests to the app go wrong."""
        self._deliveries.extend([trouble] * times)

    def take_for_call(self, method: str) -> ApiFault | None:
        """What shall happen to this call; counts as one of its times."""
        for index, fault in enumerate(self._api):
            if fault.method in ("*", method):
                if fault.times > 1:
                    self._api[index] = dataclasses.replace(fault, times=fault.times - 1)
                else:
                    del self._api[index]
                return fault
        return None

    def take_for_delivery(self) -> DeliveryTrouble | None:
        """What shall happen to this request to the app."""
        return self._deliveries.popleft() if self._deliveries else None

    def clear(self) -> None:
        self._api.clear()
        self._deliveries.clear()
        self.limit_channels = False

    def pending(self) -> Json:
        """What is still to come, for the control address."""
        return {
            "calls": [dataclasses.asdict(fault) for fault in self._api],
            "deliveries": list(self._deliveries),
            "limit_channels": self.limit_channels,
        }
