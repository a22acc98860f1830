"""What the admins are told when Slack has deactivated somebody who leaves something behind."""

from collections.abc import Mapping

from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.views.leaving import left_message
from storage.records import Card, Notice


def register(desk: Desk) -> Mapping[Card, Renderer]:
    """Gives the admins' card."""
    leaving = desk.services.leaving

    async def render(notice: Notice) -> Rendered | None:
        behind = await leaving.look(notice.workspace_id, notice.subject_id)
        return None if behind is None else Rendered(*left_message(behind))

    return {Card.LEFT: render}
