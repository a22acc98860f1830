"""Slack user groups that give roles: chosen by admins, and kept in step with Slack.

Slack tells when a group changes, but what it tells can be lost: each is read again every hour.
Only people whom we know by name get anything through a group, so that nobody does of whom it isn't
known whether they are a guest or gone; reading a group makes its members known.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.team import Action, Person, Profile, admit, as_member, in_words
from storage import history, occurrences, user_groups, workspaces
from storage.database import Database
from storage.records import Role, UserGroup
from storage.rows import Transaction

AGAIN = timedelta(hours=1)
_JOB = "user groups"
_CLAIMS_KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class SlackGroup:
    """A user group as Slack had it at ``read_at``; who is in a disabled one doesn't count."""

    id: str
    handle: str
    name: str
    members: tuple[str, ...]
    read_at: datetime


class UserGroups:
    """Use cases of groups."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def check(self, person: Person) -> Mapping[str, UserGroup]:
        """The groups that were chosen before, by id, for whoever may change them.

        :raises NotAllowed: the person is no admin.
        """
        async with self._database.reading() as tx:
            await admit(tx, person, Action.CONFIGURE)
            known = await user_groups.of_workspace(tx, person.workspace_id)
        return {group.id: group for group in known}

    async def followed(self, workspace_id: str) -> frozenset[str]:
        """The ids of the groups that are kept in step."""
        async with self._database.reading() as tx:
            known = await user_groups.of_workspace(tx, workspace_id)
        return frozenset(group.id for group in known)

    async def unknown(self, workspace_id: str, user_ids: Collection[str]) -> Sequence[str]:
        """Those of some people whose profiles are missing."""
        async with self._database.reading() as tx:
            known = {member.user_id for member in await workspaces.team(tx, workspace_id)}
        return [user_id for user_id in user_ids if user_id not in known]

    async def claim_reading(self) -> Sequence[str]:
        """The workspaces whose groups are this process's to read again now."""
        now = self._clock.now()
        hour = datetime.fromtimestamp(
            now.timestamp() // AGAIN.total_seconds() * AGAIN.total_seconds(), now.tzinfo
        )
        mine = []
        async with self._database.transaction() as tx:
            for workspace in await workspaces.every(tx):
                if await user_groups.of_workspace(tx, workspace.id) and await occurrences.claim(
                    tx, f"{_JOB}:{workspace.id}", hour, now
                ):
                    mine.append(workspace.id)
            await occurrences.forget(tx, _JOB, now - _CLAIMS_KEPT)
        return mine

    async def keep(
        self, workspace_id: str, read: SlackGroup, profiles: Sequence[Profile] = ()
    ) -> bool:
        """Keep a followed group as it was read, with its members' profiles where they are new.

        What was read before another reading that is kept already changes nothing: False.
        """
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, workspace_id)
            before = await user_groups.get(tx, workspace_id, read.id)
            if before is None or before.synced_at > read.read_at:
                return False
            await self._meet(tx, workspace_id, profiles)
            group = _as_kept(workspace_id, read, before.roles)
            await user_groups.save(tx, group)
            await note_change(tx, group, before, None, self._clock.now())
        return True

    async def set_roles(
        self,
        person: Person,
        read: SlackGroup,
        roles: frozenset[Role],
        profiles: Sequence[Profile] = (),
    ) -> UserGroup:
        """Give everybody in a group exactly these roles, as long as they are in it.

        :raises NotAllowed: the person is no admin.
        """
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, person.workspace_id)
            await admit(tx, person, Action.CONFIGURE)
            await self._meet(tx, person.workspace_id, profiles)
            before = await user_groups.get(tx, person.workspace_id, read.id)
            group = _as_kept(person.workspace_id, read, roles)
            if before is not None and before.synced_at > read.read_at:
                group = replace(before, roles=roles)
            await user_groups.save(tx, group)
            await note_change(tx, group, before, person.user_id, self._clock.now())
        return group

    async def _meet(self, tx: Transaction, workspace_id: str, profiles: Sequence[Profile]) -> None:
        for profile in profiles:
            if await workspaces.member(tx, workspace_id, profile.user_id) is None:
                new = as_member(workspace_id, profile, None, frozenset())
                await workspaces.save_member(tx, new)


async def note_change(
    tx: Transaction, group: UserGroup, before: UserGroup | None, by: str | None, now: datetime
) -> None:
    """The record: which roles a group gives from now on, and who came and went."""
    place, had = (group.workspace_id, group.id), before.roles if before else frozenset[Role]()
    if group.roles != had:
        said = f"@{group.handle}: {in_words(had)} -> {in_words(group.roles)}"
        await history.note(tx, *place, by, "group roles", now, said)
    was, now_in = set(before.members if before else ()), set(group.members)
    if was != now_in:
        came = [f"+{user_id}" for user_id in sorted(now_in - was)]
        went = [f"-{user_id}" for user_id in sorted(was - now_in)]
        said = f"@{group.handle}: {' '.join([*came, *went])}"
        await history.note(tx, *place, None, "group members", now, said)


def _as_kept(workspace_id: str, read: SlackGroup, roles: frozenset[Role]) -> UserGroup:
    return UserGroup(
        workspace_id, read.id, read.handle, read.name, read.members, roles, read.read_at
    )
