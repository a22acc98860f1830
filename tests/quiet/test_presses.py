"""Rule 11: what people do often takes few presses. Each act of theirs in Slack is one: sending a
command, a button, sending a form."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.playground.records import Message, View
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, DANA
from tests.handlers.stage import Stage, labels_of, staged
from tests.handlers.test_mentions import alarm


@dataclass
class Counted:
    """A person's acts, done and counted."""

    stage: Stage
    presses: int = 0

    async def command(self, who: str, line: str) -> None:
        self.presses += 1
        await self.stage.command(who, line)

    async def press(self, who: str, place: Message | View, label: str) -> None:
        self.presses += 1
        await self.stage.press(who, place, label)

    async def submit(self, view: View, **values: str) -> None:
        self.presses += 1
        outcome = await self.stage.submit(view, **values)
        assert outcome.ok, outcome


@pytest.fixture
async def counted(tmp_path: Path) -> AsyncIterator[Counted]:
    async with staged(tmp_path) as stage:
        yield Counted(stage)


async def test_a_draft_takes_three_and_an_approval_one(counted: Counted) -> None:
    stage = counted.stage
    await counted.command(ANA, "/social draft")
    await counted.submit(await stage.modal(ANA, "draft"), text="Three presses at most", when="now")
    card = await stage.message(APPROVALS, "Three presses at most")
    assert counted.presses <= 3
    counted.presses = 0
    await counted.press(BEN, card, "Approve")
    await stage.message(APPROVALS, "Published")
    assert counted.presses == 1


async def test_a_reply_takes_two(counted: Counted) -> None:
    stage = counted.stage
    card = await alarm(stage)
    await counted.press(DANA, card, "Reply")
    await counted.submit(await stage.modal(DANA, "Reply"))
    await stage.message(ALERTS, "Answered")
    assert counted.presses <= 2


async def test_holding_everything_takes_two(counted: Counted) -> None:
    stage = counted.stage
    await counted.command(DANA, "/social pause")
    await counted.submit(await stage.modal(DANA, "Pause publishing"), reason="A recall")
    card = await stage.message(APPROVALS, "Publishing is paused everywhere")
    assert "Resume publishing" in labels_of(card)
    assert counted.presses <= 2
