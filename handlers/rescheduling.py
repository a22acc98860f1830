"""The form for a new time, opened from a card's menu or from the queue."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.errors import FieldErrors
from bot.scheduling import NewTime
from handlers.draft_fields import IN_WORDS
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import pack, unpack
from handlers.refreshing import Refreshing
from handlers.requests import Done, FormAnswer, Next, Press, Request, Submission, View
from handlers.slack_text import escape
from handlers.views.post_times import goes_out
from handlers.views.rescheduling import reschedule_form
from storage.records import PostState, When


@dataclass(frozen=True, slots=True)
class Wish:
    """What is in the form. ``at`` beside words is how they were understood and shown."""

    when: str = When.AT.value
    at: datetime | None = None
    words: str = ""

    @property
    def time(self) -> NewTime:
        """As the product takes it."""
        if self.when == IN_WORDS:
            return NewTime(When.AT, self.at, self.words)
        return NewTime(When(self.when), self.at)


class Rescheduling:
    """Asks for a time, shows how it is understood, moves the post."""

    def __init__(self, desk: Desk) -> None:
        self._scheduling = desk.services.scheduling
        self._refreshing = Refreshing()
        for act in (Act.WHEN, Act.AT, Act.WORDS):
            desk.press(act, self.refresh)
        desk.form(Form.RESCHEDULE, self.submit)

    async def ask(self, press: Press, post_id: str) -> None:
        """Open the form for a post."""
        await press.open(self._view(press, post_id, None))

    async def refresh(self, press: Press) -> None:
        """Show the fields that belong to the choice, and how words are understood."""
        assert press.view is not None
        self._refreshing.pressed(press)
        post_id = unpack(press.view["private_metadata"])["post"]
        await self._refreshing.show(press, await self._view(press, post_id, _wish(press)))

    async def submit(self, submission: Submission) -> FormAnswer:
        ids = unpack(submission.metadata)
        wish = _wish(submission)
        if wish.when == IN_WORDS:
            if not wish.words:
                raise FieldErrors({"words": "Write a time, like “tomorrow 9:30” or “in 2 hours”."})
            if ids.get("words") != wish.words:
                # What was understood is shown in full before it counts.
                await self._scheduling.look(submission.person, ids["post"], wish.time)
                return Next(await self._view(submission, ids["post"], wish, ask=True))
            if "understood" in ids:
                wish = replace(wish, at=datetime.fromisoformat(ids["understood"]))
        await self._scheduling.reschedule(submission.person, ids["post"], wish.time)
        return Done()

    async def _view(
        self, request: Request, post_id: str, wish: Wish | None, *, ask: bool = False
    ) -> View:
        """:param wish: None: the form is being opened, on the post's own time."""
        movable = await self._scheduling.movable(request.person, post_id)
        zone = movable.admitted.member.zone
        is_approved = movable.post.state is PostState.SCHEDULED
        shown = wish or Wish(at=movable.post.due_at)
        line, words, understood, due_at = "", None, None, None
        if wish is not None and (wish.when != IN_WORDS or wish.words):
            try:
                moved = await self._scheduling.look(request.person, post_id, wish.time)
            except FieldErrors as error:
                line = f":warning: {escape(str(error))}"
            else:
                words = wish.words if wish.when == IN_WORDS else None
                line = "Goes out as soon as it's approved."
                if is_approved and movable.is_settled:
                    line = "Goes out at once."
                due_at = moved.due_at
                if due_at is not None:
                    line = goes_out(due_at, zone)
                    understood = due_at.isoformat() if words else None
        return reschedule_form(
            zone,
            shown.at,
            shown.when,
            shown.words,
            metadata=pack(post=post_id, words=words, understood=understood),
            understood=line,
            moved_to=due_at,
            ask=ask,
            asks_again=is_approved and not movable.is_settled,
        )


def _wish(request: Press | Submission) -> Wish:
    values = request.values
    when = values["when"] or When.AT.value
    words = (values.get("words") or "").strip()
    return Wish(when, values.get("at") if when == When.AT.value else None, words)
