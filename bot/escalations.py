"""Whom a mention concerns whose clocks run out, and what they are told (pure, but for what it reads
about the team). Reminders and inboxes both ask here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.reminders import is_night, not_by_night
from bot.roles import effective
from storage import notices, user_groups, workspaces
from storage.records import Member, Mention, MentionState, Role, Urgency
from storage.rows import Transaction

HORIZON = timedelta(hours=20)  # nobody is told anything longer before; see `not_by_night`
LATE_FOR = timedelta(days=7)  # then nobody is reminded any more; it stays in `/social mentions`


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


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers mentions in a workspace, and who is told as well when it is late, by Slack id."""

    responders: Mapping[str, Member]
    admins: Mapping[str, Member]

    def having(self, mention: Mention) -> Mapping[str, Member]:
        """Whom a mention is with: its owner; without one, whoever answers."""
        everybody = {**self.admins, **self.responders}
        if mention.owner_id in everybody:
            return {mention.owner_id: everybody[mention.owner_id]}
        return self.responders or self.admins


async def who_answers(tx: Transaction, workspace_id: str) -> Answering:
    """As the roles are now."""
    groups = await user_groups.of_workspace(tx, workspace_id)
    found: dict[Role, dict[str, Member]] = {Role.RESPONDER: {}, Role.ADMIN: {}}
    for member in await workspaces.team(tx, workspace_id):
        for role in effective(member, groups, ()).everywhere & found.keys():
            found[role][member.user_id] = member
    return Answering(responders=found[Role.RESPONDER], admins=found[Role.ADMIN])


def concerns(mention: Mention, now: datetime, answering: Answering) -> Mapping[str, Concern]:
    """Whom a mention concerns now, by Slack id: before a limit those it is with, once that has
    passed the admins as well."""
    having = answering.having(mention)
    found = {}
    for user_id, member in {**answering.admins, **having}.items():
        newest = _stage(mention, now, ZoneInfo(member.zone))
        if newest is not None and (newest[0].is_late or user_id in having):
            found[user_id] = Concern(member, *newest)
    return found


def _stage(mention: Mention, now: datetime, zone: ZoneInfo) -> tuple[Stage, datetime] | None:
    """The newest thing to tell somebody in a zone, and the limit it is about. What is too late to
    be answered in time isn't reminded of again until it is too late to be solved in time."""
    if mention.state is not MentionState.OPEN or mention.urgency is not Urgency.ALERT:
        return None
    answer, solve = mention.answer_due_at, mention.solve_due_at
    steps = [(solve, Stage.SOLVE_LATE, solve)]
    if mention.answered_at is None:
        steps.append((answer, Stage.ANSWER_LATE, answer))
        steps.append(
            (_told_at(mention, Stage.ANSWER_SOON, answer, zone), Stage.ANSWER_SOON, answer)
        )
    else:
        steps.append((_told_at(mention, Stage.SOLVE_SOON, solve, zone), Stage.SOLVE_SOON, solve))
    stage, due_at = next(((s, due) for at, s, due in steps if at <= now), (None, now))
    return None if stage is None or now - due_at > LATE_FOR else (stage, due_at)


def _told_at(mention: Mention, stage: Stage, due_at: datetime, zone: ZoneInfo) -> datetime:
    """In the evening before rather than by night, unless it came in after that."""
    at = due_at - BEFORE[stage]
    evening = not_by_night(at, zone)
    return at if evening < mention.seen_at else evening


def to_tell(found: Mapping[str, Concern], away: Collection[str], now: datetime) -> Sequence[str]:
    """Whom to tell now: nobody in their night, and who is away only if nobody else can be reached.
    Who can't be reached now may be later."""
    awake = [id_ for id_, one in found.items() if not is_night(now, ZoneInfo(one.member.zone))]
    return [id_ for id_ in awake if id_ not in away] or awake


async def lists_changed(tx: Transaction, now: datetime, *versions: Mention) -> None:
    """A mention has changed: the inboxes that show it, or did, show something else.

    :param versions: the mention before and after, of one workspace.
    """
    answering = await who_answers(tx, versions[0].workspace_id)
    shown_to = {id_ for one in versions for id_ in concerns(one, now, answering)}
    if shown_to:
        await notices.refresh_lists(tx, versions[0].workspace_id, shown_to, now)
