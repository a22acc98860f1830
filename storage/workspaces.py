"""Workspaces and their members."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.chain import NOTHING_BEFORE
from storage.records import Member, Mode, RecordHead, Role, Workspace
from storage.rows import Transaction, add, many, one, values
from storage.tables import members, record_heads, workspaces

DEFAULT_LATENESS_LIMIT_S = 30 * 60


async def get(tx: Transaction, workspace_id: str) -> Workspace | None:
    return await one(tx, Workspace, select(workspaces).where(workspaces.c.id == workspace_id))


async def every(tx: Transaction) -> Sequence[Workspace]:
    """All workspaces of this installation, in the order of their ids."""
    return await many(tx, Workspace, select(workspaces).order_by(workspaces.c.id))


async def ensure(
    tx: Transaction,
    workspace_id: str,
    name: str,
    now: datetime,
    *,
    enterprise_id: str | None = None,
) -> Workspace:
    """The workspace, made with nothing set up and nothing on its record if it is new.

    :param enterprise_id: its organisation's (Enterprise Grid).
    """
    known = await get(tx, workspace_id)
    if known is not None:
        if enterprise_id not in (None, known.enterprise_id):
            known = replace(known, enterprise_id=enterprise_id)
            await tx.connection.execute(
                update(workspaces)
                .where(workspaces.c.id == workspace_id)
                .values(enterprise_id=enterprise_id)
            )
        return known
    made = Workspace(
        id=workspace_id,
        name=name,
        mode=Mode.TEAM,
        zone="UTC",
        approvals_channel=None,
        alerts_channel=None,
        routes={},
        brand_words=(),
        lateness_limit_s=DEFAULT_LATENESS_LIMIT_S,
        set_up_at=None,
        created_at=now,
        enterprise_id=enterprise_id,
    )
    try:
        async with tx.connection.begin_nested():
            await add(tx, workspaces, made)
            await add(tx, record_heads, RecordHead(workspace_id, 0, NOTHING_BEFORE))
    except IntegrityError:  # another process, started at the same moment, was first
        return await get(tx, workspace_id) or made
    return made


async def save(tx: Transaction, workspace: Workspace) -> None:
    """Keep all of a workspace's settings."""
    await tx.connection.execute(
        update(workspaces).where(workspaces.c.id == workspace.id).values(values(workspace))
    )


async def member(tx: Transaction, workspace_id: str, user_id: str) -> Member | None:
    return await one(
        tx,
        Member,
        select(members).where(members.c.workspace_id == workspace_id, members.c.user_id == user_id),
    )


async def team(tx: Transaction, workspace_id: str) -> Sequence[Member]:
    """Everybody known in the workspace, by name."""
    query = select(members).where(members.c.workspace_id == workspace_id)
    return await many(tx, Member, query.order_by(members.c.name, members.c.user_id))


async def with_role(tx: Transaction, workspace_id: str, role: Role) -> Sequence[Member]:
    """The members that hold a role."""
    return [person for person in await team(tx, workspace_id) if role in person.roles]


async def save_member(tx: Transaction, person: Member) -> None:
    """Keep a member, new or known."""
    changed = await tx.connection.execute(
        update(members)
        .where(members.c.workspace_id == person.workspace_id, members.c.user_id == person.user_id)
        .values(values(person))
    )
    if not changed.rowcount:
        await tx.connection.execute(insert(members).values(values(person)))


async def set_review_minute(
    tx: Transaction, workspace_id: str, user_id: str, minute: int | None
) -> None:
    """When a member's list of posts to approve comes; see `Member`."""
    await tx.connection.execute(
        update(members)
        .where(members.c.workspace_id == workspace_id, members.c.user_id == user_id)
        .values(review_minute=minute)
    )


async def lock(tx: Transaction, workspace_id: str) -> Workspace | None:
    """The workspace, locked until the transaction ends (SQLite's writers are alone anyway).

    Whoever changes the team or the set-up locks it first, so that "the last admin" stays true.
    """
    # Rows that refer to it may be inserted meanwhile: those who do that may hold what we need next.
    query = select(workspaces).where(workspaces.c.id == workspace_id)
    return await one(tx, Workspace, query.with_for_update(key_share=True))
