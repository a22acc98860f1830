"""What people do about a delivery's outcome: try again, say whether it is live, take it down."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.accounts import Accounts, mark_expired
from bot.attempts import as_result, from_result
from bot.clock import Clock
from bot.errors import (
    AlreadyDone,
    Expired,
    FieldErrors,
    NetworkError,
    NotFound,
    Unavailable,
    UserError,
)
from bot.networks.base import Published, Uncertainty, as_publisher
from bot.posts import IN_WORDS, UNDER_WAY, thread_parts
from bot.progress import GONE, TAKE_DOWN, WANTED, cannot_go_on, is_being_taken_down, is_out
from bot.progress import posts_of as posts_among
from bot.settling import conclude
from bot.team import Action, Person, admit
from storage import accounts, deliveries, history, holds, mentions, notices, parts, posts
from storage.database import Database
from storage.records import Account, Delivery, DeliveryState, Part, PartState, Post, PostState
from storage.rows import Transaction

LOOK_LIMIT = timedelta(seconds=10)
OVER = (DeliveryState.PUBLISHED, DeliveryState.FAILED)
ANSWERS = (*UNDER_WAY, PostState.PUBLISHED)
SAID_LIVE = "said it is live"
SAID_NOT_LIVE = "said it isn't live"
NOT_FROM_HERE = "it can't be deleted from here; open its link and delete it there"
STOPPED = "taken down before all of it was out"
NOTHING_TO_HANG_ON = (
    "the network can't be asked for the last post that is live, so the rest of the thread can't "
    "follow it from here: take down what is live, or post the rest there"
)


@dataclass(frozen=True, slots=True)
class TakenDown:
    """The result on one account; ``problem`` None: it is gone."""

    label: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What only a person can say: whether ``part`` is live, a post, alone or in a thread."""

    delivery: Delivery
    account: Account
    label: str
    thread: Sequence[Part]
    part: Part
    text: str

    @property
    def number(self) -> int:
        """Which of the thread it is, from 1."""
        return self.thread.index(self.part) + 1

    @property
    def is_last(self) -> bool:
        return self.part is self.thread[-1]


class Outcomes:
    """Use cases after publishing."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def retry(self, person: Person, post_id: str) -> None:
        """Send what failed once more, now; of a thread what isn't out. What may be out is looked up
        first, as always."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await posts.lock(tx, post_id)  # before its deliveries, as an edit does
            post = await self._post(tx, person, post_id)
            moved = False
            if post.state is PostState.TAKEN_DOWN:
                raise AlreadyDone("This post was taken down. Write it anew to publish it again.")
            await _refuse_second_answer(tx, post)
            refused = ""
            for delivery in await deliveries.of_post(tx, post.id):
                thread = posts_among(await parts.of_delivery(tx, delivery.id))
                if is_being_taken_down(thread):
                    refused = "This post is being taken down, so nothing more of it is sent."
                elif cannot_go_on(thread):
                    refused = f"It can't go on: {NOTHING_TO_HANG_ON}."
                else:
                    moved |= await deliveries.move(
                        tx,
                        delivery.id,
                        [DeliveryState.FAILED],
                        DeliveryState.PENDING,
                        **_anew(now),
                    )
            if not moved:
                raise AlreadyDone(
                    refused or f"Nothing is left to try again: this post is {IN_WORDS[post.state]}."
                )
            await history.note(tx, post.workspace_id, post.id, person.user_id, "retried", now)
            await conclude(tx, post.workspace_id, post.id, now)
        self._publisher.ring()
        self._notices.ring()

    # What nobody knows

    async def question(
        self, person: Person, delivery_id: str, part_id: str | None = None
    ) -> Question:
        """What a person is asked about a delivery.

        :param part_id: the post that the question was shown for.
        :raises AlreadyDone: it is answered.
        """
        async with self._database.reading() as tx:
            return await self._question(tx, person, delivery_id, part_id)

    async def look(self, question: Question) -> Published | None:
        """Look for the post on its network; None: it isn't seen there.

        :raises NetworkError: the network gave no answer, within 10 s at most.
        """
        network, part = self._accounts.network(question.account), question.part
        publisher = as_publisher(network)
        if publisher is None or part.begun_at is None:
            return None
        session = self._accounts.session(question.account)
        try:
            async with asyncio.timeout(LOOK_LIMIT.total_seconds()):
                return await publisher.find(session, part.key, part.frozen, part.begun_at)
        except TimeoutError as error:
            raise Unavailable(f"{network.label} gave no answer in time.") from error

    async def is_live(
        self,
        person: Person,
        delivery_id: str,
        link: str,
        *,
        part_id: str | None = None,
        found: Published | None = None,
    ) -> None:
        """A person has seen the uncertain post on the network; a thread goes on after it.

        :param found: what `look` found, if the person confirms that.
        :raises FieldErrors: the link (field ``link``) isn't one.
        :raises AlreadyDone: it is answered.
        """
        if not link.startswith(("https://", "http://")):
            raise FieldErrors({"link": "Paste the post's address; it begins with https://."})
        now = self._clock.now()
        async with self._database.transaction() as tx:
            asked = await self._question(tx, person, delivery_id, part_id)
            seen = found or Published("", link)
            # A thread goes on below what the network calls this post. Where the same key tells
            # that, the publisher finds out.
            tells = self._uncertainty(asked) is Uncertainty.SAME_KEY
            goes_on = not asked.is_last and (bool(seen.reply_to) or tells)
            await self._answer(tx, person, asked, _after(asked, seen, goes_on, now), SAID_LIVE, now)
            if asked.is_last or seen.reply_to or not tells:
                await parts.finish(tx, {asked.part.id: as_result(seen)})
            await conclude(tx, person.workspace_id, asked.delivery.post_id, now)
        self._publisher.ring()
        self._notices.ring()

    async def is_not_live(
        self, person: Person, delivery_id: str, part_id: str | None = None
    ) -> None:
        """A person has looked and it isn't there: it is sent again. Where the network can tell, it
        is asked once more before that, so that a mistake makes no second post.

        :raises AlreadyDone: it is answered.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            asked = await self._question(tx, person, delivery_id, part_id)
            again = (DeliveryState.PENDING, _anew(now))
            await self._answer(tx, person, asked, again, SAID_NOT_LIVE, now)
            if self._uncertainty(asked) is Uncertainty.ASK:
                await parts.restart(tx, asked.part)
            await conclude(tx, person.workspace_id, asked.delivery.post_id, now)
        self._publisher.ring()
        self._notices.ring()

    def _uncertainty(self, asked: Question) -> Uncertainty:
        network = as_publisher(self._accounts.network(asked.account))
        return Uncertainty.ASK if network is None else network.uncertainty

    async def _question(
        self, tx: Transaction, person: Person, delivery_id: str, part_id: str | None
    ) -> Question:
        delivery = await deliveries.get(tx, person.workspace_id, delivery_id)
        await self._post(tx, person, "" if delivery is None else delivery.post_id)
        assert delivery is not None  # there is no post without an id
        thread = posts_among(await parts.of_delivery(tx, delivery.id))
        asked = next((part for part in thread if part.state is not PartState.DONE), None)
        if (
            delivery.state is not DeliveryState.UNKNOWN
            or asked is None
            or part_id not in (None, asked.id)
        ):
            raise await self._answered(tx, delivery)
        revision = await posts.revision(tx, delivery.workspace_id, delivery.revision_id)
        account = await accounts.get(tx, delivery.workspace_id, delivery.account_id)
        assert revision is not None
        assert account is not None
        texts = thread_parts(revision.content.texts[account.id])
        text = texts[thread.index(asked)]
        return Question(delivery, account, self._accounts.label(account), thread, asked, text)

    async def _answered(self, tx: Transaction, delivery: Delivery) -> AlreadyDone:
        said = "This was answered already. Your press changed nothing."
        for entry in reversed(await history.of_subject(tx, delivery.post_id)):
            if entry.action in (SAID_LIVE, SAID_NOT_LIVE):
                return AlreadyDone(said, by=entry.actor_id, did=entry.action, at=entry.at)
        return AlreadyDone(said)

    async def _answer(
        self,
        tx: Transaction,
        person: Person,
        asked: Question,
        following: tuple[DeliveryState, Mapping[str, Any]],
        said: str,
        now: datetime,
    ) -> None:
        state, new = following
        delivery = asked.delivery
        if not await deliveries.move(tx, delivery.id, [DeliveryState.UNKNOWN], state, **new):
            raise await self._answered(tx, delivery)
        total = len(asked.thread)
        which = f", part {asked.number} of {total}" if total > 1 else ""
        detail = f"{asked.label}{which}"
        await history.note(
            tx, delivery.workspace_id, delivery.post_id, person.user_id, said, now, detail
        )

    # Taking down

    async def take_down(self, person: Person, post_id: str) -> list[TakenDown]:
        """Delete a post on every network that allows it, a thread from its end; pressing again
        tries the rest.

        What waits for another try doesn't come out any more.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            post = await self._post(tx, person, post_id)
            hold = await holds.of_post(tx, post)
            living = await deliveries.of_post(tx, post.id)
            planned = await parts.of_deliveries(tx, [delivery.id for delivery in living])
            threads = {each.id: posts_among(planned.get(each.id, [])) for each in living}
            if not any(_is_there(each, threads[each.id]) for each in living):
                raise AlreadyDone(f"There is nothing to take down: it is {IN_WORDS[post.state]}.")
            for delivery in living:
                await self._stop(tx, delivery, threads[delivery.id])
            await history.note(
                tx, post.workspace_id, post.id, person.user_id, "asked to take down", now
            )
            await holds.left(tx, hold, post, person.user_id, "took down", now)
            left = await deliveries.of_post(tx, post.id)
            await conclude(tx, post.workspace_id, post.id, now)
        results = [
            await self._delete(person, delivery, threads[delivery.id])
            for delivery in left
            if delivery.state is not DeliveryState.TAKEN_DOWN
            and (
                delivery.state is not DeliveryState.FAILED
                or _is_there(delivery, threads[delivery.id])
            )
        ]
        self._notices.ring()
        return results

    async def _stop(self, tx: Transaction, delivery: Delivery, thread: Sequence[Part]) -> None:
        """Nothing more of a delivery goes out, unless it is going out right now; what is to be
        deleted is marked."""
        if any(part.state is PartState.BEGUN for part in thread):
            return
        out = [part for part in thread if is_out(part)]
        waiting = [DeliveryState.PENDING, DeliveryState.HELD]
        if not out:
            await deliveries.move(tx, delivery.id, waiting, DeliveryState.CANCELLED)
        elif delivery.state in OVER or await deliveries.move(
            tx, delivery.id, waiting, DeliveryState.FAILED, problem=STOPPED, **_head(thread)
        ):
            marked = {part.id: {**(part.result or {}), TAKE_DOWN: WANTED} for part in out}
            await parts.finish(tx, marked)

    async def _delete(
        self, person: Person, delivery: Delivery, thread: Sequence[Part]
    ) -> TakenDown:
        async with self._database.reading() as tx:
            account = await accounts.get(tx, delivery.workspace_id, delivery.account_id)
        assert account is not None
        label = self._accounts.label(account)
        if delivery.state not in OVER:
            return TakenDown(
                label, "it may still be coming out; take it down again when its card says so"
            )
        problem: str | None
        try:
            problem = await self._delete_posts(account, thread)
        except (NetworkError, UserError) as error:
            problem = str(error)
            if isinstance(error, Expired):
                async with self._database.transaction() as tx:
                    await mark_expired(tx, account, problem, self._clock.now())
        await self._note_deletion(person, delivery, label, problem, self._clock.now())
        return TakenDown(label, problem)

    async def _delete_posts(self, account: Account, thread: Sequence[Part]) -> str | None:
        """Delete from the end, so that nothing hangs on what is gone; what is wrong, if anything.

        :raises NetworkError: the rest isn't deleted.
        """
        problem = None if thread else NOT_FROM_HERE
        network = as_publisher(self._accounts.network(account))
        session = self._accounts.session(account)
        for part in (each for each in reversed(thread) if is_out(each)):
            kept = part.result or {}
            if network is None or not kept.get("remote_id"):
                problem = NOT_FROM_HERE
                continue
            await network.delete(session, kept["remote_id"])
            async with self._database.transaction() as tx:
                await parts.finish(tx, {part.id: {**kept, TAKE_DOWN: GONE}})
        return problem

    async def _note_deletion(
        self, person: Person, delivery: Delivery, label: str, problem: str | None, now: datetime
    ) -> None:
        async with self._database.transaction() as tx:
            if problem is None and not await deliveries.move(
                tx, delivery.id, OVER, DeliveryState.TAKEN_DOWN
            ):
                return  # somebody else has deleted it at the same moment
            history.acts(tx, person.user_id, person.origin)
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
        needed = Action.RESPOND if is_reply else Action.DRAFT
        await admit(tx, person, needed, post.campaign_id if post else None)
        if post is None:
            raise NotFound("This post isn't there any more.")
        return post


async def _refuse_second_answer(tx: Transaction, post: Post) -> None:
    """Whoever wrote a mention hears one answer, not also the one that failed before it."""
    if post.mention_id is None:
        return
    for other, _, _ in await mentions.replies(tx, post.mention_id):
        if other.id != post.id and other.state in ANSWERS and other.created_at > post.created_at:
            raise AlreadyDone(
                "Another reply was written since, so this one wasn't sent.",
                by=other.author_id,
                did="wrote it",
                at=other.created_at,
            )


def _anew(now: datetime) -> dict[str, Any]:
    """What a delivery begins again with."""
    return {"due_at": now, "next_attempt_at": now, "attempt": 0, "problem": None}


def _after(
    asked: Question, seen: Published, goes_on: bool, now: datetime
) -> tuple[DeliveryState, Mapping[str, Any]]:
    """What becomes of a delivery whose uncertain post was seen on the network."""
    if goes_on:
        return DeliveryState.PENDING, _anew(now)
    is_first = asked.part is asked.thread[0]
    head = {"remote_id": seen.remote_id, "url": seen.url} if is_first else _head(asked.thread)
    if not asked.is_last:
        return DeliveryState.FAILED, {"problem": NOTHING_TO_HANG_ON, **head}
    return DeliveryState.PUBLISHED, {"published_at": now, "problem": None, **head}


def _head(thread: Sequence[Part]) -> Mapping[str, Any]:
    """What a delivery keeps of its first post."""
    first = from_result(thread[0].result or {})
    return {"remote_id": first.remote_id, "url": first.url}


def _is_there(delivery: Delivery, thread: Sequence[Part]) -> bool:
    """Whether readers see something of it."""
    return delivery.state is DeliveryState.PUBLISHED or any(map(is_out, thread))
