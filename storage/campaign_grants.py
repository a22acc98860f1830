"""Roles that people have in one campaign alone."""

from collections.abc import Sequence

from sqlalchemy import delete, select, update

from storage.records import CampaignGrant
from storage.rows import Transaction, add, many, values
from storage.tables import campaign_grants


async def of_person(tx: Transaction, workspace_id: str, user_id: str) -> Sequence[CampaignGrant]:
    return await many(
        tx,
        CampaignGrant,
        select(campaign_grants).where(
            campaign_grants.c.workspace_id == workspace_id, campaign_grants.c.user_id == user_id
        ),
    )


async def of_campaign(
    tx: Transaction, workspace_id: str, campaign_id: str
) -> Sequence[CampaignGrant]:
    """Who has a role in a campaign, the first first."""
    query = select(campaign_grants).where(
        campaign_grants.c.workspace_id == workspace_id,
        campaign_grants.c.campaign_id == campaign_id,
    )
    ordered = query.order_by(campaign_grants.c.granted_at, campaign_grants.c.user_id)
    return await many(tx, CampaignGrant, ordered)


async def of_workspace(tx: Transaction, workspace_id: str) -> Sequence[CampaignGrant]:
    query = select(campaign_grants).where(campaign_grants.c.workspace_id == workspace_id)
    return await many(tx, CampaignGrant, query.order_by(campaign_grants.c.granted_at))


async def save(tx: Transaction, grant: CampaignGrant) -> None:
    """Grant it; what the person had in the campaign before is replaced."""
    done = await tx.connection.execute(
        update(campaign_grants)
        .where(
            campaign_grants.c.workspace_id == grant.workspace_id,
            campaign_grants.c.campaign_id == grant.campaign_id,
            campaign_grants.c.user_id == grant.user_id,
        )
        .values({name: value for name, value in values(grant).items() if name != "id"})
    )
    if not done.rowcount:
        await add(tx, campaign_grants, grant)


async def remove(
    tx: Transaction, workspace_id: str, user_id: str, campaign_id: str | None = None
) -> None:
    """Take away what somebody has in a campaign; None: in all of them."""
    its = [campaign_grants.c.workspace_id == workspace_id, campaign_grants.c.user_id == user_id]
    if campaign_id is not None:
        its.append(campaign_grants.c.campaign_id == campaign_id)
    await tx.connection.execute(delete(campaign_grants).where(*its))
