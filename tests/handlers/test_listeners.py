"""Every id has exactly one listener; what only a submitted form reads has none."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.ids import COMMAND, Act, Form, Shortcut
from handlers.manifest import EVENTS
from tests.handlers.stage import Stage

VIEWS = sorted((Path(__file__).parents[2] / "handlers").rglob("*.py"))
NO_FORM_TO_SUBMIT = {Form.MESSAGE, Form.POST}

# Inputs that are read when their form is submitted and do nothing before.
READ_LATER = {
    Act.DRAFT_PICTURES,
    Act.DRAFT_KEPT,
    Act.DRAFT_NEW_CAMPAIGN,
    Act.COMMENT,
    Act.SUGGESTED_TEXT,
    Act.CONNECT_FIELD,
    Act.SLOTS_DAYS,
    Act.SLOTS_TIMES,
    Act.SETUP_MODE,
    Act.SETUP_APPROVALS,
    Act.SETUP_ALERTS,
    Act.SETUP_ROUTE,
    Act.SETUP_WORDS,
    Act.SETUP_ZONE,
    Act.SETUP_LATENESS,
    Act.PAUSE_WHERE,
    Act.PAUSE_REASON,
    Act.RESUME_BRAKES,
    Act.RESUME_HELD,
    Act.TEAM_ROLES,
    Act.POLICY_ALSO,
    Act.STEP_NAME,
    Act.STEP_PEOPLE,
    Act.STEP_GROUP,
    Act.STEP_NEEDED,
    Act.STEP_BACKUP,
    Act.GROUP_ROLES,
    Act.CAMPAIGN_ROLES,
}


def acts_in(node: ast.AST) -> Iterator[Act]:
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.value.id == "Act"
        ):
            yield Act[part.attr]


def calls(*names: str) -> Iterator[ast.Call]:
    """Calls of the builders of blocks with these names."""
    for path in VIEWS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
                yield node


def test_every_id_has_one_listener_or_is_read_later(stage: Stage) -> None:
    listened_to = stage.bot.desk.listened_to
    assert {act for act in Act if act not in listened_to} == READ_LATER
    assert {form for form in Form if form not in listened_to} == NO_FORM_TO_SUBMIT
    assert set(Shortcut) <= listened_to
    # Slack's kinds of messages (message.channels) come as one event.
    assert {name.partition(".")[0] for name in EVENTS} <= listened_to
    assert {f"{COMMAND} {name}" for name in stage.bot.desk.subcommands} <= listened_to


def test_what_acts_at_once_is_not_among_what_is_read_later() -> None:
    pressed = {act for call in calls("button", "menu", "actions") for act in acts_in(call)}
    acting = {
        act
        for call in calls("field")
        if any(keyword.arg == "acts" for keyword in call.keywords)
        for act in acts_in(call)
    }
    assert Act.OPEN_DRAFT in pressed
    assert Act.CONNECT_NETWORK in acting
    assert (pressed | acting) & READ_LATER == set()


async def test_a_second_listener_for_an_id_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        stage.bot.desk.ignore(Act.OPEN_LINK)
