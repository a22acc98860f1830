"""Digests that post themselves: planned per channel, owed once per occurrence."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from bot import periods, times
from bot.clock import Clock
from bot.digests import PATIENCE
from bot.errors import AlreadyDone, UserError
from bot.metrics import Metrics
from bot.periods import Period
from bot.team import Action, Person, admit
from storage import digests, history, notices, occurrences
from storage.database import Database
from storage.records import Card, DigestPlan
from storage.rows import Transaction

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LATE_AFTER = timedelta(minutes=15)
_CLAIMS_KEPT = timedelta(days=30)
_JOB = "digest"
EXAMPLES = (
    "Write for instance `/social digest daily 9:00`, `/social digest weekly Monday 9:00`, or "
    "`/social digest stop`. `/social digest` alone shows it now."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and when (UTC) its next digest is due."""

    plan: DigestPlan
    next_due: datetime


@dataclass(frozen=True, slots=True)
class Owed:
    """One digest of a plan that is to be posted. ``is_late``: the bot wasn't there in time."""

    plan: DigestPlan
    occurrence: datetime
    period: Period
    is_late: bool


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``weekday`` None is daily; ``minute`` counts from midnight."""

    weekday: int | None
    minute: int


def understand(words: str) -> Rhythm:
    """What “daily 9:00” or “weekly Monday 9am” asks for.

    :raises UserError: it isn't understood: says what is missing, with examples.
    """
    first, *rest = [word for word in words.lower().split() if word not in ("at", "on")] or [""]
    if first == "every" and rest:
        first, *rest = ["daily", *rest[1:]] if rest[0] == "day" else ["weekly", *rest]
    if first == "daily":
        return Rhythm(None, _minute(rest, "daily"))
    if first == "weekly":
        weekday = _weekday(rest[0]) if rest else None
        if weekday is None:
            raise UserError("On which day? Write for instance `/social digest weekly Monday 9:00`.")
        return Rhythm(weekday, _minute(rest[1:], f"weekly {WEEKDAYS[weekday]}"))
    raise UserError(f"“{words[:40]}” isn't something a digest can do. {EXAMPLES}")


def _minute(words: Sequence[str], rhythm: str) -> int:
    if not words:
        raise UserError(f"At what time? Write for instance `/social digest {rhythm} 9:00`.")
    try:
        return times.parse_clock(" ".join(words))
    except UserError as error:
        raise UserError(f"{error} For instance: `/social digest {rhythm} 9:00`.") from error


def _weekday(word: str) -> int | None:
    """“mon”, “Monday” or “mondays”."""
    plain = word.rstrip(",").removesuffix("s") if len(word) > 6 else word.rstrip(",")
    matching = [
        number
        for number, name in enumerate(WEEKDAYS)
        if len(plain) >= 2 and name.lower().startswith(plain)
    ]
    return matching[0] if len(matching) == 1 else None


def name(plan: DigestPlan) -> str:
    """“every day at 9:00 (Europe/Berlin)”."""
    day = "every day" if plan.weekday is None else f"every {WEEKDAYS[plan.weekday]}"
    return f"{day} at {plan.minute // 60}:{plan.minute % 60:02} ({plan.zone})"


class DigestPlans:
    """Use cases of plans. Authors, approvers and admins plan; each sees and stops all."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._alarm = clock.alarm("digests")

    async def plan(self, person: Person, channel: str, rhythm: Rhythm) -> tuple[Planned, bool]:
        """Post a digest in a channel at a time of the person's zone; whether it took the place of
        another: a channel has one daily and one weekly digest at most."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            admitted = await admit(tx, person, Action.REPORT)
            kind = "daily" if rhythm.weekday is None else "weekly"
            # Two people who plan the same at once make one plan, so its id isn't left to chance.
            plan_id = uuid5(NAMESPACE_URL, f"{person.workspace_id}/{channel}/{kind}").hex
            before = await digests.get(tx, plan_id)
            plan = DigestPlan(
                id=plan_id,
                workspace_id=person.workspace_id,
                channel=channel,
                weekday=rhythm.weekday,
                minute=rhythm.minute,
                zone=admitted.member.zone,
                created_by=person.user_id,
                created_at=now,
            )
            await digests.save(tx, plan)
            had = "none" if before is None else name(before)
            await history.note(
                tx,
                person.workspace_id,
                plan_id,
                person.user_id,
                "planned a digest",
                now,
                f"in {channel}: {had} -> {name(plan)}",
            )
        self._alarm.ring()
        return Planned(plan, periods.next_due(plan, now)), before is not None

    async def check(self, person: Person) -> None:
        """:raises NotAllowed: the person may not plan digests."""
        async with self._database.reading() as tx:
            await admit(tx, person, Action.REPORT)

    async def of_channel(self, person: Person, channel: str) -> list[Planned]:
        """What posts itself in a channel."""
        now = self._clock.now()
        async with self._database.reading() as tx:
            await admit(tx, person, Action.LOOK)
            found = await digests.of_channel(tx, person.workspace_id, channel)
        return [Planned(plan, periods.next_due(plan, now)) for plan in found]

    async def stop(self, person: Person, plan_id: str) -> DigestPlan:
        """:raises AlreadyDone: it was stopped before."""
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.REPORT)
            plan = await digests.get(tx, plan_id)
            if plan is None or not await digests.remove(tx, person.workspace_id, plan_id):
                raise AlreadyDone("This digest was stopped already. Your press changed nothing.")
            await history.note(
                tx,
                person.workspace_id,
                plan_id,
                person.user_id,
                "stopped a digest",
                self._clock.now(),
                f"in {plan.channel}: {name(plan)}",
            )
        return plan

    async def owed(self, tx: Transaction, subject_id: str) -> Owed | None:
        """What a notice is about; None if its plan was stopped meanwhile."""
        plan_id, _, stamp = subject_id.partition(":")
        plan = await digests.get(tx, plan_id)
        if plan is None:
            return None
        occurrence = datetime.fromtimestamp(int(stamp), UTC)
        is_late = self._clock.now() - occurrence > LATE_AFTER
        return Owed(plan, occurrence, periods.reported(plan, occurrence), is_late)


class DigestPoster:
    """The long-lived task that owes digests when they are due. One per process."""

    def __init__(self, database: Database, metrics: Metrics, clock: Clock) -> None:
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._alarm = clock.alarm("digests")
        self._notices = clock.alarm("notices")

    async def run(self) -> None:
        """Owe what is due until cancelled."""
        while True:
            try:
                self._alarm.arm(await self.owe_due(), now=self._clock.now())
            except Exception:  # the database's trouble: the next tick tries again
                log.exception("Looking for due digests failed; trying again in 5 s.")
            await self._alarm.wait()

    async def owe_due(self) -> datetime | None:
        """Owe the newest missed digest of each plan, once; when to look again.

        Claim and debt are one transaction: a digest is never lost between them and never owed
        twice. Older ones that were missed are left: nobody reads five at once.
        """
        async with self._database.reading() as tx:
            plans = await digests.every(tx)
            due = [
                (plan, occurrence)
                for plan in plans
                if (occurrence := periods.newest_due(plan, self._clock.now())) is not None
                and not await occurrences.is_claimed(tx, _job(plan), occurrence)
            ]
        for workspace_id in {plan.workspace_id for plan, _ in due}:
            await self._metrics.refresh(workspace_id, PATIENCE)
        for plan, occurrence in due:
            await self._owe(plan, occurrence)
        now = self._clock.now()
        return min((periods.next_due(plan, now) for plan in plans), default=None)

    async def _owe(self, plan: DigestPlan, occurrence: datetime) -> None:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            if await digests.get(tx, plan.id) != plan:
                return  # it was stopped or changed meanwhile; what holds now is looked at next
            if not await occurrences.claim(tx, _job(plan), occurrence, now):
                return
            subject_id = f"{plan.id}:{int(occurrence.timestamp())}"
            await notices.owe(tx, plan.workspace_id, Card.DIGEST, subject_id, plan.channel, now)
            await occurrences.forget(tx, _JOB, now - _CLAIMS_KEPT)
        self._notices.ring()


def _job(plan: DigestPlan) -> str:
    return f"{_JOB}:{plan.id}"
