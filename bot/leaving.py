"""Somebody whom Slack deactivated: what they had and did is let go of, at once.

Their roles and grants are gone; the mentions they had claimed are everybody's again; what they
approved and isn't through yet is shown anew; an admin looks after the accounts they had connected.
Their drafts are kept, for nobody but them. What is scheduled stays approved and goes out: it was
approved by others, for itself. The admins are told once, and only if something of theirs needs
somebody.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.escalations import told_of
from bot.role_holders import admins
from storage import (
    accounts,
    campaign_grants,
    history,
    holds,
    mentions,
    notices,
    occurrences,
    posts,
    workspaces,
)
from storage.database import Database
from storage.records import Card, Member, PostState
from storage.rows import Transaction

NEEDS_SOMEBODY = (PostState.IN_REVIEW, PostState.CHANGES_REQUESTED)


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What somebody left behind, counted now. ``unfinished``: posts that their author would have
    to answer for (in review, or changes asked for)."""

    member: Member
    scheduled: int
    unfinished: int
    held: int

    @property
    def is_nothing(self) -> bool:
        return not (self.scheduled or self.unfinished or self.held)


async def left(tx: Transaction, member: Member, now: datetime) -> None:
    """They were deactivated just now; the workspace is locked, their own roles are gone already."""
    workspace_id, user_id = member.workspace_id, member.user_id
    await campaign_grants.remove(tx, workspace_id, user_id)
    await history.note(tx, workspace_id, user_id, None, "left", now)
    for mention in await mentions.release_all(tx, workspace_id, user_id):
        await history.note(tx, workspace_id, mention.id, None, "released", now, member.name)
        await notices.refresh(tx, workspace_id, mention.id, now)
        await occurrences.forget(tx, told_of(mention))  # whoever has it now is told
    told = await admins(tx, workspace_id)
    if told:  # who is asked to reconnect them from now on
        new = told[0].user_id
        for account in await accounts.hand_over(tx, workspace_id, user_id, new):
            await history.note(tx, workspace_id, account.id, None, "handed over", now, new)
    for post_id in await posts.in_review_approved_by(tx, workspace_id, user_id):
        await notices.refresh(tx, workspace_id, post_id, now)
    behind = await left_behind(tx, member)
    if not behind.is_nothing:
        for admin in told:
            await notices.owe(tx, workspace_id, Card.LEFT, user_id, admin.user_id, now)


async def left_behind(tx: Transaction, member: Member) -> LeftBehind:
    """As it is now."""
    workspace_id, user_id = member.workspace_id, member.user_id
    coming = await posts.of_author(tx, workspace_id, user_id, [PostState.SCHEDULED])
    unfinished = await posts.of_author(tx, workspace_id, user_id, NEEDS_SOMEBODY)
    hold = await holds.open_of(tx, workspace_id, user_id)
    held = [] if hold is None else await holds.post_ids(tx, workspace_id, hold_id=hold.id)
    waiting = {post.id for post in coming} - set(held)
    return LeftBehind(member, len(waiting), len(unfinished), len(held))


class Leaving:
    """Reads what is left behind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, workspace_id: str, user_id: str) -> LeftBehind | None:
        """None: nobody of that id is known."""
        async with self._database.reading() as tx:
            member = await workspaces.member(tx, workspace_id, user_id)
            return None if member is None else await left_behind(tx, member)
