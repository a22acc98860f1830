"""`/social draft`, the message shortcut and editing: the form, its second step, its drafts."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import overview
from bot.drafting import FormStart, PostForm, Preview, Submitted
from bot.errors import FieldErrors, NotFound, UserError
from handlers.draft_fields import (
    IN_WORDS,
    DraftFields,
    from_json,
    of_post,
    read,
    read_tailored,
    to_form,
    with_pictures,
)
from handlers.ids import Act, Form, Shortcut
from handlers.inbound import (
    CommandCall,
    Desk,
    Done,
    FormAnswer,
    Next,
    Press,
    Request,
    ShortcutCall,
    Submission,
    View,
)
from handlers.payloads import offered_pictures, pack, unpack
from handlers.pictures import Pictures
from handlers.slack_text import message_to_post_text, to_post_text
from handlers.views.drafting import draft_view, goes_out, tailor_view
from storage.records import PostState
from storage.rows import new_id


def register(desk: Desk, pictures: Pictures) -> "DraftForm":
    """The draft form and the ways into it."""
    drafting = DraftForm(desk, pictures)
    desk.command(
        "draft",
        drafting.from_command,
        usage="draft [text]",
        summary="Write a post for one or several networks",
    )
    desk.shortcut(Shortcut.MAKE_POST, drafting.from_message)
    desk.press(Act.OPEN_DRAFT, drafting.from_button)
    desk.press(Act.CONTINUE_DRAFT, drafting.continue_draft)
    desk.press(Act.DROP_DRAFT, drafting.drop_draft)
    desk.press(Act.DRAFT_ANEW, drafting.start_anew)
    for act in (Act.DRAFT_TEXT, Act.DRAFT_TEXT_MORE):
        desk.press(act, drafting.keep)
    for act in (
        Act.DRAFT_ACCOUNTS,
        Act.DRAFT_WHEN,
        Act.DRAFT_WORDS,
        Act.DRAFT_TAILOR,
        Act.DRAFT_CHECK,
    ):
        desk.press(act, drafting.refresh)
    desk.press(Act.TAILOR_CHECK, drafting.refresh_tailored)
    desk.form(Form.DRAFT, drafting.submit, again=drafting.again)
    desk.form(Form.TAILOR, drafting.submit_tailored, again=drafting.again_tailored)
    desk.closed(Form.DRAFT, drafting.close)
    desk.closed(Form.TAILOR, drafting.close)
    return drafting


@dataclass(frozen=True, slots=True)
class Opened:
    """What an open form is about: its draft, the edited post, where it was asked for."""

    draft: str
    post: str | None = None
    revision: str | None = None
    channel: str | None = None
    understood: str | None = None  # the time that was shown for words (ISO, UTC)

    def pack(self) -> str:
        return pack(
            draft=self.draft,
            post=self.post,
            revision=self.revision,
            channel=self.channel,
            understood=self.understood,
        )


class DraftForm:
    """Brings the form's requests to `bot.drafting` and shows what comes of them."""

    def __init__(self, desk: Desk, pictures: Pictures) -> None:
        self._drafting = desk.services.drafting
        self._services = desk.services
        self._pictures = pictures

    # Ways in

    async def from_command(self, call: CommandCall) -> None:
        if not call.words:
            await call.open(self._fresh_or_left(call))
            return
        await call.open(self._filled(call, call.words, to_post_text))

    async def from_button(self, press: Press) -> None:
        await press.open(self._fresh_or_left(press))

    async def from_message(self, call: ShortcutCall) -> None:
        await call.open(self._filled(call, call.message.get("text", ""), message_to_post_text))

    async def continue_draft(self, press: Press) -> None:
        await press.open(self._left(press, press.value))

    async def drop_draft(self, press: Press) -> None:
        await self._drafting.drop(press.person, press.value)

    async def edit(self, press: Press, post_id: str) -> None:
        """Open the form for changing a post (from its card or the queue)."""
        await press.open(self._edited(press, post_id))

    async def _fresh_or_left(self, request: Request) -> View:
        start = await self._drafting.start(request.person)
        if start.draft is None:
            opened = Opened(new_id(), channel=request.channel)
            return await self._first_view(request, start, opened, self._fresh(start))
        opened = Opened(start.draft.id, channel=request.channel)
        fields = from_json(start.draft.fields)
        return await self._first_view(request, start, opened, fields, restored=True)

    async def _filled(self, request: Request, encoded: str, decode: Callable[..., str]) -> View:
        start = await self._drafting.start(request.person)
        names = await self._drafting.names(request.person)
        text = decode(encoded, user_names=names, channel_names={})
        opened = Opened(new_id(), channel=request.channel)
        fields = replace(self._fresh(start), text=text)
        return await self._first_view(request, start, opened, fields)

    async def _left(self, request: Request, draft_id: str) -> View:
        start = await self._drafting.start(request.person)
        draft = await self._drafting.draft(request.person, draft_id)
        if draft is None:
            raise NotFound("This draft isn't there any more.")
        opened = Opened(draft.id, post=draft.post_id, channel=request.channel)
        return await self._first_view(request, start, opened, from_json(draft.fields))

    async def _edited(self, request: Request, post_id: str) -> View:
        start, post, revision = await self._drafting.start_edit(request.person, post_id)
        async with self._services.database.reading() as tx:
            shown = await overview.load(
                tx, self._services.accounts, request.person.workspace_id, post_id
            )
        networks = {key: choice.account.network for key, choice in shown.accounts.items()}
        opened = Opened(new_id(), post=post.id, revision=revision.id, channel=request.channel)
        return await self._first_view(
            request,
            start,
            opened,
            of_post(post, revision, shown.media, networks),
            voids=post.state is PostState.SCHEDULED,
        )

    def _fresh(self, start: FormStart) -> DraftFields:
        return DraftFields(accounts=tuple(sorted(start.chosen)))

    async def _first_view(
        self,
        request: Request,
        start: FormStart,
        opened: Opened,
        fields: DraftFields,
        *,
        restored: bool = False,
        voids: bool = False,
    ) -> View:
        preview = await self._preview(request, fields, opened.post)
        return draft_view(
            start,
            fields,
            metadata=_seen(opened, preview).pack(),
            preview=preview,
            restored=restored,
            voids=voids,
        )

    # While it is open

    async def keep(self, press: Press) -> None:
        """What was typed is kept; the view stays as it is, so nobody's cursor jumps."""
        opened = _opened(press.view)
        await self._keep(press, opened, await self._current(press, opened, press.values))

    async def refresh(self, press: Press) -> None:
        """Counts, the understood time and the fields that belong to a choice are shown anew."""
        opened = _opened(press.view)
        fields = await self._current(press, opened, press.values)
        await self._keep(press, opened, fields)
        await self._update(press, await self._again(press, opened, fields))

    async def refresh_tailored(self, press: Press) -> None:
        opened = _opened(press.view)
        before = await self._kept(press, opened)
        fields = read_tailored(press.values, before)
        await self._keep(press, opened, fields)
        await self._update(press, await self._second(press, opened, fields))

    async def start_anew(self, press: Press) -> None:
        """The draft that came back stays kept; the form begins with a new one."""
        start = await self._drafting.start(press.person)
        opened = Opened(new_id(), channel=_opened(press.view).channel)
        view = await self._first_view(press, start, opened, self._fresh(start))
        await self._update(press, view)

    async def close(self, submission: Submission) -> None:
        """Closed without submitting: say that what was typed is kept, if anything was."""
        opened = _opened(submission.body["view"])
        draft = await self._drafting.draft(submission.person, opened.draft)
        if draft is None:
            return
        if from_json(draft.fields).is_empty:
            await self._drafting.drop(submission.person, draft.id)

    async def _update(self, press: Press, view: View) -> None:
        assert press.view is not None
        # What changed meanwhile (hash_conflict) will be refreshed by its own press.
        with contextlib.suppress(SlackApiError):
            await press.client.views_update(
                view_id=press.view["id"], hash=press.view["hash"], view=view
            )

    # Submitting

    async def submit(self, submission: Submission) -> FormAnswer:
        opened = _opened(submission.body["view"])
        fields = await self._current(submission, opened, submission.values)
        await self._keep(submission, opened, fields)
        files = offered_pictures(submission.values.get("pictures") or [])
        if files:
            try:
                media = await self._pictures.copy(
                    submission.client, submission.person.workspace_id, files
                )
            except UserError as error:
                raise FieldErrors({"pictures": str(error)}) from error
            fields = with_pictures(fields, media)
            await self._keep(submission, opened, fields)
        preview = await self._preview(submission, fields, opened.post)
        if fields.tailor or files:
            base = {k: v for k, v in preview.problems.items() if not _fixed_later(k, fields)}
            if base:
                raise FieldErrors(base)
            return Next(await self._second(submission, opened, fields))
        if preview.problems:
            raise FieldErrors(preview.problems)
        if fields.when == IN_WORDS and _shown(preview) != opened.understood:
            # What was understood is shown in full before it counts.
            return Next(await self._again(submission, opened, fields))
        return await self._hand_in(submission, opened, fields)

    async def submit_tailored(self, submission: Submission) -> FormAnswer:
        opened = _opened(submission.body["view"])
        before = await self._kept(submission, opened)
        fields = read_tailored(submission.values, before)
        await self._keep(submission, opened, fields)
        return await self._hand_in(submission, opened, fields)

    async def again(self, submission: Submission, problem: str) -> View:
        """The form with everything that was filled in, pictures included."""
        opened = _opened(submission.body["view"])
        fields = await self._current(submission, opened, submission.values)
        return await self._again(submission, opened, fields, problem=problem)

    async def again_tailored(self, submission: Submission, problem: str) -> View:
        opened = _opened(submission.body["view"])
        fields = read_tailored(submission.values, await self._kept(submission, opened))
        return await self._second(submission, opened, fields, problem=problem)

    async def _hand_in(
        self, submission: Submission, opened: Opened, fields: DraftFields
    ) -> FormAnswer:
        submitted = await self._drafting.submit(
            submission.person,
            to_form(fields),
            draft_id=opened.draft,
            post_id=opened.post,
            revision_id=opened.revision,
        )

        async def confirm() -> None:
            await self._confirm(submission, opened, submitted)

        return Done(confirm if opened.channel else None)

    async def _confirm(self, submission: Submission, opened: Opened, submitted: Submitted) -> None:
        """Where it was asked for, and only to who asked: what happens next."""
        start = await self._drafting.start(submission.person)
        channel = start.admitted.workspace.approvals_channel
        zone = start.admitted.member.zone
        due_at = submitted.post.due_at
        if submitted.needs_approval:
            where = f"It waits for approval in <#{channel}>. "
            when = (
                "It goes out as soon as it's approved."
                if due_at is None
                else (f"Once approved it g{goes_out(due_at, zone)[1:]}")
            )
        else:
            where = "It's scheduled. "
            when = goes_out(due_at, zone) if due_at else ""
        request = replace(submission, channel=opened.channel)
        await request.whisper(f"{where}{when}")

    # What the form holds

    async def _kept(self, request: Request, opened: Opened) -> DraftFields:
        draft = await self._drafting.draft(request.person, opened.draft)
        if draft is not None:
            return from_json(draft.fields)
        if opened.post is None:
            return DraftFields()
        _, post, revision = await self._drafting.start_edit(request.person, opened.post)
        async with self._services.database.reading() as tx:
            shown = await overview.load(
                tx, self._services.accounts, request.person.workspace_id, post.id
            )
        networks = {key: choice.account.network for key, choice in shown.accounts.items()}
        return of_post(post, revision, shown.media, networks)

    async def _current(
        self, request: Request, opened: Opened, values: Mapping[str, Any]
    ) -> DraftFields:
        return read(values, await self._kept(request, opened))

    async def _keep(self, request: Request, opened: Opened, fields: DraftFields) -> None:
        await self._drafting.keep(request.person, opened.draft, fields.to_json(), opened.post)

    async def _preview(self, request: Request, fields: DraftFields, post_id: str | None) -> Preview:
        problems: dict[str, str] = {}
        try:
            form = to_form(fields)
        except FieldErrors as error:
            problems = error.fields
            form = PostForm(text=fields.text, account_ids=fields.accounts, link=fields.link)
        preview = await self._drafting.preview(request.person, form, post_id)
        return replace(preview, problems={**preview.problems, **problems})

    async def _again(
        self,
        request: Request,
        opened: Opened,
        fields: DraftFields,
        *,
        problem: str | None = None,
    ) -> View:
        preview = await self._preview(request, fields, opened.post)
        return draft_view(
            preview.start,
            fields,
            metadata=_seen(opened, preview).pack(),
            preview=preview,
            problem=problem,
        )

    async def _second(
        self,
        request: Request,
        opened: Opened,
        fields: DraftFields,
        *,
        problem: str | None = None,
    ) -> View:
        preview = await self._preview(request, fields, opened.post)
        labels = {
            choice.account.network: self._services.accounts.network(choice.account).label
            for choice in preview.start.choices
            if choice.account.id in fields.accounts
        }
        return tailor_view(
            preview.start,
            fields,
            preview,
            metadata=opened.pack(),
            labels=list(labels.items()),
            problem=problem,
        )


def _opened(view: Mapping[str, Any] | None) -> Opened:
    assert view is not None
    return Opened(**unpack(view["private_metadata"]))


def _shown(preview: Preview) -> str | None:
    return preview.due_at.isoformat() if preview.due_at else None


def _seen(opened: Opened, preview: Preview) -> Opened:
    return replace(opened, understood=_shown(preview))


def _fixed_later(field_name: str, fields: DraftFields) -> bool:
    """Lengths can still be mended in the second step when the text is tailored there."""
    return fields.tailor and (field_name == "text" or field_name.startswith("text:"))
