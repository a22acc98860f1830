"""What people do about a post's outcome: try again, take down, say whether it is live."""

import json
from collections.abc import Mapping

from slack_sdk.errors import SlackApiError

from bot.errors import NetworkError
from bot.networks.base import Published
from handlers.errors import explain
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import pack, unpack
from handlers.requests import CLOSED, Done, FormAnswer, Press, Submission, View
from handlers.slack_calls import refusal
from handlers.slack_text import escape
from handlers.views import outcomes as views
from handlers.views.messages import failed


def register(desk: Desk) -> None:
    """The buttons, wherever they stand, and the form behind *It is live*."""
    outcomes = OutcomePresses(desk)
    desk.press(Act.RETRY, outcomes.retry)
    desk.press(Act.TAKE_DOWN, outcomes.take_down)
    desk.press(Act.IS_LIVE, outcomes.is_live)
    desk.press(Act.IS_NOT_LIVE, outcomes.is_not_live)
    desk.form(Form.LIVE_LINK, outcomes.submit_live_link)


class OutcomePresses:
    """Brings presses to `bot.outcomes`."""

    def __init__(self, desk: Desk) -> None:
        self._outcomes = desk.services.outcomes

    async def retry(self, press: Press) -> None:
        await self._outcomes.retry(press.person, unpack(press.value)["post"])

    async def take_down(self, press: Press) -> None:
        results = await self._outcomes.take_down(press.person, unpack(press.value)["post"])
        lines = [
            f":warning: {escape(result.label)}: {escape(result.problem)}"
            for result in results
            if result.problem is not None
        ]
        if lines:  # what went well is on the card
            await press.whisper("\n".join(lines))

    async def is_live(self, press: Press) -> None:
        """Open the form at once, then fill in what the network shows."""
        ids = _ids(press.value)
        opened = await press.show(views.looking(pack(**ids)))
        try:
            view = await self._looked(press, ids)
        except Exception as error:  # whatever it is, the person must see it in the open form
            view = failed(explain(error))
        try:
            await press.client.views_update(view_id=opened["view"]["id"], view=view)
        except SlackApiError as error:
            if refusal(error) != CLOSED:  # submitted or closed meanwhile
                raise

    async def _looked(self, press: Press, ids: Mapping[str, str]) -> View:
        asked = await self._outcomes.question(press.person, ids["delivery"], ids.get("part"))
        named = pack(delivery=asked.delivery.id, part=asked.part.id)
        try:
            found = await self._outcomes.look(asked)
        except NetworkError as error:
            return views.not_found(asked, f"It couldn't be looked for: {error}", named)
        if found is None:
            return views.not_found(asked, f"It wasn't found on {asked.label}.", named)
        kept = {"id": found.remote_id, "url": found.url, "reply_to": dict(found.reply_to)}
        with_it = pack(delivery=asked.delivery.id, part=asked.part.id, found=json.dumps(kept))
        return views.found(asked, found.url, with_it)

    async def is_not_live(self, press: Press) -> None:
        ids = _ids(press.value)
        await self._outcomes.is_not_live(press.person, ids["delivery"], ids.get("part"))

    async def submit_live_link(self, submission: Submission) -> FormAnswer:
        ids = unpack(submission.metadata)
        link = next(iter(submission.values.values()), None) or ""
        await self._outcomes.is_live(
            submission.person,
            ids["delivery"],
            link.strip(),
            part_id=ids.get("part"),
            found=_confirmed(ids, link.strip()),
        )
        return Done()


def _ids(value: str) -> Mapping[str, str]:
    """What the buttons carry; those of the first release carry the delivery's id alone."""
    return unpack(value) if value.startswith("{") else {"delivery": value}


def _confirmed(ids: Mapping[str, str], link: str) -> Published | None:
    """What was found, if that is what the person says is live."""
    found = json.loads(ids.get("found", "null"))
    if found is None or found["url"] != link:
        return None
    return Published(found["id"], found["url"], found["reply_to"])
