"""Local times and UTC: which local times exist, which come twice, what clocks are called.

All of it by a round trip through UTC: no zone's rules are known here.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo


def local_time(day: date, minute: int) -> datetime:
    """A minute of a day as the clock on the wall shows it, without a zone; 1440 is the next day."""
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def to_utc(naive: datetime, zone: tzinfo, fold: int) -> datetime:
    """The instant of a local time; ``fold`` 0 and 1 are its readings where the clocks change."""
    return naive.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def exists(naive: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks in ``zone`` ever show that time on that day."""
    return to_utc(naive, zone, 0).astimezone(zone).replace(tzinfo=None) == naive


def first_existing(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant of a local time: after the gap it lies in, the first of two if it comes twice."""
    naive = local_time(day, minute)
    if exists(naive, zone):
        return to_utc(naive, zone, 0)
    # The two readings of a skipped time lie on either side of the jump: search between them.
    low, high = (int(to_utc(naive, zone, fold).timestamp()) // 60 for fold in (1, 0))
    before = datetime.fromtimestamp(low * 60, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle * 60, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high * 60, UTC)


def zone_label(local: datetime) -> str:
    """What people call the zone of an aware local time: “CET”, or “UTC+05:45” without a name."""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{offset_label(local)}"


def offset_label(local: datetime) -> str:
    """The offset of an aware local time: “+01:00”."""
    return f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5]
