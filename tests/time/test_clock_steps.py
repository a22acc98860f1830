"""The machine's clock is set while posts are scheduled: real processes, real servers.

On SQLite the process's own clock says what is due. Nothing goes out twice, nothing before its time
by the clock as it is then, and a clock that was set is noticed within the safety tick.
"""

import json
from datetime import timedelta
from pathlib import Path

import httpx

from bot.clock import SAFETY_TICK
from bot.playground.seed import ALERTS, ANA
from storage.records import DeliveryState, HoldReason
from tests.e2e.stage import Stage
from tests.servers.eventually import eventually
from tests.time.machine_clock import MachineClock
from tests.time.staged_posts import bot_with, delivery_of, scheduled

HOUR = timedelta(hours=1)
A_MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=3)
# The tick, and what a busy machine takes for the rest: the look, the call, our own look. With
# several suites on two cores those took longer than the tick itself, so less would fail for no
# reason; a bot that missed the step would wait for the rest of the hour.
NOTICED_S = SAFETY_TICK.total_seconds() + 25


async def test_a_step_forward_brings_out_what_is_due_by_it_and_holds_what_is_late(
    tmp_path: Path,
) -> None:
    clock = MachineClock(tmp_path)
    async with bot_with(tmp_path, clock.environment) as stage:
        late = await scheduled(stage, "Late by 40 min", clock.now() + 20 * A_MINUTE)
        due = await scheduled(stage, "Late by 10 min", clock.now() + 50 * A_MINUTE)
        coming = await scheduled(stage, "Not due yet", clock.now() + 2 * HOUR)
        clock.set(HOUR)
        await stage.goes_live("Late by 10 min", within=NOTICED_S)
        held = await eventually(lambda: is_told(stage, "Late by 40 min"), within=NOTICED_S)
        assert (await delivery_of(stage, late)).hold_reason is HoldReason.LATE
        assert "Not due yet" not in held
        assert "Late by 10 min" not in held
        assert (await delivery_of(stage, coming)).state is DeliveryState.PENDING
        assert (await delivery_of(stage, coming)).attempt == 0
        assert (await delivery_of(stage, due)).attempt == 1
        assert await stage.live("Late by 40 min") == []
        assert "Traceback" not in stage.log()


async def is_told(stage: Stage, text: str) -> str:
    """Ana's message about what is held, if it names this text."""
    channel = stage.slack.workspace.im_with_app(ANA).id
    said = [json.dumps(each.blocks) for each in stage.slack.workspace.timeline(channel)]
    return next((blocks for blocks in said if text in blocks and "held" in blocks), "")


async def test_a_step_back_brings_out_nothing_early_and_nothing_twice(tmp_path: Path) -> None:
    clock = MachineClock(tmp_path, ahead=HOUR)
    async with bot_with(tmp_path, clock.environment) as stage:
        out = await scheduled(stage, "Out before the step", clock.now() + SOON)
        await stage.goes_live("Out before the step", within=NOTICED_S)
        coming = await scheduled(stage, "A minute to go", clock.now() + A_MINUTE)
        clock.set(timedelta())
        # What comes due by the clock as it is now goes out: so the bot has looked since.
        await scheduled(stage, "Due after the step", clock.now() + SOON)
        await stage.goes_live("Due after the step", within=NOTICED_S)
        assert (await delivery_of(stage, coming)).state is DeliveryState.PENDING
        assert await stage.live("A minute to go") == []
        clock.set(HOUR + 2 * A_MINUTE)
        await stage.goes_live("A minute to go", within=NOTICED_S)
        assert len(await stage.live("Out before the step")) == 1
        for post in (out, coming):
            assert (await delivery_of(stage, post)).attempt == 1
        assert "Traceback" not in stage.log()


async def test_a_step_back_stops_nothing_that_happens_regularly(tmp_path: Path) -> None:
    """What people say goes on being heard, and not only when the hour has passed again."""
    clock = MachineClock(tmp_path, ahead=HOUR)
    async with bot_with(tmp_path, clock.environment) as stage:
        await complain(stage, "The first parcel is broken, this is awful @acorn")
        await eventually(lambda: is_raised(stage, "The first parcel"), within=40)
        clock.set(timedelta())
        await complain(stage, "The second parcel is broken, this is awful @acorn")
        await eventually(lambda: is_raised(stage, "The second parcel"), within=40)
        assert "The machine's clock was set" in stage.log()


async def complain(stage: Stage, text: str) -> None:
    async with httpx.AsyncClient(base_url=f"{stage.address}/sandbox") as client:
        answer = await client.post("/say", data={"person": "tom", "text": text})
    assert not answer.is_error, answer.text


async def is_raised(stage: Stage, text: str) -> bool:
    return any(text in json.dumps(each.blocks) for each in stage.slack.workspace.timeline(ALERTS))
