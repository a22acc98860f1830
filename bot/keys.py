"""The keys that what is secret is locked with, and changing them: `python -m bot rotate-key`.

SECRET_KEY holds one key or several: the first one locks, all of them open. To change it, the new
one is put before the old one, every process is started with both, everything is locked anew, and
the old one is taken away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from storage import accounts, installations
from storage.database import Database
from storage.records import Account, Installation


class Keyring(MultiFernet):
    """The keys of SECRET_KEY, the newest one first."""

    def __init__(self, keys: Sequence[Fernet]) -> None:
        super().__init__(keys)
        self._newest = keys[0]
        self.count = len(keys)

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key opens it."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def opens(self, sealed: bytes) -> bool:
        """Whether any key opens it."""
        try:
            self.decrypt(sealed)
        except InvalidToken:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Locked:
    """How what is secret is locked, counted by the row it stands in.

    :param newest: with the newest key.
    :param older: with another one of ours.
    :param lost: with none of ours: nobody can use it; those accounts are connected anew, those
        workspaces installed anew.
    """

    newest: int
    older: int
    lost: int


async def look(database: Database, keys: Keyring) -> Locked:
    """How everything is locked now."""
    newest = older = lost = 0
    for row in await _everything(database):
        sealed = _secrets(row)
        if all(keys.is_newest(one) for one in sealed):
            newest += 1
        elif all(keys.opens(one) for one in sealed):
            older += 1
        else:
            lost += 1
    return Locked(newest, older, lost)


async def rotate(database: Database, keys: Keyring) -> int:
    """Lock everything with the newest key, a row at a time, beside a running bot: what it changes
    meanwhile stays as it has it. How many rows were changed; what no key opens is left alone."""
    done = 0
    for row in await _everything(database):
        sealed = _secrets(row)
        if all(keys.is_newest(one) for one in sealed) or not all(map(keys.opens, sealed)):
            continue
        async with database.transaction() as tx:
            if isinstance(row, Account):
                changed = await accounts.relock(tx, row, keys.rotate(row.credentials))
            else:
                changed = await installations.relock(
                    tx,
                    row,
                    bot_token=keys.rotate(row.bot_token),
                    refresh_token=row.refresh_token and keys.rotate(row.refresh_token),
                )
        done += changed
    return done


async def _everything(database: Database) -> Sequence[Account | Installation]:
    """Every row that holds something secret."""
    async with database.reading() as tx:
        return [*await accounts.every(tx), *await installations.every(tx, revoked_too=True)]


def _secrets(row: Account | Installation) -> Sequence[bytes]:
    if isinstance(row, Account):
        return [row.credentials]
    return [row.bot_token, *([row.refresh_token] if row.refresh_token else [])]


def report(done: int, locked: Locked) -> Sequence[str]:
    """What `rotate-key` says: what was done, and whether the old key is still needed."""
    said = [
        "Nothing was locked with an older key."
        if done == 0
        else f"{done} login(s) and installation(s) are locked with the newest key now."
    ]
    if locked.lost:
        said.append(
            f"{locked.lost} are locked with a key that SECRET_KEY doesn't hold; they were left as "
            "they are. Put that key behind the others, or connect those accounts again."
        )
    if locked.older:
        said.append(
            f"{locked.older} were changed just now with an older key. Restart every process with "
            "the new key first in SECRET_KEY, then say rotate-key again."
        )
    else:
        said.append(
            "Nothing needs the older keys any more. Once every process runs with the new key first "
            "in SECRET_KEY, take the older ones out of .env."
        )
    return said
