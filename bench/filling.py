"""Rows as people's work leaves them, put into a database in bulk."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, String, Table, cast, delete, func, insert, literal, select, text

from bot.clock import SAFETY_TICK
from bot.playground.seed import ANA, APPROVALS, TEAM
from bot.posts import content_hash
from storage import accounts
from storage.database import Database
from storage.records import (
    Account,
    Card,
    Content,
    Delivery,
    DeliveryState,
    Notice,
    NoticeState,
    Post,
    PostState,
    Revision,
    When,
)
from storage.rows import new_id, values
from storage.tables import approvals, deliveries, notices, parts, posts, revisions

AT_ONCE = 5_000
IN_ORDER = (posts, revisions, deliveries, notices)
IDS = frozenset({"id", "post_id", "revision_id", "subject_id"})  # what differs between copies


@dataclass(frozen=True, slots=True)
class Made:
    """A post with everything that belongs to it."""

    post: Post
    revision: Revision
    delivery: Delivery
    card: Notice

    def rows(self) -> Sequence[tuple[Table, Any]]:
        records = (self.post, self.revision, self.delivery, self.card)
        return list(zip(IN_ORDER, records, strict=True))


async def schedule(
    database: Database,
    count: int,
    due_at: datetime,
    *,
    apart: timedelta = timedelta(0),
    said: str = "Post",
) -> None:
    """Approved posts, each with its card in the approvals channel.

    :param due_at: of the first.
    :param apart: the time between two of them.
    """
    async with database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, TEAM.id)
        for start in range(0, count, AT_ONCE):
            made = [
                _post(account, f"{said} {number}", due_at + apart * number)
                for number in range(start, min(start + AT_ONCE, count))
            ]
            for table, records in _by_table(made):
                await tx.connection.execute(insert(table), [values(one) for one in records])


async def schedule_soon(database: Database, count: int) -> float:
    """Posts for running bots, all due in the same second: when that is (a Unix time)."""
    found_s = SAFETY_TICK.total_seconds() + 0.5  # bots look again for what others scheduled
    due = float(int(time.time() + 2 + found_s + count / 2_000))
    await schedule(database, count, datetime.fromtimestamp(due, UTC))
    if time.time() > due - found_s:
        raise RuntimeError("Filling the database took longer than was planned for it.")
    return due


async def submit(database: Database, count: int, due_at: datetime) -> Sequence[Made]:
    """Posts that wait for approval, each with its card in the approvals channel."""
    async with database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, TEAM.id)
        made = [_post(account, f"Waiting {number}", due_at) for number in range(count)]
        waiting = [
            replace(one, post=replace(one.post, state=PostState.IN_REVIEW, version=1))
            for one in made
        ]
        for table, records in _by_table(waiting):
            if table is not deliveries:  # those come with the decision
                await tx.connection.execute(insert(table), [values(one) for one in records])
    return waiting


def _by_table(made: Sequence[Made]) -> Iterator[tuple[Table, list[Any]]]:
    for rows in zip(*(one.rows() for one in made), strict=True):
        yield rows[0][0], [record for _, record in rows]


def _post(account: Account, said: str, due_at: datetime) -> Made:
    now = datetime.now(UTC)
    post_id, revision_id = new_id(), new_id()
    content = Content({account.id: said}, None, ())
    post = Post(
        id=post_id,
        workspace_id=account.workspace_id,
        author_id=ANA,
        state=PostState.SCHEDULED,
        revision_id=revision_id,
        when=When.AT,
        due_at=due_at,
        mention_id=None,
        version=2,
        created_at=now,
        updated_at=now,
    )
    revision = Revision(
        id=revision_id,
        workspace_id=account.workspace_id,
        post_id=post_id,
        number=1,
        hash=content_hash(content),
        content=content,
        base_text=said,
        editor_id=ANA,
        created_at=now,
    )
    delivery = Delivery(
        id=new_id(),
        workspace_id=account.workspace_id,
        post_id=post_id,
        revision_id=revision_id,
        account_id=account.id,
        state=DeliveryState.PENDING,
        due_at=due_at,
        next_attempt_at=due_at,
        network=account.network,
    )
    card = Notice(
        id=new_id(),
        workspace_id=account.workspace_id,
        card=Card.APPROVAL,
        subject_id=post_id,
        destination=APPROVALS,
        channel=APPROVALS,
        ts=f"{now.timestamp():.6f}",
        version=1,
        sent_version=1,
        state=NoticeState.SENT,
        attempt=0,
        next_attempt_at=now - timedelta(minutes=1),
        problem=None,
    )
    return Made(post, revision, delivery, card)


# Its copies keep the rules that the first ones kept; the server needn't look each up.
_QUICKLY = {
    True: "PRAGMA cache_size = -500000",
    False: "SET LOCAL session_replication_role = replica",
}


async def multiply(database: Database, times: int) -> None:
    """Copy what `schedule` made until there are so many of each; what is there stays.

    A copy's ids are those it was made from and its number.
    """
    async with database.transaction() as tx:
        await tx.connection.execute(text(_QUICKLY[database.is_sqlite]))
        query = select(func.count()).select_from(posts)
        made = (await tx.connection.execute(query)).scalar_one()
        copied = posts.c.id.contains("-")
        first = (await tx.connection.execute(query.where(~copied))).scalar_one()
        numbers = select(literal(made // first, Integer).label("n")).cte("numbers", recursive=True)
        numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < times - 1))
        for table in IN_ORDER:
            columns = [
                column + "-" + cast(numbers.c.n, String) if column.name in IDS else column
                for column in table.columns
            ]
            copies = select(*columns).select_from(table).join(numbers, literal(True))
            await tx.connection.execute(
                insert(table).from_select(
                    [column.name for column in table.columns],
                    copies.where(~table.c.id.contains("-")),
                )
            )
    if not database.is_sqlite:
        async with database.transaction() as tx:
            await tx.connection.execute(text("ANALYZE"))  # as autovacuum would, a minute later


async def drop(database: Database, said: str) -> None:
    """Take out what `schedule` made with these words."""
    async with database.transaction() as tx:
        gone = select(revisions.c.post_id).where(revisions.c.base_text.startswith(f"{said} "))
        ids = [row.post_id for row in await tx.connection.execute(gone)]
        for table in reversed(IN_ORDER):
            column = {posts: posts.c.id, notices: notices.c.subject_id}.get(table)
            if column is None:
                column = table.c.post_id
            await tx.connection.execute(delete(table).where(column.in_(ids)))


async def clear(database: Database) -> None:
    """Take out everything about posts but the record, which nobody can."""
    async with database.transaction() as tx:
        for table in (parts, notices, deliveries, approvals, revisions, posts):
            await tx.connection.execute(delete(table))
