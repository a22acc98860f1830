"""The social server: takes posts, goes wrong as the seed says, and keeps a log of all of it.

``python -m tests.chaos.social SEED`` prints ``{"url": ...}`` and ends when its stdin is closed. It
keeps what the networks declare (``networks.py``): an accepted post can be read within the grace,
and a key lives as long as declared. ``GET /log`` tells what it was asked and what it accepted,
``GET /uploads`` the pictures it took.
"""

import asyncio
import hashlib
import json
import re
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from aiohttp import web

from tests.chaos.networks import PICTURE, PROCESS, STAMP
from tests.chaos.plan import GRACE, KEY_LIFE, TIMING, Fault, fault_of_call, fault_of_post

MARK = re.compile(r"\[(?P<post>\d+)\.\d+/(?P<parts>\d+)\]")
LATE_S = 0.5 * TIMING.call.total_seconds()
SILENCE_S = 3 * TIMING.call.total_seconds()
WAIT_S = 1  # after a 429
DOING = frozenset(each for each in Fault if "carried out" in each)
LATE = frozenset({Fault.LATE, Fault.LATE_THEN_DROPPED})


@dataclass(slots=True)
class Asked:
    """A request to publish. Times are seconds of the machine's monotonic clock.

    ``accepted`` is the new post's id, ``repeats`` the one that its key had made before.
    ``answered_at``: when it had said in full what became of it; None: it never did.
    """

    network: str
    account: str
    mark: str
    key: str
    text: str
    pictures: list[str]
    reply_to: str | None
    process: int
    begun: float
    arrived: float
    fault: str | None
    accepted: str | None = None
    repeats: str | None = None
    accepted_at: float | None = None
    answered_at: float | None = None


@dataclass(slots=True)
class Took:
    """A picture that was taken, and answered for: of which post (its first mark), by its hash."""

    mark: str
    picture: str
    process: int
    begun: float
    answered_at: float


@dataclass(slots=True)
class _Post:
    id: str
    text: str
    reply_to: str | None
    visible_at: float

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text, "reply_to": self.reply_to}


@dataclass(slots=True)
class Social:
    """One server with all three networks, accounts named by their tokens."""

    seed: str
    log: list[Asked] = field(default_factory=list)
    _posts: dict[tuple[str, str], list[_Post]] = field(default_factory=dict)
    _keys: dict[tuple[str, str, str], tuple[str, float]] = field(default_factory=dict)
    uploads: list[Took] = field(default_factory=list)
    _calls: Counter[str] = field(default_factory=Counter)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{network}/posts", self._publish)
        app.router.add_get("/{network}/posts", self._list)
        app.router.add_post("/{network}/pictures", self._upload)
        app.router.add_get("/log", self._tell)
        app.router.add_get("/uploads", self._tell_uploads)
        return app

    async def _publish(self, request: web.Request) -> web.StreamResponse:
        network, account = _who(request)
        body = await request.json()
        [mark] = MARK.finditer(body["text"])
        number = self._count(f"post {mark['post']}")
        trouble = fault_of_post(self.seed, mark["post"], int(mark["parts"]), number)
        asked = Asked(
            network,
            account,
            mark[0],
            request.headers["Idempotency-Key"],
            **body,
            process=int(request.headers[PROCESS]),
            begun=float(request.headers[STAMP]),
            arrived=time.monotonic(),
            fault=trouble,
        )
        self.log.append(asked)
        if trouble in LATE:
            await asyncio.sleep(LATE_S)
        if trouble is not None and trouble not in DOING:
            return await _spoilt(request, trouble)
        if "nobody wants this" in body["text"]:
            return web.json_response({"error": "Nobody wants this."}, status=422)
        post_id = self._accept(asked)
        if trouble is None or trouble is Fault.LATE:
            asked.answered_at = time.monotonic()
            return web.json_response({"id": post_id}, status=201)
        return await _spoilt(request, trouble)

    def _accept(self, asked: Asked) -> str:
        now = time.monotonic()
        key = (asked.network, asked.account, asked.key)
        if asked.network == "keyed" and key in self._keys:
            known, made_at = self._keys[key]
            if now < made_at + KEY_LIFE.total_seconds():
                asked.repeats = known
                return known
        posts = self._posts.setdefault((asked.network, asked.account), [])
        post_id = f"{asked.network}-{asked.account}-{len(posts) + 1}"
        # The grace counts from the request's arrival, and what comes late appears at once.
        hidden_s = Random(f"{self.seed} {asked.mark} seen").uniform(0, GRACE.total_seconds() - 0.1)
        visible_at = max(now, asked.arrived + hidden_s)
        posts.append(_Post(post_id, asked.text, asked.reply_to, visible_at))
        self._keys[key] = (post_id, now)
        asked.accepted, asked.accepted_at = post_id, now
        return post_id

    async def _list(self, request: web.Request) -> web.StreamResponse:
        network, account = _who(request)
        if network == "blind":
            return web.json_response({"error": "There is nothing to read here."}, status=404)
        trouble = self._trouble(f"list {network} {account}")
        if trouble is not None:
            return await _spoilt(request, trouble)
        now = time.monotonic()
        posts = self._posts.get((network, account), [])
        return web.json_response([each.shown() for each in posts if each.visible_at <= now])

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        network, account = _who(request)
        data = await request.read()
        trouble = self._trouble(f"upload {network} {account} {len(data)}")
        if trouble is not None:
            return await _spoilt(request, trouble)
        took = Took(
            request.headers[PICTURE],
            hashlib.sha256(data).hexdigest()[:12],
            process=int(request.headers[PROCESS]),
            begun=float(request.headers[STAMP]),
            answered_at=time.monotonic(),
        )
        self.uploads.append(took)
        return web.json_response({"id": f"picture-{len(self.uploads)}"}, status=201)

    async def _tell(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(each) for each in self.log])

    async def _tell_uploads(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(each) for each in self.uploads])

    def _trouble(self, call: str) -> Fault | None:
        return fault_of_call(self.seed, call, self._count(call))

    def _count(self, call: str) -> int:
        self._calls[call] += 1
        return self._calls[call]


def _who(request: web.Request) -> tuple[str, str]:
    return request.match_info["network"], request.headers["Authorization"].removeprefix("Bearer ")


async def _spoilt(request: web.Request, trouble: Fault) -> web.StreamResponse:
    match trouble:
        case Fault.LIMITED:
            headers = {"Retry-After": str(WAIT_S)}
            return web.json_response({"error": "Slow down."}, status=429, headers=headers)
        case Fault.BUSY:
            return web.json_response({"error": "Not just now."}, status=503)
        case Fault.BROKEN | Fault.THEN_BROKEN:
            return web.json_response({"error": "Something broke here."}, status=500)
        case Fault.HTML | Fault.THEN_HTML:
            return web.Response(text="<!doctype html><h1>502</h1>", content_type="text/html")
        case Fault.GARBAGE | Fault.THEN_GARBAGE:
            return web.Response(text='{"id": "12", "te', content_type="application/json")
        case Fault.HANG | Fault.THEN_SILENCE:
            await asyncio.sleep(SILENCE_S)
        case Fault.RESET | Fault.THEN_RESET:
            _reset_on_close(request)
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _reset_on_close(request: web.Request) -> None:
    """Whoever waits for the answer gets an RST instead of an orderly end."""
    assert request.transport is not None
    connection: socket.socket | None = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def serve(seed: str) -> None:
    """Serve until stdin is closed."""
    runner = web.AppRunner(Social(seed).app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        await web.SockSite(runner, listener).start()
        print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
