"""What people write in the thread of a post's card belongs to the post and its record."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.clock import Clock
from bot.team import Person
from storage import approvals, comments, history, notices, posts, workspaces
from storage.database import Database
from storage.records import Approval, Comment, Notice, PostState
from storage.rows import Transaction, new_id

COMMENTED = "commented"
REWROTE = "changed a comment"
DELETED = "comment deleted"  # by whom, Slack doesn't say
NEWEST = 3

# A card can be answered before Slack's answer to posting it has been kept.
TRIES = 20
BETWEEN_TRIES_S = 0.5


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """A message of a thread as it is now: ``text`` is empty if it was deleted, ``at`` when it was
    written, changed or deleted last (UTC)."""

    channel: str
    thread_ts: str
    ts: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Discussion:
    """What was said about a post: how many comments, and the newest, oldest first."""

    total: int = 0
    newest: Sequence[Comment] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What an author has to read before they change a post. ``asked`` is the decision that sent it
    back, if it is still to be dealt with."""

    asked: Approval | None
    discussion: Discussion
    names: Mapping[str, str]  # of the team, by Slack id


class Comments:
    """Use cases of the discussion."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._notices = clock.alarm("notices")

    async def follow(self, person: Person, message: ThreadMessage) -> None:
        """Keep what was written, changed or deleted in a thread, if it is that of a post's card.

        Anybody who can write there is kept, with or without a role: it gives them no power. What
        comes twice, or late, changes nothing.

        :param person: who wrote the message, in the workspace that Slack told of it.
        """
        for _ in range(TRIES):
            if await self._follow(person, message):
                return
            await asyncio.sleep(BETWEEN_TRIES_S)

    async def _follow(self, person: Person, message: ThreadMessage) -> bool:
        """Whether that is settled; else a card is being posted there, which may be the thread's."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            card = await self._card(tx, person.workspace_id, message)
            if card is None:
                return not await notices.is_posting(tx, person.workspace_id, message.channel)
            done = await self._keep(tx, person, card.subject_id, message)
            if done is None:
                return True
            history.acts(tx, person.user_id, person.origin)
            actor = None if done == DELETED else person.user_id
            place = person.workspace_id, card.subject_id
            await history.note(tx, *place, actor, done, now, message.text)
            await notices.owe(
                tx, person.workspace_id, card.card, card.subject_id, card.destination, now
            )
        self._notices.ring()
        return True

    async def _card(
        self, tx: Transaction, workspace_id: str, message: ThreadMessage
    ) -> Notice | None:
        """The post's card that the thread belongs to."""
        place = message.channel, message.thread_ts
        for notice in await notices.by_message(tx, workspace_id, *place):
            if await posts.get(tx, workspace_id, notice.subject_id) is not None:
                return notice
        return None

    async def _keep(
        self, tx: Transaction, person: Person, post_id: str, message: ThreadMessage
    ) -> str | None:
        """What was done, in the record's words; None if that was known."""
        comment = Comment(
            id=new_id(),
            workspace_id=person.workspace_id,
            post_id=post_id,
            user_id=person.user_id,
            text=message.text,
            channel=message.channel,
            ts=message.ts,
            at=message.at,
        )
        if await comments.insert(tx, comment):
            return COMMENTED if message.text else None
        place = person.workspace_id, message.channel, message.ts
        if await comments.rewrite(tx, *place, message.text, message.at):
            return REWROTE if message.text else DELETED
        return None

    async def said(self, person: Person, post_id: str) -> Said:
        """What was asked for and said about a post, for who changes it."""
        async with self._database.reading() as tx:
            post = await posts.get(tx, person.workspace_id, post_id)
            if post is None:
                return Said(None, Discussion(), {})
            asked = None
            if post.state in (PostState.CHANGES_REQUESTED, PostState.REJECTED):
                asked = next(reversed(await approvals.of_post(tx, post_id)), None)
            team = await workspaces.team(tx, person.workspace_id)
            names = {member.user_id: member.name for member in team}
            return Said(asked, await discussion(tx, post_id), names)


async def discussion(tx: Transaction, post_id: str) -> Discussion:
    """How many comments a post has, and the newest."""
    total = await comments.count(tx, post_id)
    return Discussion(total, await comments.newest(tx, post_id, NEWEST) if total else ())
