"""Sandbox's people: who they are, and the tokens they use the API with."""

import secrets
import sqlite3
from collections.abc import Callable
from datetime import datetime

from bot.playground.sandbox_records import TOKEN_LIFE, Person, Refused, digest
from bot.playground.sandbox_seed import PEOPLE


class People:
    """Who has an account; the numbers of followers grow by the hour.

    :param db: Sandbox's database.
    :param now: the clock (UTC).
    """

    def __init__(self, db: sqlite3.Connection, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now

    def everybody(self) -> list[Person]:
        """Everybody, in the order they joined."""
        rows = self._db.execute("SELECT * FROM person ORDER BY rowid").fetchall()
        return [self._person(row) for row in rows]

    def person(self, handle: str) -> Person:
        """:raises Refused: nobody has this handle."""
        row = self._db.execute(
            "SELECT * FROM person WHERE handle = ?", (handle.lower(),)
        ).fetchone()
        if row is None:
            raise Refused(404, "not_found", f"Nobody here is called @{handle}.")
        return self._person(row)

    def log_in(self, handle: str, password: str) -> tuple[str, datetime]:
        """A token for the API and the time it ends.

        :raises Refused: no such handle, or another password.
        """
        wanted = {person.handle: person.password for person in PEOPLE}.get(handle)
        if wanted is None or not secrets.compare_digest(wanted.encode(), password.encode()):
            raise Refused(401, "wrong_login", "The handle or the password is wrong.")
        token = secrets.token_urlsafe(24)
        expires_at = self._now() + TOKEN_LIFE
        with self._db:
            self._db.execute(
                "INSERT INTO token VALUES (?, ?, ?)",
                (digest(token), handle, expires_at.timestamp()),
            )
        return token, expires_at

    def who(self, token: str) -> str:
        """The handle a token belongs to.

        :raises Refused: unknown or expired.
        """
        row = self._db.execute(
            "SELECT person, expires_at FROM token WHERE hash = ?", (digest(token),)
        ).fetchone()
        if row is None:
            raise Refused(401, "invalid_token", "This token is not known here.")
        if row["expires_at"] <= self._now().timestamp():
            raise Refused(401, "expired_token", "This token has expired. Log in again.")
        return str(row["person"])

    def expire_tokens(self) -> None:
        """End every token now."""
        with self._db:
            self._db.execute("UPDATE token SET expires_at = ?", (self._now().timestamp(),))

    def _person(self, row: sqlite3.Row) -> Person:
        posts = self._db.execute(
            "SELECT count(*) FROM post WHERE author = ? AND deleted_at IS NULL", (row["handle"],)
        ).fetchone()[0]
        hours = (self._now().timestamp() - row["joined_at"]) / 3600
        a_day = row["followers"] / 50
        followers = row["followers"] + max(0, int(a_day * hours / 24))
        return Person(
            row["handle"], row["name"], row["bio"], row["hue"], followers, row["following"], posts
        )
