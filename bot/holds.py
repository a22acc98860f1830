"""What people do about what is held: let it go, ask for that, drop it.

Letting it go is no new round of approval, but its new time needs one press of somebody who may
give one of the approvals it needs (`rights_of`); that press is kept as an approval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot import policies
from bot.accounts import Accounts
from bot.brake import first_over
from bot.clock import Clock
from bot.errors import AlreadyDone, FieldErrors, NotAllowed, NotFound, UserError
from bot.free_times import next_free_time
from bot.held_lists import ASKED, DID, Rights, rights_of, seen_as
from bot.policies import Round
from bot.settling import conclude
from bot.team import Action, Admitted, Person, admit
from storage import (
    accounts,
    approvals,
    brakes,
    deliveries,
    history,
    holds,
    notices,
    posts,
    workspaces,
)
from storage.database import Database
from storage.records import (
    AccountState,
    Approval,
    Brake,
    Card,
    Delivery,
    DeliveryState,
    Hold,
    Post,
    Revision,
    Verdict,
    When,
)
from storage.rows import Transaction, new_id

HALF_OUT = "the rest of it was dropped"
MAY_BE_OUT = "it was dropped after its sending had begun, so it may or may not be live"


class Do(StrEnum):
    """What a press asks for."""

    NOW = "now"
    NEXT_FREE = "next_free"
    DROP = "drop"
    AS_ASKED = "as_asked"  # what its author asks for


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a press on one or more posts, each counted once. ``unknown``: dropped, but it
    may be out. ``problems`` says why nothing was done about some, with how many."""

    released: int = 0
    asked: int = 0
    dropped: int = 0
    unknown: int = 0
    problems: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Settled") -> "Settled":
        problems = dict(self.problems)
        for text, count in other.problems.items():
            problems[text] = problems.get(text, 0) + count
        return Settled(
            self.released + other.released,
            self.asked + other.asked,
            self.dropped + other.dropped,
            self.unknown + other.unknown,
            problems,
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """A post of which something is held, locked, and who wants something of it."""

    admitted: Admitted
    round: Round
    rights: Rights
    post: Post
    revision: Revision
    hold: Hold
    held: Sequence[Delivery]

    @property
    def ids(self) -> list[str]:
        return [delivery.id for delivery in self.held]


class Holds:
    """Use cases of what is held. Each post is one transaction and one conditional statement."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def settle(
        self, person: Person, post_id: str, do: Do, *, revision_id: str | None = None
    ) -> Settled:
        """Do what is asked about everything held of one post.

        :param revision_id: the content that the person was shown.
        :raises AlreadyDone: nothing of it is held any more: says what was done and by whom.
        :raises NotAllowed: neither may they do it nor ask for it.
        :raises UserError: a brake is on, or its account must be connected again.
        """
        done = await self._database.surely(
            lambda tx: self._settle(tx, person, post_id, do, revision_id)
        )
        self._publisher.ring()
        self._notices.ring()
        return done

    async def settle_all(
        self,
        person: Person,
        do: Do,
        *,
        seen: str,
        hold_id: str | None = None,
        only_asked: bool = False,
    ) -> Settled:
        """Do it about a whole list, soonest due first.

        :param seen: the list that the person was shown (`seen_as`).
        :param hold_id: one person's list; None: all that is held.
        :param only_asked: what is asked for on it.
        :raises AlreadyDone: the list is another one by now; nothing was done.
        :raises UserError: nothing could be done, with the first reason.
        """
        async with self._database.reading() as tx:
            await admit(tx, person, Action.LOOK, somewhere=True)
            ids = await holds.post_ids(
                tx, person.workspace_id, hold_id=hold_id, only_asked=only_asked
            )
        if not ids:
            raise AlreadyDone("Nothing is held here any more. Your press changed nothing.")
        if seen_as(ids) != seen:
            raise AlreadyDone(
                "This list changed since you were shown it, so nothing was done. Look at it first, "
                "then press again."
            )
        return await self.settle_each(person, do, ids)

    async def settle_each(self, person: Person, do: Do, post_ids: Sequence[str]) -> Settled:
        """Do it about several posts, one after the other; what can't be done is counted.

        :raises UserError: nothing could be done, with the first reason.
        """
        total, first = Settled(), None
        for post_id in post_ids:
            try:
                total += await self.settle(person, post_id, do)
            except UserError as error:
                first = first or error
                total += Settled(problems={str(error): 1})
        if first is not None and not (total.released or total.asked or total.dropped):
            raise first
        return total

    async def _settle(
        self, tx: Transaction, person: Person, post_id: str, do: Do, revision_id: str | None
    ) -> Settled:
        now = self._clock.now()
        if do in (Do.NEXT_FREE, Do.AS_ASKED):  # who takes a free time takes it alone
            await workspaces.lock(tx, person.workspace_id)
        case = await self._case(tx, person, post_id, revision_id)
        if do is Do.DROP:
            return await self._drop(tx, case, now)
        when = _when(case, do)
        going = await self._going(tx, case)
        if case.rights.release:
            return await self._release(tx, case, going, when, now)
        if case.rights.ask:
            return await self._ask(tx, case, going, when, now)
        raise NotAllowed(
            "To let go what was held you need the role approver or admin, and to be among those "
            "whose approval it needs. Its author can ask for it. Nothing was changed."
            if case.post.mention_id is None
            else "To send a reply you need the role responder or admin. Nothing was changed."
        )

    async def _case(
        self, tx: Transaction, person: Person, post_id: str, revision_id: str | None
    ) -> _Case:
        campaign_id = await posts.campaign_of(tx, person.workspace_id, post_id)
        admitted = await admit(tx, person, Action.LOOK, campaign_id)
        post = await posts.lock(tx, post_id)
        if post is None or post.workspace_id != person.workspace_id:
            raise NotFound("This post isn't there any more.")
        hold = await holds.locked(tx, post.workspace_id, post.author_id)
        living = await deliveries.of_post(tx, post_id)
        held = [delivery for delivery in living if delivery.state is DeliveryState.HELD]
        if hold is None or not held:
            raise await _who_was_first(tx, post)
        revision = await posts.revision(tx, person.workspace_id, post.revision_id)
        assert revision is not None
        if revision_id not in (None, revision.id):
            raise AlreadyDone(
                "This post has changed since you were shown it. Nothing was done: look at the new "
                "text first.",
                by=revision.editor_id,
                did="changed it",
                at=revision.created_at,
            )
        standing = await policies.round_of(tx, admitted.workspace, post, revision)
        rights = rights_of(standing, person.user_id)
        return _Case(admitted, standing, rights, post, revision, hold, held)

    async def _going(self, tx: Transaction, case: _Case) -> Sequence[Delivery]:
        """What of it can go out.

        :raises UserError: nothing can: says what stands in the way.
        """
        ids = sorted({delivery.account_id for delivery in case.held})
        known = await accounts.by_ids(tx, case.post.workspace_id, ids)
        awake = [d for d in case.held if known[d.account_id].state is AccountState.ACTIVE]
        if not awake:
            named = ", ".join(self._accounts.label(account) for account in known.values())
            raise UserError(
                f"{named} must be connected again first; an admin does it with `/social connect`. "
                "It is due again by itself then. Nothing was changed."
            )
        standing = await brakes.standing(tx, case.post.workspace_id)
        campaign = case.post.campaign_id
        going = [delivery for delivery in awake if first_over(standing, delivery, campaign) is None]
        if not going:
            brake = first_over(standing, awake[0], campaign)
            assert brake is not None
            raise _still_paused(brake)
        return going

    async def _release(
        self,
        tx: Transaction,
        case: _Case,
        going: Sequence[Delivery],
        when: When,
        now: datetime,
    ) -> Settled:
        admitted, post = case.admitted, case.post
        due_at = now
        if when is When.NEXT_FREE:
            due_at = await self._next_free(tx, case, going, now)
        await holds.let_go(tx, [delivery.id for delivery in going], due_at)
        await posts.change(tx, post, now, when=when, due_at=due_at)
        if case.round.steps:
            await approvals.insert(
                tx,
                Approval(
                    id=new_id(),
                    workspace_id=post.workspace_id,
                    post_id=post.id,
                    revision_id=case.revision.id,
                    user_id=admitted.member.user_id,
                    verdict=Verdict.APPROVED,
                    comment="",
                    due_at=due_at,
                    decided_at=now,
                    round=post.round,
                ),
            )
        did = "released" if when is When.NOW else "rescheduled"
        await self._done(tx, case, did, now)
        return Settled(released=1)

    async def _next_free(
        self, tx: Transaction, case: _Case, going: Sequence[Delivery], now: datetime
    ) -> datetime:
        ids = sorted({delivery.account_id for delivery in going})
        known = await accounts.by_ids(tx, case.post.workspace_id, ids)
        try:
            return await next_free_time(
                tx, case.admitted, list(known.values()), now=now, besides=case.post.id
            )
        except FieldErrors as error:
            raise UserError(str(error)) from error

    async def _ask(
        self,
        tx: Transaction,
        case: _Case,
        going: Sequence[Delivery],
        when: When,
        now: datetime,
    ) -> Settled:
        post, who = case.post, case.admitted.member.user_id
        if not await holds.wish(tx, [delivery.id for delivery in going], when, who):
            raise AlreadyDone(
                "You have asked for that already. Somebody who may approve has to press now."
            )
        for subject, detail in ((post.id, ""), (case.hold.id, post.id)):
            await history.note(tx, post.workspace_id, subject, who, ASKED[when], now, detail)
        await notices.refresh(tx, post.workspace_id, post.id, now)
        await holds.shows_else(tx, case.hold, now)
        channel = case.admitted.workspace.approvals_channel
        if channel is not None:
            await notices.owe(tx, post.workspace_id, Card.HELD, case.hold.id, channel, now)
        return Settled(asked=1)

    async def _drop(self, tx: Transaction, case: _Case, now: datetime) -> Settled:
        if not case.rights.drop:
            raise NotAllowed(
                "Only its author, an approver or an admin can drop it. Nothing was changed."
                if case.post.mention_id is None
                else "To drop a reply you need the role responder or admin. Nothing was changed."
            )
        unknown, halfway = await holds.drop(tx, case.ids, MAY_BE_OUT, HALF_OUT)
        await self._done(tx, case, "dropped", now, tell=unknown + halfway > 0)
        return Settled(dropped=1, unknown=int(unknown > 0))

    async def _done(
        self, tx: Transaction, case: _Case, did: str, now: datetime, *, tell: bool = False
    ) -> None:
        post, who = case.post, case.admitted.member.user_id
        await history.note(tx, post.workspace_id, post.id, who, did, now)
        await history.note(tx, post.workspace_id, case.hold.id, who, did, now, post.id)
        await conclude(tx, post.workspace_id, post.id, now, tell=tell)
        await holds.changed_list(tx, case.hold, now)


def _when(case: _Case, do: Do) -> When:
    if do is not Do.AS_ASKED:
        return When.NOW if do is Do.NOW else When.NEXT_FREE
    wished = next((delivery.wish for delivery in case.held if delivery.wish), None)
    if wished is None:
        raise AlreadyDone("Nothing is asked for about this post any more. Nothing was changed.")
    return wished


def _still_paused(brake: Brake) -> AlreadyDone:
    return AlreadyDone(
        f"Publishing is still paused (“{brake.reason}”), so it stays held. Somebody who may "
        "approve resumes it with `/social resume`. Nothing was changed.",
        by=brake.pulled_by,
        did="paused it",
        at=brake.pulled_at,
    )


async def _who_was_first(tx: Transaction, post: Post) -> AlreadyDone:
    text = "Nothing of this post is held any more. Your press changed nothing."
    for entry in reversed(await history.of_subject(tx, post.id)):
        did = entry.action.split(" ")[0]  # "edited and asked"
        if did in DID and entry.actor_id is not None:
            return AlreadyDone(text, by=entry.actor_id, did=DID[did], at=entry.at)
    return AlreadyDone(text)
