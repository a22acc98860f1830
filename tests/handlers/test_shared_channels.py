"""Cards don't go where people outside see them, unless an admin allowed that, told who they are."""

from dataclasses import replace

from bot.playground.faults import ApiTrouble
from bot.playground.records import Message, Team
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, EVA, TEAM
from handlers import outside
from storage import history
from tests.handlers.stage import Stage, labels_of, text_of
from tests.servers.eventually import eventually

OTHER = Team("T0OTHER0001", "Other & Sons", "other")
THIRD = Team("T0THIRD0001", "Third Party", "third")


async def write(stage: Stage, text: str) -> None:
    await stage.command(ANA, f"/social draft {text}")
    assert (await stage.submit(await stage.modal(ANA, text), when="next_free")).ok
    await stage.settled()
    left = stage.slack.workspace.views.modal(ANA)
    if left is not None:  # on a busy machine it says that it is done
        await stage.slack.people.close_view(ANA, left.id, everything=True)


def shown(stage: Stage, text: str) -> bool:
    return any(text in text_of(message) for message in stage.messages(APPROVALS))


async def asked(stage: Stage, containing: str = "Other &amp; Sons") -> Message:
    told = await stage.message(EVA, containing)
    assert labels_of(told) == ["Allow cards there", "Choose another channel"]
    return told


async def kept(stage: Stage, number: str) -> Message:
    return await stage.message(EVA, f"{number} kept and")


async def share(stage: Stage, team: Team = OTHER) -> None:
    stage.slack.people.share_channel(APPROVALS, team)
    await stage.settled()


async def test_a_channel_that_becomes_shared_pauses_its_cards_and_asks_once(stage: Stage) -> None:
    await write(stage, "Before it was shared")
    card = await stage.message(APPROVALS, "Before it was shared")
    await share(stage)
    told = await asked(stage)
    await write(stage, "Not public yet")
    await write(stage, "Nor is this")
    told = await kept(stage, "2 messages are")
    assert not shown(stage, "Not public yet")
    await stage.press(BEN, card, "Approve")  # what stands there is still decided on
    asks = [m for m in stage.messages(told.channel) if "Other &amp; Sons" in text_of(m)]
    assert len(asks) == 1
    await stage.press(EVA, told, "Allow cards there")
    await stage.message(APPROVALS, "Not public yet")
    await stage.message(APPROVALS, "Nor is this")
    async with stage.services.database.reading() as tx:
        [seen, entry] = await history.of_subject(tx, APPROVALS)
    assert (seen.action, seen.detail) == ("channel is shared", f"nobody outside -> {OTHER.id}")
    assert (entry.actor_id, entry.action, entry.detail) == (
        EVA,
        "allowed shared channel",
        OTHER.id,
    )


async def test_a_channel_that_is_unshared_gets_its_cards(stage: Stage) -> None:
    await share(stage)
    await asked(stage)
    await write(stage, "Not public yet")
    await kept(stage, "1 message is")
    stage.slack.people.unshare_channel(APPROVALS, OTHER.id)
    await stage.settled()
    await stage.message(APPROVALS, "Not public yet")
    await stage.message(EVA, "reach")
    assert labels_of(await stage.message(EVA, "reach")) == []


async def test_only_an_admin_allows_it(stage: Stage) -> None:
    await share(stage)
    told = await asked(stage)
    await stage.press(BEN, told, "Allow cards there")
    await stage.settled()
    await write(stage, "Not public yet")
    await kept(stage, "1 message is")
    assert not shown(stage, "Not public yet")


async def test_another_team_that_comes_in_is_asked_about_anew(stage: Stage) -> None:
    await share(stage)
    first = await asked(stage)
    await stage.press(EVA, first, "Allow cards there")
    await stage.message(EVA, "again. Nothing was lost")
    await share(stage, THIRD)
    told = await asked(stage, "Third Party")
    await write(stage, "Not public yet")
    assert not shown(stage, "Not public yet")
    await stage.press(EVA, first, "Allow cards there")  # an old message, of the first team alone
    await stage.settled()
    assert not shown(stage, "Not public yet")
    await stage.press(EVA, told, "Allow cards there")
    await stage.message(APPROVALS, "Not public yet")


async def test_sharing_that_was_not_told_is_found_before_the_next_card(stage: Stage) -> None:
    """Events can be lost; Slack is asked before the first card of a while."""
    slack = stage.slack.workspace
    slack.put_other_team(OTHER)
    pending = replace(slack.channel(APPROVALS), is_pending_ext_shared=True, other_teams=(OTHER.id,))
    slack.put_channel(pending)
    stage.bot.desk.outside.forget(TEAM.id, APPROVALS)
    await write(stage, "Not public yet")
    await asked(stage)
    assert not shown(stage, "Not public yet")


async def test_the_set_up_asks_at_once(stage: Stage) -> None:
    stage.slack.workspace.put_other_team(OTHER)
    channel = stage.slack.workspace.channel(ALERTS)
    stage.slack.workspace.put_channel(replace(channel, is_ext_shared=True, other_teams=(OTHER.id,)))
    home = await stage.open_home(EVA, "What goes out next")
    await stage.press(EVA, home, "Set-up")
    assert (await stage.submit(await stage.modal(EVA, "setup"))).ok
    told = await asked(stage)
    assert ALERTS in text_of(told)


async def test_a_team_without_a_name_is_shown_by_its_id(stage: Stage) -> None:
    stage.slack.faults.trouble_calls("team.info", ApiTrouble.ERROR, error="team_not_found")
    await share(stage)
    await asked(stage, OTHER.id)


async def test_while_slack_does_not_say_who_sees_it_the_card_waits(stage: Stage) -> None:
    stage.slack.faults.trouble_calls("conversations.info", ApiTrouble.SERVER_ERROR, times=2)
    stage.bot.desk.outside.forget(TEAM.id, APPROVALS)
    await write(stage, "Not public yet")

    async def asked_for_it() -> bool:
        return stage.slack.faults.pending()["calls"] == []

    await eventually(asked_for_it)
    await stage.message(APPROVALS, "Not public yet")
    assert outside.ASKED_AGAIN.total_seconds() == 600
