"""The approval card: what is pressed on it, and how it is rendered when it is owed."""

from collections.abc import Mapping

from bot import overview
from bot.overview import PostOverview
from handlers.drafting import DraftForm
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.notices import NotYet, Rendered, Renderer
from handlers.payloads import unpack
from handlers.post_modal import PostModal
from handlers.record import post_record
from handlers.requests import Done, FormAnswer, Press, Submission
from handlers.rescheduling import Rescheduling
from handlers.views import approvals as views
from handlers.views import post_texts
from storage import notices
from storage.records import Card, Notice, Verdict

REST_PAGES = (Card.APPROVAL_REST, Card.APPROVAL_REST_2)


def register(
    desk: Desk, post_modal: PostModal, draft_form: DraftForm, rescheduling: Rescheduling
) -> Mapping[Card, Renderer]:
    """The card's buttons; gives the cards about posts."""
    cards = ApprovalCards(desk, post_modal, draft_form, rescheduling)
    desk.press(Act.APPROVE, cards.approve)
    desk.press(Act.REQUEST_CHANGES, cards.request_changes)
    desk.press(Act.POST_MENU, cards.choose)
    desk.press(Act.EDIT_POST, cards.edit)
    desk.form(Form.COMMENT, cards.submit_comment)
    return {
        Card.APPROVAL: cards.render,
        **dict.fromkeys(REST_PAGES, cards.render_rest),
    }


class ApprovalCards:
    """Brings presses to `bot.approvals`, and shows posts."""

    def __init__(
        self,
        desk: Desk,
        post_modal: PostModal,
        draft_form: DraftForm,
        rescheduling: Rescheduling,
    ) -> None:
        self._services = desk.services
        self._post_modal = post_modal
        self._draft_form = draft_form
        self._rescheduling = rescheduling

    # Presses

    async def approve(self, press: Press) -> None:
        ids = unpack(press.value)
        await self._services.approvals.decide(
            press.person,
            ids["post"],
            Verdict.APPROVED,
            revision_id=ids["revision"],
            version=int(ids["version"]),
        )

    async def request_changes(self, press: Press) -> None:
        await self._ask_for_comment(press, Verdict.CHANGES_REQUESTED)

    async def choose(self, press: Press) -> None:
        ids = unpack(press.value)
        match ids["do"]:
            case "reject":
                await self._ask_for_comment(press, Verdict.REJECTED)
            case "edit":
                await self._draft_form.edit(press, ids["post"])
            case "reschedule":
                await self._rescheduling.ask(press, ids["post"])
            case "cancel":
                await self._services.scheduling.cancel(press.person, ids["post"])
            case "record":
                await press.open(post_record(self._services, press.person, ids["post"]))

    async def edit(self, press: Press) -> None:
        await self._draft_form.edit(press, unpack(press.value)["post"])

    async def _ask_for_comment(self, press: Press, verdict: Verdict) -> None:
        ids = unpack(press.value)
        view = views.comment_form(ids["post"], ids["revision"], verdict.value, press.channel)
        await press.show(view)

    async def submit_comment(self, submission: Submission) -> FormAnswer:
        ids = unpack(submission.metadata)
        await self._services.approvals.decide(
            submission.person,
            ids["post"],
            Verdict(ids["verdict"]),
            revision_id=ids["revision"],
            comment=submission.values["comment"] or "",
        )
        return Done()

    # Cards

    async def _load(self, notice: Notice) -> PostOverview:
        async with self._services.database.reading() as tx:
            return await overview.load(
                tx,
                self._services.accounts,
                notice.workspace_id,
                notice.subject_id,
                now=self._services.clock.now(),
            )

    async def render(self, notice: Notice) -> Rendered:
        shown = await self._load(notice)
        text, blocks = views.card(shown, await self._post_modal.files(shown))
        return Rendered(text, blocks)

    async def render_rest(self, notice: Notice) -> Rendered | None:
        """A page of what didn't fit on the card, in its thread."""
        shown = await self._load(notice)
        blocks = post_texts.in_thread(shown, page=REST_PAGES.index(Card(notice.card)))
        if not blocks:
            if notice.ts is None and notice.begun_at is None:
                return None
            blocks = post_texts.fits_now()  # an earlier text stands there, or may
        async with self._services.database.reading() as tx:
            parent = await notices.of_card(
                tx, notice.workspace_id, Card.APPROVAL, notice.subject_id
            )
        if parent is None or not parent.ts:
            raise NotYet("the card itself isn't posted yet")
        return Rendered("The rest of the text", blocks, thread_ts=parent.ts)
