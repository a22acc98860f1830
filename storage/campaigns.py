"""Campaigns: labels on posts."""

from collections.abc import Sequence

from sqlalchemy import select

from storage.records import Campaign
from storage.rows import Transaction, add_new, many, one
from storage.tables import campaigns


async def of_workspace(tx: Transaction, workspace_id: str) -> Sequence[Campaign]:
    """All campaigns, by name."""
    query = select(campaigns).where(campaigns.c.workspace_id == workspace_id)
    return await many(tx, Campaign, query.order_by(campaigns.c.name, campaigns.c.id))


async def get(tx: Transaction, workspace_id: str, campaign_id: str) -> Campaign | None:
    return await one(
        tx,
        Campaign,
        select(campaigns).where(
            campaigns.c.workspace_id == workspace_id, campaigns.c.id == campaign_id
        ),
    )


async def insert_new(tx: Transaction, campaign: Campaign) -> bool:
    """Keep a new campaign; False if there is one of this name already."""
    return await add_new(tx, campaigns, campaign, "workspace_id", "name")
