"""Connecting accounts: checked at once, nothing stored on failure, secrets nowhere but kept."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bot.accounts import mark_expired
from bot.playground.records import View
from bot.playground.seed import ANA, EVA
from storage import accounts, workspaces
from storage.records import Account, AccountState, Role
from tests.handlers.stage import Stage, inputs_of, labels_of, text_of

PASSWORD = "acorn-coffee"
WRONG = "hunter2-wrong"


async def connected(stage: Stage) -> list[Account]:
    async with stage.services.database.reading() as tx:
        return list(await accounts.of_workspace(tx, stage.bot.team_id))


async def form_for_sandbox(stage: Stage) -> View:
    await stage.command(EVA, "/social connect")
    form = await stage.modal(EVA, "connect")
    await stage.press(EVA, form, "network", "Sandbox")
    return await stage.modal(EVA, "The password of acorn")


def typed(handle: str, password: str, turn: str = "") -> dict[str, str]:
    return {f"sandbox:handle{turn}": handle, f"sandbox:password{turn}": password}


def fields_of(form: View) -> set[str]:
    return {block["block_id"] for block in inputs_of(form)} - {"network"}


async def expire(stage: Stage) -> Account:
    [account] = await connected(stage)
    async with stage.services.database.transaction() as tx:
        now = stage.services.clock.now()
        await mark_expired(tx, account, "Sandbox said 401: token expired", now)
    stage.services.clock.alarm("notices").ring()
    return account


async def test_the_form_follows_from_the_networks_declaration(stage: Stage) -> None:
    await stage.command(EVA, "/social connect")
    form = await stage.modal(EVA, "connect")
    for network in stage.services.accounts.networks():
        await stage.press(EVA, form, "network", network.label)
        last = network.connect_fields[-1].name
        form = await stage.modal(EVA, network.connect_help[:40])
        fields = {block["block_id"]: block for block in inputs_of(form)}
        assert f"{network.name}:{last}" in fields
        for declared in network.connect_fields:
            shown = fields[f"{network.name}:{declared.name}"]
            assert shown["label"]["text"] == declared.label
            assert shown["optional"] is declared.optional
        assert "Slack can't hide what you type here" in text_of(form)


async def test_an_account_is_connected_and_listed(stage: Stage) -> None:
    form = await form_for_sandbox(stage)
    assert (await stage.submit_fields(form, typed("mia", "mia-sandbox"))).ok
    listed = await stage.modal(EVA, "@mia is connected")
    assert "Sandbox · @acorn" in text_of(listed)
    assert [account.handle for account in await connected(stage)] == ["@acorn", "@mia"]


async def test_a_wrong_password_says_what_was_tried_and_stores_nothing(stage: Stage) -> None:
    [before] = await connected(stage)
    form = await form_for_sandbox(stage)
    await stage.submit_fields(form, typed("acorn", WRONG))
    refused = await stage.modal(EVA, "Nothing was stored")
    assert "Tried to log in as" in text_of(refused)
    values = {block["block_id"]: block["element"] for block in inputs_of(refused)}
    assert values["sandbox:handle:1"]["initial_value"] == "acorn"
    [account] = await connected(stage)  # which the bot reads meanwhile
    assert replace(account, polled_at=before.polled_at, cursor=before.cursor) == before


async def test_no_password_stays_on_the_screen_once_it_was_sent(stage: Stage) -> None:
    """Slack keeps what was typed in a field whose ids stay."""
    form = await form_for_sandbox(stage)
    first = fields_of(form)
    await stage.submit_fields(form, typed("acorn", WRONG))
    refused = await stage.modal(EVA, "Nothing was stored")
    second = fields_of(refused)
    await stage.submit_fields(refused, typed("acorn", PASSWORD, ":1"))
    third = fields_of(await stage.modal(EVA, "is connected"))
    assert len(first | second | third) == 6


async def test_an_empty_field_is_named_at_the_field(stage: Stage) -> None:
    form = await form_for_sandbox(stage)
    outcome = await stage.submit_fields(form, typed("acorn", " "))
    assert list(outcome.errors) == ["sandbox:password"]


async def test_a_network_that_is_down_is_told_and_nothing_stored(stage: Stage) -> None:
    before = await connected(stage)
    form = await form_for_sandbox(stage)
    async with stage.sandbox() as sandbox:
        order = {"kind": "500", "path": "/api/login", "times": 9}
        (await sandbox.post("/control/faults", json=order)).raise_for_status()
        await stage.submit_fields(form, typed("mia", "mia-sandbox"))
        await stage.modal(EVA, "Nothing was stored")
        assert await connected(stage) == before


async def test_a_slow_network_shows_checking_and_then_the_form_without_its_secrets(
    stage: Stage,
) -> None:
    form = await form_for_sandbox(stage)
    async with stage.sandbox() as sandbox:
        order = {"kind": "hang", "path": "/api/login"}
        (await sandbox.post("/control/faults", json=order)).raise_for_status()
        assert (await stage.submit_fields(form, typed("mia", "mia-sandbox"))).ok
        checking = await stage.modal(EVA, "Checking")
        assert "mia-sandbox" not in json.dumps(checking.body)
        (await sandbox.delete("/control/faults")).raise_for_status()
    again = await stage.modal(EVA, "Nothing was stored")
    assert "mia-sandbox" not in json.dumps(again.body)
    values = {block["block_id"]: block["element"] for block in inputs_of(again)}
    assert values["sandbox:handle:1"]["initial_value"] == "mia"


async def test_secrets_are_in_no_view_and_no_log(
    stage: Stage, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("slack_bolt", "slack_sdk", "aiohttp", "httpx", "bot", "handlers"):
        caplog.set_level(logging.DEBUG, logger=name)
    right = "mia-sandbox"
    form = await form_for_sandbox(stage)
    await stage.submit_fields(form, typed("mia", WRONG))
    refused = await stage.modal(EVA, "Nothing was stored")
    assert WRONG not in json.dumps(refused.body)
    await stage.submit_fields(refused, typed("mia", right, ":1"))
    done = await stage.modal(EVA, "is connected")
    assert right not in json.dumps(done.body)
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("socialdesk.db*"))
    assert b"@mia" in kept
    assert right.encode() not in kept
    not_ours = ("bot.playground", "websockets")  # Slack's side of the talk
    said = [r.getMessage() for r in caplog.records if not r.name.startswith(not_ours)]
    assert any("connected" in line for line in said)
    assert [line for line in said if WRONG in line or right in line] == []


async def test_an_expired_account_tells_its_owner_who_connects_it_again(stage: Stage) -> None:
    account = await expire(stage)
    card = await stage.message(EVA, "must be connected again")
    assert "Sandbox said 401" in text_of(card)
    await stage.press(EVA, card, "Connect it again")
    form = await stage.modal(EVA, "Connect it again")
    values = {block["block_id"]: block["element"] for block in inputs_of(form)}
    assert values["sandbox:handle"]["initial_value"] == "acorn"
    assert "network" not in values
    await stage.submit_fields(form, {"sandbox:password": PASSWORD})
    await stage.modal(EVA, "is connected")
    settled = await stage.message(EVA, "Nothing waits for you.")
    assert settled.ts == card.ts
    assert labels_of(settled) == []
    [renewed] = await connected(stage)
    assert (renewed.id, renewed.state, renewed.problem) == (account.id, AccountState.ACTIVE, None)


async def test_another_profile_does_not_count_as_the_one_that_expired(stage: Stage) -> None:
    account = await expire(stage)
    card = await stage.message(EVA, "must be connected again")
    await stage.press(EVA, card, "Connect it again")
    form = await stage.modal(EVA, "Connect it again")
    assert (await stage.submit_fields(form, typed("mia", "mia-sandbox"))).ok
    await stage.modal(EVA, "still has to be connected again")
    states = {known.id: known.state for known in await connected(stage)}
    assert states[account.id] is AccountState.EXPIRED


async def test_disconnecting_asks_once_and_says_what_follows(stage: Stage) -> None:
    await stage.command(ANA, "/social draft Fresh beans")
    await stage.submit(await stage.modal(ANA, "draft"))  # at the next free time
    await stage.whispered(ANA, "waits for approval")
    await stage.command(EVA, "/social connect")
    form = await stage.modal(EVA, "Connected accounts")
    await stage.press(EVA, form, "account_menu", "Disconnect …")
    asked = await stage.modal(EVA, "Disconnect it?")
    assert "1 scheduled post names this account" in text_of(asked)
    assert (await stage.submit(asked)).ok
    await stage.modal(EVA, "is disconnected")
    assert await connected(stage) == []


async def test_who_is_no_admin_sees_the_accounts_only(stage: Stage) -> None:
    await stage.command(ANA, "/social connect")
    shown = await stage.modal(ANA, "Connected accounts")
    assert "@acorn" in text_of(shown)
    assert inputs_of(shown) == []


async def test_the_role_is_checked_again_when_the_form_is_submitted(stage: Stage) -> None:
    form = await form_for_sandbox(stage)
    async with stage.services.database.transaction() as tx:
        eva = await workspaces.member(tx, stage.bot.team_id, EVA)
        assert eva is not None
        await workspaces.save_member(tx, replace(eva, roles=frozenset({Role.AUTHOR})))
    await stage.submit_fields(form, typed("mia", "mia-sandbox"))
    await stage.settled()
    assert [account.handle for account in await connected(stage)] == ["@acorn"]
