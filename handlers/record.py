"""`/social record`: who did what, from where, when; of one post from its card's menu."""

from bot.services import Services
from bot.team import Person
from handlers.ids import Act
from handlers.inbound import Desk
from handlers.payloads import unpack
from handlers.requests import Press, Request, View
from handlers.views.record import record_view


def register(desk: Desk) -> None:
    """The command and the pages."""
    pages = RecordPages(desk)
    desk.command(
        "record", pages.open, usage="record", summary="See who did what, when, from where (admins)"
    )
    for act in (Act.RECORD_OLDER, Act.RECORD_NEWEST, Act.RECORD_EVERYBODY):
        desk.press(act, pages.turn)
    desk.press(Act.RECORD_PERSON, pages.of_person)


class RecordPages:
    """Turns the pages of a record that is open."""

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services

    async def open(self, request: Request) -> None:
        await request.open(_workspace_record(self._services, request.person))

    async def turn(self, press: Press) -> None:
        ids = unpack(press.value)
        before = int(ids["before"]) if "before" in ids else None
        if "post" in ids:
            view = await post_record(self._services, press.person, ids["post"], before=before)
        else:
            view = await _workspace_record(
                self._services, press.person, actor_id=ids.get("actor"), before=before
            )
        await _replace(press, view)

    async def of_person(self, press: Press) -> None:
        chosen = press.action.get("selected_user")
        await _replace(
            press, await _workspace_record(self._services, press.person, actor_id=chosen)
        )


async def _replace(press: Press, view: View) -> None:
    assert press.view is not None
    await press.client.views_update(view_id=press.view["id"], view=view)


async def post_record(
    services: Services, person: Person, post_id: str, *, before: int | None = None
) -> View:
    """A page of a post's record, as a modal."""
    page = await services.record.of_post(person, post_id, before=before)
    return record_view(page, post_id=post_id)


async def _workspace_record(
    services: Services, person: Person, *, actor_id: str | None = None, before: int | None = None
) -> View:
    page = await services.record.of_workspace(person, actor_id=actor_id, before=before)
    return record_view(page, actor_id=actor_id)
