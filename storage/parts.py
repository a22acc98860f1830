"""Parts of deliveries: each one external effect (an upload, a post) with its key and outcome."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, null, select, update

from storage.records import Part, PartKind, PartState
from storage.rows import Transaction, many, values
from storage.tables import parts


async def insert_all(tx: Transaction, planned: Sequence[Part]) -> None:
    await tx.connection.execute(insert(parts), [values(part) for part in planned])


async def of_delivery(tx: Transaction, delivery_id: str) -> Sequence[Part]:
    """A delivery's parts, in their order."""
    return (await of_deliveries(tx, [delivery_id])).get(delivery_id, [])


async def of_deliveries(
    tx: Transaction, delivery_ids: Collection[str]
) -> Mapping[str, Sequence[Part]]:
    """Parts by delivery, each in order; a delivery without any is left out."""
    query = select(parts).where(parts.c.delivery_id.in_(delivery_ids))
    found: dict[str, list[Part]] = {}
    for part in await many(tx, Part, query.order_by(parts.c.delivery_id, parts.c.position)):
        found.setdefault(part.delivery_id, []).append(part)
    return found


_BEGIN = (
    update(parts)
    .where(parts.c.id == bindparam("part"), parts.c.state != PartState.DONE)
    .values(
        state=PartState.BEGUN,
        begun_at=func.coalesce(parts.c.begun_at, bindparam("now", type_=parts.c.begun_at.type)),
        frozen=bindparam("sent"),
    )
)
_FINISH = (
    update(parts)
    .where(parts.c.id == bindparam("part"))
    .values(state=PartState.DONE, result=bindparam("given"))
)


async def begin(tx: Transaction, sent: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
    """Mark parts' calls as begun, and keep what they send: by the part's id."""
    begun = [{"part": part, "sent": frozen, "now": now} for part, frozen in sent.items()]
    await tx.connection.execute(_BEGIN, begun)


async def finish(tx: Transaction, given: Mapping[str, Mapping[str, Any]]) -> None:
    """Parts are out: what the network gave back, by the part's id."""
    done = [{"part": part, "given": result} for part, result in given.items()]
    await tx.connection.execute(_FINISH, done)


async def restart(tx: Transaction, part: Part) -> None:
    """It is known that the begun call had no effect: the part may be sent anew."""
    await tx.connection.execute(
        update(parts).where(parts.c.id == part.id).values(state=PartState.PENDING, begun_at=None)
    )


async def forget_uploads(tx: Transaction, delivery_id: str) -> None:
    """The network dropped the pictures that no post took in time: upload them again."""
    await tx.connection.execute(
        update(parts)
        .where(parts.c.delivery_id == delivery_id, parts.c.kind == PartKind.UPLOAD)
        .values(state=PartState.PENDING, result=null())
    )
