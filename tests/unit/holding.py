"""A world in which posts are held."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.brake import Brakes
from bot.composing import PostForm
from bot.held_lists import HeldLists, seen_as
from bot.holds import Holds
from bot.team import Person
from storage import accounts, approvals, deliveries, history, holds, parts, workspaces
from storage.records import (
    Account,
    Approval,
    Card,
    Delivery,
    DeliveryState,
    Hold,
    HoldReason,
    Member,
    Notice,
    Part,
    PartKind,
    PartState,
    Post,
    Role,
    Verdict,
)
from storage.rows import many, new_id
from storage.tables import notices
from tests.unit.world import ANA, BEN, CHIDI, TEAM, World, world

DANA = Person(TEAM, "UDANA")  # answers mentions
LONG_AGO = timedelta(hours=3)


@dataclass
class Held:
    """The world, and the use cases of what is held."""

    world: World
    brakes: Brakes
    holds: Holds
    lists: HeldLists

    async def held(
        self,
        text: str = "Hello",
        reason: HoldReason = HoldReason.LATE,
        **form: Any,
    ) -> Post:
        """An approved post of Ana's that came due hours ago and is held."""
        post = await self.world.approved(text, **form)
        await self.hold(post, reason)
        return post

    async def approved_form(self, form: PostForm, author: Person = ANA) -> Post:
        """What somebody wrote in a form, approved by Ben (if it isn't his)."""
        post = (await self.world.drafting.submit(author, form)).post
        by = CHIDI if author == BEN else BEN
        decided = await self.world.approvals.decide(
            by, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
        return decided.post

    async def hold(self, post: Post, reason: HoldReason = HoldReason.LATE) -> None:
        now = datetime.now(UTC)
        async with self.world.database.transaction() as tx:
            hold_id, _ = await holds.join(tx, TEAM, post.author_id, now)
            for delivery in await deliveries.of_post(tx, post.id):
                assert await deliveries.move(
                    tx,
                    delivery.id,
                    [DeliveryState.PENDING],
                    DeliveryState.HELD,
                    hold_reason=reason,
                    hold_id=hold_id,
                    due_at=now - LONG_AGO,
                    attempt=1,
                )
            await history.note(tx, TEAM, post.id, None, "held", now, reason.value)

    async def begin(self, delivery: Delivery) -> None:
        """A call of it may have left."""
        part = Part(
            new_id(),
            delivery.id,
            0,
            PartKind.POST,
            "key",
            {},
            PartState.BEGUN,
            datetime.now(UTC),
            None,
        )
        async with self.world.database.transaction() as tx:
            await parts.insert_all(tx, [part])

    async def states(self, *found: Post) -> list[DeliveryState]:
        return [d.state for post in found for d in await self.world.deliveries(post.id)]

    async def open_list(self, author: Person = ANA) -> Hold | None:
        async with self.world.database.reading() as tx:
            return await holds.open_of(tx, TEAM, author.user_id)

    async def seen(self, hold: Hold | None = None, *, only_asked: bool = False) -> str:
        """As a card or list that is shown now says which list it is."""
        async with self.world.database.reading() as tx:
            hold_id = None if hold is None else hold.id
            return seen_as(await holds.post_ids(tx, TEAM, hold_id=hold_id, only_asked=only_asked))

    async def owed(self, card: Card) -> list[Notice]:
        """The notices of a kind of card, whatever it is about."""
        async with self.world.database.reading() as tx:
            return list(await many(tx, Notice, select(notices).where(notices.c.card == card)))

    async def approvals(self, post: Post) -> Sequence[Approval]:
        async with self.world.database.reading() as tx:
            return await approvals.of_post(tx, post.id)

    async def history(self, subject_id: str) -> list[tuple[str | None, str]]:
        """Who did what."""
        async with self.world.database.reading() as tx:
            return [(e.actor_id, e.action) for e in await history.of_subject(tx, subject_id)]

    async def second_account(self) -> Account:
        made = replace(self.world.account, id="second", remote_id="2", handle="@second")
        async with self.world.database.transaction() as tx:
            await accounts.insert(tx, made)
        return made


@contextlib.asynccontextmanager
async def holding(database_url: str, folder: Path, **arguments: Any) -> AsyncIterator[Held]:
    """See `world`; Dana answers mentions."""
    async with world(database_url, folder, **arguments) as made:
        async with made.database.transaction() as tx:
            dana = Member(TEAM, DANA.user_id, "Dana", "UTC", frozenset({Role.RESPONDER}))
            await workspaces.save_member(tx, dana)
        yield Held(
            made,
            Brakes(made.database, made.accounts, made.clock),
            Holds(made.database, made.accounts, made.clock),
            HeldLists(made.database, made.accounts),
        )
