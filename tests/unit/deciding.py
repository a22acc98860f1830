"""A team whose rules about approving are set, and what people do in it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.policy_settings import Policies, Rules
from bot.team import Person
from storage import user_groups, workspaces
from storage.records import Member, Policy, Post, Role, Scope, Step, UserGroup, Verdict
from tests.unit.world import EVA, TEAM, World

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEA = Person(TEAM, "ULEA")  # in the group, without a role of her own
LEGAL = "SLEGAL"
CONTENT_STEP = Step("Content")
LEGAL_STEP = Step("Legal", group=LEGAL)


def policies_of(here: World) -> Policies:
    return Policies(here.database, here.accounts, here.clock)


async def set_rules(
    here: World,
    *steps: Step,
    scope: Scope = Scope.WORKSPACE,
    scope_id: str = "",
    **rules: Any,
) -> None:
    """What Eva sets in the form."""
    await policies_of(here).save(EVA, scope, scope_id, Rules(steps, **rules))


async def set_group(here: World, *members: Person, roles: Sequence[Role] = ()) -> None:
    """Slack's user group @legal has these members now."""
    ids = tuple(person.user_id for person in members)
    group = UserGroup(TEAM, LEGAL, "legal", "Legal", ids, frozenset(roles), NOON)
    async with here.database.transaction() as tx:
        await user_groups.save(tx, group)


async def set_roles(here: World, person: Person, *roles: Role, is_guest: bool = False) -> None:
    async with here.database.transaction() as tx:
        known = await workspaces.member(tx, TEAM, person.user_id)
        member = known or Member(TEAM, person.user_id, person.user_id, "UTC", frozenset())
        new = replace(member, roles=frozenset(roles), is_guest=is_guest)
        await workspaces.save_member(tx, new)


async def press(here: World, person: Person, post: Post) -> Post:
    """Somebody approves what is there now."""
    now = await here.post(post.id)
    decision = await here.approvals.decide(
        person,
        now.id,
        Verdict.APPROVED,
        revision_id=now.revision_id,
        version=now.version,
    )
    return decision.post


def policy(scope: Scope, scope_id: str, *steps: Step, **more: Any) -> Policy:
    fields = {"author_counts": False, "replies": False, "own_card": False, **more}
    return Policy(
        id=f"{scope}{scope_id}",
        workspace_id=TEAM,
        scope=scope,
        scope_id=scope_id,
        steps=steps,
        updated_by="UEVA",
        updated_at=NOON,
        **fields,
    )
