"""The record: who did what, to which revision, from where, when. Nothing of it is ever changed.

Entries are collected in their transaction and chained (``storage/chain.py``) right before it is
committed: the head of a workspace's chain is the last thing a transaction locks and is held until
the commit alone, so writers wait for each other shortly and never in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, bindparam, func, insert, select, update

from storage.chain import NOTHING_BEFORE, Links
from storage.records import HistoryEntry, RecordHead
from storage.rows import Transaction, insert_into, many, one, ordered_id, values
from storage.tables import history, posts, record_heads, workspaces

AT_ONCE = 1_000  # entries read or written by one statement


def acts(tx: Transaction, user_id: str, origin: str) -> None:
    """A person acts in this transaction: what is noted of them came from there."""
    tx.origins[user_id] = origin


async def note(
    tx: Transaction,
    workspace_id: str,
    subject_id: str,
    actor_id: str | None,
    action: str,
    at: datetime,
    detail: str = "",
    *,
    revision_id: str | None = None,
) -> None:
    """Add an entry. ``actor_id`` None is the machine.

    :param revision_id: of a post; None: the one it has when the transaction ends.
    """
    origin = "" if actor_id is None else tx.origins.get(actor_id, "")
    tx.noted.append(
        HistoryEntry(
            ordered_id(),
            workspace_id,
            subject_id,
            actor_id,
            action,
            detail,
            at,
            revision_id,
            origin,
        )
    )


async def note_all(
    tx: Transaction, subjects: Sequence[tuple[str, str, str, str]], action: str, at: datetime
) -> None:
    """Add what the machine did to several posts: each one's workspace, id, revision and detail."""
    for workspace_id, subject_id, revision_id, detail in subjects:
        await note(tx, workspace_id, subject_id, None, action, at, detail, revision_id=revision_id)


async def chain(tx: Transaction) -> None:
    """Write what was noted, as the last step before a commit."""
    if not tx.noted:
        return
    noted = sorted(await _with_revisions(tx, tx.noted), key=lambda entry: entry.workspace_id)
    by_workspace = {key: list(entries) for key, entries in groupby(noted, _workspace_of)}
    heads = await _locked_heads(tx, sorted(by_workspace))
    written = []
    for workspace_id, entries in by_workspace.items():
        links = Links(heads[workspace_id].seq, heads[workspace_id].hash)
        written += [values(links.add(entry)) for entry in entries]
        await _move_head(tx, workspace_id, links)
    for first in range(0, len(written), AT_ONCE):
        await tx.connection.execute(insert(history), written[first : first + AT_ONCE])
    tx.noted.clear()


def _workspace_of(entry: HistoryEntry) -> str:
    return entry.workspace_id


async def _with_revisions(
    tx: Transaction, entries: Sequence[HistoryEntry]
) -> Sequence[HistoryEntry]:
    """What was noted about posts names the revision."""
    unknown = {entry.subject_id for entry in entries if entry.revision_id is None}
    if not unknown:
        return entries
    found = await tx.connection.execute(
        select(posts.c.id, posts.c.revision_id).where(posts.c.id.in_(unknown))
    )
    of_post = {row.id: row.revision_id for row in found}
    return [
        replace(entry, revision_id=entry.revision_id or of_post.get(entry.subject_id))
        for entry in entries
    ]


_HEADS = (  # made once, as nearly every transaction needs them
    select(record_heads)
    .where(record_heads.c.workspace_id.in_(bindparam("ids", expanding=True)))
    .order_by(record_heads.c.workspace_id)
    .with_for_update()
)
_MOVE_HEAD = (
    update(record_heads)
    .where(record_heads.c.workspace_id == bindparam("whose"))
    .values(seq=bindparam("last"), hash=bindparam("ends"))
)


async def _locked_heads(tx: Transaction, workspace_ids: Sequence[str]) -> dict[str, RecordHead]:
    """The chains' ends, locked in the order of their workspaces."""
    wanted = {"ids": list(workspace_ids)}
    heads = await many(tx, RecordHead, _HEADS, wanted)
    missing = set(workspace_ids) - {head.workspace_id for head in heads}
    if missing:  # a process of an earlier release made the workspace
        new = [values(RecordHead(each, 0, NOTHING_BEFORE)) for each in sorted(missing)]
        inserting = insert_into(tx, record_heads).values(new).on_conflict_do_nothing()
        await tx.connection.execute(inserting)
        heads = await many(tx, RecordHead, _HEADS, wanted)
    return {head.workspace_id: head for head in heads}


async def length(tx: Transaction, workspace_id: str) -> int:
    """How many entries a workspace's record has."""
    query = select(record_heads.c.seq).where(record_heads.c.workspace_id == workspace_id)
    return int((await tx.connection.execute(query)).scalar() or 0)


async def of_subject(tx: Transaction, subject_id: str) -> Sequence[HistoryEntry]:
    """What happened to a post or a mention, oldest first."""
    query = select(history).where(history.c.subject_id == subject_id)
    written = await many(tx, HistoryEntry, query.order_by(history.c.at, history.c.id))
    return [*written, *(entry for entry in tx.noted if entry.subject_id == subject_id)]


async def newest(
    tx: Transaction,
    workspace_id: str,
    limit: int,
    *,
    before: int | None = None,
    subject_id: str | None = None,
    actor_id: str | None = None,
) -> Sequence[HistoryEntry]:
    """A workspace's entries, newest first.

    :param before: only those with a lower ``seq``.
    :param subject_id: only those about it.
    :param actor_id: only what this person did.
    """
    query = select(history).where(history.c.workspace_id == workspace_id)
    if before is not None:
        query = query.where(history.c.seq < before)
    if subject_id is not None:
        query = query.where(history.c.subject_id == subject_id)
    if actor_id is not None:
        query = query.where(history.c.actor_id == actor_id)
    query = query.where(history.c.seq.is_not(None)).order_by(history.c.seq.desc())
    return await many(tx, HistoryEntry, query.limit(limit))


async def part(
    tx: Transaction,
    workspace_id: str,
    after: int,
    until: int,
    *,
    since_at: datetime | None = None,
    until_at: datetime | None = None,
) -> Sequence[HistoryEntry]:
    """At most `AT_ONCE` entries in the chain's order, behind one ``seq`` and up to another.

    :param since_at: none older than this (UTC). :param until_at: all older than this.
    """
    seq = history.c.seq
    wanted: list[ColumnElement[bool]] = [
        history.c.workspace_id == workspace_id,
        seq > after,
        seq <= until,
    ]
    if since_at is not None:
        wanted.append(history.c.at >= since_at)
    if until_at is not None:
        wanted.append(history.c.at < until_at)
    return await many(tx, HistoryEntry, select(history).where(*wanted).order_by(seq).limit(AT_ONCE))


@dataclass(frozen=True, slots=True)
class End:
    """Where a chain ends: as its head says, the highest ``seq`` there is, and how many entries
    stand outside the chain."""

    seq: int
    hash: str
    highest: int
    outside: int


async def end(tx: Transaction, workspace_id: str) -> End:
    """Where a workspace's chain ends, seen in one moment."""
    mine = history.c.workspace_id == workspace_id
    head = record_heads.c.workspace_id == workspace_id
    query = select(
        func.coalesce(select(record_heads.c.seq).where(head).scalar_subquery(), 0).label("seq"),
        func.coalesce(
            select(record_heads.c.hash).where(head).scalar_subquery(), NOTHING_BEFORE
        ).label("hash"),
        func.coalesce(select(func.max(history.c.seq)).where(mine).scalar_subquery(), 0).label(
            "highest"
        ),
        select(func.count())
        .select_from(history)
        .where(mine, history.c.seq.is_(None))
        .scalar_subquery()
        .label("outside"),
    )
    found = await one(tx, End, query)
    assert found is not None  # it has no condition
    return found


async def take_in(tx: Transaction, workspace_id: str) -> int:
    """Chain what a process of an earlier release wrote while this one's ran already; how many at
    most `AT_ONCE` entries."""
    outside = select(history).where(history.c.workspace_id == workspace_id, history.c.seq.is_(None))
    if await one(tx, HistoryEntry, outside.limit(1)) is None:
        return 0
    head = (await _locked_heads(tx, [workspace_id]))[workspace_id]
    links = Links(head.seq, head.hash)
    query = outside.order_by(history.c.at, history.c.id).limit(AT_ONCE)
    entries = [links.add(entry) for entry in await many(tx, HistoryEntry, query)]
    for entry in entries:
        await tx.connection.execute(
            update(history).where(history.c.id == entry.id).values(seq=entry.seq, hash=entry.hash)
        )
    await _move_head(tx, workspace_id, links)
    return len(entries)


async def _move_head(tx: Transaction, workspace_id: str, links: Links) -> None:
    head = {"whose": workspace_id, "last": links.seq, "ends": links.hash}
    await tx.connection.execute(_MOVE_HEAD, head)


async def kept_for(tx: Transaction) -> Sequence[str]:
    """The workspaces' ids, in order."""
    found = await tx.connection.execute(select(workspaces.c.id).order_by(workspaces.c.id))
    return list(found.scalars())
