"""What came of an attempt: the delivery's new state, its post's, and who is told.

Each outcome is one transaction: state, record and what is owed. Posts are locked before their
deliveries, as people's steps do.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from bot import cards, inbox, triage
from bot.accounts import mark_expired
from bot.attempts import Attempt, as_result, may_be_out
from bot.clock import Clock
from bot.errors import NetworkError, UserError
from bot.grouping import Group
from bot.networks.base import Published
from bot.posts import outcome
from bot.retry import LONGEST_WAIT, Again, Never, Next, UntilReconnected, backoff, what_next
from storage import accounts, deliveries, history, holds, notices, parts, posts
from storage.database import Database
from storage.records import Card, Delivery, DeliveryState, HoldReason, Post, PostState
from storage.rows import Transaction

UNCERTAIN_TELLS_AT = 3  # attempts: what the next look clears up within seconds is no news
TOGETHER_S = 0.02  # outcomes that come within this time are committed together


@dataclass(frozen=True, slots=True)
class _Live:
    """A delivery that is out; ``first`` is its post, or its thread's first."""

    attempt: Attempt
    first: Published


class Settling:
    """Commits outcomes.

    :param owner: whose claims these are.
    :param longest_wait: before something is tried again.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random: Random,
        owner: str,
        longest_wait: timedelta = LONGEST_WAIT,
    ) -> None:
        self._longest_wait = longest_wait
        self._database = database
        self._clock = clock
        self._random = random
        self._owner = owner
        self._live = Group(self._all_live, window_s=TOGETHER_S)

    async def published(self, attempt: Attempt, first: Published) -> None:
        """It is live: the card will show the link, nobody gets a message."""
        await self._live.do(_Live(attempt, first))

    async def _all_live(self, batch: Sequence[_Live]) -> Sequence[None]:
        by_delivery = {one.attempt.delivery.id: one for one in batch}
        results = {
            one.attempt.part.id: as_result(one.attempt.published)
            for one in batch
            if one.attempt.part is not None and one.attempt.published is not None
        }

        async def keep(tx: Transaction) -> None:
            locked = await posts.lock_all(tx, {one.attempt.post.id for one in batch})
            now = await self._database.now(tx)
            mine = await deliveries.still_claimed(tx, self._owner, by_delivery)
            await parts.finish(tx, results)
            if not mine:
                return  # whoever has them now finds the parts done
            live = {id_: by_delivery[id_].first for id_ in mine}
            await deliveries.settle_published(
                tx, {id_: (first.remote_id, first.url) for id_, first in live.items()}, now
            )
            noted = [(by_delivery[id_].attempt.delivery, first.url) for id_, first in live.items()]
            subjects = [(one.workspace_id, one.post_id, one.revision_id, url) for one, url in noted]
            await history.note_all(tx, subjects, "published", now)
            await conclude_all(
                tx, [locked[post_id] for post_id in {one.post_id for one, _ in noted}], now
            )

        await self._database.surely(keep)
        return [None] * len(batch)

    async def failed(self, attempt: Attempt, error: NetworkError | UserError) -> None:
        """Try again later, or end it and tell the author; the first trouble is told as well."""
        now = self._clock.now()
        following = self._following(attempt.delivery, error, now)

        async def keep(tx: Transaction) -> None:
            post = await posts.lock(tx, attempt.post.id)
            assert post is not None
            if not await self._settle(tx, post, attempt, error, following, now):
                return  # somebody else is at it, and what they do must not be undone
            if attempt.part is not None and not may_be_out(attempt, error):
                await parts.restart(tx, attempt.part)

        await self._database.surely(keep)

    async def unprepared(self, delivery: Delivery, error: NetworkError) -> None:
        """What its sending needs could not be read: nothing was begun, it is tried again later."""
        now = self._clock.now()
        again = now + backoff(delivery.attempt, self._random, self._longest_wait)

        async def keep(tx: Transaction) -> None:
            post = await posts.lock(tx, delivery.post_id)
            state, problem = DeliveryState.PENDING, str(error)
            at = max(await self._database.by_its_clock(tx, again), delivery.due_at)
            if post is not None and await deliveries.settle(
                tx, delivery, state, problem=problem, next_attempt_at=at
            ):
                tell = delivery.problem is None
                await conclude(tx, post.workspace_id, post.id, now, tell=tell)

        await self._database.surely(keep)

    def _following(
        self, delivery: Delivery, error: NetworkError | UserError, now: datetime
    ) -> Next:
        if not isinstance(error, NetworkError):
            return Never()
        return what_next(
            error,
            attempt=delivery.attempt,
            due_at=delivery.due_at,
            now=now,
            random=self._random,
            longest=self._longest_wait,
        )

    async def _settle(
        self,
        tx: Transaction,
        post: Post,
        attempt: Attempt,
        error: NetworkError | UserError,
        following: Next,
        now: datetime,
    ) -> bool:
        """Keep an error and what follows from it; False if the claim was lost meanwhile."""
        delivery, account = attempt.delivery, attempt.account
        uncertain, problem = may_be_out(attempt, error), str(error)
        match following:
            case UntilReconnected():
                reason = HoldReason.ACCOUNT
                held = await keep_held(tx, post, delivery, reason, now, problem=problem)
                if held:
                    await mark_expired(tx, account, problem, now)
                return held
            case Again(at, whole_account):
                at = await self._database.by_its_clock(tx, at)
                again = max(at, delivery.due_at)  # an upload may fail before its time
                state, new = DeliveryState.PENDING, {"next_attempt_at": again}
                if whole_account:
                    await accounts.limit(tx, account.id, at)
                    await deliveries.put_off(tx, account, at)
                first = delivery.problem is None
                tell = delivery.attempt == UNCERTAIN_TELLS_AT if uncertain else first
            case Never():
                state = DeliveryState.UNKNOWN if uncertain else DeliveryState.FAILED
                new, tell = _first_of_thread(attempt), True
        if not await deliveries.settle(tx, delivery, state, problem=problem, **new):
            return False
        if isinstance(following, Never):
            await _note(tx, delivery, state.value, now, problem)
            await cards.leave_old_trouble(tx, post, now)
        await conclude(tx, post.workspace_id, post.id, now, tell=tell)
        return True

    async def ask(self, attempt: Attempt) -> None:
        """Nobody but a person can tell whether it is out."""
        delivery, now = attempt.delivery, self._clock.now()
        problem = "the network gave no clear answer, so it may or may not be live"

        async def keep(tx: Transaction) -> None:
            post = await posts.lock(tx, delivery.post_id)
            assert post is not None
            if await deliveries.settle(tx, delivery, DeliveryState.UNKNOWN, problem=problem):
                await _note(tx, delivery, "unknown", now)
                await cards.leave_old_trouble(tx, post, now)
                await conclude(tx, delivery.workspace_id, delivery.post_id, now, tell=True)

        await self._database.surely(keep)

    async def held(self, attempt: Attempt, reason: HoldReason) -> None:
        """It must not go out now, which was found right before its call."""
        now = self._clock.now()

        async def keep(tx: Transaction) -> None:
            post = await posts.lock(tx, attempt.post.id)
            assert post is not None
            await keep_held(tx, post, attempt.delivery, reason, now)

        await self._database.surely(keep)

    async def given_back(self, attempt: Attempt, until: datetime | None = None) -> None:
        """Its next call won't be made here: anybody may take it.

        :param until: before which its account's network wants no posts (UTC). Until then it can be
            moved or cancelled like everything that is scheduled.
        """
        now = self._clock.now()

        async def keep(tx: Transaction) -> None:
            post = await posts.lock(tx, attempt.post.id)
            assert post is not None
            await deliveries.give_back(tx, self._owner, [attempt.delivery.id])
            if until is not None:
                await deliveries.put_off(tx, attempt.account, until)
            await conclude_all(tx, [post], now)

        await self._database.surely(keep)


def _first_of_thread(attempt: Attempt) -> dict[str, Any]:
    """Where a thread begins that ends halfway."""
    first = attempt.first
    return {} if first is None else {"remote_id": first.remote_id, "url": first.url}


async def keep_held(
    tx: Transaction,
    post: Post,
    delivery: Delivery,
    reason: HoldReason,
    now: datetime,
    **new: Any,
) -> bool:
    """Hold a claimed delivery: it joins its author's list. They are told by a new message when the
    list is opened; what joins it later is an edit. The post is locked.

    :returns: False if the claim was lost meanwhile.
    """
    place = post.workspace_id, post.author_id
    hold_id, opened = await holds.join(tx, *place, now)
    state = DeliveryState.HELD
    if not await deliveries.settle(tx, delivery, state, hold_reason=reason, hold_id=hold_id, **new):
        return False
    await _note(tx, delivery, "held", now, reason.value)
    if opened:
        await inbox.tell(tx, *place, now, insist=True)
    else:
        notices.refresh_lists(tx, place[0], [place[1]], now, wait=timedelta(0))
    await conclude(tx, post.workspace_id, post.id, now)
    return True


async def _note(
    tx: Transaction, delivery: Delivery, what: str, now: datetime, detail: str = ""
) -> None:
    await history.note(
        tx,
        delivery.workspace_id,
        delivery.post_id,
        None,
        what,
        now,
        detail,
        revision_id=delivery.revision_id,
    )


async def conclude(
    tx: Transaction, workspace_id: str, post_id: str, now: datetime, *, tell: bool = False
) -> None:
    """A delivery has changed: compute its post's state and owe what shows it.

    :param tell: owe the author the message about what went wrong.
    """
    post = await posts.lock(tx, post_id)
    assert post is not None
    if tell:
        await notices.owe(tx, workspace_id, Card.TROUBLE, post_id, post.author_id, now)
    await conclude_all(tx, [post], now)


async def conclude_all(tx: Transaction, locked: Sequence[Post], now: datetime) -> None:
    """Deliveries of these (locked) posts have changed: compute the posts' states and owe what
    shows them."""
    by_post: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in await deliveries.of_posts(tx, [post.id for post in locked]):
        by_post[delivery.post_id].append(delivery)
    states: dict[PostState, list[str]] = defaultdict(list)
    for post in locked:
        states[outcome(by_post[post.id])].append(post.id)
    for state, ids in states.items():
        await posts.touch(tx, ids, state, now)
    await notices.refresh_all(tx, [post.id for post in locked], now)
    for state, ids in states.items():
        for post in locked:
            if post.id in ids and post.mention_id is not None:
                await triage.reply_moved(tx, post, state, now)
