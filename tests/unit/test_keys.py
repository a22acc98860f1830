"""Changing SECRET_KEY: what is secret is locked anew beside a running bot; again is harmless."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet

from bot.accounts import Vault
from bot.keys import Keyring, Locked, look, report, rotate
from storage import accounts, installations
from storage.records import Installation
from storage.rows import new_id
from tests.unit.world import TEAM, World, world

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def installed(vault: Vault) -> Installation:
    return Installation(
        id=new_id(),
        enterprise_id=None,
        team_id=TEAM,
        app_id="A1",
        bot_id="B1",
        bot_user_id="UBOT",
        scopes="chat:write",
        bot_token=vault.lock({"token": "xoxe.xoxb-1"}),
        refresh_token=vault.lock({"token": "xoxe-1"}),
        token_expires_at=NOW + timedelta(hours=12),
        installed_by="UEVA",
        installed_at=NOW,
        revoked_at=None,
    )


async def lock_all(world_: World, keys: Keyring) -> None:
    """An account and an installation, locked with a key."""
    vault = Vault(keys)
    async with world_.database.transaction() as tx:
        sealed = vault.lock({"password": "hunter2"})
        await accounts.save_credentials(tx, world_.account.id, sealed)
        await installations.keep(tx, installed(vault))


async def test_everything_is_locked_with_the_newest_key_and_the_old_one_may_go(
    database_url: str, tmp_path: Path
) -> None:
    old, new = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    both = Keyring([new, old])
    async with world(database_url, tmp_path) as w:
        await lock_all(w, Keyring([old]))
        assert await look(w.database, both) == Locked(newest=0, older=2, lost=0)
        assert await look(w.database, Keyring([new])) == Locked(newest=0, older=0, lost=2)
        assert await rotate(w.database, both) == 2
        assert await look(w.database, Keyring([new])) == Locked(newest=2, older=0, lost=0)
        assert await rotate(w.database, both) == 0, "again changes nothing"
        vault = Vault(Keyring([new]))
        async with w.database.reading() as tx:
            account = await accounts.get(tx, TEAM, w.account.id)
            installation = await installations.of_workspace(tx, TEAM)
        assert account is not None
        assert installation is not None
        assert vault.unlock(account.credentials) == {"password": "hunter2"}
        assert vault.unlock(installation.bot_token) == {"token": "xoxe.xoxb-1"}
        assert installation.refresh_token is not None
        assert vault.unlock(installation.refresh_token) == {"token": "xoxe-1"}


async def test_what_no_key_opens_is_left_alone_and_named(database_url: str, tmp_path: Path) -> None:
    lost, new = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    async with world(database_url, tmp_path) as w:
        await lock_all(w, Keyring([lost]))
        assert await rotate(w.database, Keyring([new])) == 0
        found = await look(w.database, Keyring([new]))
        assert found == Locked(newest=0, older=0, lost=2)
        assert "they were left as they are" in " ".join(report(0, found))
        assert await look(w.database, Keyring([lost])) == Locked(newest=2, older=0, lost=0)


async def test_what_a_running_bot_changes_meanwhile_is_not_overwritten(
    database_url: str, tmp_path: Path
) -> None:
    old, new = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    both = Keyring([new, old])
    async with world(database_url, tmp_path) as w:
        await lock_all(w, Keyring([old]))
        async with w.database.reading() as tx:
            [seen] = await accounts.every(tx)
            [installation] = await installations.every(tx)
        async with w.database.transaction() as tx:  # the bot refreshes both
            newer = Vault(both).lock({"password": "changed"})
            await accounts.save_credentials(tx, seen.id, newer)
            assert await installations.refreshed(
                tx,
                installation,
                bot_token=Vault(both).lock({"token": "newer"}),
                refresh_token=None,
                expires_at=NOW + timedelta(hours=24),
            )
        async with w.database.transaction() as tx:
            assert not await accounts.relock(tx, seen, both.rotate(seen.credentials))
            assert not await installations.relock(
                tx, installation, bot_token=both.rotate(installation.bot_token), refresh_token=None
            )
        async with w.database.reading() as tx:
            [kept] = await accounts.every(tx)
        assert Vault(both).unlock(kept.credentials) == {"password": "changed"}


async def test_a_refresh_that_began_before_the_key_changed_is_kept(
    database_url: str, tmp_path: Path
) -> None:
    old, new = Fernet(Fernet.generate_key()), Fernet(Fernet.generate_key())
    async with world(database_url, tmp_path) as w:
        await lock_all(w, Keyring([old]))
        async with w.database.reading() as tx:
            [seen] = await installations.every(tx)
        both = Keyring([new, old])
        await asyncio.gather(rotate(w.database, both), rotate(w.database, both))
        async with w.database.transaction() as tx:
            assert await installations.refreshed(
                tx,
                seen,
                bot_token=Vault(both).lock({"token": "newer"}),
                refresh_token=None,
                expires_at=NOW + timedelta(hours=24),
            )


def test_it_says_whether_the_old_key_is_still_needed() -> None:
    assert "take the older ones out" in " ".join(report(3, Locked(3, 0, 0)))
    assert "3 login(s)" in report(3, Locked(3, 0, 0))[0]
    still = " ".join(report(3, Locked(3, 1, 0)))
    assert "Restart every process" in still
    assert "take the older" not in still
