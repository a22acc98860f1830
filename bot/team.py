"""Who may do what: the one table of roles and actions, and the check every use case begins with.

Which roles somebody has, and through what, is said by ``bot/roles.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot import leaving
from bot.clock import Clock
from bot.errors import NotAllowed, NotSetUp
from bot.role_holders import admins
from bot.roles import Roles, effective
from storage import campaign_grants, campaigns, history, user_groups, workspaces
from storage.database import Database
from storage.records import Campaign, CampaignGrant, Member, Role, UserGroup, Workspace
from storage.rows import Transaction


class Action(StrEnum):
    """What a role is needed for, in the words of the refusal."""

    DRAFT = "write posts"
    DECIDE = "approve or reject posts"
    RESPOND = "answer mentions"
    LOOK = "see the desk"
    NUMBERS = "see the numbers"
    REPORT = "plan and stop digests"
    CONFIGURE = "change the set-up"
    BRAKE = "pause publishing"
    RELEASE = "resume publishing"
    AUDIT = "see the workspace's record"


_AT_THE_DESK = frozenset({Role.ADMIN, Role.APPROVER, Role.AUTHOR, Role.RESPONDER})

ALLOWED: dict[Action, frozenset[Role]] = {
    Action.DRAFT: frozenset({Role.AUTHOR, Role.APPROVER, Role.ADMIN}),
    Action.DECIDE: frozenset({Role.APPROVER, Role.ADMIN}),
    Action.RESPOND: frozenset({Role.RESPONDER, Role.ADMIN}),
    Action.LOOK: _AT_THE_DESK,
    Action.NUMBERS: frozenset(Role),
    Action.REPORT: frozenset({Role.AUTHOR, Role.APPROVER, Role.ADMIN}),
    Action.CONFIGURE: frozenset({Role.ADMIN}),
    Action.BRAKE: _AT_THE_DESK,
    Action.RELEASE: frozenset({Role.APPROVER, Role.ADMIN}),
    Action.AUDIT: frozenset({Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who is acting: taken from Slack's signed payload and from nowhere else.

    ``home_team`` is the Slack team that they belong to, where it is another one than the workspace
    that they act in (Slack Connect).
    ``origin`` is from where, in plain words for the record ("a card in #C123").
    """

    workspace_id: str
    user_id: str
    origin: str = field(default="", compare=False, kw_only=True)
    home_team: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack says about somebody. ``zone`` is a name that the tz database knows.

    ``runs_slack``: an owner or admin of the Slack workspace. ``may_have_roles`` is False for bots,
    people who are gone, guests, and those of another workspace (Slack Connect); the last two may
    be clients of a campaign (``is_guest``; ``home_team`` is the other workspace).
    """

    user_id: str
    name: str
    zone: str
    runs_slack: bool
    may_have_roles: bool
    is_guest: bool = False
    is_gone: bool = False
    home_team: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A person whose role was checked, in a workspace that is set up."""

    workspace: Workspace
    member: Member
    roles: Roles

    def may(self, action: Action, campaign_id: str | None = None) -> bool:
        """Whether one of the person's roles covers the action.

        :param campaign_id: of the post that it is about; a client of the campaign decides on its
            posts, and does nothing else.
        """
        if self.roles.is_client and action is not Action.DECIDE:
            return False
        return bool(self.roles.within(campaign_id) & ALLOWED[action])

    def campaigns(self, action: Action) -> frozenset[str] | None:
        """The campaigns whose posts the person may do it to; None: all posts, of any or none."""
        if self.may(action):
            return None
        return frozenset(id_ for id_ in self.roles.granted if self.may(action, id_))

    def may_somewhere(self, action: Action) -> bool:
        """Whether there can be a post that the person may do it to."""
        return self.campaigns(action) != frozenset()


async def admit(
    tx: Transaction,
    person: Person,
    action: Action,
    campaign_id: str | None = None,
    *,
    somewhere: bool = False,
) -> Admitted:
    """Check that the workspace is set up and that the person may do this; what is noted of them in
    this transaction says from where they did it.

    :param campaign_id: of the post that it is about: a role in that campaign alone is enough.
    :param somewhere: a role in any campaign is enough; the caller then keeps to
        `Admitted.campaigns`.
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
    known = await unchecked(tx, workspace, person.user_id, person.home_team)
    if known is not None and (
        known.may_somewhere(action) if somewhere else known.may(action, campaign_id)
    ):
        history.acts(tx, person.user_id, person.origin)
        return known
    is_client = person.home_team is not None or (known is not None and known.roles.is_client)
    raise NotAllowed(_FOR_CLIENTS if is_client else await _refusal(tx, workspace, action))


_FOR_CLIENTS = (
    "Guests and people of other workspaces can use Socialdesk only to decide on posts of the "
    "campaigns that an admin named for them. This isn't one of those. Nothing was changed."
)


async def unchecked(
    tx: Transaction, workspace: Workspace, user_id: str, home_team: str | None = None
) -> Admitted | None:
    """Somebody with what they have, not admitted to anything; None for who isn't known here."""
    member = await workspaces.member(tx, workspace.id, user_id)
    if member is None:
        return None
    groups = await user_groups.of_workspace(tx, workspace.id)
    grants = await campaign_grants.of_person(tx, workspace.id, user_id)
    return Admitted(workspace, member, effective(member, groups, grants, home_team))


async def _refusal(tx: Transaction, workspace: Workspace, action: Action) -> str:
    needed = " or ".join(role.value for role in Role if role in ALLOWED[action])
    who = ", ".join(admin.name for admin in (await admins(tx, workspace.id))[:3]) or "An admin"
    return (
        f"To {action} you need the role {needed}. {who} can give it to you with "
        "`/social team`. Nothing was changed."
    )


@dataclass(frozen=True, slots=True)
class Teammate:
    """Somebody who has a role, and through what."""

    member: Member
    roles: Roles


@dataclass(frozen=True, slots=True)
class TeamOverview:
    """Everybody who has a role, by name; the user groups and campaigns by their ids."""

    admitted: Admitted
    people: Sequence[Teammate]
    groups: Mapping[str, UserGroup]
    campaigns: Mapping[str, Campaign]


class Team:
    """Who has which roles, and what people are called."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def show(self, person: Person) -> TeamOverview:
        """Who has which roles, and through what."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK)
            return await self._overview(tx, admitted)

    async def _overview(self, tx: Transaction, admitted: Admitted) -> TeamOverview:
        workspace_id = admitted.workspace.id
        groups = await user_groups.of_workspace(tx, workspace_id)
        granted: dict[str, list[CampaignGrant]] = {}
        for grant in await campaign_grants.of_workspace(tx, workspace_id):
            granted.setdefault(grant.user_id, []).append(grant)
        people = []
        for member in await workspaces.team(tx, workspace_id):
            grants = granted.get(member.user_id, ())
            abroad = next((g.team_id for g in grants if g.team_id != workspace_id), None)
            roles = effective(member, groups, grants, abroad)
            if roles.everywhere or any(roles.granted.values()):
                people.append(Teammate(member, roles))
        known = await campaigns.of_workspace(tx, workspace_id)
        return TeamOverview(
            admitted,
            people,
            {group.id: group for group in groups},
            {campaign.id: campaign for campaign in known},
        )

    async def roles_of(self, person: Person, user_id: str) -> Member:
        """Somebody's own roles, for whoever may change them; an unknown person has none."""
        async with self._database.reading() as tx:
            await admit(tx, person, Action.CONFIGURE)
            known = await workspaces.member(tx, person.workspace_id, user_id)
        return known or Member(person.workspace_id, user_id, "", "UTC", frozenset())

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
                    "not bots, guests or people who left. A guest can decide on the posts of "
                    "campaigns: choose *Campaigns* in this form. Nothing was changed."
                )
            own = await workspaces.with_role(tx, person.workspace_id, Role.ADMIN)
            if Role.ADMIN not in roles and [each.user_id for each in own] == [profile.user_id]:
                raise NotAllowed(
                    f"{profile.name} is the only admin. Make somebody else an admin first. "
                    "Nothing was changed."
                )
            known = await workspaces.member(tx, person.workspace_id, profile.user_id)
            member = as_member(person.workspace_id, profile, known, roles)
            await self._keep(tx, replace(member, is_gone=profile.is_gone), person.user_id)
        return member

    async def follow(self, workspace_id: str, profile: Profile) -> None:
        """Slack says that somebody's profile changed: keep name and zone.

        Who is gone, or is a guest from now on, has no role of any kind any more, until an admin
        gives one again (if that was the last admin, Slack's own admins can set up again). What
        somebody leaves behind is dealt with by ``bot/leaving.py``.
        """
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, workspace_id)
            known = await workspaces.member(tx, workspace_id, profile.user_id)
            if known is None:
                return
            roles = known.roles if profile.may_have_roles else frozenset()
            changed = as_member(workspace_id, profile, known, roles)
            if changed == known:
                return
            await self._keep(tx, changed, None if roles != known.roles else profile.user_id)
            if changed.is_guest and not known.is_guest:
                await campaign_grants.remove(tx, workspace_id, profile.user_id)
            if changed.is_gone and not known.is_gone:
                await leaving.left(tx, changed, self._clock.now())
        self._clock.alarm("notices").ring()

    async def _keep(self, tx: Transaction, member: Member, by: str | None) -> None:
        before = await workspaces.member(tx, member.workspace_id, member.user_id)
        if before is not None:
            member = replace(member, review_minute=before.review_minute)
        await workspaces.save_member(tx, member)
        if before is None or before.roles != member.roles:
            had = in_words(before.roles) if before is not None else "none"
            await history.note(
                tx,
                member.workspace_id,
                member.user_id,
                by,
                "roles",
                self._clock.now(),
                f"{had} -> {in_words(member.roles)}",
            )


def in_words(roles: frozenset[Role]) -> str:
    """Roles as the record names them."""
    return ", ".join(sorted(role.value for role in roles)) or "none"


def as_member(
    workspace_id: str, profile: Profile, known: Member | None, roles: frozenset[Role]
) -> Member:
    """Somebody as Slack has them now, with what only we know kept. Who was gone stays gone."""
    new = known or Member(workspace_id, profile.user_id, profile.name, profile.zone, roles)
    return replace(
        new,
        name=profile.name,
        zone=profile.zone,
        roles=roles,
        is_guest=profile.is_guest,
        is_gone=new.is_gone or profile.is_gone,
    )
