"""The difference that an edit makes to a post that was decided on, in its card's thread."""

from collections.abc import Mapping

from bot.changes import load_change
from handlers.card_threads import thread_of
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.views.changes import changed
from storage.records import Card, Notice


def register(desk: Desk) -> Mapping[Card, Renderer]:
    """Gives the message."""
    return {Card.CHANGED: ChangeMessages(desk).render}


class ChangeMessages:
    """Shows what a revision changed; that never changes itself."""

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services

    async def render(self, notice: Notice) -> Rendered | None:
        async with self._services.database.reading() as tx:
            change = await load_change(
                tx, self._services.accounts, notice.workspace_id, notice.subject_id
            )
            thread_ts = await thread_of(tx, notice, change.post_id)
        if thread_ts is None:
            return None
        text, blocks = changed(change)
        return Rendered(text, blocks, thread_ts)
