"""Connected social accounts: connect, use, keep their secrets, notice when they die."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet

from bot import inbox
from bot.clock import Alarm, Clock
from bot.errors import Expired, FieldErrors, NotFound, Rejected
from bot.networks.base import Limits, Network, Session
from bot.team import Action, Admitted, Person, admit
from storage import accounts, history, holds, notices, posts
from storage.database import Database
from storage.records import Account, AccountState
from storage.rows import Transaction, new_id


class Vault:
    """Encrypts accounts' credentials; the first key encrypts, all of them decrypt."""

    def __init__(self, keys: MultiFernet) -> None:
        self._keys = keys

    def lock(self, credentials: Mapping[str, Any]) -> bytes:
        return self._keys.encrypt(json.dumps(dict(credentials)).encode())

    def unlock(self, sealed: bytes) -> dict[str, Any]:
        """:raises Expired: no key of ours opens it, so the account must be connected again."""
        try:
            opened: dict[str, Any] = json.loads(self._keys.decrypt(sealed))
        except InvalidToken as error:
            raise Expired("its password was kept with another key (SECRET_KEY)") from error
        return opened


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """A connected account as a form offers it."""

    account: Account
    label: str
    limits: Limits


class Accounts:
    """Use cases around connected accounts."""

    def __init__(
        self,
        database: Database,
        networks: Mapping[str, Network],
        vault: Vault,
        clock: Clock,
    ) -> None:
        self._database = database
        self._networks = networks
        self._vault = vault
        self._clock = clock
        self._notices: Alarm = clock.alarm("notices")
        self._publisher: Alarm = clock.alarm("publisher")

    def network(self, account: Account) -> Network:
        """The network an account is on.

        :raises NotFound: this installation doesn't have it (any more).
        """
        try:
            return self._networks[account.network]
        except KeyError:
            raise NotFound(f"The network {account.network} isn't available here.") from None

    def networks(self) -> Sequence[Network]:
        """All networks that accounts can be connected on."""
        return list(self._networks.values())

    def choice(self, account: Account) -> AccountChoice:
        network = self.network(account)
        return AccountChoice(
            account,
            f"{network.label} · {account.handle}",
            network.limits.with_overrides(account.limits),
        )

    def label(self, account: Account) -> str:
        """What an account is called, even where its network isn't available any more."""
        try:
            return self.choice(account).label
        except NotFound:
            return account.handle

    async def choices(self, tx: Transaction, workspace_id: str) -> list[AccountChoice]:
        """The workspace's connected accounts on networks that are available here."""
        return [
            self.choice(account)
            for account in await accounts.of_workspace(tx, workspace_id)
            if account.network in self._networks
        ]

    def session(self, account: Account) -> Session:
        """The account, ready to be used; refreshed credentials are kept.

        :raises Expired: its credentials can't be read any more.
        :raises Rejected: it was disconnected.
        """
        if account.state is AccountState.DISCONNECTED:
            raise Rejected("the account was disconnected from Socialdesk")

        async def save(credentials: Mapping[str, Any]) -> None:
            async with self._database.transaction() as tx:
                await accounts.save_credentials(tx, account.id, self._vault.lock(credentials))

        return Session(account, self._vault.unlock(account.credentials), save)

    async def connect(
        self, person: Person, network_name: str, fields: Mapping[str, str]
    ) -> Account:
        """Log in on a network and keep the account; the same profile again renews it, and what
        waited for that is due again.

        :raises FieldErrors: a field is empty.
        :raises UserError, NetworkError: what was tried and what came back; nothing is stored.
        """
        async with self._database.reading() as tx:
            await admit(tx, person, Action.CONFIGURE)
        if network_name not in self._networks:
            raise NotFound(f"The network {network_name} isn't available here.")
        network = self._networks[network_name]
        empty = [
            field
            for field in network.connect_fields
            if not field.optional and not fields.get(field.name, "").strip()
        ]
        if empty:
            raise FieldErrors({field.name: f"Fill in the {field.label}." for field in empty})
        found = await network.connect({name: value.strip() for name, value in fields.items()})
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.CONFIGURE)  # logging in may have taken a while
            known = await accounts.find(
                tx, person.workspace_id, network_name, found.server, found.remote_id
            )
            account = Account(
                id=known.id if known else new_id(),
                workspace_id=person.workspace_id,
                network=network_name,
                remote_id=found.remote_id,
                handle=found.handle,
                name=found.name,
                url=found.url,
                server=found.server,
                state=AccountState.ACTIVE,
                credentials=self._vault.lock(found.credentials),
                limits=found.limits,
                slots=known.slots if known else None,
                owner_id=person.user_id,
                cursor=known.cursor if known else None,
                polled_at=known.polled_at if known else None,
                problem=None,
                created_at=known.created_at if known else now,
            )
            await (accounts.save if known else accounts.insert)(tx, account)
            await history.note(
                tx,
                person.workspace_id,
                account.id,
                person.user_id,
                "reconnected" if known else "connected",
                now,
                f"{network.label} {account.handle}",
            )
            asked_before = known.owner_id if known else person.user_id
            concerned = {person.user_id, asked_before}  # it is in their inboxes
            notices.refresh_lists(tx, account.workspace_id, concerned, now)
            await holds.reconnected(tx, person.workspace_id, account.id, now)
        self._publisher.ring()
        self._notices.ring()
        return account

    async def show(self, person: Person) -> tuple[Admitted, Sequence[AccountChoice]]:
        """Who asks, and the connected accounts, oldest first."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK)
            return admitted, await self.choices(tx, person.workspace_id)

    async def coming_on(self, person: Person, account_id: str) -> int:
        """How many coming posts are to go out on an account."""
        async with self._database.reading() as tx:
            await admit(tx, person, Action.LOOK)
            held = await posts.held_times(tx, person.workspace_id, self._clock.now(), besides=None)
        return sum(account_id in account_ids for _, account_ids in held)

    async def disconnect(self, person: Person, account_id: str) -> Account:
        """Forget an account's credentials; what it published stays in the record.

        :raises NotFound: it isn't connected (any more).
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.CONFIGURE)
            account = await accounts.get(tx, person.workspace_id, account_id)
            if account is None or account.state is AccountState.DISCONNECTED:
                raise NotFound("This account isn't connected any more.")
            gone = replace(
                account, state=AccountState.DISCONNECTED, credentials=self._vault.lock({})
            )
            await accounts.save(tx, gone)
            await history.note(
                tx,
                person.workspace_id,
                account.id,
                person.user_id,
                "disconnected",
                now,
                self.label(account),
            )
            notices.refresh_lists(tx, account.workspace_id, [account.owner_id], now)
        self._notices.ring()
        return gone


async def mark_expired(tx: Transaction, account: Account, problem: str, now: datetime) -> None:
    """The network refused the credentials: note it, and who connected the account finds it in
    their inbox."""
    if await accounts.set_state(tx, account.id, AccountState.EXPIRED, problem):
        await history.note(tx, account.workspace_id, account.id, None, "expired", now, problem)
        await inbox.tell(tx, account.workspace_id, account.owner_id, now)
