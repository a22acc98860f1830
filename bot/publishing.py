"""Publishing: claim what is due in a moment, send it at its time, settle what came of it.

Once: a delivery is claimed and committed before anything is sent; right before the call one
conditional update confirms the claim and marks the call as begun; a call that ended without a
clear answer is resolved as its network declares, never simply repeated (``bot/sending.py``).

Each network has a lane, hands of its own, so that one network's trouble never delays another's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

from bot.accounts import Accounts
from bot.attempts import Attempt, Timing
from bot.claiming import Claimer
from bot.clock import Clock
from bot.errors import NetworkError, Unavailable, UserError
from bot.media import MediaFolder
from bot.sending import ClaimLost, MustHold, NotNow, OnlyAPersonKnows, PutOff, Sender
from bot.settling import Settling
from storage.database import Database
from storage.records import Delivery

HANDS = 40  # calls at once on one network
LOT = 60  # claimed at once while many are due: a few alone aren't worth a look into the database
BREATH = timedelta(milliseconds=50)  # before looking again at what is due but can't be claimed

log = logging.getLogger(__name__)


class Lane:
    """What is being sent on one network."""

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.hands = asyncio.Semaphore(HANDS)
        self.begun: set[str] = set()  # what has had a hand; the other tasks wait for one

    @property
    def has_room(self) -> bool:
        """Whether more may be claimed: no hand shall wait for it, and what is claimed not long."""
        return len(self.tasks) <= 2 * HANDS


class Publisher:
    """The long-lived task that sends what is due. One per process."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        media: MediaFolder,
        clock: Clock,
        timing: Timing | None = None,
        random: Random | None = None,
    ) -> None:
        self._timing = timing or Timing()
        self._alarm = clock.alarm("publisher")
        self._notices = clock.alarm("notices")
        self._claimer = Claimer(database, accounts, clock, self._timing)
        owner = self._claimer.owner
        self._sender = Sender(database, accounts, media, clock, self._timing, owner)
        jitter = random or Random()  # noqa: S311  # no secret
        longest_wait = self._timing.longest_wait
        self._settling = Settling(database, clock, jitter, owner, longest_wait)
        self._lanes: dict[str, Lane] = {}

    async def run(self) -> None:
        """Send what is due until cancelled; what is being sent then is finished by `drain`."""
        renewing = asyncio.create_task(self._renew())
        try:
            while True:
                try:
                    await self._claim_all()
                except Exception:  # the database's trouble: the next tick tries again
                    log.exception("Looking for due posts failed; trying again in 5 s.")
                await self._alarm.wait()
        finally:
            self._sender.stopping.set()
            renewing.cancel()

    async def drain(self, limit_s: float) -> None:
        """Wait for what is being sent, and give the rest back at once; a call that isn't answered
        by then is resolved after its lease."""
        self._sender.stopping.set()
        tasks = self._tasks()
        begun = {id_ for lane in self._lanes.values() for id_ in lane.begun}
        for id_ in tasks.keys() - begun:
            tasks[id_].cancel()
        await self._release(besides=begun)
        if tasks:
            _, late = await asyncio.wait(tasks.values(), timeout=limit_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
                await self._release(besides=())

    async def _release(self, besides: Collection[str]) -> None:
        try:
            await self._claimer.release(list(self._lanes), besides)
        except Exception:  # the database's trouble must not keep what is being sent from its end
            log.exception("Claims could not be given back; others take them after their lease.")

    def _tasks(self) -> dict[str, asyncio.Task[None]]:
        return {id_: task for lane in self._lanes.values() for id_, task in lane.tasks.items()}

    async def _claim_all(self) -> None:
        """Claim until nothing is due soon or all hands are full, then arm the alarm."""
        networks, before = await self._claimer.networks()
        for network in networks:
            self._lanes.setdefault(network, Lane())
        idle = [network for network, lane in self._lanes.items() if await self._fill(network, lane)]
        if idle:
            due, now = await self._claimer.next_due(idle)
            self._alarm.arm(due and self._look_at(due, before, now), now=now)

    def _look_at(self, due: datetime, before: datetime, now: datetime) -> datetime:
        """When to claim what is due then. What could have been claimed just now waits for a hand,
        is a later attempt, or another process is just at it.

        :param before: when this look began.
        """
        early = due - self._timing.ahead
        return early if early > before else max(due, now) + BREATH

    async def _fill(self, network: str, lane: Lane) -> bool:
        """Claim for a lane; True if nothing more is due there soon."""
        while lane.has_room and not self._sender.stopping.is_set():
            # A hand that nothing due wants takes what is due soon, and waits with it.
            free = HANDS - len(lane.tasks)
            ahead, most = (self._timing.ahead, free) if free > 0 else (timedelta(), LOT)
            claimed = await self._claimer.claim(network, most, list(lane.tasks), ahead)
            for attempt in await self._prepared(claimed) if claimed else []:
                self._begin(lane, attempt)
            if len(claimed) < most:
                return True
        return False

    async def _prepared(self, claimed: Sequence[Delivery]) -> Sequence[Attempt]:
        try:
            return await self._claimer.prepare(claimed)
        except Exception:
            if len(claimed) > 1:  # one that can't be prepared must not stop the others
                return [one for delivery in claimed for one in await self._prepared([delivery])]
            reference = uuid4().hex[:8]
            log.exception("[%s] Delivery %s can't be prepared.", reference, claimed[0].id)
            await self._settling.unprepared(claimed[0], _bug(reference))
            return []

    def _begin(self, lane: Lane, attempt: Attempt) -> None:
        id_ = attempt.delivery.id

        def ended(task: asyncio.Task[None]) -> None:
            del lane.tasks[id_]
            lane.begun.discard(id_)
            if not task.cancelled() and task.exception() is not None:
                # Its lease runs out, and then it is resolved like after a crash.
                log.error("A delivery ended with a bug.", exc_info=task.exception())
            if lane.has_room:
                self._alarm.ring()
            self._notices.ring()

        task = asyncio.create_task(self._deliver(lane, attempt), name=f"delivery {id_}")
        lane.tasks[id_] = task
        task.add_done_callback(ended)

    async def _renew(self) -> None:
        """Keep the claims of what takes long from running out."""
        while True:
            await asyncio.sleep(self._timing.claim.total_seconds() / 3)
            if busy := list(self._tasks()):
                try:
                    await self._claimer.renew(busy)
                except Exception:  # the database's trouble: then they are confirmed anew or lost
                    log.exception("Claims could not be renewed.")

    async def _deliver(self, lane: Lane, attempt: Attempt) -> None:
        async with lane.hands:
            lane.begun.add(attempt.delivery.id)
            settling = await self._send(attempt)
        await settling  # the hand is free for the next one

    async def _send(self, attempt: Attempt) -> Awaitable[None]:
        """Send it; what remains is to settle what came of that."""
        settling = self._settling
        try:
            first = await self._sender.send(attempt)
        except ClaimLost:
            return self._lost(attempt)
        except NotNow:
            return settling.given_back(attempt)
        except MustHold as error:
            return settling.held(attempt, error.reason)
        except PutOff as error:
            return settling.given_back(attempt, error.until)
        except OnlyAPersonKnows:
            return settling.ask(attempt)
        except (NetworkError, UserError) as error:
            return settling.failed(attempt, error)
        except Exception:  # whatever it is: tried again for hours, then a person decides
            reference = uuid4().hex[:8]
            log.exception("[%s] Delivery %s met a bug.", reference, attempt.delivery.id)
            return settling.failed(attempt, _bug(reference))
        return settling.published(attempt, first)

    async def _lost(self, attempt: Attempt) -> None:
        log.info("Delivery %s was taken over or stopped before its call.", attempt.delivery.id)


def _bug(reference: str) -> Unavailable:
    return Unavailable(f"Socialdesk itself failed (reference {reference})")
