"""Approval policies: who must approve what. At most one for each place it can hold."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from storage.records import Policy, Scope
from storage.rows import Transaction, many, values
from storage.tables import policies


async def of_workspace(tx: Transaction, workspace_id: str) -> Sequence[Policy]:
    """All policies of a workspace: its own, then those of accounts and campaigns."""
    found = await many(tx, Policy, select(policies).where(policies.c.workspace_id == workspace_id))
    order = list(Scope)
    return sorted(found, key=lambda policy: (order.index(policy.scope), policy.scope_id))


async def save(tx: Transaction, policy: Policy) -> None:
    """Keep a policy, new or in the place of the one that holds there. Whoever saves has locked the
    workspace."""
    new = {name: value for name, value in values(policy).items() if name != "id"}
    done = await tx.connection.execute(
        update(policies)
        .where(
            policies.c.workspace_id == policy.workspace_id,
            policies.c.scope == policy.scope,
            policies.c.scope_id == policy.scope_id,
        )
        .values(new)
    )
    if not done.rowcount:
        await tx.connection.execute(insert(policies).values(values(policy)))


async def remove(tx: Transaction, workspace_id: str, scope: Scope, scope_id: str) -> bool:
    """Take a policy away; False if there is none."""
    done = await tx.connection.execute(
        delete(policies).where(
            policies.c.workspace_id == workspace_id,
            policies.c.scope == scope,
            policies.c.scope_id == scope_id,
        )
    )
    return done.rowcount > 0
