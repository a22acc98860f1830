"""Sandbox, the playground's own small social network: an API, a page, and people on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.routing import BaseRoute

from bot.playground.sandbox_api import Api
from bot.playground.sandbox_faults import Faults
from bot.playground.sandbox_page import Page
from bot.playground.sandbox_state import State


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running Sandbox. Mount ``routes`` anywhere; ``state`` is what tests look at."""

    routes: list[BaseRoute]
    state: State
    faults: Faults

    def close(self) -> None:
        """Let go of calls that hang, and of the file."""
        self.faults.clear()
        self.state.close()


def create_sandbox(folder: Path, now: Callable[[], datetime]) -> Sandbox:
    """Sandbox with its file in ``folder``; seeded when the file is new.

    :param now: the clock (UTC).
    """
    state = State(folder / "sandbox.sqlite3", now)
    faults = Faults()
    routes = [*Api(state, faults, now).routes(), *Page(state, now).routes()]
    return Sandbox(routes, state, faults)
