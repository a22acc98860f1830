"""How Slack's requests reach a feature, and how each is answered within 3 seconds.

A feature registers plain coroutines with a `Desk`; whatever they do, Slack is acknowledged at
once (commands, buttons) or within `PATIENCE_S` (forms). What takes longer goes on in a tracked
task: a form shows *Checking*, a modal that isn't ready shows *Loading*, and both become the
result or the filled form again.
"""

import asyncio
import difflib
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import UserError
from bot.services import Services
from handlers.cleaning import clean_body
from handlers.clients import Clients
from handlers.errors import explain
from handlers.forms import Again, Result, afterwards, refill, result_of
from handlers.ids import COMMAND, Act, Form, Shortcut
from handlers.outside import Outside
from handlers.payloads import (
    channel_of,
    event_person_of,
    person_of,
    place_of,
    pressed_value,
    typed_values,
)
from handlers.requests import (
    CLOSED,
    PATIENCE_S,
    CommandCall,
    Done,
    EventCall,
    FormAnswer,
    Press,
    Request,
    ShortcutCall,
    Submission,
)
from handlers.slack_calls import FAILED, refusal
from handlers.tasks import Tasks
from handlers.views.messages import checking
from storage import events

CHECKING_SHOWN_S = 0.5  # a view that is updated before Slack took our answer would stay *Checking*

RequestT = TypeVar("RequestT", bound=Request)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One line of the help."""

    name: str
    usage: str
    summary: str
    work: Callable[[CommandCall], Coroutine[Any, Any, None]]


@dataclass
class Desk:
    """Where features register. Exactly one listener per id.

    A request brings the client of its workspace; ``clients`` gives it where there is no request.
    """

    app: AsyncApp
    clients: Clients
    services: Services
    tasks: Tasks = field(default_factory=Tasks)
    subcommands: dict[str, Subcommand] = field(default_factory=dict)
    listened_to: set[StrEnum | str] = field(default_factory=set)
    outside: Outside = field(init=False)
    _closings: dict[Form, Callable[[Submission], Coroutine[Any, Any, None]]] = field(
        default_factory=dict
    )
    _gates: list[Callable[[CommandCall], Awaitable[bool]]] = field(default_factory=list)
    _followers: list[Callable[[Request], Awaitable[None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        services = self.services
        self.outside = Outside(self.clients, services.shared_channels, services.clock)
        self.app.use(clean_body)

    def before_commands(self, gate: Callable[[CommandCall], Awaitable[bool]]) -> None:
        """Ask this before every subcommand; False: it has answered instead."""
        self._gates.append(gate)

    def afterwards(self, follower: Callable[[Request], Awaitable[None]]) -> None:
        """Run this after whatever a command, a press, a form or an event led to."""
        self._followers.append(follower)

    def _once(self, *ids: StrEnum | str) -> None:
        """Two listeners for one id would hide each other."""
        taken = self.listened_to.intersection(ids)
        if taken:
            raise ValueError(f"registered twice: {sorted(taken)}")
        self.listened_to.update(ids)

    def command(
        self,
        name: str,
        work: Callable[[CommandCall], Coroutine[Any, Any, None]],
        *,
        usage: str,
        summary: str,
    ) -> None:
        """`/social <name>`."""
        self._once(f"{COMMAND} {name}")
        self.subcommands[name] = Subcommand(name, usage, summary, work)

    def nearest(self, name: str) -> str | None:
        """The subcommand that was probably meant."""
        found = difflib.get_close_matches(name.lower(), self.subcommands, n=1, cutoff=0.5)
        return found[0] if found else None

    def press(self, act: Act, work: Callable[[Press], Coroutine[Any, Any, None]]) -> None:
        """A button or menu: acknowledged at once, then worked on."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            self._spawn(lambda: _press(body, client), work)

        self._once(act)
        self.app.action(act.value)(listener)

    def ignore(self, *acts: Act) -> None:
        """Inputs whose changes matter only when the form is submitted, and plain link buttons."""

        async def listener(ack: AsyncAck) -> None:
            await ack()

        self._once(*acts)
        for act in acts:
            self.app.action(act.value)(listener)

    def event(
        self,
        name: str,
        work: Callable[[EventCall], Coroutine[Any, Any, None]],
        *,
        if_: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        """Something that happened: acknowledged at once, then worked on, once for its id.

        :param if_: asked about the event first, where most of a kind concern nobody here.
        """

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            if if_(body["event"]):
                self.tasks.spawn(self._guard_event(body, client, work))

        self._once(name)
        self.app.event(name)(listener)

    async def _guard_event(
        self,
        body: dict[str, Any],
        client: AsyncWebClient,
        work: Callable[[EventCall], Coroutine[Any, Any, None]],
    ) -> None:
        """Nobody asked, so nobody is told: what fails is logged with a reference."""
        try:
            call = EventCall(event_person_of(body), body, client, None, body["event"])
            async with self.services.database.transaction() as tx:
                now = self.services.clock.now()
                if not await events.is_new(tx, call.body["event_id"], now):
                    return
            await self.services.installations.meet(place_of(body))
            await work(call)
        except Exception as error:  # the boundary of an event
            explain(error)

    def shortcut(
        self, shortcut: Shortcut, work: Callable[[ShortcutCall], Coroutine[Any, Any, None]]
    ) -> None:
        """A shortcut on a message."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            self._spawn(
                lambda: ShortcutCall(
                    person_of(body), body, client, channel_of(body), body.get("message", {})
                ),
                work,
            )

        self._once(shortcut)
        self.app.shortcut(shortcut.value)(listener)

    def closed(self, form: Form, work: Callable[[Submission], Coroutine[Any, Any, None]]) -> None:
        """A form that was closed without submitting (its view has notify_on_close)."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            self._spawn(lambda: _submission(body, client), work)

        self._once(f"{form} closed")
        self._closings[form] = work
        self.app.view_closed(form.value)(listener)

    def form(
        self,
        form: Form,
        work: Callable[[Submission], Coroutine[Any, Any, FormAnswer]],
        *,
        again: Again | None = None,
    ) -> None:
        """A submitted form: answered within a second, or by *Checking* and then its result.

        :param again: shows the form with what was typed and a problem on top, for forms that
            can't be filled in from their own content (files).
        """

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            submission = _submission(body, client)
            working = self.tasks.spawn(result_of(submission, work, again or refill))
            done, _ = await asyncio.wait([working], timeout=PATIENCE_S)
            if not done:
                await ack(response_action="update", view=checking(body["view"]))
                self.tasks.spawn(self._show_late(form, submission, working, again or refill))
                return
            result = working.result()
            await ack(**result.acknowledgement())
            if result.answer is not None:
                self.tasks.spawn(self._guard(submission, afterwards(result.answer)))

        self._once(form)
        self.app.view(form.value)(listener)

    async def _show_late(
        self,
        form: Form,
        submission: Submission,
        working: asyncio.Task[Result],
        again: Again,
    ) -> None:
        """Put what came of a form in the place of *Checking*."""
        result, _ = await asyncio.gather(working, asyncio.sleep(CHECKING_SHOWN_S))
        view, problem = await result.late(submission, again)
        if result.answer is not None:
            self.tasks.spawn(self._guard(submission, afterwards(result.answer)))
        try:
            await submission.client.views_update(view_id=submission.body["view"]["id"], view=view)
        except FAILED as error:
            if refusal(error) != CLOSED:
                log.warning("A form's result could not be shown: %s.", refusal(error))
            if not isinstance(result.answer, Done):
                await self._guard(submission, self._closed_meanwhile(form, submission, problem))

    async def _closed_meanwhile(self, form: Form, submission: Submission, problem: str) -> None:
        """The form was closed at *Checking* and isn't done with: as if it were closed now."""
        if problem:
            await submission.whisper(problem)
        if form in self._closings:
            await self._closings[form](submission)

    def _spawn(
        self, read: Callable[[], RequestT], work: Callable[[RequestT], Coroutine[Any, Any, None]]
    ) -> None:
        """Go on after the acknowledgement. What fails in a listener after it would undo it."""

        async def serve() -> None:
            request = read()
            await self._guard(request, self._met(request, work))

        self.tasks.spawn(serve())

    async def _met(
        self, request: RequestT, work: Callable[[RequestT], Coroutine[Any, Any, None]]
    ) -> None:
        """Whatever comes first from a workspace makes it known."""
        await self.services.installations.meet(place_of(request.body))
        await work(request)

    async def _guard(self, request: Request, work: Coroutine[Any, Any, None]) -> None:
        """Run a feature's work; whatever fails is told to the person who asked."""
        try:
            await work
        except Exception as error:  # the boundary of a press: nobody else could tell the person
            try:
                await request.whisper(explain(error))
            except FAILED as unreachable:
                log.warning("The person could not be told: %s.", refusal(unreachable))
            return
        for follower in self._followers:
            try:
                await follower(request)
            except Exception as error:  # what was asked for is done all the same
                explain(error)

    def listen(self) -> None:
        """Register the one slash command, once all features are known."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            self._spawn(lambda: self._call(body, client), self._run_command)

        async def unknown_event(ack: AsyncAck) -> None:
            await ack()

        async def unknown_press(
            ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient
        ) -> None:
            await ack()
            self._spawn(lambda: _press(body, client), _outlived)

        self.app.command(COMMAND)(listener)
        self.app.event(re.compile(""))(unknown_event)
        self.app.action(re.compile(""))(unknown_press)

    def _call(self, body: dict[str, Any], client: AsyncWebClient) -> CommandCall:
        """A command; an unknown one is the help's, with what was typed."""
        name, *words = body.get("text", "").split(maxsplit=1) or ["help"]
        known = name.lower() in self.subcommands
        text = " ".join(words).strip() if known else name
        return CommandCall(person_of(body), body, client, channel_of(body), text, name.lower())

    async def _run_command(self, call: CommandCall) -> None:
        work = self.subcommands.get(call.name, self.subcommands["help"]).work
        await self._through_gates(call, work)

    async def _through_gates(
        self, call: CommandCall, work: Callable[[CommandCall], Coroutine[Any, Any, None]]
    ) -> None:
        for gate in self._gates:
            if not await gate(call):
                return
        await work(call)


def _press(body: dict[str, Any], client: AsyncWebClient) -> Press:
    action = body["actions"][0]
    return Press(
        person_of(body),
        body,
        client,
        channel_of(body),
        pressed_value(action),
        action,
        typed_values(body.get("view")),
    )


async def _outlived(_: Press) -> None:
    raise UserError(
        "This button is from an earlier version of Socialdesk. Nothing was changed. "
        "`/social` shows what can be done."
    )


def _submission(body: dict[str, Any], client: AsyncWebClient) -> Submission:
    view = body["view"]
    return Submission(
        person_of(body),
        body,
        client,
        None,
        typed_values(view),
        view.get("private_metadata", ""),
    )
