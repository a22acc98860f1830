"""Suggesting another text, and taking it: the form, the message in the card's thread, the press."""

from collections.abc import Mapping

from bot import overview
from bot.errors import FieldErrors, UserError
from bot.overview import PostOverview
from bot.suggestions import Passed
from handlers.card_threads import thread_of
from handlers.draft_fields import joined_texts
from handlers.errors import explain
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.payloads import unpack
from handlers.requests import Done, FormAnswer, Press, Submission
from handlers.slack_text import form_to_post_text
from handlers.views import suggestions as views
from storage import posts, suggestions
from storage.records import Card, Notice


def register(desk: Desk) -> Mapping[Card, Renderer]:
    """The form and the press; gives the message in the card's thread."""
    suggesting = Suggesting(desk)
    desk.press(Act.SUGGEST, suggesting.open)
    desk.form(Form.SUGGEST, suggesting.submit)
    desk.press(Act.USE_SUGGESTION, suggesting.use)
    return {Card.SUGGESTED: suggesting.render}


class Suggesting:
    """Brings presses to `bot.suggestions`."""

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services

    async def open(self, press: Press) -> None:
        """In the place of the form that asks for changes; what was typed there stays."""
        assert press.view is not None
        metadata = press.view["private_metadata"]
        fields = await self._services.suggestions.start(press.person, unpack(metadata)["revision"])
        view = views.suggestion_form(fields, metadata, comment=press.values.get("comment") or "")
        await press.client.views_update(
            view_id=press.view["id"], hash=press.view["hash"], view=view
        )

    async def submit(self, submission: Submission) -> FormAnswer:
        ids = unpack(submission.metadata)
        texts: dict[str, str] = {}
        problems: dict[str, str] = {}
        for name, typed in joined_texts(submission.values).items():
            try:
                texts[name] = form_to_post_text(typed).strip()
            except UserError as error:
                problems[name] = str(error)
        if problems:
            raise FieldErrors(problems)
        await self._services.suggestions.suggest(
            submission.person,
            ids["post"],
            ids["revision"],
            texts,
            submission.values["comment"] or "",
        )
        return Done()

    async def use(self, press: Press) -> None:
        try:
            await self._services.suggestions.take(press.person, unpack(press.value)["suggestion"])
        except Passed as passed:
            said = explain(passed)
            workspace_id = press.person.workspace_id
            shown = await self._load(workspace_id, passed.suggestion.post_id)
            await press.whisper(said, views.to_copy(said, passed.suggestion, shown))

    async def _load(self, workspace_id: str, post_id: str) -> PostOverview:
        async with self._services.database.reading() as tx:
            now = self._services.clock.now()
            return await overview.load(tx, self._services.accounts, workspace_id, post_id, now=now)

    async def render(self, notice: Notice) -> Rendered | None:
        async with self._services.database.reading() as tx:
            suggestion = await suggestions.get(tx, notice.workspace_id, notice.subject_id)
            assert suggestion is not None  # they are never deleted
            on = await posts.revision(tx, notice.workspace_id, suggestion.revision_id)
            assert on is not None
            thread_ts = await thread_of(tx, notice, suggestion.post_id)
        if thread_ts is None:
            return None
        shown = await self._load(notice.workspace_id, suggestion.post_id)
        return Rendered(*views.suggested(shown, suggestion, on), thread_ts)
