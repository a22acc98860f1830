"""Effective roles: a person's own, their user groups', and in a campaign those granted there;
nothing of what is written down holds for who is gone, and little for guests."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.roles import OF_A_CLIENT, effective
from storage.records import CampaignGrant, Member, Role, UserGroup

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ROLES = st.frozensets(st.sampled_from(Role))
PEOPLE = ("U1", "U2", "U3")
CAMPAIGNS = ("c1", "c2")
TEAMS = ("T1", "T2")


@st.composite
def groups(draw: st.DrawFn) -> list[UserGroup]:
    return [
        UserGroup("T1", f"S{n}", f"s{n}", f"S{n}", tuple(draw(st.sets(st.sampled_from(PEOPLE)))),
                  draw(ROLES), NOW)
        for n in range(draw(st.integers(0, 3)))
    ]  # fmt: skip


GRANTS = st.lists(
    st.builds(
        CampaignGrant,
        id=st.just("g"),
        workspace_id=st.just("T1"),
        campaign_id=st.sampled_from(CAMPAIGNS),
        user_id=st.sampled_from(PEOPLE),
        team_id=st.sampled_from(TEAMS),
        roles=ROLES,
        granted_by=st.just("UEVA"),
        granted_at=st.just(NOW),
    ),
    unique_by=lambda grant: (grant.campaign_id, grant.user_id),
)


@given(own=ROLES, made=groups(), grants=GRANTS)
def test_everybodys_roles_are_their_own_and_their_groups_and_no_more(
    own: frozenset[Role], made: list[UserGroup], grants: list[CampaignGrant]
) -> None:
    roles = effective(Member("T1", "U1", "Una", "UTC", own), made, grants)
    mine = [group.roles for group in made if "U1" in group.members]
    assert roles.everywhere == own.union(*mine)
    assert roles.within(None) == roles.everywhere
    for campaign_id in CAMPAIGNS:
        granted = [
            grant.roles & {Role.APPROVER, Role.AUTHOR}
            for grant in grants
            if (grant.user_id, grant.campaign_id, grant.team_id) == ("U1", campaign_id, "T1")
        ]
        assert roles.within(campaign_id) == roles.everywhere.union(*granted)


@given(own=ROLES, made=groups(), grants=GRANTS, is_guest=st.booleans(), home=st.sampled_from(TEAMS))
def test_guests_and_strangers_approve_in_named_campaigns_and_have_nothing_else(
    own: frozenset[Role],
    made: list[UserGroup],
    grants: list[CampaignGrant],
    is_guest: bool,
    home: str,
) -> None:
    if not is_guest and home == "T1":
        return
    member = Member("T1", "U1", "Una", "UTC", own, is_guest=is_guest)
    roles = effective(member, made, grants, None if home == "T1" else home)
    assert roles.is_client
    assert roles.everywhere == frozenset()
    for campaign_id in CAMPAIGNS:
        mine = [g for g in grants if (g.user_id, g.campaign_id) == ("U1", campaign_id)]
        granted = [g.roles & OF_A_CLIENT for g in mine if g.team_id == home]
        assert roles.within(campaign_id) == frozenset[Role]().union(*granted)


@given(own=ROLES, made=groups(), grants=GRANTS, is_guest=st.booleans())
def test_who_is_gone_has_nothing(
    own: frozenset[Role], made: list[UserGroup], grants: list[CampaignGrant], is_guest: bool
) -> None:
    member = Member("T1", "U1", "Una", "UTC", own, is_guest=is_guest, is_gone=True)
    roles = effective(member, made, grants)
    assert {roles.within(campaign) for campaign in (None, *CAMPAIGNS)} == {frozenset()}


def test_a_grant_to_the_same_id_in_another_team_is_not_mine() -> None:
    """A forged or coincidental id gets nothing: the team that Slack signs for decides."""
    grant = CampaignGrant("g", "T1", "c1", "U1", "T2", frozenset({Role.APPROVER}), "UEVA", NOW)
    member = Member("T1", "U1", "Una", "UTC", frozenset(), is_guest=True)
    assert effective(member, [], [grant], "T2").within("c1") == {Role.APPROVER}
    assert effective(member, [], [grant], "T3").within("c1") == frozenset()
    assert effective(member, [], [grant]).within("c1") == frozenset()
