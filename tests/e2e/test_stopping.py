"""SIGTERM while a network is slow or silent: what is being sent is finished, up to a limit."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.bootstrap import DRAIN_S
from bot.playground.faults import ApiTrouble
from bot.playground.play import playground
from tests.e2e.stage import Stage
from tests.e2e.test_process import process, publish, rows
from tests.servers.eventually import eventually
from tests.servers.web import serve

STOPPING = "Stopping: what is being sent is finished first."


@dataclass(slots=True)
class Gate:
    """Stands before Sandbox, and lets posts through only while it is open."""

    address: str = ""
    behind: str = ""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    came: int = 0

    async def pass_on(self, request: Request) -> Response:
        body = await request.body()
        if request.method == "POST" and request.url.path == "/sandbox/api/posts":
            self.came += 1
            await self.open.wait()
        kept = {"authorization", "content-type", "idempotency-key"}
        async with httpx.AsyncClient(base_url=self.behind) as client:
            answer = await client.request(
                request.method,
                request.url.path,
                params=request.query_params,
                content=body,
                headers={name: value for name, value in request.headers.items() if name in kept},
            )
        return Response(answer.content, answer.status_code, media_type="application/json")


@contextlib.asynccontextmanager
async def gated(folder: Path) -> AsyncIterator[tuple[Stage, Gate]]:
    gate = Gate()
    app = Starlette(
        routes=[Route("/{path:path}", gate.pass_on, methods=["GET", "POST", "DELETE", "PUT"])]
    )
    async with (
        playground(folder / "behind", 0, {}) as (_, gate.behind),
        serve(app) as address,
        process(folder / "bot", environment={"SANDBOX_URL": f"{address}/sandbox"}) as stage,
    ):
        stage.address = gate.behind  # whose Sandbox the bot posts to
        yield stage, gate


async def begin_to_publish(stage: Stage, gate: Gate) -> None:
    await publish(stage, "Fresh beans")

    async def has_come() -> bool:
        return gate.came > 0

    await eventually(has_come)


async def stop(stage: Stage) -> asyncio.Task[int]:
    stopping = asyncio.create_task(stage.end_bot(signal.SIGTERM))

    async def has_heard() -> bool:
        return STOPPING in stage.log()

    await eventually(has_heard)
    return stopping


def state(stage: Stage) -> list[tuple[str, str]]:
    return rows(
        stage,
        "SELECT deliveries.state, parts.state FROM deliveries JOIN parts "
        "ON parts.delivery_id = deliveries.id",
    )


async def test_what_a_slow_network_is_taking_is_finished_first(tmp_path: Path) -> None:
    async with gated(tmp_path) as (stage, gate):
        await begin_to_publish(stage, gate)
        stopping = await stop(stage)
        assert state(stage) == [("sending", "begun")]
        assert not stopping.done()
        gate.open.set()
        assert await stopping == 0
        assert len(await stage.live("Fresh beans")) == 1
        assert state(stage) == [("published", "done")]
        assert gate.came == 1
        assert "Traceback" not in stage.log()


async def test_all_that_stays_silent_is_waited_for_together_no_longer_than_the_limit(
    tmp_path: Path,
) -> None:
    async with gated(tmp_path) as (stage, gate):
        stage.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.SLOW, seconds=600)
        await begin_to_publish(stage, gate)

        async def slack_is_silent() -> bool:
            return not stage.slack.faults.pending()["calls"]

        await eventually(slack_is_silent)
        stopping = await stop(stage)
        async with asyncio.timeout(DRAIN_S + 10):
            assert await stopping == 0
        assert [part for _, part in state(stage)] == ["begun"]
        assert "Traceback" not in stage.log()
        gate.open.set()
        await stage.start_bot()
        await stage.goes_live("Fresh beans")

        async def is_settled() -> bool:
            return state(stage) == [("published", "done")]

        await eventually(is_settled)
        assert len(await stage.live("Fresh beans")) == 1
