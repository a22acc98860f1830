"""Nothing is lost and nothing comes twice, whatever breaks: 500 posts on each database."""

import asyncio
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.database import TRIED_AGAIN_AFTER_S
from storage.records import Part, PartState
from storage.rows import many
from storage.tables import parts
from tests.chaos.harness import Bot, Chaos, staged
from tests.chaos.plan import make_plan
from tests.servers.eventually import eventually
from tests.servers.postgres import PROGRAM, PostgreSQL
from tests.servers.process import ServerProcess

Fill = Callable[..., None]

SEED = "every post once"
REPLICAS = 3


async def judged(chaos: Chaos) -> None:
    verdict = await chaos.verdict()
    assert verdict.is_kept, await chaos.report(verdict)


async def test_killed_and_stopped_alone_on_sqlite(tmp_path: Path) -> None:
    plan = make_plan(SEED, posts=500, kills=6, processes=1, lasting_s=18)
    url = f"sqlite:///{tmp_path / 'socialdesk.db'}"
    async with staged(plan, url, tmp_path, processes=1) as chaos:
        await chaos.happen()
        await judged(chaos)


async def test_killed_and_stopped_side_by_side_on_postgresql(
    tmp_path: Path, postgresql_url: str
) -> None:
    plan = make_plan(SEED, posts=500, kills=9, processes=REPLICAS, lasting_s=18)
    async with staged(plan, postgresql_url, tmp_path, processes=REPLICAS) as chaos:
        await chaos.happen()
        await judged(chaos)


@pytest.fixture
def own_postgresql(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that no other test has."""
    with ServerProcess(
        [sys.executable, PROGRAM, "embedded"], folder=tmp_path / "postgresql"
    ) as process:
        yield process


async def test_the_database_server_restarted_in_the_middle(
    tmp_path: Path, own_postgresql: ServerProcess
) -> None:
    plan = make_plan(SEED, posts=500, kills=6, processes=REPLICAS, lasting_s=18)
    with PostgreSQL(own_postgresql.ready["url"]).new_database() as url:
        async with staged(plan, url, tmp_path, processes=REPLICAS) as chaos:
            happening = asyncio.create_task(chaos.happen())
            await eventually(lambda: some_are_out(chaos, 150), within=60)
            await asyncio.to_thread(own_postgresql.order, "stop")
            for bot in chaos.bots:
                bot.interrupted.add(bot.pid)
            await eventually(chaos.none_is_well, within=60)
            await asyncio.to_thread(own_postgresql.order, "start")
            await happening
            await eventually(chaos.all_are_well, within=60)
            await judged(chaos)


def no_file_grows(bot: Bot, *, is_full: bool) -> None:
    """No commit goes through."""
    bot.limit_files(0 if is_full else resource.RLIM_INFINITY)


def no_page_more(bot: Bot, *, is_full: bool) -> None:
    """What fits into the pages there are is committed, anything else isn't."""
    bot.limit_pages(is_full=is_full)


@pytest.mark.parametrize("fill", [no_file_grows, no_page_more])
async def test_no_room_in_the_middle_on_sqlite(tmp_path: Path, fill: Fill) -> None:
    plan = replace(make_plan(SEED, posts=150, kills=0, processes=1, lasting_s=12), incidents=())
    url = f"sqlite:///{tmp_path / 'socialdesk.db'}"
    async with staged(plan, url, tmp_path, processes=1) as chaos:
        [bot] = chaos.bots
        await eventually(lambda: some_are_out(chaos, 40), within=60)
        fill(bot, is_full=True)
        asked_before = len(await chaos.asked())
        await eventually(chaos.none_is_well)
        # Longer than what became of a call is tried to be kept: then it is as after a crash.
        await asyncio.sleep(sum(TRIED_AGAIN_AFTER_S) + 1)
        asked = (await chaos.asked())[asked_before:]
        # What got a clear refusal may be fresh again, where that could be kept.
        sent = [each for each in asked if each["accepted"] or fill is no_file_grows]
        assert await known_as_sent(chaos) >= {each["key"] for each in sent}
        assert await chaos.none_is_well()
        fill(bot, is_full=False)
        await eventually(chaos.all_are_well)
        await judged(chaos)


async def some_are_out(chaos: Chaos, number: int) -> bool:
    return sum(1 for each in await chaos.asked() if each["accepted"]) >= number


async def known_as_sent(chaos: Chaos) -> set[str]:
    """The keys of the parts whose calls are kept as begun, or as done."""
    async with chaos.database.reading() as tx:
        begun = await many(tx, Part, select(parts).where(parts.c.state != PartState.PENDING))
    return {part.key for part in begun}
