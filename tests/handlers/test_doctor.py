"""The doctor names each thing that is wrong, says what to do, and betrays nothing."""

import asyncio
import os
import re
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from bot.accounts import mark_expired
from bot.bootstrap import open_networks
from bot.composing import PostForm
from bot.doctor import examine
from bot.doctor_slack import check_clock
from bot.findings import Finding, Verdict
from bot.keys import Keyring
from bot.playground.faults import ApiTrouble
from bot.playground.seed import ALERTS, ANA, BEN, CARE, EVA, GENERAL, SOCIAL
from bot.settings import Settings
from bot.team import Person
from handlers.manifest import BOT_SCOPES
from storage import accounts, brakes, deliveries, notices, workspaces
from storage.records import Brake, Card, DeliveryState, HoldReason, When
from storage.records import Verdict as Decision
from storage.rows import new_id
from tests.handlers.stage import Stage, staged
from tests.servers.eventually import eventually

ROOT = Path(__file__).parents[2]


async def findings(
    settings: Settings, scopes: tuple[str, ...] = BOT_SCOPES
) -> tuple[bool, list[Finding]]:
    said: list[Finding] = []
    async with open_networks(settings) as networks:
        well = await examine(settings, networks, scopes, said.append)
    return well, said


async def the_one_wrong(settings: Settings, scopes: tuple[str, ...] = BOT_SCOPES) -> str:
    """What it says where exactly one thing is wrong."""
    well, said = await findings(settings, scopes)
    assert not well
    [found] = [finding for finding in said if finding.verdict is Verdict.WRONG]
    assert found.advice
    return str(found)


async def test_all_is_well_beside_the_running_bot(stage: Stage) -> None:
    well, said = await findings(stage.settings)
    assert well, [str(finding) for finding in said]
    assert {finding.verdict for finding in said} == {Verdict.OK}
    lines = "\n".join(map(str, said))
    for what in ("reads and writes", "knows the bot as", "Socket Mode", "clock is right"):
        assert what in lines
    for channel in ("#social-approvals", "#social-alerts", "#care"):
        assert channel in lines
    assert "Sandbox · @acorn takes our login" in lines


async def test_nothing_secret_is_said(stage: Stage) -> None:
    wrong = replace(
        stage.settings, slack_bot_token="xoxb-not-mine", slack_app_token="xapp-nor-this"
    )
    for settings in (stage.settings, wrong):
        _, said = await findings(settings)
        lines = "\n".join(map(str, said))
        for secret in (settings.slack_bot_token, settings.slack_app_token or ""):
            assert secret not in lines


async def test_a_wrong_bot_token(stage: Stage) -> None:
    said = await the_one_wrong(replace(stage.settings, slack_bot_token="xoxb-1-2-3"))
    assert "refuses SLACK_BOT_TOKEN: invalid_auth" in said


async def test_a_wrong_app_token(stage: Stage) -> None:
    said = await the_one_wrong(replace(stage.settings, slack_app_token="xapp-1-2-3"))
    assert "SLACK_APP_TOKEN: invalid_auth" in said
    assert "connections:write" in said


async def test_a_missing_scope(stage: Stage) -> None:
    said = await the_one_wrong(stage.settings, (*BOT_SCOPES, "reactions:write"))
    assert "lacks scopes: reactions:write" in said
    assert "Reinstall" in said


async def test_slack_that_is_not_there(stage: Stage) -> None:
    well, said = await findings(replace(stage.settings, slack_api_url="http://127.0.0.1:9/api/"))
    assert not well
    assert any("can't be reached" in finding.what for finding in said)
    assert any("Sandbox · @acorn takes our login" in finding.what for finding in said)


async def test_a_slack_that_answers_nonsense(stage: Stage) -> None:
    stage.slack.faults.trouble_calls("auth.test", ApiTrouble.SERVER_ERROR)
    assert "HTTP status 500" in await the_one_wrong(stage.settings)


async def test_a_channel_without_the_bot(stage: Stage) -> None:
    stage.slack.people.leave_channel(stage.slack.workspace.app.bot_user_id, ALERTS)
    said = await the_one_wrong(stage.settings)
    assert "#social-alerts (for alerts)" in said
    assert "/invite @Socialdesk" in said


async def test_an_archived_channel(stage: Stage) -> None:
    stage.slack.workspace.archive(CARE)
    assert "#care (for the team Care) is archived" in await the_one_wrong(stage.settings)


async def test_a_channel_that_is_gone(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        workspace = await workspaces.get(tx, stage.bot.team_id)
        assert workspace is not None
        await workspaces.save(tx, replace(workspace, alerts_channel="C0GONE00001"))
    assert "channel_not_found" in await the_one_wrong(stage.settings)


async def test_a_shared_channel_is_worth_knowing(stage: Stage) -> None:
    slack = stage.slack.workspace
    slack.put_channel(replace(slack.channel(GENERAL), is_ext_shared=True))
    well, said = await findings(stage.settings)
    assert well
    [noted] = [finding for finding in said if finding.verdict is Verdict.NOTE]
    assert "shared with another organisation" in noted.what


async def test_messages_that_slack_refuses(stage: Stage) -> None:
    workspace_id = stage.bot.team_id
    async with stage.services.database.transaction() as tx:
        now = stage.services.clock.now()
        await notices.owe(tx, workspace_id, Card.DEAD_CHANNEL, SOCIAL, "C0GONE00001", now)
    stage.services.clock.alarm("notices").ring()

    async def refused() -> bool:
        async with stage.services.database.reading() as tx:
            return bool(await notices.count_broken(tx, workspace_id))

    await eventually(refused)
    assert "1 message(s) for C0GONE00001 are kept" in await the_one_wrong(stage.settings)


async def a_delivery(stage: Stage, text: str, state: DeliveryState, **new: Any) -> None:
    """A post of Ana's whose delivery was due ten minutes ago and is in some state."""
    ana, ben = (Person(stage.bot.team_id, who) for who in (ANA, BEN))
    async with stage.services.database.reading() as tx:
        [account] = await accounts.of_workspace(tx, stage.bot.team_id)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    form = PostForm(text=text, account_ids=(account.id,), when=When.AT, at=tomorrow)
    post = (await stage.services.drafting.submit(ana, form)).post
    await stage.services.approvals.decide(
        ben, post.id, Decision.APPROVED, revision_id=post.revision_id
    )
    async with stage.services.database.transaction() as tx:
        [delivery] = await deliveries.of_post(tx, post.id)
        due_at = datetime.now(UTC) - timedelta(minutes=10)
        await deliveries.move(tx, delivery.id, [delivery.state], state, due_at=due_at, **new)


async def test_a_post_that_is_late(stage: Stage) -> None:
    await a_delivery(stage, "Late beans", DeliveryState.PENDING)
    said = await the_one_wrong(stage.settings)
    assert re.search(r"1 post\(s\) are late, the first since \d{4}-\d\d-\d\d \d\d:\d\d UTC", said)
    assert "Is the bot running?" in said


async def test_a_post_that_nobody_knows_of(stage: Stage) -> None:
    await a_delivery(stage, "Lost beans", DeliveryState.UNKNOWN)
    said = await the_one_wrong(stage.settings)
    assert "Nobody knows whether 1 post(s) went out" in said
    assert "It is live" in said


async def test_what_is_held_and_why_is_worth_knowing(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, stage.bot.team_id)
        now = datetime.now(UTC)
        for about, reason in ((None, "A recall\x1b[2J"), (account.id, "Wrong prices")):
            brake = Brake(
                new_id(),
                stage.bot.team_id,
                about,
                reason,
                EVA,
                now,
                released_by=None,
                released_at=None,
            )
            assert await brakes.pull(tx, brake)
    for reason in HoldReason:
        await a_delivery(stage, f"Held: {reason}", DeliveryState.HELD, hold_reason=reason)
    well, said = await findings(stage.settings)
    assert well, [str(finding) for finding in said]
    noted = "\n".join(str(finding) for finding in said if finding.verdict is Verdict.NOTE)
    assert f"Publishing is held since {now:%Y-%m-%d %H:%M} UTC: A recall[2J\n" in noted
    assert f"Publishing on @acorn is held since {now:%Y-%m-%d %H:%M} UTC: Wrong prices" in noted
    assert "/social resume" in noted
    for why in ("due too long ago", "while publishing was held", "must be connected again"):
        assert "1 post(s) are held: " in noted
        assert why in noted


async def test_an_expired_account(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, stage.bot.team_id)
        await mark_expired(tx, account, "the token was withdrawn.", stage.services.clock.now())
    said = await the_one_wrong(stage.settings)
    assert "Sandbox · @acorn must be connected again. the token was withdrawn." in said


async def test_a_login_that_the_network_refuses(tmp_path: Path) -> None:
    async with staged(tmp_path, poll_seconds=3600) as stage:
        await stage.services.listening.poll()
        await stage.services.listening.settled()
        await stage.services.metrics.measure_due()
        # From here on the running bot doesn't use it for an hour: the doctor sees it first.
        async with stage.sandbox() as sandbox:
            (await sandbox.post("/control/expire-tokens")).raise_for_status()
        assert "Sandbox · @acorn refuses its login" in await the_one_wrong(stage.settings)


async def test_another_key_than_the_logins_were_kept_with(stage: Stage) -> None:
    other = Keyring([Fernet(Fernet.generate_key())])
    said = await the_one_wrong(replace(stage.settings, secret_keys=other))
    assert "SECRET_KEY doesn't open its login" in said


async def test_a_network_whose_address_is_gone(stage: Stage) -> None:
    networks = {**stage.settings.networks, "SANDBOX_URL": ""}
    well, said = await findings(replace(stage.settings, networks=networks))
    assert not well
    assert any("no address in the settings" in finding.what for finding in said)


async def test_a_folder_that_others_can_look_into(stage: Stage) -> None:
    stage.settings.data_dir.chmod(0o755)
    assert "chmod 700" in await the_one_wrong(stage.settings)


async def test_a_database_of_a_newer_release(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "newer.db"
    with closing(sqlite3.connect(file)) as newer, newer:
        newer.execute("CREATE TABLE alembic_version (version_num TEXT)")
        newer.execute("INSERT INTO alembic_version VALUES ('9999')")
    said = await the_one_wrong(replace(stage.settings, database_url=f"sqlite:///{file}"))
    assert "version 9999, newer than this release" in said


async def test_a_database_that_is_locked(stage: Stage) -> None:
    path = stage.services.database.url.database
    with closing(sqlite3.connect(str(path), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        said = await the_one_wrong(stage.settings)
        holder.execute("ROLLBACK")
    assert "is locked, or doesn't answer" in said


async def test_a_file_that_is_no_database(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "no.db"
    file.write_bytes(b"this is not a database, whatever its name says" * 100)
    said = await the_one_wrong(replace(stage.settings, database_url=f"sqlite:///{file}"))
    assert "The database can't be used: file is not a database." in said


async def test_a_database_that_takes_no_writes(stage: Stage) -> None:
    unlimited = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited))
    try:
        said = await the_one_wrong(stage.settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    assert "takes no writes: disk I/O error" in said
    assert "Make room on its disk" in said


async def test_before_the_first_start_there_is_nothing_to_fear_and_nothing_made(
    stage: Stage, tmp_path: Path
) -> None:
    nowhere = tmp_path / "new"
    well, said = await findings(
        replace(stage.settings, data_dir=nowhere, database_url=f"sqlite:///{nowhere}/x.db")
    )
    assert well, [str(finding) for finding in said]
    assert any("The first start makes it" in finding.advice for finding in said)
    assert not nowhere.exists()


async def test_before_the_set_up_it_says_where_that_is(empty_stage: Stage) -> None:
    well, said = await findings(empty_stage.settings)
    assert well
    assert "Nobody has set up this workspace yet" in said[-1].what


async def test_signed_http_instead_of_socket_mode(stage: Stage) -> None:
    settings = replace(
        stage.settings, slack_app_token=None, slack_signing_secret="s" * 32, http_port=8080
    )
    well, said = await findings(settings)
    assert well
    assert any("/slack/events" in finding.advice for finding in said)


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(2, Verdict.OK), (-59, Verdict.OK), (61, Verdict.WRONG), (-400, "!!")]
)
def test_the_clock_is_held_against_slacks(ahead: int, verdict: str) -> None:
    theirs = httpx.Headers({"date": "Mon, 23 Nov 2026 09:00:00 GMT"})
    now = datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(seconds=ahead)
    assert check_clock(theirs, now).verdict == verdict
    assert check_clock(httpx.Headers({"date": "yesterday"}), now).verdict is Verdict.NOTE


def run_doctor(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "doctor"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    outcome = run_doctor(tmp_path, SLACK_BOT_TOKEN="xoxp-secret", HTTP_PORT="many")
    assert outcome.returncode == 1
    assert outcome.stdout.startswith("ok  Python 3.")
    for name in ("SECRET_KEY", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "HTTP_PORT"):
        assert f"!!  {name}: " in outcome.stdout
    assert "xoxp-secret" not in outcome.stdout + outcome.stderr
    assert outcome.stderr == ""


def test_the_command_ends_with_1_if_something_is_wrong(tmp_path: Path) -> None:
    outcome = run_doctor(
        tmp_path,
        SECRET_KEY=Fernet.generate_key().decode(),
        SLACK_BOT_TOKEN="xoxb-1-2-3",
        SLACK_APP_TOKEN="xapp-1-2-3",
        SLACK_API_URL="http://127.0.0.1:9/api/",
    )
    assert outcome.returncode == 1
    assert "!!  Slack can't be reached" in outcome.stdout
    assert outcome.stdout.endswith("Look at the lines with !!.\n")
    assert list(tmp_path.iterdir()) == []  # nothing was made


async def test_the_command_ends_with_0_if_all_is_well(stage: Stage, tmp_path: Path) -> None:
    key = (tmp_path / "secret.key").read_text()
    environment = {
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": key,
        "SLACK_BOT_TOKEN": stage.settings.slack_bot_token,
        "SLACK_APP_TOKEN": str(stage.settings.slack_app_token),
        "SLACK_API_URL": stage.settings.slack_api_url,
        "SANDBOX_URL": stage.settings.networks["SANDBOX_URL"],
    }
    outcome = await asyncio.to_thread(run_doctor, tmp_path, **environment)
    assert outcome.returncode == 0, outcome.stdout
    assert outcome.stdout.endswith("All is well.\n")
