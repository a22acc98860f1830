"""What happens by the clock to posts in review and in inboxes: lists, cards, reminders, warnings.
Once a minute, once for all processes: whoever claims an occurrence does it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot import cards, inbox
from bot.clock import Clock
from bot.inboxes import Inboxes
from bot.reminders import (
    HORIZON,
    LISTED_BEFORE,
    Reviewer,
    Stage,
    candidates,
    latest_list,
    to_remind,
    to_tell_author,
)
from bot.reviews import list_minute
from bot.waiting import Waiting, lists_changed, waiting_for, with_deciders
from bot.waking_hours import Away, is_night
from bot.zones import first_existing
from storage import notices, occurrences, posts, workspaces
from storage.database import Database
from storage.occurrences import Occurrence
from storage.records import Card, Member, Post, Workspace
from storage.rows import Transaction

LATEST_LIST = timedelta(hours=6)  # after the hour, when nobody was there to send it
LOOKED_BACK = timedelta(days=1)  # for posts that passed undecided while nobody was there
CLAIMS_KEPT = timedelta(days=10)  # longer than anything is told
CLAIMS = ("list", "card", "told", "ping", "late", inbox.LATER)


class Deadlines:
    """A job for ``Clock.every``, a minute apart."""

    def __init__(self, database: Database, clock: Clock, inboxes: Inboxes, away: Away) -> None:
        self._database = database
        self._clock = clock
        self._inboxes = inboxes
        self._notices = clock.alarm("notices")
        self._away = away

    async def run(self) -> None:
        """Do what is due in every workspace."""
        async with self._database.reading() as tx:
            every = await workspaces.every(tx)
        for workspace in every:
            if workspace.set_up_at is not None:
                await self.send_lists(workspace)
                await self.raise_cards(workspace)
                await self.remind(workspace)
                await self.tell_authors(workspace)
                await self.bring_up(workspace)
        self._notices.ring()

    # Lists

    async def send_lists(self, workspace: Workspace) -> None:
        """Owe each approver the list of this day, at their hour, unless it would be empty."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            claimed = await occurrences.claimed_since(tx, "list", now - LOOKED_BACK * 2)
            team = await workspaces.team(tx, workspace.id)
        for member in team:
            minute = list_minute(member)
            if member.is_gone or member.is_guest or minute is None:
                continue
            zone = ZoneInfo(member.zone)
            at = latest_list(now, minute, zone)
            day = first_existing(at.astimezone(zone).date(), 0, zone)
            job = f"list:{workspace.id}:{member.user_id}"
            if now - at < LATEST_LIST and (job, day) not in claimed:
                await self._send_list(workspace, member, job, day)

    async def _send_list(
        self, workspace: Workspace, member: Member, job: str, day: datetime
    ) -> None:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            if not await occurrences.claim(tx, job, day, now):
                return
            for kind in CLAIMS:
                await occurrences.forget(tx, kind, now - CLAIMS_KEPT)
            waiting = await waiting_for(tx, workspace, member.user_id)
            if any(member.user_id in one.deciders.asked for one in waiting):
                subject = workspace.id, Card.REVIEW, member.user_id
                await notices.start_anew(tx, *subject, Card.REVIEW_BEFORE, now)
                await notices.owe(tx, *subject, member.user_id, now)
                for one in waiting:
                    await _told_by_list(tx, one.post, member, now)

    # Cards

    async def raise_cards(self, workspace: Workspace) -> None:
        """What comes near and is still undecided gets its own card."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            near = await posts.undecided(tx, workspace.id, now, now + cards.NEAR)
            known = await notices.of_cards(
                tx, workspace.id, Card.APPROVAL, [post.id for post in near]
            )
        for post in near if workspace.approvals_channel is not None else ():
            if post.id not in known:
                await self._raise_card(workspace, post)

    async def _raise_card(self, workspace: Workspace, post: Post) -> None:
        now = self._clock.now()
        assert post.due_at is not None
        async with self._database.transaction() as tx:
            revision = await posts.revision(tx, workspace.id, post.revision_id)
            job = f"card:{workspace.id}:{post.id}"
            if revision is not None and await occurrences.claim(tx, job, post.due_at, now):
                await cards.owe_card(tx, workspace, post, revision, now)

    # Reminders

    async def remind(self, workspace: Workspace) -> None:
        """Tell those who haven't decided, then those who stand in for them."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            soon = await posts.undecided(tx, workspace.id, now, now + HORIZON)
            if not soon:
                return
            waiting = await with_deciders(tx, workspace, soon)
            told = await occurrences.claimed_since(tx, f"told:{workspace.id}", now)
            team = {one.user_id: one for one in await workspaces.team(tx, workspace.id)}
        open_ = [
            (one.post, due_at, reviewers)
            for one in waiting
            if (due_at := one.post.due_at) is not None
            and candidates(due_at, now, reviewers := _reviewers(one, due_at, team, told))
        ]
        concerned = {one.user_id for _, _, reviewers in open_ for one in reviewers}
        away = await self._away(workspace.id, concerned) if concerned else ()
        to_tell: defaultdict[str, list[Occurrence]] = defaultdict(list)
        for post, due_at, reviewers in open_:
            reachable = [_as_now(one, away) for one in reviewers]
            for user_id, stage in to_remind(due_at, now, reachable).items():
                to_tell[user_id].append((_told(post, user_id, stage), due_at))
        for user_id, jobs in to_tell.items():
            await self._remind(workspace, team[user_id], jobs)

    async def _remind(
        self, workspace: Workspace, member: Member, jobs: Sequence[Occurrence]
    ) -> None:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            claimed = [await occurrences.claim(tx, job, due_at, now) for job, due_at in jobs]
            if any(claimed):
                await inbox.ping(tx, member, now)

    # Authors

    async def tell_authors(self, workspace: Workspace) -> None:
        """Warn the authors of what nobody has decided on, and say when its time has passed."""
        now = self._clock.now()
        after, until = now - LOOKED_BACK, now + HORIZON
        async with self._database.reading() as tx:
            undecided = await posts.undecided(tx, workspace.id, after, until)
            if not undecided:
                return
            told = await occurrences.claimed_since(tx, f"told:{workspace.id}", after)
            team = {one.user_id: one for one in await workspaces.team(tx, workspace.id)}
        for post in undecided:
            author, due_at = team.get(post.author_id), post.due_at
            if author is None or due_at is None:
                continue
            stage = to_tell_author(due_at, now, ZoneInfo(author.zone), post.updated_at)
            if stage is not None and (_told(post, author.user_id, stage), due_at) not in told:
                await self._tell_author(workspace, author, post, due_at, stage)

    async def _tell_author(
        self, workspace: Workspace, author: Member, post: Post, due_at: datetime, stage: Stage
    ) -> None:
        """The half-day's message is spent on the first warning, if there is one left; who got none
        about this post is told by one before it is late, whatever else there was."""
        now = self._clock.now()
        pinged = _told(post, author.user_id, "pinged")
        async with self._database.transaction() as tx:
            if not await occurrences.claim(tx, _told(post, author.user_id, stage), due_at, now):
                return
            knows = await occurrences.is_claimed(tx, pinged, due_at)
            if await inbox.has_one(tx, workspace, author.user_id):
                if knows:
                    await inbox.show(tx, workspace.id, author.user_id, now)
                elif await inbox.ping(tx, author, now, insist=stage is Stage.LAST):
                    await occurrences.claim(tx, pinged, due_at, now)
            if stage is Stage.PASSED:
                await notices.refresh(tx, workspace.id, post.id, now)
                revision = await posts.revision(tx, workspace.id, post.revision_id)
                if revision is not None:
                    await lists_changed(tx, workspace, post, revision, now)

    # Inboxes

    async def bring_up(self, workspace: Workspace) -> None:
        """What came into an inbox when its half-day's message was spent gets a new one now."""
        now, kind = self._clock.now(), inbox.later_job(workspace.id, "")
        async with self._database.reading() as tx:
            due = await occurrences.due(tx, kind.removesuffix(":"), now)
        for job, _ in due:
            user_id = job.removeprefix(kind)
            shown = await self._inboxes.load(workspace.id, user_id)
            async with self._database.transaction() as tx:
                member = await workspaces.member(tx, workspace.id, user_id)
                if member is None or member.is_gone or shown.is_empty:
                    await occurrences.drop(tx, job)
                elif not is_night(now, ZoneInfo(member.zone)):
                    is_late = shown.mentions is not None and shown.mentions.late > 0
                    await inbox.bring_up(tx, member, now, is_late=is_late)


async def _told_by_list(tx: Transaction, post: Post, member: Member, now: datetime) -> None:
    """What is due soon and on the list needs no first reminder beside it."""
    if post.due_at is not None and now < post.due_at <= now + LISTED_BEFORE:
        await occurrences.claim(tx, _told(post, member.user_id, Stage.FIRST), post.due_at, now)


def _told(post: Post, user_id: str, what: str) -> str:
    return f"told:{post.workspace_id}:{post.id}:{user_id}:{what}"


def _reviewers(
    waiting: Waiting,
    due_at: datetime,
    team: Mapping[str, Member],
    told: Collection[Occurrence],
) -> Sequence[Reviewer]:
    """Whom a post waits for, with what they were told about it."""
    return [
        Reviewer(
            user_id,
            ZoneInfo(team[user_id].zone),
            is_backup=user_id in waiting.deciders.backups,
            reminded=frozenset(
                stage for stage in Stage if (_told(waiting.post, user_id, stage), due_at) in told
            ),
        )
        for user_id in waiting.deciders.everybody
        if user_id in team
    ]


def _as_now(reviewer: Reviewer, away: Collection[str]) -> Reviewer:
    return replace(reviewer, is_away=reviewer.user_id in away)
