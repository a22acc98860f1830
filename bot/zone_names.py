"""The time zones that a person can choose from: one for each place in the tz database's zone.tab
(https://data.iana.org/time-zones/tz-link.html), which is shipped with the package tzdata."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOST_IN_A_GROUP = 100  # of a Slack menu


def is_zone(name: str) -> bool:
    """Whether the tz database knows it (old names too)."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder's name ("Europe")
        return False
    return bool(name)


@cache
def zones_by_area() -> Mapping[str, Sequence[str]]:
    """Zone names under headings, at most 100 each, alphabetically; UTC comes last."""
    table = files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    names = sorted(line.split("\t")[2] for line in table.splitlines() if line[:1] not in ("", "#"))
    areas: dict[str, list[str]] = {}
    for name in names:
        areas.setdefault(name.partition("/")[0], []).append(name)
    groups: dict[str, Sequence[str]] = {}
    for area, members in areas.items():
        for start in range(0, len(members), MOST_IN_A_GROUP):
            groups[f"{area} …" if start else area] = members[start : start + MOST_IN_A_GROUP]
    return groups | {"Universal": ["UTC"]}
