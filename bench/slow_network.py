"""A social network that answers a post as Sandbox does, after 50 ms, and counts; and a Slack that
takes every message, 50 edits a minute as the real one (Tier 3).

A process of its own on a raw protocol (some 30 µs a request), so that it is never what is slow:
``python -m bench.slow_network`` prints its address. ``GET /seen`` tells what came, ``DELETE /seen``
forgets it.
"""

import asyncio
import json
import time
from collections import Counter
from typing import Any

from bot.playground.seed import TEAM

LATENCY_S = 0.05
FIRST = 100  # arrivals that are told one by one
EDITS_A_MINUTE = 50

PERSON = {"handle": "acorn", "name": "Acorn Coffee", "url": "http://127.0.0.1/acorn"}
TOOK = {"ok": True, "channel": "C1", "ts": "1.000001"}
ANSWERS: dict[bytes, Any] = {
    b"POST /api/login ": {"token": "token", "person": PERSON},
    b"GET /api/me ": {**PERSON, "followers": 1, "following": 1, "posts": 1},
    b"GET /api/notifications": {"notifications": [], "cursor": "1"},
    b"GET /api/posts": {"posts": []},
    b"POST /slack/auth.test ": {
        "ok": True,
        "team_id": TEAM.id,
        "team": TEAM.name,
        "user_id": "UBOT",
        "url": "https://acorn.slack.com/",
        "bot_id": "BBOT",
    },
}


class Seen:
    """What was posted."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.answered_at = 0.0
        self.answered = 0
        self.edits = 0
        self.shown = 0  # to one person: Slack messages, Homes
        self.by_key: dict[str, str] = {}  # the id of the post that a key made
        self.texts: Counter[str] = Counter()

    def post(self, key: str, text: str) -> str:
        """The id of the post; the same key gives the same one."""
        self.arrivals.append(time.time())
        if key not in self.by_key:
            self.by_key[key] = f"p{len(self.by_key)}"
            self.texts[text] += 1
        return self.by_key[key]

    def told(self) -> dict[str, Any]:
        return {
            "requests": len(self.arrivals),
            "answered": self.answered,
            "posts": len(self.by_key),
            "doubled": sum(times > 1 for times in self.texts.values()),
            "first": sorted(self.arrivals[: 2 * FIRST])[:FIRST],
            "answered_at": self.answered_at,
            "shown": self.shown,
        }


class Connection(asyncio.Protocol):
    """One connection: one request after the other."""

    seen = Seen()

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            ends = end + 4 + int(_header(head, b"content-length") or 0)
            if len(self._buffer) < ends:
                return
            body, self._buffer = self._buffer[end + 4 : ends], self._buffer[ends:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"POST /api/posts "):
            key = _header(head, b"idempotency-key").decode()
            post_id = Connection.seen.post(key, json.loads(body)["text"])
            asyncio.get_running_loop().call_later(LATENCY_S, self._posted, post_id)
        elif head.startswith(b"POST /slack/chat.update "):
            Connection.seen.edits += 1
            self._write(TOOK, status=200 if Connection.seen.edits <= EDITS_A_MINUTE else 429)
        elif head.startswith((b"POST /slack/chat.postEphemeral ", b"POST /slack/views.publish ")):
            Connection.seen.shown += 1
            self._write(TOOK)
        elif head.startswith(b"GET /seen "):
            self._write(Connection.seen.told())
        elif head.startswith(b"DELETE /seen "):
            Connection.seen = Seen()
            self._write({})
        else:
            known = (answer for start, answer in ANSWERS.items() if head.startswith(start))
            self._write(next(known, TOOK))

    def _posted(self, post_id: str) -> None:
        self._write({"id": post_id, "url": f"http://127.0.0.1/{post_id}"})
        Connection.seen.answered += 1
        Connection.seen.answered_at = time.time()

    def _write(self, answer: Any, *, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        wait = "" if status == 200 else "Retry-After: 60\r\n"
        head = (
            f"HTTP/1.1 {status} Answered\r\nContent-Type: application/json\r\n{wait}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


def _header(head: bytes, name: bytes) -> bytes:
    start = head.lower().find(b"\r\n" + name + b": ")
    if start < 0:
        return b""
    start += len(name) + 4
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else None]


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
