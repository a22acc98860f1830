"""What is served over HTTP: only what Slack signed gets in, and nothing too large is read."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

from bot.health import HealthCheck
from bot.serving import LARGEST_BODY
from bot.web import create_app
from handlers.signed import SignedRequests
from storage.database import Database
from storage.migrations import migrate
from tests.servers.web import serve

SECRET = "the workspace's secret"
EVENT = json.dumps({"type": "event_callback", "event_id": "E1", "event": {"type": "user_change"}})


@dataclass
class Door:
    client: httpx.AsyncClient
    database: Database
    file: Path
    let_in: list[Any] = field(default_factory=list)

    async def send(self, body: str = EVENT, *, age: int = 0, **headers: str) -> httpx.Response:
        stamp = str(int(time.time()) - age)
        signed = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": str(
                SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
            ),
        }
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/slack/events", content=body, headers={**signed, **given})


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """The application on a real socket, with Bolt behind it as in the bot."""
    file = tmp_path / "x.db"
    database = Database(f"sqlite:///{file}")
    await migrate(database)

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1")

    app = AsyncApp(authorize=authorize, signing_secret=SECRET)
    async with (
        serve(create_app(SignedRequests(app, SECRET).handle, HealthCheck(database))) as address,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client,
    ):
        made = Door(client, database, file)

        @app.event("user_change")
        async def listener(body: dict[str, Any]) -> None:
            made.let_in.append(body)

        yield made
    await database.close()


async def test_a_signed_request_is_let_in(door: Door) -> None:
    assert (await door.send()).status_code == 200
    assert len(door.let_in) == 1


@pytest.mark.parametrize(
    ("age", "headers"),
    [
        (0, {"X_Slack_Signature": "v0=" + "0" * 64}),
        (0, {"X_Slack_Signature": ""}),
        (301, {}),
        (-330, {}),
        (0, {"X_Slack_Request_Timestamp": "yesterday"}),
        (0, {"X_Slack_Request_Timestamp": "١٢"}),
        (0, {"X_Slack_Request_Timestamp": "0"}),
    ],
    ids=["forged", "unsigned", "replayed", "future", "no number", "odd digits", "other time"],
)
async def test_a_forged_or_replayed_request_is_refused_and_logged(
    door: Door, age: int, headers: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    encoded = {name: value.encode() for name, value in headers.items()}
    with caplog.at_level(logging.WARNING, "bot.web"):
        answer = await door.send(age=age, **encoded)
    assert answer.status_code == 401
    assert door.let_in == []
    assert "Refused a request that Slack didn't sign" in caplog.text
    assert "127.0.0.1" in caplog.text


async def test_who_knocks_often_gets_one_line_a_minute(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "bot.web"):
        answers = [await door.send(X_Slack_Signature="") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {401}
    assert caplog.text.count("Refused a request") == 1


async def test_without_any_header_it_is_refused(door: Door) -> None:
    assert (await door.client.post("/slack/events", content=EVENT)).status_code == 401


async def test_a_changed_body_is_refused(door: Door) -> None:
    stamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=EVENT)
    answer = await door.client.post(
        "/slack/events",
        content=EVENT.replace("E1", "E2"),
        headers={"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": str(signature)},
    )
    assert answer.status_code == 401


async def test_more_than_a_megabyte_is_refused_however_it_is_sent(door: Door) -> None:
    too_much = "x" * (LARGEST_BODY + 1)
    assert (await door.send(too_much)).status_code == 413

    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield too_much[: LARGEST_BODY // 10].encode()

    answer = await door.client.post("/slack/events", content=in_chunks())
    assert answer.status_code == 413
    assert door.let_in == []


async def test_a_body_in_chunks_is_read_whole(door: Door) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for sign in EVENT:
            yield sign.encode()

    stamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=EVENT)
    answer = await door.client.post(
        "/slack/events",
        content=in_chunks(),
        headers={
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": str(signature),
        },
    )
    assert answer.status_code == 200
    assert len(door.let_in) == 1


async def test_a_client_that_goes_away_disturbs_nobody(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", door.client.base_url.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    await writer.drain()
    writer.close()
    assert (await door.send()).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/slack/events"), ("POST", "/health")])
async def test_other_methods_are_refused(door: Door, method: str, path: str) -> None:
    assert (await door.client.request(method, path)).status_code == 405


async def test_health_says_what_a_monitor_needs(door: Door) -> None:
    answer = await door.client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "ok": True,
        "database": "ok",
        "publishing_lag_s": 0,
        "notices_owed": 0,
        "sockets": None,
    }


async def test_a_full_database_is_not_healthy(door: Door) -> None:
    async with door.database.transaction() as tx:
        [pages] = (await tx.connection.exec_driver_sql("PRAGMA page_count")).one()
        await tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    answer = await door.client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "ok": False,
        "database": "database or disk is full",
        "publishing_lag_s": 0,
        "notices_owed": 0,
        "sockets": None,
    }


async def test_a_locked_database_is_not_healthy_and_is_said_soon(door: Door) -> None:
    other = sqlite3.connect(door.file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    answer = await door.client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["ok"] is False
    assert answer.json()["database"] == "no answer in 3 s"
    other.execute("ROLLBACK")
    other.close()
    assert (await door.client.get("/health")).status_code == 200


async def test_beside_a_socket_there_is_nowhere_to_send_unsigned_requests(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await migrate(database)
    async with (
        serve(create_app(None, HealthCheck(database))) as address,
        httpx.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        assert (await client.post("/slack/events", content=EVENT)).status_code == 404
        assert (await client.get("/health")).status_code == 200
    await database.close()
