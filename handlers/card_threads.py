"""The thread of a post's card, where what belongs to it is said."""

from handlers.notices import NotYet
from storage import notices
from storage.records import Card, Notice
from storage.rows import Transaction


async def thread_of(tx: Transaction, notice: Notice, post_id: str) -> str | None:
    """Where a notice about a post goes: the ts of its card in the same channel. None: the post has
    no card there.

    :raises NotYet: the card isn't posted yet.
    """
    for card in await notices.of_subject(tx, notice.workspace_id, post_id):
        if card.card == Card.APPROVAL and card.destination == notice.destination:
            if not card.ts:
                raise NotYet("the card itself isn't posted yet")
            return card.ts
    return None
