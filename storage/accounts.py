"""Connected accounts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from storage.records import Account, AccountState, Slot
from storage.rows import Transaction, add, changed, many, one, values
from storage.tables import accounts, posts, revisions


async def insert(tx: Transaction, account: Account) -> None:
    await add(tx, accounts, account)


async def get(tx: Transaction, workspace_id: str, account_id: str) -> Account | None:
    return await one(
        tx,
        Account,
        select(accounts).where(
            accounts.c.workspace_id == workspace_id, accounts.c.id == account_id
        ),
    )


async def find(
    tx: Transaction, workspace_id: str, network: str, server: str, remote_id: str
) -> Account | None:
    """The account if this profile was connected before."""
    return await one(
        tx,
        Account,
        select(accounts).where(
            accounts.c.workspace_id == workspace_id,
            accounts.c.network == network,
            accounts.c.server == server,
            accounts.c.remote_id == remote_id,
        ),
    )


async def of_workspace(
    tx: Transaction, workspace_id: str, *, connected_only: bool = True
) -> Sequence[Account]:
    """The workspace's accounts, oldest first; disconnected ones only if asked for."""
    query = select(accounts).where(accounts.c.workspace_id == workspace_id)
    if connected_only:
        query = query.where(accounts.c.state != AccountState.DISCONNECTED)
    return await many(tx, Account, query.order_by(accounts.c.created_at, accounts.c.id))


async def due_for_polling(tx: Transaction, before: datetime) -> Sequence[Account]:
    """Active accounts whose mentions were last read before a time."""
    return await many(
        tx,
        Account,
        select(accounts)
        .where(
            accounts.c.state == AccountState.ACTIVE,
            (accounts.c.polled_at.is_(None)) | (accounts.c.polled_at < before),
        )
        .order_by(accounts.c.polled_at, accounts.c.id),
    )


async def save(tx: Transaction, account: Account) -> None:
    """Keep everything of an account (connecting again)."""
    await tx.connection.execute(
        update(accounts).where(accounts.c.id == account.id).values(values(account))
    )


async def save_credentials(tx: Transaction, account_id: str, credentials: bytes) -> None:
    await tx.connection.execute(
        update(accounts).where(accounts.c.id == account_id).values(credentials=credentials)
    )


async def set_state(
    tx: Transaction, account_id: str, state: AccountState, problem: str | None
) -> bool:
    """Change an account's state; False if it was that already."""
    return await changed(
        tx,
        update(accounts)
        .where(accounts.c.id == account_id, accounts.c.state != state)
        .values(state=state, problem=problem),
    )


async def set_slots(tx: Transaction, account_id: str, slots: tuple[Slot, ...] | None) -> None:
    await tx.connection.execute(
        update(accounts).where(accounts.c.id == account_id).values(slots=slots)
    )


async def set_polled(
    tx: Transaction, account_id: str, cursor: str | None, at: datetime, problem: str | None
) -> None:
    """Note how far the account's mentions were read, and what went wrong if anything."""
    await tx.connection.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(cursor=cursor, polled_at=at, problem=problem)
    )


async def by_ids(tx: Transaction, workspace_id: str, ids: Sequence[str]) -> Mapping[str, Account]:
    found = await many(
        tx,
        Account,
        select(accounts).where(accounts.c.workspace_id == workspace_id, accounts.c.id.in_(ids)),
    )
    return {account.id: account for account in found}


async def last_used_by(tx: Transaction, workspace_id: str, author_id: str) -> frozenset[str]:
    """The accounts of the author's newest post."""
    newest = (
        select(revisions.c.content)
        .join(posts, posts.c.revision_id == revisions.c.id)
        .where(
            posts.c.workspace_id == workspace_id,
            posts.c.author_id == author_id,
            posts.c.mention_id.is_(None),
        )
        .order_by(posts.c.created_at.desc())
        .limit(1)
    )
    content = (await tx.connection.execute(newest)).scalar()
    return frozenset() if content is None else frozenset(content.account_ids)


async def count(tx: Transaction, workspace_id: str) -> int:
    """How many accounts are connected."""
    query = select(func.count()).where(
        accounts.c.workspace_id == workspace_id, accounts.c.state != AccountState.DISCONNECTED
    )
    return (await tx.connection.execute(query)).scalar_one()
