"""Whom a mention concerns whose clocks run out, and what they are told. Reminders and inboxes both
ask here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from bot.role_holders import role_holders
from bot.waking_hours import is_night, not_by_night
from storage import notices
from storage.records import Member, Mention, MentionState, Role, Urgency
from storage.rows import Transaction

HORIZON = timedelta(hours=20)  # nobody is told anything longer before; see `not_by_night`
LATE_FOR = timedelta(days=7)  # then it is in nobody's inbox any more, only in `/social mentions`
SETTLES_IN = timedelta(minutes=30)  # what is just in is known from its card


class Stage(StrEnum):
    """What somebody is told about a mention that nobody has answered, or solved, yet."""

    ANSWER_SOON = "answer soon"
    ANSWER_LATE = "answer late"
    SOLVE_SOON = "solve soon"
    SOLVE_LATE = "solve late"

    @property
    def is_late(self) -> bool:
        return self in (Stage.ANSWER_LATE, Stage.SOLVE_LATE)


BEFORE: Mapping[Stage, timedelta] = {
    Stage.ANSWER_SOON: timedelta(hours=2),
    Stage.SOLVE_SOON: timedelta(hours=4),
}


@dataclass(frozen=True, slots=True)
class Concern:
    """That a mention concerns somebody now: what they are told, and the limit (UTC) it is about."""

    member: Member
    stage: Stage
    due_at: datetime


@dataclass(frozen=True)
class Answering:
    """Who answers mentions in a workspace, and who is told as well when it is late, by Slack id."""

    responders: Mapping[str, Member]
    admins: Mapping[str, Member]

    @cached_property
    def everybody(self) -> Mapping[str, Member]:
        return {**self.admins, **self.responders}

    def has(self, user_id: str, mention: Mention) -> bool:
        """Whether a mention is with somebody: it is its owner's; without one, whoever answers has
        it."""
        if mention.owner_id in self.everybody:
            return mention.owner_id == user_id
        return user_id in (self.responders or self.admins)


async def who_answers(tx: Transaction, workspace_id: str) -> Answering:
    """As the roles are now."""
    found = await role_holders(tx, workspace_id, Role.RESPONDER, Role.ADMIN)
    by_id = {role: {one.user_id: one for one in members} for role, members in found.items()}
    return Answering(responders=by_id[Role.RESPONDER], admins=by_id[Role.ADMIN])


def concern_of(
    user_id: str, mention: Mention, now: datetime, answering: Answering
) -> Concern | None:
    """How a mention concerns somebody now: before a limit those it is with, once that has passed
    the admins as well."""
    member = answering.everybody.get(user_id)
    newest = None if member is None else _stage(mention, now, ZoneInfo(member.zone))
    if member is None or newest is None:
        return None
    stage, due_at = newest
    is_told = (stage.is_late and user_id in answering.admins) or answering.has(user_id, mention)
    return Concern(member, stage, due_at) if is_told else None


def concerns(mention: Mention, now: datetime, answering: Answering) -> Mapping[str, Concern]:
    """Whom a mention concerns now, by Slack id."""
    found = {id_: concern_of(id_, mention, now, answering) for id_ in answering.everybody}
    return {id_: concern for id_, concern in found.items() if concern is not None}


def _stage(mention: Mention, now: datetime, zone: ZoneInfo) -> tuple[Stage, datetime] | None:
    """The newest thing to tell somebody in a zone, and the limit it is about. What is too late to
    be answered in time isn't reminded of again until it is too late to be solved in time."""
    if mention.state is not MentionState.OPEN or mention.urgency is not Urgency.ALERT:
        return None
    answer, solve = mention.answer_due_at, mention.solve_due_at
    if now >= solve:
        return None if now - solve > LATE_FOR else (Stage.SOLVE_LATE, solve)
    if mention.answered_at is not None:
        return _soon(mention, Stage.SOLVE_SOON, solve, now, zone)
    if now >= answer:
        return Stage.ANSWER_LATE, answer
    return _soon(mention, Stage.ANSWER_SOON, answer, now, zone)


def _soon(
    mention: Mention, stage: Stage, due_at: datetime, now: datetime, zone: ZoneInfo
) -> tuple[Stage, datetime] | None:
    """From some hours before a limit on; if that is in the night, from the evening before."""
    if now < due_at - HORIZON:
        return None
    at = due_at - BEFORE[stage]
    evening = max(not_by_night(at, zone), mention.seen_at + SETTLES_IN)
    return (stage, due_at) if now >= min(at, evening) else None


def to_tell(
    untold: Mapping[str, Concern], away: Collection[str], now: datetime, *, others_know: bool
) -> Sequence[str]:
    """Whom to tell now: nobody in their night, and who is away only if nobody else can be reached.
    Who can't be reached now may be later.

    :param others_know: somebody else was told already.
    """
    awake = awake_ones(untold, now)
    return [id_ for id_ in awake if id_ not in away] or ([] if others_know else awake)


def awake_ones(found: Mapping[str, Concern], now: datetime) -> Sequence[str]:
    """Those in whose zones it is day."""
    return [id_ for id_, one in found.items() if not is_night(now, ZoneInfo(one.member.zone))]


def told_of(mention: Mention) -> str:
    """The kind of the jobs (`storage.occurrences`) of telling people about a mention."""
    return f"told:{mention.workspace_id}:{mention.id}"


async def lists_changed(tx: Transaction, now: datetime, *versions: Mention) -> None:
    """A mention has changed: the inboxes that show it, or did, show something else.

    :param versions: the mention before and after, of one workspace.
    """
    if all(one.urgency is not Urgency.ALERT for one in versions):
        return
    workspace_id = versions[0].workspace_id
    answering = await who_answers(tx, workspace_id)
    shown_to = {id_ for one in versions for id_ in concerns(one, now, answering)}
    notices.refresh_lists(tx, workspace_id, shown_to, now)
