"""Who sees a channel: asked of Slack before cards go there."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from slack_sdk.errors import SlackApiError

from bot.clock import Clock
from bot.shared_channels import SharedChannels
from handlers.clients import Clients, NotInstalled
from handlers.slack_calls import FAILED, refusal
from storage.records import Notice

ASKED_AGAIN = timedelta(minutes=10)
CHANNELS = ("C", "G")  # how channels' ids begin; direct messages have nobody else in them
LETS_POSTING_SAY_IT = frozenset({"channel_not_found", "missing_scope", "unknown_method"})

log = logging.getLogger(__name__)


class Outside:
    """Asks Slack who sees a channel, at most every ten minutes in each process: events about it
    can be lost."""

    def __init__(self, clients: Clients, shared: SharedChannels, clock: Clock) -> None:
        self._clients = clients
        self._shared = shared
        self._clock = clock
        self._asked: dict[tuple[str, str], tuple[datetime, Sequence[str] | None]] = {}
        self._names: dict[str, str] = {}

    def forget(self, workspace_id: str, channel: str) -> None:
        """Ask anew the next time."""
        self._asked.pop((workspace_id, channel), None)

    async def may_post(self, notice: Notice) -> bool:
        """Whether a notice's message may be posted, or edited, where it goes.

        :raises SlackApiError, aiohttp.ClientError, TimeoutError: Slack doesn't say.
        """
        return await self._may_post(notice.workspace_id, notice.destination)

    async def _may_post(self, workspace_id: str, channel: str) -> bool:
        if not channel.startswith(CHANNELS):
            return True
        teams = await self._teams(workspace_id, channel)
        return await self._shared.may_post(workspace_id, channel, teams)

    async def look(self, workspace_id: str, channel: str) -> None:
        """Ask the admins now if people outside see a channel; whatever fails is asked later."""
        try:
            await self._may_post(workspace_id, channel)
        except FAILED as error:
            log.warning("Who sees %s isn't known yet: %s.", channel, refusal(error))
        except NotInstalled:
            log.info("The app isn't in %s any more: nothing is posted there.", workspace_id)

    async def _teams(self, workspace_id: str, channel: str) -> Sequence[str] | None:
        """The other teams that see it, also those that are invited; None: nobody else."""
        now = self._clock.now()
        asked_at, teams = self._asked.get((workspace_id, channel), (None, None))
        if asked_at is not None and abs(now - asked_at) < ASKED_AGAIN:
            return teams
        try:
            client = await self._clients.of(workspace_id)
            info = (await client.conversations_info(channel=channel))["channel"]
        except SlackApiError as error:
            if refusal(error) in LETS_POSTING_SAY_IT:
                return None
            raise
        teams = None
        if info.get("is_ext_shared") or info.get("is_pending_ext_shared"):
            named = {*info.get("connected_team_ids", ()), *info.get("shared_team_ids", ())}
            named |= {*info.get("pending_connected_team_ids", ())}
            teams = tuple(sorted(named - {workspace_id}))
        self._asked[workspace_id, channel] = (now, teams)
        return teams

    async def names(self, workspace_id: str, teams: Sequence[str]) -> Sequence[str]:
        """What other teams are called; one that Slack doesn't name keeps its id."""
        for team in teams:
            if team not in self._names:
                try:
                    client = await self._clients.of(workspace_id)
                    answer = await client.team_info(team=team)
                    self._names[team] = str(answer["team"]["name"])
                except FAILED as error:
                    log.info("Slack doesn't name the team %s: %s.", team, refusal(error))
        return [self._names.get(team, team) for team in teams]
