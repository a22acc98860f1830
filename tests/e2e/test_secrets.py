"""Recognisable secrets go through a whole journey, failures of every kind included, with everything
logged: afterwards they are in no log, in no readable column, in nothing that Slack was sent."""

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import logs
from bot.playground.faults import ApiTrouble
from bot.playground.seed import ANA, APPROVALS, BEN, EVA, SOCIAL
from bot.team import Person
from tests.handlers.stage import Stage, inputs_of, staged
from tests.unit.rows import everything

SIGNING = "signing-secret-of-this-test"
PASSWORD = "a-typed-app-password-77"
RIGHT = "acorn"


async def _journey(stage: Stage) -> None:
    await _connect(stage, PASSWORD)
    async with stage.sandbox() as sandbox:
        for kind in ("500", "html", "garbage", "drop"):
            ordered = await sandbox.post(
                "/control/faults", json={"kind": kind, "path": "/api/login"}
            )
            assert ordered.status_code == 204
            await _connect(stage, PASSWORD)
    for error in ("fatal_error", "invalid_auth"):
        stage.slack.faults.trouble_calls(
            "chat.postEphemeral", ApiTrouble.ERROR, times=2, seconds=0, error=error
        )
        await stage.command(ANA, "/social queue")
    await stage.command(ANA, "/social draft Hello")
    await stage.submit(await stage.modal(ANA, "draft"), when="now")
    card = await stage.message(APPROVALS, "Hello")
    await stage.press(BEN, card, "Approve")
    await stage.command(EVA, "/social nonsense", SOCIAL)
    await stage.settled()


async def _connect(stage: Stage, password: str) -> None:
    await stage.command(EVA, "/social connect")
    form = await stage.modal(EVA, "connect")
    fields = [block["block_id"] for block in inputs_of(form)]
    typed = {name: RIGHT for name in fields if "handle" in name}
    typed |= {name: password for name in fields if "password" in name}
    await stage.submit_fields(form, typed)
    await stage.settled()


@contextlib.contextmanager
def as_started(level: str) -> Iterator[None]:
    """The loggers' levels as `python -m bot run` sets them."""
    loggers = [logging.getLogger(name) for name in ("", *logs.OURS)]
    before = [logger.level for logger in loggers]
    logs.set_levels(level)
    try:
        yield
    finally:
        for logger, level_before in zip(loggers, before, strict=True):
            logger.setLevel(level_before)


async def test_secrets_are_in_no_log_no_readable_column_and_nothing_slack_was_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = tmp_path / "calls.jsonl"
    changed: dict[str, Any] = {"slack_signing_secret": SIGNING, "log_level": "DEBUG"}
    with caplog.at_level(logging.DEBUG), as_started("DEBUG"):
        async with staged(
            tmp_path, environment={"PLAYGROUND_RECORD": str(record)}, **changed
        ) as stage:
            logging.getLogger("bot").debug("%r", stage.settings)
            await _journey(stage)
            [account] = (await stage.services.accounts.show(Person(stage.bot.team_id, EVA)))[1]
            session = stage.services.accounts.session(account.account)
            app = stage.slack.workspace.app
            secrets = {
                "the bot's token": app.bot_token,
                "the app's token": app.app_token,
                "the signing secret": SIGNING,
                "the key": (tmp_path / "secret.key").read_text(),
                "the password": PASSWORD,
                **{f"the account's {name}": value for name, value in session.credentials.items()},
            }
            rows = "\n".join(row for table in everything(tmp_path).values() for row in table)
    places = {"the log": caplog.text, "the database": rows, "Slack": record.read_text()}
    assert "chat.postMessage" in places["Slack"]
    assert "sandbox" in places["the database"]
    assert "Settings(" in caplog.text
    assert "Telling somebody where they are failed" in caplog.text
    for what, secret in secrets.items():
        assert len(secret) > 5, what
        for where, text in places.items():
            assert not re.search(re.escape(secret), text), f"{what} is in {where}"
