"""Threads from the form to the network, and what people answer when nobody knows what is out."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.networks import NETWORKS
from bot.networks.base import Uncertainty
from bot.networks.sandbox import Sandbox
from bot.playground.records import Message, View
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, DANA
from bot.playground.views import elements
from tests.handlers.stage import Stage, inputs_of, labels_of, staged, text_of
from tests.handlers.test_mentions import alarm
from tests.handlers.test_posts import changed

THREAD = "We opened\n---\nIt rained\n---\nWe stayed open"
BEFORE = {"kind": "drop", "method": "POST", "path": "/api/posts"}
AFTER = {**BEFORE, "kind": "drop_after_accept"}


class Unsure(Sandbox):
    """A Sandbox of which only people can tell what is out."""

    uncertainty = Uncertainty.ASK


@pytest.fixture
async def unsure(tmp_path: Path) -> AsyncIterator[Stage]:
    registry = [Unsure if network is Sandbox else network for network in NETWORKS]
    async with staged(tmp_path, registry=registry) as made:
        yield made


async def written(stage: Stage, text: str) -> Message:
    """A post that waits for approval; its card."""
    await stage.command(ANA, "/social draft")
    await stage.submit(await stage.modal(ANA, "draft"), text=text, when="now")
    await stage.no_modal(ANA)
    return await stage.message(APPROVALS, "Waiting for approval")


async def fault(stage: Stage, order: dict[str, str]) -> None:
    async with stage.sandbox() as sandbox:
        assert (await sandbox.post("/control/faults", json=order)).is_success


async def public(stage: Stage) -> str:
    """Sandbox's page."""
    async with stage.sandbox() as sandbox:
        return (await sandbox.get("/")).text


async def asked(stage: Stage, text: str, order: dict[str, str]) -> tuple[Message, Message]:
    """A post of which nobody knows; its card, and the question to its author."""
    card = await written(stage, text)
    await fault(stage, order)
    await stage.press(BEN, card, "Approve")
    return card, await stage.message(ANA, "live?")


def address_in(form: View) -> str:
    [field] = inputs_of(form)
    return str(field["element"].get("initial_value", ""))


# Threads


async def test_a_thread_goes_from_the_form_to_the_network(stage: Stage) -> None:
    card = await written(stage, THREAD)
    for number, text in enumerate(THREAD.split("\n---\n"), start=1):
        assert f"*{number}/3*\n>{text}" in text_of(card)
    await stage.press(BEN, card, "Approve")
    live = await changed(stage, card, "a thread of 3, live")
    page = await public(stage)
    places = [page.index(text) for text in THREAD.split("\n---\n")]
    assert places == sorted(places)
    await stage.press(ANA, live, "Take down")
    await changed(stage, card, "Taken down")
    page = await public(stage)
    assert not [text for text in THREAD.split("\n---\n") if text in page]


async def test_each_post_of_a_thread_has_its_own_count_and_limit(stage: Stage) -> None:
    await stage.command(ANA, "/social draft")
    form = await stage.modal(ANA, "draft")
    assert "a line of three hyphens (---)" in text_of(form)
    too_long = f"Short\n---\n{'x' * 305}\n---\n---\nEnd"
    refused = await stage.submit(form, text=too_long, when="now")
    said = "Part 2 of 3: 5 over Sandbox's limit of 300."
    assert said in dict(refused.errors)["text"]
    await stage.press(ANA, form, "Check")
    assert said in text_of(await stage.modal(ANA, "thread of 3: 5, 305, 3 / 300"))


async def test_the_second_step_shows_where_a_thread_is_cut(stage: Stage) -> None:
    await stage.command(ANA, "/social draft")
    form = await stage.modal(ANA, "draft")
    await stage.submit(form, text=THREAD, tailor=["yes"], when="now", link="https://acorn.example")
    second = await stage.modal(ANA, "tailor")
    assert "1/3  We opened\n2/3  It rained\n3/3  We stayed open https://acorn.example" in text_of(
        second
    )


async def test_a_thread_is_listed_by_its_beginning(stage: Stage) -> None:
    await written(stage, THREAD)
    await stage.command(ANA, "/social queue")
    assert ">We opened (thread of 3)" in text_of(await stage.whispered(ANA, "What is coming"))
    assert ">We opened (thread of 3)" in text_of(await stage.open_home(BEN, "We opened"))


# What nobody knows


async def test_what_is_live_is_found_and_confirmed_and_a_thread_goes_on(unsure: Stage) -> None:
    card, question = await asked(unsure, THREAD, AFTER)
    assert "is part 1 of 3 live?" in text_of(question)
    assert "We opened" in text_of(question)
    await unsure.press(ANA, question, "It is live")
    form = await unsure.modal(ANA, "shows it")
    assert address_in(form).endswith(tuple("0123456789"))
    await unsure.submit(form)
    await unsure.no_modal(ANA)
    live = await changed(unsure, card, "a thread of 3, live")
    assert "said it is live (Sandbox · @acorn, part 1 of 3)" in text_of(live)
    assert (await public(unsure)).count("We opened") == 1


async def test_what_is_not_found_is_answered_with_its_address(unsure: Stage) -> None:
    card, question = await asked(unsure, "Where is it?", BEFORE)
    await unsure.press(ANA, question, "It is live")
    form = await unsure.modal(ANA, "wasn't found")
    refused = await unsure.submit(form, link="somewhere")
    assert refused.errors
    await unsure.submit(form, link="https://sandbox.example/@acorn/7")
    live = await changed(unsure, card, "https://sandbox.example/@acorn/7")
    assert "*Published*" in text_of(live)


async def test_what_is_not_live_is_sent_again_and_everybody_sees_who_said_so(
    unsure: Stage,
) -> None:
    card, question = await asked(unsure, "Once more", BEFORE)
    asked_here = await changed(unsure, card, "live?")
    assert labels_of(asked_here) == ["It is live", "It is not: send again"]
    await unsure.press(BEN, asked_here, "It is not: send again")
    live = await changed(unsure, card, "*Published*")
    assert "Ben Okafor said it isn't live" in text_of(live)
    told = await changed(unsure, question, "Ben Okafor said it isn't live")
    assert "It is live" not in labels_of(told)
    assert (await public(unsure)).count("Once more") == 1
    await unsure.press(ANA, question, "It is not: send again")
    await unsure.whispered(ANA, "answered already", question.channel)
    assert (await public(unsure)).count("Once more") == 1


async def test_the_form_opens_at_once_however_long_the_network_takes(unsure: Stage) -> None:
    card, question = await asked(unsure, "Patience", AFTER)
    await fault(unsure, {"kind": "hang", "method": "GET", "path": "/api/posts"})
    pressing = asyncio.create_task(unsure.press(ANA, question, "It is live"))
    form = await unsure.modal(ANA, "Looking for it")
    await unsure.submit(form, link="https://sandbox.example/@acorn/8")
    await unsure.no_modal(ANA)
    await changed(unsure, card, "https://sandbox.example/@acorn/8")
    async with unsure.sandbox() as sandbox:
        await sandbox.delete("/control/faults")
    await pressing
    await unsure.settled()
    assert unsure.slack.workspace.views.modal(ANA) is None


async def test_a_network_that_is_down_is_said_to_be(unsure: Stage) -> None:
    _, question = await asked(unsure, "Nobody home", AFTER)
    await fault(unsure, {"kind": "500", "method": "GET", "path": "/api/posts"})
    await unsure.press(ANA, question, "It is live")
    form = await unsure.modal(ANA, "couldn't be looked for")
    assert address_in(form) == ""


async def test_a_reply_of_which_nobody_knows_is_asked_about_on_the_mentions_card(
    unsure: Stage,
) -> None:
    shown = await alarm(unsure)
    await unsure.press(DANA, shown, "Reply")
    await fault(unsure, AFTER)
    await unsure.submit(await unsure.modal(DANA, "reply"), text="Sorry!\n---\nWe send a new one.")
    asking = await unsure.message(ALERTS, "live?")
    assert "is part 1 of 2 live?" in text_of(asking)
    assert "1/2 Sorry!" in text_of(asking)
    await unsure.press(DANA, asking, "It is live")
    await unsure.submit(await unsure.modal(DANA, "shows it"))
    answered = await unsure.message(ALERTS, "answered")
    assert "Dana Weber said it is live" in text_of(answered)
    page = await public(unsure)
    assert page.count("Sorry!") == page.count("We send a new one.") == 1


async def test_a_button_of_the_first_release_still_answers(unsure: Stage) -> None:
    """It carries the delivery's id alone."""
    card, question = await asked(unsure, "An old card", BEFORE)
    [old] = [
        element
        for block in question.blocks
        for element in elements(block)
        if element["action_id"] == "is_not_live"
    ]
    old["value"] = json.loads(old["value"])["delivery"]
    await unsure.press(ANA, question, "It is not: send again")
    await changed(unsure, card, "*Published*")
