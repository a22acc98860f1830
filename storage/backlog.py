"""What waits: for a monitor and for the doctor, over all that is scheduled."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from storage.records import DeliveryState, HoldReason, NoticeState
from storage.rows import Transaction
from storage.tables import accounts, deliveries, notices


@dataclass(frozen=True, slots=True)
class Backlog:
    """What of a workspace's deliveries waits for more than its time, in numbers.

    :param late: due before a given time, and neither out nor given up.
    :param late_since: when the oldest of them was due.
    :param unknown: a person is asked whether they are out.
    """

    late: int
    late_since: datetime | None
    held: Mapping[HoldReason, int]
    unknown: int


async def of_workspace(tx: Transaction, workspace_id: str, due_before: datetime) -> Backlog:
    """Count what waits; reads all that is scheduled."""
    ours = deliveries.c.workspace_id == workspace_id
    late, since = (
        await tx.connection.execute(
            select(func.count(), func.min(deliveries.c.due_at)).where(
                ours,
                deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
                deliveries.c.due_at < due_before,
            )
        )
    ).one()
    held = await tx.connection.execute(
        select(deliveries.c.hold_reason, func.count().label("held"))
        .where(ours, deliveries.c.state == DeliveryState.HELD)
        .group_by(deliveries.c.hold_reason)
    )
    unknown = await tx.connection.execute(
        select(func.count()).where(ours, deliveries.c.state == DeliveryState.UNKNOWN)
    )
    by_reason = {row.hold_reason: row.held for row in held}
    return Backlog(late, since, by_reason, unknown.scalar_one())


async def oldest_due(tx: Transaction) -> datetime | None:
    """When the next delivery of all workspaces is to be attempted; it may lie ahead. None: there
    is none. A look into the index for each network, however much is scheduled."""
    networks = select(accounts.c.network).distinct().subquery()
    first = (
        select(func.min(deliveries.c.next_attempt_at))
        .where(
            deliveries.c.network == networks.c.network,
            deliveries.c.state == DeliveryState.PENDING,
        )
        .correlate(networks)
        .scalar_subquery()
    )
    moment: datetime | None = (
        await tx.connection.execute(select(func.min(first)).select_from(networks))
    ).scalar()
    return moment


async def owed_notices(tx: Transaction) -> int:
    """How many messages Slack hasn't got yet; those for a dead channel don't count."""
    waiting = notices.c.state.in_([NoticeState.OWED, NoticeState.SENDING])
    return (await tx.connection.execute(select(func.count()).where(waiting))).scalar_one()
