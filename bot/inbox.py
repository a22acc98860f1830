"""A person's inbox: one direct message with what is theirs to do soon, edited in place.

It is shown as it is at the moment. A new message, which pings, comes at most once per half-day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.accounts import Accounts
from bot.clock import Clock
from bot.reminders import Stage, half_day, to_tell_author, told_at
from bot.reviews import WaitingLine, waiting_lines
from bot.team import unchecked
from bot.waiting import is_past, waiting_for, with_deciders
from storage import notices, occurrences, posts, workspaces
from storage.database import Database
from storage.records import Card, Post, PostState, Workspace
from storage.rows import Transaction

PASSED_FOR = timedelta(days=7)  # then a post whose time passed undecided isn't brought up again


@dataclass(frozen=True, slots=True)
class Inbox:
    """What one person has to see to: approvals due soon; their own posts that nobody has decided on
    and are due soon; those whose time passed undecided.

    ``waiting`` is how many posts wait for them in all.
    """

    to_decide: Sequence[WaitingLine] = ()
    undecided: Sequence[WaitingLine] = ()
    passed: Sequence[WaitingLine] = ()
    waiting: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.to_decide or self.undecided or self.passed)


class Inboxes:
    """Reads people's inboxes."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock

    async def load(self, workspace_id: str, user_id: str) -> Inbox:
        """What is in somebody's inbox now; nothing for who has no role any more."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            workspace = await workspaces.get(tx, workspace_id)
            member = await workspaces.member(tx, workspace_id, user_id)
            if workspace is None or member is None:
                return Inbox()
            if not await has_one(tx, workspace, user_id):
                return Inbox()
            zone = ZoneInfo(member.zone)
            waiting = await waiting_for(tx, workspace, user_id)
            own = await posts.of_author(tx, workspace_id, user_id, [PostState.IN_REVIEW])
            mine = await with_deciders(tx, workspace, sorted(own, key=_due))
            soon = [one for one in waiting if _is_soon(one.post, now, zone)]
            warned = [one for one in mine if _is_warned_of(one.post, now, zone)]
            passed = [
                one for one in mine if is_past(one.post, now) and now - _due(one.post) < PASSED_FOR
            ]
            return Inbox(
                to_decide=await waiting_lines(tx, self._accounts, workspace, soon),
                undecided=await waiting_lines(tx, self._accounts, workspace, warned),
                passed=await waiting_lines(tx, self._accounts, workspace, passed),
                waiting=len(waiting),
            )


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


async def has_one(tx: Transaction, workspace: Workspace, user_id: str) -> bool:
    """Whether somebody has an inbox: they have a role here, through whatever, and are no client."""
    known = await unchecked(tx, workspace, user_id)
    if known is None or known.roles.is_client:
        return False
    return bool(known.roles.everywhere or known.roles.granted)


async def ping(
    tx: Transaction,
    workspace_id: str,
    user_id: str,
    zone: ZoneInfo,
    now: datetime,
    *,
    insist: bool = False,
) -> bool:
    """Show the inbox as a new message if this half-day's isn't spent, else edit it; whether it is a
    new one.

    :param insist: a new one in any case.
    """
    job = f"ping:{workspace_id}:{user_id}"
    is_new = await occurrences.claim(tx, job, half_day(now, zone), now) or insist
    if is_new:
        await notices.start_anew(tx, workspace_id, Card.INBOX, user_id, Card.INBOX_BEFORE, now)
    await show(tx, workspace_id, user_id, now)
    return is_new


async def show(tx: Transaction, workspace_id: str, user_id: str, now: datetime) -> None:
    """Edit the inbox; who has none gets it as a message."""
    await notices.owe(tx, workspace_id, Card.INBOX, user_id, user_id, now)
