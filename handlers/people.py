"""People as Slack knows them now."""

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import NotFound
from bot.team import Person, Profile
from handlers.payloads import profile_of


async def look_up(client: AsyncWebClient, person: Person) -> Profile:
    """Ask Slack for somebody's profile (`users.info`).

    :raises NotFound: Slack doesn't know them here.
    """
    try:
        answer = await client.users_info(user=person.user_id)
    except SlackApiError as error:
        if error.response.get("error") in ("user_not_found", "user_not_visible"):
            raise NotFound("Slack doesn't know this person here. Nothing was changed.") from error
        raise
    return profile_of(answer["user"], person.workspace_id)
