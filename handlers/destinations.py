"""Channels that take no messages: what the admins are told, and what happens when Socialdesk is
let in again."""

from collections.abc import Mapping

from bot.destinations import Destinations
from bot.shared_channels import SHARED
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.requests import EventCall
from handlers.views.destinations import dead_channel, shared_channel
from storage.records import Card, Notice


def register(desk: Desk) -> Mapping[Card, Renderer]:
    """The event of being let in; gives the admins' card."""
    services = desk.services
    destinations = Destinations(services.database, services.clock)

    async def joined(call: EventCall) -> None:
        """Slack tells it of channels that the app is in, so it may post there by now."""
        await destinations.try_again(call.person.workspace_id, str(call.event["channel"]))

    async def render(notice: Notice) -> Rendered:
        shown = await destinations.overview(notice.workspace_id, notice.subject_id)
        if shown.problem == SHARED:
            return Rendered(
                *shared_channel(shown, await desk.outside.names(notice.workspace_id, shown.outside))
            )
        return Rendered(*dead_channel(shown))

    desk.event("member_joined_channel", joined)
    return {Card.DEAD_CHANNEL: render}
