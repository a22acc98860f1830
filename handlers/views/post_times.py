"""How a post's time is asked for and said."""

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.times import spoken
from handlers.views.blocks import Block, section


def asked_time(line: str, due_at: datetime | None, zone: str) -> Block:
    """On top of a form that was submitted with a time in words: is it this?"""
    press = f"If that's right, press *{confirming(due_at, zone)}*."
    return section(f":alarm_clock: {line} {press}", block_id="ask")


def confirming(due_at: datetime | None, zone: str) -> str:
    """The submit button that names the time: it is in sight wherever the form is scrolled to."""
    if due_at is None:
        return "Yes"
    local = due_at.astimezone(ZoneInfo(zone))
    return f"Yes: {local:%a} {local.day} {local:%b, %H:%M}"


def goes_out(due_at: datetime, zone: str) -> str:
    """A sentence with the time in full."""
    return f"Goes out {in_full(due_at, zone)}."


def in_full(instant: datetime, zone: str) -> str:
    """Weekday, date, time, zone."""
    return f"*{spoken(instant, ZoneInfo(zone))}*"
