"""What snapshots say about a period: pure, over records.

Networks give running totals; what a period gained is a total at its end less the one at its start.
A total at a time is the newest snapshot's up to then, so what was gained while nothing was measured
counts where it was found. What isn't known is None, never 0.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.accounts import AccountChoice
from bot.periods import Period, day_start
from storage.numbers import WentOut
from storage.records import Snapshot

ENGAGEMENT = ("likes", "reposts", "replies")
CLOSE_ENOUGH = timedelta(hours=12)
"""A number that is this far from a period's edge stands for the edge; else it is said."""

Numbers = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AccountPerformance:
    """One account over a period; what isn't known is None.

    ``followers`` is the number at the end, ``followers_gained`` how it moved. ``engagement`` is
    what its posts gained. ``since`` (UTC) is where counting really begins if not at the period's
    start; ``until`` where it really ends if not at its end. ``is_silent``: nothing newer than that
    is known at all.
    """

    account: AccountChoice
    followers: int | None
    followers_gained: int | None
    engagement: int | None
    engagement_before: int | None
    posts: int
    posts_before: int | None
    since: datetime | None
    until: datetime | None
    is_silent: bool


@dataclass(frozen=True, slots=True)
class BestPost:
    """The post that gained most in a period, over all of its accounts."""

    went_out: tuple[WentOut, ...]
    gained: Numbers

    @property
    def engagement(self) -> int:
        return engagement(self.gained)


class _Timeline:
    """The snapshots of one account or post."""

    def __init__(self, taken: Iterable[Snapshot]) -> None:
        self._taken = sorted(taken, key=lambda one: one.taken_at)
        self._times = [one.taken_at for one in self._taken]

    @property
    def newest(self) -> Snapshot | None:
        return self._taken[-1] if self._taken else None

    def at(self, moment: datetime) -> Snapshot | None:
        """The newest one up to a time."""
        place = bisect_right(self._times, moment)
        return self._taken[place - 1] if place else None

    def first(self, start: datetime, end: datetime) -> Snapshot | None:
        """The first one from ``start`` on and before ``end``."""
        place = bisect_left(self._times, start)
        return self._taken[place] if place < len(self._taken) and self._times[place] < end else None


class Records:
    """Everything that was measured up to now, ready to be asked about periods."""

    def __init__(
        self,
        accounts: Sequence[AccountChoice],
        snapshots: Iterable[Snapshot],
        went_out: Sequence[WentOut],
    ) -> None:
        by_account: dict[str, list[Snapshot]] = defaultdict(list)
        by_delivery: dict[str, list[Snapshot]] = defaultdict(list)
        for one in snapshots:
            if one.delivery_id is None:
                by_account[one.account_id].append(one)
            else:
                by_delivery[one.delivery_id].append(one)
        self._choices = accounts
        self._accounts = {
            choice.account.id: _Timeline(by_account[choice.account.id]) for choice in accounts
        }
        self._deliveries = {key: _Timeline(taken) for key, taken in by_delivery.items()}
        self._went_out = [one for one in went_out if one.account_id in self._accounts]

    def accounts(self, period: Period) -> tuple[AccountPerformance, ...]:
        """Each account over the period, the one with most engagement first."""
        found = [self._account(choice, period) for choice in self._choices]
        return tuple(sorted(found, key=lambda one: (-(one.engagement or 0), -(one.followers or 0))))

    def best_post(self, period: Period) -> BestPost | None:
        """The post that gained most, the newest of equal ones; None if none gained anything."""
        by_post: dict[str, list[WentOut]] = defaultdict(list)
        for one in self._went_out:
            if one.is_live and not one.is_reply and one.published_at < period.end:
                by_post[one.post_id].append(one)
        best: BestPost | None = None
        for together in by_post.values():  # oldest first
            gained: dict[str, int] = {}
            for one in together:
                for key, count in self._gained(one, period.start, period.end).items():
                    gained[key] = gained.get(key, 0) + count
            candidate = BestPost(tuple(together), gained)
            if candidate.engagement > 0 and (
                best is None or candidate.engagement >= best.engagement
            ):
                best = candidate
        return best

    def engagement_by_day(
        self, account_id: str, days: Sequence[date], zone: ZoneInfo, now: datetime
    ) -> tuple[int | None, ...]:
        """What an account's posts gained on each day; None where nothing was measured."""
        values: list[int | None] = []
        for day in days:
            start, end = _edges(day, zone, now)
            measured = self._accounts[account_id].first(start, end)
            values.append(self._engagement(account_id, start, end) if measured else None)
        return tuple(values)

    def followers_by_day(
        self, account_id: str, days: Sequence[date], zone: ZoneInfo, now: datetime
    ) -> tuple[int | None, ...]:
        """An account's followers at the end of each day; None where nothing was measured."""
        values: list[int | None] = []
        for day in days:
            start, end = _edges(day, zone, now)
            taken = self._accounts[account_id].at(end)
            known = taken is not None and taken.taken_at >= start
            values.append(taken.numbers.get("followers") if taken and known else None)
        return tuple(values)

    def _account(self, choice: AccountChoice, period: Period) -> AccountPerformance:
        account = choice.account
        timeline = self._accounts[account.id]
        newest = timeline.at(period.end)
        begun = self._begun(account.id, period.start, period.end)
        known = newest is not None and newest.taken_at >= period.start
        before = self._begun(account.id, period.before_start, period.before_end)
        comparable = before is not None and _is_close(before.taken_at, period.before_start)
        was_here = account.created_at <= period.before_start
        return AccountPerformance(
            account=choice,
            followers=newest.numbers.get("followers") if newest else None,
            followers_gained=_difference(newest, begun) if known else None,
            engagement=(self._engagement(account.id, period.start, period.end) if known else None),
            engagement_before=(
                self._engagement(account.id, period.before_start, period.before_end)
                if comparable
                else None
            ),
            posts=self._posts(account.id, period.start, period.end),
            posts_before=(
                self._posts(account.id, period.before_start, period.before_end)
                if was_here
                else None
            ),
            since=_unless_close(begun, period.start) if known else None,
            until=_unless_close(newest, period.end),
            is_silent=newest is timeline.newest,
        )

    def _begun(self, account_id: str, start: datetime, end: datetime) -> Snapshot | None:
        """Where counting from ``start`` begins."""
        timeline = self._accounts[account_id]
        return timeline.at(start) or timeline.first(start, end)

    def _posts(self, account_id: str, start: datetime, end: datetime) -> int:
        return sum(
            one.account_id == account_id and not one.is_reply and start <= one.published_at < end
            for one in self._went_out
        )

    def _engagement(self, account_id: str, start: datetime, end: datetime) -> int:
        gained = sum(
            engagement(self._gained(one, start, end))
            for one in self._went_out
            if one.account_id == account_id and one.published_at < end
        )
        return max(0, gained)  # likes taken back weigh in, but no account gains less than nothing

    def _gained(self, one: WentOut, start: datetime, end: datetime) -> Numbers:
        timeline = self._deliveries.get(one.delivery_id)
        newest = timeline.at(end) if timeline else None
        if timeline is None or newest is None:
            return {}
        before = None if one.published_at >= start else timeline.at(start)
        if before is None and self._was_there(one, start):
            before = timeline.first(start, end) or newest
        held = before.numbers if before else {}
        return {
            key: newest.numbers[key] - held.get(key, 0)
            for key in ENGAGEMENT
            if key in newest.numbers
        }

    def _was_there(self, one: WentOut, start: datetime) -> bool:
        """Whether an unmeasured post is older than what is counted: its past isn't of the time."""
        if one.published_at >= start:
            return False
        looked = self._accounts[one.account_id].at(start)
        return looked is None or looked.taken_at > one.published_at


def engagement(numbers: Numbers) -> int:
    """Likes, reposts and replies together."""
    return sum(numbers.get(key, 0) for key in ENGAGEMENT)


def _edges(day: date, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    return day_start(day, zone), min(day_start(day + timedelta(days=1), zone), now)


def _difference(newest: Snapshot | None, begun: Snapshot | None) -> int | None:
    if newest is None or begun is None or newest.taken_at <= begun.taken_at:
        return None
    now, then = newest.numbers.get("followers"), begun.numbers.get("followers")
    return None if now is None or then is None else now - then


def _is_close(moment: datetime, edge: datetime) -> bool:
    return abs(moment - edge) <= CLOSE_ENOUGH


def _unless_close(taken: Snapshot | None, edge: datetime) -> datetime | None:
    return None if taken is None or _is_close(taken.taken_at, edge) else taken.taken_at
