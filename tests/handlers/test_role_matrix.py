"""Every registered id x every kind of person, through the whole app: who may not is told so in
plain words, changes nothing and sees nothing of what others wrote."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.team import ALLOWED, Action
from tests.handlers.cast import CONFIDENTIAL, ROLES, Cast, furnished
from tests.handlers.expected_roles import EXPECTED, OTHER_WAYS
from tests.handlers.stage import Stage, staged
from tests.unit.rows import changes, everything

REFUSED = re.compile(
    r"you need the role|another Slack workspace than yours|Only an admin can|"
    r"an admin of it can change that|"
    r"only to decide on posts of the campaigns that an admin named for them"
)
WAYS = [*EXPECTED.items(), *OTHER_WAYS]
BUG = "Something went wrong on our side"


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    async with staged(tmp_path, poll_seconds=3600) as stage:
        yield await furnished(stage, tmp_path)


def may(who: str, action: Action | None) -> bool:
    return action is None or bool(ROLES[who] & ALLOWED[action])


def test_every_registered_id_has_its_line(stage: Stage) -> None:
    """A new command, button, form, shortcut or event can't be forgotten."""
    assert {str(one) for one in stage.bot.desk.listened_to} == {str(one) for one in EXPECTED}
    unexplained = [key for key, line in EXPECTED.items() if line.needs is None and not line.because]
    assert unexplained == []


async def test_who_may_not_is_refused_changes_nothing_and_sees_nothing(cast: Cast) -> None:
    before, wrong = everything(cast.folder), []
    for registered, line in WAYS:
        shown = await cast.do(registered, line, [who for who in ROLES if not may(who, line.needs)])
        for who, text in shown.items():
            if not REFUSED.search(text):
                wrong.append(f"{who} wasn't refused {registered}: {text}")
            if CONFIDENTIAL in text:
                wrong.append(f"{who} sees at {registered}: {text}")
        after = everything(cast.folder)
        if found := changes(before, after):
            wrong.append(f"{registered} changed {found}")
        before = after
    assert wrong == []


async def test_what_anybody_may_shows_strangers_nothing(cast: Cast) -> None:
    before = everything(cast.folder)
    for registered, line in WAYS:
        if line.needs is None:
            shown = await cast.do(registered, line, [who for who in ROLES if not ROLES[who]])
            for who, text in shown.items():
                assert CONFIDENTIAL not in text, f"{who} sees at {registered}: {text}"
    assert changes(before, everything(cast.folder)) == {}


async def test_who_may_is_not_refused_for_the_role(cast: Cast) -> None:
    wrong = []
    for registered, line in WAYS:
        shown = await cast.do(registered, line, [who for who in ROLES if may(who, line.needs)])
        for who, text in shown.items():
            if line.needs is not None and REFUSED.search(text):
                wrong.append(f"{who} was refused {registered}: {text}")
            if BUG in text:
                wrong.append(f"{registered} by {who}: {text}")
    assert wrong == []
