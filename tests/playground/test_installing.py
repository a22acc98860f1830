"""The playground's OAuth refuses what Slack refuses, by Slack's names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.playground.errors import SlackError
from bot.playground.installing import Distribution, distributed
from bot.playground.records import Team
from bot.playground.seed import ANA, TEAM, seed
from bot.playground.slack import Slack
from bot.playground.workspace import Workspace
from handlers.manifest import BOT_SCOPES, manifest

BASE = "https://social.example.com/slack"
BACK = f"{BASE}/oauth_redirect"


class Clock:
    now = 1_800_000_000.0


@pytest.fixture
async def app(tmp_path: Path) -> Any:
    made = manifest(request_url=f"{BASE}/events", redirect_url=BACK)
    workspaces = [Workspace(tmp_path / name, made, now=lambda: Clock.now) for name in "ab"]
    slacks = [Slack.around(workspace) for workspace in workspaces]
    workspaces[0].put_team(TEAM)
    workspaces[1].put_team(Team("T0BIRCH0001", "Birch", "birch"))
    distribution = distributed(slacks)
    seed(workspaces[0])
    yield distribution
    Clock.now = 1_800_000_000.0
    for slack in slacks:
        await slack.close()


def asked(app: Distribution, **changed: str) -> dict[str, str]:
    query = {
        "client_id": app.client_id,
        "scope": ",".join(BOT_SCOPES),
        "redirect_uri": BACK,
        "state": "s",
    }
    return {**query, **changed}


def code_for(app: Distribution) -> dict[str, str]:
    back = app.allow(asked(app), TEAM.id, ANA)
    told = parse_qs(urlsplit(back).query)
    assert told["state"] == ["s"]
    return {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "code": told["code"][0],
        "redirect_uri": BACK,
    }


def refusal(app: Distribution, arguments: dict[str, str]) -> str:
    with pytest.raises(SlackError) as refused:
        app.access(arguments, None)
    return refused.value.error


def wrong_codes(app: Distribution) -> Iterator[tuple[dict[str, str], str]]:
    yield {"client_id": "1.1"}, "invalid_client_id"
    yield {"client_secret": "guessed"}, "bad_client_secret"
    yield {"code": "guessed"}, "invalid_code"
    yield {"redirect_uri": "https://evil.example/slack/oauth_redirect"}, "bad_redirect_uri"
    yield {"grant_type": "password"}, "invalid_grant_type"
    yield {"colour": "blue"}, "invalid_arguments"


async def test_a_code_is_good_once_for_who_was_given_it_and_for_ten_minutes(
    app: Distribution,
) -> None:
    for changed, name in wrong_codes(app):
        assert refusal(app, {**code_for(app), **changed}) == name
    good = code_for(app)
    answer = app.access(good, None)
    assert answer["team"] == {"id": TEAM.id, "name": TEAM.name}
    assert answer["authed_user"] == {"id": ANA}
    assert answer["access_token"] in app.slacks[TEAM.id].workspace.issued
    assert refusal(app, good) == "code_already_used"
    late = code_for(app)
    Clock.now += 601
    assert refusal(app, late) == "invalid_code"


async def test_a_refresh_token_is_good_once(app: Distribution) -> None:
    first = app.access(code_for(app), None)
    credentials = {"client_id": app.client_id, "client_secret": app.client_secret}
    renewing = {**credentials, "grant_type": "refresh_token"}
    second = app.access({**renewing, "refresh_token": first["refresh_token"]}, None)
    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 12 * 3600
    assert refusal(app, {**renewing, "refresh_token": first["refresh_token"]}) == (
        "invalid_refresh_token"
    )
    app.uninstall(TEAM.id, tell=False)
    assert refusal(app, {**renewing, "refresh_token": second["refresh_token"]}) == (
        "invalid_refresh_token"
    )
    assert app.slacks[TEAM.id].workspace.issued == {}


async def test_the_page_asks_only_for_an_address_that_fits_the_manifest(app: Distribution) -> None:
    assert app.ask(asked(app)) is None
    assert app.ask(asked(app, client_id="1.1")) == "invalid_client_id"
    assert app.ask(asked(app, redirect_uri="https://evil.example/")) == "bad_redirect_uri"
    assert app.ask(asked(app, scope="")) == "no_scopes"
    assert app.ask(asked(app, scope="admin")) == "invalid_scope"
    assert "error=access_denied" in app.refuse(asked(app))
