"""`/social watch`: what is listened for."""

from bot.errors import FieldErrors, UserError
from bot.pace import Costly
from bot.watches import Added
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import unpack
from handlers.requests import CommandCall, FormAnswer, Next, Press, Request, Submission, View
from handlers.slack_text import escape, shorten, to_post_text
from handlers.views.watches import added_note, watch_form


def register(desk: Desk) -> None:
    """The command, and the modal's menus and field."""
    watching = Watching(desk)
    desk.command(
        "watch",
        watching.command,
        usage="watch <words or a feed's address>",
        summary="See and change what is listened for",
    )
    desk.press(Act.WATCH_MENU, watching.choose)
    desk.ignore(Act.WATCH_TEXT)
    desk.form(Form.WATCH, watching.submit)


class Watching:
    """Words and feeds."""

    def __init__(self, desk: Desk) -> None:
        self._watches = desk.services.watches
        self._pace = desk.services.pace

    async def command(self, call: CommandCall) -> None:
        given = to_post_text(call.words)
        if not given:
            await call.open(self._view(call))
            return
        self._pace.require(call.person, Costly.WATCH)
        added = await self._watches.add(call.person, given)
        await call.whisper(added_note(added, await self._watches.all(call.person)))

    async def _view(self, request: Request, note: str = "") -> View:
        return watch_form(await self._watches.all(request.person), note=note)

    async def submit(self, submission: Submission) -> FormAnswer:
        added = await self._add(submission)
        shown = await self._watches.all(submission.person)
        return Next(watch_form(shown, note=added_note(added, shown)))

    async def _add(self, submission: Submission) -> Added:
        try:
            self._pace.require(submission.person, Costly.WATCH)
            return await self._watches.add(submission.person, submission.values.get("watch") or "")
        except UserError as error:
            raise FieldErrors({"watch": str(error)}) from error

    async def choose(self, press: Press) -> None:
        """A watch's menu: do it, then show what is left."""
        assert press.view is not None
        ids = unpack(press.value)
        match ids["do"]:
            case "remove":
                watch = await self._watches.remove(press.person, ids["watch"])
                note = f"Removed “{escape(shorten(watch.title or watch.value, 100))}”."
            case "all":
                await self._watches.set_everything(press.person, ids["watch"], True)
                note = "Every entry of this feed counts from now on."
            case _:
                await self._watches.set_everything(press.person, ids["watch"], False)
                note = "Only entries with your words count from now on."
        view = await self._view(press, note)
        await press.client.views_update(view_id=press.view["id"], view=view)
