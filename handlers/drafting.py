"""`/social draft`, the message shortcut and editing: the form, its second step, its drafts."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.cards import NEAR
from bot.drafting import FormStart, Submitted
from bot.errors import FieldErrors, NotFound, UserError
from handlers.draft_content import DraftContent, Opened
from handlers.draft_fields import (
    DraftFields,
    from_json,
    has_outgrown,
    read_tailored,
    to_form,
    with_pictures,
)
from handlers.ids import Act, Form, Shortcut
from handlers.inbound import Desk
from handlers.payloads import offered_pictures
from handlers.pictures import Pictures
from handlers.refreshing import Refreshing
from handlers.replacing import replace_message
from handlers.requests import (
    CommandCall,
    Done,
    FormAnswer,
    Next,
    Press,
    Request,
    ShortcutCall,
    Submission,
    View,
)
from handlers.slack_text import message_to_post_text, to_post_text
from handlers.turns import Turns
from handlers.views.brake import brake_line
from handlers.views.drafting import Banner, left_blocks
from handlers.views.post_times import in_full
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
    for act in (Act.DRAFT_TEXT, Act.DRAFT_LINK):
        desk.press(act, drafting.keep)
    for act in (Act.TAILOR_TEXT, Act.TAILOR_ALT):
        desk.press(act, drafting.keep_tailored)
    for act in (
        Act.DRAFT_ACCOUNTS,
        Act.DRAFT_WHEN,
        Act.DRAFT_AT,
        Act.DRAFT_WORDS,
        Act.DRAFT_TAILOR,
        Act.DRAFT_CAMPAIGN,
        Act.DRAFT_CHECK,
    ):
        desk.press(act, drafting.refresh)
    desk.press(Act.TAILOR_CHECK, drafting.refresh_tailored)
    desk.form(Form.DRAFT, drafting.submit, again=drafting.again)
    desk.form(Form.TAILOR, drafting.submit_tailored, again=drafting.again_tailored)
    desk.closed(Form.DRAFT, drafting.close)
    desk.closed(Form.TAILOR, drafting.close)
    return drafting


class DraftForm:
    """Brings the form's requests to `bot.drafting` and shows what comes of them."""

    def __init__(self, desk: Desk, pictures: Pictures) -> None:
        self._drafting = desk.services.drafting
        self._brakes = desk.services.brakes
        self._content = DraftContent(desk.services)
        self._pictures = pictures
        self._refreshing = Refreshing()
        self._turns = Turns()

    # Ways in

    async def from_command(self, call: CommandCall) -> None:
        if not call.words:
            await call.open(self._fresh_or_left(call))
            return
        opened = Opened(new_id(), channel=call.channel)
        filled = asyncio.ensure_future(self._filled(call, call.words, to_post_text))

        async def view() -> View:
            return await self._content.first(call, opened, await filled)

        async with self._turns.of(opened.draft):
            await call.open(view())
            await self._content.keep(call, opened, await filled)

    async def from_button(self, press: Press) -> None:
        await press.open(self._fresh_or_left(press))

    async def from_message(self, call: ShortcutCall) -> None:
        await call.open(self._of_message(call))

    async def continue_draft(self, press: Press) -> None:
        await press.open(self._left(press, press.value))

    async def drop_draft(self, press: Press) -> None:
        await self._drafting.drop(press.person, press.value)
        await replace_message(press, "The draft is thrown away.")

    async def edit(self, press: Press, post_id: str) -> None:
        """Open the form for changing a post (from its card or the queue)."""
        await press.open(self._edited(press, post_id))

    async def _fresh_or_left(self, request: Request) -> View:
        start = await self._drafting.start(request.person)
        if start.draft is not None:
            opened = Opened(start.draft.id, channel=request.channel)
            fields = from_json(start.draft.fields)
            return await self._content.first(
                request, opened, fields, start=start, banner=Banner.DRAFT_IS_BACK
            )
        opened = Opened(new_id(), channel=request.channel)
        return await self._content.first(request, opened, _fresh(start), start=start)

    async def _filled(
        self, request: Request, encoded: str, decode: Callable[..., str]
    ) -> DraftFields:
        start = await self._drafting.start(request.person)
        names = await self._drafting.names(request.person)
        return replace(_fresh(start), text=decode(encoded, user_names=names, channel_names={}))

    async def _of_message(self, call: ShortcutCall) -> View:
        fields = await self._filled(call, call.message.get("text", ""), message_to_post_text)
        return await self._content.first(call, Opened(new_id(), channel=call.channel), fields)

    async def _left(self, request: Request, draft_id: str) -> View:
        draft = await self._drafting.draft(request.person, draft_id)
        if draft is None:
            raise NotFound("This draft isn't there any more.")
        if draft.post_id is not None:
            return await self._edited(request, draft.post_id)
        opened = Opened(draft.id, channel=request.channel)
        return await self._content.first(request, opened, from_json(draft.fields))

    async def _edited(self, request: Request, post_id: str, *, anew: bool = False) -> View:
        """The form over a post, or over the changes of it that were left unfinished."""
        start = await self._drafting.start_edit(request.person, post_id)
        draft = None if anew else start.draft
        opened = Opened(
            draft.id if draft else new_id(),
            post=post_id,
            revision=start.revision.id,
            channel=request.channel,
        )
        banner = Banner.VOIDS if start.post.state is PostState.SCHEDULED else None
        if draft is None:
            fields = await self._content.of_post(request, start)
        else:
            fields = from_json(draft.fields)
            is_newer = start.revision.created_at > draft.updated_at
            banner = Banner.OLD_CHANGES_ARE_BACK if is_newer else Banner.CHANGES_ARE_BACK
        return await self._content.first(request, opened, fields, start=start.start, banner=banner)

    # While it is open

    async def keep(self, press: Press) -> None:
        """What was typed is kept; the view stays as it is, so nobody's cursor jumps, unless the
        text needs a further input."""
        if has_outgrown(press.values):
            await self.refresh(press)
            return
        opened = Opened.of(press.view)
        async with self._turns.of(opened.draft):
            await self._content.keep(press, opened, await self._content.current(press, opened))

    async def keep_tailored(self, press: Press) -> None:
        if has_outgrown(press.values):
            await self.refresh_tailored(press)
            return
        opened = Opened.of(press.view)
        async with self._turns.of(opened.draft):
            before = await self._content.kept(press, opened)
            await self._content.keep(press, opened, read_tailored(press.values, before))

    async def refresh(self, press: Press) -> None:
        """Counts, the understood time and the fields that belong to a choice are shown anew."""
        self._refreshing.pressed(press)
        opened = Opened.of(press.view)
        async with self._turns.of(opened.draft):
            fields = await self._content.current(press, opened)
            await self._content.keep(press, opened, fields)
        await self._refreshing.show(press, await self._content.first(press, opened, fields))

    async def refresh_tailored(self, press: Press) -> None:
        self._refreshing.pressed(press)
        opened = Opened.of(press.view)
        async with self._turns.of(opened.draft):
            fields = read_tailored(press.values, await self._content.kept(press, opened))
            await self._content.keep(press, opened, fields)
        await self._refreshing.show(press, await self._content.second(press, opened, fields))

    async def start_anew(self, press: Press) -> None:
        """A form without what came back, on top of the one with it (which stays kept).

        It can't take its place: Slack keeps what is in an input through an update of the view.
        """
        before = Opened.of(press.view)
        request = replace(press, channel=before.channel)
        if before.post is not None:
            await press.push(await self._edited(request, before.post, anew=True))
            return
        start = await self._drafting.start(press.person)
        opened = Opened(new_id(), channel=before.channel)
        await press.push(await self._content.first(request, opened, _fresh(start), start=start))

    async def close(self, submission: Submission) -> None:
        """Closed without submitting: say that what was typed is kept, if anything was."""
        opened = Opened.of(submission.body["view"])
        async with self._turns.of(opened.draft):
            draft = await self._drafting.draft(submission.person, opened.draft)
            if draft is None:
                return
            if from_json(draft.fields).is_empty:
                await self._drafting.drop(submission.person, draft.id)
                return
        if opened.channel is not None:
            request = replace(submission, channel=opened.channel)
            await request.whisper("What you typed is kept.", left_blocks(draft.id))

    # Submitting

    async def submit(self, submission: Submission) -> FormAnswer:
        opened = Opened.of(submission.body["view"])
        async with self._turns.of(opened.draft):
            return await self._submit(submission, opened)

    async def _submit(self, submission: Submission, opened: Opened) -> FormAnswer:
        fields = await self._content.current(submission, opened)
        await self._content.keep(submission, opened, fields)
        fields, has_new = await self._with_new_pictures(submission, opened, fields)
        preview = await self._content.preview(submission, opened, fields)
        if fields.tailor or has_new:
            base = {k: v for k, v in preview.problems.items() if not _fixed_later(k, fields)}
            if base:
                raise FieldErrors(base)
            return Next(await self._content.second(submission, opened, fields))
        if preview.problems:
            raise FieldErrors(preview.problems)
        if not opened.has_shown(fields):
            # What was understood is shown in full before it counts.
            return Next(await self._content.first(submission, opened, fields, ask=True))
        return await self._hand_in(submission, opened, fields)

    async def _with_new_pictures(
        self, submission: Submission, opened: Opened, fields: DraftFields
    ) -> tuple[DraftFields, bool]:
        files = offered_pictures(submission.values.get("pictures") or [])
        if not files:
            return fields, False
        try:
            media = await self._pictures.copy(
                submission.client, submission.person.workspace_id, files
            )
        except UserError as error:
            raise FieldErrors({"pictures": str(error)}) from error
        with_new = with_pictures(fields, media)
        await self._content.keep(submission, opened, with_new)
        return with_new, True

    async def submit_tailored(self, submission: Submission) -> FormAnswer:
        opened = Opened.of(submission.body["view"])
        async with self._turns.of(opened.draft):
            before = await self._content.kept(submission, opened)
            fields = read_tailored(submission.values, before)
            await self._content.keep(submission, opened, fields)
            return await self._hand_in(submission, opened, fields)

    async def again(self, submission: Submission, problem: str) -> View:
        """The form with everything that was filled in, pictures included."""
        opened = Opened.of(submission.body["view"])
        fields = await self._content.current(submission, opened, with_copied=True)
        return await self._content.first(submission, opened, fields, problem=problem)

    async def again_tailored(self, submission: Submission, problem: str) -> View:
        opened = Opened.of(submission.body["view"])
        fields = read_tailored(submission.values, await self._content.kept(submission, opened))
        return await self._content.second(submission, opened, fields, problem=problem)

    async def _hand_in(
        self, submission: Submission, opened: Opened, fields: DraftFields
    ) -> FormAnswer:
        submitted = await self._drafting.submit(
            submission.person,
            to_form(fields, understood=opened.at(fields)),
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
        due_at = submitted.post.due_at
        when = "" if due_at is None else in_full(due_at, start.admitted.member.zone)
        if not submitted.needs_approval:
            said = f"It's scheduled for {when}."
        elif due_at is None:
            said = f"It waits for approval in <#{channel}>. It goes out as soon as it's approved."
        elif not submitted.has_card:
            hours = NEAR // timedelta(hours=1)
            said = (
                f"It waits for approval. Approvers get it in their daily list; if nobody has "
                f"decided {hours} hours before it is due, its card comes up in <#{channel}>. Once "
                f"approved, it goes out {when}. You find it in `/social queue`."
            )
        else:
            said = f"It waits for approval in <#{channel}>. Once approved, it goes out {when}."
        lines = [said]
        for brake in await self._brakes.standing(start.admitted.workspace.id):
            lines.append(f":no_entry: {brake_line(brake)}. What comes due there is held.")
        await replace(submission, channel=opened.channel).whisper("\n".join(lines))


def _fresh(start: FormStart) -> DraftFields:
    return DraftFields(accounts=tuple(sorted(start.chosen)))


def _fixed_later(field_name: str, fields: DraftFields) -> bool:
    """Lengths can still be mended in the second step when the text is tailored there."""
    return fields.tailor and (field_name == "text" or field_name.startswith("text:"))
