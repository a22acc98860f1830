"""When people want to be told something, by their own clocks: by day, and so often. Pure."""

from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.zones import first_existing

MORNING, EVENING = time(8), time(20)  # between them people are told
TOLD_IN_THE_EVENING = 18  # o'clock

Away = Callable[[str, Collection[str]], Awaitable[Collection[str]]]
"""Which of these people of a workspace aren't to be disturbed now."""


def is_night(now: datetime, zone: ZoneInfo) -> bool:
    """Whether nobody wants to be reminded at that time of day."""
    return not MORNING <= now.astimezone(zone).time() < EVENING


def not_by_night(at: datetime, zone: ZoneInfo) -> datetime:
    """A time (UTC), or the evening before it where it is in somebody's night."""
    if not is_night(at, zone):
        return at
    local = at.astimezone(zone)
    day = local.date() if local.time() >= EVENING else local.date() - timedelta(days=1)
    return first_existing(day, TOLD_IN_THE_EVENING * 60, zone)


def next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """When the night is over (UTC)."""
    local = now.astimezone(zone)
    day = local.date() if local.time() < MORNING else local.date() + timedelta(days=1)
    return first_existing(day, MORNING.hour * 60, zone)


def half_day(now: datetime, zone: ZoneInfo) -> datetime:
    """When the half-day that it is for somebody began (UTC): midnight or noon by their clock."""
    local = now.astimezone(zone)
    return first_existing(local.date(), 0 if local.hour < 12 else 12 * 60, zone).astimezone(UTC)


def next_half_day(now: datetime, zone: ZoneInfo) -> datetime:
    """When the next half-day begins for somebody who is awake (UTC): noon, or the morning after."""
    local = now.astimezone(zone)
    if local.hour < 12:
        return first_existing(local.date(), 12 * 60, zone).astimezone(UTC)
    tomorrow = local.date() + timedelta(days=1)
    return first_existing(tomorrow, MORNING.hour * 60, zone).astimezone(UTC)
