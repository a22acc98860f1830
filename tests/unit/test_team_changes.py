"""The team under changes: the last admin stays, whoever presses what at the same moment; who left
has nothing; groups follow Slack; a campaign's roles hold in it alone."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.campaign_roles import CampaignRoles
from bot.errors import FieldErrors, NotAllowed, UserError
from bot.leaving import Leaving
from bot.scheduling import NewTime
from bot.team import Action, Person, Profile, Team, admit
from bot.user_groups import SlackGroup, UserGroups
from storage import accounts, campaigns, history, notices, posts, user_groups, workspaces
from storage.records import (
    Campaign,
    Card,
    Member,
    MentionState,
    Post,
    PostState,
    Role,
    UserGroup,
    Verdict,
    When,
)
from tests.unit.care import DANA, care
from tests.unit.deciding import set_group
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM, World

GUS = Person(TEAM, "UGUS")
CLIENT = Person(TEAM, "UCLIENT", home_team="TCLIENT")
AUTHOR, APPROVER, ADMIN = Role.AUTHOR, Role.APPROVER, Role.ADMIN


def profile(who: Person, **new: bool) -> Profile:
    alive = Profile(who.user_id, who.user_id.title(), "Europe/Berlin", False, True)
    if who.home_team is not None:
        alive = replace(alive, may_have_roles=False, is_guest=True, home_team=who.home_team)
    return replace(alive, **new)


def gone(who: Person) -> Profile:
    return profile(who, may_have_roles=False, is_gone=True)


def guest(who: Person) -> Profile:
    return profile(who, may_have_roles=False, is_guest=True)


async def admins(here: World) -> set[str]:
    async with here.database.reading() as tx:
        return {one.user_id for one in await workspaces.with_role(tx, TEAM, ADMIN)}


async def may(here: World, who: Person, action: Action, campaign: str | None = None) -> bool:
    async with here.database.reading() as tx:
        try:
            await admit(tx, who, action, campaign)
        except NotAllowed:
            return False
    return True


async def campaign(here: World, name: str = "Spring") -> Campaign:
    made = Campaign(f"id-{name}", TEAM, name, ANA.user_id, here.clock.now())
    async with here.database.transaction() as tx:
        await campaigns.insert_new(tx, made)
    return made


async def put_into(here: World, post: Post, label: Campaign) -> None:
    async with here.database.transaction() as tx:
        now = await posts.get(tx, TEAM, post.id)
        assert now is not None
        assert await posts.change(tx, now, here.clock.now(), campaign_id=label.id)


# The last admin


async def test_two_admins_who_remove_each_other_leave_one(here: World) -> None:
    team = Team(here.database, here.clock)
    for _ in range(15):
        for who in (ANA, EVA):
            if who.user_id not in await admins(here):
                [other] = await admins(here)
                await team.set_roles(Person(TEAM, other), profile(who), frozenset({ADMIN}))
        both = await asyncio.gather(
            team.set_roles(EVA, profile(ANA), frozenset()),
            team.set_roles(ANA, profile(EVA), frozenset()),
            return_exceptions=True,
        )
        assert len(await admins(here)) == 1
        [refused] = [one for one in both if isinstance(one, BaseException)]
        assert isinstance(refused, NotAllowed)


async def test_two_admins_who_step_down_at_once_leave_one(here: World) -> None:
    team = Team(here.database, here.clock)
    await team.set_roles(EVA, profile(ANA), frozenset({ADMIN}))
    both = await asyncio.gather(
        team.set_roles(EVA, profile(EVA), frozenset()),
        team.set_roles(ANA, profile(ANA), frozenset()),
        return_exceptions=True,
    )
    assert len(await admins(here)) == 1
    assert any(isinstance(one, NotAllowed) and "only admin" in str(one) for one in both)


async def test_an_admin_through_a_group_does_not_make_the_last_one_dispensable(
    light: World,
) -> None:
    groups, team = UserGroups(light.database, light.clock), Team(light.database, light.clock)
    await groups.set_roles(EVA, read(light, BEN), frozenset({ADMIN}))
    assert await may(light, BEN, Action.CONFIGURE)
    for who in (EVA, BEN):
        with pytest.raises(NotAllowed, match="the only admin"):
            await team.set_roles(who, profile(EVA), frozenset())


PEOPLE = (ANA, BEN, EVA)
EARLY = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("roles"),
            st.sampled_from(PEOPLE),
            st.sampled_from(PEOPLE),
            st.frozensets(st.sampled_from((ADMIN, AUTHOR))),
        ),
        st.tuples(
            st.just("group"),
            st.sampled_from(PEOPLE),
            st.sets(st.sampled_from(PEOPLE)),
            st.frozensets(st.sampled_from((ADMIN, APPROVER))),
        ),
        st.tuples(st.sampled_from(("gone", "guest", "back")), st.sampled_from(PEOPLE)),
    ),
    max_size=8,
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
async def test_no_press_ever_takes_away_the_last_admin(
    light: World,
    steps: list[tuple],  # type: ignore[type-arg]  # of three kinds
) -> None:
    """Only Slack can, by deactivating them; and nobody has a role whom Slack has taken away."""
    team, groups = Team(light.database, light.clock), UserGroups(light.database, light.clock)
    async with light.database.transaction() as tx:
        for person in PEOPLE:
            own = frozenset({ADMIN if person is EVA else AUTHOR})
            await workspaces.save_member(tx, Member(TEAM, person.user_id, "x", "UTC", own))
        await user_groups.save(tx, UserGroup(TEAM, "S1", "", "", (), frozenset(), EARLY))
    out: dict[Person, Profile] = {}
    for kind, *args in steps:
        before = await admins(light)
        if kind == "roles":
            who, whom, roles = args
            with contextlib.suppress(NotAllowed):
                await team.set_roles(who, out.get(whom, profile(whom)), roles)
            assert await admins(light) or not before
        elif kind == "group":
            who, within, roles = args
            with contextlib.suppress(NotAllowed):
                await groups.set_roles(who, read(light, *within), roles)
            assert await admins(light) == before
        else:
            [whom] = args
            out[whom] = {"gone": gone, "guest": guest, "back": profile}[kind](whom)
            await team.follow(TEAM, out[whom])
        for person, now in out.items():
            if not now.may_have_roles:
                assert not [a for a in Action if await may(light, person, a)]


# User groups


def read(
    here: World, *members: Person, at: datetime | None = None, handle: str = "legal"
) -> SlackGroup:
    ids = tuple(sorted(member.user_id for member in members))
    return SlackGroup("S1", handle, "Legal", ids, at or here.clock.now())


async def test_a_group_gives_its_roles_for_as_long_as_somebody_is_in_it(here: World) -> None:
    groups = UserGroups(here.database, here.clock)
    assert not await may(here, ANA, Action.DECIDE)
    await groups.set_roles(EVA, read(here, ANA), frozenset({APPROVER}))
    assert await may(here, ANA, Action.DECIDE)
    assert await groups.keep(TEAM, read(here, BEN))
    assert not await may(here, ANA, Action.DECIDE)
    async with here.database.reading() as tx:
        entries = await history.of_subject(tx, "S1")
    assert [(e.actor_id, e.action, e.detail) for e in entries] == [
        (EVA.user_id, "group roles", "@legal: none -> approver"),
        (None, "group members", f"@legal: +{ANA.user_id}"),
        (None, "group members", f"@legal: +{BEN.user_id} -{ANA.user_id}"),
    ]


async def test_a_disabled_group_gives_nothing(light: World) -> None:
    groups = UserGroups(light.database, light.clock)
    await groups.set_roles(EVA, read(light, ANA), frozenset({APPROVER}))
    await groups.keep(TEAM, read(light))  # nobody is in it any more
    assert not await may(light, ANA, Action.DECIDE)


async def test_what_was_read_earlier_and_comes_later_changes_nothing(light: World) -> None:
    groups = UserGroups(light.database, light.clock)
    await groups.set_roles(EVA, read(light, ANA), frozenset({APPROVER}))
    early = light.clock.now()
    assert await groups.keep(TEAM, read(light, BEN))
    assert not await groups.keep(TEAM, read(light, ANA, at=early))
    assert not await may(light, ANA, Action.DECIDE)


async def test_a_group_nobody_chose_is_not_kept(light: World) -> None:
    groups = UserGroups(light.database, light.clock)
    assert not await groups.keep(TEAM, read(light, ANA))
    async with light.database.reading() as tx:
        assert await user_groups.of_workspace(tx, TEAM) == []


async def test_only_admins_say_what_a_group_gives(light: World) -> None:
    groups = UserGroups(light.database, light.clock)
    with pytest.raises(NotAllowed):
        await groups.set_roles(BEN, read(light, BEN), frozenset({ADMIN}))
    assert not await may(light, BEN, Action.CONFIGURE)


async def test_new_people_in_a_group_become_known_and_guests_get_nothing(light: World) -> None:
    groups = UserGroups(light.database, light.clock)
    new, visitor = Person(TEAM, "UNEW"), Person(TEAM, "UVISITOR")
    unknown = await groups.unknown(TEAM, [ANA.user_id, new.user_id, visitor.user_id])
    assert unknown == [new.user_id, visitor.user_id]
    group = read(light, new, visitor)
    await groups.set_roles(EVA, group, frozenset({APPROVER}))
    assert not await may(light, new, Action.DECIDE)  # not before it is known who that is
    await groups.keep(TEAM, read(light, new, visitor), [profile(new), guest(visitor)])
    assert await may(light, new, Action.DECIDE)
    assert not await may(light, visitor, Action.DECIDE)


async def test_the_groups_are_read_again_by_one_process_an_hour(here: World) -> None:
    groups = UserGroups(here.database, here.clock)
    assert await groups.claim_reading() == []  # none is followed
    await groups.set_roles(EVA, read(here, ANA), frozenset({APPROVER}))
    claims = await asyncio.gather(*(groups.claim_reading() for _ in range(5)))
    assert sorted(claims) == [[], [], [], [], [TEAM]]


# Campaigns


async def test_a_role_in_a_campaign_holds_for_its_posts_alone(light: World) -> None:
    grants = CampaignRoles(light.database, light.clock)
    spring, autumn = await campaign(light), await campaign(light, "Autumn")
    await grants.grant(EVA, spring.id, profile(GUS), frozenset({APPROVER, AUTHOR}))
    one, other = await light.submitted("Spring!"), await light.submitted("Autumn!")
    plain = await light.submitted("Whenever")
    await put_into(light, one, spring)
    await put_into(light, other, autumn)
    items, total = await light.scheduling.coming(GUS)
    assert ([item.post.id for item in items], total) == ([one.id], 1)
    for post in (other, plain):
        with pytest.raises(NotAllowed):
            await light.approvals.decide(
                GUS, post.id, Verdict.APPROVED, revision_id=post.revision_id
            )
        with pytest.raises(NotAllowed):
            await light.scheduling.cancel(GUS, post.id)
        with pytest.raises(NotAllowed):
            await light.scheduling.movable(GUS, post.id)
    with pytest.raises(NotAllowed):
        await light.drafting.start_edit(GUS, other.id)
    await light.scheduling.reschedule(
        GUS, one.id, NewTime(When.AT, light.clock.now() + timedelta(days=2))
    )
    decided = await light.approvals.decide(
        GUS, one.id, Verdict.APPROVED, revision_id=one.revision_id
    )
    assert decided.post.state is PostState.SCHEDULED


async def test_a_campaigns_role_is_taken_away_again(light: World) -> None:
    grants = CampaignRoles(light.database, light.clock)
    spring = await campaign(light)
    await grants.grant(EVA, spring.id, profile(GUS), frozenset({APPROVER}))
    await grants.grant(EVA, spring.id, profile(GUS), frozenset({AUTHOR}))
    assert not await may(light, GUS, Action.DECIDE, spring.id)
    assert await may(light, GUS, Action.DRAFT, spring.id)
    await grants.grant(EVA, spring.id, profile(GUS), frozenset())
    assert not await may(light, GUS, Action.DRAFT, spring.id)
    async with light.database.reading() as tx:
        said = [entry.detail for entry in await history.of_subject(tx, GUS.user_id)]
    assert said == [
        "Spring: none -> approver",
        "Spring: approver -> author",
        "Spring: author -> none",
    ]


async def test_a_grant_leaves_a_persons_own_roles_alone(light: World) -> None:
    grants = CampaignRoles(light.database, light.clock)
    spring = await campaign(light)
    await grants.grant(EVA, spring.id, profile(ANA), frozenset({APPROVER}))
    assert await may(light, ANA, Action.DRAFT)
    assert await may(light, ANA, Action.DECIDE, spring.id)
    assert not await may(light, ANA, Action.DECIDE)


async def test_a_client_decides_in_named_campaigns_and_does_nothing_else(light: World) -> None:
    grants = CampaignRoles(light.database, light.clock)
    spring = await campaign(light)
    with pytest.raises(FieldErrors, match="nothing else"):
        await grants.grant(EVA, spring.id, profile(CLIENT), frozenset({AUTHOR}))
    await grants.grant(EVA, spring.id, profile(CLIENT), frozenset({APPROVER}))
    allowed = [action for action in Action if await may(light, CLIENT, action, spring.id)]
    assert allowed == [Action.DECIDE]
    assert not [action for action in Action if await may(light, CLIENT, action)]
    for forged in (replace(CLIENT, home_team="TOTHER"), replace(CLIENT, home_team=None)):
        assert not await may(light, forged, Action.DECIDE, spring.id)
    post = await light.submitted("Spring!")
    with pytest.raises(NotAllowed, match="campaigns that an admin named"):
        await light.approvals.decide(
            CLIENT, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
    await put_into(light, post, spring)
    for see in (light.scheduling.coming(CLIENT), light.drafting.start(CLIENT)):
        with pytest.raises(NotAllowed):
            await see
    await light.approvals.decide(CLIENT, post.id, Verdict.APPROVED, revision_id=post.revision_id)


async def test_a_bot_or_somebody_who_left_is_nobodys_client(light: World) -> None:
    grants = CampaignRoles(light.database, light.clock)
    spring = await campaign(light)
    for nobody in (gone(GUS), profile(GUS, may_have_roles=False)):
        with pytest.raises(FieldErrors, match="can't have a role"):
            await grants.grant(EVA, spring.id, nobody, frozenset({APPROVER}))


async def test_a_stranger_with_a_members_id_is_a_stranger(light: World) -> None:
    """User ids are unique in a team; another team's may be the same as an admin's here."""
    assert not await may(light, replace(EVA, home_team="T2"), Action.CONFIGURE)


# Leaving


async def test_a_claimed_mention_is_everybodys_again(database_url: str, tmp_path: Path) -> None:
    async with care(database_url, tmp_path) as made:
        mention = await made.hear()
        await made.triage.claim(DANA, mention.id)
        before = await made.version(mention)
        await Team(made.world.database, made.world.clock).follow(TEAM, gone(DANA))
        now = await made.again(mention)
        assert (now.owner_id, now.state) == (None, MentionState.OPEN)
        assert (await made.did(mention))[-1] == (None, "released")
        assert await made.version(mention) > before


async def test_who_left_has_nothing_at_once_and_after_they_come_back(here: World) -> None:
    team, groups = Team(here.database, here.clock), UserGroups(here.database, here.clock)
    grants = CampaignRoles(here.database, here.clock)
    spring = await campaign(here)
    await groups.set_roles(EVA, read(here, BEN), frozenset({APPROVER}))
    await grants.grant(EVA, spring.id, profile(BEN), frozenset({APPROVER}))
    await team.follow(TEAM, gone(BEN))
    for _ in range(2):
        assert not [a for a in Action if await may(here, BEN, a, spring.id)]
        await team.follow(TEAM, profile(BEN))  # reactivated: an admin gives roles anew
        await groups.keep(TEAM, read(here, BEN), [profile(BEN)])
    await grants.grant(EVA, spring.id, profile(BEN), frozenset({AUTHOR}))
    assert await may(here, BEN, Action.DRAFT, spring.id)
    await team.set_roles(EVA, profile(BEN), frozenset({AUTHOR}))
    assert await may(here, BEN, Action.DRAFT)
    assert await may(here, BEN, Action.DECIDE)  # through the group that they are in again


async def test_the_admins_are_told_once_and_only_of_what_needs_somebody(light: World) -> None:
    team = Team(light.database, light.clock)
    await team.follow(TEAM, gone(CHIDI))
    async with light.database.reading() as tx:
        assert await notices.of_subject(tx, TEAM, CHIDI.user_id) == []
    scheduled = await light.submitted("Tomorrow", when=When.AT, at=tomorrow())
    await light.approvals.decide(
        BEN, scheduled.id, Verdict.APPROVED, revision_id=scheduled.revision_id
    )
    await light.submitted("Waits")
    await team.follow(TEAM, gone(ANA))
    await team.follow(TEAM, replace(gone(ANA), name="Ana (left)"))
    async with light.database.reading() as tx:
        [told] = await notices.of_subject(tx, TEAM, ANA.user_id)
    assert (told.card, told.destination, told.version) == (Card.LEFT, EVA.user_id, 1)
    behind = await Leaving(light.database).look(TEAM, ANA.user_id)
    assert behind is not None
    assert (behind.scheduled, behind.unfinished, behind.held) == (1, 1, 0)
    assert (await light.post(scheduled.id)).state is PostState.SCHEDULED


async def test_admins_through_a_user_group_are_told_as_well(light: World) -> None:
    await set_group(light, BEN, roles=(ADMIN,))
    await light.submitted("Waits")
    await Team(light.database, light.clock).follow(TEAM, gone(ANA))
    async with light.database.reading() as tx:
        told = await notices.of_subject(tx, TEAM, ANA.user_id)
    assert {one.destination for one in told} == {BEN.user_id, EVA.user_id}


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


async def test_an_admin_looks_after_the_accounts_of_who_left(here: World) -> None:
    team = Team(here.database, here.clock)
    await team.set_roles(EVA, profile(BEN), frozenset({ADMIN}))
    await team.follow(TEAM, gone(EVA))
    async with here.database.reading() as tx:
        [account] = await accounts.of_workspace(tx, TEAM)
        said = [(e.action, e.detail) for e in await history.of_subject(tx, account.id)]
    assert account.owner_id == BEN.user_id
    assert said[-1] == ("handed over", BEN.user_id)


async def test_a_member_who_becomes_a_guest_loses_everything(light: World) -> None:
    team, grants = Team(light.database, light.clock), CampaignRoles(light.database, light.clock)
    spring = await campaign(light)
    await grants.grant(EVA, spring.id, profile(BEN), frozenset({APPROVER}))
    await team.follow(TEAM, guest(BEN))
    assert not await may(light, BEN, Action.DECIDE, spring.id)
    with pytest.raises(UserError):
        await team.set_roles(EVA, guest(BEN), frozenset({APPROVER}))
    await grants.grant(EVA, spring.id, guest(BEN), frozenset({APPROVER}))
    assert await may(light, BEN, Action.DECIDE, spring.id)
