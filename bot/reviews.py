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
from storage import accounts, approvals, history, notices, workspaces
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
        """The posts that wait for this person, by id, soonest due first. Whom a step names, in
        person or by a group, needs no approver's role.

        :raises NotAllowed: they decide on nothing.
        """
        async with self._database.reading() as tx:
            waiting = await _waiting(tx, person)
            if not waiting:
                await admit(tx, person, Action.DECIDE)
        return waiting

    async def left(self, person: Person) -> int:
        """How many posts wait for this person."""
        async with self._database.reading() as tx:
            return len(await _waiting(tx, person))

    async def look(self, person: Person, post_id: str) -> Reviewed:
        """One post with all that a decision needs, for whom it waits for, who has decided on it,
        or who decides on posts anyway.

        :raises NotAllowed: it is none of theirs.
        :raises NotFound: it isn't there any more.
        """
        async with self._database.reading() as tx:
            waits = post_id in await _waiting(tx, person)
            if not waits and not await _has_decided(tx, person, post_id):
                await admit(tx, person, Action.DECIDE)
            return Reviewed(await self._overview(tx, person.workspace_id, post_id), waits)

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
        place = person.workspace_id, person.user_id
        async with self._database.transaction() as tx:
            admitted = await admit(tx, person, Action.DECIDE)
            before = list_minute(admitted.member)
            await workspaces.set_review_minute(tx, *place, NEVER if minute is None else minute)
            if minute != before:
                detail = f"{_in_words(before)} -> {_in_words(minute)}"
                await history.note(
                    tx, *place, person.user_id, "list time", self._clock.now(), detail
                )


async def _waiting(tx: Transaction, person: Person) -> Sequence[str]:
    """What waits for somebody, by id. Whom a step names may have no approver's role; nobody is
    asked from another workspace."""
    workspace = await workspaces.get(tx, person.workspace_id)
    if workspace is None or workspace.set_up_at is None or person.home_team is not None:
        return ()
    return [one.post.id for one in await waiting_for(tx, workspace, person.user_id)]


async def _has_decided(tx: Transaction, person: Person, post_id: str) -> bool:
    decisions = await approvals.of_post(tx, post_id)
    return any(
        (one.workspace_id, one.user_id) == (person.workspace_id, person.user_id)
        for one in decisions
    )


def _in_words(minute: int | None) -> str:
    return "never" if minute is None else f"{minute // 60}:{minute % 60:02d}"


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
