"""Posts that are approved for a time, and what became of them, on a stage of journeys."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.composing import PostForm
from bot.playground.seed import ANA, BEN, TEAM
from bot.team import Person
from storage import deliveries
from storage.records import Delivery, Post, Verdict, When
from tests.e2e.stage import Stage, staged
from tests.servers.chromium import DESKTOP
from tests.servers.eventually import eventually


@contextlib.asynccontextmanager
async def bot_with(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Stage]:
    """A stage whose bot gets these settings besides; nobody looks at it in a browser."""

    async def no_page(size: tuple[int, int] = DESKTOP, **_: Any) -> Any:
        raise AssertionError("these tests need no browser")

    async with staged(folder, no_page, environment=environment) as stage:
        await eventually(lambda: _accounts(stage))
        yield stage


async def scheduled(stage: Stage, text: str, at: datetime) -> Post:
    """A post of Ana's that Ben has approved for a time (UTC)."""
    accounts = await _accounts(stage)
    form = PostForm(text=text, account_ids=tuple(accounts), when=When.AT, at=at)
    post = (await stage.services.drafting.submit(Person(TEAM.id, ANA), form)).post
    decided = await stage.services.approvals.decide(
        Person(TEAM.id, BEN), post.id, Verdict.APPROVED, revision_id=post.revision_id
    )
    return decided.post


async def delivery_of(stage: Stage, post: Post) -> Delivery:
    async with stage.services.database.reading() as tx:
        [delivery] = await deliveries.of_post(tx, post.id)
    return delivery


async def _accounts(stage: Stage) -> list[str]:
    async with stage.services.database.reading() as tx:
        return [choice.account.id for choice in await stage.services.accounts.choices(tx, TEAM.id)]
