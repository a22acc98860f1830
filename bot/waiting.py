"""Whom a post in review waits for. Lists, cards, reminders and Home all ask here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot import policies
from bot.policies import Round
from storage import notices, posts
from storage.records import Post, PostState, Revision, Role, Workspace
from storage.rows import Transaction

MOST_WEIGHED = 500  # posts in review; of more, those that are due first


@dataclass(frozen=True, slots=True)
class Deciders:
    """Who may decide on a post now and hasn't, by Slack id: those who are asked, and those who are
    reminded when they don't answer in time and may decide as well."""

    asked: tuple[str, ...] = ()
    backups: tuple[str, ...] = ()

    def __contains__(self, user_id: str) -> bool:
        return user_id in self.asked or user_id in self.backups

    @property
    def everybody(self) -> tuple[str, ...]:
        return (*self.asked, *self.backups)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A post in review, and whom it waits for."""

    post: Post
    revision: Revision
    deciders: Deciders


async def who_decides(
    tx: Transaction, workspace: Workspace, found: Sequence[tuple[Post, Revision]]
) -> Mapping[str, Deciders]:
    """By the post's id, as its round stands now (`bot.policies`)."""
    rounds = await policies.rounds(tx, workspace, found)
    return {post_id: _deciders(one) for post_id, one in rounds.items()}


def _deciders(standing: Round) -> Deciders:
    """Of the step whose turn it is, its people are asked; where that is anybody who may approve,
    approvers are, and admins are the backup. Clients see what they are shown a card of."""
    campaign_id, current = standing.post.campaign_id, standing.current
    roles = {id_: standing.deciders.roles(id_, campaign_id) for id_ in sorted(standing.turn())}
    here = [id_ for id_, has in roles.items() if not has.is_client]
    backup = current.step.backup if current is not None else None
    others = [id_ for id_ in here if id_ != backup]
    asked = others
    if current is None or current.step.is_open:
        approvers = [id_ for id_ in others if Role.APPROVER in roles[id_].within(campaign_id)]
        asked = approvers or others
    return Deciders(tuple(asked), tuple(id_ for id_ in here if id_ not in asked))


async def with_deciders(
    tx: Transaction, workspace: Workspace, found: Sequence[Post]
) -> Sequence[Waiting]:
    """Posts in review with whom they wait for."""
    revisions = await posts.revisions_by_ids(tx, {post.revision_id for post in found})
    pairs = [(post, revisions[post.revision_id]) for post in found]
    deciders = await who_decides(tx, workspace, pairs)
    return [Waiting(post, revision, deciders[post.id]) for post, revision in pairs]


async def waiting_for(tx: Transaction, workspace: Workspace, user_id: str) -> Sequence[Waiting]:
    """What waits for this person, soonest due first (without a time first)."""
    found = await posts.waiting(tx, workspace.id, MOST_WEIGHED)
    return [one for one in await with_deciders(tx, workspace, found) if user_id in one.deciders]


async def lists_changed(
    tx: Transaction, workspace: Workspace, post: Post, revision: Revision, now: datetime
) -> None:
    """A post was submitted, moved or decided: the lists of those it waits (or waited) for, and its
    author's inbox, show something else."""
    deciders = (await who_decides(tx, workspace, [(post, revision)]))[post.id]
    concerned = {*deciders.everybody, post.author_id}
    notices.refresh_lists(tx, workspace.id, concerned, now)


def is_past(post: Post, now: datetime) -> bool:
    """Whether its time passed while it waited: it can't be approved before it has a new one."""
    return post.state is PostState.IN_REVIEW and post.due_at is not None and post.due_at <= now
