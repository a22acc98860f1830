"""The only owner of APScheduler.

The database is the schedule; what is armed here only wakes the task that looks there. An alarm's
date job just sets its event, so a task never overlaps itself, and whoever commits an earlier
time rings too.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler

SAFETY_TICK = timedelta(seconds=5)
STEP = timedelta(seconds=2)  # what a clock that is kept right by slewing never moves in a tick

log = logging.getLogger(__name__)


class Alarm:
    """Wakes one task: when it is rung, at the time it was armed for, at the safety tick."""

    def __init__(self, name: str, scheduler: AsyncIOScheduler) -> None:
        self._name = name
        self._scheduler = scheduler
        self._event = asyncio.Event()

    def ring(self) -> None:
        """There is something to look at now."""
        self._event.set()

    def arm(self, at: datetime | None, *, now: datetime) -> None:
        """Ring at a time (UTC); None: nothing is due, the safety tick is enough.

        :param now: by the clock that ``at`` is read on, which may be another machine's.
        """
        if at is None:
            with suppress(JobLookupError):  # it has rung already
                self._scheduler.remove_job(self._name)
            return
        wait = max(at - now, timedelta())
        self._scheduler.add_job(
            self._ring,
            "date",
            run_date=datetime.now(UTC) + wait,
            id=self._name,
            replace_existing=True,
        )

    async def _ring(self) -> None:
        """APScheduler runs what isn't a coroutine in a thread, where an event must not be set."""
        self._event.set()

    async def wait(self) -> None:
        """Sleep until the alarm rings or the safety tick is over."""
        with suppress(
            TimeoutError
        ):  # the tick itself: another process may have scheduled something
            async with asyncio.timeout(SAFETY_TICK.total_seconds()):
                await self._event.wait()
        self._event.clear()


class Clock:
    """The time and everything that happens by itself. Start it inside a running loop."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._alarms: dict[str, Alarm] = {}
        self._watching: asyncio.Task[None] | None = None
        self._after_set_back: list[Callable[[], Awaitable[None]]] = []

    def alarm(self, name: str) -> Alarm:
        """The alarm of that name."""
        return self._alarms.setdefault(name, Alarm(name, self._scheduler))

    def every(self, period: timedelta, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a job now and then again each period; a failure is logged and the next run comes."""

        async def guarded() -> None:
            try:
                await work()
            except asyncio.CancelledError:  # by `stop`; APScheduler would report it as an error
                log.info("The job %r ended with the clock.", name)
            except Exception:  # the boundary of a job: nobody above could handle it
                log.exception("The job %r failed; it runs again in %s.", name, period)

        self._scheduler.add_job(
            guarded,
            "interval",
            seconds=period.total_seconds(),
            id=name,
            next_run_time=datetime.now(UTC) + timedelta(seconds=1),
        )

    def when_set_back(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something each time the machine's clock was set back, before everything looks at the
        time again."""
        self._after_set_back.append(work)

    def start(self) -> None:
        self._scheduler.start()
        self._watching = asyncio.create_task(self._watch(), name="watching the machine's clock")

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        """What waits for a time waits by the machine's clock as it was. When that is set, or the
        machine slept, everything looks again: else a clock that was set back an hour would stop
        the jobs for that hour."""
        apart = _wall_apart()
        while True:
            await asyncio.sleep(SAFETY_TICK.total_seconds())
            step = _wall_apart() - apart
            if abs(step) > STEP.total_seconds():
                apart += step
                log.warning("The machine's clock was set, or it slept; looking at what is due.")
                await self._look_again(set_back=step < 0)

    async def _look_again(self, *, set_back: bool) -> None:
        for work in self._after_set_back if set_back else ():
            try:
                await work()
            except Exception:  # the boundary of a job, as above
                log.exception("What follows when the clock is set back failed.")
        for job in self._scheduler.get_jobs():
            if job.id not in self._alarms:
                job.modify(next_run_time=datetime.now(UTC))
        for alarm in self._alarms.values():
            alarm.ring()


def _wall_apart() -> float:
    """By how many seconds the time of day is ahead of the clock that nobody sets."""
    return time.time() - time.monotonic()
