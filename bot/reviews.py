"""Many at once: what waits for one approver, as a list at an hour of their choice, and one after
the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot import overview
from bot.accounts import Accounts
from bot.clock import Clock
from bot.overview import PostOverview
from bot.team import Action, Person, admit
from bot.waiting import Waiting, waiting_for
from storage import accounts, notices, workspaces
from storage.database import Database
from storage.records import Card, Member, Notice, Post, Revision, Workspace
from storage.rows import Transaction

DEFAULT_MINUTE = 9 * 60
NEVER = -1  # kept as a member's minute
MOST_AT_ONCE = 50  # posts of one round; what is left is another one


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """A post in review as a list shows it. ``card`` is its card in Slack, None without one."""

    post: Post
    revision: Revision
    labels: Sequence[str]
    card: Notice | None


@dataclass(frozen=True, slots=True)
class ReviewList:
    """What waits for somebody: the first posts of ``total``."""

    lines: Sequence[WaitingLine]
    total: int


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A post as an approver looks at it. ``waits``: for this person's decision, still."""

    shown: PostOverview
    waits: bool


def list_minute(member: Member) -> int | None:
    """When a member's list comes, from midnight by their clock; None: they want none."""
    if member.review_minute is None:
        return DEFAULT_MINUTE
    return None if member.review_minute < 0 else member.review_minute


class Reviews:
    """Use cases of who decides on many posts."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock

    async def begin(self, person: Person) -> Sequence[str]:
        """The posts that wait for this person, by id, soonest due first.

        :raises NotAllowed: they decide on nothing.
        """
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.DECIDE)
            waiting = await waiting_for(tx, admitted.workspace, person.user_id)
        return [one.post.id for one in waiting]

    async def look(self, person: Person, post_id: str) -> Reviewed:
        """One post with all that a decision needs.

        :raises NotFound: it isn't there any more.
        """
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.DECIDE)
            shown = await self._overview(tx, person.workspace_id, post_id)
            waiting = await waiting_for(tx, admitted.workspace, person.user_id)
        return Reviewed(shown, any(one.post.id == post_id for one in waiting))

    async def open(self, person: Person, post_id: str) -> PostOverview:
        """A post with all that its card shows, for anybody who sees the desk.

        :raises NotFound: it isn't there any more.
        """
        async with self._database.reading() as tx:
            await admit(tx, person, Action.LOOK)
            return await self._overview(tx, person.workspace_id, post_id)

    async def _overview(self, tx: Transaction, workspace_id: str, post_id: str) -> PostOverview:
        return await overview.load(tx, self._accounts, workspace_id, post_id, now=self._clock.now())

    async def list_of(self, workspace_id: str, user_id: str, limit: int) -> ReviewList:
        """What waits for somebody now, for their list."""
        async with self._database.reading() as tx:
            workspace = await workspaces.get(tx, workspace_id)
            member = await workspaces.member(tx, workspace_id, user_id)
            if workspace is None or member is None:
                return ReviewList((), 0)
            waiting = await waiting_for(tx, workspace, user_id)
            lines = await waiting_lines(tx, self._accounts, workspace, waiting[:limit])
            return ReviewList(lines, len(waiting))

    async def set_time(self, person: Person, minute: int | None) -> None:
        """Choose when the own list comes; None: never."""
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.DECIDE)
            kept = NEVER if minute is None else minute
            await workspaces.set_review_minute(tx, person.workspace_id, person.user_id, kept)


async def waiting_lines(
    tx: Transaction, accounts_: Accounts, workspace: Workspace, waiting: Sequence[Waiting]
) -> Sequence[WaitingLine]:
    """Posts in review as a list shows them."""
    used = {id_ for one in waiting for id_ in one.revision.content.account_ids}
    known = await accounts.by_ids(tx, workspace.id, sorted(used))
    ids = [one.post.id for one in waiting]
    cards = await notices.of_cards(tx, workspace.id, Card.APPROVAL, ids)
    return [
        WaitingLine(
            one.post,
            one.revision,
            [accounts_.label(known[id_]) for id_ in one.revision.content.account_ids],
            cards.get(one.post.id),
        )
        for one in waiting
    ]
