"""Roles: shown to all who have one, changed by admins alone; Slack's news about people."""

from dataclasses import replace

from bot.playground.payloads import event_callback, user_object
from bot.playground.records import User, View
from bot.playground.seed import ANA, BEN, EVA
from storage import history, workspaces
from storage.records import Member, Role
from tests.handlers.stage import Stage, inputs_of, text_of
from tests.servers.eventually import eventually

NOOR = "U0NOOR00001"


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
    workspace = stage.slack.workspace
    workspace.put_user(user)
    event = {"type": "user_change", "user": user_object(workspace, workspace.user(user.id))}
    stage.slack.delivery.send_event(event_callback(workspace, event))
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
        [entry] = await history.of_subject(tx, ANA)
    assert (entry.actor_id, entry.action, entry.detail) == (None, "roles", "author -> none")


async def test_news_about_people_without_a_role_is_forgotten(stage: Stage) -> None:
    await changed_in_slack(stage, User(NOOR, "noor", "Noor", "Asia/Tokyo"))
    assert await member_of(stage, NOOR) is None


async def test_a_large_team_fits_into_the_form(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        for number in range(400):
            name = f"Person number {number} with a rather long name"
            member = Member(stage.bot.team_id, f"U0{number:09}", name, "UTC", frozenset(Role))
            await workspaces.save_member(tx, member)
    await stage.command(EVA, "/social team")
    await stage.modal(EVA, "Person number 399")
