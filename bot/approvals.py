"""Approved means approved: who may decide on a post, and what a decision does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot import cards, policies
from bot.clock import Clock
from bot.errors import AlreadyDone, FieldErrors, NotFound
from bot.policies import Round
from bot.posts import IN_WORDS, content_hash
from bot.scheduling import schedule_deliveries
from bot.team import Action, Person, admit
from bot.waiting import lists_changed
from storage import approvals, history, notices, posts, workspaces
from storage.database import Database
from storage.records import Approval, Post, PostState, Revision, Verdict
from storage.rows import Transaction, new_id

OUTCOME = {
    Verdict.APPROVED: PostState.SCHEDULED,
    Verdict.CHANGES_REQUESTED: PostState.CHANGES_REQUESTED,
    Verdict.REJECTED: PostState.REJECTED,
}
NOTED = {
    Verdict.APPROVED: "approved",
    Verdict.CHANGES_REQUESTED: "asked for changes",
    Verdict.REJECTED: "rejected",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided; ``post`` as it is now. ``round`` says what is still needed."""

    post: Post
    revision: Revision
    verdict: Verdict
    round: Round


class Approvals:
    """Use cases of deciding."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def decide(
        self,
        person: Person,
        post_id: str,
        verdict: Verdict,
        *,
        revision_id: str,
        version: int | None = None,
        comment: str = "",
        also: Callable[[Transaction, Decision], Awaitable[None]] | None = None,
    ) -> Decision:
        """Decide on the revision that the person was shown.

        An approval counts for one step of what the post needs (`bot.policies`). The one that
        completes it schedules the post; the others leave it in review.

        :param version: the post's, as it was shown: approving approves its time as well. None
            for decisions that don't depend on it.
        :param also: done in the same transaction: with the decision, or not at all.
        :raises NotAllowed: it isn't theirs to decide, or not yet, or it is their own post.
        :raises AlreadyDone: decided, edited or cancelled meanwhile, or they have approved it: says
            by whom and when.
        :raises FieldErrors: a comment is needed and missing (field ``comment``).
        """
        now = self._clock.now()
        if verdict is not Verdict.APPROVED and not comment.strip():
            raise FieldErrors({"comment": "Say in a sentence what should be different, or why."})
        async with self._database.transaction() as tx:
            decision = await self._decide(
                tx, person, post_id, verdict, revision_id, version, comment.strip(), now
            )
            if also is not None:
                await also(tx, decision)
        self._publisher.ring()
        self._notices.ring()
        return decision

    async def _decide(
        self,
        tx: Transaction,
        person: Person,
        post_id: str,
        verdict: Verdict,
        revision_id: str,
        version: int | None,
        comment: str,
        now: datetime,
    ) -> Decision:
        """Presses on one post wait for each other: who comes second counts what the first gave."""
        post = await posts.lock(tx, post_id)
        workspace = await workspaces.get(tx, person.workspace_id)
        if workspace is None or workspace.set_up_at is None:
            workspace = (await admit(tx, person, Action.DECIDE)).workspace
        if post is None or post.workspace_id != person.workspace_id:
            await admit(tx, person, Action.DECIDE)
            raise NotFound("This post isn't there any more.")
        revision = await posts.revision(tx, post.workspace_id, post.revision_id)
        assert revision is not None
        before = await policies.round_of(tx, workspace, post, revision)
        if person.home_team is not None or not before.may_end(person.user_id):
            # refused, or told below whose turn it is
            await admit(tx, person, Action.DECIDE, post.campaign_id)
        if post.state is not PostState.IN_REVIEW:
            raise await self._who_was_first(tx, post)
        _require_shown(post, revision, revision_id, version)
        if verdict is Verdict.APPROVED:
            before.require(person.user_id)
            after = before.given(person.user_id)
            decided = await self._approved(tx, post, after, now)
        else:
            before.require_ending(person.user_id)
            after = before
            decided = await self._step(tx, post, OUTCOME[verdict], post.due_at, now)
        await self._record(tx, person, decided, revision, verdict, comment, before, now)
        return Decision(decided, revision, verdict, after)

    async def _approved(self, tx: Transaction, post: Post, after: Round, now: datetime) -> Post:
        """The post after an approval; scheduled if nothing is missing any more.

        :raises AlreadyDone: its time has passed.
        """
        if post.due_at is not None and post.due_at <= now:
            raise AlreadyDone(
                "The time of this post has passed, so approving it now would send it late. "
                "Choose *Reschedule* in the card's menu, then approve. Nothing was decided."
            )
        if not after.is_complete:
            return post  # as it is: the cards that others have in front of them stay true
        return await self._step(tx, post, PostState.SCHEDULED, post.due_at or now, now)

    async def _step(
        self, tx: Transaction, post: Post, to: PostState, due_at: datetime | None, now: datetime
    ) -> Post:
        if not await posts.change(tx, post, now, state=to, due_at=due_at):
            raise await self._who_was_first(tx, post)
        return replace(post, state=to, due_at=due_at, version=post.version + 1)

    async def _record(
        self,
        tx: Transaction,
        person: Person,
        post: Post,
        revision: Revision,
        verdict: Verdict,
        comment: str,
        before: Round,
        now: datetime,
    ) -> None:
        workspace_id, user_id = post.workspace_id, person.user_id
        history.acts(tx, user_id, person.origin)
        await approvals.insert(
            tx,
            Approval(
                id=new_id(),
                workspace_id=workspace_id,
                post_id=post.id,
                revision_id=revision.id,
                user_id=user_id,
                verdict=verdict,
                comment=comment,
                due_at=post.due_at,
                decided_at=now,
                round=post.round,
            ),
        )
        current = before.current
        step = current.step.name if current and verdict is Verdict.APPROVED else ""
        await history.note(tx, workspace_id, post.id, user_id, NOTED[verdict], now, comment or step)
        if post.state is PostState.SCHEDULED:
            assert post.due_at is not None
            await schedule_deliveries(tx, post, revision, post.due_at)
        elif verdict is not Verdict.APPROVED:
            await cards.tell_author(tx, post, now)
        await notices.refresh(tx, workspace_id, post.id, now)
        if post.mention_id is not None:
            await notices.refresh(tx, workspace_id, post.mention_id, now)
        await lists_changed(tx, before.deciders.workspace, post, revision, now)

    async def _who_was_first(self, tx: Transaction, post: Post) -> AlreadyDone:
        state = f"This post is {IN_WORDS[post.state]}. Your press changed nothing."
        for approval in reversed(await approvals.of_post(tx, post.id)):
            if (approval.revision_id, approval.round) == (post.revision_id, post.round):
                did = NOTED[approval.verdict]
                return AlreadyDone(state, by=approval.user_id, did=did, at=approval.decided_at)
        return AlreadyDone(state)


def _require_shown(post: Post, revision: Revision, revision_id: str, version: int | None) -> None:
    """Check that what is decided on is what the person was shown.

    :raises AlreadyDone: it isn't.
    """
    if post.revision_id != revision_id:
        raise AlreadyDone(
            "This post has changed since you were shown it. "
            "Nothing was decided: look at the new text first.",
            by=revision.editor_id,
            did="changed it",
            at=revision.created_at,
        )
    if content_hash(revision.content) != revision.hash:
        raise AlreadyDone(
            "The kept text of this post isn't the one that was submitted (its hash differs). "
            "Nothing was decided. Edit the post and submit it again."
        )
    if version is not None and version != post.version:
        raise AlreadyDone(
            "The time of this post was changed since you were shown it. "
            "Nothing was decided: look at the new time first."
        )
