"""One attempt at one delivery: upload, settle what will be sent, confirm, send; part by part.

A part whose call began and wasn't settled is resolved as its network declares before anything
is sent again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any

from bot.accounts import Accounts
from bot.attempts import Attempt, Timing, as_result, from_result
from bot.brake import first_over
from bot.clock import Clock
from bot.errors import NetworkError, Rejected, Uncertain, UserError
from bot.grouping import Group
from bot.media import MediaFolder
from bot.networks.base import (
    Outgoing,
    PictureFile,
    Published,
    Publishes,
    Session,
    Uncertainty,
    Uploaded,
    UploadsGone,
    as_publisher,
)
from bot.posts import content_hash, thread_parts
from storage import accounts, brakes, deliveries, parts
from storage.database import Database
from storage.records import AccountState, HoldReason, Part, PartState
from storage.rows import Transaction

log = logging.getLogger(__name__)


class ClaimLost(Exception):
    """Somebody else has the delivery now, or it was stopped: nothing may be sent."""


class NotNow(Exception):
    """Its next call won't be made here: the process stops, its lease ran out, or the database's
    clock was set back to before the delivery's time."""


class PutOff(Exception):
    """Its account's network wants no posts before a time (UTC); nothing was sent."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class MustHold(Exception):
    """It must not go out now: it is late, or a brake was pulled meanwhile."""

    def __init__(self, reason: HoldReason) -> None:
        super().__init__(reason)
        self.reason = reason


class OnlyAPersonKnows(Exception):
    """The call had no clear answer, and the network offers no way to find out."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that is about to be made. ``prepared`` is kept as what it sends; None: an upload,
    which shows nothing to anybody. ``before``: the time (UTC, by the database's clock) from which
    on the network may have forgotten its key, which an earlier call has used."""

    attempt: Attempt
    part: Part
    prepared: Mapping[str, Any] | None = None
    before: datetime | None = None

    def is_too_soon(self, now: datetime) -> bool:
        """Whether its time hasn't come; an upload may come before it."""
        return self.prepared is not None and now < self.attempt.time

    def is_too_late(self, now: datetime) -> bool:
        """Whether the time has passed, since the claim, at which it may still be made."""
        return now > self.attempt.late_from or (self.before is not None and self.before <= now)


class Sender:
    """Brings claimed deliveries out.

    :param owner: whose claims these are.
    """

    def __init__(
        self,
        database: Database,
        accounts_: Accounts,
        media_folder: MediaFolder,
        clock: Clock,
        timing: Timing,
        owner: str,
    ) -> None:
        self._database = database
        self._accounts = accounts_
        self._media = media_folder
        self._clock = clock
        self._timing = timing
        self._owner = owner
        self._confirming = Group(self._confirm_all)
        self.stopping = asyncio.Event()

    async def send(self, attempt: Attempt) -> Published:
        """Bring it out, or find out that it is out already; of a thread, what isn't out yet.

        :returns: the post, or a thread's first.
        :raises NetworkError: one of its kinds; after `Uncertain` the part stays begun.
        :raises UserError: its network isn't available here any more.
        :raises OnlyAPersonKnows: an earlier call is uncertain and can't be resolved.
        :raises MustHold: nothing (more) was sent.
        :raises ClaimLost, NotNow: nothing (more) was sent.
        """
        network = self._publishing(attempt)
        if content_hash(attempt.revision.content) != attempt.revision.hash:
            raise Rejected("the kept text isn't the one that was approved; it was not sent")
        session = self._accounts.session(attempt.account)
        below = attempt.reply_to
        for part, text in zip(attempt.posts, self._texts(attempt), strict=True):
            if attempt.part is not None and attempt.published is not None:
                await self._keep(attempt.part, attempt.published)
                if not below:
                    raise Rejected("nobody knows which post the rest of the thread would follow")
            attempt.part, attempt.published = part, None
            outgoing = Outgoing(text, (), below, not_before=attempt.time)
            attempt.published = await self._send_part(network, session, attempt, part, outgoing)
            below = attempt.published.reply_to
            attempt.first = attempt.first or attempt.published
        assert attempt.first is not None  # there is at least one part
        return attempt.first

    def _publishing(self, attempt: Attempt) -> Publishes:
        network = self._accounts.network(attempt.account)
        publisher = as_publisher(network)
        if publisher is None:
            raise Rejected(f"{network.label} takes no posts")
        return publisher

    def _texts(self, attempt: Attempt) -> Sequence[str]:
        return thread_parts(attempt.revision.content.texts[attempt.account.id])

    async def _keep(self, part: Part, published: Published) -> None:
        await self._database.surely(lambda tx: parts.finish(tx, {part.id: as_result(published)}))

    async def _send_part(
        self,
        network: Publishes,
        session: Session,
        attempt: Attempt,
        part: Part,
        outgoing: Outgoing,
    ) -> Published:
        if part.state is PartState.DONE and part.result is not None:
            return from_result(part.result)
        if part.state is PartState.BEGUN:
            found = await self._resolve(network, session, attempt, part)
            if found is not None:
                return found
        elif attempt.late:  # the thread's part before this one was cleared up only now
            raise MustHold(HoldReason.LATE)
        if self.stopping.is_set():
            raise NotNow
        if not attempt.may_upload:
            await self._until(attempt.at)
        if part is attempt.posts[0]:  # a thread's first post has the pictures
            uploaded = await self._upload(network, session, attempt)
            outgoing = replace(outgoing, pictures=uploaded)
        prepared = part.frozen or await network.prepare(session, outgoing)
        before = self._key_is_known_until(network, attempt.part or part)
        await self._until(attempt.at)
        await self._confirmed(_Call(attempt, part, prepared, before))
        try:
            async with asyncio.timeout(self._timing.call.total_seconds()):
                return await network.publish(session, part.key, prepared)
        except TimeoutError as error:
            raise Uncertain("it gave no answer in time") from error
        except UploadsGone:
            async with self._database.transaction() as tx:
                await parts.forget_uploads(tx, attempt.delivery.id)
            raise
        except (NetworkError, UserError):
            raise
        except Exception as error:  # a bug of ours, after the request may have left
            log.exception("Publishing on %s ended with a bug.", attempt.account.network)
            raise Uncertain("Socialdesk didn't understand its answer") from error

    async def _resolve(
        self, network: Publishes, session: Session, attempt: Attempt, part: Part
    ) -> Published | None:
        """What became of a begun call; None: it may be sent again with the same key."""
        assert part.begun_at is not None
        if network.uncertainty is Uncertainty.ASK:
            raise OnlyAPersonKnows
        async with self._database.reading() as tx:  # the clock on which it began
            now = await self._database.now(tx)
        age, known_until = now - part.begun_at, self._key_is_known_until(network, part)
        same_key = network.uncertainty is Uncertainty.SAME_KEY and (
            known_until is None or now < known_until
        )
        if same_key and not attempt.late:
            return None
        found = await network.find(session, part.key, part.frozen, part.begun_at)
        if found is not None:
            return found
        # A key makes a call that is still on its way harmless; looking must outwait it.
        grace = max(network.grace, self._timing.call) if same_key else network.grace
        if age < grace:
            raise Uncertain("the post can't be seen yet, and may still appear")
        # It isn't there: the next call has a grace of its own, from its own beginning.
        async with self._database.transaction() as tx:
            if not await deliveries.still_claimed(tx, self._owner, [attempt.delivery.id]):
                raise ClaimLost
            await parts.restart(tx, part)
        attempt.part = replace(part, state=PartState.PENDING, begun_at=None)
        if attempt.late:
            raise MustHold(HoldReason.LATE)
        return None

    def _key_is_known_until(self, network: Publishes, part: Part) -> datetime | None:
        """The last time to send again with the key of a begun call, however long this call takes
        from its confirmation on; None: at any time."""
        if (
            part.state is not PartState.BEGUN
            or part.begun_at is None
            or network.uncertainty is not Uncertainty.SAME_KEY
            or network.key_life is None
        ):
            return None
        return part.begun_at + network.key_life - self._timing.lease

    async def _upload(
        self, network: Publishes, session: Session, attempt: Attempt
    ) -> Sequence[Uploaded]:
        """Upload the pictures that aren't uploaded."""
        uploaded = []
        for part, picture in zip(attempt.uploads, attempt.revision.content.pictures, strict=True):
            medium = attempt.media[picture.sha256]
            result = part.result
            if result is None:
                data = await asyncio.to_thread(self._media.read, picture.sha256)
                file = PictureFile(
                    data, medium.mime, medium.width, medium.height, picture.alt, medium.name
                )
                await self._confirmed(_Call(attempt, part))
                result = await network.upload(session, file)
                async with self._database.transaction() as tx:
                    await parts.finish(tx, {part.id: result})
            uploaded.append(Uploaded(result, picture.alt, medium.width, medium.height))
        return uploaded

    async def _until(self, at: float) -> None:
        """Wait for the delivery's time, unless the process stops before it. A loop's timers may
        ring a moment early."""
        while (left := at - monotonic()) > 0 and not self.stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.stopping.wait()

    async def _confirmed(self, call: _Call) -> None:
        """The last look before the call, and its beginning kept.

        Who was stopped in between for longer than a call may take looks again: its lease may have
        run out. Between that look and the call itself nothing can be promised
        (docs/architecture.md).
        """
        while True:
            if self.stopping.is_set():
                raise NotNow
            asked = monotonic()  # a loop's own time may be from before the process was stopped
            refused = await self._confirming.do(call)
            if refused is not None:
                raise refused
            spare = self._timing.lease - self._timing.call
            if monotonic() - asked < spare.total_seconds() / 2:
                return

    async def _confirm_all(self, calls: Sequence[_Call]) -> Sequence[Exception | None]:
        """Begin the calls that may be made; for the others why they mustn't."""
        try:
            return await self._begin_what_may_be(calls)
        except Exception as error:  # each one's own to deal with: none of these calls is made
            return [error] * len(calls)

    async def _begin_what_may_be(self, calls: Sequence[_Call]) -> Sequence[Exception | None]:
        uploads = [_id(call) for call in calls if call.prepared is None]
        others = [_id(call) for call in calls if call.prepared is not None]

        async def begin(tx: Transaction) -> Sequence[Exception | None]:
            ready: frozenset[str] = frozenset()
            now = await self._database.now(tx)
            # An upload that is made twice does no harm, so its claim is only kept as any other.
            for ids, lease in ((uploads, self._timing.claim), (others, self._timing.lease)):
                if ids:
                    ready |= await deliveries.confirm(tx, self._owner, ids, now, now + lease)
            ready -= {_id(call) for call in calls if call.is_too_soon(now) or call.is_too_late(now)}
            begun = {
                call.part.id: call.prepared
                for call in calls
                if _id(call) in ready and call.prepared is not None
            }
            if begun:
                await parts.begin(tx, begun, now)
            return [
                None if _id(call) in ready else await self._why_not(tx, call, now) for call in calls
            ]

        return await self._database.at_once(begin)

    async def _why_not(self, tx: Transaction, call: _Call, now: datetime) -> Exception:
        """:param now: at which the call was refused."""
        delivery = call.attempt.delivery
        if not await deliveries.still_claimed(tx, self._owner, [delivery.id]):
            return ClaimLost()
        if call.is_too_soon(now):
            return NotNow()
        if call.before is not None and call.before <= now:
            return Uncertain("the network may have forgotten its key; it is looked for first")
        account = await accounts.get(tx, delivery.workspace_id, delivery.account_id)
        assert account is not None  # a foreign key
        standing = await brakes.standing(tx, delivery.workspace_id)
        if first_over(standing, delivery, call.attempt.post.campaign_id) is not None:
            return MustHold(HoldReason.BRAKE)
        if account.state is AccountState.EXPIRED:
            return MustHold(HoldReason.ACCOUNT)
        if account.state is AccountState.DISCONNECTED:
            return Rejected("the account was disconnected from Socialdesk")
        if account.limited_until is not None and account.limited_until > now:
            return PutOff(account.limited_until)
        if now > call.attempt.late_from:
            part = call.attempt.part
            if part is not None and part.state is PartState.BEGUN:
                return Uncertain("it is late by now, so it is looked for first")
            return MustHold(HoldReason.LATE)
        return NotNow()  # its lease ran out, or what was in its way is gone


def _id(call: _Call) -> str:
    return call.attempt.delivery.id
