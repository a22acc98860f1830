"""Bringing the app what happens: over an open socket if there is one, else signed HTTP.

Source: Slack's "Verifying requests", "Events API" (retries and their headers).
"""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.parse
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from slack_sdk.signature import SignatureVerifier

from bot.networks.transport import Transport
from bot.playground.faults import DeliveryTrouble, Faults
from bot.playground.records import Json
from bot.playground.socket_mode import Kind, SocketMode, Unacknowledged
from bot.playground.workspace import Workspace

ANSWER_SECONDS = 3.0
EVENT_RETRY_SECONDS = (0.0, 60.0, 300.0)
OLD_SECONDS = 600
LOG_LENGTH = 50

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request to the app.

    ``problem`` is empty if it was acknowledged, else ``timeout``, ``connection_failed``,
    ``http_error`` (see ``status``), ``not_running`` or ``not_interactive``. ``body`` is
    JSON, text, or empty.
    """

    status: int = 200
    body: Any = None
    problem: str = ""

    @property
    def acknowledged(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class Delivered:
    """One request as it went out; over a socket without headers and content."""

    kind: Kind
    payload: Json
    headers: dict[str, str]
    content: bytes
    answer: Answer


class Delivery:
    """The way to the app.

    :param request_url: where signed HTTP goes; without one only sockets are used.
    :param event_retry_seconds: pauses before each repeat of an unacknowledged event.
    """

    def __init__(
        self,
        workspace: Workspace,
        faults: Faults,
        *,
        request_url: str | None = None,
        event_retry_seconds: Sequence[float] = EVENT_RETRY_SECONDS,
    ) -> None:
        self.socket = SocketMode(workspace)
        self.request_url = request_url
        self.log: deque[Delivered] = deque(maxlen=LOG_LENGTH)
        self._workspace = workspace
        self._faults = faults
        self._event_retry_seconds = tuple(event_retry_seconds)
        self._client = httpx.AsyncClient(transport=Transport(connections=100))
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def is_app_there(self) -> bool:
        """Whether there is somewhere to deliver to."""
        return self.socket.is_open or self.request_url is not None

    async def request(self, kind: Kind, payload: Json) -> Answer:
        """Deliver a command or an interaction and wait for the answer, three seconds at most.

        Like Slack's, interactions stay undelivered if the manifest doesn't ask for them.
        """
        if kind is Kind.INTERACTION and not self._workspace.app.is_interactive:
            return Answer(status=0, problem="not_interactive")
        return await self._send(kind, payload, self._faults.take_for_delivery())

    def send_event(self, payload: Json) -> None:
        """Deliver an event in the background, again and again until it is acknowledged."""
        task = asyncio.create_task(self._deliver_event(payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until no event is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def replay(self, index: int = -1) -> int:
        """Send a logged HTTP request again, byte for byte; the app's HTTP status.

        :raises LookupError: if there is no such request, or it went over a socket.
        """
        delivered = self.log[index]
        if self.request_url is None or not delivered.headers:
            raise LookupError("that request did not go over HTTP")
        response = await self._client.post(
            self.request_url, content=delivered.content, headers=delivered.headers
        )
        return response.status_code

    async def close(self) -> None:
        """Stop repeating events and let go of the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.socket.disconnect(everyone=True)
        await self._client.aclose()

    async def _deliver_event(self, payload: Json) -> None:
        trouble = self._faults.take_for_delivery()
        answer = await self._send(Kind.EVENT, payload, trouble)
        if answer.acknowledged and trouble is DeliveryTrouble.REPEATED:
            await self._send(Kind.EVENT, payload, None, attempt=1, reason="http_timeout")
        for attempt, pause in enumerate(self._event_retry_seconds, start=1):
            if answer.acknowledged:
                return
            reason = f"http_{answer.problem}" if answer.problem == "timeout" else answer.problem
            await asyncio.sleep(pause)
            answer = await self._send(Kind.EVENT, payload, None, attempt=attempt, reason=reason)
        if not answer.acknowledged:
            logger.warning("the app never acknowledged event %s", payload.get("event_id"))

    async def _send(
        self,
        kind: Kind,
        payload: Json,
        trouble: DeliveryTrouble | None,
        attempt: int = 0,
        reason: str = "",
    ) -> Answer:
        if self.socket.is_open:
            answer = await self._send_by_socket(kind, payload, attempt, reason)
            self.log.append(Delivered(kind, payload, {}, b"", answer))
            return answer
        if self.request_url is None:
            return Answer(status=0, problem="not_running")
        content, headers = self._signed(kind, payload, trouble)
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        answer = await self._send_by_http(self.request_url, content, headers)
        self.log.append(Delivered(kind, payload, headers, content, answer))
        return answer

    async def _send_by_socket(self, kind: Kind, payload: Json, attempt: int, reason: str) -> Answer:
        try:
            body = await self.socket.request(
                kind, payload, ANSWER_SECONDS, attempt, reason.removeprefix("http_")
            )
        except Unacknowledged as failure:
            return Answer(status=0, problem=failure.reason)
        return Answer(body=body)

    async def _send_by_http(self, url: str, content: bytes, headers: dict[str, str]) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._client.post(
                    url, content=content, headers=headers, timeout=None
                )
        except TimeoutError:
            return Answer(status=0, problem="timeout")
        except httpx.HTTPError:
            return Answer(status=0, problem="connection_failed")
        if not response.is_success:
            return Answer(response.status_code, response.text, "http_error")
        return Answer(response.status_code, _parsed(response.text))

    def _signed(
        self, kind: Kind, payload: Json, trouble: DeliveryTrouble | None
    ) -> tuple[bytes, dict[str, str]]:
        if kind is Kind.EVENT:
            content, content_type = json.dumps(payload), "application/json"
        else:
            form = payload if kind is Kind.COMMAND else {"payload": json.dumps(payload)}
            content, content_type = (
                urllib.parse.urlencode(form),
                "application/x-www-form-urlencoded",
            )
        age = OLD_SECONDS if trouble is DeliveryTrouble.OLD_TIMESTAMP else 0
        timestamp = str(int(self._workspace.now()) - age)
        secret = self._workspace.app.signing_secret
        if trouble is DeliveryTrouble.WRONG_SIGNATURE:
            secret = secret[::-1] + "0"
        signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=content)
        return content.encode(), {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": str(signature),
        }


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except json.JSONDecodeError:
        return text
