"""The program as an operator meets it: a process that starts, stops, fails and is killed."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from bot.composing import PostForm
from bot.playground.faults import ApiTrouble
from bot.playground.seed import ANA, APPROVALS, BEN, SOCIAL, TEAM
from bot.team import Person
from handlers.slack_side import SOCKETS
from storage.records import Post, Verdict
from tests.e2e.stage import ROOT, Stage, staged
from tests.servers.eventually import eventually

KEY = Fernet.generate_key().decode()


async def no_page(_: Any = None) -> Any:
    raise AssertionError("these tests need no browser")


@contextlib.asynccontextmanager
async def process(folder: Path, **other: Any) -> AsyncIterator[Stage]:
    async with staged(folder, no_page, **other) as made:
        yield made


async def ended(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run the program to its end: exit code, what it printed, what it complained of."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, complaint = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    assert program.returncode is not None
    return program.returncode, out.decode(), complaint.decode()


# Without settings


@pytest.mark.parametrize("command", ["--help", "run --help", "play --help", "doctor --help"])
async def test_help_needs_no_setting(tmp_path: Path, command: str) -> None:
    code, out, _ = await ended(tmp_path, *command.split())
    assert code == 0
    assert "usage: python -m bot" in out


async def test_the_manifest_needs_no_setting_and_is_json_alone(tmp_path: Path) -> None:
    code, out, complaint = await ended(tmp_path, "manifest")
    assert code == 0
    assert json.loads(out)["settings"]["socket_mode_enabled"] is True
    assert "https://api.slack.com/apps?new_app=1&manifest_json=" in complaint
    code, out, _ = await ended(tmp_path, "manifest", "--url", "https://desk.example/")
    made = json.loads(out)
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["features"]["slash_commands"][0]["url"] == "https://desk.example/slack/events"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["run", "migrate"])
async def test_missing_settings_are_all_named_and_nothing_is_made(
    tmp_path: Path, command: str
) -> None:
    code, out, complaint = await ended(tmp_path, command, LOG_LEVEL="LOUD")
    assert code == 2
    for name in ("SECRET_KEY", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "LOG_LEVEL"):
        assert f"  {name}: " in complaint
    assert "Traceback" not in complaint + out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://u:hidden@127.0.0.1:1/x"),
        ("DATABASE_URL", "sqlite:////no-such-folder/x.db"),
        ("DATA_DIR", "/dev/null/x"),
    ],
)
@pytest.mark.parametrize("command", ["run", "migrate"])
async def test_a_place_that_cannot_be_used_is_named(
    tmp_path: Path, command: str, name: str, value: str
) -> None:
    given = {"SECRET_KEY": KEY, "SLACK_BOT_TOKEN": "xoxb-hidden", "SLACK_APP_TOKEN": "xapp-hidden"}
    code, out, complaint = await ended(tmp_path, command, **given, **{name: value})
    assert code == 2
    assert f"  {name}: " in complaint
    assert "can't be used" in complaint
    assert "Traceback" not in complaint + out
    assert "hidden" not in complaint + out


async def test_a_slack_that_cannot_be_reached_is_said_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
    code, _, complaint = await ended(
        tmp_path,
        "run",
        SECRET_KEY=KEY,
        SLACK_BOT_TOKEN="xoxb-hidden",
        SLACK_APP_TOKEN="xapp-hidden",
        SLACK_API_URL=f"http://127.0.0.1:{port}/api/",
    )
    assert code == 2
    assert (
        f"SLACK_API_URL: Slack can't be reached (ClientConnectorError) at http://127.0.0.1:{port}"
        in complaint
    )
    assert "Traceback" not in complaint
    assert "hidden" not in complaint


# Running


async def publish(stage: Stage, text: str) -> Post:
    accounts = await eventually(lambda: _accounts(stage))
    form = PostForm(text=text, account_ids=tuple(accounts))
    post = (await stage.services.drafting.submit(Person(TEAM.id, ANA), form)).post
    decided = await stage.services.approvals.decide(
        Person(TEAM.id, BEN), post.id, Verdict.APPROVED, revision_id=post.revision_id
    )
    return decided.post


async def _accounts(stage: Stage) -> list[str]:
    async with stage.services.database.reading() as tx:
        return [choice.account.id for choice in await stage.services.accounts.choices(tx, TEAM.id)]


def texts(stage: Stage, channel: str = APPROVALS) -> list[str]:
    return [json.dumps(message.blocks) for message in stage.slack.workspace.timeline(channel)]


async def shown(stage: Stage, text: str) -> int:
    return sum(text in said for said in texts(stage))


def rows(stage: Stage, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(stage.database_file)) as database:
        return database.execute(query).fetchall()


async def test_a_stop_ends_well_and_the_next_start_finds_its_data(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        await publish(stage, "Fresh beans")
        await stage.goes_live("Fresh beans")
        assert await stage.end_bot(signal.SIGTERM) == 0
        assert "Stopping: what is being sent is finished first." in stage.log()
        await stage.start_bot()
        assert (await stage.slack.people.slash_command(BEN, SOCIAL, "/social queue")).ok
        assert await stage.end_bot(signal.SIGINT) == 0
        assert "Traceback" not in stage.log()
        assert len(await stage.live("Fresh beans")) == 1


async def test_a_stop_finishes_the_message_that_is_being_sent(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        stage.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.SLOW, seconds=2)
        await publish(stage, "Fresh beans")

        async def is_sending() -> bool:
            return not stage.slack.faults.pending()["calls"]

        await eventually(is_sending)
        assert await stage.end_bot(signal.SIGTERM) == 0
        assert await shown(stage, "Fresh beans") == 1
        [(ts, state)] = rows(stage, "SELECT ts, state FROM notices WHERE card = 'approval'")
        assert ts
        assert state in ("sent", "owed"), "owed anew, if its post went on meanwhile"
        await stage.start_bot()

        async def is_told() -> bool:
            return await shown(stage, "Take down") == 1

        await eventually(is_told)
        assert await shown(stage, "Fresh beans") == 1


async def test_a_stop_while_a_network_hangs_repeats_nothing(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        await stage.trouble_sandbox("hang")
        await publish(stage, "Fresh beans")
        await eventually(lambda: _has_begun(stage))
        stopping = asyncio.create_task(stage.end_bot(signal.SIGTERM))
        await asyncio.sleep(0.5)
        async with httpx.AsyncClient() as client:
            await client.delete(f"{stage.address}/sandbox/control/faults")
        assert await stopping == 0
        assert await stage.live("Fresh beans") == []
        await stage.start_bot()
        await stage.goes_live("Fresh beans", within=40)


async def _has_begun(stage: Stage) -> bool:
    return rows(stage, "SELECT count(*) FROM parts WHERE state = 'begun'") == [(1,)]


async def test_a_kill_while_a_card_is_sent_loses_no_card(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        stage.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.SLOW, seconds=600)
        await publish(stage, "Fresh beans")

        async def is_sending() -> bool:
            return not stage.slack.faults.pending()["calls"]

        await eventually(is_sending)
        await stage.end_bot(signal.SIGKILL)
        await stage.start_bot()
        await eventually(lambda: shown(stage, "Fresh beans"))
        assert await shown(stage, "Fresh beans") == 1


async def test_a_token_that_slack_refuses_is_named_and_not_shown(tmp_path: Path) -> None:
    async with process(tmp_path) as stage:
        await stage.end_bot()
        given = dict(stage.environment)
        for name, wrong in (("SLACK_BOT_TOKEN", "xoxb-wrong"), ("SLACK_APP_TOKEN", "xapp-wrong")):
            code, _, complaint = await ended(tmp_path, "run", **{**given, name: wrong})
            assert code == 2
            assert f"  {name}: Slack refuses it (invalid_auth)." in complaint
            assert "Traceback" not in complaint
            assert wrong not in complaint


async def test_another_apps_settings_in_the_environment_change_nothing(tmp_path: Path) -> None:
    """Bolt reads these by itself."""
    other = {
        "SLACK_SIGNING_SECRET": "y",
        "SLACK_SCOPES": "admin",
        "SLACK_REDIRECT_URI": "https://other.example",
    }
    async with process(tmp_path, environment=other) as stage:
        assert (await stage.slack.people.slash_command(ANA, SOCIAL, "/social")).ok

        async def is_answered() -> bool:
            return bool(stage.slack.workspace.timeline(SOCIAL, ANA))

        await eventually(is_answered)


async def test_health_beside_a_socket_lets_no_unsigned_request_in(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with process(tmp_path, environment={"HTTP_PORT": str(port)}) as stage:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            said = (await client.get("/health")).json()
            assert (said["ok"], said["sockets"]) == (True, SOCKETS)
            command = {"command": "/social", "text": "", "team_id": TEAM.id, "user_id": BEN}
            assert (await client.post("/slack/events", data=command)).status_code == 404
        taken = {**stage.environment, "DATA_DIR": str(tmp_path / "other")}
        code, _, complaint = await ended(tmp_path, "run", **taken)
        assert code == 2
        assert f"HTTP_PORT: 127.0.0.1:{port} can't be used" in complaint


# Playing


@contextlib.asynccontextmanager
async def playing(folder: Path, *, data: str = "play", **environment: str) -> AsyncIterator[str]:
    """`python -m bot play` until the end of the block; its address."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "play", "--port", "0", "--data", data),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=PIPE,
    )
    try:
        async with asyncio.timeout(60):
            yield await _address(program)
    finally:
        program.send_signal(signal.SIGTERM)
        assert await program.wait() == 0


async def _address(program: Process) -> str:
    assert program.stdout is not None
    async for line in program.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", line.decode())
        if found:
            return found[0]
    raise AssertionError("the playground didn't start")


async def brand_posts(address: str, *, write: str = "") -> list[str]:
    async with httpx.AsyncClient(base_url=f"{address}/sandbox/api") as client:
        login = {"handle": "acorn", "password": "acorn-coffee"}
        token = (await client.post("/login", json=login)).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        if write:
            await client.post("/posts", json={"text": write})
        return [post["text"] for post in (await client.get("/posts")).json()["posts"]]


async def test_playing_again_finds_what_was_there(tmp_path: Path) -> None:
    async with playing(tmp_path) as address:
        assert "Fresh beans" in await brand_posts(address, write="Fresh beans")
    async with playing(tmp_path) as address:
        assert "Fresh beans" in await brand_posts(address)


async def test_a_taken_port_is_said_with_another_to_try(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, complaint = await ended(tmp_path, "play", "--port", str(port))
    assert code == 1
    assert f"Port {port} is taken" in complaint
    assert "--port" in complaint
    assert "Traceback" not in complaint + out


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"])
async def test_beside_a_real_token_nobody_plays(tmp_path: Path, name: str) -> None:
    code, _, complaint = await ended(tmp_path, "play", **{name: "xoxb-real"})
    assert code == 2
    assert name in complaint
    assert "xoxb-real" not in complaint


async def test_every_call_is_written_down_as_json_lines(tmp_path: Path) -> None:
    record = tmp_path / "calls.jsonl"
    environment: Mapping[str, str] = {"PLAYGROUND_RECORD": str(record)}
    async with playing(tmp_path, **environment):
        pass
    calls = [json.loads(line) for line in record.read_text().splitlines()]
    assert all(set(call) == {"method", "arguments", "answer"} for call in calls)
    assert {"auth.test", "apps.connections.open"} <= {call["method"] for call in calls}
    assert all(call["answer"]["ok"] for call in calls)
    assert not re.search(r"xox[a-z]-\w|xapp-\w", record.read_text())
