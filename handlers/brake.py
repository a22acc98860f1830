"""`/social pause` and `/social resume`: the brake and its card."""

from collections.abc import Mapping
from html import unescape

from bot.errors import UserError
from bot.holds import Do, Settled
from bot.team import Person
from handlers.held import HeldPosts, what_came
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.payloads import unpack
from handlers.requests import (
    CommandCall,
    Done,
    FormAnswer,
    Next,
    Request,
    Submission,
    View,
)
from handlers.slack_text import form_to_post_text, to_post_text
from handlers.views import brake as views
from handlers.views.messages import message
from storage.records import Card, Notice


def register(desk: Desk, held: HeldPosts) -> Mapping[Card, Renderer]:
    """The two commands, their forms; gives the card about a brake."""
    braking = Braking(desk, held)
    desk.command(
        "pause",
        braking.pause,
        usage="pause <reason>",
        summary="Hold all publishing at once; without a reason: choose what",
    )
    desk.command(
        "resume", braking.open_resume, usage="resume", summary="See what was held, and go on"
    )
    desk.press(Act.OPEN_PAUSE, braking.open_pause)
    desk.press(Act.OPEN_RESUME, braking.open_resume)
    desk.form(Form.PAUSE, braking.submit_pause)
    desk.form(Form.RESUME, braking.submit_resume)
    return {Card.BRAKE: braking.render}


class Braking:
    """Brings commands and forms to `bot.brake`."""

    def __init__(self, desk: Desk, held: HeldPosts) -> None:
        self._services = desk.services
        self._brakes = desk.services.brakes
        self._held = held

    # Pausing

    async def pause(self, call: CommandCall) -> None:
        """With a reason everything is paused at once: in a crisis a form is too much."""
        if not call.words:
            await self.open_pause(call)
            return
        shown = await self._brakes.pull(call.person, await self._typed(call))
        await call.whisper(views.paused(shown))

    async def _typed(self, call: CommandCall) -> str:
        names = await self._services.drafting.names(call.person)
        try:
            return to_post_text(call.words, user_names=names)
        except UserError:  # a reason that no network could show is a reason all the same
            return unescape(call.words)

    async def open_pause(self, request: Request) -> None:
        await request.open(self._pause_view(request.person))

    async def _pause_view(self, person: Person) -> View:
        return views.pause_form(await self._brakes.start(person))

    async def submit_pause(self, submission: Submission) -> FormAnswer:
        where = submission.values["where"]
        reason = form_to_post_text(submission.values["reason"] or "")
        account_id, campaign_id = None, None
        if where.startswith(views.OF_CAMPAIGN):
            campaign_id = where.removeprefix(views.OF_CAMPAIGN)
        elif where != views.EVERYWHERE:
            account_id = where
        await self._brakes.pull(submission.person, reason, account_id, campaign_id)
        return Done()

    # Resuming

    async def open_resume(self, request: Request) -> None:
        await request.open(self._resume_view(request.person))

    async def _resume_view(self, person: Person) -> View:
        start = await self._brakes.look(person)
        if not start.standing:
            page = await self._services.held_lists.page(person)
            return message("Resume publishing", *views.not_paused(page.total))
        first = start.held[: views.MOST_LISTED]
        return views.resume_form(start, await self._services.held_lists.some(person, first))

    async def submit_resume(self, submission: Submission) -> FormAnswer:
        """Release first; what becomes of the held posts can still be said if that was too much."""
        ids = unpack(submission.metadata)
        person, values = submission.person, submission.values
        wanted = [ids["brake"]] if "brake" in ids else values.get("brakes") or []
        if not wanted:
            raise UserError("Choose at least one to resume.")
        held = await self._brakes.release(person, wanted)
        if not held:
            return Done()
        choice = values.get("held") or views.LEAVE
        note = views.GOES_ON
        if choice != views.LEAVE:
            try:
                came = await self._services.holds.settle_each(person, Do(choice), held)
            except UserError as error:
                came = Settled(problems={str(error): len(held)})
            note += f" {what_came(came)}"
        return Next(await self._held.view(person, 0, note))

    # The card

    async def render(self, notice: Notice) -> Rendered:
        shown = await self._brakes.card(notice.workspace_id, notice.subject_id)
        return Rendered(*views.brake_card(shown))
