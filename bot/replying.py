"""Replies to mentions: deliveries like any other, due at once. They need an approval only where a
policy says so."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from bot import cards, policies
from bot.accounts import AccountChoice
from bot.clock import Clock
from bot.composing import PostForm
from bot.drafting import Drafting
from bot.errors import AlreadyDone, FieldErrors, UserError
from bot.mentions import MentionOverview, Mentions, Reply
from bot.posts import UNDER_WAY, content_hash, thread_parts
from bot.scheduling import schedule_deliveries
from bot.team import Action, Person, admit
from bot.triage import change, open_mention, own
from bot.waiting import lists_changed
from storage import drafts, history, mentions, posts, workspaces
from storage.database import Database
from storage.records import (
    AccountState,
    Content,
    Draft,
    Mention,
    Post,
    PostState,
    Revision,
    When,
    Workspace,
)
from storage.rows import Transaction, new_id

ASKED = "wrote and asked"
NOT_OUT = (
    PostState.FAILED,
    PostState.PARTLY_PUBLISHED,
    PostState.CHANGES_REQUESTED,
    PostState.REJECTED,
    PostState.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class ReplyStart:
    """What the form of a reply begins with. ``text`` is what the person had typed and not sent
    (then it ``is_back``), or what an earlier reply said that didn't go out, else empty.
    ``reply_id`` makes submitting the same form twice one reply."""

    shown: MentionOverview
    choice: AccountChoice
    reply_id: str
    text: str
    is_back: bool


class Replying:
    """Use cases of writing a reply."""

    def __init__(
        self, database: Database, mentions_: Mentions, drafting: Drafting, clock: Clock
    ) -> None:
        self._database = database
        self._mentions = mentions_
        self._drafting = drafting
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def start(self, person: Person, mention_id: str) -> ReplyStart:
        """Claim a mention and begin its reply.

        :raises AlreadyDone: it is closed, a colleague has it, or a reply is on its way.
        :raises UserError: no reply can be given from here.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            _, mention = await open_mention(tx, person, mention_id, doing="reply to it")
            shown = await self._mentions.overview(tx, person.workspace_id, mention_id)
            choice = _answering(shown)
            _refuse_second(shown)
            await own(tx, person, mention, now)
            draft = await drafts.get(tx, person.workspace_id, _draft_id(person, mention_id))
        self._notices.ring()
        if draft is not None:
            return ReplyStart(shown, choice, new_id(), draft.fields["text"], is_back=True)
        left = [reply for reply in shown.replies if reply.post.state in NOT_OUT]
        text = _not_out(left[-1]) if left and left[-1] is shown.replies[-1] else ""
        return ReplyStart(shown, choice, new_id(), text, is_back=False)

    async def keep(self, person: Person, mention_id: str, text: str, *, reply_id: str) -> None:
        """Keep what is being typed, so that a form closed by mistake comes back; of a person and
        a mention the last text. A text that was wiped is forgotten.

        What arrives after its form was sent is no draft any more.
        """
        now = self._clock.now()
        draft_id = _draft_id(person, mention_id)
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            if await posts.get(tx, person.workspace_id, reply_id) is not None:
                return
            if await mentions.get(tx, person.workspace_id, mention_id) is None:
                return  # a reply to nothing
            if not text.strip():
                await drafts.remove(tx, person.workspace_id, person.user_id, draft_id)
                return
            fields = {drafts.REPLY_TO: mention_id, "text": text}
            await drafts.save(
                tx, Draft(draft_id, person.workspace_id, person.user_id, None, fields, now)
            )

    async def send(
        self, person: Person, mention_id: str, text: str, *, resolves: bool, reply_id: str
    ) -> None:
        """Send a reply: a delivery like any other, due now; or, where a policy says so, ask for its
        approval first.

        :param resolves: the mention is resolved once the reply is live.
        :raises FieldErrors: the network wouldn't take the ``text``.
        :raises AlreadyDone: it is closed, a colleague has it, or a reply is on its way.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            admitted = await admit(tx, person, Action.RESPOND)
            if await posts.get(tx, person.workspace_id, reply_id) is not None:
                return  # the same form, sent again
            _, mention = await open_mention(tx, person, mention_id, doing="reply to it")
            shown = await self._mentions.overview(tx, person.workspace_id, mention_id)
            choice = _answering(shown)
            _refuse_second(shown)
            content = self._checked(choice, text)
            mention = await own(tx, person, mention, now)
            after = self._clock.now()  # the record is in the order of time
            wanted = reply_id if resolves else None
            asks = await _needs_approval(tx, admitted.workspace, choice.account.id)
            did = "asked to reply" if asks else "replied"
            await change(tx, person, mention, did, after, resolve_with=wanted)
            post, revision = await self._insert(tx, person, mention, content, reply_id, now, asks)
            draft_id = _draft_id(person, mention_id)
            await drafts.remove(tx, person.workspace_id, person.user_id, draft_id)
            await history.note(
                tx,
                post.workspace_id,
                post.id,
                person.user_id,
                ASKED if asks else "wrote as a reply",
                now,
                mention.id,
            )
            if asks:
                await cards.owe_card(tx, admitted.workspace, post, revision, now)
                await lists_changed(tx, admitted.workspace, post, revision, now)
            else:
                await schedule_deliveries(tx, post, revision, now)
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

    async def needs_approval(self, workspace_id: str, choice: AccountChoice | None) -> bool:
        """Whether a reply from an account waits for an approval."""
        if choice is None:
            return False
        async with self._database.reading() as tx:
            workspace = await workspaces.get(tx, workspace_id)
            return workspace is not None and await _needs_approval(tx, workspace, choice.account.id)

    async def _insert(
        self,
        tx: Transaction,
        person: Person,
        mention: Mention,
        content: Content,
        reply_id: str,
        now: datetime,
        asks: bool,
    ) -> tuple[Post, Revision]:
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
            state=PostState.IN_REVIEW if asks else PostState.SCHEDULED,
            revision_id=revision.id,
            when=When.NOW,
            due_at=None if asks else now,
            mention_id=mention.id,
            version=1,
            created_at=now,
            updated_at=now,
        )
        await posts.insert(tx, post, revision)
        return post, revision


def _draft_id(person: Person, mention_id: str) -> str:
    """One for what a person has typed about a mention, whichever form it was typed into."""
    key = "\0".join((person.workspace_id, person.user_id, mention_id))
    return hashlib.sha256(key.encode()).hexdigest()


async def _needs_approval(tx: Transaction, workspace: Workspace, account_id: str) -> bool:
    deciders = await policies.load(tx, workspace)
    return bool(deciders.needed(None, [account_id], is_reply=True).steps)


def _not_out(reply: Reply) -> str:
    """What of a reply nobody reads yet: of a thread that failed halfway the rest."""
    posts = thread_parts(reply.text)
    left = [post for number, post in enumerate(posts, 1) if number not in reply.sent.live]
    return "\n---\n".join(left)


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
                "A reply waits for approval already."
                if reply.post.state is PostState.IN_REVIEW
                else "A reply is on its way already, or nobody knows yet whether it is out.",
                by=reply.post.author_id,
                did="wrote it" if reply.post.state is PostState.IN_REVIEW else "sent it",
                at=reply.post.created_at,
            )
