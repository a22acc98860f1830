"""Rows as people's work leaves them, put into a database in bulk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, delete, insert

from bot.playground.seed import ANA, APPROVALS, BEN, TEAM
from bot.posts import content_hash
from storage import accounts
from storage.database import Database
from storage.records import (
    Account,
    Approval,
    Card,
    Content,
    Delivery,
    DeliveryState,
    Notice,
    NoticeState,
    Post,
    PostState,
    Revision,
    Verdict,
    When,
)
from storage.rows import new_id, values
from storage.tables import approvals, deliveries, history, notices, parts, posts, revisions

AT_ONCE = 5_000
IN_ORDER = (posts, revisions, approvals, deliveries, notices)


@dataclass(frozen=True, slots=True)
class Made:
    """A post with everything that belongs to it."""

    post: Post
    revision: Revision
    approval: Approval
    delivery: Delivery
    card: Notice

    def rows(self) -> Sequence[tuple[Table, Any]]:
        records = (self.post, self.revision, self.approval, self.delivery, self.card)
        return list(zip(IN_ORDER, records, strict=True))


async def schedule(database: Database, count: int, due_at: datetime, *, said: str = "Post") -> None:
    """Approved posts that are all due at one time, each with its card in the approvals channel."""
    async with database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, TEAM.id)
        for start in range(0, count, AT_ONCE):
            made = [
                _post(account, f"{said} {number}", due_at)
                for number in range(start, min(start + AT_ONCE, count))
            ]
            for table, records in _by_table(made):
                await tx.connection.execute(insert(table), [values(one) for one in records])


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
    approval = Approval(
        id=new_id(),
        workspace_id=account.workspace_id,
        post_id=post_id,
        revision_id=revision_id,
        user_id=BEN,
        verdict=Verdict.APPROVED,
        comment="",
        due_at=due_at,
        decided_at=now,
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
        attempt=0,
        owner=None,
        lease_until=None,
        problem=None,
        remote_id=None,
        url=None,
        published_at=None,
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
    return Made(post, revision, approval, delivery, card)


async def clear(database: Database) -> None:
    """Take out everything about posts."""
    async with database.transaction() as tx:
        for table in (parts, notices, history, deliveries, approvals, revisions, posts):
            await tx.connection.execute(delete(table))
