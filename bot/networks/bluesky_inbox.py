"""What comes back from Bluesky: notifications about an account, numbers of it and its posts.

Notifications come newest first and can't be asked for since a time. Their order is that of when
a post *says* it was written (never later than when the server saw it), so one can still arrive
behind the newest that was read: an hour is read again each time, and the cursor names what in it
is known already.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from typing import Any

from bot.networks.base import Heard, HeardMention, Measured, Session
from bot.networks.bluesky_api import LABEL, Api, post_url
from bot.networks.http import Garbled, clean
from storage.records import MentionKind

_AT_FIRST = timedelta(days=1)
_OVERLAP = timedelta(hours=1)
_PAGE = 100
_MOST_PAGES = 200
_POSTS_AT_ONCE = 25

_KINDS = {
    "mention": MentionKind.MENTION,
    "reply": MentionKind.REPLY,
    "quote": MentionKind.MENTION,
}


async def listen(api: Api, session: Session, cursor: str | None, now: datetime) -> Heard:
    """Mentions, replies and quotes since ``cursor``, oldest first; see ``Listens.listen``."""
    mark, known = _read(cursor)
    oldest = mark - _OVERLAP if mark else now - _AT_FIRST
    seen: dict[str, datetime] = {}
    mentions = []
    async for notification in _notifications(api, session, oldest):
        digest = _digest(notification["uri"])
        if digest not in seen and digest not in known:
            mention = _heard(notification)
            if mention is not None:
                mentions.append(mention)
        seen.setdefault(digest, _moment(notification))
    newest = max([*seen.values(), *([mark] if mark else [])], default=None)
    if newest is None:
        return Heard([], cursor)
    mark = min(newest, now) if mark is None else max(min(newest, now), mark)
    kept = sorted(digest for digest, moment in seen.items() if moment >= mark - _OVERLAP)
    return Heard(mentions[::-1], json.dumps({"mark": mark.isoformat(), "seen": kept}))


async def _notifications(
    api: Api, session: Session, oldest: datetime
) -> AsyncIterator[Mapping[str, Any]]:
    """The usable ones, newest first, down to ``oldest``."""
    page_cursor: str | None = None
    for _ in range(_MOST_PAGES):
        params: list[tuple[str, str]] = [("reasons", reason) for reason in _KINDS]
        params.append(("limit", str(_PAGE)))
        if page_cursor:
            params.append(("cursor", page_cursor))
        page = await api.call(
            session, "GET", "app.bsky.notification.listNotifications", params=params
        )
        if not isinstance(page.get("notifications"), list):
            raise Garbled(f"The answer lacks “notifications”: it isn't {LABEL}'s.")
        for notification in page["notifications"]:
            if not _is_usable(notification):
                continue
            if _moment(notification) < oldest:
                return
            if notification["reason"] in _KINDS:
                yield notification
        page_cursor, last = page.get("cursor"), page_cursor
        if not page_cursor or page_cursor == last:
            return
    raise Garbled(f"{LABEL}'s notifications don't end.")


def _is_usable(notification: Any) -> bool:
    """Whether it has what even an uninteresting notification must have; foreign servers send
    all sorts of things, and one odd entry must not hide the others."""
    try:
        _moment(notification)
        return all(isinstance(notification[key], str) for key in ("uri", "cid", "reason"))
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _heard(notification: Mapping[str, Any]) -> HeardMention | None:
    """None if it lacks what a mention needs."""
    try:
        author, record = notification["author"], notification["record"]
        if not isinstance(author["handle"], str):
            return None
        itself = {"uri": notification["uri"], "cid": notification["cid"]}
        handle, name, text = author["handle"], author.get("displayName"), record.get("text")
        reply = record.get("reply")
        root = {key: reply["root"][key] for key in ("uri", "cid")} if reply else itself
        return HeardMention(
            remote_id=notification["uri"],
            kind=_KINDS[notification["reason"]],
            author=str(author["did"] if handle == "handle.invalid" else handle),
            author_name=clean(str(name)) if name else handle,
            text=text if isinstance(text, str) else "",
            url=post_url(notification["uri"]),
            posted_at=_moment(notification),
            reply_to={"root": root, "parent": itself},
            answers=reply.get("parent", {}).get("uri") if reply else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _moment(notification: Mapping[str, Any]) -> datetime:
    moment = datetime.fromisoformat(notification["indexedAt"])
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _read(cursor: str | None) -> tuple[datetime | None, frozenset[str]]:
    if cursor is None:
        return None, frozenset()
    kept = json.loads(cursor)
    return datetime.fromisoformat(kept["mark"]), frozenset(kept["seen"])


def _digest(uri: str) -> str:
    return blake2s(uri.encode(), digest_size=8).hexdigest()


async def measure(api: Api, session: Session, remote_ids: Sequence[str]) -> Measured:
    """Running totals; see ``Measures.measure``. Bluesky counts no views."""
    profile = await api.call(
        session, "GET", "app.bsky.actor.getProfile", params={"actor": session.account.remote_id}
    )
    posts: dict[str, Mapping[str, int]] = {}
    for start in range(0, len(remote_ids), _POSTS_AT_ONCE):
        page = await api.call(
            session,
            "GET",
            "app.bsky.feed.getPosts",
            params=[("uris", uri) for uri in remote_ids[start : start + _POSTS_AT_ONCE]],
        )
        posts |= dict(_numbers_of(page.get("posts")))
    return Measured(
        account={
            "followers": _number(profile, "followersCount"),
            "following": _number(profile, "followsCount"),
            "posts": _number(profile, "postsCount"),
        },
        posts=posts,
    )


def _numbers_of(views: Any) -> Iterable[tuple[str, Mapping[str, int]]]:
    if not isinstance(views, list):
        raise Garbled(f"The answer lacks “posts”: it isn't {LABEL}'s.")
    for view in views:
        if isinstance(view, dict) and isinstance(view.get("uri"), str):
            numbers = {
                "likes": _number(view, "likeCount"),
                "reposts": _number(view, "repostCount"),
                "replies": _number(view, "replyCount"),
            }
            yield view["uri"], numbers


def _number(data: Mapping[str, Any], key: str) -> int:
    """Servers leave a number out where it is nought."""
    value = data.get(key)
    return value if isinstance(value, int) else 0
