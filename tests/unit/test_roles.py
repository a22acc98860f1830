"""Roles: the one table, and the check with which every use case begins."""

from dataclasses import replace

import pytest

from bot.errors import NotAllowed, NotSetUp
from bot.team import Action, Person, Profile, Team, admit
from storage import workspaces
from storage.records import Member, Role
from tests.unit.world import ANA, EVA, STRANGER, TEAM, World

MAY = {
    Role.ADMIN: set(Action),
    Role.APPROVER: {
        Action.DRAFT,
        Action.DECIDE,
        Action.REPORT,
        Action.LOOK,
        Action.NUMBERS,
        Action.BRAKE,
        Action.RELEASE,
    },
    Role.AUTHOR: {Action.DRAFT, Action.REPORT, Action.LOOK, Action.NUMBERS, Action.BRAKE},
    Role.RESPONDER: {Action.RESPOND, Action.LOOK, Action.NUMBERS, Action.BRAKE},
    Role.VIEWER: {Action.NUMBERS},
}


async def with_roles(light: World, *roles: Role) -> Person:
    async with light.database.transaction() as tx:
        member = Member(TEAM, "UFAY", "Fay", "UTC", frozenset(roles))
        await workspaces.save_member(tx, member)
    return Person(TEAM, "UFAY")


async def is_admitted(light: World, person: Person, action: Action) -> bool:
    async with light.database.reading() as tx:
        try:
            await admit(tx, person, action)
        except NotAllowed:
            return False
    return True


@pytest.mark.parametrize("role", Role)
async def test_a_role_covers_its_actions_and_no_others(light: World, role: Role) -> None:
    person = await with_roles(light, role)
    admitted = {action for action in Action if await is_admitted(light, person, action)}
    assert admitted == MAY[role]


async def test_several_roles_add_up_and_none_allow_nothing(light: World) -> None:
    person = await with_roles(light, Role.AUTHOR, Role.RESPONDER)
    admitted = {action for action in Action if await is_admitted(light, person, action)}
    assert admitted == MAY[Role.AUTHOR] | MAY[Role.RESPONDER]
    person = await with_roles(light)
    assert not [action for action in Action if await is_admitted(light, person, action)]


async def test_another_workspaces_people_have_no_role_whatever_their_id(light: World) -> None:
    for person in (STRANGER, Person("T2", EVA.user_id)):
        async with light.database.reading() as tx:
            with pytest.raises(NotAllowed, match="another Slack workspace"):
                await admit(tx, person, Action.LOOK)


async def test_a_refusal_says_which_role_is_needed_and_who_gives_it(light: World) -> None:
    async with light.database.reading() as tx:
        with pytest.raises(NotAllowed) as refused:
            await admit(tx, ANA, Action.DECIDE)
    assert str(refused.value) == (
        "To approve or reject posts you need the role admin or approver. "
        "Eva can give it to you with `/social team`. Nothing was changed."
    )


async def test_before_the_set_up_nobody_is_admitted(light: World) -> None:
    async with light.database.transaction() as tx:
        workspace = await workspaces.get(tx, TEAM)
        assert workspace is not None
        await workspaces.save(tx, replace(workspace, set_up_at=None))
        with pytest.raises(NotSetUp):
            await admit(tx, EVA, Action.LOOK)


def profile(user_id: str, *, may_have_roles: bool = True) -> Profile:
    return Profile(user_id, user_id.title(), "Europe/Berlin", False, may_have_roles)


async def test_the_last_admin_stays_one(light: World) -> None:
    team = Team(light.database, light.clock)
    with pytest.raises(NotAllowed, match="the only admin"):
        await team.set_roles(EVA, profile("UEVA"), frozenset({Role.AUTHOR}))
    await team.set_roles(EVA, profile("UANA"), frozenset({Role.ADMIN}))
    await team.set_roles(EVA, profile("UEVA"), frozenset({Role.AUTHOR}))
    with pytest.raises(NotAllowed):
        await team.set_roles(EVA, profile("UEVA"), frozenset(Role))
    with pytest.raises(NotAllowed, match="the only admin"):
        await team.set_roles(ANA, profile("UANA"), frozenset())


async def test_only_people_of_the_workspace_get_roles(light: World) -> None:
    team = Team(light.database, light.clock)
    with pytest.raises(NotAllowed, match="can't have a role"):
        await team.set_roles(EVA, profile("UX", may_have_roles=False), frozenset({Role.AUTHOR}))


async def test_who_left_slack_has_no_roles_any_more(light: World) -> None:
    team = Team(light.database, light.clock)
    await team.follow(TEAM, replace(profile("UANA", may_have_roles=False), is_gone=True))
    assert not await is_admitted(light, ANA, Action.DRAFT)
