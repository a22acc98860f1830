"""The stage itself: what it shows is what people would see, and what goes wrong fails a test."""

import pytest

from bot.playground.seed import ANA, APPROVALS, BEN
from tests.handlers.stage import Stage, inputs_of, labels_of


async def test_a_post_goes_from_the_command_to_the_network(stage: Stage) -> None:
    await stage.command(ANA, "/social draft Fresh beans today")
    form = await stage.modal(ANA, "draft")
    assert "Fresh beans today" in (inputs_of(form)[0]["element"]["initial_value"])
    assert (await stage.submit(form, when="now")).ok
    await stage.no_modal(ANA)
    await stage.whispered(ANA, "It waits for approval")
    card = await stage.message(APPROVALS, "Fresh beans today")
    assert "Approve" in labels_of(card)
    await stage.press(BEN, card, "Approve")
    await stage.message(APPROVALS, "Take down")


async def test_a_label_that_is_not_there_is_named(stage: Stage) -> None:
    await stage.command(ANA, "/social")
    shown = await stage.whispered(ANA, "What do you want to do?")
    with pytest.raises(LookupError, match="'Dance'"):
        await stage.press(ANA, shown, "Dance")


async def test_an_empty_stage_is_not_set_up(empty_stage: Stage) -> None:
    await empty_stage.command(ANA, "/social draft")
    await empty_stage.whispered(ANA, "isn't set up here yet")
