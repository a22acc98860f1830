"""What is held, as cards and lists show it: each post with why, and what can be done about it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot import policies
from bot.accounts import Accounts
from bot.brake import ShownBrake, due_under, first_over, shown_brakes
from bot.errors import NotFound
from bot.policies import Round
from bot.posts import text_of
from bot.team import Action, Admitted, Person, admit
from storage import accounts, brakes, history, holds, posts, workspaces
from storage.database import Database
from storage.holds import HeldRow
from storage.records import (
    AccountState,
    Brake,
    Delivery,
    HistoryEntry,
    Hold,
    Member,
    Post,
    Revision,
    When,
    Workspace,
)
from storage.rows import Transaction

PAGE = 20
MOST_ON_A_CARD = 45  # blocks' limit of a message, less what stands around them
MOST_ENTRIES = 8
DID = {  # how something leaves a list, in the words of a record
    "released": "let it go out",
    "rescheduled": "moved it to its next free time",
    "dropped": "dropped it",
    "moved": "changed its time",
    "cancelled": "cancelled it",
    "edited": "edited it",
}
ASKED = {When.NOW: "asked: now", When.NEXT_FREE: "asked: next_free"}


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do about a held post: let it go, ask for that, drop it."""

    release: bool
    ask: bool
    drop: bool


EVERYTHING = Rights(release=True, ask=True, drop=True)
NOTHING = Rights(release=False, ask=False, drop=False)


@dataclass(frozen=True, slots=True)
class HeldOn:
    """One held delivery. ``owner_id`` is its account's. ``due_under`` is the brake that was on when
    it came due (its reason says so), ``stopped_by`` one that is on now."""

    delivery: Delivery
    label: str
    owner_id: str
    must_reconnect: bool
    due_under: Brake | None
    stopped_by: Brake | None

    @property
    def can_go(self) -> bool:
        """Whether it could go out now."""
        return not self.must_reconnect and self.stopped_by is None


@dataclass(frozen=True, slots=True)
class HeldPost:
    """A post of which something is held."""

    post: Post
    revision: Revision
    on: Sequence[HeldOn]
    rights: Rights

    @property
    def can_go(self) -> bool:
        return any(one.can_go for one in self.on)

    @property
    def wish(self) -> When | None:
        """What is asked for."""
        return next((one.delivery.wish for one in self.on if one.delivery.wish), None)

    @property
    def wished_by(self) -> str | None:
        return next((one.delivery.wished_by for one in self.on if one.delivery.wished_by), None)


@dataclass(frozen=True, slots=True)
class HoldOverview:
    """One person's list. ``posts`` are the first of ``total``; ``seen`` says which list it is, so
    that a press on all of it means exactly that.

    ``asked_at`` is when something was last asked for a post; ``done`` how posts left the list, the
    newest ``MOST_ENTRIES``, and ``said`` those posts' texts, by id. ``names`` are the team's, by
    Slack id.
    """

    workspace: Workspace
    hold: Hold
    posts: Sequence[HeldPost]
    total: int
    seen: str
    asked_at: Mapping[str, datetime]
    done: Sequence[HistoryEntry]
    said: Mapping[str, str]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HeldPage:
    """A page of everything that is held in a workspace, for one person."""

    admitted: Admitted
    posts: Sequence[HeldPost]
    total: int
    seen: str
    page: int
    pages: int
    standing: Sequence[ShownBrake]
    names: Mapping[str, str]


def rights_of(standing: Round, user_id: str) -> Rights:
    """Who may let a held post go: somebody who may give one of the approvals it needs; where nobody
    has to approve, whoever writes, or answers if it is a reply. Who wrote it may ask and drop."""
    post, deciders = standing.post, standing.deciders

    def may(action: Action) -> bool:
        return deciders.may(user_id, action, post.campaign_id)

    writes = may(Action.RESPOND if post.mention_id is not None else Action.DRAFT)
    if not standing.steps:
        return Rights(release=writes, ask=False, drop=writes)
    release = standing.may_settle(user_id)
    wrote = writes and (
        post.mention_id is not None or user_id in (post.author_id, standing.editor_id)
    )
    return Rights(release=release, ask=wrote and not release, drop=wrote or may(Action.DECIDE))


def seen_as(post_ids: Sequence[str]) -> str:
    """A short name for exactly these posts."""
    return hashlib.sha256(" ".join(sorted(post_ids)).encode()).hexdigest()[:16]


class HeldLists:
    """Reads what is held."""

    def __init__(self, database: Database, accounts_: Accounts) -> None:
        self._database = database
        self._accounts = accounts_

    async def card(self, workspace_id: str, hold_id: str, *, for_author: bool) -> HoldOverview:
        """A person's list as it is now.

        :param for_author: everything on it, with the author's rights; else what the author asks
            for, as somebody sees it who may grant it.
        :raises NotFound: it isn't there.
        """
        async with self._database.reading() as tx:
            workspace = await workspaces.get(tx, workspace_id)
            hold = await holds.get(tx, workspace_id, hold_id)
            if workspace is None or hold is None:
                raise NotFound("This list isn't there any more.")
            team = {one.user_id: one for one in await workspaces.team(tx, workspace_id)}
            ids = await holds.post_ids(tx, workspace_id, hold_id=hold.id, only_asked=not for_author)
            rows = await holds.rows(tx, workspace_id, ids[:MOST_ON_A_CARD])
            found = await self._shown(
                tx, workspace, rows, team.get(hold.author_id) if for_author else None
            )
            entries = await history.of_subject(tx, hold.id)
            done = [entry for entry in entries if entry.action in DID][-MOST_ENTRIES:]
            return HoldOverview(
                workspace=workspace,
                hold=hold,
                posts=found,
                total=len(ids),
                seen=seen_as(ids),
                asked_at={e.detail: e.at for e in entries if e.action in ASKED.values()},
                done=done,
                said=await self._said(tx, workspace_id, done),
                names={user_id: one.name for user_id, one in team.items()},
            )

    async def page(self, person: Person, page: int = 0) -> HeldPage:
        """A page of all that is held, soonest due first."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK)
            ids = await holds.post_ids(tx, person.workspace_id)
            pages = max(1, -(-len(ids) // PAGE))
            page = min(max(0, page), pages - 1)
            rows = await holds.rows(tx, person.workspace_id, ids[page * PAGE : (page + 1) * PAGE])
            team = await workspaces.team(tx, person.workspace_id)
            return HeldPage(
                admitted=admitted,
                posts=await self._shown(tx, admitted.workspace, rows, admitted.member),
                total=len(ids),
                seen=seen_as(ids),
                page=page,
                pages=pages,
                standing=await shown_brakes(tx, self._accounts, person.workspace_id),
                names={one.user_id: one.name for one in team},
            )

    async def some(self, person: Person, post_ids: Sequence[str]) -> Sequence[HeldPost]:
        """Certain held posts, for a list that somebody looks at."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK, somewhere=True)
            rows = await holds.rows(tx, person.workspace_id, post_ids)
            return await self._shown(tx, admitted.workspace, rows, admitted.member)

    async def _shown(
        self,
        tx: Transaction,
        workspace: Workspace,
        rows: Sequence[HeldRow],
        viewer: Member | None,
    ) -> Sequence[HeldPost]:
        """:param viewer: None: somebody who may do everything."""
        used = sorted({delivery.account_id for row in rows for delivery in row.deliveries})
        known = await accounts.by_ids(tx, workspace.id, used)
        standing = await brakes.standing(tx, workspace.id)
        campaigns = {row.post.id: row.post.campaign_id for row in rows}
        held = [delivery for row in rows for delivery in row.deliveries]
        under = await due_under(tx, workspace.id, held, campaigns)
        found = [(row.post, row.revision) for row in rows]
        standings = {} if viewer is None else await policies.rounds(tx, workspace, found)

        def on(delivery: Delivery) -> HeldOn:
            account = known[delivery.account_id]
            return HeldOn(
                delivery=delivery,
                label=self._accounts.label(account),
                owner_id=account.owner_id,
                must_reconnect=account.state is not AccountState.ACTIVE,
                due_under=under.get(delivery.id),
                stopped_by=first_over(standing, delivery, campaigns[delivery.post_id]),
            )

        return [
            HeldPost(
                row.post,
                row.revision,
                [on(delivery) for delivery in row.deliveries],
                EVERYTHING if viewer is None else rights_of(standings[row.post.id], viewer.user_id),
            )
            for row in rows
        ]

    async def _said(
        self, tx: Transaction, workspace_id: str, entries: Sequence[HistoryEntry]
    ) -> Mapping[str, str]:
        said = {}
        for post_id in {entry.detail for entry in entries}:
            post = await posts.get(tx, workspace_id, post_id)
            if post is not None:
                revision = await posts.revision(tx, workspace_id, post.revision_id)
                assert revision is not None
                said[post_id] = text_of(revision)
        return said
