"""One attempt at one delivery: load, upload, settle what will be sent, confirm, send.

A part whose call began and wasn't settled is resolved as its network declares before anything
is sent again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.accounts import Accounts
from bot.clock import Clock
from bot.errors import NetworkError, NotFound, Rejected, Uncertain, UserError
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
)
from bot.posts import content_hash
from storage import accounts, deliveries, media, mentions, posts
from storage.database import Database
from storage.records import Account, Delivery, Medium, Part, PartKind, PartState, Revision
from storage.rows import Transaction, new_id

CALL_LIMIT = timedelta(seconds=60)
LEASE = timedelta(seconds=120)  # longer than a call may take
PATIENCE = timedelta(seconds=60)  # after a foreign lease's end, before it is taken over

log = logging.getLogger(__name__)


class ClaimLost(Exception):
    """Somebody else has the delivery now, or it was stopped: nothing may be sent."""


class OnlyAPersonKnows(Exception):
    """The call had no clear answer, and the network offers no way to find out."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Everything one attempt works with. The post's own part is the last one."""

    delivery: Delivery
    revision: Revision
    account: Account
    media: Mapping[str, Medium]
    reply_to: Mapping[str, Any] | None
    parts: Sequence[Part]

    @property
    def part(self) -> Part:
        return self.parts[-1]


class Sender:
    """Brings claimed deliveries out."""

    def __init__(
        self,
        database: Database,
        accounts_: Accounts,
        media_folder: MediaFolder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts_
        self._media = media_folder
        self._clock = clock

    async def load(self, delivery: Delivery) -> Attempt:
        """Read what is to be sent, and derive its parts and their keys if this is the first time.

        :raises Rejected: the kept content isn't the approved one.
        :raises NotFound: the account isn't there any more.
        :raises ClaimLost: somebody else has it now.
        """
        async with self._holding(delivery) as tx:
            revision = await posts.revision(tx, delivery.workspace_id, delivery.revision_id)
            account = await accounts.get(tx, delivery.workspace_id, delivery.account_id)
            post = await posts.get(tx, delivery.workspace_id, delivery.post_id)
            if revision is None or account is None or post is None:
                raise NotFound("The post or its account isn't there any more.")
            if content_hash(revision.content) != revision.hash:
                raise Rejected("the kept text isn't the one that was approved; it was not sent")
            mention = None
            if post.mention_id is not None:
                mention = await mentions.get(tx, delivery.workspace_id, post.mention_id)
            hashes = [picture.sha256 for picture in revision.content.pictures]
            return Attempt(
                delivery=delivery,
                revision=revision,
                account=account,
                media=await media.by_hashes(tx, delivery.workspace_id, hashes),
                reply_to=None if mention is None else mention.reply_to,
                parts=await deliveries.parts_of(tx, delivery.id)
                or await self._plan(tx, delivery, revision, account),
            )

    async def _plan(
        self, tx: Transaction, delivery: Delivery, revision: Revision, account: Account
    ) -> Sequence[Part]:
        network = self._publishing(account)
        keys = [(PartKind.UPLOAD, picture.sha256) for picture in revision.content.pictures]
        keys.append((PartKind.POST, network.new_key(self._clock.now())))
        for position, (kind, key) in enumerate(keys):
            await deliveries.insert_part(
                tx,
                Part(
                    id=new_id(),
                    delivery_id=delivery.id,
                    position=position,
                    kind=kind,
                    key=key,
                    frozen={},
                    state=PartState.PENDING,
                    begun_at=None,
                    result=None,
                ),
            )
        return await deliveries.parts_of(tx, delivery.id)

    def _publishing(self, account: Account) -> Publishes:
        network = self._accounts.network(account)
        if not isinstance(network, Publishes):
            raise Rejected(f"{network.label} takes no posts")
        return network

    async def send(self, attempt: Attempt) -> Published:
        """Bring it out, or find out that it is out already.

        :raises NetworkError: one of its kinds; after `Uncertain` the part stays begun.
        :raises OnlyAPersonKnows: an earlier call is uncertain and can't be resolved.
        :raises ClaimLost: nothing was sent.
        """
        network = self._publishing(attempt.account)
        session = self._accounts.session(attempt.account)
        part = attempt.part
        if part.state is PartState.DONE and part.result is not None:
            return Published(part.result["remote_id"], part.result["url"])
        if part.state is PartState.BEGUN:
            found = await self._resolve(network, session, part)
            if found is not None:
                return found
            if network.uncertainty is Uncertainty.LOOK_UP:
                # It isn't there: the next call has a grace of its own, from its own beginning.
                async with self._holding(attempt.delivery) as tx:
                    await deliveries.restart_part(tx, part)
        uploaded = await self._upload(network, session, attempt)
        prepared = part.frozen or await self._prepare(network, session, attempt, uploaded)
        await self._confirm(attempt)
        try:
            async with asyncio.timeout(CALL_LIMIT.total_seconds()):
                return await network.publish(session, part.key, prepared)
        except TimeoutError as error:
            raise Uncertain("it gave no answer in time") from error
        except UploadsGone:
            async with self._holding(attempt.delivery) as tx:
                await deliveries.forget_uploads(tx, attempt.delivery.id)
            raise
        except (NetworkError, UserError):
            raise
        except Exception as error:  # a bug of ours, after the request may have left
            log.exception("Publishing on %s ended with a bug.", attempt.account.network)
            raise Uncertain("Socialdesk didn't understand its answer") from error

    async def _resolve(self, network: Publishes, session: Session, part: Part) -> Published | None:
        """What became of a begun call; None: it may be sent again with the same key."""
        assert part.begun_at is not None
        if network.uncertainty is Uncertainty.ASK:
            raise OnlyAPersonKnows
        age = self._clock.now() - part.begun_at
        if network.uncertainty is Uncertainty.SAME_KEY and (
            network.key_life is None or age < network.key_life
        ):
            return None
        found = await network.find(session, part.key, part.frozen, part.begun_at)
        if found is None and age < network.grace:
            raise Uncertain("the post can't be seen yet, and may still appear")
        return found

    async def _upload(
        self, network: Publishes, session: Session, attempt: Attempt
    ) -> Sequence[Uploaded]:
        """Upload the pictures that aren't uploaded."""
        pictures = attempt.revision.content.pictures
        uploaded = []
        for part, picture in zip(attempt.parts[:-1], pictures, strict=True):
            medium = attempt.media[picture.sha256]
            result = part.result
            if result is None:
                data = await asyncio.to_thread(self._media.read, picture.sha256)
                result = await network.upload(
                    session,
                    PictureFile(
                        data, medium.mime, medium.width, medium.height, picture.alt, medium.name
                    ),
                )
                async with self._holding(attempt.delivery) as tx:
                    await deliveries.save_part(tx, part, state=PartState.DONE, result=result)
            uploaded.append(Uploaded(result, picture.alt, medium.width, medium.height))
        return uploaded

    async def _prepare(
        self,
        network: Publishes,
        session: Session,
        attempt: Attempt,
        uploaded: Sequence[Uploaded],
    ) -> Mapping[str, Any]:
        """Settle and keep the exact bytes of every attempt."""
        text = attempt.revision.content.texts[attempt.account.id]
        prepared = await network.prepare(session, Outgoing(text, uploaded, attempt.reply_to))
        async with self._holding(attempt.delivery) as tx:
            await deliveries.save_part(tx, attempt.part, frozen=prepared)
        return prepared

    async def _confirm(self, attempt: Attempt) -> None:
        """The last look before the call."""
        async with self._holding(attempt.delivery) as tx:
            begun = await deliveries.begin(tx, attempt.part, await self._database.now(tx))
        if not begun:
            raise ClaimLost

    @contextlib.asynccontextmanager
    async def _holding(self, delivery: Delivery) -> AsyncIterator[Transaction]:
        """A transaction in which the claim is certainly ours, its lease renewed.

        :raises ClaimLost: it isn't, so nothing may be written or sent.
        """
        async with self._database.transaction() as tx:
            now = await self._database.now(tx)
            if not await deliveries.hold(tx, delivery, now, lease_until=now + LEASE):
                raise ClaimLost
            yield tx


def may_be_out(attempt: Attempt | None, error: Exception) -> bool:
    """Whether the post may be on the network although the attempt failed.

    A clear answer settles only the call it belongs to: one that was uncertain before this
    attempt stays so.
    """
    if attempt is None:
        return False
    return isinstance(error, Uncertain) or attempt.part.state is PartState.BEGUN
