"""Channels that people outside see: what admins press about them, and Slack's news."""

from handlers.ids import Act
from handlers.inbound import Desk
from handlers.payloads import unpack
from handlers.requests import EventCall, Press


def register(desk: Desk) -> None:
    """The button that allows a channel, and what Slack tells about sharing."""
    shared, outside = desk.services.shared_channels, desk.outside

    async def allow(press: Press) -> None:
        asked = unpack(press.value)
        seen = [team for team in asked["teams"].split(",") if team]
        await shared.allow(press.person, asked["channel"], seen)

    async def changed(call: EventCall) -> None:
        """It was shared, or isn't any more: what is true now is asked anew."""
        channel = str(call.event["channel"])
        outside.forget(call.person.workspace_id, channel)
        await outside.look(call.person.workspace_id, channel)

    desk.press(Act.ALLOW_SHARED, allow)
    desk.event("channel_shared", changed)
    desk.event("channel_unshared", changed)
