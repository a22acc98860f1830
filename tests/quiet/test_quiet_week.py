"""Rule 11: a message has to earn its ping. Counted in the playground, over a seeded week."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.quiet.week import MONDAY, POSTS, ROLES, begun

MESSAGES_A_DAY = 6
PINGS_A_DAY = 3


async def test_a_week_is_quiet(tmp_path: Path) -> None:
    async with begun(tmp_path, "a week at Acorn's") as week:
        await week.live(MONDAY + timedelta(days=7), week.plan())
    messages = Counter((day, user) for day, user, _ in week.said)
    pings = Counter((day, user) for day, user, _ in week.pinged)
    table = "\n".join(
        f"{day:%a} {user}: {messages[day, user]} messages, {pings[day, user]} pings: "
        + "; ".join(text for at, who, text in week.said if (at, who) == (day, user))
        for day, user in sorted(messages)
    )
    assert len(week.world.live) > POSTS, table  # on two accounts each
    assert {user for _, user in messages} == set(ROLES), table
    assert max(messages.values()) <= MESSAGES_A_DAY, table
    assert max(pings.values()) <= PINGS_A_DAY, table
