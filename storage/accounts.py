"""Connected accounts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

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


async def claim_for_listening(
    tx: Transaction, now: datetime, before: datetime, networks: Collection[str]
) -> Sequence[Account]:
    """Take the active accounts whose mentions were last read before a time: whoever takes them
    reads them. ``networks`` names those that can be listened to."""
    return await many(
        tx,
        Account,
        update(accounts)
        .where(
            accounts.c.state == AccountState.ACTIVE,
            accounts.c.network.in_(networks),
            accounts.c.polled_at.is_(None) | (accounts.c.polled_at <= before),
        )
        .values(polled_at=now)
        .returning(accounts),
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


async def every(tx: Transaction) -> Sequence[Account]:
    """All accounts of all workspaces, disconnected ones too."""
    return await many(tx, Account, select(accounts).order_by(accounts.c.created_at, accounts.c.id))


async def relock(tx: Transaction, seen: Account, credentials: bytes) -> bool:
    """Keep the same credentials under another key, unless they were changed meanwhile."""
    return await changed(
        tx,
        update(accounts)
        .where(accounts.c.id == seen.id, accounts.c.credentials == seen.credentials)
        .values(credentials=credentials),
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


async def hand_over(
    tx: Transaction, workspace_id: str, owner_id: str, to: str
) -> Sequence[Account]:
    """Somebody else looks after an owner's accounts from now on; gives them."""
    statement = (
        update(accounts)
        .where(accounts.c.workspace_id == workspace_id, accounts.c.owner_id == owner_id)
        .values(owner_id=to)
    )
    return await many(tx, Account, statement.returning(accounts))


async def set_slots(tx: Transaction, account_id: str, slots: tuple[Slot, ...] | None) -> None:
    await tx.connection.execute(
        update(accounts).where(accounts.c.id == account_id).values(slots=slots)
    )


async def set_heard(
    tx: Transaction,
    account_id: str,
    *,
    problem: str | None,
    cursor: str | None = None,
    not_before: datetime | None = None,
) -> None:
    """Note how far the account's mentions were read, and what went wrong if anything.

    :param not_before: counts as the time of the reading, where the network asks us to wait.
    """
    new: dict[str, Any] = {"problem": problem}
    if cursor is not None:
        new["cursor"] = cursor
    if not_before is not None:
        new["polled_at"] = not_before
    await tx.connection.execute(update(accounts).where(accounts.c.id == account_id).values(**new))


async def by_ids(tx: Transaction, workspace_id: str, ids: Sequence[str]) -> Mapping[str, Account]:
    found = await many(
        tx,
        Account,
        select(accounts).where(accounts.c.workspace_id == workspace_id, accounts.c.id.in_(ids)),
    )
    return {account.id: account for account in found}


async def any_by_ids(tx: Transaction, ids: Collection[str]) -> Mapping[str, Account]:
    """Accounts of any workspace, for what works on all of them."""
    found = await many(tx, Account, select(accounts).where(accounts.c.id.in_(ids)))
    return {account.id: account for account in found}


async def networks(tx: Transaction) -> frozenset[str]:
    """Every network that an account is or was connected on."""
    rows = await tx.connection.execute(select(accounts.c.network).distinct())
    return frozenset(row.network for row in rows)


async def limit(tx: Transaction, account_id: str, until: datetime) -> None:
    """Its network wants no posts before a time; of two answers the later time counts."""
    shorter = accounts.c.limited_until.is_(None) | (accounts.c.limited_until < until)
    await tx.connection.execute(
        update(accounts).where(accounts.c.id == account_id, shorter).values(limited_until=until)
    )


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
