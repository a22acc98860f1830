"""Publishing: claim what is due, send it, settle what came of it.

Once: a delivery is claimed and committed before anything is sent; right before the call one
conditional update confirms the claim and marks the call as begun; a call that ended without a
clear answer is resolved as its network declares, never simply repeated (``bot/sending.py``).
"""

import asyncio
import logging
from random import Random
from uuid import uuid4

from bot.clock import Clock
from bot.errors import NetworkError, Unavailable, UserError
from bot.sending import LEASE, PATIENCE, Attempt, ClaimLost, OnlyAPersonKnows, Sender, may_be_out
from bot.settling import Settling
from storage import deliveries
from storage.database import Database
from storage.records import Delivery

AT_ONCE = 20

log = logging.getLogger(__name__)


class Publisher:
    """The long-lived task that sends what is due. One per process."""

    def __init__(
        self, database: Database, sender: Sender, clock: Clock, random: Random | None = None
    ) -> None:
        self._database = database
        self._sender = sender
        self._alarm = clock.alarm("publisher")
        self._notices = clock.alarm("notices")
        self._settling = Settling(database, clock, random or Random())  # noqa: S311  # jitter only
        self._owner = uuid4().hex
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send what is due until cancelled; what is being sent then is finished by `drain`."""
        while True:
            try:
                await self._claim_all()
            except Exception:  # the database's trouble: the next tick tries again
                log.exception("Looking for due posts failed; trying again in 5 s.")
            await self._alarm.wait()

    async def drain(self, limit_s: float) -> None:
        """Wait for what is being sent; what isn't done by then is resolved after its lease."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=limit_s)
        for task in self._sending:
            task.cancel()

    async def _claim_all(self) -> None:
        """Claim until nothing is due or all hands are full, then arm the alarm."""
        while room := AT_ONCE - len(self._sending):
            async with self._database.transaction() as tx:
                now = await self._database.now(tx)
                claimed = await deliveries.claim(
                    tx, owner=self._owner, now=now, lease=LEASE, patience=PATIENCE, limit=room
                )
                due = None if claimed else await deliveries.next_due(tx)
            for delivery in claimed:
                self._begin(delivery)
            if not claimed:
                self._alarm.arm(due)
                return

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery), name=f"delivery {delivery.id}")
        self._sending.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Its lease runs out, and then it is resolved like after a crash.
            log.error("A delivery ended with a bug.", exc_info=task.exception())
        self._alarm.ring()
        self._notices.ring()

    async def _deliver(self, delivery: Delivery) -> None:
        attempt: Attempt | None = None
        await self._settling.begun(delivery)
        try:
            attempt = await self._sender.load(delivery)
            published = await self._sender.send(attempt)
        except ClaimLost:
            log.info("Delivery %s was taken over or stopped before its call.", delivery.id)
        except OnlyAPersonKnows:
            await self._settling.ask(delivery)
        except (NetworkError, UserError) as error:
            await self._failed(delivery, attempt, error)
        except Exception:  # whatever it is: tried again for hours, then a person decides
            reference = uuid4().hex[:8]
            log.exception("[%s] Delivery %s met a bug.", reference, delivery.id)
            bug = Unavailable(f"Socialdesk itself failed (reference {reference})")
            await self._failed(delivery, attempt, bug)
        else:
            await self._settling.published(attempt, published)

    async def _failed(
        self, delivery: Delivery, attempt: Attempt | None, error: NetworkError | UserError
    ) -> None:
        uncertain = may_be_out(attempt, error)
        await self._settling.failed(delivery, attempt, error, may_be_out=uncertain)
