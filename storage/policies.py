"""Policies: who must approve what."""

from collections.abc import Collection

from sqlalchemy import and_, insert, or_, select

from storage.records import Policy, Scope
from storage.rows import Transaction, values
from storage.tables import policies


async def insert_policy(tx: Transaction, policy: Policy) -> None:
    """Keep a policy; there is one for each scope."""
    await tx.connection.execute(insert(policies).values(values(policy)))


async def wants_own_card(
    tx: Transaction, workspace_id: str, account_ids: Collection[str], campaign_id: str | None
) -> bool:
    """Whether a policy over these accounts or this campaign asks for a card for each post."""
    scopes = [
        policies.c.scope == Scope.WORKSPACE,
        and_(policies.c.scope == Scope.ACCOUNT, policies.c.scope_id.in_(account_ids)),
    ]
    if campaign_id is not None:
        scopes.append(and_(policies.c.scope == Scope.CAMPAIGN, policies.c.scope_id == campaign_id))
    query = select(policies.c.id).where(
        policies.c.workspace_id == workspace_id, policies.c.own_card.is_(True), or_(*scopes)
    )
    return (await tx.connection.execute(query.limit(1))).first() is not None
