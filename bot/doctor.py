"""`python -m bot doctor`: everything that can be wrong, and what to do about it.

It works beside the running bot. It changes nothing (to see whether the database takes writes it
writes a row and takes it back; a login that it has to refresh is kept, as the running bot would:
throwing it away could end it), says each thing as soon as it is known, and prints nothing that is
secret.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bot import keys
from bot.accounts import Accounts, Vault
from bot.clock import Clock
from bot.doctor_slack import INVITE, SlackCheck
from bot.errors import Expired, NetworkError, UserError
from bot.findings import Finding, Verdict, note, ok, wrong
from bot.networks.base import Measures, Network
from bot.settings import Settings
from storage import accounts, backlog, brakes, installations, notices, workspaces
from storage.database import Database
from storage.migrations import HEAD, DatabaseUnusable, stored_version
from storage.records import Account, AccountState, HoldReason, Workspace

PATIENCE_S = 15.0
LITTLE_SPACE = 200_000_000  # bytes
LATE = timedelta(minutes=1)  # what a network takes by itself doesn't count
HELD_BECAUSE = {
    HoldReason.LATE: "they came due too long ago, and their authors are asked in Slack.",
    HoldReason.BRAKE: "they came due while publishing was held.",
    HoldReason.ACCOUNT: "their account must be connected again.",
}


async def examine(
    settings: Settings,
    networks: Mapping[str, Network],
    scopes: Sequence[str],
    say: Callable[[Finding], None],
) -> bool:
    """Check everything, one finding at a time; True if nothing is wrong.

    :param scopes: what the bot token must be allowed to do.
    """
    well = True
    database = Database(settings.database_url)
    try:
        async for finding in Doctor(settings, networks, database, scopes).findings():
            say(finding)
            well = well and finding.verdict is not Verdict.WRONG
    finally:
        await database.close()
    return well


class Doctor:
    """One examination."""

    def __init__(
        self,
        settings: Settings,
        networks: Mapping[str, Network],
        database: Database,
        scopes: Sequence[str],
    ) -> None:
        self._settings = settings
        self._networks = networks
        self._database = database
        self._scopes = scopes
        self._vault = Vault(settings.secret_keys)
        self._accounts = Accounts(database, networks, self._vault, Clock())

    async def findings(self) -> AsyncIterator[Finding]:
        """All of them, in an order in which one explains the next."""
        for finding in _check_folder(self._settings.data_dir):
            yield finding
        state = await self._check_database()
        yield state
        usable = state.verdict is Verdict.OK
        token = self._settings.slack_bot_token
        if token is not None:
            async for finding in self._check_workspace(token, usable=usable):
                yield finding
        elif usable:
            async for finding in self._check_installations():
                yield finding
        else:
            yield note("Workspaces aren't checked: they stand in the database.")
        if usable:
            for finding in await self._check_keys():
                yield finding

    async def _check_installations(self) -> AsyncIterator[Finding]:
        """Every workspace that the app is installed in, with its own token."""
        async with self._database.reading() as tx:
            installed = await installations.every(tx)
        if not installed:
            yield note(
                "The app isn't installed in any workspace yet.",
                f"Open {self._settings.public_url}/slack/install in a browser.",
            )
        for one in installed:
            yield note(f"Installed in {one.team_id or one.enterprise_id}:")
            try:
                token = self._vault.unlock(one.bot_token)["token"]
            except Expired:
                yield wrong(
                    "SECRET_KEY doesn't open its token.",
                    "Put the key that it was made with behind the new one, with a comma between. "
                    "Is that one lost? Then the app must be installed there again.",
                )
                continue
            async for finding in self._check_workspace(token, usable=True):
                yield finding

    async def _check_workspace(self, token: str, *, usable: bool) -> AsyncIterator[Finding]:
        """Slack, and what stands in the database about the token's workspace.

        :param usable: whether the database can be asked.
        """
        slack = SlackCheck(self._settings, self._scopes, token)
        try:
            async for finding in self._ask(slack, usable=usable):
                yield finding
        finally:
            await slack.close()

    async def _ask(self, slack: SlackCheck, *, usable: bool) -> AsyncIterator[Finding]:
        async for finding in slack.check_app():
            yield finding
        if not usable:
            yield note("Channels and accounts aren't checked: they stand in the database.")
            return
        workspace = await self._workspace(slack.team_id)
        if workspace is None or workspace.set_up_at is None:
            yield note(
                "Nobody has set up this workspace yet.",
                "Start the bot, then open the app Socialdesk in Slack, tab Home.",
            )
            return
        async for finding in slack.check_channels(workspace):
            yield finding
        for finding in [
            *await self._check_outbox(workspace),
            *await self._check_brakes(workspace),
            *await self._check_backlog(workspace),
        ]:
            yield finding
        async for finding in self._check_accounts(workspace):
            yield finding

    async def _check_keys(self) -> list[Finding]:
        """Whether anything still needs an older key."""
        locked = await keys.look(self._database, self._settings.secret_keys)
        if locked.older:
            return [
                note(
                    f"{locked.older} login(s) or installation(s) are locked with an older key of "
                    "SECRET_KEY, which must stay there.",
                    "`python -m bot rotate-key` locks them with the newest one.",
                )
            ]
        if self._settings.secret_keys.count > 1 and not locked.lost:
            return [
                note(
                    "Nothing needs the older keys in SECRET_KEY any more: take them out once every "
                    "process runs with the new one."
                )
            ]
        return []

    async def _check_database(self) -> Finding:
        url = self._database.url
        name = str(url.database) if self._database.is_sqlite else f"{url.host}/{url.database}"
        if self._database.is_sqlite and _is_missing(name):
            return note(f"There is no database at {name} yet.", "The first start makes it.")
        try:
            async with asyncio.timeout(PATIENCE_S / 3):
                version = await stored_version(self._database)
                problem = await self._database.problem() if version == HEAD else None
        except TimeoutError:
            return wrong(
                f"The database {name} is locked, or doesn't answer.",
                "See what else has it open. People in Slack are answered all the same.",
            )
        except DatabaseUnusable as error:
            return wrong(
                f"{error} ({name})",
                "Check DATABASE_URL, that its server runs, and the rights on the file.",
            )
        if problem is not None:
            return wrong(
                f"The database {name} takes no writes: {problem}.",
                "Make room on its disk, or give the bot's user the right to write. Nothing is "
                "published meanwhile, and nothing is lost.",
            )
        if version is None:
            return note(f"The database {name} is empty.", "The first start fills it.")
        if version < HEAD:
            return note(
                f"The database {name} is at version {version}, this release at {HEAD}.",
                "The next start brings it up to date; `python -m bot migrate` does it now.",
            )
        if version > HEAD:
            return wrong(
                f"The database {name} is at version {version}, newer than this release ({HEAD}).",
                "Install the newer release. Nothing was changed.",
            )
        return ok(f"The database {name} reads and writes, version {version}.")

    async def _check_outbox(self, workspace: Workspace) -> list[Finding]:
        """Messages that are owed to destinations that refuse them."""
        async with self._database.reading() as tx:
            kept = await notices.count_broken(tx, workspace.id)
        return [
            wrong(
                f"{number} message(s) for {destination} are kept: Slack refuses them there.",
                f"{INVITE} Saving the set-up sends what is kept.",
            )
            for destination, number in kept.items()
        ]

    async def _check_brakes(self, workspace: Workspace) -> list[Finding]:
        """What holds publishing, and why."""
        async with self._database.reading() as tx:
            standing = await brakes.standing(tx, workspace.id)
            on = {one.id: one for one in await accounts.of_workspace(tx, workspace.id)}
        found = []
        for brake in standing:
            account = on.get(brake.account_id or "")
            where = f" on {account.handle}" if account else ""
            reason = "".join(sign for sign in brake.reason if sign.isprintable())
            found.append(
                note(
                    f"Publishing{where} is held since {_moment(brake.pulled_at)}: {reason}",
                    "In Slack: /social resume shows what is held and releases it.",
                )
            )
        return found

    async def _check_backlog(self, workspace: Workspace) -> list[Finding]:
        """What should be out and isn't."""
        async with self._database.reading() as tx:
            late_since = await self._database.now(tx) - LATE
            waiting = await backlog.of_workspace(tx, workspace.id, late_since)
        found = []
        if waiting.late_since is not None:
            found.append(
                wrong(
                    f"{waiting.late} post(s) are late, the first since "
                    f"{_moment(waiting.late_since)}.",
                    "Is the bot running? Their cards say whether a network gives trouble.",
                )
            )
        for reason, number in waiting.held.items():
            found.append(note(f"{number} post(s) are held: {HELD_BECAUSE[reason]}"))
        if waiting.unknown:
            found.append(
                wrong(
                    f"Nobody knows whether {waiting.unknown} post(s) went out.",
                    "Their authors are asked in Slack: It is live, or It is not: send again.",
                )
            )
        return found

    async def _workspace(self, team_id: str | None) -> Workspace | None:
        async with self._database.reading() as tx:
            if team_id is not None:
                return await workspaces.get(tx, team_id)
            known = await workspaces.every(tx)
            return known[0] if len(known) == 1 else None

    async def _check_accounts(self, workspace: Workspace) -> AsyncIterator[Finding]:
        async with self._database.reading() as tx:
            connected = await accounts.of_workspace(tx, workspace.id)
        if not connected:
            yield note(
                "No account is connected, so SECRET_KEY isn't tried.", "In Slack: /social connect."
            )
            return
        checks = [asyncio.create_task(self._check_account(account)) for account in connected]
        for check in checks:
            yield await check

    async def _check_account(self, account: Account) -> Finding:
        """Its login is opened with our key, and tried with one cheap call."""
        network = self._networks.get(account.network)
        if network is None:
            return wrong(
                f"{account.handle} is on {account.network}, which has no address in the settings."
            )
        name = f"{network.label} · {account.handle}"
        again = "Connect it again: /social connect."
        if account.state is AccountState.EXPIRED:
            return wrong(f"{name} must be connected again. {account.problem or ''}".strip(), again)
        try:
            session = self._accounts.session(account)
        except Expired:
            return wrong(
                f"{name}: SECRET_KEY doesn't open its login.",
                "Put the key that it was made with behind the new one, with a comma between. "
                f"Is that one lost? {again}",
            )
        if not isinstance(network, Measures):
            return note(f"{name}: its login opens; the network has no cheap call to try it.")
        try:
            async with asyncio.timeout(PATIENCE_S):
                await network.measure(session, [])
        except TimeoutError:
            return wrong(f"{name} didn't answer within {PATIENCE_S:.0f} s.")
        except Expired as error:
            return wrong(f"{name} refuses its login: {error.reason}.", again)
        except (NetworkError, UserError) as error:
            return wrong(f"{name} can't be used now: {str(error).rstrip('.')}.")
        return ok(f"{name} takes our login.")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _is_missing(file: str) -> bool:
    return not Path(file).exists()


def _check_folder(folder: Path) -> list[Finding]:
    """The folder of what is kept."""
    if not folder.exists():
        return [note(f"There is no folder {folder} yet.", "The first start makes it.")]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [
            wrong(
                f"The folder {folder} can't be written.",
                "Give its owner rights, or set DATA_DIR to another folder.",
            )
        ]
    found = [ok(f"The folder {folder} can be written.")]
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        found = [
            wrong(f"Others on this machine can look into {folder}.", f"chmod 700 {folder}"),
        ]
    free = shutil.disk_usage(folder).free
    if free < LITTLE_SPACE:
        found.append(wrong(f"Only {free // 1_000_000} MB are free on the disk of {folder}."))
    return found
