"""What a period was: composed from what is remembered, with one chart that says most."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from bot import periods
from bot.accounts import AccountChoice, Accounts
from bot.charts import (
    Bar,
    BarChart,
    Chart,
    ChartFailed,
    ChartWorker,
    LineChart,
    Series,
    alt_text,
    day_name,
)
from bot.clock import Clock
from bot.metrics import MEASURED_FOR, Metrics
from bot.performance import AccountPerformance, BestPost, Records
from bot.periods import Period, Span
from bot.raising import ANSWER_WITHIN, SOLVE_WITHIN
from bot.team import Action, Person, admit
from storage import numbers, posts, snapshots
from storage.database import Database
from storage.numbers import Missed, Open
from storage.records import Post, PostState, Revision, Sentiment
from storage.rows import Transaction

CHART_DAYS = 14
PATIENCE = timedelta(seconds=8)  # for fresh numbers, while a person or a channel waits
_ENOUGH_DAYS = 3  # fewer make no line worth looking at
_MOST_LINES = 4  # more are a tangle
BEFORE = {
    Span.DAY: "the day before",
    Span.WEEK: "the week before",
    Span.SO_FAR: "a week earlier",
}
_UNIT = "likes, reposts and replies"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DuePost:
    """A post that is to go out today; ``accounts`` are their labels."""

    post: Post
    revision: Revision
    accounts: tuple[str, ...]

    @property
    def is_approved(self) -> bool:
        return self.post.state is PostState.SCHEDULED


@dataclass(frozen=True, slots=True)
class Responses:
    """How complaints were dealt with in the period, and what is open now.

    The medians are of what was first answered, and of what was solved, in the period.
    """

    first_answer: timedelta | None
    answered: int
    solution: timedelta | None
    solved: int
    missed: Missed
    open: Open


@dataclass(frozen=True, slots=True)
class Digest:
    """What a period was. ``made_at`` (UTC) is now: what is open, due and waiting is of then.

    ``only_numbers``: nothing is said of what isn't public yet.
    """

    period: Period
    made_at: datetime
    accounts: tuple[AccountPerformance, ...]
    best: BestPost | None
    best_revision: Revision | None
    mentions: Mapping[Sentiment, int]
    mentions_before: Mapping[Sentiment, int]
    responses: Responses
    due: tuple[DuePost, ...]
    waiting: int
    chart: Chart | None
    only_numbers: bool = False

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to say."""
        told = self.responses
        return not (
            any(one.posts or one.engagement or one.followers_gained for one in self.accounts)
            or sum(self.mentions.values()) > 0
            or told.answered
            or told.solved
            or told.missed.answer
            or told.missed.solution
            or told.open.count
            or self.due
            or self.waiting
        )


@dataclass(frozen=True, slots=True)
class Illustrated:
    """A digest with its chart as a PNG. None: there is nothing to draw, or drawing failed."""

    digest: Digest
    png: bytes | None
    alt: str
    chart_failed: bool


class Digests:
    """Composes digests."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        metrics: Metrics,
        charts: ChartWorker,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._metrics = metrics
        self._charts = charts
        self._clock = clock

    async def show(self, person: Person) -> Illustrated:
        """The last seven days up to now, in the person's zone, with numbers as fresh as they get.

        A manager who asks wants to know how it is going, today included; planned digests are about
        full days.
        """
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.NUMBERS)
        await self._metrics.refresh(person.workspace_id, PATIENCE)
        zone = ZoneInfo(admitted.member.zone)
        period = periods.so_far(self._clock.now(), zone)
        shown = await self.compose(person.workspace_id, period)
        if admitted.may(Action.LOOK):
            return shown
        return replace(shown, digest=replace(shown.digest, due=(), waiting=0, only_numbers=True))

    async def compose(self, workspace_id: str, period: Period) -> Illustrated:
        """The digest of a period, from what is known now."""
        async with self._database.reading() as tx:
            digest = await self._gather(tx, workspace_id, period)
        if digest.chart is None or digest.is_quiet:
            return Illustrated(digest, None, "", chart_failed=False)
        try:
            png = await self._charts.draw(digest.chart)
        except (ChartFailed, OSError) as error:
            log.error("A digest goes out without its chart: %s", error)
            return Illustrated(digest, None, "", chart_failed=True)
        return Illustrated(digest, png, alt_text(digest.chart), chart_failed=False)

    async def _gather(self, tx: Transaction, workspace_id: str, period: Period) -> Digest:
        now = self._clock.now()
        choices = await self._accounts.choices(tx, workspace_id)
        chart_start = periods.day_start(period.last - timedelta(days=CHART_DAYS), period.zone)
        since = min(period.before_start, chart_start)
        taken = await snapshots.history(tx, workspace_id, since, now)
        out = await numbers.went_out(tx, workspace_id, since - MEASURED_FOR, period.end)
        # Sorting some ten thousand snapshots takes a while, in which others have to be answered.
        records = await asyncio.to_thread(Records, choices, taken, out)
        performances = await asyncio.to_thread(records.accounts, period)
        best = records.best_post(period)
        best_revision = None
        if best is not None:
            revision_id = best.went_out[-1].revision_id
            best_revision = await posts.revision(tx, workspace_id, revision_id)
        return Digest(
            period=period,
            made_at=now,
            accounts=performances,
            best=best,
            best_revision=best_revision,
            mentions=await numbers.mentions_by_sentiment(
                tx, workspace_id, period.start, period.end
            ),
            mentions_before=await numbers.mentions_by_sentiment(
                tx, workspace_id, period.before_start, period.before_end
            ),
            responses=await _responses(tx, workspace_id, period, now),
            due=await _due_today(tx, workspace_id, choices, period.zone, now),
            waiting=await numbers.waiting(tx, workspace_id),
            chart=await asyncio.to_thread(chart_of, period, performances, records),
        )


async def _responses(
    tx: Transaction, workspace_id: str, period: Period, now: datetime
) -> Responses:
    answers = await numbers.answer_times(tx, workspace_id, period.start, period.end, ANSWER_WITHIN)
    solutions = await numbers.solution_times(
        tx, workspace_id, period.start, period.end, SOLVE_WITHIN
    )
    return Responses(
        first_answer=_median(answers),
        answered=len(answers),
        solution=_median(solutions),
        solved=len(solutions),
        missed=await numbers.missed(tx, workspace_id, period.start, period.end),
        open=await numbers.open_complaints(tx, workspace_id, now),
    )


def _median(waits: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(one.total_seconds() for one in waits)) if waits else None


async def _due_today(
    tx: Transaction,
    workspace_id: str,
    choices: Sequence[AccountChoice],
    zone: ZoneInfo,
    now: datetime,
) -> tuple[DuePost, ...]:
    """What is still to go out before the day ends in the digest's zone."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    labels = {choice.account.id: choice.label for choice in choices}
    found = []
    for post in await numbers.coming(tx, workspace_id, now, periods.day_start(tomorrow, zone)):
        revision = await posts.revision(tx, workspace_id, post.revision_id)
        assert revision is not None
        ids = revision.content.account_ids
        found.append(DuePost(post, revision, tuple(labels[one] for one in ids if one in labels)))
    return tuple(found)


def chart_of(
    period: Period, performances: Sequence[AccountPerformance], records: Records
) -> Chart | None:
    """The chart that says most: engagement day by day if there are days enough and few lines, else
    per account; followers if nothing was engaged with; None if there is nothing to see."""
    days = period.days if period.span is not Span.DAY else periods.last_days(period, CHART_DAYS)
    by_day = [
        Series(
            one.account.label,
            records.engagement_by_day(one.account.account.id, days, period.zone, period.end),
            _days_before(one, period, records),
        )
        for one in performances
    ]
    moving = [line for line in by_day if any(line.values)]
    if _says_something(by_day) and 0 < len(moving) <= _MOST_LINES:
        return LineChart(f"Engagement, {_between(days)}", _UNIT, days, tuple(moving))
    bars = tuple(
        Bar(one.account.label, one.engagement, one.engagement_before)
        for one in performances
        if one.engagement is not None
    )
    if any(bar.value or bar.before for bar in bars):
        said = _between(period.days)
        return BarChart(f"Engagement, {said}", _UNIT, said, BEFORE[period.span], bars)
    followers = [
        Series(
            one.account.label,
            records.followers_by_day(one.account.account.id, days, period.zone, period.end),
        )
        for one in performances
    ]
    if _says_something(followers):
        title = f"Followers, {_between(days)}"
        return LineChart(title, "followers", days, _known(followers), running=True)
    return None


def _days_before(
    one: AccountPerformance, period: Period, records: Records
) -> tuple[int | None, ...]:
    """A week's days beside those of the week before; a day's chart is two weeks long already."""
    if period.span is Span.DAY or one.engagement_before is None:
        return ()
    found = records.engagement_by_day(
        one.account.account.id, period.days_before, period.zone, period.before_end
    )
    return found if any(value is not None for value in found) else ()


def _says_something(lines: Sequence[Series]) -> bool:
    return any(sum(value is not None for value in line.values) >= _ENOUGH_DAYS for line in lines)


def _known(lines: Sequence[Series]) -> tuple[Series, ...]:
    return tuple(line for line in lines if any(value is not None for value in line.values))


def _between(days: Sequence[date]) -> str:
    first, last = day_name(days[0]), day_name(days[-1])
    return first if first == last else f"{first} to {last}"
