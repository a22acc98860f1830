"""A post's card in a modal, for who comes from a list: it may have no message of its own."""

from bot.overview import PostOverview
from bot.scheduling import NewTime
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import unpack
from handlers.pictures import Pictures
from handlers.refreshing import Refreshing
from handlers.requests import Press, Request, View
from handlers.views.approvals import post_modal
from storage.records import When


class PostModal:
    """Opens posts, and shows them anew after what is pressed there."""

    def __init__(self, desk: Desk, pictures: Pictures) -> None:
        self._services = desk.services
        self._clients = desk.clients
        self._pictures = pictures
        self._refreshing = Refreshing()
        desk.press(Act.OPEN_POST, self.open_pressed)
        desk.press(Act.NEXT_FREE, self.move_to_next_free)
        desk.afterwards(self.follow)

    async def open_pressed(self, press: Press) -> None:
        await self.open(press, press.value)

    async def open(self, request: Request, post_id: str) -> None:
        """Show a post."""
        await request.open(self._view(request, post_id))

    async def _view(self, request: Request, post_id: str) -> View:
        shown = await self._services.reviews.open(request.person, post_id)
        return post_modal(shown, await self.files(shown))

    async def files(self, shown: PostOverview) -> list[tuple[str, str]]:
        """The bot's own uploads of a post's pictures, with their alt texts."""
        client = await self._clients.of(shown.workspace.id)
        return [
            (await self._pictures.shown(client, shown.media[each.sha256]), each.alt)
            for each in shown.revision.content.pictures
        ]

    async def move_to_next_free(self, press: Press) -> None:
        ids = unpack(press.value)
        await self._services.scheduling.reschedule(
            press.person, ids["post"], NewTime(When.NEXT_FREE), version=int(ids["version"])
        )

    async def follow(self, request: Request) -> None:
        """Something was pressed in the modal: it shows what came of it."""
        if not isinstance(request, Press) or request.view is None:
            return
        if request.view.get("callback_id") == Form.POST and request.action["action_id"] in (
            Act.APPROVE,
            Act.POST_MENU,
            Act.NEXT_FREE,
            Act.RETRY,
            Act.TAKE_DOWN,
            Act.IS_NOT_LIVE,
        ):
            self._refreshing.pressed(request)
            post_id = unpack(request.view["private_metadata"])["post"]
            await self._refreshing.show(request, await self._view(request, post_id))
