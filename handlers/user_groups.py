"""Slack user groups that give roles: the form that chooses them, and keeping them in step."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.errors import NotFound, UserError
from bot.team import Person, Profile
from bot.user_groups import SlackGroup, UserGroups
from handlers.clients import Clients, NotInstalled
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import profile_of
from handlers.people import look_up
from handlers.requests import EventCall, FormAnswer, Next, Press, Submission, View
from handlers.slack_calls import FAILED, refusal
from handlers.slack_text import escape
from handlers.views.team import group_view, roles_block
from storage.records import Role, UserGroup

ASKED_ONE_BY_ONE = 20  # `users.info` is tier 4; more people than these are found in `users.list`
A_PAGE = 200

log = logging.getLogger(__name__)


def register(desk: Desk) -> None:
    """The form, and Slack's news about groups."""
    groups = GroupForm(desk)
    desk.press(Act.TEAM_GROUPS, groups.open)
    desk.press(Act.GROUP_CHOSEN, groups.switch)
    desk.form(Form.GROUP, groups.submit)
    desk.event("subteam_updated", groups.updated)
    desk.event("subteam_members_changed", groups.members_changed)


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


class GroupReader:
    """Reads groups and who is in them from Slack."""

    def __init__(self, clients: Clients, groups: UserGroups, clock: Clock) -> None:
        self._clients = clients
        self._groups = groups
        self._clock = clock

    async def every(self, workspace_id: str) -> Sequence[Mapping[str, Any]]:
        """The groups there are, disabled ones left out, by handle.

        :raises UserError: Slack doesn't give them.
        """
        try:
            client = await self._clients.of(workspace_id)
            answer = await client.usergroups_list()
        except SlackApiError as error:
            raise UserError(
                f"Slack doesn't show its user groups ({refusal(error)}). Nothing was changed. "
                "They come with Slack's paid plans, and the app needs the scope usergroups:read."
            ) from error
        found = [group for group in answer["usergroups"] if not group["date_delete"]]
        return sorted(found, key=lambda group: str(group["handle"]))

    async def read(
        self, workspace_id: str, group_id: str
    ) -> tuple[SlackGroup, Sequence[Profile]] | None:
        """A group as it is now, and the profiles of those in it whom we don't know; one that is
        disabled has nobody in it. None: Slack has no such group."""
        now = self._clock.now()
        client = await self._clients.of(workspace_id)
        answer = await client.usergroups_list(include_disabled=True)
        shown = next((one for one in answer["usergroups"] if one["id"] == group_id), None)
        if shown is None:
            return None
        members: tuple[str, ...] = ()
        if not shown["date_delete"]:
            listed = await client.usergroups_users_list(usergroup=group_id)
            members = tuple(listed["users"])
        group = SlackGroup(group_id, shown["handle"], shown["name"], members, now)
        unknown = await self._groups.unknown(workspace_id, members)
        return group, await self._profiles(client, workspace_id, unknown)

    async def _profiles(
        self, client: AsyncWebClient, workspace_id: str, user_ids: Collection[str]
    ) -> Sequence[Profile]:
        if len(user_ids) <= ASKED_ONE_BY_ONE:
            asked = []
            for user_id in user_ids:
                try:
                    asked.append(await look_up(client, Person(workspace_id, user_id)))
                except NotFound:
                    log.info("Slack doesn't know %s, who is in a user group.", user_id)
            return asked
        wanted, found, cursor = set(user_ids), [], ""
        while True:
            page = await client.users_list(limit=A_PAGE, cursor=cursor)
            found += [
                profile_of(user, workspace_id) for user in page["members"] if user["id"] in wanted
            ]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return found

    async def keep_in_step(self, workspace_id: str, group_id: str) -> None:
        """Read a followed group again; one that Slack has no more has nobody in it."""
        read = await self.read(workspace_id, group_id)
        if read is None:
            read = SlackGroup(group_id, "", "", (), self._clock.now()), ()
        await self._groups.keep(workspace_id, *read)

    async def read_due(self) -> None:
        """Read all followed groups once an hour, by one of all processes."""
        for workspace_id in await self._groups.claim_reading():
            for group_id in sorted(await self._groups.followed(workspace_id)):
                try:
                    await self.keep_in_step(workspace_id, group_id)
                except FAILED as error:
                    log.warning("A user group could not be read: %s.", refusal(error))
                except NotInstalled:
                    log.info("The app isn't in %s any more: no groups are read.", workspace_id)


class GroupForm:
    """Brings the form to `bot.user_groups`."""

    def __init__(self, desk: Desk) -> None:
        self._groups = desk.services.user_groups
        self._reader = GroupReader(desk.clients, desk.services.user_groups, desk.services.clock)

    async def open(self, press: Press) -> None:
        await press.open(self._view(press.person))

    async def _view(self, person: Person, *, chosen: str | None = None, said: str = "") -> View:
        kept = await self._groups.check(person)
        return group_view(
            await self._reader.every(person.workspace_id), kept, chosen=chosen, said=said
        )

    async def switch(self, press: Press) -> None:
        """Show the roles of the group that was chosen."""
        assert press.view is not None
        view = await self._view(press.person, chosen=press.value)
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def submit(self, submission: Submission) -> FormAnswer:
        person, chosen = submission.person, submission.values["group"]
        ticked = submission.values.get(roles_block(chosen))
        if ticked is None:  # sent before the group's roles were shown: show them first
            return Next(await self._view(person, chosen=chosen))
        await self._groups.check(person)
        read = await self._reader.read(person.workspace_id, chosen)
        if read is None:
            raise NotFound("This user group isn't there any more. Nothing was changed.")
        group, profiles = read
        roles = frozenset(Role(value) for value in ticked)
        kept = await self._groups.set_roles(person, group, roles, profiles)
        named = ", ".join(role.value for role in Role if role in kept.roles)
        said = f":white_check_mark: *@{escape(kept.handle)}*: {named or 'gives no role any more'}."
        return Next(await self._view(person, chosen=chosen, said=said))

    async def updated(self, call: EventCall) -> None:
        """A group was renamed, disabled, or has other members; the event lists 500 at most."""
        await self._follow(call.person.workspace_id, str(call.event["subteam"]["id"]))

    async def members_changed(self, call: EventCall) -> None:
        """The event says who came and went, but events can come in any order: it is read anew."""
        await self._follow(call.person.workspace_id, str(call.event["subteam_id"]))

    async def _follow(self, workspace_id: str, group_id: str) -> None:
        if group_id in await self._groups.followed(workspace_id):
            await self._reader.keep_in_step(workspace_id, group_id)
