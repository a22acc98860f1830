"""What happens to mentions by the clock: lists of possibly negative ones, clocks that run out, and
who is told before and when they do."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot import escalations, inbox
from bot.clock import Clock
from bot.escalations import Answering, Concern, told_of
from bot.mentions import LIST_LENGTH
from bot.waking_hours import Away
from storage import mentions, notices, occurrences, workspaces
from storage.database import Database
from storage.occurrences import Occurrence
from storage.records import Card, Mention, Workspace
from storage.rows import new_id

LIST_HOURS = (9, 15)  # in the workspace's time zone
SINCE_LAST_RUN = timedelta(days=1)  # at start: clocks that ran out while nobody was there


class MentionTimes:
    """Jobs for ``Clock.every``, a minute apart."""

    def __init__(self, database: Database, clock: Clock, away: Away) -> None:
        self._database = database
        self._clock = clock
        self._away = away
        self._notices = clock.alarm("notices")
        self._looked_at = clock.now() - SINCE_LAST_RUN

    async def run(self) -> None:
        """List what is possibly negative if it is time, show clocks that have run out, and tell
        whoever these mentions concern."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            every = await workspaces.every(tx)
        for workspace in every:
            await self.list_doubtful(workspace)
            await self.watch_clocks(workspace)
        self._looked_at = now
        self._notices.ring()

    async def list_doubtful(self, workspace: Workspace) -> None:
        """Owe the list of this part of the day, once, unless it would be empty."""
        now = self._clock.now()
        if workspace.alerts_channel is None:
            return
        slot = latest_slot(now, ZoneInfo(workspace.zone))
        async with self._database.transaction() as tx:
            if not await occurrences.claim(tx, f"doubtful {workspace.id}", slot, now):
                return
            list_id = new_id()
            if await mentions.gather_doubtful(tx, workspace.id, list_id, LIST_LENGTH):
                await notices.owe(
                    tx, workspace.id, Card.DOUBTFUL, list_id, workspace.alerts_channel, now
                )
        self._notices.ring()

    async def watch_clocks(self, workspace: Workspace) -> None:
        """Cards whose clock has run out since the last look say so; whom a mention concerns is told
        in their inbox: once before each of its limits, and once when it is late."""
        now, kind = self._clock.now(), f"told:{workspace.id}"
        since = min(now, self._looked_at) - escalations.LATE_FOR
        async with self._database.reading() as tx:
            found = await mentions.running_out(tx, workspace.id, since, now + escalations.HORIZON)
            if not found:
                return
            answering = await escalations.who_answers(tx, workspace.id)
            told = await occurrences.claimed_since(tx, kind, since)
        for mention in found:
            await self._show(mention, now)
        to_tell: defaultdict[str, list[tuple[Mention, Concern]]] = defaultdict(list)
        for mention, concern in await self._untold(workspace, found, answering, told):
            to_tell[concern.member.user_id].append((mention, concern))
        for about in to_tell.values():
            await self._tell(about)

    async def _show(self, mention: Mention, now: datetime) -> None:
        """Edit what shows a clock that has run out since the last look, or that nobody is reminded
        of any more."""
        limits = (mention.answer_due_at, mention.solve_due_at)
        ran_out = any(self._looked_at < limit <= now for limit in limits)
        is_over = self._looked_at < mention.solve_due_at + escalations.LATE_FOR <= now
        if ran_out or is_over:
            async with self._database.transaction() as tx:
                if ran_out:
                    await notices.refresh(tx, mention.workspace_id, mention.id, now)
                if is_over:
                    await escalations.lists_changed(tx, self._looked_at, mention)

    async def _untold(
        self,
        workspace: Workspace,
        found: Sequence[Mention],
        answering: Answering,
        told: Collection[Occurrence],
    ) -> Sequence[tuple[Mention, Concern]]:
        """Who is to be told of what now."""
        now = self._clock.now()
        open_ = []
        for mention in found:
            concerned = escalations.concerns(mention, now, answering)
            untold = {id_: one for id_, one in concerned.items() if _told(mention, one) not in told}
            if escalations.awake_ones(untold, now):
                open_.append((mention, untold, len(untold) < len(concerned)))
        asked = {id_ for _, untold, _ in open_ for id_ in escalations.awake_ones(untold, now)}
        away = await self._away(workspace.id, asked) if asked else ()
        return [
            (mention, untold[id_])
            for mention, untold, others_know in open_
            for id_ in escalations.to_tell(untold, away, now, others_know=others_know)
        ]

    async def _tell(self, about: Sequence[tuple[Mention, Concern]]) -> None:
        """One person about several mentions."""
        now, member = self._clock.now(), about[0][1].member
        async with self._database.transaction() as tx:
            news = [
                concern
                for mention, concern in about
                if await occurrences.claim(tx, *_told(mention, concern), now)
            ]
            if any(concern.stage.is_late for concern in news):
                await inbox.ping_of_late(tx, member, now)
            elif news:
                await inbox.ping(tx, member, now)


def _told(mention: Mention, concern: Concern) -> Occurrence:
    job = f"{told_of(mention)}:{concern.member.user_id}:{concern.stage}"
    return job, concern.due_at


def latest_slot(now: datetime, zone: ZoneInfo) -> datetime:
    """The last time a list was due (UTC): 9:00 or 15:00 in the zone, yesterday's before 9:00."""
    today = now.astimezone(zone).date()
    slots = [
        _at(day, hour, zone) for day in (today - timedelta(days=1), today) for hour in LIST_HOURS
    ]
    return max(slot for slot in slots if slot <= now)


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)
