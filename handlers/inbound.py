"""How Slack's requests reach a feature, and how each is answered within 3 seconds.

A feature registers plain coroutines with a `Desk`; whatever they do, Slack is acknowledged at
once (commands, buttons) or within `PATIENCE_S` (forms). What takes longer goes on in a tracked
task: a form shows *Checking*, a modal that isn't ready shows *Loading*, and both become the
result or the filled form again.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import FieldErrors
from bot.services import Services
from bot.team import Person
from handlers.errors import explain
from handlers.ids import COMMAND, Act, Form, Shortcut
from handlers.payloads import (
    channel_of,
    event_person_of,
    input_blocks,
    person_of,
    pressed_value,
    typed_values,
)
from handlers.slack_text import escape
from handlers.tasks import Tasks
from handlers.views.messages import checking, failed, loading, message, refilled
from storage import events

PATIENCE_S = 1.0
NOT_THERE = ("channel_not_found", "not_in_channel", "user_not_in_channel")

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What all requests have in common. ``body`` is verified by Bolt."""

    person: Person
    body: Mapping[str, Any]
    client: AsyncWebClient
    channel: str | None

    async def whisper(self, text: str, blocks: list[dict[str, Any]] | None = None) -> None:
        """Tell the person alone: in the channel they are in, else in a modal."""
        if self.channel is None:
            await self._show(text, blocks)
            return
        try:
            await self.client.chat_postEphemeral(
                channel=self.channel,
                user=self.person.user_id,
                text=text,
                blocks=blocks,
                thread_ts=_thread(self.body),
            )
        except SlackApiError as error:
            # Commands can be typed where the bot isn't; their response_url reaches there.
            if error.response.get("error") not in NOT_THERE or "response_url" not in self.body:
                raise
            await AsyncWebhookClient(self.body["response_url"]).send(text=text, blocks=blocks)

    async def _show(self, text: str, blocks: list[dict[str, Any]] | None) -> None:
        view = message("Socialdesk", text, blocks)
        open_or_push = (
            self.client.views_push
            if self.body.get("view", {}).get("type") == "modal"
            else self.client.views_open
        )
        await open_or_push(trigger_id=self.body["trigger_id"], view=view)

    async def open(self, making: Awaitable[View]) -> None:
        """Open a modal. One that takes longer than a second shows *Loading* meanwhile.

        The modal's own errors are shown in it, because nobody looks elsewhere by then.
        """
        task = asyncio.ensure_future(making)
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        if done:
            await self.client.views_open(trigger_id=self.body["trigger_id"], view=task.result())
            return
        opened = await self.client.views_open(trigger_id=self.body["trigger_id"], view=loading())
        try:
            view = await task
        except Exception as error:  # whatever it is, the person must see it in the open modal
            view = failed(explain(error))
        await self.client.views_update(view_id=opened["view"]["id"], view=view)

    async def push(self, view: View) -> None:
        """Put a modal on top of the one the person is in."""
        await self.client.views_push(trigger_id=self.body["trigger_id"], view=view)


@dataclass(frozen=True, slots=True)
class CommandCall(Request):
    """`/social <name> <words>`. ``words`` is as Slack encoded it."""

    words: str


@dataclass(frozen=True, slots=True)
class Press(Request):
    """A button, a menu's choice or an input that acts at once. ``value`` is what was chosen."""

    value: str
    action: Mapping[str, Any]
    values: Mapping[str, Any]

    @property
    def view(self) -> Mapping[str, Any] | None:
        """The modal or Home it was in, if any."""
        view: Mapping[str, Any] | None = self.body.get("view")
        return view


@dataclass(frozen=True, slots=True)
class Submission(Request):
    """A submitted form. ``values`` by block id; ``metadata`` is the view's own."""

    values: Mapping[str, Any]
    metadata: str


@dataclass(frozen=True, slots=True)
class ShortcutCall(Request):
    """A shortcut on a message."""

    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventCall(Request):
    """Something that happened in Slack and that the app subscribed to."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """The form is done with: every modal closes. ``then`` runs afterwards (a message, say)."""

    then: Callable[[], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """The form is followed by another view."""

    view: View


FormAnswer = Done | Next


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One line of the help."""

    name: str
    usage: str
    summary: str
    work: Callable[[CommandCall], Coroutine[Any, Any, None]]


@dataclass
class Desk:
    """Where features register. Exactly one listener per id."""

    app: AsyncApp
    client: AsyncWebClient
    services: Services
    tasks: Tasks = field(default_factory=Tasks)
    subcommands: dict[str, Subcommand] = field(default_factory=dict)
    listened_to: set[StrEnum | str] = field(default_factory=set)
    _gates: list[Callable[[CommandCall], Awaitable[bool]]] = field(default_factory=list)
    _followers: list[Callable[[Request], Awaitable[None]]] = field(default_factory=list)

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
            action = body["actions"][0]
            press = Press(
                person_of(body),
                body,
                client,
                channel_of(body),
                pressed_value(action),
                action,
                typed_values(body.get("view")),
            )
            self.tasks.spawn(self._guard(press, work(press)))

        self._once(act)
        self.app.action(act.value)(listener)

    def ignore(self, *acts: Act) -> None:
        """Inputs whose changes matter only when the form is submitted, and plain link buttons."""

        async def listener(ack: AsyncAck) -> None:
            await ack()

        self._once(*acts)
        for act in acts:
            self.app.action(act.value)(listener)

    def event(self, name: str, work: Callable[[EventCall], Coroutine[Any, Any, None]]) -> None:
        """Something that happened: acknowledged at once, then worked on, once for its id."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            call = EventCall(event_person_of(body), body, client, None, body["event"])
            self.tasks.spawn(self._guard_event(call, work))

        self._once(name)
        self.app.event(name)(listener)

    async def _guard_event(
        self, call: EventCall, work: Callable[[EventCall], Coroutine[Any, Any, None]]
    ) -> None:
        """Nobody asked, so nobody is told: what fails is logged with a reference."""
        try:
            async with self.services.database.transaction() as tx:
                now = self.services.clock.now()
                if not await events.is_new(tx, call.body["event_id"], now):
                    return
            await work(call)
        except Exception as error:  # the boundary of an event
            explain(error)

    def shortcut(
        self, shortcut: Shortcut, work: Callable[[ShortcutCall], Coroutine[Any, Any, None]]
    ) -> None:
        """A shortcut on a message."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            call = ShortcutCall(
                person_of(body), body, client, channel_of(body), body.get("message", {})
            )
            self.tasks.spawn(self._guard(call, work(call)))

        self._once(shortcut)
        self.app.shortcut(shortcut.value)(listener)

    def closed(self, form: Form, work: Callable[[Submission], Coroutine[Any, Any, None]]) -> None:
        """A form that was closed without submitting (its view has notify_on_close)."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            submission = _submission(body, client)
            self.tasks.spawn(self._guard(submission, work(submission)))

        self._once(f"{form} closed")
        self.app.view_closed(form.value)(listener)

    def form(
        self,
        form: Form,
        work: Callable[[Submission], Coroutine[Any, Any, FormAnswer]],
        *,
        again: Callable[[Submission, str], Awaitable[View]] | None = None,
    ) -> None:
        """A submitted form: answered within a second, or by *Checking* and then its result.

        :param again: shows the form with what was typed and a problem on top, for forms that
            can't be filled in from their own content (files).
        """

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            submission = _submission(body, client)
            task = asyncio.ensure_future(work(submission))
            done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
            if done:
                await self._answer(ack, submission, task, again or _refilled)
            else:
                await ack(response_action="update", view=checking(body["view"]))
                self.tasks.spawn(self._answer_late(submission, task, again or _refilled))

        self._once(form)
        self.app.view(form.value)(listener)

    async def _answer(
        self,
        ack: AsyncAck,
        submission: Submission,
        task: asyncio.Future[FormAnswer],
        again: Callable[[Submission, str], Awaitable[View]],
    ) -> None:
        try:
            answer = task.result()
        except FieldErrors as error:
            await ack(response_action="errors", errors=_placed(error, submission.body["view"]))
        except Exception as error:  # the boundary of a form: its content must come back
            await ack(response_action="update", view=await again(submission, explain(error)))
        else:
            if isinstance(answer, Next):
                await ack(response_action="update", view=answer.view)
                self.tasks.spawn(self._guard(submission, _afterwards(answer)))
                return
            await ack(response_action="clear")
            self.tasks.spawn(self._guard(submission, _afterwards(answer)))

    async def _answer_late(
        self,
        submission: Submission,
        task: asyncio.Future[FormAnswer],
        again: Callable[[Submission, str], Awaitable[View]],
    ) -> None:
        try:
            answer = await task
        except FieldErrors as error:
            # Errors beside fields can only be given while Slack waits; here they stand on top.
            view = await again(submission, _on_top(error, submission.body["view"]))
        except Exception as error:  # see _answer
            view = await again(submission, explain(error))
        else:
            if isinstance(answer, Next):
                view = answer.view
            else:
                view = message("Done", "It's done. You can close this.", None)
            self.tasks.spawn(self._guard(submission, _afterwards(answer)))
        await submission.client.views_update(view_id=submission.body["view"]["id"], view=view)

    async def _guard(self, request: Request, work: Coroutine[Any, Any, None]) -> None:
        """Run a feature's work; whatever fails is told to the person who asked."""
        try:
            await work
            for follower in self._followers:
                await follower(request)
        except Exception as error:  # the boundary of a press: nobody else could tell the person
            text = explain(error)
            try:
                await request.whisper(text)
            except SlackApiError:
                await request.client.chat_postMessage(
                    channel=request.person.user_id,
                    text=text,
                    unfurl_links=False,
                    unfurl_media=False,
                )

    def listen(self) -> None:
        """Register the one slash command, once all features are known."""

        async def listener(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            name, _, words = body.get("text", "").strip().partition(" ")
            call = CommandCall(person_of(body), body, client, channel_of(body), words.strip())
            known = self.subcommands.get(name.lower() or "help")
            work = known.work if known else self.subcommands["help"].work
            if known is None:
                call = CommandCall(call.person, body, client, call.channel, name)
            self.tasks.spawn(self._guard(call, self._through_gates(call, work)))

        self.app.command(COMMAND)(listener)

    async def _through_gates(
        self, call: CommandCall, work: Callable[[CommandCall], Coroutine[Any, Any, None]]
    ) -> None:
        for gate in self._gates:
            if not await gate(call):
                return
        await work(call)


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


async def _refilled(submission: Submission, problem: str) -> View:
    return refilled(submission.body["view"], problem)


async def _afterwards(answer: FormAnswer) -> None:
    if isinstance(answer, Done) and answer.then is not None:
        await answer.then()


def _on_top(error: FieldErrors, view: Mapping[str, Any]) -> str:
    """The problems in one text, each with the label of its field."""
    labels = {
        block["block_id"]: block["label"]["text"]
        for block in view["blocks"]
        if block["type"] == "input"
    }
    return "\n".join(
        f"*{escape(labels[place])}*: {escape(problem)}"
        for place, problem in _placed(error, view).items()
    )


def _placed(error: FieldErrors, view: Mapping[str, Any]) -> dict[str, str]:
    """Each problem beside its field; one whose field isn't shown goes to the first field."""
    shown = input_blocks(view)
    placed: dict[str, str] = {}
    for name, problem in error.fields.items():
        place = name if name in shown else shown[0]
        placed[place] = f"{placed[place]} {problem}" if place in placed else problem
    return placed


def _thread(body: Mapping[str, Any]) -> str | None:
    thread: str | None = body.get("message", {}).get("thread_ts")
    return thread
