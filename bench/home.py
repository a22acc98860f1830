"""App Home: from Slack's event to the view that is published, among few posts and many."""

import asyncio
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from slack_sdk.signature import SignatureVerifier

from bench.filling import clear, schedule, submit
from bench.page import Section, Table
from bench.social import SlowNetwork, slow_network
from bench.stage import SECRET, prepared, running_bot
from bot.playground.seed import BEN, TEAM
from storage.database import Database
from storage.rows import new_id

SIZES = (300, 10_000)
WAITING = 200  # of them for a decision: more than a team ever lets wait
OPENED = 20  # times in a run
MINUTE = timedelta(minutes=1)

HOW = f"""From Slack's event (*somebody opened App Home*, signed HTTP) until the view arrives at
Slack: an approver's Home, with {WAITING} posts that wait for a decision and so many in all. *Worst*
is of all openings of all runs."""


async def measure(runs: int, sizes: Sequence[int] = SIZES) -> Section:
    """All sizes in turn, several times."""
    taken: dict[int, list[float]] = defaultdict(list)
    async with slow_network() as network:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            url = f"sqlite:///{folder / 'socialdesk.db'}"
            environment = await prepared(folder, network.address, url)
            for _ in range(runs):
                for size in sizes:
                    seconds = await _opened(network, environment, size)
                    taken[size] += seconds
                    print(f"  {size:,} posts: {statistics.median(seconds):.3f} s", flush=True)
    rows = [
        [
            f"{size:,} posts",
            f"{statistics.median(seconds) * 1000:.0f} ms",
            f"{max(seconds) * 1000:.0f} ms",
        ]
        for size, seconds in taken.items()
    ]
    return Section("App Home", HOW, [Table(["opened among", "median", "worst"], rows)])


async def _opened(
    network: SlowNetwork, environment: Mapping[str, str], size: int
) -> Sequence[float]:
    database = Database(environment["DATABASE_URL"])
    await clear(database)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await schedule(database, size - WAITING, tomorrow, apart=MINUTE)
    await submit(database, WAITING, tomorrow)
    await database.close()
    async with running_bot(environment) as bot, httpx.AsyncClient(timeout=30) as client:
        await _open(client, bot.address, network)  # what is slow only once
        return [await _open(client, bot.address, network) for _ in range(OPENED)]


async def _open(client: httpx.AsyncClient, address: str, network: SlowNetwork) -> float:
    """Seconds until the view was published."""
    shown = (await network.seen()).shown
    body = json.dumps(
        {
            "type": "event_callback",
            "event_id": f"Ev{new_id()}",
            "event_time": int(time.time()),
            "team_id": TEAM.id,
            "api_app_id": "A1",
            "event": {
                "type": "app_home_opened",
                "user": BEN,
                "channel": "D1",
                "tab": "home",
                "event_ts": f"{time.time():.6f}",
            },
        }
    )
    stamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": str(signature),
    }
    begun = time.perf_counter()
    (await client.post(address, content=body, headers=headers)).raise_for_status()
    while (await network.seen()).shown == shown:  # noqa: ASYNC110  # another process
        await asyncio.sleep(0.002)
    return time.perf_counter() - begun
