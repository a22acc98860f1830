"""The form for a new time, opened from a card's menu or from the queue."""

import contextlib
from datetime import datetime

from slack_sdk.errors import SlackApiError

from bot.errors import FieldErrors
from bot.scheduling import Moved
from handlers.draft_fields import IN_WORDS
from handlers.ids import Act, Form
from handlers.inbound import Desk, Done, FormAnswer, Next, Press, Request, Submission, View
from handlers.payloads import pack, unpack
from handlers.slack_text import escape
from handlers.views.drafting import goes_out
from handlers.views.rescheduling import reschedule_form
from storage.records import When


class Rescheduling:
    """Asks for a time, shows how it is understood, moves the post."""

    def __init__(self, desk: Desk) -> None:
        self._scheduling = desk.services.scheduling
        desk.press(Act.WHEN, self.refresh)
        desk.press(Act.WORDS, self.refresh)
        desk.form(Form.RESCHEDULE, self.submit)

    async def ask(self, press: Press, post_id: str) -> None:
        """Open the form for a post."""
        await press.open(self._view(press, post_id, When.AT.value, None, ""))

    async def refresh(self, press: Press) -> None:
        """Show the fields that belong to the choice, and how words are understood."""
        assert press.view is not None
        post_id = unpack(press.view["private_metadata"])["post"]
        values = press.values
        view = await self._view(
            press, post_id, values["when"], values.get("at"), values.get("words") or ""
        )
        with contextlib.suppress(SlackApiError):  # it changed meanwhile: its own press refreshes it
            await press.client.views_update(
                view_id=press.view["id"], hash=press.view["hash"], view=view
            )

    async def submit(self, submission: Submission) -> FormAnswer:
        ids = unpack(submission.metadata)
        values = submission.values
        when, words = values["when"], values.get("words") or ""
        at = values.get("at")
        moved = await self._look(submission, ids["post"], when, at, words)
        understood = moved.due_at.isoformat() if moved.due_at else None
        if when == IN_WORDS and ids.get("understood") != understood:
            # What was understood is shown in full before it counts.
            return Next(await self._view(submission, ids["post"], when, at, words))
        await self._scheduling.reschedule(
            submission.person,
            ids["post"],
            when=_when(when),
            at=at,
            words=words if when == IN_WORDS else "",
        )
        return Done()

    async def _look(
        self, request: Request, post_id: str, when: str, at: datetime | None, words: str
    ) -> Moved:
        return await self._scheduling.look(
            request.person,
            post_id,
            when=_when(when),
            at=at,
            words=words if when == IN_WORDS else "",
        )

    async def _view(
        self, request: Request, post_id: str, when: str, at: datetime | None, words: str
    ) -> View:
        zone, due_at, line, understood = "", at, "", None
        shown = await self._scheduling.movable(request.person, post_id)
        zone = shown.admitted.member.zone
        if when == When.AT.value and at is None:
            due_at = shown.post.due_at
        elif when != IN_WORDS or words:
            try:
                moved = await self._look(request, post_id, when, at, words)
                if moved.due_at is not None:
                    line, understood = goes_out(moved.due_at, zone), moved.due_at.isoformat()
            except FieldErrors as error:
                line = f":warning: {escape(str(error))}"
        return reschedule_form(
            zone,
            due_at,
            when,
            words,
            metadata=pack(post=post_id, understood=understood),
            understood=line,
        )


def _when(chosen: str) -> When:
    return When.AT if chosen == IN_WORDS else When(chosen)
