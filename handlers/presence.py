"""Whether people want to be left alone: on holiday by their status, or in do-not-disturb."""

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from handlers.clients import Clients, NotInstalled
from handlers.slack_calls import FAILED, refusal

KNOWN_FOR = timedelta(minutes=5)  # asked again after that
AT_ONCE = 50  # people of one call (https://docs.slack.dev/reference/methods/dnd.teamInfo)

# Slack's own suggestions for a status, and what people write there.
AWAY_EMOJI = frozenset(
    {
        ":palm_tree:",
        ":face_with_thermometer:",
        ":desert_island:",
        ":beach_with_umbrella:",
        ":baby:",
    }
)
AWAY_WORDS = ("vacation", "holiday", "out sick", "out of office", "parental leave", "on leave")

log = logging.getLogger(__name__)


class Presence:
    """Asks Slack, and remembers the answers for a while.

    Where Slack doesn't say, people count as there: rather one reminder too many than none.
    """

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[datetime, bool]] = {}

    async def away(self, workspace_id: str, user_ids: Collection[str]) -> frozenset[str]:
        """Which of these people aren't to be disturbed now."""
        now = self._clock.now()
        self._known = {
            key: known for key, known in self._known.items() if now - known[0] < KNOWN_FOR
        }
        known = {
            one: self._known[workspace_id, one][1]
            for one in user_ids
            if (workspace_id, one) in self._known
        }
        asked = [one for one in user_ids if one not in known]
        try:
            client = await self._clients.of(workspace_id)
        except NotInstalled:
            return frozenset()  # nobody there is told anything anyway
        snoozing = await self._snoozing(client, asked, now) if asked else frozenset()
        for user_id in asked:
            known[user_id] = user_id in snoozing or await self._is_on_holiday(client, user_id, now)
            self._known[workspace_id, user_id] = now, known[user_id]
        return frozenset(one for one in user_ids if known[one])

    async def _snoozing(
        self, client: AsyncWebClient, user_ids: Collection[str], now: datetime
    ) -> frozenset[str]:
        found: set[str] = set()
        everybody = list(user_ids)
        for first in range(0, len(everybody), AT_ONCE):
            some = everybody[first : first + AT_ONCE]
            try:
                answer = await client.dnd_teamInfo(users=",".join(some))
            except FAILED as error:
                log.warning("Slack didn't say who is in do-not-disturb: %s.", refusal(error))
                continue
            people: Mapping[str, Mapping[str, Any]] = answer["users"]
            found |= {user_id for user_id, rest in people.items() if is_snoozing(rest, now)}
        return frozenset(found)

    async def _is_on_holiday(self, client: AsyncWebClient, user_id: str, now: datetime) -> bool:
        try:
            answer = await client.users_info(user=user_id)
        except FAILED as error:
            log.warning("Slack didn't give somebody's status: %s.", refusal(error))
            return False
        return is_on_holiday(answer["user"].get("profile", {}), now)


def is_snoozing(rest: Mapping[str, Any], now: datetime) -> bool:
    """Whether Slack's do-not-disturb times of somebody cover this moment."""
    if not rest.get("dnd_enabled"):
        return False
    return bool(rest["next_dnd_start_ts"] <= now.timestamp() < rest["next_dnd_end_ts"])


def is_on_holiday(profile: Mapping[str, Any], now: datetime) -> bool:
    """Whether somebody's status says that they are away; one that has expired says nothing."""
    expires = profile.get("status_expiration") or 0
    if expires and datetime.fromtimestamp(expires, UTC) <= now:
        return False
    said = str(profile.get("status_text") or "").lower()
    emoji = profile.get("status_emoji") or ""
    return emoji in AWAY_EMOJI or any(word in said for word in AWAY_WORDS)
