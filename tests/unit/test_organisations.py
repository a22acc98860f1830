"""Enterprise Grid: one installation serves all of an organisation's workspaces, and what comes
from where is told by the signed body."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from slack_sdk.oauth.installation_store import Installation as SlackInstallation

from bot.accounts import Vault
from bot.clock import Clock
from bot.installations import REMOVED, Installations, Place
from bot.team import Person
from handlers.payloads import event_person_of, person_of, place_of
from storage import brakes, installations, workspaces
from storage.database import Database
from storage.installations import InstallationStore
from storage.migrations import migrate

ORG = "E0OAK"


def made_by(user_id: str, team_id: str | None, **more: Any) -> SlackInstallation:
    return SlackInstallation(
        app_id="A1",
        enterprise_id=ORG,
        enterprise_name="Oak Group",
        team_id=team_id,
        team_name=None if team_id is None else "Acorn",
        bot_token=f"xoxb-{team_id}",
        bot_id="B1",
        bot_user_id="UBOT",
        bot_scopes="chat:write",
        user_id=user_id,
        is_enterprise_install=team_id is None,
        **more,
    )


async def test_an_organisations_installation_serves_every_workspace_of_it(
    database_url: str, tmp_path: Path
) -> None:
    database, clock = Database(database_url), Clock()
    await migrate(database)
    installed = Installations(database, clock)
    vault = Vault(MultiFernet([Fernet(Fernet.generate_key())]))
    store = InstallationStore(database, vault, installed.kept, clock.now)
    try:
        await store.async_save(made_by("W1", None))
        found = await store.async_find_bot(enterprise_id=ORG, team_id="T1")
        assert found is not None
        assert (found.bot_token, found.is_enterprise_install) == ("xoxb-None", True)
        assert await store.async_find_bot(enterprise_id="E0ELM", team_id="T9") is None
        # A workspace is made when it is first heard of, and then found without a request too.
        for team in ("T1", "T2", "T3"):
            await installed.meet(Place(team, team.lower(), ORG))
        async with database.transaction() as tx:
            for team in ("T1", "T2", "T3"):
                known = await workspaces.get(tx, team)
                assert known is not None
                assert known.enterprise_id == ORG
                await workspaces.save(tx, replace(known, set_up_at=datetime.now(UTC)))
                assert await installations.of_workspace(tx, team) is not None
            assert await installations.of_workspace(tx, "T9") is None
        # A team's own installation comes before its organisation's.
        await store.async_save(made_by("W2", "T1"))
        own = await store.async_find_bot(enterprise_id=ORG, team_id="T1")
        assert own is not None
        assert own.bot_token == "xoxb-T1"
        # It is taken out of one workspace of the organisation; of the team's own installation, and
        # of other organisations' workspaces, such news says nothing.
        await installed.access_revoked("E0ELM", ["T2"])
        await installed.access_revoked(None, ["T2"])
        await installed.access_revoked(ORG, ["T1", "T3"])
        async with database.reading() as tx:
            standing = [await brakes.standing(tx, team) for team in ("T1", "T2", "T3")]
        assert [len(of_team) for of_team in standing] == [0, 0, 1]
        # The organisation removes the app: its other workspaces are held, the team's own isn't.
        await installed.removed("", ORG)
        async with database.reading() as tx:
            assert await installations.of_workspace(tx, "T2") is None
            assert len(await brakes.standing(tx, "T2")) == 1
            assert await installations.of_workspace(tx, "T1") is not None
            assert await brakes.standing(tx, "T1") == []
        await installed.tokens_revoked("T1", ORG, ["USOMEBODY"])
        assert await store.async_find_bot(enterprise_id=ORG, team_id="T1") is not None
        await store.async_delete_installation(enterprise_id=ORG, team_id="T1")
        assert await store.async_find_bot(enterprise_id=ORG, team_id="T1") is None
    finally:
        await database.close()


async def test_an_end_is_made_once(database_url: str) -> None:
    database, clock = Database(database_url), Clock()
    await migrate(database)
    installed = Installations(database, clock)
    vault = Vault(MultiFernet([Fernet(Fernet.generate_key())]))
    store = InstallationStore(database, vault, installed.kept, clock.now)
    try:
        await store.async_save(made_by("W2", "T1", bot_token_expires_at=int(_later())))
        async with database.reading() as tx:
            seen = await installations.of_workspace(tx, "T1")
        assert seen is not None
        gone: list[str] = []
        installed.when_gone(lambda one: gone.append(one.id))
        await installed.end(seen, REMOVED)
        await installed.end(seen, REMOVED)
        assert gone == [seen.id]
    finally:
        await database.close()


def _later() -> float:
    return (datetime.now(UTC) + timedelta(hours=12)).timestamp()


USER = {"id": "W1", "team_id": "T1"}


@pytest.mark.parametrize(
    ("body", "who", "where"),
    [
        ({"user": USER, "team": {"id": "T1", "domain": "acorn"}}, Person("T1", "W1"), "T1"),
        # For a whole organisation Slack names no team.
        (
            {"user": USER, "team": None, "enterprise": {"id": ORG}, "is_enterprise_install": True},
            Person("T1", "W1"),
            "T1",
        ),
        ({"team_id": "T1", "user_id": "W1", "team_domain": "acorn"}, Person("T1", "W1"), "T1"),
        # Somebody of T2, in a channel that T1 shares: they act in T1, and never in T2, though the
        # app may be installed there too.
        (
            {"user": {"id": "U2", "team_id": "T2"}, "team": {"id": "T1"}},
            Person("T1", "U2", home_team="T2"),
            "T1",
        ),
        # The same in a modal that T1's bot opened for them.
        (
            {
                "user": {"id": "U2", "team_id": "T2"},
                "team": {"id": "T2"},
                "view": {"app_installed_team_id": "T1"},
            },
            Person("T1", "U2", home_team="T2"),
            "T1",
        ),
        (
            {
                "user": USER,
                "team": {"id": "T1"},
                "view": {"app_installed_team_id": ORG},
                "enterprise": {"id": ORG},
            },
            Person("T1", "W1"),
            "T1",
        ),
    ],
)
def test_who_acts_and_where_is_read_from_the_signed_body(
    body: dict[str, Any], who: Person, where: str
) -> None:
    assert person_of(body) == who
    assert place_of(body).workspace_id == where


def test_an_event_belongs_to_the_installation_that_it_was_sent_for() -> None:
    body = {
        "team_id": "T2",
        "authorizations": [{"team_id": "T1", "enterprise_id": ORG}],
        "event": {"type": "member_joined_channel", "user": "U5"},
    }
    assert event_person_of(body) == Person("T1", "U5")
    assert place_of(body) == Place("T1", "T1", ORG)
    nobody = {"team_id": "T1", "event": {"type": "app_uninstalled"}}
    assert event_person_of(nobody) == Person("T1", "")
