"""What happens to mentions by the clock: lists of possibly negative ones, clocks that run out."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.mentions import LIST_LENGTH
from storage import mentions, notices, occurrences, workspaces
from storage.database import Database
from storage.records import Card, Workspace
from storage.rows import new_id

LIST_HOURS = (9, 15)  # in the workspace's time zone
SINCE_LAST_RUN = timedelta(days=1)  # at start: cards that were due while nobody was there


class MentionTimes:
    """Jobs for ``Clock.every``, a minute apart."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._notices = clock.alarm("notices")
        self._looked_at = clock.now() - SINCE_LAST_RUN

    async def run(self) -> None:
        """List what is possibly negative if it is time, and show clocks that have run out."""
        async with self._database.reading() as tx:
            every = await workspaces.every(tx)
        for workspace in every:
            await self.list_doubtful(workspace)
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
            for mention in await mentions.overdue(tx, self._looked_at, now):
                await notices.refresh(tx, mention.workspace_id, mention.id, now)
        self._looked_at = now
        self._notices.ring()


def latest_slot(now: datetime, zone: ZoneInfo) -> datetime:
    """The last time a list was due (UTC): 9:00 or 15:00 in the zone, yesterday's before 9:00."""
    today = now.astimezone(zone).date()
    slots = [
        _at(day, hour, zone) for day in (today - timedelta(days=1), today) for hour in LIST_HOURS
    ]
    return max(slot for slot in slots if slot <= now)


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)
