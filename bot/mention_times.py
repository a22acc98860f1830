"""What happens to mentions by the clock: lists of possibly negative ones, clocks that run out, and
who is told before and when they do."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot import escalations, inbox
from bot.clock import Clock
from bot.escalations import Concern
from bot.mentions import LIST_LENGTH
from bot.reminders import Away
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
        async with self._database.reading() as tx:
            every = await workspaces.every(tx)
        for workspace in every:
            await self.list_doubtful(workspace)
            await self.escalate(workspace)
        await self.show_overdue()

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

    async def show_overdue(self) -> None:
        """Cards whose clock has run out since the last look say so."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            for mention in await mentions.running_out(tx, self._looked_at, now):
                await notices.refresh(tx, mention.workspace_id, mention.id, now)
        self._looked_at = now
        self._notices.ring()

    async def escalate(self, workspace: Workspace) -> None:
        """Tell those whom a mention concerns, in their inbox: once before each of its limits, and
        once when it is late."""
        now = self._clock.now()
        since = now - SINCE_LAST_RUN
        async with self._database.reading() as tx:
            pressing = await mentions.running_out(
                tx, since, now + escalations.HORIZON, workspace.id
            )
            if not pressing:
                return
            answering = await escalations.who_answers(tx, workspace.id)
            told = await occurrences.claimed_since(tx, f"told:{workspace.id}", since)
        untold = []
        for mention in pressing:
            concerned = escalations.concerns(mention, now, answering)
            if any(_told(mention, one) not in told for one in concerned.values()):
                untold.append((mention, concerned))
        everybody = {user_id for _, concerned in untold for user_id in concerned}
        away = await self._away(workspace.id, everybody) if everybody else ()
        to_tell: defaultdict[str, list[tuple[Mention, Concern]]] = defaultdict(list)
        for mention, concerned in untold:
            for user_id in escalations.to_tell(concerned, away, now):
                if _told(mention, concerned[user_id]) not in told:
                    to_tell[user_id].append((mention, concerned[user_id]))
        for about in to_tell.values():
            await self._tell(about)

    async def _tell(self, about: Sequence[tuple[Mention, Concern]]) -> None:
        """One person about several mentions. That some are late is worth a message of its own, but
        not more than one an hour."""
        now = self._clock.now()
        member = about[0][1].member
        async with self._database.transaction() as tx:
            news = [
                concern
                for mention, concern in about
                if await occurrences.claim(tx, *_told(mention, concern), now)
            ]
            if news:
                job = f"late:{member.workspace_id}:{member.user_id}"
                hour = now.replace(minute=0, second=0, microsecond=0)
                is_late = any(concern.stage.is_late for concern in news)
                insist = is_late and await occurrences.claim(tx, job, hour, now)
                await inbox.ping(tx, member, now, insist=insist)


def _told(mention: Mention, concern: Concern) -> Occurrence:
    who = f"{mention.workspace_id}:{mention.id}:{concern.member.user_id}"
    return f"told:{who}:{concern.stage}", concern.due_at


def latest_slot(now: datetime, zone: ZoneInfo) -> datetime:
    """The last time a list was due (UTC): 9:00 or 15:00 in the zone, yesterday's before 9:00."""
    today = now.astimezone(zone).date()
    slots = [
        _at(day, hour, zone) for day in (today - timedelta(days=1), today) for hour in LIST_HOURS
    ]
    return max(slot for slot in slots if slot <= now)


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)
