"""Who may do what: the one table of roles and actions, and the check every use case begins with."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.errors import NotAllowed, NotSetUp
from storage import workspaces
from storage.records import Member, Mode, Role, Workspace
from storage.rows import Transaction


class Action(StrEnum):
    """What a role is needed for, in the words of the refusal."""

    DRAFT = "write posts"
    DECIDE = "approve or reject posts"
    RESPOND = "answer mentions"
    LOOK = "see the desk"
    CONFIGURE = "change the set-up"


ALLOWED: dict[Action, frozenset[Role]] = {
    Action.DRAFT: frozenset({Role.AUTHOR, Role.APPROVER, Role.ADMIN}),
    Action.DECIDE: frozenset({Role.APPROVER, Role.ADMIN}),
    Action.RESPOND: frozenset({Role.RESPONDER, Role.ADMIN}),
    Action.LOOK: frozenset(Role),
    Action.CONFIGURE: frozenset({Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who is acting: taken from Slack's signed payload and from nowhere else."""

    workspace_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """A person whose role was checked, in a workspace that is set up."""

    workspace: Workspace
    member: Member

    def may(self, action: Action) -> bool:
        return may(self.member, action)


def may(member: Member, action: Action) -> bool:
    """Whether one of the member's roles covers the action."""
    return bool(member.roles & ALLOWED[action])


async def admit(tx: Transaction, person: Person, action: Action) -> Admitted:
    """Check that the workspace is set up and that the person may do this.

    :raises NotSetUp: says what is missing and who can finish it.
    :raises NotAllowed: says which role is needed and who can give it.
    """
    workspace = await workspaces.get(tx, person.workspace_id)
    if workspace is None or workspace.set_up_at is None:
        raise NotSetUp(
            "Socialdesk isn't set up here yet. A workspace owner or admin opens the Home tab of "
            "the Socialdesk app and fills in the set-up form. It takes two minutes."
        )
    member = await workspaces.member(tx, person.workspace_id, person.user_id)
    if member is None or not may(member, action):
        raise NotAllowed(await _refusal(tx, workspace, action))
    return Admitted(workspace, member)


async def _refusal(tx: Transaction, workspace: Workspace, action: Action) -> str:
    needed = " or ".join(role.value for role in Role if role in ALLOWED[action])
    admins = await workspaces.with_role(tx, workspace.id, Role.ADMIN)
    who = ", ".join(admin.name for admin in admins[:3])
    return (
        f"To {action} you need the role {needed}. {who} can give it to you with "
        "`/social team`. Nothing was changed."
    )


async def set_roles(
    tx: Transaction, person: Person, target: Member, roles: frozenset[Role]
) -> Member:
    """Give a member their roles.

    :raises NotAllowed: the person is no admin, or would take away the last admin.
    """
    admitted = await admit(tx, person, Action.CONFIGURE)
    admins = await workspaces.with_role(tx, admitted.workspace.id, Role.ADMIN)
    if Role.ADMIN not in roles and [admin.user_id for admin in admins] == [target.user_id]:
        raise NotAllowed(
            f"{target.name} is the only admin. Make somebody else an admin first. "
            "Nothing was changed."
        )
    changed = replace(target, roles=roles)
    await workspaces.save_member(tx, changed)
    return changed


def decides_own(workspace: Workspace) -> bool:
    """Whether an author's own post needs nobody else (a workspace set up for one person)."""
    return workspace.mode is Mode.ALONE
