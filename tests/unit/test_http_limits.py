"""Strangers at the door: whatever is sent to any address over HTTP, the answer is a plain refusal,
nothing happens, and little memory is held."""

import asyncio
import contextlib
import json
import socket
import sys
import time
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import uvicorn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from bot.serving import Bounded, PatientNoLonger, server_config
from tests.handlers.stage import Stage, staged
from tests.unit.rows import changes, everything

SECRET = "a signing secret"
PLAIN = {"Content-Type": "application/x-www-form-urlencoded"}


def signed(body: bytes, secret: str = SECRET, *, age: int = 0) -> dict[str, str]:
    stamp = str(int(time.time()) - age)
    signature = SignatureVerifier(secret).generate_signature(
        timestamp=stamp, body=body.decode("utf-8", "replace")
    )
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": str(signature)}


@dataclass
class Door:
    stage: Stage
    address: str
    folder: Path
    client: httpx.AsyncClient

    async def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self.client.post("/slack/events", content=body, headers=headers)


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """An application served with the bot's own settings."""
    server = uvicorn.Server(server_config(app))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            await running


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Door]:
    """The whole bot. People use it by Socket Mode; Slack's requests by HTTP are let in too."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"slack_signing_secret": SECRET, "http_port": port, "poll_seconds": 3600}
    address = f"http://127.0.0.1:{port}"
    async with (
        staged(folder, **settings) as stage,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client,
    ):
        yield Door(stage, address, folder, client)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as made:
        yield made


def says_nothing_about_us(answer: httpx.Response) -> bool:
    told = answer.text + repr(answer.headers.multi_items())
    return not any(
        word in told.lower()
        for word in ("traceback", "uvicorn", "starlette", "python", ".py", "bolt")
    )


# -- What is sent ----------------------------------------------------------------------------------

PATHS = ("/slack/events", "/health", "/", "/slack/install", "/slack/oauth_redirect", "/metrics")
KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data",
)
EVENT = json.dumps(
    {
        "type": "event_callback",
        "team_id": "T0ACORN0001",
        "event_id": "Ev1",
        "event": {"type": "user_change", "user": {"id": "U0ANA000001", "deleted": True}},
    }
).encode()
PAYLOAD = (
    b"payload="
    + urllib.parse.quote(
        json.dumps({"type": "block_actions", "actions": [{"action_id": "approve", "value": "{}"}]})
    ).encode()
)
COMMAND = urllib.parse.urlencode(
    {"command": "/social", "text": "pause now", "team_id": "T0ACORN0001", "user_id": "U0EVA000001"}
).encode()

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "event",
                    "user",
                    "team",
                    "team_id",
                    "view",
                    "actions",
                    "payload",
                    "command",
                ]
            )
            | st.text(max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_types = st.sampled_from(
    ["block_actions", "view_submission", "view_closed", "message_action", "event_callback", "?"]
)
_callbacks = st.builds(
    lambda kind, rest: {"type": kind, **rest},
    _types,
    st.dictionaries(
        st.sampled_from(["event", "user", "team", "view", "actions", "callback_id", "channel"]),
        _json,
        max_size=6,
    ),
)
bodies = st.one_of(
    st.binary(max_size=400),
    st.builds(
        lambda whole, at: whole[:at],
        st.sampled_from([EVENT, PAYLOAD, COMMAND]),
        st.integers(0, 120),
    ),
    _json.map(lambda value: json.dumps(value).encode()),
    _callbacks.map(lambda value: json.dumps(value).encode()),
    _callbacks.map(lambda value: b"payload=" + urllib.parse.quote(json.dumps(value)).encode()),
    st.sampled_from([4, 60_000]).map(lambda depth: b"[" * depth),
    st.sampled_from([4, 30_000]).map(lambda depth: b"payload=" + b"%5B" * depth),
    st.just(b"\xff\xfe payload"),
)
odd_headers = st.dictionaries(
    st.sampled_from(["X-Slack-Request-Timestamp", "X-Slack-Signature", "Content-Type"]),
    st.lists(st.sampled_from([*range(0x21, 0x7F), *range(0x80, 0x100)]), max_size=40).map(bytes)
    | st.sampled_from([b"9" * 5_000, b"-1", b"1e9", b"NaN", "١٢".encode(), b"v0=", b"v0=\xe9"]),
    max_size=3,
)


async def test_whatever_strangers_send_is_refused_and_changes_nothing(door: Door) -> None:
    before = everything(door.folder)

    @settings(max_examples=60, deadline=None, database=None)
    @given(
        body=bodies,
        headers=odd_headers,
        path=st.sampled_from(PATHS),
        method=st.sampled_from(["POST", "POST", "PUT", "DELETE", "GET"]),
    )
    @example(body=EVENT, headers={}, path="/slack/events", method="POST")
    @example(
        body=b"x",
        headers={"X-Slack-Request-Timestamp": b"9" * 5_000, "X-Slack-Signature": b"v0=a"},
        path="/slack/events",
        method="POST",
    )
    def anything(body: bytes, headers: dict[str, bytes], path: str, method: str) -> None:
        with httpx.Client(base_url=door.address, trust_env=False, timeout=30) as client:
            answer = client.request(method, path, content=body, headers=dict(headers))
        if not (method == "GET" and path == "/health"):
            assert 400 <= answer.status_code < 500, answer.text
        assert says_nothing_about_us(answer)

    await asyncio.to_thread(anything)
    await door.stage.settled()
    assert changes(before, everything(door.folder)) == {}


async def test_whatever_is_signed_is_answered_and_garbage_changes_nothing(door: Door) -> None:
    """Who knows the secret is Slack; what it may send some day must not break anything either."""
    before = everything(door.folder)

    @settings(max_examples=60, deadline=None, database=None)
    @given(body=bodies, kind=st.sampled_from(KINDS))
    def anything(body: bytes, kind: str) -> None:
        if body in (EVENT, COMMAND):
            return
        with httpx.Client(base_url=door.address, trust_env=False, timeout=30) as client:
            headers = {**signed(body), "Content-Type": kind}
            answer = client.post("/slack/events", content=body, headers=headers)
        assert answer.status_code == 200 or 400 <= answer.status_code < 500, answer.text
        assert says_nothing_about_us(answer)

    await asyncio.to_thread(anything)
    await door.stage.settled()
    assert changes(before, everything(door.folder)) == {}


async def test_the_same_signed_request_again_has_no_second_effect(door: Door) -> None:
    """Within five minutes a replayed request is as good as Slack's own repeat: harmless."""
    headers = {**signed(COMMAND), **PLAIN}
    for _ in range(3):
        assert (await door.post(COMMAND, headers)).status_code == 200
        await door.stage.settled()
    rows = everything(door.folder)
    assert len(rows["brakes"]) == 1
    for _ in range(2):
        sent = {**signed(EVENT), "Content-Type": "application/json"}
        assert (await door.post(EVENT, sent)).status_code == 200
        await door.stage.settled()
    assert len([row for row in everything(door.folder)["history"] if "roles" in row]) == 1


async def test_stale_and_foreign_signatures_are_refused(door: Door) -> None:
    before = everything(door.folder)
    for headers in (
        signed(COMMAND, age=301),
        signed(COMMAND, age=-301),
        signed(COMMAND, "another secret"),
        signed(COMMAND + b"&text=resume"),
    ):
        assert (await door.post(COMMAND, {**headers, **PLAIN})).status_code == 401
    await door.stage.settled()
    assert changes(before, everything(door.folder)) == {}


# -- How it is sent --------------------------------------------------------------------------------


async def raw(address: str, *pieces: bytes, pause_s: float = 0) -> bytes:
    """Bytes on a socket; all that comes back until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
    answer = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            answer = await reader.read()
    writer.close()
    return answer


async def answered(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


HEAD = b"POST /slack/events HTTP/1.1\r\nHost: x\r\n"


async def test_a_body_that_never_ends_is_given_up() -> None:
    async with served(Bounded(answered, patience_s=0.3)) as address:
        began = time.monotonic()
        slow = [HEAD + b"Content-Length: 100\r\n\r\n", *[b"x"] * 8]
        answer = await raw(address, *slow, pause_s=0.1)
        assert answer.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 5


async def test_a_declared_size_is_refused_before_a_byte_of_it_is_read() -> None:
    async with served(Bounded(answered)) as address:
        for length in (b"1000001", b"9" * 30):
            answer = await raw(address, HEAD + b"Content-Length: " + length + b"\r\n\r\n")
            assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))


async def test_a_head_that_never_ends_is_given_up() -> None:
    class Hasty(PatientNoLonger):
        head_s = 0.3

    config = server_config(Bounded(answered))
    config.http = Hasty
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        address = f":{listener.getsockname()[1]}"
        began = time.monotonic()
        assert await raw(address, b"") == b""
        assert await raw(address, HEAD, b"X-A: 1\r\n", b"X-B: 2\r\n", pause_s=0.2) == b""
        assert time.monotonic() - began < 5
        whole = HEAD + b"Content-Length: 1\r\n\r\n"
        assert b"fine" in await raw(address, whole, b"x" + whole, b"x", pause_s=0.2)
        server.should_exit = server.force_exit = True
        await running


async def test_an_endless_head_is_refused() -> None:
    async with served(Bounded(answered)) as address:
        answer = await raw(address, HEAD + b"X-Long: " + b"a" * 200_000)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
        assert b"fine" not in answer


@pytest.fixture
def flooded(tmp_path: Path) -> Iterator[tuple[int, psutil.Process]]:
    child = psutil.Popen(
        [sys.executable, "-m", "tests.unit.flooded", str(tmp_path), SECRET], stdout=-1, text=True
    )
    assert child.stdout is not None
    yield int(child.stdout.readline()), child
    child.terminate()
    child.wait(20)
    child.stdout.close()


async def test_a_flood_of_large_bodies_holds_little_memory(
    flooded: tuple[int, psutil.Process],
) -> None:
    """180 connections with 500 MB; and a press of Slack's still gets in."""
    port, child = flooded
    before = child.memory_info().rss
    peak = before
    stamp = str(int(time.time())).encode()
    fresh = b"X-Slack-Request-Timestamp: " + stamp + b"\r\nX-Slack-Signature: v0=0\r\n"
    chunk = b"x" * 90_000

    async def flood(number: int) -> None:
        if number % 2:
            pieces = [HEAD + fresh + b"Content-Length: 950000\r\n\r\n", *[chunk] * 10]
        else:
            framed = b"%x\r\n%b\r\n" % (len(chunk), chunk)
            pieces = [HEAD + fresh + b"Transfer-Encoding: chunked\r\n\r\n", *[framed] * 10]
        for _ in range(3):
            await raw(f":{port}", *pieces)

    floods = [asyncio.create_task(flood(number)) for number in range(180)]
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        for _ in range(5):
            await asyncio.sleep(0.3)
            peak = max(peak, child.memory_info().rss)
            body = b'{"type": "event_callback", "event": {"type": "nothing"}}'
            headers = {**signed(body), "Content-Type": "application/json"}
            url = f"http://127.0.0.1:{port}/slack/events"
            assert (await client.post(url, content=body, headers=headers)).status_code < 500
    await asyncio.gather(*floods)
    peak = max(peak, child.memory_info().rss)
    # About 1 MB a connection, in uvicorn's and asyncio's own buffers; and no more the longer it
    # goes on. Without the limits Slack's press waits for more than 20 s.
    assert peak - before < 250_000_000, f"{(peak - before) / 1e6:.0f} MB"
