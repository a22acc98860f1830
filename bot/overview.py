"""Everything a card or a form shows about one post, read in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.accounts import AccountChoice, Accounts
from bot.brake import due_under
from bot.errors import NotFound
from bot.progress import NOTHING_SENT, Progress, progress
from bot.waiting import is_past
from storage import accounts, approvals, deliveries, history, media, parts, posts, workspaces
from storage.records import (
    Approval,
    Brake,
    Delivery,
    HistoryEntry,
    Medium,
    Post,
    Revision,
    Workspace,
)
from storage.rows import Transaction


@dataclass(frozen=True, slots=True)
class PostOverview:
    """One post with all that belongs to it.

    ``decided_before`` is the newest decision on another revision, with that revision, for showing
    what changed since. ``progress`` is how far each delivery is, ``due_under`` the brake under
    which a held one came due, by the delivery's id. ``is_past``: its time passed while it
    waited for a decision.
    """

    workspace: Workspace
    post: Post
    revision: Revision
    decided_before: tuple[Approval, Revision] | None
    accounts: Mapping[str, AccountChoice]
    media: Mapping[str, Medium]
    approvals: Sequence[Approval]
    deliveries: Sequence[Delivery]
    history: Sequence[HistoryEntry]
    names: Mapping[str, str]  # of the team, by Slack id
    due_under: Mapping[str, Brake] = field(default_factory=dict)
    progress: Mapping[str, Progress] = field(default_factory=dict)
    is_past: bool = False

    def sent(self, delivery: Delivery) -> Progress:
        """How far a delivery is."""
        return self.progress.get(delivery.id, NOTHING_SENT)


async def load(
    tx: Transaction, accounts_: Accounts, workspace_id: str, post_id: str, *, now: datetime
) -> PostOverview:
    """Read a post's overview.

    :raises NotFound: it isn't there.
    """
    workspace = await workspaces.get(tx, workspace_id)
    post = await posts.get(tx, workspace_id, post_id)
    if workspace is None or post is None:
        raise NotFound("This post isn't there any more.")
    revisions = {revision.id: revision for revision in await posts.revisions_of(tx, post.id)}
    revision = revisions[post.revision_id]
    decisions = await approvals.of_post(tx, post.id)
    others = [
        (decision, revisions[decision.revision_id])
        for decision in decisions
        if decision.revision_id != revision.id
    ]
    known = await accounts.by_ids(tx, workspace_id, revision.content.account_ids)
    sent = await deliveries.of_post(tx, post.id)
    hashes = [picture.sha256 for picture in revision.content.pictures]
    return PostOverview(
        workspace=workspace,
        post=post,
        revision=revision,
        decided_before=others[-1] if others else None,
        accounts={key: accounts_.choice(account) for key, account in known.items()},
        media=await media.by_hashes(tx, workspace_id, hashes),
        approvals=decisions,
        deliveries=sent,
        history=await history.of_subject(tx, post.id),
        names={one.user_id: one.name for one in await workspaces.team(tx, workspace_id)},
        due_under=await due_under(tx, workspace_id, sent),
        progress={
            key: progress(found)
            for key, found in (await parts.of_deliveries(tx, [each.id for each in sent])).items()
        },
        is_past=is_past(post, now),
    )
