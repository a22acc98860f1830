"""When posts go out: moving them, cancelling, what is coming, posting times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot import cards, policies
from bot.clock import Clock
from bot.errors import AlreadyDone, NotFound, UserError
from bot.free_times import choose_time
from bot.posts import require_step, too_late
from bot.team import Action, Admitted, Person, admit
from bot.waiting import lists_changed
from storage import (
    accounts,
    approvals,
    campaigns,
    history,
    holds,
    notices,
    posts,
    suggestions,
    workspaces,
)
from storage import deliveries as delivery_rows
from storage.database import Database
from storage.records import (
    Account,
    Approval,
    Delivery,
    DeliveryState,
    Post,
    PostState,
    Revision,
    Slot,
    Verdict,
    When,
)
from storage.rows import Transaction, new_id

QUEUE_LENGTH = 40
LATELY = timedelta(days=3)
MOST_LATELY = 5


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A coming post as `/social queue` lists it. ``held``: something of it waits for a word.
    ``campaign`` is its campaign's name."""

    post: Post
    revision: Revision
    accounts: Sequence[Account]
    held: bool = False
    campaign: str | None = None


async def schedule_deliveries(
    tx: Transaction, post: Post, revision: Revision, due_at: datetime
) -> None:
    """Promise one delivery per account at the given time."""
    known = await accounts.by_ids(tx, post.workspace_id, revision.content.account_ids)
    for account_id in revision.content.account_ids:
        await delivery_rows.insert(
            tx,
            Delivery(
                id=new_id(),
                workspace_id=post.workspace_id,
                post_id=post.id,
                revision_id=revision.id,
                account_id=account_id,
                state=DeliveryState.PENDING,
                due_at=due_at,
                next_attempt_at=due_at,
                network=known[account_id].network,
            ),
        )


async def pass_suggestions(tx: Transaction, post: Post, now: datetime) -> None:
    """A post that changes were asked for goes on, or is cancelled: what was suggested for it can't
    be used any more, and its message says so."""
    newest = await suggestions.newest(tx, post.id)
    if newest is not None:
        await notices.refresh(tx, post.workspace_id, newest.id, now)


@dataclass(frozen=True, slots=True)
class Movable:
    """A post whose time can be moved, and who wants to. ``is_settled``: their press settles the new
    time of an approved post, which else has to be approved."""

    admitted: Admitted
    post: Post
    revision: Revision
    is_settled: bool


@dataclass(frozen=True, slots=True)
class NewTime:
    """A time that a person asks for, as in `choose_time`."""

    when: When
    at: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """How a new time would be understood; ``due_at`` None: as soon as it is approved."""

    due_at: datetime | None


class Scheduling:
    """Use cases of the queue."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def coming(self, person: Person) -> tuple[Sequence[QueueItem], int]:
        """What is coming, soonest first, and how many there are in all; for whoever has a role in
        some campaigns alone, of those."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK, somewhere=True)
            of = admitted.campaigns(Action.LOOK)
            found = await posts.coming(tx, person.workspace_id, QUEUE_LENGTH, campaigns=of)
            total = await posts.count_coming(tx, person.workspace_id, campaigns=of)
            return await self._items(tx, person, found), total

    async def lately(self, person: Person) -> Sequence[QueueItem]:
        """What went out, failed or was cancelled in the last days, the newest first; for whoever
        has a role in some campaigns alone, of those."""
        since = self._clock.now() - LATELY
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK, somewhere=True)
            of = admitted.campaigns(Action.LOOK)
            found = await posts.lately(tx, person.workspace_id, since, MOST_LATELY, campaigns=of)
            return await self._items(tx, person, found)

    async def _items(
        self, tx: Transaction, person: Person, found: Sequence[Post]
    ) -> Sequence[QueueItem]:
        held = await holds.held_among(tx, [post.id for post in found])
        revisions = await posts.revisions_by_ids(tx, {post.revision_id for post in found})
        on = {id_ for revision in revisions.values() for id_ in revision.content.account_ids}
        known = await accounts.by_ids(tx, person.workspace_id, sorted(on))
        named = {one.id: one.name for one in await campaigns.of_workspace(tx, person.workspace_id)}
        items = []
        for post in found:
            revision = revisions[post.revision_id]
            its = [known[id_] for id_ in revision.content.account_ids if id_ in known]
            campaign = named[post.campaign_id] if post.campaign_id else None
            items.append(QueueItem(post, revision, its, post.id in held, campaign))
        return items

    async def movable(self, person: Person, post_id: str) -> Movable:
        """:raises AlreadyDone: it is going out or has gone out."""
        async with self._database.reading() as tx:
            admitted = await self._admit(tx, person, post_id)
            post, revision = await self._movable(tx, person, post_id)
            standing = await policies.round_of(tx, admitted.workspace, post, revision)
        return Movable(admitted, post, revision, standing.may_settle(person.user_id))

    async def look(self, person: Person, post_id: str, wanted: NewTime) -> Moved:
        """What `reschedule` would make of a time, without moving anything."""
        async with self._database.reading() as tx:
            admitted = await self._admit(tx, person, post_id)
            post, revision = await self._movable(tx, person, post_id)
            return Moved(await self._chosen(tx, admitted, post, revision, wanted))

    async def _chosen(
        self,
        tx: Transaction,
        admitted: Admitted,
        post: Post,
        revision: Revision,
        wanted: NewTime,
    ) -> datetime | None:
        workspace_id = admitted.workspace.id
        known = await accounts.by_ids(tx, workspace_id, revision.content.account_ids)
        return await choose_time(
            tx,
            admitted,
            list(known.values()),
            when=wanted.when,
            at=wanted.at,
            words=wanted.words,
            now=self._clock.now(),
            besides=post.id,
        )

    async def reschedule(
        self, person: Person, post_id: str, wanted: NewTime, *, version: int | None = None
    ) -> Post:
        """Move a post's time; its content and what was approved of it stay.

        Whoever may give one of the approvals it needs settles the new time with this press. Anybody
        else's new time for an approved post waits for one press on its card.

        :param version: the post's, as it was shown where the button stood; another one than that
            isn't moved by it.
        :raises FieldErrors: the time isn't understood or has passed.
        :raises AlreadyDone: it is going out or has gone out; it changed since it was shown.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            admitted = await self._admit(tx, person, post_id)
            await workspaces.lock(tx, person.workspace_id)
            post, revision = await self._movable(tx, person, post_id)
            if version is not None and version != post.version:
                raise AlreadyDone(
                    "This post was changed or decided since you were shown it, so it wasn't "
                    "moved. `/social queue` shows how it stands."
                )
            due_at = await self._chosen(tx, admitted, post, revision, wanted)
            moved = replace(post, when=wanted.when, due_at=due_at)
            await posts.lock(tx, post.id)
            hold = await holds.of_post(tx, post)
            if post.state is PostState.SCHEDULED:
                moved = await self._move_approved(tx, admitted, moved, revision, now)
            if not await posts.change(
                tx, post, now, state=moved.state, when=moved.when, due_at=moved.due_at
            ):
                raise AlreadyDone("Somebody changed this post at the same moment. Open it again.")
            await history.note(
                tx,
                post.workspace_id,
                post.id,
                person.user_id,
                "moved",
                now,
                f"{_time_in_words(post.due_at)} -> {_time_in_words(moved.due_at)}",
            )
            await notices.refresh(tx, post.workspace_id, post.id, now)
            if post.author_id != person.user_id:
                await cards.tell_author(tx, post, now)
            if moved.state is PostState.IN_REVIEW:
                await cards.owe_card(tx, admitted.workspace, moved, revision, now)
            await lists_changed(tx, admitted.workspace, moved, revision, now)
            await holds.left(tx, hold, post, person.user_id, "moved", now)
        self._publisher.ring()
        self._notices.ring()
        return replace(moved, version=post.version + 1)

    async def _admit(self, tx: Transaction, person: Person, post_id: str) -> Admitted:
        """For whoever writes, perhaps in the post's campaign alone."""
        campaign_id = await posts.campaign_of(tx, person.workspace_id, post_id)
        return await admit(tx, person, Action.DRAFT, campaign_id)

    async def _movable(
        self, tx: Transaction, person: Person, post_id: str
    ) -> tuple[Post, Revision]:
        post = await posts.get(tx, person.workspace_id, post_id)
        if post is None:
            raise NotFound("This post isn't there any more.")
        revision = await posts.revision(tx, person.workspace_id, post.revision_id)
        if revision is None:
            raise NotFound("This post isn't there any more.")
        if post.mention_id is not None:
            raise UserError("A reply has no time of its own. Nothing was changed.")
        if post.state not in (PostState.IN_REVIEW, PostState.SCHEDULED):
            require_step(post, PostState.SCHEDULED, doing="move it")
            raise AlreadyDone("Edit this post first, then choose its time.")
        return post, revision

    async def _move_approved(
        self, tx: Transaction, admitted: Admitted, post: Post, revision: Revision, now: datetime
    ) -> Post:
        """An approved post: the mover's press settles the time if it may, else it is asked for."""
        standing = await policies.round_of(tx, admitted.workspace, post, revision)
        if not standing.may_settle(admitted.member.user_id):
            if not await delivery_rows.withdraw(tx, post.id):
                raise too_late(post, "moved")
            return replace(post, state=PostState.IN_REVIEW)
        due_at = post.due_at or now
        if not await delivery_rows.reschedule(tx, post.id, due_at):
            raise too_late(post, "moved")
        if standing.steps:
            await approvals.insert(
                tx,
                Approval(
                    id=new_id(),
                    workspace_id=post.workspace_id,
                    post_id=post.id,
                    revision_id=revision.id,
                    user_id=admitted.member.user_id,
                    verdict=Verdict.APPROVED,
                    comment="",
                    due_at=due_at,
                    decided_at=now,
                    round=post.round,
                ),
            )
        return replace(post, due_at=due_at)

    async def cancel(self, person: Person, post_id: str) -> Post:
        """Take a post out of the queue for good.

        :raises AlreadyDone: it is going out or has gone out.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await posts.lock(tx, post_id)
            post = await posts.get(tx, person.workspace_id, post_id)
            if post is not None and post.mention_id is not None:
                admitted = await admit(tx, person, Action.LOOK)
                if not admitted.may(Action.DRAFT):
                    await admit(tx, person, Action.RESPOND)
            else:
                admitted = await self._admit(tx, person, post_id)
            if post is None:
                raise NotFound("This post isn't there any more.")
            require_step(post, PostState.CANCELLED, doing="cancel it")
            hold = await holds.of_post(tx, post)
            if not await delivery_rows.withdraw(tx, post.id):
                raise too_late(post, "cancelled")
            if not await posts.change(tx, post, now, state=PostState.CANCELLED):
                raise AlreadyDone("Somebody changed this post at the same moment. Open it again.")
            await history.note(tx, post.workspace_id, post.id, person.user_id, "cancelled", now)
            await notices.refresh(tx, post.workspace_id, post.id, now)
            if post.author_id != person.user_id:
                await cards.tell_author(tx, post, now)
            if post.mention_id is not None:
                await notices.refresh(tx, post.workspace_id, post.mention_id, now)
            await pass_suggestions(tx, post, now)
            revision = await posts.revision(tx, post.workspace_id, post.revision_id)
            if revision is not None:
                await lists_changed(tx, admitted.workspace, post, revision, now)
            await holds.left(tx, hold, post, person.user_id, "cancelled", now)
        self._notices.ring()
        return replace(post, state=PostState.CANCELLED)

    async def set_slots(
        self, person: Person, account_id: str, slots: tuple[Slot, ...] | None
    ) -> None:
        """Change an account's weekly posting times; None: the default ones."""
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.CONFIGURE)
            account = await accounts.get(tx, person.workspace_id, account_id)
            if account is None:
                raise NotFound("This account isn't connected any more.")
            await accounts.set_slots(tx, account_id, slots)
            await history.note(
                tx,
                person.workspace_id,
                account_id,
                person.user_id,
                "posting times",
                self._clock.now(),
                f"{_slots_in_words(account.slots)} -> {_slots_in_words(slots)}",
            )


def _slots_in_words(slots: Sequence[Slot] | None) -> str:
    """“Mon, Tue at 9:00, 12:00; Fri at 16:00”."""
    if slots is None:
        return "the usual ones"
    days_of: dict[str, list[str]] = {}
    for day, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")):
        minutes = sorted(slot.minute for slot in slots if slot.weekday == day)
        if minutes:
            clocks = ", ".join(f"{minute // 60}:{minute % 60:02}" for minute in minutes)
            days_of.setdefault(clocks, []).append(name)
    named = [f"{', '.join(days)} at {clocks}" for clocks, days in days_of.items()]
    return "; ".join(named) or "none"


def _time_in_words(due_at: datetime | None) -> str:
    return "when it is approved" if due_at is None else due_at.isoformat(timespec="minutes")
