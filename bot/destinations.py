"""Channels and people that take no messages: the admins are told once, and again when it's over."""

from dataclasses import dataclass
from datetime import datetime

from bot.clock import Clock
from bot.role_holders import admins
from storage import destinations, notices, shared_channels
from storage.database import Database
from storage.records import Card
from storage.rows import Transaction


@dataclass(frozen=True, slots=True)
class DestinationOverview:
    """What the admins are shown. ``problem`` None: messages arrive there (again)."""

    id: str
    problem: str | None
    kept: int  # messages that wait for it
    outside: tuple[str, ...] = ()  # ids of other teams that see it


class Destinations:
    """Use cases about where messages go."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._notices = clock.alarm("notices")

    async def overview(self, workspace_id: str, destination: str) -> DestinationOverview:
        async with self._database.reading() as tx:
            known = await destinations.get(tx, workspace_id, destination)
            kept = await notices.count_broken(tx, workspace_id)
            shared = await shared_channels.get(tx, workspace_id, destination)
        problem = None if known is None else known.problem
        outside = () if shared is None else shared.teams
        return DestinationOverview(destination, problem, kept.get(destination, 0), outside)

    async def try_again(self, workspace_id: str, destination: str) -> None:
        """Something has changed there: what is kept for it is owed again."""
        async with self._database.transaction() as tx:
            known = await destinations.get(tx, workspace_id, destination)
            if known is None or known.problem is None:
                return
            now = self._clock.now()
            await notices.mend(tx, workspace_id, destination, now, moved_to=destination)
        self._notices.ring()


async def refused(
    tx: Transaction, workspace_id: str, destination: str, problem: str, now: datetime
) -> bool:
    """Slack refuses messages there for good; whether that is news, of which the admins are told.

    :param problem: Slack's name for it.
    """
    news = await destinations.refuses(tx, workspace_id, destination, problem)
    if news:
        await notices.part_with(tx, workspace_id, Card.DEAD_CHANNEL, destination)
        for admin in await admins(tx, workspace_id):
            # Whoever can't be told either is the next news.
            if await _reaches(tx, workspace_id, admin.user_id):
                await notices.owe(
                    tx, workspace_id, Card.DEAD_CHANNEL, destination, admin.user_id, now
                )
    await notices.refresh(tx, workspace_id, destination, now)  # one more is kept
    return news


async def took(
    tx: Transaction,
    workspace_id: str,
    destination: str,
    now: datetime,
    *,
    but_for: str | None = None,
) -> None:
    """Slack took a message there: if it was refused before, that is over, and what is kept is
    owed again.

    :param but_for: a problem that this says nothing about.
    """
    if await destinations.works(tx, workspace_id, destination, but_for=but_for):
        await notices.mend(tx, workspace_id, destination, now, moved_to=destination)


async def _reaches(tx: Transaction, workspace_id: str, user_id: str) -> bool:
    known = await destinations.get(tx, workspace_id, user_id)
    return known is None or known.problem is None
