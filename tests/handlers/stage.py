"""A whole bot on a stage: the real app, started as `make play` starts it, and people who use it.

The bot runs in the test's own event loop on a new SQLite file and speaks by Socket Mode to the
playground's Slack, which refuses whatever Slack refuses, undocumented arguments included. Tests
act as people do (enter a command, press what has this label, fill in and submit what is open) and
wait for what people get to see.

    async def test_it(stage: Stage) -> None:
        await stage.command(ANA, "/social draft")
        await stage.submit(await stage.modal(ANA, "draft"), text="Hello")
        card = await stage.message(APPROVALS, "Hello")
        await stage.press(BEN, card, "Approve")
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from bot.bootstrap import Bot, running
from bot.networks import NETWORKS
from bot.networks.base import Network
from bot.playground.outcome import Outcome
from bot.playground.play import play_settings, playground
from bot.playground.records import Message, View
from bot.playground.seed import SOCIAL
from bot.playground.slack import Slack
from bot.playground.starting_point import furnish
from bot.playground.views import elements
from bot.services import Services
from bot.settings import Settings
from tests.servers.eventually import eventually

Value = str | Sequence[str] | None
Json = dict[str, Any]

DONE = "It's done."  # in the place of a form that took longer than a second: a busy machine


@dataclass(frozen=True, slots=True)
class Stage:
    """The playground's Slack, the running bot, and what people can do.

    ``address`` is the playground's (its Sandbox is at ``/sandbox``, the page at ``/``).
    """

    slack: Slack
    bot: Bot
    settings: Settings
    address: str

    @property
    def services(self) -> Services:
        return self.bot.services

    # What people do

    async def command(self, who: str, line: str, channel: str = SOCIAL) -> None:
        """Enter a command; fails the test if Slack had to say that it failed."""
        _require(await self.slack.people.slash_command(who, channel, line))

    async def press(
        self, who: str, place: Message | View, label: str, choice: Value = None, *, within: str = ""
    ) -> None:
        """Press or choose from the element with this label, action id, placeholder or block id.

        :param choice: an option's text or value, an id, a date, a text; for a menu or an input.
        :param within: text that stands in the same block, or right above a row of buttons, where
            several have this label.
        """
        block, element = _find(place, label, within)
        outcome = await self.slack.people.press(
            who,
            place,
            element["action_id"],
            block_id=block["block_id"],
            choice=_by_text(element, choice),
        )
        _require(outcome)

    async def submit(self, view: View, **values: Value) -> Outcome:
        """Fill in inputs by block id (others stay as they are) and submit; see ``fields`` for ids
        that are no names. Choices are given by text or value."""
        return await self.submit_fields(view, values)

    async def submit_fields(self, view: View, values: Mapping[str, Value]) -> Outcome:
        inputs = {block["block_id"]: block["element"] for block in inputs_of(view)}
        entered = {
            block_id: {inputs[block_id]["action_id"]: _by_text(inputs[block_id], value)}
            for block_id, value in values.items()
        }
        return await self.slack.people.submit_view(view.user, view.id, entered)

    # What people see

    async def modal(self, who: str, containing: str = "") -> View:
        """The modal on top of the person's screen, once it shows this text (or callback id)."""
        return await self._seen(lambda: self.slack.workspace.views.modal(who), containing)

    async def home(self, who: str, containing: str = "") -> View:
        """The person's Home, once it shows this text. Open it with ``open_home``."""
        return await self._seen(lambda: self.slack.workspace.views.home(who), containing)

    async def open_home(self, who: str, containing: str = "") -> View:
        """Look at the app's Home tab."""
        self.slack.people.open_home(who)
        return await self.home(who, containing)

    async def no_modal(self, who: str) -> None:
        """Wait until the person has no modal open; what only says that it's done they close."""

        async def gone() -> bool:
            view = self.slack.workspace.views.modal(who)
            if view is not None and DONE in text_of(view):
                await self.slack.people.close_view(who, view.id, everything=True)
                return False
            return view is None

        await eventually(gone)

    async def message(self, channel: str, containing: str, viewer: str | None = None) -> Message:
        """The newest message of a channel (its threads too) that shows this text.

        :param viewer: whose ephemeral messages count as well; a person's id as ``channel`` means
            their direct messages with the app.
        """
        place = self.slack.workspace.im_with_app(channel).id if channel[0] == "U" else channel

        async def look() -> Message | None:
            found = (m for m in reversed(self.messages(place, viewer)) if containing in text_of(m))
            return next(found, None)

        found = await eventually(look)
        assert found is not None
        return found

    def messages(self, channel: str, viewer: str | None = None) -> list[Message]:
        """A channel's messages with their threads, oldest first."""
        top = self.slack.workspace.timeline(channel, viewer)
        return [m for first in top for m in self.slack.workspace.thread(channel, first.ts, viewer)]

    async def whispered(self, who: str, containing: str, channel: str = SOCIAL) -> Message:
        """An ephemeral message to the person."""
        found = await self.message(channel, containing, viewer=who)
        assert found.ephemeral_to == who
        return found

    async def settled(self) -> None:
        """Wait until nothing is under way that a press or an event began."""
        await self.slack.delivery.settle()
        await self.bot.desk.tasks.drain(10)

    @contextlib.asynccontextmanager
    async def sandbox(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of Sandbox, with its control addresses."""
        async with httpx.AsyncClient(base_url=f"{self.address}/sandbox") as client:
            yield client

    async def _seen(self, now: Callable[[], View | None], containing: str) -> View:
        async def look() -> View | None:
            view = now()
            fits = view is not None and (
                containing in text_of(view) or view.callback_id == containing
            )
            return view if fits else None

        found = await eventually(look)
        assert found is not None
        return found


def text_of(place: Message | View) -> str:
    """Everything a message or view says: its text, blocks, labels, hints, errors, values."""
    said: list[str] = [place.text] if isinstance(place, Message) else [place.trouble]
    if isinstance(place, View):
        _collect({key: place.body.get(key) for key in ("title", "submit", "close")}, said)
        said += place.errors.values()
    _collect(place.blocks, said)
    return "\n".join(said)


def inputs_of(view: View) -> list[Json]:
    """A form's input blocks."""
    return [block for block in view.blocks if block["type"] == "input"]


def labels_of(place: Message | View) -> list[str]:
    """The texts of all buttons, in order."""
    return [
        element["text"]["text"]
        for block in place.blocks
        for element in elements(block)
        if element["type"] == "button"
    ]


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    *,
    is_set_up: bool = True,
    own_cards: bool = True,
    environment: Mapping[str, str] | None = None,
    registry: Sequence[type[Network]] = NETWORKS,
    **changed: Any,
) -> AsyncIterator[Stage]:
    """A stage in a folder; the same folder again goes on where it ended.

    :param is_set_up: as `make play` begins: people have their roles, Sandbox is connected.
    :param own_cards: as in `make play`; else what isn't due soon waits in lists.
    :param environment: what `make play` takes from its environment, such as networks' addresses.
    :param registry: the networks there are.
    :param changed: fields of the bot's `Settings` that differ (``first_admin="U..."``).
    """
    async with playground(folder, 0, environment or {}, strict=True) as (slack, address):
        read = play_settings(slack, address, folder, environment or {}, registry)
        settings = replace(read, **changed)
        async with running(settings, registry) as bot:
            if is_set_up:
                await furnish(bot.services, bot.team_id, own_cards=own_cards)
            stage = Stage(slack, bot, settings, address)
            yield stage
            await stage.settled()


def _require(outcome: Outcome) -> None:
    assert outcome.ok, f"{outcome.problem} {dict(outcome.errors)}"


def _find(place: Message | View, label: str, within: str) -> tuple[Json, Json]:
    above: list[str] = []
    for block in place.blocks:
        said: list[str] = []
        _collect(block, said)
        around = [*above, *said] if block["type"] == "actions" else said
        above = said
        if within and within not in "\n".join(around):
            continue
        for element in elements(block):
            names = (
                element.get("text", {}).get("text"),
                element.get("placeholder", {}).get("text"),
                element.get("action_id"),
                block.get("block_id"),
            )
            if label in names:
                return block, element
    raise LookupError(f"nothing is called {label!r} (in {within!r}) in: {text_of(place)}")


def _by_text(element: Json, value: Value) -> Value:
    options = list(element.get("options") or ())
    for group in element.get("option_groups") or ():
        options += group["options"]
    values = {option["text"]["text"]: option["value"] for option in options}
    if isinstance(value, str):
        return values.get(value, value)
    return None if value is None else [values.get(one, one) for one in value]


_SAID = ("text", "initial_value", "title", "alt_text", "label", "hint", "description")


def _collect(part: Any, said: list[str]) -> None:
    if isinstance(part, list):
        for one in part:
            _collect(one, said)
    elif isinstance(part, dict):
        said += [part[key] for key in _SAID if isinstance(part.get(key), str)]
        for one in part.values():
            _collect(one, said)
