"""A disk that is full while the bot runs: it says so, sends nothing, and goes on by itself."""

import resource
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bot.clock import SAFETY_TICK
from tests.e2e.stage import Stage
from tests.e2e.test_process import process, publish
from tests.servers.eventually import eventually

UNLIMITED = resource.RLIM_INFINITY


def limit_files(stage: Stage, size: int) -> None:
    """How far the running bot can write into any file, in bytes."""
    assert stage.bot is not None
    resource.prlimit(stage.bot.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


async def test_nothing_goes_out_until_there_is_room_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with (
        process(tmp_path, environment={"HTTP_PORT": str(port)}) as stage,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        limit_files(stage, 0)
        answer = await client.get("/health")
        assert answer.status_code == 503
        assert answer.json()["database"] == "disk I/O error"
        await publish(stage, "Fresh beans")

        async def has_looked() -> bool:
            lag = (await client.get("/health")).json()["publishing_lag_s"]
            return timedelta(seconds=lag or 0) > SAFETY_TICK

        await eventually(has_looked)
        room_at = datetime.now(UTC)
        limit_files(stage, UNLIMITED)
        posted = await stage.goes_live("Fresh beans")
        assert datetime.fromisoformat(posted["created_at"]) >= room_at
        assert (await client.get("/health")).json()["ok"] is True
