"""Whom a post in review waits for. Lists, cards, reminders and Home all ask here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.team import Action, decides_own, may
from storage import notices, posts, workspaces
from storage.records import Post, PostState, Revision, Role, Workspace
from storage.rows import Transaction


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
    """By the post's id. Approvers are asked, admins are the backup; nobody is asked about what they
    wrote or changed last themselves."""
    if decides_own(workspace):
        return {post.id: Deciders() for post, _ in found}
    team = [one for one in await workspaces.team(tx, workspace.id) if may(one, Action.DECIDE)]
    deciders = {}
    for post, revision in found:
        others = [one for one in team if one.user_id not in (post.author_id, revision.editor_id)]
        asked = [one for one in others if Role.APPROVER in one.roles] or others
        deciders[post.id] = Deciders(
            tuple(one.user_id for one in asked),
            tuple(one.user_id for one in others if one not in asked),
        )
    return deciders


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
    found = await posts.waiting(tx, workspace.id, besides=None)
    return [one for one in await with_deciders(tx, workspace, found) if user_id in one.deciders]


async def lists_changed(
    tx: Transaction, workspace: Workspace, post: Post, revision: Revision, now: datetime
) -> None:
    """A post was submitted, moved or decided: the lists of those it waits (or waited) for, and its
    author's inbox, show something else."""
    deciders = (await who_decides(tx, workspace, [(post, revision)]))[post.id]
    concerned = {*deciders.everybody, post.author_id}
    await notices.refresh_lists(tx, workspace.id, concerned, now)


def is_past(post: Post, now: datetime) -> bool:
    """Whether its time passed while it waited: it can't be approved before it has a new one."""
    return post.state is PostState.IN_REVIEW and post.due_at is not None and post.due_at <= now
