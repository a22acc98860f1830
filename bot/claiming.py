"""Claiming: take what is due in a moment, read everything its sending needs, hold what must not go
out.

Deliveries are claimed by one statement of their own, committed at once. What follows locks their
posts first, as people's steps do, so that nobody waits for each other crosswise.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

from bot.accounts import Accounts
from bot.attempts import Attempt, Timing
from bot.brake import first_over
from bot.clock import Clock
from bot.errors import NotFound
from bot.networks.base import as_publisher
from bot.posts import thread_parts
from bot.settling import keep_held
from storage import accounts, brakes, deliveries, media, mentions, parts, posts, workspaces
from storage.database import Database
from storage.records import (
    Account,
    AccountState,
    Brake,
    Delivery,
    HoldReason,
    Part,
    PartKind,
    PartState,
    Post,
    PostState,
    Workspace,
)
from storage.rows import Transaction, new_id


def why_hold(
    account: Account,
    brake: Brake | None,
    *,
    late: bool,
    begun: bool,
) -> HoldReason | None:
    """Why a claimed delivery must not go out now, if it mustn't.

    :param begun: a call of it may have left: that is cleared up first, however late it is.
    """
    if brake is not None:
        return HoldReason.BRAKE
    if account.state is AccountState.EXPIRED:
        return HoldReason.ACCOUNT
    return HoldReason.LATE if late and not begun else None


class Claimer:
    """Claims for one process."""

    def __init__(
        self, database: Database, accounts_: Accounts, clock: Clock, timing: Timing
    ) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._timing = timing
        self.owner = uuid4().hex

    async def claim(
        self, network: str, limit: int, busy: Collection[str], ahead: timedelta
    ) -> Sequence[Delivery]:
        """Take what is due on a network, and what an owner that is gone has left.

        :param busy: what this process is at already.
        :param ahead: what comes due for the first time within this time is taken too.
        """

        async def take(tx: Transaction) -> Sequence[Delivery]:
            now, lease = await self._database.now(tx), self._timing.claim
            left = await deliveries.claim_abandoned(
                tx,
                network=network,
                owner=self.owner,
                now=now,
                lease=lease,
                patience=self._timing.patience,
                besides=busy,
                limit=limit,
            )
            if len(left) == limit:
                return left
            due = await deliveries.claim(
                tx,
                network=network,
                owner=self.owner,
                now=now,
                ahead=ahead,
                lease=lease,
                besides=busy,
                limit=limit - len(left),
            )
            return [*left, *due]

        return await self._database.at_once(take)

    async def next_due(self, networks: Collection[str]) -> tuple[datetime | None, datetime]:
        """When something comes due on these networks, and the time it is by the same clock."""
        async with self._database.reading() as tx:
            return await deliveries.next_due(tx, networks), await self._database.now(tx)

    async def networks(self) -> tuple[Collection[str], datetime]:
        """Every network that an account is on, even if this installation doesn't have it any more:
        its posts fail and say so. And the time it is by the database's clock."""
        async with self._database.reading() as tx:
            return await accounts.networks(tx), await self._database.now(tx)

    async def prepare(self, claimed: Sequence[Delivery]) -> Sequence[Attempt]:
        """Read what claimed deliveries send, derive their parts and keys if it is their first
        time, and mark their posts as going out. What must be held or waits for its account's limit
        is left out."""

        async def read(tx: Transaction) -> Sequence[Attempt]:
            locked = await posts.lock_all(tx, {delivery.post_id for delivery in claimed})
            mine = await deliveries.still_claimed(tx, self.owner, [one.id for one in claimed])
            ours = [delivery for delivery in claimed if delivery.id in mine]
            attempts = await self._load(tx, ours, locked)
            attempts = await self._without_held(tx, attempts)
            attempts = await self._without_limited(tx, attempts)
            await self._plan(tx, [attempt for attempt in attempts if not attempt.parts])
            going = {attempt.post.id for attempt in attempts}
            await posts.touch(tx, going, PostState.PUBLISHING, self._clock.now())
            return attempts

        return await self._database.at_once(read)

    async def _load(
        self, tx: Transaction, claimed: Sequence[Delivery], locked: Mapping[str, Post]
    ) -> Sequence[Attempt]:
        now, monotonic_now = await self._database.now(tx), monotonic()
        revisions = await posts.revisions_by_ids(tx, {one.revision_id for one in claimed})
        on = await accounts.any_by_ids(tx, {one.account_id for one in claimed})
        planned = await parts.of_deliveries(tx, [one.id for one in claimed])
        workspace_ids = {one.workspace_id for one in claimed}
        known = {id_: await _workspace(tx, id_) for id_ in workspace_ids}
        hashes = {p.sha256 for revision in revisions.values() for p in revision.content.pictures}
        kept = await media.everywhere(tx, hashes) if hashes else {}
        attempts = []
        for delivery in claimed:
            post, limit = locked[delivery.post_id], known[delivery.workspace_id].lateness_limit_s
            late_from = delivery.due_at + timedelta(seconds=limit)
            time = max(delivery.due_at, delivery.next_attempt_at)
            attempts.append(
                Attempt(
                    delivery=delivery,
                    revision=revisions[delivery.revision_id],
                    post=post,
                    account=on[delivery.account_id],
                    media=kept.get(delivery.workspace_id, {}),
                    reply_to=await _reply_to(tx, post),
                    parts=planned.get(delivery.id, []),
                    late=now > late_from,
                    late_from=late_from,
                    time=time,
                    at=monotonic_now + (time - now).total_seconds(),
                )
            )
        return attempts

    async def _without_held(
        self, tx: Transaction, attempts: Sequence[Attempt]
    ) -> Sequence[Attempt]:
        """Hold what must not go out; the rest. What isn't due yet waits for its time with that, and
        uploads nothing before."""
        now = await self._database.now(tx)
        workspace_ids = {attempt.delivery.workspace_id for attempt in attempts}
        pulled = {id_: await brakes.standing(tx, id_) for id_ in workspace_ids}
        free = []
        for attempt in attempts:
            delivery = attempt.delivery
            brake = first_over(pulled[delivery.workspace_id], delivery, attempt.post.campaign_id)
            begun = any(part.state is PartState.BEGUN for part in attempt.posts)
            reason = why_hold(attempt.account, brake, late=attempt.late, begun=begun)
            if reason is None or now < attempt.time:
                attempt.may_upload = reason is None
                free.append(attempt)
            else:
                await keep_held(tx, attempt.post, delivery, reason, self._clock.now())
        return free

    async def _without_limited(
        self, tx: Transaction, attempts: Sequence[Attempt]
    ) -> Sequence[Attempt]:
        """Put off what its account's network wants no sooner; the rest. A limit that is over by its
        time allows no upload before."""
        now = await self._database.now(tx)
        limited = {}
        for attempt in attempts:
            until = attempt.account.limited_until
            if until is not None and until > max(now, attempt.time):
                limited[attempt.account.id] = (attempt.account, until)
            elif until is not None and until > now:
                attempt.may_upload = False
        if not limited:
            return attempts
        waiting = [one.delivery.id for one in attempts if one.account.id in limited]
        await deliveries.give_back(tx, self.owner, waiting)
        for account, until in limited.values():
            await deliveries.put_off(tx, account, until)
        return [attempt for attempt in attempts if attempt.account.id not in limited]

    async def _plan(self, tx: Transaction, fresh: Sequence[Attempt]) -> None:
        """Derive the parts of deliveries that have none, and their keys: once, before any call."""
        planned = []
        for attempt in fresh:
            try:
                network = as_publisher(self._accounts.network(attempt.account))
            except NotFound:
                continue  # said when it is sent
            if network is None:
                continue
            content = attempt.revision.content
            keys = [(PartKind.UPLOAD, picture.sha256) for picture in content.pictures]
            for _ in thread_parts(content.texts[attempt.account.id]):
                keys.append((PartKind.POST, network.new_key(self._clock.now())))
            attempt.parts = [
                Part(
                    id=new_id(),
                    delivery_id=attempt.delivery.id,
                    position=position,
                    kind=kind,
                    key=key,
                    frozen={},
                    state=PartState.PENDING,
                    begun_at=None,
                    result=None,
                )
                for position, (kind, key) in enumerate(keys)
            ]
            planned += attempt.parts
        if planned:
            await parts.insert_all(tx, planned)

    async def release(self, networks: Collection[str], besides: Collection[str]) -> None:
        """Give back all claims of which no call is under way.

        :param besides: what this process goes on with.
        """
        async with self._database.transaction() as tx:
            await deliveries.release_unbegun(tx, self.owner, networks, besides)

    async def renew(self, ids: Sequence[str]) -> None:
        """Keep the claims of what takes long."""
        async with self._database.transaction() as tx:
            now = await self._database.now(tx)
            await deliveries.renew(tx, self.owner, ids, now, now + self._timing.claim)


async def _workspace(tx: Transaction, workspace_id: str) -> Workspace:
    found = await workspaces.get(tx, workspace_id)
    assert found is not None  # a foreign key
    return found


async def _reply_to(tx: Transaction, post: Post) -> Mapping[str, Any] | None:
    if post.mention_id is None:
        return None
    mention = await mentions.get(tx, post.workspace_id, post.mention_id)
    return None if mention is None else mention.reply_to
