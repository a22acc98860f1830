"""Plans of digests that post themselves."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.records import DigestPlan
from storage.rows import Transaction, changed, many, one, values
from storage.tables import digest_plans


async def save(tx: Transaction, plan: DigestPlan) -> None:
    """Keep a plan, new or in the place of the one with its id."""
    replace = update(digest_plans).where(digest_plans.c.id == plan.id).values(values(plan))
    if await changed(tx, replace):
        return
    try:
        async with tx.connection.begin_nested():
            await tx.connection.execute(insert(digest_plans).values(values(plan)))
    except IntegrityError:  # somebody planned the same at the same moment: the later one holds
        await tx.connection.execute(replace)


async def get(tx: Transaction, plan_id: str) -> DigestPlan | None:
    return await one(tx, DigestPlan, select(digest_plans).where(digest_plans.c.id == plan_id))


async def of_channel(tx: Transaction, workspace_id: str, channel: str) -> Sequence[DigestPlan]:
    """A channel's plans, the daily one first."""
    return await many(
        tx,
        DigestPlan,
        select(digest_plans)
        .where(digest_plans.c.workspace_id == workspace_id, digest_plans.c.channel == channel)
        .order_by(digest_plans.c.weekday.is_not(None), digest_plans.c.id),
    )


async def every(tx: Transaction) -> Sequence[DigestPlan]:
    """All plans of this installation."""
    return await many(tx, DigestPlan, select(digest_plans).order_by(digest_plans.c.id))


async def remove(tx: Transaction, workspace_id: str, plan_id: str) -> bool:
    """Stop a plan; False if it was stopped before."""
    gone = await tx.connection.execute(
        delete(digest_plans).where(
            digest_plans.c.workspace_id == workspace_id, digest_plans.c.id == plan_id
        )
    )
    return gone.rowcount > 0
