"""What is in a person's inbox at the moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot import escalations
from bot.accounts import AccountChoice, Accounts
from bot.clock import Clock
from bot.held_lists import HeldLists, HoldOverview
from bot.inbox import has_one
from bot.mentions import MentionOverview, Mentions
from bot.reminders import Stage, to_tell_author, told_at
from bot.reviews import WaitingLine, waiting_lines
from bot.waiting import is_past, waiting_for, with_deciders
from storage import accounts, holds, mentions, posts, workspaces
from storage.database import Database
from storage.records import AccountState, Member, Post, PostState, Workspace
from storage.rows import Transaction

PASSED_FOR = timedelta(days=7)  # then a post whose time passed undecided isn't brought up again
HOLD_SHOWN_FOR = timedelta(hours=12)  # what became of held posts, once nothing is held any more
MOST_MENTIONS = 3


@dataclass(frozen=True, slots=True)
class PressingMentions:
    """Mentions whose clocks have run out, or soon will. ``shown`` are the first of them: the
    person's own, then what ran out first; ``late`` and ``soon`` count them all."""

    shown: Sequence[MentionOverview]
    late: int
    soon: int


@dataclass(frozen=True, slots=True)
class Inbox:
    """What one person has to see to: mentions to answer or to solve (for admins: everybody's that
    are late); approvals due soon; their own posts that nobody has decided on and are due soon;
    those whose time passed undecided; what is held of theirs; accounts that they connected and must
    connect again.

    ``waiting`` is how many posts wait for them in all. ``held`` may be a list on which nothing is
    left: what became of it.
    """

    to_decide: Sequence[WaitingLine] = ()
    undecided: Sequence[WaitingLine] = ()
    passed: Sequence[WaitingLine] = ()
    held: HoldOverview | None = None
    expired: Sequence[AccountChoice] = ()
    mentions: PressingMentions | None = None
    waiting: int = 0

    @property
    def is_empty(self) -> bool:
        holds_something = self.held is not None and self.held.total > 0
        tasks = self.to_decide or self.undecided or self.passed or self.expired or self.mentions
        return not (tasks or holds_something)


class Inboxes:
    """Reads people's inboxes."""

    def __init__(
        self,
        database: Database,
        accounts_: Accounts,
        held: HeldLists,
        mentions_: Mentions,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts_
        self._held = held
        self._mentions = mentions_
        self._clock = clock

    async def load(self, workspace_id: str, user_id: str) -> Inbox:
        """What is in somebody's inbox now. Who has no role any more is asked about what they left
        held or connected, and for no decisions."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            workspace = await workspaces.get(tx, workspace_id)
            member = await workspaces.member(tx, workspace_id, user_id)
            if workspace is None or member is None:
                return Inbox()
            found = Inbox(expired=await self._expired(tx, member))
            hold = await holds.newest_of(tx, workspace_id, user_id)
            if await has_one(tx, workspace, user_id):
                found = await self._with_posts(tx, found, workspace, member, now)
                pressing = await self._pressing_mentions(tx, member, now)
                found = replace(found, mentions=pressing)
        if hold is None or (hold.closed_at is not None and now - hold.closed_at > HOLD_SHOWN_FOR):
            return found
        held = await self._held.card(workspace_id, hold.id, for_author=True)
        return replace(found, held=held)

    async def _expired(self, tx: Transaction, member: Member) -> Sequence[AccountChoice]:
        return [
            self._accounts.choice(account)
            for account in await accounts.of_workspace(tx, member.workspace_id)
            if account.state is AccountState.EXPIRED and account.owner_id == member.user_id
        ]

    async def _with_posts(
        self, tx: Transaction, found: Inbox, workspace: Workspace, member: Member, now: datetime
    ) -> Inbox:
        zone = ZoneInfo(member.zone)
        waiting = await waiting_for(tx, workspace, member.user_id)
        own = await posts.of_author(tx, workspace.id, member.user_id, [PostState.IN_REVIEW])
        mine = await with_deciders(tx, workspace, sorted(own, key=_due))
        soon = [one for one in waiting if _is_soon(one.post, now, zone)]
        warned = [one for one in mine if _is_warned_of(one.post, now, zone)]
        passed = [
            one for one in mine if is_past(one.post, now) and now - _due(one.post) < PASSED_FOR
        ]
        return replace(
            found,
            to_decide=await waiting_lines(tx, self._accounts, workspace, soon),
            undecided=await waiting_lines(tx, self._accounts, workspace, warned),
            passed=await waiting_lines(tx, self._accounts, workspace, passed),
            waiting=len(waiting),
        )

    async def _pressing_mentions(
        self, tx: Transaction, member: Member, now: datetime
    ) -> PressingMentions | None:
        me = member.user_id
        until = now + escalations.HORIZON
        since = now - escalations.LATE_FOR
        found = await mentions.running_out(tx, member.workspace_id, since, until)
        if not found:
            return None
        answering = await escalations.who_answers(tx, member.workspace_id)
        concerned = [(one, escalations.concern_of(me, one, now, answering)) for one in found]
        mine = [(one, concern) for one, concern in concerned if concern is not None]
        if not mine:
            return None
        mine.sort(key=lambda each: (each[0].owner_id != me, each[1].due_at))
        late = sum(concern.stage.is_late for _, concern in mine)
        shown = [
            await self._mentions.overview(tx, member.workspace_id, mention.id)
            for mention, _ in mine[:MOST_MENTIONS]
        ]
        return PressingMentions(shown, late=late, soon=len(mine) - late)


def _due(post: Post) -> datetime:
    return post.due_at or post.created_at


def _is_soon(post: Post, now: datetime, zone: ZoneInfo) -> bool:
    due_at = post.due_at
    return due_at is not None and told_at(due_at, Stage.FIRST, zone) <= now < due_at


def _is_warned_of(post: Post, now: datetime, zone: ZoneInfo) -> bool:
    if post.due_at is None:
        return False
    stage = to_tell_author(post.due_at, now, zone, post.updated_at)
    return stage in (Stage.WARNED, Stage.LAST)
