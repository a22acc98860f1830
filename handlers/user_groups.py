"""Slack's user groups as Slack has them now (`usergroups.list`)."""

import logging
from collections.abc import Sequence
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack_calls import FAILED, refusal
from storage.records import UserGroup

log = logging.getLogger(__name__)


async def in_slack(
    client: AsyncWebClient, workspace_id: str, now: datetime
) -> Sequence[UserGroup] | None:
    """All groups with their members, without the roles that they give here; None: Slack didn't say
    (the app lacks the scope, or the Slack plan has no groups)."""
    try:
        answer = await client.usergroups_list(include_users=True)
    except FAILED as error:
        log.warning("Slack's user groups could not be read: %s.", refusal(error))
        return None
    return [
        UserGroup(
            workspace_id=workspace_id,
            id=group["id"],
            handle=group["handle"],
            name=group["name"],
            members=tuple(group.get("users") or ()),
            roles=frozenset(),
            synced_at=now,
        )
        for group in answer["usergroups"]
    ]
