"""What an author is told about their posts: one message for each, or one list of several that went
wrong at the same time."""

from collections.abc import Mapping

from bot import overview
from bot.overview import PostOverview
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.views.blocks import context
from handlers.views.trouble import changed_by_another, trouble
from handlers.views.trouble_list import (
    MAY_BE_CHANGED,
    MOST_SHOWN,
    needs_its_author,
    trouble_list,
)
from storage import notices, posts
from storage.records import Card, Notice

NEWER_BELOW = "There is a newer message about this post below."


def register(desk: Desk) -> Mapping[Card, Renderer]:
    """Gives the card; what is pressed on it is pressed on the approval card too."""
    return {Card.TROUBLE: Trouble(desk).render, Card.TROUBLE_BEFORE: render_before}


async def render_before(notice: Notice) -> Rendered | None:
    """A message that a newer one has followed; where it is gone, nothing is posted for it."""
    return Rendered(NEWER_BELOW, [context(NEWER_BELOW)]) if notice.ts else None


class Trouble:
    """Shows what went wrong, as it is by now."""

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services

    async def render(self, notice: Notice) -> Rendered:
        async with self._services.database.reading() as tx:
            joined = await notices.joined_to(tx, notice)
        if not joined:
            return Rendered(*trouble(await self._load(notice, notice.subject_id)))
        ids = [notice.subject_id, *(one.subject_id for one in joined)]
        async with self._services.database.reading() as tx:
            found = await posts.by_ids(tx, notice.workspace_id, ids)
        left = [post for post in found if needs_its_author(post)]
        maybe = [post for post in found if post.state in MAY_BE_CHANGED]
        loaded = [await self._load(notice, post.id) for post in maybe[:MOST_SHOWN]]
        changed = [one for one in loaded if changed_by_another(one)]
        room = MOST_SHOWN - len(changed)
        shown = [*changed, *[await self._load(notice, post.id) for post in left[:room]]]
        return Rendered(*trouble_list(shown, left=len(left) + len(changed), total=len(found)))

    async def _load(self, notice: Notice, post_id: str) -> PostOverview:
        async with self._services.database.reading() as tx:
            return await overview.load(
                tx,
                self._services.accounts,
                notice.workspace_id,
                post_id,
                now=self._services.clock.now(),
            )
