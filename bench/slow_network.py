"""A social network that answers as Sandbox does, 50 ms after each request, and counts.

A process of its own on a raw protocol (some 30 µs a request), so that it is never what is slow:
``python -m bench.slow_network`` prints its address. ``GET /seen`` tells what came, ``DELETE /seen``
forgets it.
"""

import asyncio
import json
import time
from collections import Counter
from typing import Any

LATENCY_S = 0.05
FIRST = 100  # arrivals that are told one by one

PERSON = {"handle": "acorn", "name": "Acorn Coffee", "url": "http://127.0.0.1/acorn"}
ANSWERS: dict[bytes, Any] = {
    b"POST /api/login ": {"token": "token", "person": PERSON},
    b"GET /api/me ": {**PERSON, "followers": 1, "following": 1, "posts": 1},
    b"GET /api/notifications": {"notifications": [], "cursor": "1"},
    b"GET /api/posts": {"posts": []},
}


class Seen:
    """What was posted."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.answered_at = 0.0
        self.answered = 0
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
            "first": sorted(self.arrivals)[:FIRST],
            "answered_at": self.answered_at,
        }


class Connection(asyncio.Protocol):
    """One connection: one request after the other, each answered after the latency."""

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
            size = int(_header(head, b"content-length") or 0)
            if len(self._buffer) < end + 4 + size:
                return
            body, self._buffer = (
                self._buffer[end + 4 : end + 4 + size],
                self._buffer[end + 4 + size :],
            )
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /seen "):
            self._write(Connection.seen.told())
        elif head.startswith(b"DELETE /seen "):
            Connection.seen = Seen()
            self._write({})
        elif head.startswith(b"POST /api/posts "):
            key = _header(head, b"idempotency-key").decode()
            post_id = Connection.seen.post(key, json.loads(body)["text"])
            asyncio.get_running_loop().call_later(LATENCY_S, self._posted, post_id)
        else:
            known = (answer for start, answer in ANSWERS.items() if head.startswith(start))
            self._write(next(known, {}))

    def _posted(self, post_id: str) -> None:
        self._write({"id": post_id, "url": f"http://127.0.0.1/{post_id}"})
        Connection.seen.answered += 1
        Connection.seen.answered_at = time.time()

    def _write(self, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )


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
