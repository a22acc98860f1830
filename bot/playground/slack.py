"""The small Slack, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot.playground.app_messages import AppMessages
from bot.playground.delivery import EVENT_RETRY_SECONDS, Delivery
from bot.playground.events import Events
from bot.playground.faults import Faults
from bot.playground.people import People
from bot.playground.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Slack:
    """A workspace with everything that acts on it."""

    workspace: Workspace
    faults: Faults
    delivery: Delivery
    events: Events
    messages: AppMessages
    people: People

    @classmethod
    def around(
        cls,
        workspace: Workspace,
        *,
        request_url: str | None = None,
        event_retry_seconds: Sequence[float] = EVENT_RETRY_SECONDS,
    ) -> Self:
        """Put a Slack together around a workspace.

        :param request_url: the app's address for signed HTTP; Socket Mode needs none.
        """
        faults = Faults()
        delivery = Delivery(
            workspace,
            faults,
            request_url=request_url,
            event_retry_seconds=event_retry_seconds,
        )
        events = Events(workspace, delivery)
        messages = AppMessages(workspace, events)
        people = People(workspace, delivery, events, messages)
        return cls(workspace, faults, delivery, events, messages, people)

    async def close(self) -> None:
        """Stop deliveries and close the state file."""
        await self.delivery.close()
        self.workspace.close()
