"""`/social queue`: what is coming, and its menu. `/social slots`: the posting times."""

from bot import times
from bot.errors import FieldErrors, UserError
from bot.free_times import slots_of
from bot.team import Action
from handlers.drafting import DraftForm
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import pack, unpack
from handlers.post_modal import PostModal
from handlers.replacing import replace_message
from handlers.requests import Done, FormAnswer, Press, Request, Submission, View
from handlers.rescheduling import Rescheduling
from handlers.views.blocks import Block
from handlers.views.brake import brake_blocks
from handlers.views.queue import queue_blocks, slots_form
from storage.records import Slot


def register(
    desk: Desk, draft_form: DraftForm, rescheduling: Rescheduling, post_modal: PostModal
) -> None:
    """The queue and the posting times."""
    queue = Queue(desk, draft_form, rescheduling, post_modal)
    desk.command("queue", queue.show, usage="queue", summary="See and change what is coming")
    desk.command(
        "slots", queue.open_slots, usage="slots", summary="See and change the posting times"
    )
    desk.press(Act.OPEN_QUEUE, queue.show)
    desk.press(Act.OPEN_SLOTS, queue.open_slots)
    desk.press(Act.QUEUE_MENU, queue.choose)
    desk.press(Act.SLOTS_ACCOUNT, queue.switch_slots)
    desk.form(Form.SLOTS, queue.submit_slots)


CANCELLED = (
    "Cancelled: it won't go out. Its text is kept: *Edit* on its card, or below under *Lately*, "
    "brings it back."
)


class Queue:
    """What is coming."""

    def __init__(
        self, desk: Desk, draft_form: DraftForm, rescheduling: Rescheduling, post_modal: PostModal
    ) -> None:
        self._services = desk.services
        self._draft_form = draft_form
        self._rescheduling = rescheduling
        self._post_modal = post_modal

    async def show(self, request: Request) -> None:
        await request.whisper("What is coming", await self._blocks(request))

    async def _blocks(self, request: Request, *, note: str = "") -> list[Block]:
        items, total = await self._services.scheduling.coming(request.person)
        lately = await self._services.scheduling.lately(request.person)
        labels = {
            account.id: self._services.accounts.choice(account).label
            for item in [*items, *lately]
            for account in item.accounts
        }
        standing = await self._services.brakes.standing(request.person.workspace_id)
        now = self._services.clock.now()
        return queue_blocks(
            items,
            labels,
            total,
            lately=lately,
            now=now,
            paused=brake_blocks(standing),
            note=note,
        )

    async def choose(self, press: Press) -> None:
        ids = unpack(press.value)
        match ids["do"]:
            case "open":
                await self._post_modal.open(press, ids["post"])
            case "edit":
                await self._draft_form.edit(press, ids["post"])
            case "reschedule":
                await self._rescheduling.ask(press, ids["post"])
            case "cancel":
                await self._services.scheduling.cancel(press.person, ids["post"])
                blocks = await self._blocks(press, note=CANCELLED)
                await replace_message(press, CANCELLED, blocks)

    async def open_slots(self, request: Request) -> None:
        await request.open(self._slots_view(request, None))

    async def switch_slots(self, press: Press) -> None:
        assert press.view is not None
        view = await self._slots_view(press, press.value)
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def _slots_view(self, request: Request, account_id: str | None) -> View:
        start = await self._services.drafting.start(request.person)
        chosen = next((c for c in start.choices if c.account.id == account_id), start.choices[0])
        return slots_form(
            start.choices,
            chosen,
            slots_of(chosen.account),
            zone=start.admitted.workspace.zone,
            may_change=start.admitted.may(Action.CONFIGURE),
            metadata=pack(account=chosen.account.id),
        )

    async def submit_slots(self, submission: Submission) -> FormAnswer:
        account_id = unpack(submission.metadata)["account"]
        days = [int(day) for day in submission.values[f"days:{account_id}"] or []]
        clocks = (submission.values[f"times:{account_id}"] or "").replace(";", ",").split(",")
        minutes = []
        try:
            minutes = [times.parse_clock(clock.strip()) for clock in clocks if clock.strip()]
        except UserError as error:
            raise FieldErrors({f"times:{account_id}": str(error)}) from error
        if not minutes:
            raise FieldErrors({f"times:{account_id}": "Write at least one time, like 9:00."})
        slots = tuple(Slot(day, minute) for day in sorted(days) for minute in sorted(set(minutes)))
        await self._services.scheduling.set_slots(submission.person, account_id, slots)
        return Done()
