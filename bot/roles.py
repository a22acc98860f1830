"""Who has which role, and through what: the one function that says so (pure).

A person's roles are their own and those of the Slack user groups they are in; in a post's campaign,
those granted there as well. Guests of the Slack workspace and people of other workspaces (Slack
Connect) are **clients**: they have what was granted to them in named campaigns and nothing else.
Whoever Slack deactivated has nothing, whatever is still written down.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from storage.records import CampaignGrant, Member, Role, UserGroup

IN_A_CAMPAIGN = frozenset({Role.APPROVER, Role.AUTHOR})  # what can be granted in one alone
OF_A_CLIENT = frozenset({Role.APPROVER})
NONE: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Roles:
    """What somebody has. ``through``: by the id of the user group that gives it; ``granted``: by
    the id of the campaign in which they have it."""

    own: frozenset[Role] = NONE
    through: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    granted: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    is_client: bool = False

    @property
    def everywhere(self) -> frozenset[Role]:
        """Those that hold in the whole workspace."""
        return self.own.union(*self.through.values())

    def within(self, campaign_id: str | None) -> frozenset[Role]:
        """Those that hold for a post of a campaign; None: for one without."""
        return self.everywhere | (self.granted.get(campaign_id, NONE) if campaign_id else NONE)


def effective(
    member: Member,
    groups: Iterable[UserGroup],
    grants: Iterable[CampaignGrant],
    home_team: str | None = None,
) -> Roles:
    """What somebody has.

    :param groups: the workspace's.
    :param grants: the person's.
    :param home_team: the other Slack team that they act from; None: it is this one.
    """
    if member.is_gone:
        return Roles(is_client=member.is_guest or home_team is not None)
    acts_from = home_team or member.workspace_id
    theirs = [g for g in grants if g.user_id == member.user_id and g.team_id == acts_from]
    if member.is_guest or home_team is not None:
        granted = {grant.campaign_id: grant.roles & OF_A_CLIENT for grant in theirs}
        return Roles(granted=granted, is_client=True)
    return Roles(
        own=member.roles,
        through={
            group.id: group.roles
            for group in groups
            if group.roles and member.user_id in group.members
        },
        granted={grant.campaign_id: grant.roles & IN_A_CAMPAIGN for grant in theirs},
    )
