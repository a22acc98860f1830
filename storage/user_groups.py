"""Slack user groups that give roles, or whose members approve: a copy of what Slack has."""

from collections.abc import Sequence

from sqlalchemy import insert, select, update

from storage.records import UserGroup
from storage.rows import Transaction, many, one, values
from storage.tables import user_groups


async def of_workspace(tx: Transaction, workspace_id: str) -> Sequence[UserGroup]:
    """All known groups, by handle."""
    query = select(user_groups).where(user_groups.c.workspace_id == workspace_id)
    return await many(tx, UserGroup, query.order_by(user_groups.c.handle, user_groups.c.id))


async def get(tx: Transaction, workspace_id: str, group_id: str) -> UserGroup | None:
    return await one(
        tx,
        UserGroup,
        select(user_groups).where(
            user_groups.c.workspace_id == workspace_id, user_groups.c.id == group_id
        ),
    )


async def save(tx: Transaction, group: UserGroup) -> None:
    """Keep a group, new or known."""
    done = await tx.connection.execute(
        update(user_groups)
        .where(user_groups.c.workspace_id == group.workspace_id, user_groups.c.id == group.id)
        .values(values(group))
    )
    if not done.rowcount:
        await tx.connection.execute(insert(user_groups).values(values(group)))
