"""What a monitor asks: does the database take writes, is publishing behind, is Slack connected."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from storage import backlog
from storage.database import Database

PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a moment; what can't be known is None.

    :param problem: of the database, in a few words; None: it takes writes.
    :param publishing_lag_s: how long the delivery that is due longest waits to be taken up.
    :param notices_owed: messages that Slack hasn't got yet.
    :param sockets: open connections to Slack; None where it sends HTTP requests.
    """

    problem: str | None
    publishing_lag_s: float | None = None
    notices_owed: int | None = None
    sockets: int | None = None


class HealthCheck:
    """Looks when it is asked; who asks meanwhile gets the same answer.

    :param sockets: counts the open connections to Slack.
    """

    def __init__(
        self, database: Database, sockets: Callable[[], Awaitable[int]] | None = None
    ) -> None:
        self._database = database
        self._sockets = sockets
        self._looking: asyncio.Task[Health] | None = None

    async def look(self) -> Health:
        """The state now. It is said within some seconds, whatever the database does."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        # Not cancelled when it takes too long: the database's driver can't stop half-way.
        done, _ = await asyncio.wait([self._looking], timeout=PATIENCE_S)
        if done:
            return self._looking.result()
        return Health(f"no answer in {PATIENCE_S:.0f} s", sockets=await self._connected())

    async def _look(self) -> Health:
        sockets = await self._connected()
        problem = await self._database.problem()
        try:  # what takes no writes can often be read
            lag, owed = await self._waiting()
        except Exception as error:  # a monitor is answered whatever the database does
            return Health(problem or type(error).__name__, sockets=sockets)
        return Health(problem, lag, owed, sockets)

    async def _waiting(self) -> tuple[float, int]:
        async with self._database.reading() as tx:
            now = await self._database.now(tx)
            due = await backlog.oldest_due(tx)
            owed = await backlog.owed_notices(tx)
        return (0.0 if due is None else max(0.0, round((now - due).total_seconds(), 1))), owed

    async def _connected(self) -> int | None:
        return None if self._sockets is None else await self._sockets()
