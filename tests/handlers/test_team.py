"""Roles: shown to all who have one, changed by admins alone; Slack's news about people."""

from dataclasses import replace

from bot.playground.faults import ApiTrouble
from bot.playground.records import User, View
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, DANA, EVA, SOCIAL
from bot.team import Person
from handlers.user_groups import GroupReader
from storage import campaigns, history, workspaces
from storage.records import Campaign, Member, Role
from tests.handlers.stage import Stage, inputs_of, labels_of, text_of
from tests.servers.eventually import eventually

NOOR = "U0NOOR00001"
LEGAL = "S0LEGAL0001"


async def member_of(stage: Stage, user_id: str) -> Member | None:
    async with stage.services.database.reading() as tx:
        return await workspaces.member(tx, stage.bot.team_id, user_id)


async def roles_of(stage: Stage, user_id: str) -> set[str]:
    member = await member_of(stage, user_id)
    return {role.value for role in member.roles} if member else set()


async def choose(stage: Stage, who: str, whom: str) -> View:
    await stage.command(who, "/social team")
    form = await stage.modal(who, "team")
    await stage.press(who, form, "Choose a person", whom)
    return await stage.modal(who, "Several are fine")


async def changed_in_slack(stage: Stage, user: User) -> None:
    """Slack tells the app about a changed profile."""
    stage.slack.people.change_user(user)
    await stage.settled()


async def test_everybody_with_a_role_sees_the_team_and_only_admins_the_form(stage: Stage) -> None:
    await stage.command(ANA, "/social team")
    shown = await stage.modal(ANA, "Ben Okafor")
    assert "*Dana Weber*  responder" in text_of(shown)
    assert inputs_of(shown) == []


async def test_an_admin_gives_somebody_new_a_role(stage: Stage) -> None:
    stage.slack.workspace.put_user(User(NOOR, "noor", "Noor Haddad", "Asia/Tokyo"))
    form = await choose(stage, EVA, NOOR)
    assert (await stage.submit_fields(form, {f"roles:{NOOR}": ["Author", "Responder"]})).ok
    await stage.modal(EVA, "*Noor Haddad*: author, responder.")
    noor = await member_of(stage, NOOR)
    assert noor == Member(
        stage.bot.team_id,
        NOOR,
        "Noor Haddad",
        "Asia/Tokyo",
        frozenset({Role.AUTHOR, Role.RESPONDER}),
    )
    async with stage.services.database.reading() as tx:
        [entry] = await history.of_subject(tx, NOOR)
    assert (entry.actor_id, entry.detail) == (EVA, "none -> author, responder")


async def test_the_form_begins_with_the_roles_a_person_has(stage: Stage) -> None:
    form = await choose(stage, EVA, BEN)
    ticked = inputs_of(form)[-1]["element"]["initial_options"]
    assert [option["value"] for option in ticked] == ["approver"]
    assert (await stage.submit_fields(form, {f"roles:{BEN}": []})).ok
    await stage.modal(EVA, "no role any more")
    assert await roles_of(stage, BEN) == set()


async def test_roles_are_not_taken_before_they_were_shown(stage: Stage) -> None:
    await stage.command(EVA, "/social team")
    form = await stage.modal(EVA, "team")
    assert (await stage.submit(form, person=BEN)).ok
    await stage.modal(EVA, "Several are fine")
    assert await roles_of(stage, BEN) == {"approver"}


async def test_the_last_admin_stays(stage: Stage) -> None:
    form = await choose(stage, EVA, EVA)
    outcome = await stage.submit_fields(form, {f"roles:{EVA}": ["Author"]})
    assert "is the only admin" in outcome.errors["person"]
    assert await roles_of(stage, EVA) == {"admin"}


async def test_a_bot_or_a_stranger_gets_no_role(stage: Stage) -> None:
    slack = stage.slack.workspace
    slack.put_user(User(NOOR, "noor", "Noor", is_stranger=True, team_id="T0OTHER"))
    for whom in (slack.app.bot_user_id, NOOR):
        form = await choose(stage, EVA, whom)
        outcome = await stage.submit_fields(form, {f"roles:{whom}": ["Admin"]})
        assert "can't have a role" in outcome.errors["person"]
        assert await member_of(stage, whom) is None
        await stage.slack.people.close_view(EVA, form.id, everything=True)


async def test_who_lost_the_admin_role_meanwhile_changes_nothing(stage: Stage) -> None:
    form = await choose(stage, EVA, BEN)
    async with stage.services.database.transaction() as tx:
        eva = await workspaces.member(tx, stage.bot.team_id, EVA)
        assert eva is not None
        await workspaces.save_member(tx, replace(eva, roles=frozenset({Role.AUTHOR})))
    outcome = await stage.submit_fields(form, {f"roles:{BEN}": ["Admin"]})
    assert "you need the role admin" in outcome.errors["person"]
    assert await roles_of(stage, BEN) == {"approver"}


async def test_a_new_name_and_zone_in_slack_are_kept(stage: Stage) -> None:
    await changed_in_slack(stage, User(ANA, "ana", "Ana Novak-Silva", "America/Lima"))

    async def renamed() -> bool:
        ana = await member_of(stage, ANA)
        return ana is not None and (ana.name, ana.zone) == ("Ana Novak-Silva", "America/Lima")

    await eventually(renamed)
    assert await roles_of(stage, ANA) == {"author"}


async def test_who_left_slack_has_no_role_any_more(stage: Stage) -> None:
    await changed_in_slack(stage, User(ANA, "ana", "Ana Novak", "Europe/Berlin", deleted=True))

    async def gone() -> bool:
        return await roles_of(stage, ANA) == set()

    await eventually(gone)
    async with stage.services.database.reading() as tx:
        said = [(e.actor_id, e.action, e.detail) for e in await history.of_subject(tx, ANA)]
    assert said == [(None, "roles", "author -> none"), (None, "left", "")]


async def test_news_about_people_without_a_role_is_forgotten(stage: Stage) -> None:
    await changed_in_slack(stage, User(NOOR, "noor", "Noor", "Asia/Tokyo"))
    assert await member_of(stage, NOOR) is None


async def test_a_team_of_a_thousand_is_shown_in_pages(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        for number in range(995):
            name = f"Person {number:03} with a rather long name, and <signs> & more"
            member = Member(stage.bot.team_id, f"U0{number:09}", name, "UTC", frozenset(Role))
            await workspaces.save_member(tx, member)
    await stage.command(EVA, "/social team")
    first = await stage.modal(EVA, "1000 people · page 1 of 20")
    await stage.press(EVA, first, "Choose a person", BEN)
    chosen = await stage.modal(EVA, "Several are fine")
    await stage.press(EVA, chosen, "Next page")
    second = await stage.modal(EVA, "page 2 of 20")
    assert "Several are fine" in text_of(second)  # Ben stays chosen
    assert (await stage.submit_fields(second, {f"roles:{BEN}": ["Author"]})).ok
    saved = await stage.modal(EVA, "*Ben Okafor*: author.")
    assert "page 2 of 20" in text_of(saved)
    await stage.press(EVA, saved, "Previous")
    await stage.modal(EVA, "page 1 of 20")
    await stage.command(ANA, "/social team")
    shown = await stage.modal(ANA, "page 1 of 20")
    await stage.press(ANA, shown, "Next page")
    assert inputs_of(await stage.modal(ANA, "page 2 of 20")) == []


# User groups


async def open_groups(stage: Stage) -> View:
    await stage.command(EVA, "/social team")
    await stage.press(EVA, await stage.modal(EVA, "team"), "User groups")
    return await stage.modal(EVA, "Which user group?")


async def give(stage: Stage, group: str, *roles: str) -> None:
    form = await open_groups(stage)
    await stage.press(EVA, form, "Choose a user group", group)
    form = await stage.modal(EVA, "Without any, the group gives nothing")
    assert (await stage.submit_fields(form, {f"roles:{group}": list(roles)})).ok
    await stage.modal(EVA, ":white_check_mark:")
    await stage.slack.people.close_view(EVA, form.id, everything=True)


async def test_an_admin_says_what_a_user_group_gives(stage: Stage) -> None:
    stage.slack.workspace.put_user(User(NOOR, "noor", "Noor Haddad", "Asia/Tokyo"))
    stage.slack.workspace.add_member(SOCIAL, NOOR)
    legal = stage.slack.workspace.user_groups[LEGAL]
    stage.slack.workspace.put_user_group(replace(legal, users=(CHIDI, NOOR)))
    await give(stage, LEGAL, "Approver")
    await stage.command(NOOR, "/social team")
    shown = text_of(await stage.modal(NOOR, "Noor Haddad"))
    assert "*Noor Haddad*  approver through @legal" in shown
    assert "*Chidi Mensah*  approver · approver through @legal" in shown
    assert "User groups: @legal (2): approver" in shown


async def test_a_group_is_followed_and_a_disabled_one_gives_nothing(stage: Stage) -> None:
    await give(stage, LEGAL, "Admin")
    people = stage.slack.people
    legal = people.change_group(replace(stage.slack.workspace.user_groups[LEGAL], users=(ANA,)))
    await stage.settled()
    await stage.command(ANA, "/social team")
    await stage.modal(ANA, "Whose roles do you want to change?")
    people.change_group(replace(legal, date_delete=1))
    await stage.settled()
    await stage.command(ANA, "/social connect")
    await stage.command(ANA, "/social team")
    await stage.modal(ANA, "Admins change roles with")


async def test_what_was_not_told_is_found_within_the_hour(stage: Stage) -> None:
    """Events can be lost; the groups are read again."""
    await give(stage, LEGAL, "Admin")
    legal = stage.slack.workspace.user_groups[LEGAL]
    stage.slack.workspace.put_user_group(replace(legal, users=()))
    desk = stage.bot.desk
    reader = GroupReader(desk.clients, stage.services.user_groups, stage.services.clock)
    await stage.services.user_groups.claim_reading()
    assert "admin through" in await seen(stage)
    await reader.keep_in_step(stage.bot.team_id, LEGAL)
    assert "admin through" not in await seen(stage)
    del stage.slack.workspace.user_groups[LEGAL]
    await reader.keep_in_step(stage.bot.team_id, LEGAL)


async def seen(stage: Stage) -> str:
    await stage.command(DANA, "/social team")
    shown = await stage.modal(DANA, "Ben Okafor")
    await stage.slack.people.close_view(DANA, shown.id, everything=True)
    return text_of(shown)


async def test_a_large_group_of_new_people_is_met_in_pages(stage: Stage) -> None:
    ids = [f"U0{number:09}" for number in range(260)]
    for user_id in ids:
        stage.slack.workspace.put_user(User(user_id, user_id.lower(), f"Person {user_id}"))
    stage.slack.workspace.put_user(
        User(NOOR, "noor", "Noor the guest", "Asia/Tokyo", is_ultra_restricted=True)
    )
    legal = stage.slack.workspace.user_groups[LEGAL]
    stage.slack.workspace.put_user_group(replace(legal, users=(*ids, NOOR)))
    await give(stage, LEGAL, "Viewer")
    shown = await stage.services.team.show(Person(stage.bot.team_id, EVA))
    through = {one.member.user_id for one in shown.people if one.roles.through}
    assert through == set(ids)


async def test_without_user_groups_in_slack_the_form_says_so(stage: Stage) -> None:
    stage.slack.faults.trouble_calls(
        "usergroups.list", ApiTrouble.ERROR, error="plan_upgrade_required"
    )
    await stage.command(EVA, "/social team")
    await stage.press(EVA, await stage.modal(EVA, "team"), "User groups")
    await stage.modal(EVA, "Slack's paid plans")


# Campaigns


async def campaign(stage: Stage, name: str = "Spring <sale>") -> Campaign:
    made = Campaign("c1", stage.bot.team_id, name, EVA, stage.services.clock.now())
    async with stage.services.database.transaction() as tx:
        await campaigns.insert_new(tx, made)
    return made


async def test_an_admin_grants_a_role_in_one_campaign(stage: Stage) -> None:
    await stage.command(EVA, "/social team")
    await stage.press(EVA, await stage.modal(EVA, "team"), "Campaigns")
    await stage.modal(EVA, "There is no campaign yet")
    made = await campaign(stage)
    await stage.command(EVA, "/social team")
    await stage.press(EVA, await stage.modal(EVA, "team"), "Campaigns")
    form = await stage.modal(EVA, "Which campaign?")
    await stage.press(EVA, form, "Choose a campaign", made.id)
    form = await stage.modal(EVA, "Nobody has a role in this campaign alone")
    await stage.press(EVA, form, "Choose a person", ANA)
    form = await stage.modal(EVA, "Roles in Spring")
    assert (await stage.submit_fields(form, {f"granted:{made.id}:{ANA}": ["Approver"]})).ok
    shown = text_of(await stage.modal(EVA, "*Ana Novak* in _Spring &lt;sale&gt;_: approver."))
    assert f"<@{ANA}>  approver" in shown
    await stage.command(DANA, "/social team")
    line = "*Ana Novak*  author · approver in _Spring &lt;sale&gt;_"
    await stage.modal(DANA, line)


async def test_a_guest_is_made_a_client_and_nothing_more(stage: Stage) -> None:
    stage.slack.workspace.put_user(
        User(NOOR, "noor", "Noor Haddad", is_stranger=True, team_id="T0OTHER")
    )
    made = await campaign(stage)
    await stage.command(EVA, "/social team")
    await stage.press(EVA, await stage.modal(EVA, "team"), "Campaigns")
    await stage.press(EVA, await stage.modal(EVA, "Which"), "Choose a campaign", made.id)
    await stage.press(EVA, await stage.modal(EVA, "Nobody has"), "Choose a person", NOOR)
    form = await stage.modal(EVA, "Roles in Spring")
    block = f"granted:{made.id}:{NOOR}"
    refused = await stage.submit_fields(form, {block: ["Author"]})
    assert "is a guest" in refused.errors[block]
    assert (await stage.submit_fields(form, {block: ["Approver"]})).ok
    await stage.modal(EVA, f"<@{NOOR}>  approver · client of another workspace")
    await stage.command(DANA, "/social team")
    await stage.modal(DANA, "*Noor Haddad*  client in _Spring &lt;sale&gt;_")


# Leaving


async def test_the_admins_hear_what_somebody_leaves_behind(stage: Stage) -> None:
    await stage.command(ANA, "/social draft Fresh beans")
    assert (await stage.submit(await stage.modal(ANA, "Fresh beans"))).ok
    await stage.message(APPROVALS, "Fresh beans")
    gone = replace(stage.slack.workspace.user(ANA), deleted=True, real_name="Ana <Novak>")
    await changed_in_slack(stage, gone)
    told = await stage.message(EVA, "*Ana &lt;Novak&gt;* was deactivated in Slack")
    assert "1 post of theirs is in review or to be changed" in text_of(told)
    assert labels_of(told) == ["What is coming", "Team"]
    await stage.press(EVA, told, "Team")
    assert "Ana" not in text_of(await stage.modal(EVA, "Ben Okafor"))
