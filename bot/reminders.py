"""Whom to remind of a post that waits for a decision, and when. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.waking_hours import is_night, next_morning, not_by_night
from bot.zones import first_existing

LISTED_BEFORE = timedelta(hours=5)  # who gets the list with it within this time is told by that


class Stage(StrEnum):
    """What somebody is told about a post that is due soon."""

    FIRST = "first"
    AGAIN = "again"
    BACKUP = "backup"  # to those who stand in for the others
    WARNED = "warned"  # to its author: nobody has decided yet
    LAST = "last"  # to its author: the last time before it is late
    PASSED = "passed"  # to its author: nothing was published


HORIZON = timedelta(hours=20)  # nobody is told anything longer before; see `told_at`
JUST_SUBMITTED = timedelta(minutes=5)  # an author who has just asked knows that nobody decided yet
ASKED_STAGES = (Stage.AGAIN, Stage.FIRST)
BEFORE: Mapping[Stage, timedelta] = {
    Stage.FIRST: timedelta(hours=4),
    Stage.AGAIN: timedelta(hours=1),
    Stage.BACKUP: timedelta(minutes=30),
    Stage.WARNED: timedelta(minutes=60),
    Stage.LAST: timedelta(minutes=15),
    Stage.PASSED: timedelta(0),
}


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody who may decide on a post and hasn't.

    ``is_away``: on holiday, or not to be disturbed now. ``reminded`` is what they were told of it.
    """

    user_id: str
    zone: ZoneInfo
    is_backup: bool = False
    is_away: bool = False
    reminded: frozenset[Stage] = frozenset()


def candidates(
    due_at: datetime, now: datetime, reviewers: Sequence[Reviewer]
) -> Mapping[str, Stage]:
    """Who is still to be told what, whether or not they can be reached now.

    Only the newest stage counts: a post that is submitted late isn't announced twice at once.
    """
    found = {}
    for one in reviewers if now < due_at else ():
        for stage in (Stage.BACKUP,) if one.is_backup else ASKED_STAGES:
            if now >= told_at(due_at, stage, one.zone):
                if not _knows(one, stage):
                    found[one.user_id] = stage
                break
    return found


def told_at(due_at: datetime, stage: Stage, zone: ZoneInfo) -> datetime:
    """When somebody is told (UTC). What is told first, to who decides and to who wrote it, and
    would be in their night, comes the evening before: then there is still time."""
    at = due_at - BEFORE[stage]
    return not_by_night(at, zone) if stage in (Stage.FIRST, Stage.WARNED) else at


def to_remind(
    due_at: datetime, now: datetime, reviewers: Sequence[Reviewer]
) -> Mapping[str, Stage]:
    """Whom to remind now.

    Nobody in their night, and nobody who is away, as long as somebody else can be reached; in the
    night only when it is over before morning. Who can't be reached now may be later.
    """
    wanted = candidates(due_at, now, reviewers)
    reached: dict[str, Stage] = {}
    for is_backup in (False, True):
        group = [one for one in reviewers if one.is_backup is is_backup]
        for one in _reachable(group, due_at, now):
            if one.user_id in wanted:
                reached[one.user_id] = wanted[one.user_id]
    return reached


def _reachable(group: Sequence[Reviewer], due_at: datetime, now: datetime) -> Sequence[Reviewer]:
    """Those of a group who are disturbed least; the others are left alone."""
    awake = [one for one in group if not is_night(now, one.zone)]
    return (
        [one for one in awake if not one.is_away]
        or awake
        or [one for one in group if due_at <= next_morning(now, one.zone)]
    )


def _knows(one: Reviewer, stage: Stage) -> bool:
    later = stage is Stage.FIRST and Stage.AGAIN in one.reminded
    return stage in one.reminded or later


def to_tell_author(
    due_at: datetime, now: datetime, zone: ZoneInfo, submitted_at: datetime
) -> Stage | None:
    """What the author of an undecided post is to be told by now: before it is late, and when it is.

    :param submitted_at: when they asked for approval, or changed it last.
    """
    if now >= due_at:
        return Stage.PASSED
    if now < submitted_at + JUST_SUBMITTED:
        return None
    if now >= due_at - BEFORE[Stage.LAST]:
        return Stage.LAST
    warned_at = told_at(due_at, Stage.WARNED, zone)
    if warned_at < submitted_at:  # in the night they are still at it
        warned_at = due_at - BEFORE[Stage.WARNED]
    return Stage.WARNED if now >= warned_at else None


def latest_list(now: datetime, minute: int, zone: ZoneInfo) -> datetime:
    """When a daily list was due last (UTC).

    :param minute: from midnight by the clock in ``zone``.
    """
    today = now.astimezone(zone).date()
    slots = (first_existing(today - timedelta(days=back), minute, zone) for back in (0, 1, 2))
    return next(slot for slot in slots if slot <= now)
