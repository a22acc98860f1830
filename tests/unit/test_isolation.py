"""Nothing of one workspace is ever seen, changed or guessed from another: every public use case of
every service, called as an admin of Birch with the ids of Acorn.

The use cases are found by reflection, and what is handed to each parameter is chosen by its name: a
new method is tried too, and a new parameter must be named here.
"""

import inspect
import itertools
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.comments import ThreadMessage
from bot.composing import PostForm
from bot.digest_plans import Rhythm
from bot.errors import UserError
from bot.holds import Do
from bot.periods import Period, Span
from bot.policies import ANY_APPROVER
from bot.policy_settings import Rules
from bot.scheduling import NewTime
from bot.services import Services
from bot.setup import SetUpForm
from bot.team import Profile
from bot.user_groups import SlackGroup
from storage.records import (
    Mode,
    Role,
    Scope,
    Slot,
    Step,
    Suggestion,
    UserGroup,
    Verdict,
    When,
)
from storage.rows import new_id
from tests.unit.two_workspaces import (
    COMMENT,
    GUESTS,
    SECRET,
    A,
    Filled,
    TwoWorkspaces,
    two_workspaces,
)

NOT_OF_A_WORKSPACE = {
    "database": "the database itself",
    "clock": "the time",
    "media": "files by their content's hash; the row that gives the hash is the workspace's",
    "charts": "draws the numbers it is given",
    "listening": "works for all workspaces, on their own rows",
    "installations": "keyed by what Slack signed; tests/handlers/test_installations.py",
    "pace": "counts what people do, by workspace and person; tests/handlers/test_pace.py",
}
HANDED_A_RECORD = {
    "accounts.choice": "an account that was read with its workspace",
    "accounts.label": "the same",
    "accounts.network": "the same",
    "accounts.session": "the same",
    "accounts.networks": "which networks there are",
    "drafting.counts": "counts a text for accounts that it is given",
    "outcomes.look": "asks the network what `question` gave",
    "metrics.drain": "ends",
    "user_groups.claim_reading": "works for all workspaces, on their own rows",
    "metrics.measure_due": "works for all workspaces, on their own rows",
    "digest_plans.owed": "is asked by the sender, with the subject of a notice that is its own",
}
NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=2)


def given(birch: Filled, foreign: Mapping[str, Sequence[str]]) -> dict[str, Sequence[Any]]:
    """What each parameter is handed, by its name: who asks is of Birch, ids are foreign."""
    profile = Profile(birch.admin.user_id, "Someone", "UTC", True, True)
    zone = ZoneInfo("UTC")
    week = timedelta(days=7)
    days = (NOW - week).date(), NOW.date()
    times = NOW - week, NOW, NOW - 2 * week, NOW - week
    period = Period(Span.WEEK, zone, *days, *times)
    account_ids = tuple(foreign["account_id"])
    people, group_id = tuple(foreign["user_id"]), foreign["group_id"][0]
    steps = Step("Ours", 1, people[:1]), Step("Ours", 1, group=group_id, backup=people[1])
    suggestion = Suggestion(
        foreign["suggestion_id"][0],
        A,
        foreign["post_id"][1],
        foreign["revision_id"][1],
        people[0],
        dict.fromkeys(account_ids, "Better"),
        "",
        NOW,
    )
    thread = foreign["channel"][0], foreign["thread_ts"][0]
    form = SetUpForm(Mode.TEAM, "C1", "C2", {}, ("words",), "UTC", 1800)
    return {
        **foreign,
        "person": [birch.admin],
        "workspace_id": [birch.admin.workspace_id],
        "brake_ids": [list(foreign["brake_id"])],
        "post_ids": [list(foreign["post_id"])],
        "profile": [profile],
        "fields": [{"password": "x"}],
        "network_name": ["scripted"],
        "form": [
            form,
            PostForm("Hello", account_ids, when=When.NOW),
            PostForm("Hello", (), when=When.NOW, campaign_id=foreign["campaign_id"][0]),
        ],
        "suggestion": [suggestion],
        "now": [NOW],
        "texts": [{"text:scripted": "Better"}],
        "also": [None],
        "message": [
            ThreadMessage(*thread, "1700000000.000900", "new", NOW),
            ThreadMessage(*thread, COMMENT, "rewritten", NOW + week),
            ThreadMessage(*thread, COMMENT, "", NOW + week),
        ],
        "scope": list(Scope),
        "place": [(scope, id_) for scope in Scope for id_ in foreign["scope_id"]],
        "step": [ANY_APPROVER, *steps],
        "others": [()],
        "rules": [Rules((ANY_APPROVER,)), Rules(steps)],
        "group": [UserGroup(A, group_id, "ours", "Ours", people, frozenset(Role), NOW)],
        "read": [SlackGroup(group_id, "ours", "Ours", people, NOW + week)],
        "profiles": [()],
        "user_ids": [people],
        "minute": [540],
        "limit": [10],
        "teams": [(GUESTS,), ("T0OTHERS",)],
        "before": [None],
        "choice": [None],
        "wanted": [NewTime(When.AT, SOON)],
        "slots": [(Slot(1, 600),)],
        "verdict": list(Verdict),
        "version": [None],
        "comment": ["why not"],
        "link": ["https://s.example/1"],
        "found": [None],
        "reason": ["a reason"],
        "do": list(Do),
        "seen": ["nothing", (GUESTS,)],
        "only_asked": [False],
        "for_author": [True, False],
        "page": [0],
        "roles": [frozenset(Role)],
        "patience": [timedelta(seconds=1)],
        "period": [period],
        "rhythm": [Rhythm(None, 540)],
        "take_over": [True],
        "team": ["Care"],
        "text": ["Sorry!"],
        "resolves": [False],
        "given": ["words of ours"],
        "everything": [True],
        "tx": [None],
    }


@dataclass(frozen=True)
class UseCase:
    name: str
    method: Callable[..., Any]

    def calls(self, hands: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Each combination of what its parameters may be handed (of the right type)."""
        wanted = inspect.signature(self.method).parameters
        hints = typing.get_type_hints(self.method)
        unknown = [name for name in wanted if name not in hands]
        assert not unknown, f"{self.name}: say in `given` what stands for {unknown}"
        choices = [_choices(hands[name], hints[name]) for name in wanted]
        for values in itertools.product(*choices):
            yield dict(zip(wanted, values, strict=True))


def _choices(handed: Sequence[Any], hint: Any) -> list[Any]:
    fitting = [one for one in handed if _fits(one, hint)]
    may_be_left_out = type(None) in typing.get_args(hint) and None not in fitting
    return [*fitting, None] if may_be_left_out else fitting


def _fits(value: Any, hint: Any) -> bool:
    kinds = (SetUpForm, PostForm)
    if hint is str:
        return isinstance(value, str)
    return not isinstance(value, kinds) or isinstance(value, hint)


def use_cases(services: Services) -> list[UseCase]:
    found = []
    for service in fields(services):
        if service.name in NOT_OF_A_WORKSPACE:
            continue
        for name, method in inspect.getmembers(getattr(services, service.name), inspect.ismethod):
            full = f"{service.name}.{name}"
            if not name.startswith("_") and full not in HANDED_A_RECORD:
                found.append(UseCase(full, method))
    return found


async def outcome(two: TwoWorkspaces, case: UseCase, handed: dict[str, Any]) -> Any:
    """What comes of it: the answer, or the refusal. Anything else is a bug."""
    try:
        if "tx" in handed:
            async with two.services.database.reading() as tx:
                return await case.method(**{**handed, "tx": tx})
        return await case.method(**handed)
    except UserError as refusal:
        return refusal


def foreign_to(two: TwoWorkspaces) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    """Acorn's ids, and as many that nobody has."""
    yield "Acorn's", two.a.ids
    yield "nobody's", {name: tuple(new_id() for _ in ids) for name, ids in two.a.ids.items()}


async def test_every_use_case_is_blind_to_another_workspace(
    database_url: str, tmp_path: Path
) -> None:
    async with two_workspaces(database_url, tmp_path) as two:
        before = await two.rows()
        tried = 0
        for case in use_cases(two.services):
            refused: dict[str, list[str]] = {}
            for whose, ids in foreign_to(two):
                for handed in case.calls(given(two.b, ids)):
                    came = await outcome(two, case, handed)
                    tried += 1
                    told = repr(came) + str(came)
                    said_to_it = repr(handed)
                    assert SECRET not in told, f"{case.name} tells {told}"
                    leaked = [i for i in two.a.ours if i in told and i not in said_to_it]
                    assert not leaked, f"{case.name} tells {leaked}"
                    all_foreign = all(handed[name] is not None for name in ids if name in handed)
                    if isinstance(came, UserError) and all_foreign:
                        text = f"{type(came).__name__}: {_without_ids(str(came), handed)}"
                        refused.setdefault(whose, []).append(text)
                after = await two.rows()
                changed = {
                    table: after[table] ^ rows for table, rows in before.items()
                    if not _same(table, rows, after[table])
                }  # fmt: skip
                assert not changed, f"{case.name} with {whose} ids changed {changed}"
            # What isn't yours and what isn't there are told apart by nothing.
            if set(refused) == {"Acorn's", "nobody's"}:
                assert set(refused["Acorn's"]) == set(refused["nobody's"]), case.name
        assert tried > 150


def _same(table: str, before: frozenset[str], after: frozenset[str]) -> bool:
    """Rows that say no workspace (a part, an occurrence) may be Birch's new ones; none may go."""
    says_whose = any("workspace_id" in row for row in before) or table == "workspaces"
    return before == after if says_whose else before <= after


def _without_ids(text: str, handed: dict[str, Any]) -> str:
    for name, value in handed.items():
        if name.endswith("_id") and isinstance(value, str):
            text = text.replace(value, "…")
    return re.sub(r"[0-9a-f]{32}", "…", text)


@pytest.mark.parametrize(
    "mine",
    [
        "brakes.release",
        "watches.remove",
        "triage.claim",
        "policies.remove",
        "comments.follow",
        "suggestions.suggest",
        "user_groups.keep",
        "shared_channels.allow",
    ],
)
async def test_the_same_calls_on_ones_own_do_something(
    mine: str, database_url: str, tmp_path: Path
) -> None:
    """Else the test above could see nothing change because nothing ever does."""
    async with two_workspaces(database_url, tmp_path) as two:
        case = next(each for each in use_cases(two.services) if each.name == mine)
        before = await two.rows()
        for handed in case.calls(given(two.a, two.a.ids)):
            await outcome(two, case, handed)
        assert await two.rows() != before


def test_the_exceptions_are_there() -> None:
    hints = typing.get_type_hints(Services)
    assert set(NOT_OF_A_WORKSPACE) <= set(hints)
    for full in HANDED_A_RECORD:
        service, _, name = full.partition(".")
        assert callable(getattr(hints[service], name)), full
