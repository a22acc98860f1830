"""What is held: its card, what is pressed on it, and `/social held`."""

from collections.abc import Mapping

from bot.holds import Do, Settled
from bot.team import Person
from handlers.ids import Act
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.payloads import unpack
from handlers.requests import Press, Request, View
from handlers.slack_text import escape
from handlers.views import held as views
from storage import holds
from storage.records import Card, Notice

MOST_PROBLEMS = 3


def register(desk: Desk) -> tuple["HeldPosts", Mapping[Card, Renderer]]:
    """The list and the buttons; gives them and the card of what a person asks for."""
    held = HeldPosts(desk)
    desk.command("held", held.open, usage="held", summary="What came due and waits for a word")
    desk.press(Act.OPEN_HELD, held.open)
    for act in (
        Act.HELD_MENU,
        Act.HELD_NOW,
        Act.HELD_NEXT_FREE,
        Act.HELD_AS_ASKED,
        Act.HELD_DROP,
    ):
        desk.press(act, held.settle)
    desk.press(Act.HELD_PREVIOUS, held.turn)
    desk.press(Act.HELD_NEXT, held.turn)
    return held, {Card.HELD: held.render}


class HeldPosts:
    """Brings presses to `bot.holds`, and shows what is held."""

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services

    # The list

    async def open(self, request: Request) -> None:
        """On top of the modal the person is in, if any."""
        making = self.view(request.person, 0)
        if request.body.get("view", {}).get("type") == "modal":
            await request.push(await making)
        else:
            await request.open(making)

    async def view(self, person: Person, page: int, note: str = "") -> View:
        """A page of all that is held; ``note`` (mrkdwn) is what was just done."""
        return views.held_modal(await self._services.held_lists.page(person, page), note=note)

    async def turn(self, press: Press) -> None:
        await self._update(press, int(press.value))

    async def _update(self, press: Press, page: int, note: str = "") -> None:
        assert press.view is not None
        view = await self.view(press.person, page, note)
        await press.client.views_update(view_id=press.view["id"], view=view)

    # Presses, on cards and in the list

    async def settle(self, press: Press) -> None:
        """On a card, what was done is on the card; what wasn't is said. The list says both."""
        ids = unpack(press.value)
        came = await self._settle(press.person, ids)
        if press.view is not None:
            page = int(unpack(press.view["private_metadata"]).get("page", "0"))
            await self._update(press, page, what_came(came))
        elif came.problems:
            await press.whisper(what_came(came))

    async def _settle(self, person: Person, ids: Mapping[str, str]) -> Settled:
        do = Do(ids["do"])
        if "post" in ids:
            return await self._services.holds.settle(
                person, ids["post"], do, revision_id=ids["revision"]
            )
        return await self._services.holds.settle_all(
            person,
            do,
            seen=ids["seen"],
            hold_id=ids.get("hold"),
            only_asked=ids.get("only") == "asked",
        )

    # The card

    async def render(self, notice: Notice) -> Rendered | None:
        async with self._services.database.reading() as tx:
            hold = await holds.get(tx, notice.workspace_id, notice.subject_id)
        if hold is None:
            return None
        shown = await self._services.held_lists.card(notice.workspace_id, hold.id, for_author=False)
        if not shown.posts and not notice.ts:
            return None  # settled before anybody was told
        return Rendered(*views.held_card(shown, for_author=False))


def what_came(came: Settled) -> str:
    """What came of a press, in a sentence or two (mrkdwn)."""
    said = [
        f"{number} {words}."
        for number, words in (
            (came.released, "let go"),
            (came.asked, "asked for: somebody else who may approve has to press"),
            (came.dropped, "dropped"),
        )
        if number
    ]
    if came.unknown:
        said.append("Of what was dropped some may be out: its author is asked.")
    problems = sorted(came.problems.items(), key=lambda one: -one[1])[:MOST_PROBLEMS]
    said += [f"{number} stayed held: {escape(text)}" for text, number in problems]
    return " ".join(said) or "Nothing was done."
