"""Answering Slack: a command and a press, beside a bare Bolt app that only acknowledges."""

import asyncio
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.filling import clear, schedule, submit
from bench.page import Section, Table
from bench.social import SlowNetwork, slow_network
from bench.stage import ROOT, free_port, prepared, running_bot, said_by, started
from bot.playground.seed import APPROVALS, BEN, SOCIAL, TEAM
from handlers.ids import Act
from handlers.payloads import pack
from storage.database import Database
from storage.records import PostState
from storage.tables import posts

BARE = str(ROOT / "bench" / "bare_bolt.py")
COMMAND, PRESS = "`/social queue`", "*Approve*"
AT_ONCE = {1: 50, 64: 500}  # how many requests of each
PAUSE_S = 0.05  # after an answer, where one person presses: nobody is quicker
SCHEDULED = 100

HOW = f"""Signed HTTP to `run` and to a bare Bolt app on the same server that acknowledges and does
nothing else, {SCHEDULED} posts in the queue. An answer is the acknowledgement that Slack waits 3 s
for; *done* is how many were worked off a second, until the queue was shown or the decision
committed. One at once: a person who presses again {PAUSE_S * 1000:.0f} ms after each answer; 64 at
once: without a pause."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of the answers, requests a second, and how many a second were done with."""

    median: float
    worst: float
    rate: float
    done: float


async def measure(runs: int, at_once: Mapping[int, int] = AT_ONCE) -> Section:
    """Both apps in turn, several times."""
    ours, bare = defaultdict(list), defaultdict(list)
    async with slow_network() as network:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            url = f"sqlite:///{folder / 'socialdesk.db'}"
            environment = await prepared(folder, network.address, url)
            for _ in range(runs):
                for case, run in (await _ours(network, environment, at_once)).items():
                    ours[case].append(run)
                for case, run in (await _bare(environment, at_once)).items():
                    bare[case].append(run)
                    print(f"  {case}: {ours[case][-1]}, bare {run}", flush=True)
    return Section("Answering Slack", HOW, [_table(ours, bare)])


def _table(
    ours: Mapping[tuple[str, int], Sequence[Run]], bare: Mapping[tuple[str, int], Sequence[Run]]
) -> Table:
    rows = []
    for what, at_once in ours:
        us, them = _medians(ours[what, at_once]), _medians(bare[what, at_once])
        rows.append(
            [
                f"{what}, {at_once} at once",
                f"{us.median * 1000:.1f} ms",
                f"{them.median * 1000:.1f} ms",
                f"{us.median / them.median:.2f}",
                f"{us.worst * 1000:.0f} ms",
                f"{us.rate:.0f}",
                f"{them.rate:.0f}",
                f"{us.done:.0f}",
            ]
        )
    columns = ["", "answer", "bare Bolt", "ratio", "worst", "requests/s", "bare Bolt", "done/s"]
    return Table(columns, rows)


def _medians(runs: Sequence[Run]) -> Run:
    return Run(
        statistics.median(run.median for run in runs),
        max(run.worst for run in runs),
        statistics.median(run.rate for run in runs),
        statistics.median(run.done for run in runs),
    )


async def _ours(
    network: SlowNetwork, environment: Mapping[str, str], at_once: Mapping[int, int]
) -> Mapping[tuple[str, int], Run]:
    database = Database(environment["DATABASE_URL"])
    await clear(database)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await schedule(database, SCHEDULED, tomorrow, apart=timedelta(minutes=1))
    taken = {}
    async with running_bot(environment) as bot:
        await _send(bot.address, [_command()] * 5, 1)  # what is slow only once
        for several, count in at_once.items():
            shown = (await network.seen()).shown
            taken[COMMAND, several] = await _timed(
                bot.address, [_command()] * count, several, _shown(network, shown + count)
            )
        for several, count in at_once.items():
            waiting = await submit(database, count, tomorrow)
            presses = [_press(made.post.id, made.revision.id) for made in waiting]
            taken[PRESS, several] = await _timed(bot.address, presses, several, _decided(database))
    await database.close()
    return taken


async def _bare(
    environment: Mapping[str, str], at_once: Mapping[int, int]
) -> Mapping[tuple[str, int], Run]:
    port = free_port()
    address = f"http://127.0.0.1:{port}/slack/events"
    taken = {}
    async with started([BARE], {**environment, "HTTP_PORT": str(port)}, "ready"):
        await _send(address, [_command()] * 5, 1)
        for what, body in ((COMMAND, _command()), (PRESS, _press("post", "revision"))):
            for several, count in at_once.items():
                taken[what, several] = await _timed(address, [body] * count, several, None)
    return taken


async def _timed(
    address: str,
    bodies: Sequence[Mapping[str, str]],
    at_once: int,
    done: Callable[[], Awaitable[bool]] | None,
) -> Run:
    told = await _send(address, bodies, at_once)
    while done is not None and not await done():  # noqa: ASYNC110  # another process
        await asyncio.sleep(0.01)
    took_s = time.time() - told["begun_at"]
    answers = told["taken"]
    rate = len(bodies) / told["whole"]
    return Run(statistics.median(answers), max(answers), rate, len(bodies) / took_s)


async def _send(
    address: str, bodies: Sequence[Mapping[str, str]], at_once: int
) -> Mapping[str, Any]:
    """Let `presses.py` send them; what it timed."""
    pause = PAUSE_S if at_once == 1 else 0.0
    lines = "\n".join(map(json.dumps, bodies))
    told = await said_by(["-m", "bench.presses", address, str(at_once), str(pause)], lines)
    answer: Mapping[str, Any] = json.loads(told)
    return answer


def _shown(network: SlowNetwork, count: int) -> Callable[[], Awaitable[bool]]:
    async def are_they() -> bool:
        return (await network.seen()).shown >= count

    return are_they


def _decided(database: Database) -> Callable[[], Awaitable[bool]]:
    query = select(func.count()).where(posts.c.state == PostState.IN_REVIEW)

    async def are_they() -> bool:
        async with database.reading() as tx:
            return (await tx.connection.execute(query)).scalar_one() == 0

    return are_they


def _command() -> Mapping[str, str]:
    return {
        "token": "token",
        "team_id": TEAM.id,
        "team_domain": "acorn",
        "channel_id": SOCIAL,
        "channel_name": "social",
        "user_id": BEN,
        "user_name": "ben",
        "command": "/social",
        "text": "queue",
        "api_app_id": "A1",
        "is_enterprise_install": "false",
        "response_url": "http://127.0.0.1:1/",
        "trigger_id": "1.1.1",
    }


def _press(post_id: str, revision_id: str) -> Mapping[str, str]:
    value = pack(post=post_id, revision=revision_id, version="1")
    button = {
        "type": "button",
        "action_id": Act.APPROVE.value,
        "block_id": "b1",
        "text": {"type": "plain_text", "text": "Approve", "emoji": True},
        "value": value,
        "style": "primary",
        "action_ts": "1.1",
    }
    blocks = [
        {
            "type": "section",
            "block_id": "b0",
            "text": {"type": "mrkdwn", "text": "The post. " * 20},
        },
        {"type": "actions", "block_id": "b1", "elements": [button]},
    ]
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": BEN, "username": "ben", "name": "ben", "team_id": TEAM.id},
        "api_app_id": "A1",
        "token": "token",
        "team": {"id": TEAM.id, "domain": "acorn"},
        "enterprise": None,
        "is_enterprise_install": False,
        "container": {
            "type": "message",
            "message_ts": "1.000001",
            "channel_id": APPROVALS,
            "is_ephemeral": False,
        },
        "trigger_id": "1.1.1",
        "channel": {"id": APPROVALS, "name": "approvals"},
        "message": {"type": "message", "user": "UBOT", "ts": "1.000001", "blocks": blocks},
        "state": {"values": {}},
        "response_url": "http://127.0.0.1:1/",
        "actions": [button],
    }
    return {"payload": json.dumps(payload)}
