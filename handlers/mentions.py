"""Mentions in Slack: the card and what is pressed on it, replies, `/social mentions`, the list of
possibly negative ones."""

from collections.abc import Mapping

from bot.composing import PostForm
from bot.mentions import MentionOverview
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.notices import NotYet, Rendered, Renderer
from handlers.payloads import pack, unpack
from handlers.refreshing import Refreshing
from handlers.requests import Done, FormAnswer, Press, Request, Submission, View
from handlers.slack_text import CustomEmoji, escape, form_to_post_text
from handlers.turns import Turns
from handlers.views import mention_lists
from handlers.views import mentions as views
from handlers.views.drafting import counted
from storage import mentions, notices
from storage.records import Card, Notice, NoticeState


def register(desk: Desk) -> Mapping[Card, Renderer]:
    """Everything about mentions; gives the cards about them."""
    cards = MentionCards(desk)
    desk.press(Act.MENTION_REPLY, cards.reply)
    desk.press(Act.MENTION_ROUTE, cards.route)
    desk.press(Act.MENTION_MENU, cards.choose)
    desk.press(Act.REPLY_CHECK, cards.check_reply)
    desk.press(Act.REPLY_TEXT, cards.keep_reply)
    desk.ignore(Act.REPLY_RESOLVES)
    desk.form(Form.REPLY, cards.submit_reply)
    lists = MentionLists(desk, cards)
    desk.command(
        "mentions", lists.show, usage="mentions", summary="What people say that needs an answer"
    )
    desk.press(Act.OPEN_MENTIONS, lists.show)
    desk.press(Act.MENTIONS_PREVIOUS, lists.turn)
    desk.press(Act.MENTIONS_NEXT, lists.turn)
    desk.press(Act.MENTIONS_MENU, lists.choose)
    desk.press(Act.DOUBTFUL_MENU, cards.choose)
    desk.press(Act.DOUBTFUL_DISMISS, lists.dismiss_all)
    return {
        Card.MENTION: cards.render,
        Card.ROUTED: cards.render,
        Card.WROTE_AGAIN: cards.render_wrote_again,
        Card.DOUBTFUL: lists.render_doubtful,
    }


class MentionCards:
    """Brings presses to `bot.triage`, and shows mentions."""

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services
        self._triage = desk.services.triage
        self._refreshing = Refreshing()
        self._turns = Turns()

    # Presses

    async def reply(self, press: Press) -> None:
        await self.open_reply(press, press.value)

    async def open_reply(self, press: Press, mention_id: str) -> None:
        """Claim the mention and open the form, on top of the modal the person is in, if any."""
        making = self._begin_reply(press, mention_id)
        if press.view is not None and press.view.get("type") == "modal":
            await press.push(await making)
        else:
            await press.open(making)

    async def _begin_reply(self, press: Press, mention_id: str) -> View:
        start = await self._services.replying.start(press.person, mention_id)
        text = start.text or views.first_sentences(start.shown.mention)
        return await self._reply_view(
            start.shown, text, resolves=False, reply_id=start.reply_id, is_back=start.is_back
        )

    async def keep_reply(self, press: Press) -> None:
        """What was typed is kept; the view stays as it is, so nobody's cursor jumps."""
        assert press.view is not None
        await self._keep(press, unpack(press.view["private_metadata"]))

    async def _keep(self, request: Press | Submission, ids: Mapping[str, str]) -> None:
        async with self._turns.of(ids["reply"]):
            await self._services.replying.keep(
                request.person,
                ids["mention"],
                request.values.get("text") or "",
                reply_id=ids["reply"],
            )

    async def check_reply(self, press: Press) -> None:
        """Count what is typed."""
        assert press.view is not None
        self._refreshing.pressed(press)
        ids = unpack(press.view["private_metadata"])
        await self._keep(press, ids)
        shown = await self._services.mentions.to_answer(press.person, ids["mention"])
        text = press.values.get("text") or ""
        resolves = views.RESOLVES in (press.values.get("resolves") or [])
        view = await self._reply_view(
            shown, text, resolves=resolves, reply_id=ids["reply"], is_back="is_back" in ids
        )
        await self._refreshing.show(press, view)

    async def _reply_view(
        self, shown: MentionOverview, text: str, *, resolves: bool, reply_id: str, is_back: bool
    ) -> View:
        workspace_id, choice = shown.workspace.id, shown.choice
        return views.reply_form(
            shown,
            text,
            count=self._count(shown, text),
            resolves=resolves,
            asks=await self._services.replying.needs_approval(workspace_id, choice),
            is_back=is_back,
            metadata=pack(
                mention=shown.mention.id, reply=reply_id, is_back="yes" if is_back else None
            ),
        )

    def _count(self, shown: MentionOverview, text: str) -> str:
        if shown.choice is None:
            return " "
        try:
            form = PostForm(form_to_post_text(text), (shown.choice.account.id,))
        except CustomEmoji as error:  # what comes back may have one
            return f":warning: {escape(str(error))}"
        [count] = self._services.drafting.counts(form, [shown.choice])
        return counted(count)

    async def submit_reply(self, submission: Submission) -> FormAnswer:
        ids = unpack(submission.metadata)
        await self._keep(submission, ids)  # it may be refused
        async with self._turns.of(ids["reply"]):
            await self._services.replying.send(
                submission.person,
                ids["mention"],
                form_to_post_text(submission.values.get("text") or ""),
                resolves=views.RESOLVES in (submission.values.get("resolves") or []),
                reply_id=ids["reply"],
            )
        return Done()

    async def route(self, press: Press) -> None:
        ids = unpack(press.value)
        await self._triage.route(press.person, ids["mention"], ids["team"])

    async def choose(self, press: Press) -> None:
        await self.do(press, unpack(press.value))

    async def do(self, press: Press, ids: Mapping[str, str]) -> str:
        """A menu's choice; what was done, in words."""
        person, mention_id = press.person, ids["mention"]
        match ids["do"]:
            case "claim":
                await self._triage.claim(person, mention_id)
                return "It is yours."
            case "take_over":
                await self._triage.claim(person, mention_id, take_over=True)
                return "It is yours now."
            case "release":
                await self._triage.release(person, mention_id)
                return "It is everybody's again."
            case "resolve":
                await self._triage.resolve(person, mention_id)
                return "Resolved."
            case "dismiss":
                await self._triage.dismiss(person, mention_id)
                return "Noted: it isn't negative."
            case "reopen":
                await self._triage.reopen(person, mention_id)
                return "It is open again."
            case _:
                await self._triage.is_negative(person, mention_id)
                return "It has its card in the alerts channel now."

    # Cards

    async def render(self, notice: Notice) -> Rendered:
        shown = await self._services.mentions.card(notice.workspace_id, notice.subject_id)
        now = self._services.clock.now()
        text, blocks = views.card(shown, now, channel=notice.destination)
        return Rendered(text, blocks)

    async def render_wrote_again(self, notice: Notice) -> Rendered | None:
        """In the thread of the card that stands in the same channel."""
        async with self._services.database.reading() as tx:
            later = await mentions.get(tx, notice.workspace_id, notice.subject_id)
            assert later is not None
            assert later.continues is not None
            earlier = await mentions.get(tx, notice.workspace_id, later.continues)
            assert earlier is not None
            cards = await notices.of_subject(tx, notice.workspace_id, earlier.id)
        here = [card for card in cards if card.destination == notice.destination]
        if any(card.state is NoticeState.BROKEN for card in here):
            return None  # the card itself can't be shown there
        if here and not any(card.ts for card in here):
            raise NotYet("the card itself isn't posted yet")
        text, blocks = views.wrote_again(earlier, later)
        return Rendered(text, blocks, thread_ts=next((c.ts for c in here if c.ts), None))


class MentionLists:
    """`/social mentions` and the list of possibly negative ones."""

    def __init__(self, desk: Desk, cards: MentionCards) -> None:
        self._services = desk.services
        self._cards = cards

    async def show(self, request: Request) -> None:
        await request.open(self._view(request, 0))

    async def _view(self, request: Request, page: int, note: str = "") -> View:
        shown = await self._services.mentions.open_ones(request.person, page)
        return mention_lists.mentions_modal(shown, note=note)

    async def turn(self, press: Press) -> None:
        await self._update(press, int(press.value))

    async def choose(self, press: Press) -> None:
        """A menu in the modal: do it, then show what is left."""
        assert press.view is not None
        ids = unpack(press.value)
        if ids["do"] == "reply":
            await self._cards.open_reply(press, ids["mention"])
            return
        note = await self._cards.do(press, ids)
        page = int(unpack(press.view["private_metadata"])["page"])
        await self._update(press, page, note)

    async def _update(self, press: Press, page: int, note: str = "") -> None:
        assert press.view is not None
        view = await self._view(press, page, note)
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def dismiss_all(self, press: Press) -> None:
        await self._services.triage.dismiss_list(press.person, press.value)

    async def render_doubtful(self, notice: Notice) -> Rendered:
        shown = await self._services.mentions.doubtful_list(notice.workspace_id, notice.subject_id)
        text, blocks = mention_lists.doubtful_list(notice.subject_id, shown)
        return Rendered(text, blocks)
