"""Own, route, answer, solve: what is done about a mention, against its two clocks.

The first answer stops the 12 h clock when it is live, the solution stops the 24 h clock. Whoever
presses *Resolve* without a reply from here says that it was dealt with elsewhere: both stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.accounts import AccountChoice
from bot.clock import Clock
from bot.composing import PostForm
from bot.drafting import Drafting
from bot.errors import AlreadyDone, FieldErrors, NotFound, UserError
from bot.mentions import MentionOverview, Mentions
from bot.posts import content_hash
from bot.scheduling import schedule_deliveries
from bot.team import Action, Admitted, Person, admit
from storage import history, mentions, notices, posts
from storage.database import Database
from storage.records import (
    AccountState,
    Card,
    Content,
    HistoryEntry,
    Mention,
    MentionState,
    Post,
    PostState,
    Revision,
    Urgency,
    When,
)
from storage.rows import Transaction, new_id

NOT_NEGATIVE = "not negative"
UNDER_WAY = (PostState.SCHEDULED, PostState.PUBLISHING)

CLOSED = {MentionState.RESOLVED: "resolved", MentionState.DISMISSED: "dismissed"}
_DID = {"resolved": "resolved it", "dismissed": "said that it isn't negative"}


@dataclass(frozen=True, slots=True)
class ReplyStart:
    """What the form of a reply begins with. ``text`` is what an earlier reply said that didn't
    go out, else empty. ``reply_id`` makes submitting the same form twice one reply."""

    shown: MentionOverview
    choice: AccountChoice
    reply_id: str
    text: str


class Triage:
    """Use cases of whoever answers. Every step is one conditional update."""

    def __init__(
        self, database: Database, mentions_: Mentions, drafting: Drafting, clock: Clock
    ) -> None:
        self._database = database
        self._mentions = mentions_
        self._drafting = drafting
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def claim(self, person: Person, mention_id: str, *, take_over: bool = False) -> Mention:
        """Make a mention one's own; again is harmless.

        :param take_over: also from a colleague.
        :raises AlreadyDone: it is closed, or a colleague has it.
        """
        async with self._database.transaction() as tx:
            _, mention = await self._open(tx, person, mention_id, doing="claim it")
            mention = await self._own(tx, person, mention, take_over=take_over)
        self._notices.ring()
        return mention

    async def _own(
        self, tx: Transaction, person: Person, mention: Mention, *, take_over: bool = False
    ) -> Mention:
        if mention.owner_id == person.user_id:
            return mention
        if mention.owner_id is not None and not take_over:
            since = await self._last(tx, mention, "claimed", "took over")
            raise AlreadyDone(
                "A colleague is on it already. If they can't, take it over from the menu.",
                by=mention.owner_id,
                did="claimed it",
                at=since.at if since else None,
            )
        did = "claimed" if mention.owner_id is None else "took over"
        return await self._change(tx, person, mention, did, owner_id=person.user_id)

    async def start_reply(self, person: Person, mention_id: str) -> ReplyStart:
        """Claim a mention and begin its reply.

        :raises AlreadyDone: it is closed, a colleague has it, or a reply is on its way.
        :raises UserError: no reply can be given from here.
        """
        async with self._database.transaction() as tx:
            _, mention = await self._open(tx, person, mention_id, doing="reply to it")
            shown = await self._mentions.overview(tx, person.workspace_id, mention_id)
            choice = _answering(shown)
            _refuse_second(shown)
            await self._own(tx, person, mention)
        self._notices.ring()
        failed = [reply for reply in shown.replies if reply.post.state is PostState.FAILED]
        text = failed[-1].text if failed and failed[-1] is shown.replies[-1] else ""
        return ReplyStart(shown, choice, new_id(), text)

    async def reply(
        self, person: Person, mention_id: str, text: str, *, resolves: bool, reply_id: str
    ) -> None:
        """Send a reply: a delivery like any other, due now. Needs no approval.

        :param resolves: the mention is resolved once the reply is live.
        :raises FieldErrors: the network wouldn't take the ``text``.
        :raises AlreadyDone: it is closed, a colleague has it, or a reply is on its way.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            if await posts.get(tx, person.workspace_id, reply_id) is not None:
                return  # the same form, sent again
            _, mention = await self._open(tx, person, mention_id, doing="reply to it")
            shown = await self._mentions.overview(tx, person.workspace_id, mention_id)
            choice = _answering(shown)
            _refuse_second(shown)
            content = self._checked(choice, text)
            mention = await self._own(tx, person, mention)
            await self._change(
                tx, person, mention, "replied", resolve_with=reply_id if resolves else None
            )
            await self._send(tx, person, mention, content, reply_id, now)
        self._publisher.ring()
        self._notices.ring()

    def _checked(self, choice: AccountChoice, text: str) -> Content:
        text = text.strip()
        if not text:
            raise FieldErrors({"text": "Write an answer."})
        [count] = self._drafting.counts(PostForm(text, (choice.account.id,)), [choice])
        if count.problems:
            raise FieldErrors({"text": " ".join(count.problems)})
        return Content(texts={choice.account.id: text}, link=None, pictures=())

    async def _send(
        self,
        tx: Transaction,
        person: Person,
        mention: Mention,
        content: Content,
        reply_id: str,
        now: datetime,
    ) -> None:
        revision = Revision(
            id=new_id(),
            workspace_id=person.workspace_id,
            post_id=reply_id,
            number=1,
            hash=content_hash(content),
            content=content,
            base_text=next(iter(content.texts.values())),
            editor_id=person.user_id,
            created_at=now,
        )
        post = Post(
            id=reply_id,
            workspace_id=person.workspace_id,
            author_id=person.user_id,
            state=PostState.SCHEDULED,
            revision_id=revision.id,
            when=When.NOW,
            due_at=now,
            mention_id=mention.id,
            version=1,
            created_at=now,
            updated_at=now,
        )
        await posts.insert(tx, post, revision)
        await schedule_deliveries(tx, post, revision, now)

    async def route(self, person: Person, mention_id: str, team: str) -> Mention:
        """Hand a mention to a team: it is theirs, and its card goes to their channel.

        :raises AlreadyDone: it is closed, or theirs already.
        :raises NotFound: there is no such team.
        """
        async with self._database.transaction() as tx:
            admitted, mention = await self._open(tx, person, mention_id, doing="route it")
            channel = admitted.workspace.routes.get(team)
            if channel is None:
                raise NotFound(f"There is no team {team} any more. An admin sets the teams up.")
            if mention.route == team:
                last = await self._last(tx, mention, "routed")
                raise AlreadyDone(
                    f"It is with {team} already.",
                    by=last.actor_id if last else None,
                    did="routed it there",
                    at=last.at if last else None,
                )
            mention = await self._change(
                tx, person, mention, "routed", detail=team, route=team, owner_id=None
            )
            if channel != admitted.workspace.alerts_channel:
                now = self._clock.now()
                await notices.owe(tx, mention.workspace_id, Card.ROUTED, mention.id, channel, now)
        self._notices.ring()
        return mention

    async def resolve(self, person: Person, mention_id: str) -> Mention:
        """It is solved; if nobody answered from here, it was answered elsewhere.

        :raises AlreadyDone: it is closed.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            _, mention = await self._open(tx, person, mention_id, doing="resolve it")
            mention = await self._change(
                tx,
                person,
                mention,
                "resolved",
                detail="" if mention.answered_at else "answered elsewhere",
                state=MentionState.RESOLVED,
                solved_at=now,
                answered_at=mention.answered_at or now,
                owner_id=mention.owner_id or person.user_id,
            )
        self._notices.ring()
        return mention

    async def dismiss(self, person: Person, mention_id: str) -> Mention:
        """It isn't negative; the record keeps who said so.

        :raises AlreadyDone: it is closed.
        """
        async with self._database.transaction() as tx:
            _, mention = await self._open(tx, person, mention_id, doing="dismiss it")
            mention = await self._change(
                tx, person, mention, "dismissed", detail=NOT_NEGATIVE, state=MentionState.DISMISSED
            )
            await self._refresh_list(tx, mention)
        self._notices.ring()
        return mention

    async def reopen(self, person: Person, mention_id: str) -> Mention:
        """It isn't done after all.

        :raises AlreadyDone: it is open.
        """
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            mention = await self._found(tx, person, mention_id)
            if mention.state is MentionState.OPEN:
                raise AlreadyDone("It is open already. Nothing was changed.")
            mention = await self._change(
                tx,
                person,
                mention,
                "reopened",
                state=MentionState.OPEN,
                solved_at=None,
                resolve_with=None,
            )
        self._notices.ring()
        return mention

    async def is_negative(self, person: Person, mention_id: str) -> Mention:
        """It needs an answer after all: it gets its card in the alerts channel.

        :raises AlreadyDone: it is closed, or has its card.
        """
        async with self._database.transaction() as tx:
            admitted, mention = await self._open(tx, person, mention_id, doing="raise it")
            if mention.urgency is Urgency.ALERT:
                raise AlreadyDone("It has its card in the alerts channel already.")
            mention = await self._change(tx, person, mention, "raised", urgency=Urgency.ALERT)
            channel = admitted.workspace.alerts_channel
            if channel is not None:
                now = self._clock.now()
                await notices.owe(tx, mention.workspace_id, Card.MENTION, mention.id, channel, now)
            await self._refresh_list(tx, mention)
        self._notices.ring()
        return mention

    async def dismiss_list(self, person: Person, list_id: str) -> Sequence[Mention]:
        """Nothing of what is left in a list is negative.

        :raises AlreadyDone: nothing is left in it.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            dismissed = await mentions.dismiss_list(tx, person.workspace_id, list_id)
            if not dismissed:
                raise AlreadyDone("Nothing is left in this list: everything was looked at.")
            for mention in dismissed:
                await history.note(
                    tx,
                    mention.workspace_id,
                    mention.id,
                    person.user_id,
                    "dismissed",
                    now,
                    NOT_NEGATIVE,
                )
            await notices.refresh(tx, person.workspace_id, list_id, now)
        self._notices.ring()
        return dismissed

    async def _found(self, tx: Transaction, person: Person, mention_id: str) -> Mention:
        mention = await mentions.get(tx, person.workspace_id, mention_id)
        if mention is None:
            raise NotFound("This mention isn't there any more.")
        return mention

    async def _open(
        self, tx: Transaction, person: Person, mention_id: str, *, doing: str
    ) -> tuple[Admitted, Mention]:
        admitted = await admit(tx, person, Action.RESPOND)
        mention = await self._found(tx, person, mention_id)
        if mention.state is not MentionState.OPEN:
            closed = CLOSED[mention.state]
            last = await self._last(tx, mention, closed)
            raise AlreadyDone(
                f"You can't {doing}: it is {closed}. Nothing was changed.",
                by=last.actor_id if last else None,
                did=_DID[closed],
                at=last.at if last else None,
            )
        return admitted, mention

    async def _change(
        self,
        tx: Transaction,
        person: Person,
        mention: Mention,
        did: str,
        *,
        detail: str = "",
        **new: object,
    ) -> Mention:
        """One step: it is done only if the mention is still as it was read."""
        now = self._clock.now()
        if not await mentions.change(tx, mention, **new):
            entries = await history.of_subject(tx, mention.id)
            last = entries[-1] if entries else None
            raise AlreadyDone(
                "Somebody was faster; the card shows what happened. Nothing else was changed.",
                by=last.actor_id if last else None,
                did="was first",
                at=last.at if last else None,
            )
        await history.note(tx, mention.workspace_id, mention.id, person.user_id, did, now, detail)
        await notices.refresh(tx, mention.workspace_id, mention.id, now)
        return replace(mention, version=mention.version + 1, **new)  # type: ignore[arg-type]  # columns

    async def _refresh_list(self, tx: Transaction, mention: Mention) -> None:
        if mention.listed_in is not None:
            now = self._clock.now()
            await notices.refresh(tx, mention.workspace_id, mention.listed_in, now)

    async def _last(self, tx: Transaction, mention: Mention, *actions: str) -> HistoryEntry | None:
        entries = await history.of_subject(tx, mention.id)
        return next((entry for entry in reversed(entries) if entry.action in actions), None)


def _answering(shown: MentionOverview) -> AccountChoice:
    """The account a reply comes from."""
    if shown.choice is None:
        raise UserError("No reply can be given from here. Open it and answer there.")
    if shown.choice.account.state is not AccountState.ACTIVE:
        raise UserError(
            f"{shown.choice.label} has to be connected again before anybody can reply: an admin "
            "does it with `/social connect`. The mention stays open."
        )
    return shown.choice


def _refuse_second(shown: MentionOverview) -> None:
    for reply in shown.replies:
        if reply.post.state in UNDER_WAY:
            raise AlreadyDone(
                "A reply is on its way already.",
                by=reply.post.author_id,
                did="sent it",
                at=reply.post.created_at,
            )


async def reply_moved(tx: Transaction, post: Post, state: PostState, now: datetime) -> None:
    """A reply's delivery has changed: once it is live, the first answer counts as given, and the
    mention is resolved if the responder asked for that."""
    assert post.mention_id is not None
    if state is PostState.PUBLISHED:
        workspace_id, mention_id, who = post.workspace_id, post.mention_id, post.author_id
        if await mentions.note_answer(tx, mention_id, now):
            await history.note(tx, workspace_id, mention_id, who, "answered", now)
        if await mentions.resolve_with(tx, mention_id, post.id, now):
            after = now + timedelta(microseconds=1)  # the record is in the order of time
            await history.note(tx, workspace_id, mention_id, who, "resolved", after)
    await notices.refresh(tx, post.workspace_id, post.mention_id, now)
