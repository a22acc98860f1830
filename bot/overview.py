"""Everything a card or a form shows about one post, read in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot import policies
from bot.accounts import AccountChoice, Accounts
from bot.brake import due_under
from bot.comments import Discussion, discussion
from bot.errors import NotFound
from bot.policies import Round
from bot.progress import NOTHING_SENT, Progress, progress
from bot.waiting import is_past
from storage import (
    accounts,
    approvals,
    campaigns,
    deliveries,
    history,
    media,
    mentions,
    parts,
    posts,
    suggestions,
    workspaces,
)
from storage.records import (
    Approval,
    Brake,
    Campaign,
    Delivery,
    HistoryEntry,
    Medium,
    Mention,
    Post,
    PostState,
    Revision,
    Suggestion,
    Workspace,
)
from storage.rows import Transaction


@dataclass(frozen=True, slots=True)
class PostOverview:
    """One post with all that belongs to it.

    ``decided_before`` is the newest decision on another revision, with that revision, for showing
    what changed since; ``accounts`` and ``media`` are both revisions'. ``progress`` is how far
    each delivery is, ``due_under`` the brake under which a held one came due, by the delivery's id.
    ``round`` says what it needs before it goes out, and what was given; ``mention`` is what a reply
    answers. ``is_past``: its time passed while it waited for a decision.
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
    round: Round
    campaign: Campaign | None = None
    mention: Mention | None = None
    due_under: Mapping[str, Brake] = field(default_factory=dict)
    progress: Mapping[str, Progress] = field(default_factory=dict)
    is_past: bool = False
    discussion: Discussion = field(default_factory=Discussion)
    suggestion: tuple[Suggestion, Revision] | None = None  # the newest, and what it was made on

    @property
    def offer(self) -> Suggestion | None:
        """The suggested text that can be used with one press."""
        if self.suggestion is None or self.post.state is not PostState.CHANGES_REQUESTED:
            return None
        suggestion, on = self.suggestion
        return suggestion if suggestion.taken_by is None and on.id == self.revision.id else None

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
    contents = [revision.content, *(earlier.content for _, earlier in others[-1:])]
    ids = [key for content in contents for key in content.texts]
    known = await accounts.by_ids(tx, workspace_id, ids)
    sent = await deliveries.of_post(tx, post.id)
    deciders = await policies.load(tx, workspace)
    newest = await suggestions.newest(tx, post.id)
    hashes = [picture.sha256 for content in contents for picture in content.pictures]
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
        names={user_id: one.name for user_id, one in deciders.members.items()},
        round=deciders.round(post, revision, decisions),
        campaign=await campaigns.get(tx, workspace_id, post.campaign_id)
        if post.campaign_id
        else None,
        mention=await mentions.get(tx, workspace_id, post.mention_id) if post.mention_id else None,
        due_under=await due_under(tx, workspace_id, sent, {post.id: post.campaign_id}),
        progress={
            key: progress(found)
            for key, found in (await parts.of_deliveries(tx, [each.id for each in sent])).items()
        },
        discussion=await discussion(tx, post.id),
        suggestion=(newest, revisions[newest.revision_id]) if newest is not None else None,
        is_past=is_past(post, now),
    )
