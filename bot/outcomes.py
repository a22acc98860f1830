"""What people do about a delivery's outcome: try again, say whether it is live, take it down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.accounts import Accounts, mark_expired
from bot.clock import Clock
from bot.errors import AlreadyDone, Expired, FieldErrors, NetworkError, NotFound
from bot.networks.base import Publishes
from bot.posts import IN_WORDS
from bot.settling import conclude
from bot.team import Action, Person, admit
from storage import accounts, deliveries, history, notices, parts, posts
from storage.database import Database
from storage.records import Delivery, DeliveryState, Part, PartKind, PartState, Post, PostState
from storage.rows import Transaction


@dataclass(frozen=True, slots=True)
class TakenDown:
    """The result on one account; ``problem`` None: it is gone."""

    label: str
    problem: str | None


class Outcomes:
    """Use cases after publishing."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def retry(self, person: Person, post_id: str) -> None:
        """Send what failed once more, now. What may be out is looked up first, as always."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            post = await self._post(tx, person, post_id)
            moved = False
            if post.state is PostState.TAKEN_DOWN:
                raise AlreadyDone("This post was taken down. Write it anew to publish it again.")
            for delivery in await deliveries.of_post(tx, post.id):
                moved |= await deliveries.move(
                    tx,
                    delivery.id,
                    [DeliveryState.FAILED],
                    DeliveryState.PENDING,
                    due_at=now,
                    next_attempt_at=now,
                    attempt=0,
                    problem=None,
                )
            if not moved:
                raise AlreadyDone(
                    f"Nothing is left to try again: this post is {IN_WORDS[post.state]}."
                )
            await history.note(tx, post.workspace_id, post.id, person.user_id, "retried", now)
            await conclude(tx, post.workspace_id, post.id, now)
        self._publisher.ring()
        self._notices.ring()

    async def is_live(self, person: Person, delivery_id: str, link: str) -> None:
        """A person has seen the uncertain post on the network. The rest of a thread isn't sent
        unasked: *Try again* goes on with it.

        :raises FieldErrors: the link (field ``link``) isn't one.
        """
        if not link.startswith(("https://", "http://")):
            raise FieldErrors({"link": "Paste the post's address; it begins with https://."})
        await self._say(person, delivery_id, DeliveryState.PUBLISHED, "said it is live", url=link)

    async def is_not_live(self, person: Person, delivery_id: str) -> None:
        """A person has looked and it isn't there: it is sent again."""
        await self._say(person, delivery_id, DeliveryState.PENDING, "said it isn't live")
        self._publisher.ring()

    async def _say(
        self,
        person: Person,
        delivery_id: str,
        state: DeliveryState,
        said: str,
        *,
        url: str | None = None,
    ) -> None:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            delivery = await deliveries.get(tx, person.workspace_id, delivery_id)
            await self._post(tx, person, "" if delivery is None else delivery.post_id)
            assert delivery is not None  # there is no post without an id
            thread = await _posts(tx, delivery)
            new: Mapping[str, Any]
            if state is DeliveryState.PENDING:
                new = {"due_at": now, "next_attempt_at": now, "attempt": 0, "problem": None}
            else:
                state, new = _seen(thread, url, now)
            if not await deliveries.move(tx, delivery.id, [DeliveryState.UNKNOWN], state, **new):
                raise AlreadyDone("Somebody has answered this already. Your press changed nothing.")
            for part in (each for each in thread if each.state is PartState.BEGUN):
                if state is DeliveryState.PENDING:
                    await parts.restart(tx, part)
                elif state is DeliveryState.PUBLISHED:
                    await parts.finish(tx, {part.id: {"remote_id": "", "url": url}})
            await history.note(
                tx, delivery.workspace_id, delivery.post_id, person.user_id, said, now, url or ""
            )
            await conclude(tx, delivery.workspace_id, delivery.post_id, now)
        self._notices.ring()

    async def take_down(self, person: Person, post_id: str) -> list[TakenDown]:
        """Delete a post on every network that allows it; pressing again tries the rest.

        Where it hasn't come out yet and waits for another try, it won't come out any more.
        """
        async with self._database.transaction() as tx:
            post = await self._post(tx, person, post_id)
            living = await deliveries.of_post(tx, post.id)
            if not any(delivery.state is DeliveryState.PUBLISHED for delivery in living):
                raise AlreadyDone(f"There is nothing to take down: it is {IN_WORDS[post.state]}.")
            for delivery in living:
                await self._stop(tx, delivery)
            left = await deliveries.of_post(tx, post.id)
            if len(left) < len(living):
                await conclude(tx, post.workspace_id, post.id, self._clock.now())
        results = [
            await self._delete(person, delivery)
            for delivery in left
            if delivery.state not in (DeliveryState.FAILED, DeliveryState.TAKEN_DOWN)
        ]
        self._notices.ring()
        return results

    async def _stop(self, tx: Transaction, delivery: Delivery) -> None:
        """Cancel a delivery of which nothing can be out."""
        if all(part.state is PartState.PENDING for part in await _posts(tx, delivery)):
            waiting = [DeliveryState.PENDING, DeliveryState.HELD]
            await deliveries.move(tx, delivery.id, waiting, DeliveryState.CANCELLED)

    async def _delete(self, person: Person, delivery: Delivery) -> TakenDown:
        async with self._database.reading() as tx:
            account = await accounts.get(tx, delivery.workspace_id, delivery.account_id)
        assert account is not None
        label = self._accounts.choice(account).label
        network = self._accounts.network(account)
        problem: str | None = None
        if delivery.state is not DeliveryState.PUBLISHED:
            return TakenDown(
                label, "it may still be coming out; take it down again when its card says so"
            )
        if not isinstance(network, Publishes) or not delivery.remote_id:
            problem = "it can't be deleted from here; open its link and delete it there"
        else:
            try:
                await network.delete(self._accounts.session(account), delivery.remote_id)
            except NetworkError as error:
                problem = str(error)
                if isinstance(error, Expired):
                    async with self._database.transaction() as tx:
                        await mark_expired(tx, account, problem, self._clock.now())
        await self._note_deletion(person, delivery, label, problem, self._clock.now())
        return TakenDown(label, problem)

    async def _note_deletion(
        self, person: Person, delivery: Delivery, label: str, problem: str | None, now: datetime
    ) -> None:
        async with self._database.transaction() as tx:
            if problem is None and not await deliveries.move(
                tx, delivery.id, [DeliveryState.PUBLISHED], DeliveryState.TAKEN_DOWN
            ):
                return  # somebody else has deleted it at the same moment
            await history.note(
                tx,
                delivery.workspace_id,
                delivery.post_id,
                person.user_id,
                "took down" if problem is None else "could not take down",
                now,
                label if problem is None else f"{label}: {problem}",
            )
            await conclude(tx, delivery.workspace_id, delivery.post_id, now)
            await notices.refresh(tx, delivery.workspace_id, delivery.post_id, now)

    async def _post(self, tx: Transaction, person: Person, post_id: str) -> Post:
        """The post, for whoever may deal with it: a reply is its responders' business."""
        post = await posts.get(tx, person.workspace_id, post_id)
        is_reply = post is not None and post.mention_id is not None
        await admit(tx, person, Action.RESPOND if is_reply else Action.DRAFT)
        if post is None:
            raise NotFound("This post isn't there any more.")
        return post


async def _posts(tx: Transaction, delivery: Delivery) -> Sequence[Part]:
    """The delivery's posts, several if it is a thread, in their order."""
    planned = await parts.of_delivery(tx, delivery.id)
    return [part for part in planned if part.kind is PartKind.POST]


def _seen(
    thread: Sequence[Part], url: str | None, now: datetime
) -> tuple[DeliveryState, Mapping[str, Any]]:
    """What it means for a delivery that its uncertain post was seen on the network."""
    live = [part for part in thread if part.state is not PartState.PENDING]
    if len(live) < len(thread):
        problem = f"only the first {len(live)} of its {len(thread)} posts are live"
        return DeliveryState.FAILED, {"problem": problem}
    first = thread[0].result or {"remote_id": None, "url": url}
    new = {"remote_id": first["remote_id"], "url": first["url"], "published_at": now}
    return DeliveryState.PUBLISHED, {**new, "problem": None}
