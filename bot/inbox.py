"""A person's inbox: one direct message with what is theirs to do soon, edited in place.

It is shown as it is at the moment (``bot/inboxes.py``). A new message, which pings, comes at most
once per half-day, but for what can't wait.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.team import unchecked
from bot.waking_hours import half_day, is_night, next_half_day, next_morning
from storage import notices, occurrences, workspaces
from storage.records import Card, Member, Workspace
from storage.rows import Transaction

LATE_PINGS_APART = timedelta(hours=1)
LATER = "later"  # occurrences of this kind: when somebody is pinged who couldn't be before


async def has_one(tx: Transaction, workspace: Workspace, user_id: str) -> bool:
    """Whether somebody's role here, through whatever, brings them tasks: a client's doesn't."""
    known = await unchecked(tx, workspace, user_id)
    if known is None or known.roles.is_client:
        return False
    return bool(known.roles.everywhere or known.roles.granted)


async def tell(
    tx: Transaction, workspace_id: str, user_id: str, now: datetime, *, insist: bool = False
) -> None:
    """`ping` somebody of whom only the id is known, if they are still there."""
    member = await workspaces.member(tx, workspace_id, user_id)
    if member is not None and not member.is_gone:
        await ping(tx, member, now, insist=insist)


async def ping(tx: Transaction, member: Member, now: datetime, *, insist: bool = False) -> bool:
    """Show the inbox as a new message if this half-day's isn't spent; whether it is a new one.

    Else it is edited, and a new one in the next half-day brings it up, if there is something in it
    then (`Deadlines`).

    :param insist: a new one in any case.
    """
    place, zone = (member.workspace_id, member.user_id), ZoneInfo(member.zone)
    later = later_job(*place)
    if is_new := await _spend_half_day(tx, member, now) or insist:
        await _start_anew(tx, member, now)
        await occurrences.drop(tx, later)
    else:
        await occurrences.claim(tx, later, next_half_day(now, zone), now)
    await show(tx, *place, now)
    return is_new


async def ping_of_late(tx: Transaction, member: Member, now: datetime) -> None:
    """`ping` somebody about what is late, which can't wait for the next half-day: but an hour from
    the last time, and until the night is over."""
    place = member.workspace_id, member.user_id
    before = await occurrences.latest(tx, _late_job(*place), now)
    at = now if before is None else max(now, before + LATE_PINGS_APART)
    if at > now:
        if is_night(at, zone := ZoneInfo(member.zone)):
            at = next_morning(at, zone)
        await occurrences.claim(tx, later_job(*place), at, now)
        await show(tx, *place, now)
    else:
        await occurrences.claim(tx, _late_job(*place), now, now)
        await ping(tx, member, now, insist=True)


async def bring_up(tx: Transaction, member: Member, now: datetime, *, is_late: bool) -> None:
    """Show as a new message what came in when none could be sent, unless somebody does already.

    :param is_late: something in it is, so that this is a `ping_of_late`.
    """
    place = member.workspace_id, member.user_id
    await _spend_half_day(tx, member, now)
    if await occurrences.drop(tx, later_job(*place)):
        if is_late:
            await occurrences.claim(tx, _late_job(*place), now, now)
        await _start_anew(tx, member, now)
        await show(tx, *place, now)


def _late_job(workspace_id: str, user_id: str) -> str:
    return f"late:{workspace_id}:{user_id}"


async def _spend_half_day(tx: Transaction, member: Member, now: datetime) -> bool:
    job = f"ping:{member.workspace_id}:{member.user_id}"
    return await occurrences.claim(tx, job, half_day(now, ZoneInfo(member.zone)), now)


async def _start_anew(tx: Transaction, member: Member, now: datetime) -> None:
    subject = member.workspace_id, Card.INBOX, member.user_id
    await notices.start_anew(tx, *subject, Card.INBOX_BEFORE, now)


def later_job(workspace_id: str, user_id: str) -> str:
    """The job of bringing up somebody's inbox later."""
    return f"{LATER}:{workspace_id}:{user_id}"


async def show(tx: Transaction, workspace_id: str, user_id: str, now: datetime) -> None:
    """Edit the inbox; who has none gets it as a message."""
    await notices.owe(tx, workspace_id, Card.INBOX, user_id, user_id, now)
