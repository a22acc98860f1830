"""The first run: who may do it, what is tested, that nothing typed is lost, what others see."""

from pathlib import Path
from typing import Any

import pytest

from bot.playground.faults import ApiTrouble
from bot.playground.records import User, View
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, CARE, EVA, GENERAL, SOCIAL
from storage import workspaces
from storage.records import Member, Mode, Role, Workspace
from tests.handlers.stage import Stage, inputs_of, labels_of, staged, text_of

FILLED = {
    "mode": "A team",
    "approvals": APPROVALS,
    "alerts": ALERTS,
    "route:Care": CARE,
    "words": "Acorn Coffee, @acorn\n#acorncoffee, Acorn Coffee",
    "zone": "Europe/Paris",
}


async def workspace_of(stage: Stage) -> Workspace:
    async with stage.services.database.reading() as tx:
        found = await workspaces.get(tx, stage.bot.team_id)
    assert found is not None
    return found


async def member_of(stage: Stage, user_id: str) -> Member | None:
    async with stage.services.database.reading() as tx:
        return await workspaces.member(tx, stage.bot.team_id, user_id)


async def open_form(stage: Stage, who: str) -> View:
    home = await stage.open_home(who, "Set up Socialdesk")
    await stage.press(who, home, "Set up Socialdesk")
    return await stage.modal(who, "setup")


async def test_an_owner_sets_up_and_goes_on_to_the_first_account(empty_stage: Stage) -> None:
    form = await open_form(empty_stage, EVA)
    assert (await empty_stage.submit_fields(form, FILLED)).ok

    kept = await workspace_of(empty_stage)
    assert kept.set_up_at is not None
    assert kept.mode is Mode.TEAM
    assert (kept.approvals_channel, kept.alerts_channel) == (APPROVALS, ALERTS)
    assert kept.routes == {"Care": CARE}
    assert kept.brand_words == ("Acorn Coffee", "@acorn", "#acorncoffee")
    assert kept.zone == "Europe/Paris"
    eva = await member_of(empty_stage, EVA)
    assert eva is not None
    assert (eva.name, eva.zone, eva.roles) == ("Eva Lindt", "Europe/Berlin", {Role.ADMIN})

    await empty_stage.message(APPROVALS, "Approvals will appear here.")
    await empty_stage.message(ALERTS, "Alerts will appear here.")
    await empty_stage.message(CARE, "Mentions for Care will appear here.")

    connect = await empty_stage.modal(EVA, "Next: connect your first account")
    await empty_stage.press(EVA, connect, "network", "Sandbox")
    connect = await empty_stage.modal(EVA, "The password of acorn")
    typed = {"sandbox:handle": "acorn", "sandbox:password": "acorn-coffee"}
    assert (await empty_stage.submit_fields(connect, typed)).ok
    await empty_stage.modal(EVA, "@acorn is connected")
    await empty_stage.home(EVA, "all well")


async def test_who_works_alone_gets_every_role_and_posts_without_approval(
    empty_stage: Stage,
) -> None:
    form = await open_form(empty_stage, EVA)
    await empty_stage.submit_fields(form, FILLED | {"mode": "Just me"})
    eva = await member_of(empty_stage, EVA)
    assert eva is not None
    assert eva.roles == frozenset(Role) - {Role.VIEWER}  # who sees numbers and nothing else
    assert (await workspace_of(empty_stage)).mode is Mode.ALONE


async def test_the_persons_own_zone_is_chosen_already(empty_stage: Stage) -> None:
    slack = empty_stage.slack.workspace
    slack.put_user(User("U0NEW", "noor", "Noor", "Asia/Calcutta", is_owner=True))
    form = await open_form(empty_stage, "U0NEW")
    assert chosen_zone(form)["value"] == "Asia/Calcutta"  # an old name, not in the list
    form = await open_form(empty_stage, EVA)
    assert chosen_zone(form)["text"]["text"] == "Europe/Berlin"


def chosen_zone(form: View) -> dict[str, Any]:
    [zone] = [block for block in inputs_of(form) if block["block_id"] == "zone"]
    chosen: dict[str, Any] = zone["element"]["initial_option"]
    return chosen


async def test_how_late_a_post_may_go_out_is_chosen_by_an_admin(empty_stage: Stage) -> None:
    form = await open_form(empty_stage, EVA)
    [late] = [block for block in inputs_of(form) if block["block_id"] == "lateness"]
    assert late["element"]["initial_option"]["text"]["text"] == "Up to 30 minutes late"
    chosen = FILLED | {"lateness": "Up to 2 hours late"}
    assert (await empty_stage.submit_fields(form, chosen)).ok
    assert (await workspace_of(empty_stage)).lateness_limit_s == 2 * 60 * 60


async def test_a_channel_without_the_bot_says_invite_at_its_field_and_keeps_what_was_typed(
    empty_stage: Stage,
) -> None:
    slack = empty_stage.slack
    slack.people.leave_channel(slack.workspace.app.bot_user_id, ALERTS)
    form = await open_form(empty_stage, EVA)
    outcome = await empty_stage.submit_fields(form, FILLED)
    assert list(outcome.errors) == ["alerts"]
    assert "/invite @Socialdesk" in outcome.errors["alerts"]
    assert (await workspace_of(empty_stage)).set_up_at is None
    assert await member_of(empty_stage, EVA) is None
    assert empty_stage.messages(APPROVALS) == []  # a test that counts for nothing is taken back

    await empty_stage.command(EVA, "/invite @Socialdesk", channel=ALERTS)
    form = await empty_stage.modal(EVA, "setup")
    assert (await empty_stage.submit(form)).ok  # everything is still filled in
    assert (await workspace_of(empty_stage)).alerts_channel == ALERTS
    assert (await workspace_of(empty_stage)).zone == "Europe/Paris"


async def test_an_archived_channel_is_refused_at_its_field(empty_stage: Stage) -> None:
    empty_stage.slack.workspace.archive(CARE)
    form = await open_form(empty_stage, EVA)
    outcome = await empty_stage.submit_fields(form, FILLED)
    assert list(outcome.errors) == ["route:Care"]
    assert "archived" in outcome.errors["route:Care"]


async def test_one_channel_for_everything_gets_one_message(empty_stage: Stage) -> None:
    form = await open_form(empty_stage, EVA)
    everything = FILLED | {"alerts": APPROVALS, "route:Care": APPROVALS}
    assert (await empty_stage.submit_fields(form, everything)).ok
    [told] = empty_stage.messages(APPROVALS)
    assert "Approvals, alerts and mentions for Care will appear here." in text_of(told)


async def test_everybody_else_sees_what_is_missing_and_who_can_finish_it(
    empty_stage: Stage,
) -> None:
    home = await empty_stage.open_home(ANA, "isn't set up here yet")
    assert "the channels for approvals and alerts" in text_of(home)
    assert "An owner or admin of this Slack workspace can finish it" in text_of(home)
    assert labels_of(home) == []


@pytest.mark.parametrize("line", ["", " help", " draft", " queue", " team", " connect", " nope"])
async def test_every_command_says_what_is_missing(empty_stage: Stage, line: str) -> None:
    await empty_stage.command(ANA, f"/social{line}")
    told = await empty_stage.whispered(ANA, "isn't set up here yet")
    assert "the first account" in text_of(told)
    assert labels_of(told) == []


async def test_who_may_finish_it_gets_the_button_with_the_command(empty_stage: Stage) -> None:
    await empty_stage.command(EVA, "/social draft")
    told = await empty_stage.whispered(EVA, "isn't set up here yet")
    await empty_stage.press(EVA, told, "Set up Socialdesk")
    await empty_stage.modal(EVA, "setup")


async def test_first_admin_wins_over_slacks_own_admins(tmp_path: Path) -> None:
    async with staged(tmp_path, is_set_up=False, first_admin=BEN) as stage:
        home = await stage.open_home(EVA, "isn't set up here yet")
        assert f"<@{BEN}> can finish it" in text_of(home)
        assert labels_of(home) == []
        form = await open_form(stage, BEN)
        assert (await stage.submit_fields(form, FILLED)).ok
        ben = await member_of(stage, BEN)
        assert ben is not None
        assert ben.roles == {Role.ADMIN}


async def test_of_two_owners_at_once_the_first_one_counts(empty_stage: Stage) -> None:
    slack = empty_stage.slack.workspace
    slack.put_user(User("U0NEW", "noor", "Noor", "Asia/Kolkata", is_admin=True))
    for channel in (APPROVALS, ALERTS, CARE):
        slack.add_member(channel, "U0NEW")
    first, second = await open_form(empty_stage, EVA), await open_form(empty_stage, "U0NEW")
    assert (await empty_stage.submit_fields(first, FILLED)).ok
    await empty_stage.submit_fields(second, FILLED | {"zone": "Asia/Tokyo"})
    refused = await empty_stage.modal("U0NEW", "set up already")
    assert f"<@{EVA}> did it" in text_of(refused)
    assert (await workspace_of(empty_stage)).zone == "Europe/Paris"
    assert await member_of(empty_stage, "U0NEW") is None
    assert len(empty_stage.messages(APPROVALS)) == 1


async def test_an_admin_changes_the_set_up_and_only_new_channels_are_tested(stage: Stage) -> None:
    home = await stage.open_home(EVA, "Set-up")
    await stage.press(EVA, home, "Set-up")
    form = await stage.modal(EVA, "setup")
    assert "Acorn Coffee\n@acorn" in text_of(form)
    assert (await stage.submit(form, alerts=GENERAL)).ok
    await stage.no_modal(EVA)
    kept = await workspace_of(stage)
    assert kept.alerts_channel == GENERAL
    assert kept.approvals_channel == APPROVALS
    assert kept.routes == {"Care": CARE, "Content": SOCIAL, "Product": GENERAL}
    told = await stage.message(GENERAL, "will appear here")
    assert "Alerts and mentions for Product" in text_of(told)
    assert stage.messages(APPROVALS) == []


async def test_cards_owed_to_a_dead_channel_appear_in_the_new_one(stage: Stage) -> None:
    slack = stage.slack
    slack.people.leave_channel(slack.workspace.app.bot_user_id, APPROVALS)
    await stage.command(ANA, "/social draft Fresh beans")
    await stage.submit(await stage.modal(ANA, "draft"), when="now")
    await stage.whispered(ANA, "waits for approval")
    home = await stage.open_home(EVA, "Set-up")
    await stage.press(EVA, home, "Set-up")
    assert (await stage.submit(await stage.modal(EVA, "setup"), approvals=GENERAL)).ok
    await stage.message(GENERAL, "Fresh beans")


async def test_only_admins_open_the_set_up_again(stage: Stage) -> None:
    await stage.command(ANA, "/social")
    home = await stage.open_home(ANA, "What goes out next")
    assert "Set-up" not in labels_of(home)


async def test_without_an_admin_left_slacks_admins_can_set_up_again(stage: Stage) -> None:
    slack = stage.slack.workspace
    slack.put_user(User("U0NEW", "noor", "Noor", "Asia/Kolkata", is_admin=True))
    async with stage.services.database.transaction() as tx:
        await workspaces.save_member(
            tx, Member(stage.bot.team_id, EVA, "Eva Lindt", "Europe/Berlin", frozenset())
        )
    home = await stage.open_home("U0NEW", "no role here yet")
    await stage.press("U0NEW", home, "Set up Socialdesk")
    assert (await stage.submit(await stage.modal("U0NEW", "setup"))).ok
    noor = await member_of(stage, "U0NEW")
    assert noor is not None
    assert Role.ADMIN in noor.roles


async def test_a_slow_slack_shows_checking_and_then_the_next_step(empty_stage: Stage) -> None:
    form = await open_form(empty_stage, EVA)
    slow = empty_stage.slack.faults.trouble_calls
    slow("chat.postMessage", ApiTrouble.SLOW, seconds=1.5)
    assert (await empty_stage.submit_fields(form, FILLED)).ok
    await empty_stage.modal(EVA, "Checking")
    await empty_stage.modal(EVA, "Next: connect your first account")
    assert (await workspace_of(empty_stage)).set_up_at is not None


async def test_what_is_found_late_names_its_field_and_keeps_what_was_typed(
    empty_stage: Stage,
) -> None:
    empty_stage.slack.workspace.archive(CARE)
    form = await open_form(empty_stage, EVA)
    slow = empty_stage.slack.faults.trouble_calls
    slow("users.info", ApiTrouble.SLOW, seconds=1.5)
    assert (await empty_stage.submit_fields(form, FILLED)).ok
    again = await empty_stage.modal(EVA, "*Team Care*: This channel is archived")
    chosen = {block["block_id"]: block["element"] for block in inputs_of(again)}
    assert chosen["approvals"]["initial_conversation"] == APPROVALS
    assert chosen["zone"]["initial_option"]["value"] == "Europe/Paris"
    assert "Acorn Coffee" in chosen["words"]["initial_value"]
    assert (await workspace_of(empty_stage)).set_up_at is None


async def test_people_of_another_workspace_are_told_so(empty_stage: Stage) -> None:
    slack = empty_stage.slack.workspace
    slack.put_user(User("U0NEW", "noor", "Noor", is_owner=True, is_stranger=True, team_id="T0NOT"))
    slack.add_member(SOCIAL, "U0NEW")
    await empty_stage.command("U0NEW", "/social draft")
    told = await empty_stage.whispered("U0NEW", "Slack workspace")
    assert labels_of(told) == []
