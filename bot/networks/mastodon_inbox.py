"""What comes back from Mastodon: mentions of an account, numbers of it and its posts.

Notifications are read from the newest backwards until what is known already. ``since_id`` spares
servers that heed it the rest; others give everything again, so what was heard is remembered for
an hour behind the newest, in case one arrives late.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.networks.base import Heard, HeardMention, Measured, Session
from bot.networks.http import Garbled, clean
from bot.networks.mastodon_api import (
    LABEL,
    Api,
    Gone,
    list_in,
    moment_in,
    number_in,
    older_page,
    text_in,
)
from bot.sources.plain_text import from_html
from storage.records import MentionKind

_AT_FIRST = timedelta(days=1)
_OVERLAP = timedelta(hours=1)
_PAGE = 40
_MOST_PAGES = 200
_PAGES_OF_OWN = 3


async def listen(api: Api, session: Session, cursor: str | None, now: datetime) -> Heard:
    """Mentions and replies since ``cursor``, oldest first; see ``Listens.listen``."""
    oldest, known = _read(cursor) if cursor else (now - _AT_FIRST, {})
    seen = dict(known)
    mentions = []
    async for notification, at in _notifications(api, session, oldest, known):
        name = notification["id"]
        if name not in seen:
            seen[name] = at
            mention = _heard(session, notification)
            if mention is not None:
                mentions.append(mention)
    if seen:
        oldest = max(oldest, max(seen.values()) - _OVERLAP)
    kept = {name: at.isoformat() for name, at in seen.items() if at >= oldest}
    return Heard(mentions[::-1], json.dumps({"from": oldest.isoformat(), "seen": kept}))


def _read(cursor: str) -> tuple[datetime, dict[str, datetime]]:
    kept = json.loads(cursor)
    seen = {name: datetime.fromisoformat(at) for name, at in kept["seen"].items()}
    return datetime.fromisoformat(kept["from"]), seen


async def _notifications(
    api: Api, session: Session, oldest: datetime, known: Mapping[str, datetime]
) -> AsyncIterator[tuple[Mapping[str, Any], datetime]]:
    """Mentions and when each was told, newest first, down to ``oldest``."""
    asked = {"types[]": "mention", "include_filtered": "true", "limit": str(_PAGE)}
    if known:
        asked["since_id"] = min(known, key=lambda name: known[name])
    older: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        response = await api.call(
            session, "GET", "/api/v1/notifications", params={**asked, **older}
        )
        page = list_in(response)
        for notification in page:
            at = _moment(notification)
            if at is None:
                continue
            if at < oldest:
                return
            if notification.get("type") == "mention":
                yield notification, at
        following = older_page(response, page, _PAGE)
        if not following or following == older:
            return
        older = following
    raise Garbled(f"{LABEL}'s notifications don't end.")


def _moment(notification: Mapping[str, Any]) -> datetime | None:
    """When it was told; None for an odd entry, which must not hide the others."""
    try:
        text_in(notification, "id")
        return moment_in(notification, "created_at")
    except Garbled:
        return None


def _heard(session: Session, notification: Mapping[str, Any]) -> HeardMention | None:
    """None if it lacks what a mention needs."""
    try:
        account, status = notification["account"], notification["status"]
        acct = full_name(text_in(account, "acct"), session.credentials.get("domain", ""))
        answered = status.get("in_reply_to_account_id")
        is_reply = answered == session.account.remote_id
        return HeardMention(
            remote_id=text_in(status, "id"),
            kind=MentionKind.REPLY if is_reply else MentionKind.MENTION,
            author=f"@{acct}",
            author_name=clean(str(account.get("display_name") or "")) or acct,
            text=words_of(status),
            url=link_of(status),
            posted_at=moment_in(status, "created_at"),
            reply_to={
                "id": text_in(status, "id"),
                "acct": acct,
                "visibility": status.get("visibility"),
            },
            answers=status.get("in_reply_to_id"),
        )
    except (Garbled, KeyError, TypeError, AttributeError):
        return None


def full_name(acct: str, domain: str) -> str:
    """``user@host``; servers leave their own host out."""
    return acct if "@" in acct or not domain else f"{acct}@{domain}"


def words_of(status: Mapping[str, Any], *, whole_links: bool = False) -> str:
    """A status as plain text, with its content warning before it; see ``from_html``."""
    warning = status.get("spoiler_text")
    content = status.get("content")
    parts = (
        from_html(part, whole_links=whole_links) if html else part
        for part, html in ((warning, False), (content, True))
        if isinstance(part, str) and part.strip()
    )
    return "\n\n".join(parts)


def link_of(status: Mapping[str, Any]) -> str:
    """The address for people; what has none for them has at least one for servers."""
    return status["url"] if isinstance(status.get("url"), str) else text_in(status, "uri")


async def own_statuses(
    api: Api, session: Session, pages: int = _PAGES_OF_OWN, *, limit: int = _PAGE
) -> AsyncIterator[Mapping[str, Any]]:
    """The account's newest statuses without what it shared, newest first."""
    asked = {"limit": str(limit), "exclude_reblogs": "true"}
    older: dict[str, str] = {}
    path = f"/api/v1/accounts/{session.account.remote_id}/statuses"
    for _ in range(pages):
        response = await api.call(session, "GET", path, params={**asked, **older})
        page = list_in(response)
        for status in page:
            if not status.get("reblog") and isinstance(status.get("id"), str):
                yield status
        following = older_page(response, page, limit)
        if not following or following == older:
            return
        older = following


async def measure(api: Api, session: Session, remote_ids: Sequence[str]) -> Measured:
    """Running totals as this server knows them; see ``Measures.measure``."""
    path = "/api/v1/accounts/verify_credentials"
    account = (await api.call(session, "GET", path)).json()
    if not isinstance(account, dict):
        raise Garbled(f"The answer isn't {LABEL}'s.")
    missing = set(remote_ids)
    posts: dict[str, Mapping[str, int]] = {}
    if missing:
        async for status in own_statuses(api, session):
            if status["id"] in missing:
                missing.discard(status["id"])
                posts[status["id"]] = _numbers(status)
            if not missing:
                break
    for remote_id in sorted(missing):
        try:
            response = await api.call(session, "GET", f"/api/v1/statuses/{remote_id}")
        except Gone:
            continue
        posts[remote_id] = _numbers(response.json())
    return Measured(
        account={
            "followers": number_in(account, "followers_count"),
            "following": number_in(account, "following_count"),
            "posts": number_in(account, "statuses_count"),
        },
        posts=posts,
    )


def _numbers(status: Mapping[str, Any]) -> Mapping[str, int]:
    return {
        "likes": number_in(status, "favourites_count"),
        "reposts": number_in(status, "reblogs_count"),
        "replies": number_in(status, "replies_count"),
    }
