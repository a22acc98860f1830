"""What a person gets to see of an action of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.playground.delivery import Answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    ``problem`` is what Slack tells the person (empty if all went well); ``errors`` the messages
    beside a form's fields (block_id -> text).
    """

    problem: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not (self.problem or self.errors)


def why(answer: Answer, app_name: str) -> str:
    """Why the app's answer did not come, in words; empty if it came."""
    if answer.problem == "http_error":
        return f"{app_name} answered with status code {answer.status}."
    if answer.problem == "not_running":
        return f"{app_name} isn't running. Start it and try again."
    if answer.problem == "not_interactive":
        return f"{app_name} isn't set up for buttons and forms: its manifest says so."
    if answer.problem == "connection_failed":
        return f"{app_name} could not be reached. Try again in a moment."
    return f"{app_name} did not respond." if answer.problem else ""
