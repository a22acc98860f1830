"""When a post gets a card of its own in the approvals channel.

Nobody wants a card per post: what is far away is decided from a list (`bot/reviews.py`), and comes
up as a card only when it is due soon and still undecided. Once there is one, it is the one record.
"""

from datetime import datetime, timedelta

from bot import policies
from storage import notices
from storage.records import Card, Post, Revision, Workspace
from storage.rows import Transaction

NEAR = timedelta(hours=4)
A_MOMENT_S = 60
PARTS = (Card.APPROVAL, Card.APPROVAL_REST, Card.APPROVAL_REST_2)


def is_near(post: Post, now: datetime) -> bool:
    """Whether it is due soon, or as soon as it is approved."""
    return post.due_at is None or post.due_at - now <= NEAR


async def owe_card(
    tx: Transaction, workspace: Workspace, post: Post, revision: Revision, now: datetime
) -> bool:
    """Owe the card if the post has one, is due soon, or a policy asks for it; whether it is owed.

    Without a channel for them there are no cards.
    """
    channel = workspace.approvals_channel
    if channel is None:
        return False
    if (
        not is_near(post, now)
        and await notices.of_card(tx, workspace.id, Card.APPROVAL, post.id) is None
        and not await _is_asked_for(tx, workspace, post, revision)
    ):
        return False
    for card in PARTS:
        await notices.owe(tx, workspace.id, card, post.id, channel, now)
    return True


async def tell_author(tx: Transaction, post: Post, now: datetime) -> None:
    """Owe the author a message about what somebody else did with their post: a new one, since
    nobody notices that an earlier one was edited."""
    about = post.workspace_id, Card.TROUBLE, post.id
    await notices.start_anew(tx, *about, Card.TROUBLE_BEFORE, now)
    await notices.owe(tx, *about, post.author_id, now)


async def leave_old_trouble(tx: Transaction, post: Post, now: datetime) -> None:
    """What the author is told next is a new message, unless one was posted a moment ago: what ends
    badly together is told in one."""
    about = post.workspace_id, Card.TROUBLE, post.id
    stands = await notices.of_card(tx, *about)
    if stands is not None and stands.ts and now.timestamp() - float(stands.ts) > A_MOMENT_S:
        await notices.start_anew(tx, *about, Card.TROUBLE_BEFORE, now)


async def _is_asked_for(
    tx: Transaction, workspace: Workspace, post: Post, revision: Revision
) -> bool:
    """Whether a policy asks for a card for each post."""
    deciders = await policies.load(tx, workspace)
    return deciders.needed(post.campaign_id, revision.content.account_ids).own_card
