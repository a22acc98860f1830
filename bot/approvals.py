"""Approved means approved: who may decide on a post, and what a decision does."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.clock import Clock
from bot.errors import AlreadyDone, FieldErrors, NotAllowed, NotFound
from bot.posts import IN_WORDS, content_hash
from bot.scheduling import schedule_deliveries
from bot.team import Action, Admitted, Person, admit, decides_own
from bot.waiting import lists_changed
from storage import approvals, history, notices, posts
from storage.database import Database
from storage.records import Approval, Card, Post, PostState, Revision, Verdict
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
    """What was decided; ``post`` as it is now."""

    post: Post
    revision: Revision
    verdict: Verdict


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
    ) -> Decision:
        """Decide on the revision that the person was shown.

        :param version: the post's, as it was shown: approving approves its time as well. None
            for decisions that don't depend on it.
        :raises NotAllowed: no approver, or it is their own post.
        :raises AlreadyDone: decided, edited or cancelled meanwhile: says by whom and when.
        :raises FieldErrors: a comment is needed and missing (field ``comment``).
        """
        now = self._clock.now()
        if verdict is not Verdict.APPROVED and not comment.strip():
            raise FieldErrors({"comment": "Say in a sentence what should be different, or why."})
        async with self._database.transaction() as tx:
            admitted = await admit(tx, person, Action.DECIDE)
            post, revision = await self._decidable(tx, admitted, post_id, revision_id)
            if version is not None and version != post.version:
                raise AlreadyDone(
                    "The time of this post was changed since you were shown it. "
                    "Nothing was decided: look at the new time first."
                )
            due_at = self._time(post, verdict, now)
            if not await posts.change(tx, post, now, state=OUTCOME[verdict], due_at=due_at):
                raise await self._who_was_first(tx, post.workspace_id, post.id)
            decided = replace(post, state=OUTCOME[verdict], due_at=due_at, version=post.version + 1)
            await self._record(tx, admitted, decided, revision, verdict, comment.strip(), now)
        self._publisher.ring()
        self._notices.ring()
        return Decision(decided, revision, verdict)

    async def _decidable(
        self, tx: Transaction, admitted: Admitted, post_id: str, revision_id: str
    ) -> tuple[Post, Revision]:
        post = await posts.get(tx, admitted.workspace.id, post_id)
        if post is None:
            raise NotFound("This post isn't there any more.")
        if post.state is not PostState.IN_REVIEW:
            raise await self._who_was_first(tx, post.workspace_id, post.id)
        revision = await posts.revision(tx, admitted.workspace.id, post.revision_id)
        assert revision is not None
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
        deciding = admitted.member.user_id
        if deciding in (post.author_id, revision.editor_id) and not decides_own(admitted.workspace):
            raise NotAllowed(
                "You wrote this post, so somebody else has to decide on it. "
                "Any approver or admin can."
            )
        return post, revision

    def _time(self, post: Post, verdict: Verdict, now: datetime) -> datetime | None:
        if verdict is not Verdict.APPROVED:
            return post.due_at
        if post.due_at is not None and post.due_at <= now:
            raise AlreadyDone(
                "The time of this post has passed, so approving it now would send it late. "
                "Choose *Reschedule* in the card's menu, then approve. Nothing was decided."
            )
        return post.due_at or now

    async def _record(
        self,
        tx: Transaction,
        admitted: Admitted,
        post: Post,
        revision: Revision,
        verdict: Verdict,
        comment: str,
        now: datetime,
    ) -> None:
        workspace_id, user_id = admitted.workspace.id, admitted.member.user_id
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
            ),
        )
        await history.note(tx, workspace_id, post.id, user_id, NOTED[verdict], now, comment)
        if verdict is Verdict.APPROVED:
            assert post.due_at is not None
            await schedule_deliveries(tx, post, revision, post.due_at)
        else:
            await notices.owe(tx, workspace_id, Card.TROUBLE, post.id, post.author_id, now)
        await notices.refresh(tx, workspace_id, post.id, now)
        await lists_changed(tx, admitted.workspace, post, revision, now)

    async def _who_was_first(self, tx: Transaction, workspace_id: str, post_id: str) -> AlreadyDone:
        post = await posts.get(tx, workspace_id, post_id)
        assert post is not None
        state = f"This post is {IN_WORDS[post.state]}. Your press changed nothing."
        for approval in reversed(await approvals.of_post(tx, post_id)):
            if approval.revision_id == post.revision_id:
                did = NOTED[approval.verdict]
                return AlreadyDone(state, by=approval.user_id, did=did, at=approval.decided_at)
        return AlreadyDone(state)
