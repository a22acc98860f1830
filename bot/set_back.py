"""What follows when the machine's clock is set back."""

from bot.clock import Clock
from storage import waits
from storage.database import Database


class SetBack:
    """Ends short waits that would last as long as the clock was wrong: what people say would not
    be heard, and nobody told anything, for an hour after a step of an hour. Posts wait on: they
    were promised for a time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def end_waits(self) -> None:
        """Done once the clock was set back."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await waits.end_readings(tx, now)
            if self._database.is_sqlite:  # a server's own clock counts there, which nobody set
                await waits.end_pauses(tx, now)
