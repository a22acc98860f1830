"""What came of an attempt: the delivery's new state, its post's, and who is told."""

from datetime import datetime
from random import Random
from typing import Any

from bot import triage
from bot.accounts import mark_expired
from bot.clock import Clock
from bot.errors import Expired, NetworkError, UserError
from bot.networks.base import Published
from bot.posts import outcome
from bot.retry import next_attempt
from bot.sending import Attempt
from storage import deliveries, history, notices, posts
from storage.database import Database
from storage.records import Card, Delivery, DeliveryState, PartState
from storage.rows import Transaction

UNCERTAIN_TELLS_AT = 3  # attempts: what the next look clears up within seconds is no news


class Settling:
    """Commits outcomes. Each is one transaction: state, record and what is owed. The post is locked
    before its delivery, as people's steps do."""

    def __init__(self, database: Database, clock: Clock, random: Random) -> None:
        self._database = database
        self._clock = clock
        self._random = random

    async def begun(self, delivery: Delivery) -> None:
        """It was claimed: its post is going out."""
        now = self._clock.now()

        async def keep(tx: Transaction) -> None:
            await posts.lock(tx, delivery.post_id)
            state = outcome(await deliveries.of_post(tx, delivery.post_id))
            await posts.touch(tx, delivery.post_id, state, now)

        await self._database.surely(keep)

    async def published(self, attempt: Attempt, published: Published) -> None:
        """It is live: the card will show the link, nobody gets a message."""
        delivery, now = attempt.delivery, self._clock.now()

        async def keep(tx: Transaction) -> None:
            await posts.lock(tx, delivery.post_id)
            result = {"remote_id": published.remote_id, "url": published.url}
            await deliveries.save_part(tx, attempt.part, state=PartState.DONE, result=result)
            if not await deliveries.settle(
                tx,
                delivery,
                DeliveryState.PUBLISHED,
                remote_id=published.remote_id,
                url=published.url,
                published_at=now,
                problem=None,
            ):
                return  # whoever has it now finds the part done
            await history.note(
                tx, delivery.workspace_id, delivery.post_id, None, "published", now, published.url
            )
            await conclude(tx, delivery.workspace_id, delivery.post_id, now)

        await self._database.surely(keep)

    async def failed(
        self,
        delivery: Delivery,
        attempt: Attempt | None,
        error: NetworkError | UserError,
        *,
        may_be_out: bool,
    ) -> None:
        """Try again later, or end it and tell the author; the first trouble is told as well."""
        now = self._clock.now()
        retry_at = None
        if isinstance(error, NetworkError):
            retry_at = next_attempt(
                error,
                attempt=delivery.attempt,
                due_at=delivery.due_at,
                now=now,
                random=self._random,
            )
        ended = DeliveryState.UNKNOWN if may_be_out else DeliveryState.FAILED
        new: dict[str, Any] = {"problem": str(error)}
        if retry_at is not None:
            new["next_attempt_at"] = retry_at

        async def keep(tx: Transaction) -> None:
            await posts.lock(tx, delivery.post_id)
            state = ended if retry_at is None else DeliveryState.PENDING
            if not await deliveries.settle(tx, delivery, state, **new):
                return  # somebody else is at it, and what they do must not be undone
            if isinstance(error, Expired) and attempt is not None:
                await mark_expired(tx, attempt.account, str(error), now)
            if attempt is not None and not may_be_out:
                await deliveries.restart_part(tx, attempt.part)
            first = delivery.problem is None
            tell = delivery.attempt == UNCERTAIN_TELLS_AT if may_be_out else first
            if retry_at is None:
                tell = True
                await history.note(
                    tx, delivery.workspace_id, delivery.post_id, None, state.value, now, str(error)
                )
            await conclude(tx, delivery.workspace_id, delivery.post_id, now, tell=tell)

        await self._database.surely(keep)

    async def ask(self, delivery: Delivery) -> None:
        """Nobody but a person can tell whether it is out."""
        now = self._clock.now()

        async def keep(tx: Transaction) -> None:
            await posts.lock(tx, delivery.post_id)
            if not await deliveries.settle(
                tx,
                delivery,
                DeliveryState.UNKNOWN,
                problem="the network gave no clear answer, so it may or may not be live",
            ):
                return
            await history.note(tx, delivery.workspace_id, delivery.post_id, None, "unknown", now)
            await conclude(tx, delivery.workspace_id, delivery.post_id, now, tell=True)

        await self._database.surely(keep)


async def conclude(
    tx: Transaction, workspace_id: str, post_id: str, now: datetime, *, tell: bool = False
) -> None:
    """A delivery has changed: compute its post's state and owe what shows it.

    :param tell: owe the author the message about what went wrong.
    """
    post = await posts.lock(tx, post_id)
    assert post is not None
    state = outcome(await deliveries.of_post(tx, post_id))
    await posts.touch(tx, post_id, state, now)
    if tell:
        await notices.owe(tx, workspace_id, Card.TROUBLE, post_id, post.author_id, now)
    await notices.refresh(tx, workspace_id, post_id, now)
    if post.mention_id is not None:
        await triage.reply_moved(tx, post, state, now)
