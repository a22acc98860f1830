"""Whom the news that concern the whole team go to."""

from collections.abc import Sequence

from bot.roles import effective
from storage import user_groups, workspaces
from storage.records import Member, Role
from storage.rows import Transaction


async def admins(tx: Transaction, workspace_id: str) -> Sequence[Member]:
    """Who is an admin, by themselves or through a Slack user group, by name."""
    groups = await user_groups.of_workspace(tx, workspace_id)
    return [
        member
        for member in await workspaces.team(tx, workspace_id)
        if Role.ADMIN in effective(member, groups, ()).everywhere
    ]
