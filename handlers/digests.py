"""`/social digest`: shows it now, plans it in a channel, stops it; the card that plans owe."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.digest_plans import EXAMPLES, Owed, Planned, name, understand
from bot.digests import Illustrated
from bot.errors import NotAllowed, UserError
from bot.pace import Costly
from handlers.ids import Act
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.pictures import Pictures
from handlers.requests import PATIENCE_S, CommandCall, Press, Request, View
from handlers.slack_text import to_post_text
from handlers.views.blocks import Block
from handlers.views.digest_plans import plan_blocks, planned_message, stopped_text
from handlers.views.digests import GATHERING, digest_message
from handlers.views.messages import message
from storage.records import Card, Notice

INVITE = (
    "Socialdesk isn't in this channel, so it can't post here. Type `/invite @Socialdesk`, then "
    "the same command again. Nothing was planned."
)
NO_CHANNEL = (
    "A digest comes to a channel, and this is a conversation between people. Type the command in "
    "a channel. Nothing was planned."
)
_KEPT_CHARTS = 50

log = logging.getLogger(__name__)


def register(desk: Desk, pictures: Pictures) -> Mapping[Card, Renderer]:
    """The digest; gives its card."""
    digests = DigestCards(desk, pictures)
    desk.command(
        "digest",
        digests.command,
        usage="digest",
        summary="See the numbers; `digest daily 9:00` and `digest weekly Monday 9:00` post them",
    )
    desk.press(Act.OPEN_DIGEST, digests.show)
    desk.press(Act.DIGEST_MENU, digests.stop_pressed)
    return {Card.DIGEST: digests.render}


class DigestCards:
    """Brings wishes to `bot.digests` and `bot.digest_plans`, and shows what they say."""

    def __init__(self, desk: Desk, pictures: Pictures) -> None:
        self._database = desk.services.database
        self._digests = desk.services.digests
        self._plans = desk.services.digest_plans
        self._pace = desk.services.pace
        self._clients = desk.clients
        self._outside = desk.outside
        self._pictures = pictures
        # A workspace and a chart's hash -> our file there, for what is sent again.
        self._uploaded: dict[tuple[str, str], str] = {}

    # Showing it now

    async def command(self, call: CommandCall) -> None:
        words = to_post_text(call.words).split()
        if not words:
            await self.show(call)
        elif words[0].lower() in ("stop", "off"):
            await self._stop(call, [word.lower() for word in words[1:]])
        else:
            await self._plan(call, " ".join(words))

    async def show(self, request: Request) -> None:
        """To the person alone: where they are, or on top of Home."""
        if request.channel is None:
            await request.open(self._view(request))
            return
        making = asyncio.ensure_future(self._shown(request))
        done, _ = await asyncio.wait([making], timeout=PATIENCE_S)
        if not done:
            await request.whisper(GATHERING)
        text, blocks = await making
        with suppress(NotAllowed):  # who sees numbers alone isn't shown what is planned
            planned = await self._plans.of_channel(request.person, request.channel)
            blocks = [*blocks, *plan_blocks(planned)]
        await request.whisper(text, blocks)

    async def _view(self, request: Request) -> View:
        text, blocks = await self._shown(request)
        return message("The numbers", text, blocks)

    async def _shown(self, request: Request) -> tuple[str, list[Block]]:
        self._pace.require(request.person, Costly.DIGEST)
        shown = await self._digests.show(request.person)
        return await self._drawn(request.client, request.person.workspace_id, shown, None)

    async def _drawn(
        self, client: AsyncWebClient, workspace_id: str, shown: Illustrated, owed: Owed | None
    ) -> tuple[str, list[Block]]:
        """With the chart where it can be had: a digest never waits for its picture's sake."""
        file_id, failed = None, shown.chart_failed
        if shown.png is not None:
            try:
                file_id = await self._file(client, workspace_id, shown.png, shown.alt)
            except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
                log.warning("A digest goes out without its chart: %s", error)
                failed = True
        told = Illustrated(shown.digest, shown.png, shown.alt, chart_failed=failed)
        return digest_message(told, file_id, owed)

    async def _file(self, client: AsyncWebClient, workspace_id: str, png: bytes, alt: str) -> str:
        chart = workspace_id, hashlib.sha256(png).hexdigest()
        if chart not in self._uploaded:
            file_id = await self._pictures.upload(client, png, "chart.png", alt=alt)
            if len(self._uploaded) >= _KEPT_CHARTS:
                self._uploaded.pop(next(iter(self._uploaded)))
            self._uploaded[chart] = file_id
        return self._uploaded[chart]

    # Plans

    async def _plan(self, call: CommandCall, words: str) -> None:
        await self._plans.check(call.person)
        self._pace.require(call.person, Costly.PLAN)
        rhythm = understand(words)
        channel, shared = await self._channel(call)
        made, replaced = await self._plans.plan(call.person, channel, rhythm)
        if shared:
            await self._outside.look(call.person.workspace_id, channel)
        planned = await self._plans.of_channel(call.person, channel)
        text, blocks = planned_message(made, planned, replaced=replaced, shared=shared)
        await call.whisper(text, blocks)

    async def _channel(self, call: CommandCall) -> tuple[str, bool]:
        """The channel the command was typed in, and whether another organisation reads it.

        :raises UserError: the bot can't post there: says what to do.
        """
        channel = call.channel
        if channel is None or channel.startswith("D"):
            raise UserError(NO_CHANNEL)
        try:
            info = (await call.client.conversations_info(channel=channel))["channel"]
        except SlackApiError as error:
            # A private channel that it isn't in doesn't exist for a bot.
            if error.response.get("error") in ("channel_not_found", "missing_scope"):
                raise UserError(INVITE) from error
            raise
        if not info.get("is_member"):
            raise UserError(INVITE)
        return channel, bool(info.get("is_ext_shared"))

    async def _stop(self, call: CommandCall, which: Sequence[str]) -> None:
        """Stop the channel's digests, or the daily or weekly one."""
        await self._plans.check(call.person)
        if call.channel is None or any(word not in ("daily", "weekly") for word in which):
            raise UserError(f"Stop which digest? {EXAMPLES}")
        planned = await self._plans.of_channel(call.person, call.channel)
        chosen = [one for one in planned if not which or _kind(one) in which]
        for one in chosen:
            await self._plans.stop(call.person, one.plan.id)
        names = [name(one.plan) for one in chosen]
        await call.whisper(stopped_text(names, left=len(planned) - len(chosen)))

    async def stop_pressed(self, press: Press) -> None:
        plan = await self._plans.stop(press.person, press.value)
        left = await self._plans.of_channel(press.person, plan.channel)
        text = stopped_text([name(plan)], left=len(left))
        await press.whisper(text)

    # The card

    async def render(self, notice: Notice) -> Rendered | None:
        """A planned digest, from the state of this moment; None if it was stopped meanwhile."""
        async with self._database.reading() as tx:
            owed = await self._plans.owed(tx, notice.subject_id)
        if owed is None:
            return None
        shown = await self._digests.compose(notice.workspace_id, owed.period)
        client = await self._clients.of(notice.workspace_id)
        text, blocks = await self._drawn(client, notice.workspace_id, shown, owed)
        return Rendered(text, blocks)


def _kind(one: Planned) -> str:
    return "daily" if one.plan.weekday is None else "weekly"
