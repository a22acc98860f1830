"""Looks in Slack for a message that was perhaps posted: its metadata names the notice."""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack_calls import refusal
from storage.records import Notice

EVENT_TYPE = "socialdesk_notice"
CLOCKS_DIFFER_BY = timedelta(minutes=5)  # ours and Slack's; more, and Slack refuses signatures too
PAGE = 200  # the most that Slack recommends
PERSON = ("U", "W")  # how people's ids begin; a channel's with C, G or D

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message stands in Slack."""

    channel: str
    ts: str


class NoticeLookup:
    """Answers whether a notice's message is there."""

    def __init__(self) -> None:
        self._bot_user_ids: dict[str, str] = {}  # by workspace
        self._told = False

    async def find(
        self, client: AsyncWebClient, notice: Notice, thread_ts: str | None
    ) -> Standing | None:
        """The newest message of the notice since posting it began; None if there is none.

        :param client: its workspace's.

        Where the app lacks the right to look, there is none either: rather twice than never.

        :raises SlackApiError: Slack refuses for another reason: it is to be looked again.
        :raises aiohttp.ClientError, TimeoutError: Slack can't be reached.
        """
        try:
            return await self._find(client, notice, thread_ts)
        except SlackApiError as error:
            if refusal(error) == "thread_not_found":
                return None
            if refusal(error) != "missing_scope":
                raise
            if not self._told:
                self._told = True
                log.warning(
                    "Slack doesn't let us look whether a message is there (missing_scope), so "
                    "one whose answer was lost may come twice. `python -m bot doctor` says what "
                    "to do."
                )
            return None

    async def _find(
        self, client: AsyncWebClient, notice: Notice, thread_ts: str | None
    ) -> Standing | None:
        ours = await self._own_user_id(client, notice.workspace_id)
        channel = notice.destination
        if channel.startswith(PERSON):
            opened = await client.conversations_open(users=channel)
            channel = opened["channel"]["id"]
        assert notice.begun_at is not None
        newest: Standing | None = None
        async for message in _messages(client, channel, thread_ts, notice.begun_at):
            payload = _payload(message)
            if message.get("user") != ours or payload.get("id") != notice.id:
                continue
            if newest is None or float(message["ts"]) > float(newest.ts):
                newest = Standing(channel, message["ts"])
        return newest

    async def _own_user_id(self, client: AsyncWebClient, workspace_id: str) -> str:
        if workspace_id not in self._bot_user_ids:
            self._bot_user_ids[workspace_id] = str((await client.auth_test())["user_id"])
        return self._bot_user_ids[workspace_id]


async def _messages(
    client: AsyncWebClient, channel: str, thread_ts: str | None, since: datetime
) -> AsyncIterator[Mapping[str, Any]]:
    """All messages of a channel, or of a thread, since then; a page after the other."""
    oldest = f"{(since - CLOCKS_DIFFER_BY).timestamp():.6f}"
    cursor: str | None = None
    while True:
        asked: dict[str, Any] = {
            "channel": channel,
            "oldest": oldest,
            "limit": PAGE,
            "cursor": cursor,
            "include_all_metadata": True,
        }
        if thread_ts is None:
            answer = await client.conversations_history(**asked)
        else:
            answer = await client.conversations_replies(ts=thread_ts, **asked)
        for message in answer["messages"]:
            yield message
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            return


def metadata(notice: Notice) -> dict[str, Any]:
    """What a posted message carries, so that it can be found."""
    return {"event_type": EVENT_TYPE, "event_payload": {"id": notice.id}}


def _payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = message.get("metadata") or {}
    payload = kept.get("event_payload") if kept.get("event_type") == EVENT_TYPE else None
    return payload if isinstance(payload, dict) else {}
