"""What Sandbox remembers and the rules it keeps, in an SQLite file of its own.

Every change is committed before it is answered. The calls are synchronous: one process, one small
file, well under a millisecond each.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.playground.sandbox_people import People
from bot.playground.sandbox_records import (
    ALT_LIMIT,
    KEY_LIFE,
    MENTION,
    PICTURE_BYTES,
    PICTURE_LIMIT,
    TEXT_LIMIT,
    Notification,
    Picture,
    Post,
    Refused,
    digest,
    graphemes,
    look_at,
    readers,
)
from bot.playground.sandbox_seed import HISTORY, PEOPLE

_TABLES = """
CREATE TABLE IF NOT EXISTS person (
    handle TEXT PRIMARY KEY, name TEXT NOT NULL, bio TEXT NOT NULL, hue INTEGER NOT NULL,
    followers INTEGER NOT NULL, following INTEGER NOT NULL, joined_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS post (
    id INTEGER PRIMARY KEY AUTOINCREMENT, author TEXT NOT NULL REFERENCES person,
    text TEXT NOT NULL, reply_to INTEGER REFERENCES post, root INTEGER NOT NULL,
    created_at REAL NOT NULL, deleted_at REAL);
CREATE INDEX IF NOT EXISTS post_by_root ON post (root);
CREATE TABLE IF NOT EXISTS picture (
    id TEXT PRIMARY KEY, author TEXT NOT NULL, mime TEXT NOT NULL, data BLOB NOT NULL,
    alt TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    post_id INTEGER REFERENCES post, position INTEGER);
CREATE TABLE IF NOT EXISTS reaction (
    post_id INTEGER NOT NULL REFERENCES post, person TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (post_id, person, kind));
CREATE TABLE IF NOT EXISTS notification (
    id INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT NOT NULL, kind TEXT NOT NULL,
    post_id INTEGER NOT NULL REFERENCES post);
CREATE TABLE IF NOT EXISTS idempotency (
    author TEXT NOT NULL, key TEXT NOT NULL, body_hash TEXT NOT NULL,
    post_id INTEGER NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (author, key));
CREATE TABLE IF NOT EXISTS token (
    hash TEXT PRIMARY KEY, person TEXT NOT NULL, expires_at REAL NOT NULL);
"""

_POSTS = """
SELECT p.*,
    (SELECT count(*) FROM reaction r WHERE r.post_id = p.id AND r.kind = 'like') likes,
    (SELECT count(*) FROM reaction r WHERE r.post_id = p.id AND r.kind = 'repost') reposts,
    (SELECT count(*) FROM post c WHERE c.reply_to = p.id AND c.deleted_at IS NULL) replies,
    (SELECT author FROM post q WHERE q.id = p.reply_to) answered
FROM post p"""


class State:
    """Sandbox's people, posts and keys.

    :param path: the SQLite file; made and seeded if it isn't there.
    :param now: the clock (UTC).
    """

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._now = now
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_TABLES)
        self.people = People(self._db, now)
        self.revision = 0
        if self._db.execute("SELECT 1 FROM person").fetchone() is None:
            self._seed()

    def close(self) -> None:
        self._db.close()

    def publish(
        self,
        author: str,
        text: str,
        *,
        reply_to: int | None = None,
        pictures: Sequence[str] = (),
        key: str | None = None,
    ) -> tuple[Post, bool]:
        """Publish; a key that was used before gives the post it made, and False.

        :raises Refused: the content breaks a rule, or the key belongs to other content.
        """
        body_hash = digest(json.dumps([text, reply_to, list(pictures)]))
        with self._db:
            if key is not None and (known := self._known_key(author, key, body_hash)) is not None:
                return known, False
            root = self._check_post(author, text, reply_to, pictures)
            post_id = self._insert_post(author, text, reply_to, root, self._now())
            for position, picture_id in enumerate(pictures):
                self._db.execute(
                    "UPDATE picture SET post_id = ?, position = ? WHERE id = ?",
                    (post_id, position, picture_id),
                )
            if key is not None:
                self._db.execute(
                    "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)",
                    (author, key, body_hash, post_id, self._now().timestamp()),
                )
        self.revision += 1
        return self.post(post_id), True

    def post(self, post_id: int) -> Post:
        """:raises Refused: it isn't there (any more)."""
        posts = self._posts("p.id = ?", post_id)
        if not posts:
            raise Refused(404, "not_found", "This post isn't there (any more).")
        return posts[0]

    def delete(self, author: str, post_id: int) -> None:
        """:raises Refused: it isn't there, or somebody else wrote it."""
        if self.post(post_id).author != author:
            raise Refused(403, "not_yours", "Only its author can delete a post.")
        with self._db:
            self._db.execute(
                "UPDATE post SET deleted_at = ? WHERE id = ?", (self._now().timestamp(), post_id)
            )
        self.revision += 1

    def posts_of(self, author: str, limit: int = 50) -> list[Post]:
        """The newest posts of one person, newest first."""
        return self._posts("p.author = ?", author)[::-1][:limit]

    def own_posts(self, author: str, ids: Sequence[int]) -> list[Post]:
        """Those of the posts that this person wrote and that are still there."""
        found = [post for post_id in ids for post in self._posts("p.id = ?", post_id)]
        return [post for post in found if post.author == author]

    def made_with(self, author: str, key: str) -> list[Post]:
        """The post that was made with this key, deleted or not, if there is one."""
        row = self._db.execute(
            "SELECT post_id FROM idempotency WHERE author = ? AND key = ?", (author, key)
        ).fetchone()
        return self._posts("p.id = ?", row["post_id"], deleted_too=True) if row else []

    def threads(self, limit: int = 40) -> list[list[Post]]:
        """The newest conversations, each oldest post first, by their newest post."""
        rows = self._db.execute(
            "SELECT root FROM post WHERE deleted_at IS NULL"
            " GROUP BY root ORDER BY max(id) DESC LIMIT ?",
            (limit,),
        ).fetchall()
        return [self.thread(row["root"]) for row in rows]

    def thread(self, root: int) -> list[Post]:
        """A conversation as it is read: first what its author goes on saying below the first post,
        then what else was said, each oldest first."""
        posts = self._posts("p.root = ?", root)
        said, rest = posts[:1], posts[1:]
        for post in posts[1:]:
            if (post.reply_to, post.author) == (said[-1].id, said[-1].author):
                said.append(post)
                rest.remove(post)
        return said + rest

    def add_picture(self, author: str, data: bytes, alt: str) -> Picture:
        """Keep a picture until a post shows it.

        :raises Refused: too large, of a wrong kind, no picture at all, or too long an alt text.
        """
        if len(data) > PICTURE_BYTES:
            raise Refused(413, "picture_too_large", "A picture may have 5 MB at most.")
        if len(alt) > ALT_LIMIT:
            raise Refused(422, "alt_too_long", "An alt text may have 1,000 characters at most.")
        mime, width, height = look_at(data)
        picture = Picture(secrets.token_hex(8), mime, alt, width, height)
        with self._db:
            self._db.execute(
                "INSERT INTO picture VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                (picture.id, author, mime, data, alt, width, height),
            )
        return picture

    def picture(self, picture_id: str) -> tuple[str, bytes]:
        """MIME type and bytes.

        :raises Refused: there is none of this id.
        """
        row = self._db.execute(
            "SELECT mime, data FROM picture WHERE id = ?", (picture_id,)
        ).fetchone()
        if row is None:
            raise Refused(404, "not_found", "There is no such picture.")
        return row["mime"], row["data"]

    def toggle(self, person: str, post_id: int, kind: str) -> None:
        """Like or repost, or take it back.

        :raises Refused: the post isn't there, or it can't be done to a post.
        """
        if kind not in ("like", "repost"):
            raise Refused(422, "unknown_reaction", "A post can be liked or reposted.")
        self.post(post_id)
        row = (post_id, person, kind)
        with self._db:
            gone = self._db.execute(
                "DELETE FROM reaction WHERE post_id = ? AND person = ? AND kind = ?", row
            ).rowcount
            if not gone:
                self._db.execute("INSERT INTO reaction VALUES (?, ?, ?)", row)
        self.revision += 1

    def reactions_of(self, person: str) -> set[tuple[int, str]]:
        """What this person liked or reposted: (post, kind)."""
        rows = self._db.execute("SELECT post_id, kind FROM reaction WHERE person = ?", (person,))
        return {(row["post_id"], row["kind"]) for row in rows}

    def notifications(
        self, person: str, *, after: int = 0, since: datetime | None = None, limit: int = 50
    ) -> list[Notification]:
        """Mentions of and replies to this person, oldest first."""
        rows = self._db.execute(
            "SELECT n.id, n.kind, n.post_id FROM notification n JOIN post p ON p.id = n.post_id"
            " WHERE n.person = ? AND n.id > ? AND p.created_at >= ? AND p.deleted_at IS NULL"
            " ORDER BY n.id LIMIT ?",
            (person, after, since.timestamp() if since else 0.0, limit),
        ).fetchall()
        return [Notification(row["id"], row["kind"], self.post(row["post_id"])) for row in rows]

    def newest_notification(self, person: str) -> int:
        """The id of the newest notification, 0 if there was none yet."""
        row = self._db.execute(
            "SELECT coalesce(max(id), 0) FROM notification WHERE person = ?", (person,)
        ).fetchone()
        return int(row[0])

    def _check_post(
        self, author: str, text: str, reply_to: int | None, pictures: Sequence[str]
    ) -> int | None:
        """:returns: the conversation a reply belongs to."""
        over = graphemes(text) - TEXT_LIMIT
        if over > 0:
            raise Refused(
                422, "text_too_long", f"The text is {over} over the limit of {TEXT_LIMIT}."
            )
        if not text.strip() and not pictures:
            raise Refused(422, "empty", "A post needs a text or a picture.")
        if len(pictures) > PICTURE_LIMIT or len(set(pictures)) != len(pictures):
            raise Refused(422, "too_many_pictures", "A post can have four different pictures.")
        for picture_id in pictures:
            row = self._db.execute(
                "SELECT 1 FROM picture WHERE id = ? AND author = ? AND post_id IS NULL",
                (picture_id, author),
            ).fetchone()
            if row is None:
                raise Refused(422, "unknown_picture", "A picture isn't there, or is used already.")
        if reply_to is None:
            return None
        answered = self._posts("p.id = ?", reply_to)
        if not answered:
            raise Refused(422, "reply_to_gone", "The post it answers isn't there (any more).")
        return answered[0].root

    def _known_key(self, author: str, key: str, body_hash: str) -> Post | None:
        row = self._db.execute(
            "SELECT * FROM idempotency WHERE author = ? AND key = ?", (author, key)
        ).fetchone()
        if row is None:
            return None
        if row["created_at"] <= (self._now() - KEY_LIFE).timestamp():
            self._db.execute("DELETE FROM idempotency WHERE author = ? AND key = ?", (author, key))
            return None
        if row["body_hash"] != body_hash:
            raise Refused(422, "key_reused", "This key was used for another post.")
        return self._posts("p.id = ?", row["post_id"], deleted_too=True)[0]

    def _insert_post(
        self, author: str, text: str, reply_to: int | None, root: int | None, at: datetime
    ) -> int:
        cursor = self._db.execute(
            "INSERT INTO post (author, text, reply_to, root, created_at) VALUES (?, ?, ?, 0, ?)",
            (author, text, reply_to, at.timestamp()),
        )
        post_id = cursor.lastrowid
        assert post_id is not None
        self._db.execute(
            "UPDATE post SET root = ? WHERE id = ?", (post_id if root is None else root, post_id)
        )
        told: dict[str, str] = {handle.lower(): "mention" for handle in MENTION.findall(text)}
        if reply_to is not None:
            answered = self._db.execute(
                "SELECT author FROM post WHERE id = ?", (reply_to,)
            ).fetchone()
            told[answered["author"]] = "reply"
        told.pop(author, None)
        for person, kind in told.items():
            self._db.execute(
                "INSERT INTO notification (person, kind, post_id)"
                " SELECT handle, ?, ? FROM person WHERE handle = ?",
                (kind, post_id, person),
            )
        return post_id

    def _posts(self, condition: str, value: object, *, deleted_too: bool = False) -> list[Post]:
        """Posts oldest first. ``condition`` is one of this file's own texts."""
        alive = "" if deleted_too else " AND p.deleted_at IS NULL"
        rows = self._db.execute(
            f"{_POSTS} WHERE {condition}{alive} ORDER BY p.id", (value,)
        ).fetchall()
        return [self._post(row) for row in rows]

    def _post(self, row: sqlite3.Row) -> Post:
        created_at = datetime.fromtimestamp(row["created_at"], UTC)
        reads, likes, reposts = readers(row["id"], row["author"], self._now() - created_at)
        pictures = self._db.execute(
            "SELECT id, mime, alt, width, height FROM picture WHERE post_id = ? ORDER BY position",
            (row["id"],),
        ).fetchall()
        return Post(
            id=row["id"],
            author=row["author"],
            text=row["text"],
            reply_to=row["reply_to"],
            answered=row["answered"],
            root=row["root"],
            created_at=created_at,
            pictures=tuple(Picture(*picture) for picture in pictures),
            likes=row["likes"] + likes,
            reposts=row["reposts"] + reposts,
            replies=row["replies"],
            reads=reads + row["likes"] + row["reposts"],
        )

    def _seed(self) -> None:
        now = self._now()
        with self._db:
            self._db.executemany(
                "INSERT INTO person VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (p.handle, p.name, p.bio, p.hue, p.followers, p.following, now.timestamp())
                    for p in PEOPLE
                ],
            )
            ids: list[int] = []
            roots: list[int] = []
            for post in HISTORY:
                reply_to = None if post.answers is None else ids[post.answers]
                root = None if post.answers is None else roots[post.answers]
                at = now - timedelta(hours=post.hours_ago)
                ids.append(self._insert_post(post.author, post.text, reply_to, root, at))
                roots.append(ids[-1] if root is None else root)
                self._db.executemany(
                    "INSERT INTO reaction VALUES (?, ?, 'like')",
                    [(ids[-1], person) for person in post.liked_by],
                )
