"""What people write in the threads of cards, as Slack tells of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.comments import ThreadMessage
from handlers.inbound import Desk
from handlers.requests import EventCall
from handlers.slack_text import message_to_text

# https://docs.slack.dev/reference/events/message#subtypes
WRITTEN = (None, "file_share", "me_message", "thread_broadcast")
CHANGED = (*WRITTEN, "message_changed", "message_deleted")


def register(desk: Desk) -> None:
    """The thread of a card is followed."""
    threads = Threads(desk)
    desk.event("message", threads.heard, if_=is_of_a_person_in_a_thread)


class Threads:
    """Brings messages to `bot.comments`."""

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services

    async def heard(self, call: EventCall) -> None:
        event, message = call.event, _message(call.event)
        is_deleted = event.get("subtype") == "message_deleted"
        text = ""
        if not is_deleted:
            names = await self._services.drafting.names(call.person)
            text = message_to_text(message.get("text") or "", user_names=names).strip()
            text = text or ", ".join(_file_names(message))
            if not text:
                return
        at = event["event_ts"] if is_deleted else message.get("edited", message)["ts"]
        await self._services.comments.follow(
            call.person,
            ThreadMessage(
                event["channel"], message["thread_ts"], message["ts"], text, _instant(at)
            ),
        )


def is_of_a_person_in_a_thread(event: Mapping[str, Any]) -> bool:
    """Whether a message event is about a reply that a person wrote; apps' are none."""
    message = _message(event)
    thread_ts = message.get("thread_ts")
    return bool(
        event.get("subtype") in CHANGED
        and message.get("subtype") in CHANGED
        and thread_ts
        and thread_ts != message.get("ts")
        and message.get("user")
        and not message.get("bot_id")
    )


def _message(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message itself: what was changed or deleted is inside."""
    message: Mapping[str, Any] = event.get("message") or event.get("previous_message") or event
    return message


def _file_names(message: Mapping[str, Any]) -> list[str]:
    return [file.get("name") or "a file" for file in message.get("files") or ()]


def _instant(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), UTC)
