"""What an open draft form holds, and the views that show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import overview
from bot.composing import PostForm
from bot.drafting import EditStart, FormStart, Preview
from bot.errors import FieldErrors
from bot.services import Services
from handlers.draft_fields import IN_WORDS, DraftFields, from_json, of_post, read, to_form
from handlers.payloads import pack, unpack
from handlers.requests import Press, Request, Submission, View
from handlers.views.blocks import Block
from handlers.views.comments import above_form
from handlers.views.drafting import Banner, draft_view, tailor_view


@dataclass(frozen=True, slots=True)
class Opened:
    """What an open form is about: its draft, the edited post, where it was asked for; and the
    words of a time with how they were understood (ISO, UTC), once that was shown."""

    draft: str
    post: str | None = None
    revision: str | None = None
    channel: str | None = None
    words: str | None = None
    understood: str | None = None

    @classmethod
    def of(cls, view: Mapping[str, Any] | None) -> "Opened":
        """From the view that is open."""
        assert view is not None
        return cls(**unpack(view["private_metadata"]))

    def pack(self) -> str:
        return pack(
            draft=self.draft,
            post=self.post,
            revision=self.revision,
            channel=self.channel,
            words=self.words,
            understood=self.understood,
        )

    def has_shown(self, fields: DraftFields) -> bool:
        """Whether the person has seen how these very words are understood."""
        return fields.when != IN_WORDS or self.words == fields.words

    def at(self, fields: DraftFields) -> datetime | None:
        """How these very words were understood when they were shown."""
        if fields.when != IN_WORDS or self.words != fields.words or not self.understood:
            return None
        return datetime.fromisoformat(self.understood)

    def showing(self, fields: DraftFields, preview: Preview) -> "Opened":
        """The same, with the time that is shown now."""
        if fields.when != IN_WORDS or "words" in preview.problems:
            return replace(self, words=None, understood=None)
        shown = preview.due_at.isoformat() if preview.due_at else None
        return replace(self, words=fields.words, understood=shown)


class DraftContent:
    """Reads, keeps and shows what is in a form."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._drafting = services.drafting

    async def kept(self, request: Request, opened: Opened) -> DraftFields:
        """What was in the form when it was last kept, or what it began with."""
        draft = await self._drafting.draft(request.person, opened.draft)
        if draft is not None:
            return from_json(draft.fields)
        if opened.post is None:
            return DraftFields()
        return await self.of_post(
            request, await self._drafting.start_edit(request.person, opened.post)
        )

    async def of_post(self, request: Request, start: EditStart) -> DraftFields:
        """A post's content as the form shows it."""
        async with self._services.database.reading() as tx:
            shown = await overview.load(
                tx,
                self._services.accounts,
                request.person.workspace_id,
                start.post.id,
                now=self._services.clock.now(),
            )
        networks = {key: choice.account.network for key, choice in shown.accounts.items()}
        return of_post(start.post, start.revision, shown.media, networks)

    async def current(
        self, request: Press | Submission, opened: Opened, *, with_copied: bool = False
    ) -> DraftFields:
        """What is in the open form now.

        :param with_copied: pictures that were copied while it was open belong to it.
        """
        before = await self.kept(request, opened)
        fields = read(request.values, before)
        return replace(fields, pictures=before.pictures) if with_copied else fields

    async def keep(self, request: Request, opened: Opened, fields: DraftFields) -> None:
        await self._drafting.keep(request.person, opened.draft, fields.to_json(), opened.post)

    async def preview(self, request: Request, opened: Opened, fields: DraftFields) -> Preview:
        """Everything that submitting would say."""
        return await self._preview(request, opened, fields, opened.at(fields))

    async def _preview(
        self, request: Request, opened: Opened, fields: DraftFields, at: datetime | None
    ) -> Preview:
        problems: dict[str, str] = {}
        try:
            form = to_form(fields, understood=at)
        except FieldErrors as error:
            problems = error.fields
            form = PostForm(text=fields.text, account_ids=fields.accounts, link=fields.link)
        preview = await self._drafting.preview(request.person, form, opened.post)
        return replace(preview, problems={**preview.problems, **problems})

    async def _said(self, request: Request, opened: Opened) -> Sequence[Block]:
        """What the author was asked for, as long as the form is open."""
        if opened.post is None:
            return []
        return above_form(await self._services.comments.said(request.person, opened.post))

    async def first(
        self,
        request: Request,
        opened: Opened,
        fields: DraftFields,
        *,
        start: FormStart | None = None,
        banner: Banner | None = None,
        ask: bool = False,
        problem: str | None = None,
    ) -> View:
        """The form, with counts and times as they are now.

        :param ask: it was submitted, and the time has to be confirmed.
        """
        preview = await self._preview(request, opened, fields, None)
        return draft_view(
            start or preview.start,
            fields,
            metadata=opened.showing(fields, preview).pack(),
            preview=preview,
            banner=banner,
            said=await self._said(request, opened),
            ask=ask,
            problem=problem,
        )

    async def second(
        self,
        request: Request,
        opened: Opened,
        fields: DraftFields,
        *,
        problem: str | None = None,
    ) -> View:
        """The second step, for texts per network and descriptions of pictures."""
        preview = await self.preview(request, opened, fields)
        labels = {
            choice.account.network: self._services.accounts.network(choice.account).label
            for choice in preview.start.choices
            if choice.account.id in fields.accounts
        }
        return tailor_view(
            preview.start,
            fields,
            preview,
            metadata=opened.showing(fields, preview).pack(),
            labels=list(labels.items()),
            said=await self._said(request, opened),
            problem=problem,
        )
