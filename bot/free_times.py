"""Choosing a post's time: what a form asks for, and the next time that is free."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot import times
from bot.errors import FieldErrors, UserError
from bot.team import Admitted
from storage import posts
from storage.records import Account, Slot, When
from storage.rows import Transaction

DEFAULT_SLOTS = tuple(Slot(weekday, hour * 60) for weekday in range(5) for hour in (9, 12, 16))


def slots_of(account: Account) -> tuple[Slot, ...]:
    """The account's weekly posting times: its own, or weekdays 9:00, 12:00, 16:00."""
    return DEFAULT_SLOTS if account.slots is None else account.slots


async def choose_time(
    tx: Transaction,
    admitted: Admitted,
    chosen: Sequence[Account],
    *,
    when: When,
    at: datetime | None,
    words: str,
    now: datetime,
    besides: str | None,
) -> datetime | None:
    """The instant (UTC) that a form asks for; None: as soon as it is approved.

    :param at: the time picked; beside ``words``, how they were understood and shown before.
    :param besides: the post that is being moved and doesn't hold its old time.
    :raises FieldErrors: at ``words``, ``at`` or ``when``, in words that help.
    """
    if when is When.NOW:
        return None
    if when is When.NEXT_FREE:
        return await next_free_time(tx, admitted, chosen, now=now, besides=besides)
    zone = ZoneInfo(admitted.member.zone)
    if words and at is None:
        try:
            understood = times.understand(words, now=now, zone=zone)
        except UserError as error:
            raise FieldErrors({"words": str(error)}) from error
        return understood if understood > now else None  # "now"
    if at is None:
        raise FieldErrors({"at": "Choose a date and a time, or write it in words."})
    if at <= now:
        raise FieldErrors(
            {
                "words" if words else "at": f"{times.spoken(at, zone)} has passed. "
                "Choose a time that is still to come."
            }
        )
    return at


async def next_free_time(
    tx: Transaction,
    admitted: Admitted,
    chosen: Sequence[Account],
    *,
    now: datetime,
    besides: str | None = None,
) -> datetime:
    """The next slot that all chosen accounts share and none of them has given away."""
    if not chosen:
        raise FieldErrors({"accounts": "Choose at least one account."})
    common = set(slots_of(chosen[0])).intersection(*(slots_of(account) for account in chosen[1:]))
    if not common:
        raise FieldErrors(
            {
                "when": "These accounts have no posting time in common. Choose a date and time, "
                "or change the posting times with /social slots."
            }
        )
    ours = {account.id for account in chosen}
    held = await posts.held_times(tx, admitted.workspace.id, now, besides=besides)
    taken = {due_at for due_at, holders in held if ours.intersection(holders)}
    return times.next_free(common, taken, after=now, zone=ZoneInfo(admitted.workspace.zone))
