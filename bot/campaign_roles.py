"""Roles in one campaign alone, clients' among them: granted and taken away by admins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.clock import Clock
from bot.errors import FieldErrors, NotFound
from bot.roles import IN_A_CAMPAIGN, OF_A_CLIENT
from bot.team import Action, Person, Profile, admit, as_member, in_words
from storage import campaign_grants, campaigns, history, workspaces
from storage.database import Database
from storage.records import Campaign, CampaignGrant, Role
from storage.rows import Transaction, new_id


@dataclass(frozen=True, slots=True)
class Granting:
    """What the form shows: the campaigns, and for the chosen one who has what."""

    campaigns: Sequence[Campaign]
    chosen: Campaign | None
    grants: Sequence[CampaignGrant]


class CampaignRoles:
    """Use cases of grants."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def show(self, person: Person, campaign_id: str | None = None) -> Granting:
        """:raises NotAllowed: the person is no admin."""
        async with self._database.reading() as tx:
            await admit(tx, person, Action.CONFIGURE)
            known = await campaigns.of_workspace(tx, person.workspace_id)
            chosen = next((one for one in known if one.id == campaign_id), None)
            if chosen is None:
                return Granting(known, None, ())
            grants = await campaign_grants.of_campaign(tx, person.workspace_id, chosen.id)
        return Granting(known, chosen, grants)

    async def grant(
        self, person: Person, campaign_id: str, profile: Profile, roles: frozenset[Role]
    ) -> Campaign:
        """Give somebody exactly these roles in a campaign; none takes theirs away.

        A guest, or somebody of another workspace, becomes its client: they decide on its posts.

        :param profile: of whom it is about, as Slack has it now.
        :raises NotAllowed: the person is no admin.
        :raises NotFound: there is no such campaign.
        :raises FieldErrors: the other one can't have these (fields ``person`` and ``roles``).
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, person.workspace_id)
            await admit(tx, person, Action.CONFIGURE)
            campaign = await campaigns.get(tx, person.workspace_id, campaign_id)
            if campaign is None:
                raise NotFound("This campaign isn't there any more. Nothing was changed.")
            if roles:
                _check(profile, roles)
            before = await self._granted(tx, campaign, profile.user_id)
            known = await workspaces.member(tx, person.workspace_id, profile.user_id)
            had = known.roles if known and profile.may_have_roles else frozenset()
            member = as_member(person.workspace_id, profile, known, had)
            await workspaces.save_member(tx, replace(member, is_gone=profile.is_gone))
            if roles:
                team_id = profile.home_team or person.workspace_id
                await campaign_grants.save(
                    tx,
                    CampaignGrant(
                        new_id(),
                        person.workspace_id,
                        campaign.id,
                        profile.user_id,
                        team_id,
                        roles,
                        person.user_id,
                        now,
                    ),
                )
            else:
                await campaign_grants.remove(tx, person.workspace_id, profile.user_id, campaign.id)
            await history.note(
                tx,
                person.workspace_id,
                profile.user_id,
                person.user_id,
                "campaign roles",
                now,
                f"{campaign.name}: {in_words(before)} -> {in_words(roles)}",
            )
        return campaign

    async def _granted(self, tx: Transaction, campaign: Campaign, user_id: str) -> frozenset[Role]:
        grants = await campaign_grants.of_campaign(tx, campaign.workspace_id, campaign.id)
        return frozenset[Role]().union(*(one.roles for one in grants if one.user_id == user_id))


def _check(profile: Profile, roles: frozenset[Role]) -> None:
    if profile.is_gone or not (profile.may_have_roles or profile.is_guest):
        raise FieldErrors(
            {"person": f"{profile.name} can't have a role: it is a bot, or they left Slack."}
        )
    allowed = OF_A_CLIENT if profile.is_guest else IN_A_CAMPAIGN
    if roles - allowed:
        raise FieldErrors(
            {
                "roles": f"{profile.name} is a guest, so they can decide on posts and nothing "
                "else. Nothing was changed."
                if profile.is_guest
                else "In a campaign somebody can approve or write. Nothing was changed."
            }
        )
