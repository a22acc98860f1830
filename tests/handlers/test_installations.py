"""Many workspaces: installed by OAuth, each with its own token, its own people and its own end."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from bot.accounts import Vault
from bot.bootstrap import open_networks
from bot.doctor import examine
from bot.findings import Finding
from bot.installations import REMOVED
from bot.keys import Keyring
from bot.playground.seed import ANA, APPROVALS, EVA, SOCIAL
from handlers.clients import InstalledClients, Tokens
from handlers.manifest import BOT_SCOPES
from storage import brakes, installations, notices, workspaces
from storage.records import Card, Installation, Member, Role
from tests.handlers.many import (
    ACORN,
    BIRCH,
    BIRCH_APPROVALS,
    BIRCH_SOCIAL,
    UMA,
    Many,
    many_staged,
    state_of,
)
from tests.servers.eventually import eventually


@pytest.fixture
async def many(tmp_path: Path) -> AsyncIterator[Many]:
    async with many_staged(tmp_path) as made:
        yield made


async def installation(many: Many, team_id: str) -> Installation | None:
    async with many.bots[0].services.database.reading() as tx:
        return await installations.of_workspace(tx, team_id)


async def set_up(many: Many) -> None:
    """Both workspaces as their admins would have set them up."""
    async with many.bots[0].services.database.transaction() as tx:
        for team, who, channel in ((ACORN, EVA, APPROVALS), (BIRCH, UMA, BIRCH_APPROVALS)):
            known = await workspaces.get(tx, team.id)
            assert known is not None
            now = datetime.now(UTC)
            await workspaces.save(
                tx,
                replace(known, approvals_channel=channel, alerts_channel=channel, set_up_at=now),
            )
            await workspaces.save_member(
                tx, Member(team.id, who, who, "UTC", frozenset({Role.ADMIN}))
            )


async def both_installed(many: Many) -> None:
    assert (await many.install(ACORN, EVA)).status_code == 200
    assert (await many.install(BIRCH, UMA)).status_code == 200


async def test_it_is_installed_in_two_workspaces_and_answers_each_with_its_own_token(
    many: Many,
) -> None:
    page = await many.install(ACORN, EVA)
    assert page.status_code == 200
    assert "Open Slack" in page.text
    assert "Acorn" in page.text
    await many.install(BIRCH, UMA)
    for team, who, channel in ((ACORN, ANA, SOCIAL), (BIRCH, UMA, BIRCH_SOCIAL)):
        outcome = await many.slack(team).people.slash_command(who, channel, "/social help")
        assert outcome.ok, outcome.problem
        await many.seen(team, channel, "set up", viewer=who)


async def test_what_is_kept_of_an_installation_holds_no_readable_token(many: Many) -> None:
    await both_installed(many)
    [token] = many.slack(ACORN).workspace.issued
    kept = await installation(many, ACORN.id)
    assert kept is not None
    assert kept.team_id == ACORN.id
    assert kept.refresh_token is not None
    assert kept.token_expires_at is not None
    assert token.encode() not in kept.bot_token
    opened = Vault(many.settings.secret_keys).unlock(kept.bot_token)
    assert opened == {"token": token}
    for file in Path(many.settings.data_dir).glob("socialdesk.db*"):
        content = file.read_bytes()
        assert token.encode() not in content, file
        assert b"xoxe-1-" not in content, file


async def test_who_installed_it_may_set_it_up_and_others_are_told_who_can(many: Many) -> None:
    await both_installed(many)  # Uma is no admin of Birch's Slack
    await many.slack(BIRCH).people.slash_command(UMA, BIRCH_SOCIAL, "/social draft")
    await many.seen(BIRCH, BIRCH_SOCIAL, "Set up Socialdesk", viewer=UMA)
    await many.slack(ACORN).people.slash_command(ANA, SOCIAL, "/social draft")
    told = await many.seen(ACORN, SOCIAL, "owner or admin", viewer=ANA)
    assert "Set up Socialdesk" not in str(told.blocks)


async def test_messages_that_are_owed_go_to_the_right_workspace(many: Many) -> None:
    await both_installed(many)
    await set_up(many)
    await many.slack(ACORN).people.slash_command(EVA, SOCIAL, "/social pause Acorn's recall")
    await many.slack(BIRCH).people.slash_command(UMA, BIRCH_SOCIAL, "/social pause Birch's fire")
    await many.seen(ACORN, APPROVALS, "Acorn's recall")
    await many.seen(BIRCH, BIRCH_APPROVALS, "Birch's fire")
    assert not [text for text in many.said(ACORN, APPROVALS) if "Birch" in text]
    assert not [text for text in many.said(BIRCH, BIRCH_APPROVALS) if "Acorn" in text]


async def test_a_state_leads_back_once_and_only_the_browser_that_began(many: Many) -> None:
    location, cookies = await many.begin()
    back = await many.allow(location, ACORN, EVA)
    without = await many.finish(back, {})
    assert (without.status_code, "browser" in without.text) == (400, True)
    other_location, other = await many.begin()
    assert (await many.finish(back, other)).status_code == 400
    assert (await many.finish(back, cookies)).status_code == 200
    again = await many.finish(back, cookies)
    assert again.status_code == 401
    assert "used before" in again.text
    assert state_of(other_location) != state_of(location)


async def test_a_state_ends_after_ten_minutes(many: Many) -> None:
    database = many.bots[0].services.database
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    async with database.transaction() as tx:
        state = await installations.issue_state(tx, long_ago)
    async with database.transaction() as tx:
        assert not await installations.consume_state(tx, state, datetime.now(UTC))
        assert await installations.consume_state(tx, state, long_ago)
        assert not await installations.consume_state(tx, state, long_ago)
        assert not await installations.consume_state(tx, "x" * 42 + "\0", long_ago)
        await installations.issue_state(tx, long_ago)
        await installations.issue_state(tx, datetime.now(UTC))
        assert await installations.count_states(tx) == 1, "those nobody came back with are gone"


async def test_what_goes_wrong_is_a_page_in_plain_words_and_nothing_is_kept(many: Many) -> None:
    location, cookies = await many.begin()
    state = state_of(location)
    base = many.urls[0] + "/slack/oauth_redirect"
    async with httpx.AsyncClient(cookies=cookies) as browser:
        no = await browser.get(base, params={"error": "access_denied", "state": state})
        script = await browser.get(base, params={"error": "<script>alert(1)</script>"})
    assert "said no" in no.text
    assert "<script>" not in script.text
    wrong = await many.finish(f"{base}?code=1.2&state={state}", cookies)
    assert wrong.status_code == 401
    assert "Slack refused" in wrong.text
    for page in (no, script, wrong):
        assert "Nothing was installed" in page.text
        assert "/slack/install" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    async with many.bots[0].services.database.reading() as tx:
        assert list(await installations.every(tx)) == []


async def test_what_a_proxy_claims_counts_for_nothing(many: Many) -> None:
    async with httpx.AsyncClient() as browser:
        sent = await browser.get(
            many.urls[0] + "/slack/install",
            headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        )
        large = await browser.request("GET", many.urls[0] + "/slack/install", content=b"x" * 2**20)
    assert "evil.example" not in sent.headers["location"]
    assert large.status_code == 413


async def test_a_workspace_that_never_installed_it_is_told_how(many: Many) -> None:
    await many.install(ACORN, EVA)
    await many.slack(BIRCH).people.slash_command(UMA, BIRCH_SOCIAL, "/social help")
    told = await many.seen(BIRCH, BIRCH_SOCIAL, "/slack/install", viewer=UMA)
    assert told.ephemeral_to == UMA
    async with many.bots[0].services.database.reading() as tx:
        assert await workspaces.get(tx, BIRCH.id) is None


async def test_uninstalled_it_goes_quiet_holds_publishing_and_comes_back_whole(many: Many) -> None:
    await both_installed(many)
    await set_up(many)
    services = many.bots[0].services
    many.distribution.uninstall(BIRCH.id)

    async def gone() -> bool:
        return await installation(many, BIRCH.id) is None

    await eventually(gone)

    async def kept() -> bool:
        async with services.database.reading() as tx:
            return bool(await notices.count_broken(tx, BIRCH.id))

    await eventually(kept)
    async with services.database.reading() as tx:
        [brake] = await brakes.standing(tx, BIRCH.id)
        assert brake.account_id is None, "nothing goes out of it any more"
        assert await brakes.standing(tx, ACORN.id) == [], "the other one goes on"
        assert await installations.of_workspace(tx, ACORN.id) is not None
        [notice] = await notices.of_subject(tx, BIRCH.id, brake.id)
        assert (notice.card, notice.problem) == (Card.BRAKE, "not_installed")
    many.slack(BIRCH).delivery.log.clear()

    assert (await many.install(BIRCH, UMA)).status_code == 200
    # Either of Slack's two events may come first: the app is removed, its token is revoked.
    card = await many.seen(BIRCH, BIRCH_APPROVALS, "so nobody here could stop a post")
    outcome = await many.slack(BIRCH).people.press(UMA, card, "open_resume")
    assert outcome.ok, outcome.problem
    async with services.database.reading() as tx:
        assert await brakes.standing(tx, BIRCH.id), "a person releases it, not the installation"


async def test_an_uninstall_that_nobody_told_us_of_is_noticed(many: Many) -> None:
    await both_installed(many)
    await set_up(many)
    many.distribution.uninstall(BIRCH.id, tell=False)
    services = many.bots[0].services
    async with services.database.transaction() as tx:
        await notices.owe(
            tx, BIRCH.id, Card.DEAD_CHANNEL, BIRCH_SOCIAL, BIRCH_APPROVALS, datetime.now(UTC)
        )
    services.clock.alarm("notices").ring()

    async def held() -> bool:
        async with services.database.reading() as tx:
            return bool(await brakes.standing(tx, BIRCH.id))

    await eventually(held)
    assert await installation(many, BIRCH.id) is None


async def test_old_news_of_an_uninstall_does_not_end_a_newer_installation(many: Many) -> None:
    await both_installed(many)
    seen = await installation(many, BIRCH.id)
    assert seen is not None
    await many.install(BIRCH, UMA)
    await many.bots[0].services.installations.end(seen, REMOVED)
    assert await installation(many, BIRCH.id) is not None


async def test_tokens_are_refreshed_before_they_end_also_where_nobody_does_anything(
    many: Many,
) -> None:
    await both_installed(many)
    await set_up(many)
    before = await installation(many, BIRCH.id)
    assert before is not None
    await _ends(many, BIRCH.id, timedelta(hours=1))
    many.distribution.expire(BIRCH.id, 0)
    await _tokens(many).refresh_due()
    assert many.distribution.refreshed == [BIRCH.id]
    after = await installation(many, BIRCH.id)
    assert after is not None
    assert after.token_expires_at is not None
    assert after.token_expires_at > datetime.now(UTC) + timedelta(hours=11)
    async with many.bots[0].services.database.transaction() as tx:
        await notices.owe(
            tx, BIRCH.id, Card.DEAD_CHANNEL, BIRCH_SOCIAL, BIRCH_APPROVALS, datetime.now(UTC)
        )
    many.bots[0].services.clock.alarm("notices").ring()
    await many.seen(BIRCH, BIRCH_APPROVALS, BIRCH_SOCIAL)


async def test_a_token_that_cannot_be_refreshed_is_used_until_it_ends(many: Many) -> None:
    await both_installed(many)
    await set_up(many)
    await _ends(many, BIRCH.id, timedelta(hours=1))
    many.distribution._refresh.clear()
    await _tokens(many).refresh_due()
    assert await installation(many, BIRCH.id) is not None
    async with many.bots[0].services.database.transaction() as tx:
        await tx.connection.exec_driver_sql("DELETE FROM occurrences WHERE job LIKE 'token:%'")
    await _ends(many, BIRCH.id, timedelta(seconds=-1))
    await _tokens(many).refresh_due()
    assert await installation(many, BIRCH.id) is None


def _tokens(many: Many, number: int = 0) -> Tokens:
    clients = many.bots[number].desk.clients
    assert isinstance(clients, InstalledClients)
    return clients._tokens


async def _ends(many: Many, team_id: str, after: timedelta) -> None:
    """The token's end, as the database has it."""
    async with many.bots[0].services.database.transaction() as tx:
        seen = await installations.of_workspace(tx, team_id)
        assert seen is not None
        await installations.refreshed(
            tx,
            seen,
            bot_token=seen.bot_token,
            refresh_token=seen.refresh_token,
            expires_at=datetime.now(UTC) + after,
        )


async def test_any_replica_finishes_what_another_began_and_one_alone_refreshes(
    tmp_path: Path, postgresql_url: str
) -> None:
    async with many_staged(tmp_path, postgresql_url, bots=2) as many:
        page = await many.install(ACORN, EVA, begin=0, finish=1)
        assert page.status_code == 200
        await many.install(BIRCH, UMA, begin=1, finish=0)
        for number in (0, 1):
            many.deliver_to(number)
            await many.slack(BIRCH).people.slash_command(UMA, BIRCH_SOCIAL, "/social help")
            await many.seen(BIRCH, BIRCH_SOCIAL, "set up", viewer=UMA)
        for team in (ACORN, BIRCH):
            await _ends(many, team.id, timedelta(minutes=30))
        await asyncio.gather(*(_tokens(many, n).refresh_due() for n in (0, 1) for _ in range(5)))
        assert sorted(many.distribution.refreshed) == [ACORN.id, BIRCH.id]
        for number in (0, 1):
            many.deliver_to(number)
            outcome = await many.slack(ACORN).people.slash_command(ANA, SOCIAL, "/social help")
            assert outcome.ok


async def test_no_call_of_slacks_is_made_before_an_acknowledgement(many: Many) -> None:
    await both_installed(many)
    await set_up(many)
    database = many.bots[0].services.database
    people = many.slack(BIRCH).people
    begun = asyncio.get_running_loop().time()
    async with database.transaction():  # nobody else writes meanwhile
        outcome = await people.slash_command(UMA, BIRCH_SOCIAL, "/social help")
        assert outcome.ok, outcome.problem
    assert asyncio.get_running_loop().time() - begun < 3


async def test_the_doctor_looks_at_each_workspace_with_its_own_token(many: Many) -> None:
    async def said() -> str:
        found: list[Finding] = []
        async with open_networks(many.settings) as networks:
            await examine(many.settings, networks, BOT_SCOPES, found.append)
        return "\n".join(map(str, found))

    assert "/slack/install in a browser" in await said()
    await both_installed(many)
    told = await said()
    assert "in Acorn" in told
    assert "in Birch" in told
    many.slack(BIRCH).workspace.issued.clear()
    told = await said()
    assert "Slack refuses this workspace's token: account_inactive" in told
    assert "in Acorn" in told
    [token] = many.slack(ACORN).workspace.issued
    assert token not in told


async def test_rotate_key_locks_the_tokens_anew_beside_the_running_bot(
    many: Many, tmp_path: Path
) -> None:
    await both_installed(many)
    old = many.secret_key
    new = Fernet.generate_key().decode()
    environment = {
        "SECRET_KEY": f"{new},{old}",
        "DATA_DIR": str(many.settings.data_dir),
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "rotate-key"),
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert b"2 login(s) and installation(s)" in said
    assert b"take the older ones out" in said
    kept = await installation(many, ACORN.id)
    assert kept is not None
    [token] = many.slack(ACORN).workspace.issued
    assert Vault(Keyring([Fernet(new)])).unlock(kept.bot_token) == {"token": token}
