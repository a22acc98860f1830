"""A person's inbox: one direct message with what is theirs to do soon, edited in place.

It is shown as it is at the moment (``bot/inboxes.py``). A new message, which pings, comes at most
once per half-day, but for what can't wait.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.reminders import half_day, next_half_day
from bot.team import unchecked
from storage import notices, occurrences, workspaces
from storage.records import Card, Member, Workspace
from storage.rows import Transaction

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
    job = f"ping:{member.workspace_id}:{member.user_id}"
    is_new = await occurrences.claim(tx, job, half_day(now, zone), now) or insist
    if is_new:
        subject = member.workspace_id, Card.INBOX, member.user_id
        await notices.start_anew(tx, *subject, Card.INBOX_BEFORE, now)
        await occurrences.drop(tx, later)
    else:
        await occurrences.claim(tx, later, next_half_day(now, zone), now)
    await show(tx, *place, now)
    return is_new


def later_job(workspace_id: str, user_id: str) -> str:
    """The job of bringing up somebody's inbox later."""
    return f"{LATER}:{workspace_id}:{user_id}"


async def show(tx: Transaction, workspace_id: str, user_id: str, now: datetime) -> None:
    """Edit the inbox; who has none gets it as a message."""
    await notices.owe(tx, workspace_id, Card.INBOX, user_id, user_id, now)
