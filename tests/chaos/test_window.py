"""The moment between the confirming statement and the call: a process that is stopped exactly there
until another one has taken over."""

import os
import signal
from pathlib import Path

import pytest

from tests.chaos.harness import ENDED, Chaos, staged
from tests.chaos.plan import Plan, PlannedPost, fault_of_post
from tests.servers.eventually import eventually

# A seed without any trouble but the stop.
SEED = next(seed for seed in map(str, range(100)) if fault_of_post(seed, "00000", 1, 1) is None)


@pytest.mark.parametrize("network", ["listed", "blind"])
async def test_who_was_stopped_right_before_a_call_does_not_make_it(
    tmp_path: Path, postgresql_url: str, network: str
) -> None:
    post = PlannedPost(0, network, 0, 0, 1, 0, is_reply=False, is_refused=False, due_after_s=0)
    halted = tmp_path / "halted"
    async with staged(
        Plan(SEED, [post], 1, ()),
        postgresql_url,
        tmp_path,
        processes=2,
        CHAOS_HALT=str(halted),
    ) as chaos:
        await eventually(lambda: written(halted), within=60)
        process = int(halted.read_text())
        for bot in chaos.bots:
            bot.interrupted.add(process)
        await eventually(lambda: has_ended(chaos), within=60)
        os.kill(process, signal.SIGCONT)
        await eventually(chaos.all_are_well, within=60)
        verdict = await chaos.verdict()
        assert verdict.is_kept, await chaos.report(verdict)


async def written(file: Path) -> bool:
    return file.exists() and file.read_text() != ""


async def has_ended(chaos: Chaos) -> bool:
    """Whether the other process has cleared it up."""
    seen = await chaos.seen()
    return all(delivery.state in ENDED for delivery in seen.deliveries.values())
