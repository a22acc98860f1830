"""A person's inbox: one direct message, rendered from the state of the moment."""

from collections.abc import Mapping

from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.reviews import render_before
from handlers.views import inbox as views
from storage.records import Card, Notice


def register(desk: Desk) -> Mapping[Card, Renderer]:
    """Gives the card; its buttons are those of lists and cards."""

    async def render(notice: Notice) -> Rendered | None:
        now = desk.services.clock.now()
        shown = await desk.services.inboxes.load(notice.workspace_id, notice.subject_id)
        if shown.is_empty and notice.ts is None and notice.begun_at is None:
            return None
        return Rendered(*views.inbox(shown, now, notice.subject_id))

    return {Card.INBOX: render, Card.INBOX_BEFORE: render_before}
