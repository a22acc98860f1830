"""Who has a role in the whole workspace: whom news that concern all of them go to."""

from collections.abc import Mapping, Sequence

from bot.roles import effective
from storage import user_groups, workspaces
from storage.records import Member, Role
from storage.rows import Transaction


async def role_holders(
    tx: Transaction, workspace_id: str, *roles: Role
) -> Mapping[Role, Sequence[Member]]:
    """Who has each of these roles, by themselves or through a Slack user group, by name."""
    groups = await user_groups.of_workspace(tx, workspace_id)
    found: dict[Role, list[Member]] = {role: [] for role in roles}
    for member in await workspaces.team(tx, workspace_id):
        for role in effective(member, groups, ()).everywhere & found.keys():
            found[role].append(member)
    return found


async def admins(tx: Transaction, workspace_id: str) -> Sequence[Member]:
    """The admins, by name."""
    return (await role_holders(tx, workspace_id, Role.ADMIN))[Role.ADMIN]
