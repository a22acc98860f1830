"""Who may do what: the one table of roles and actions, and the check every use case begins with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.clock import Clock
from bot.errors import NotAllowed, NotSetUp
from storage import history, workspaces
from storage.database import Database
from storage.records import Member, Mode, Role, Workspace
from storage.rows import Transaction


class Action(StrEnum):
    """What a role is needed for, in the words of the refusal."""

    DRAFT = "write posts"
    DECIDE = "approve or reject posts"
    RESPOND = "answer mentions"
    LOOK = "see the desk"
    REPORT = "plan and stop digests"
    CONFIGURE = "change the set-up"
    BRAKE = "pause publishing"
    RELEASE = "resume publishing"


ALLOWED: dict[Action, frozenset[Role]] = {
    Action.DRAFT: frozenset({Role.AUTHOR, Role.APPROVER, Role.ADMIN}),
    Action.DECIDE: frozenset({Role.APPROVER, Role.ADMIN}),
    Action.RESPOND: frozenset({Role.RESPONDER, Role.ADMIN}),
    Action.LOOK: frozenset(Role),
    Action.REPORT: frozenset({Role.AUTHOR, Role.APPROVER, Role.ADMIN}),
    Action.CONFIGURE: frozenset({Role.ADMIN}),
    Action.BRAKE: frozenset(Role),
    Action.RELEASE: frozenset({Role.APPROVER, Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who is acting: taken from Slack's signed payload and from nowhere else."""

    workspace_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack says about somebody. ``zone`` is a name that the tz database knows.

    ``runs_slack``: an owner or admin of the Slack workspace. ``may_have_roles`` is False for bots,
    for people who are gone, and for those of another workspace (Slack Connect).
    """

    user_id: str
    name: str
    zone: str
    runs_slack: bool
    may_have_roles: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """A person whose role was checked, in a workspace that is set up."""

    workspace: Workspace
    member: Member

    def may(self, action: Action) -> bool:
        return may(self.member, action)


def may(member: Member, action: Action) -> bool:
    """Whether one of the member's roles covers the action."""
    return bool(member.roles & ALLOWED[action])


async def admit(tx: Transaction, person: Person, action: Action) -> Admitted:
    """Check that the workspace is set up and that the person may do this.

    :raises NotSetUp: says what is missing and who can finish it.
    :raises NotAllowed: says which role is needed and who can give it; or that the person is of
        another workspace (Slack Connect).
    """
    workspace = await workspaces.get(tx, person.workspace_id)
    if workspace is None:
        raise NotAllowed(
            "Socialdesk works for another Slack workspace than yours, so you have no role here. "
            "Nothing was changed."
        )
    if workspace.set_up_at is None:
        raise NotSetUp(
            "Socialdesk isn't set up here yet. A workspace owner or admin opens the Home tab of "
            "the Socialdesk app and fills in the set-up form. It takes two minutes."
        )
    member = await workspaces.member(tx, person.workspace_id, person.user_id)
    if member is None or not may(member, action):
        raise NotAllowed(await _refusal(tx, workspace, action))
    return Admitted(workspace, member)


async def _refusal(tx: Transaction, workspace: Workspace, action: Action) -> str:
    needed = " or ".join(role.value for role in Role if role in ALLOWED[action])
    admins = await workspaces.with_role(tx, workspace.id, Role.ADMIN)
    who = ", ".join(admin.name for admin in admins[:3]) or "An admin"
    return (
        f"To {action} you need the role {needed}. {who} can give it to you with "
        "`/social team`. Nothing was changed."
    )


class Team:
    """Who has which roles, and what people are called."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def show(self, person: Person) -> tuple[Admitted, Sequence[Member]]:
        """Who asks, and everybody who has a role, by name."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK)
            known = await workspaces.team(tx, person.workspace_id)
        return admitted, [member for member in known if member.roles]

    async def set_roles(self, person: Person, profile: Profile, roles: frozenset[Role]) -> Member:
        """Give somebody exactly these roles; none takes theirs away.

        :param profile: of whom it is about, as Slack has it now.
        :raises NotAllowed: the person is no admin, would take away the last admin, or the other
            one can't have roles here.
        """
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, person.workspace_id)
            await admit(tx, person, Action.CONFIGURE)
            if roles and not profile.may_have_roles:
                raise NotAllowed(
                    f"{profile.name} can't have a role: only people of this Slack workspace can, "
                    "not bots, guests of another workspace or people who left. Nothing was changed."
                )
            admins = await workspaces.with_role(tx, person.workspace_id, Role.ADMIN)
            if Role.ADMIN not in roles and [a.user_id for a in admins] == [profile.user_id]:
                raise NotAllowed(
                    f"{profile.name} is the only admin. Make somebody else an admin first. "
                    "Nothing was changed."
                )
            member = Member(person.workspace_id, profile.user_id, profile.name, profile.zone, roles)
            await self._keep(tx, member, person.user_id)
        return member

    async def follow(self, workspace_id: str, profile: Profile) -> None:
        """Slack says that somebody's profile changed: keep name and zone; who is gone has no
        roles any more (if that was the last admin, Slack's own admins can set up again)."""
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, workspace_id)
            known = await workspaces.member(tx, workspace_id, profile.user_id)
            if known is None:
                return
            roles = known.roles if profile.may_have_roles else frozenset()
            changed = replace(known, name=profile.name, zone=profile.zone, roles=roles)
            if changed != known:
                await self._keep(tx, changed, None if roles != known.roles else profile.user_id)

    async def _keep(self, tx: Transaction, member: Member, by: str | None) -> None:
        before = await workspaces.member(tx, member.workspace_id, member.user_id)
        if before is not None:
            member = replace(member, review_minute=before.review_minute)
        await workspaces.save_member(tx, member)
        if before is None or before.roles != member.roles:
            named = ", ".join(sorted(role.value for role in member.roles)) or "none"
            await history.note(
                tx,
                member.workspace_id,
                member.user_id,
                by,
                "roles",
                self._clock.now(),
                named,
            )


def decides_own(workspace: Workspace) -> bool:
    """Whether an author's own post needs nobody else (a workspace set up for one person)."""
    return workspace.mode is Mode.ALONE
