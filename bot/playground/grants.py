"""What Slack hands out for a short time: triggers, and response URLs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from bot.playground.errors import SlackError
from bot.playground.records import ResponseUrl, Trigger, from_json, to_json
from bot.playground.store import DocumentStore

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 30 * 60.0


class Grants:
    """Triggers (3 s, one use, kept in memory) and response URLs (5 uses, 30 minutes, kept)."""

    def __init__(self, store: DocumentStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._triggers: dict[str, Trigger] = {}
        self._urls = {key: from_json(ResponseUrl, body) for key, body in store.all("response_url")}

    def new_trigger(self, user: str, view_id: str | None = None) -> Trigger:
        """A trigger for something ``user`` did just now, in ``view_id`` if in a modal."""
        now = self._now()
        self._triggers = {
            key: trigger
            for key, trigger in self._triggers.items()
            if trigger.expires_at > now - 600
        }
        trigger = Trigger(
            id=f"{int(now * 1000)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}",
            user=user,
            expires_at=now + TRIGGER_SECONDS,
            view_id=view_id,
        )
        self._triggers[trigger.id] = trigger
        return trigger

    def use_trigger(self, trigger_id: str) -> Trigger:
        """Spend a trigger.

        :raises SlackError: ``invalid_trigger_id``, ``exchanged_trigger_id`` (used before) or
            ``expired_trigger_id``.
        """
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self._now() > trigger.expires_at:
            raise SlackError("expired_trigger_id")
        self._triggers[trigger_id] = replace(trigger, used=True)
        return trigger

    def new_response_url(
        self,
        *,
        kind: str,
        channel: str,
        user: str,
        message_ts: str | None = None,
        thread_ts: str | None = None,
    ) -> ResponseUrl:
        """A response URL; ``kind`` is ``commands``, ``actions`` or ``app`` as in Slack's own."""
        now = self._now()
        for old in [url for url in self._urls.values() if url.expires_at < now]:
            self._forget(old)
        url = ResponseUrl(
            id=str(secrets.randbelow(10**13)),
            secret=secrets.token_urlsafe(18),
            channel=channel,
            user=user,
            expires_at=now + RESPONSE_URL_SECONDS,
            kind=kind,
            message_ts=message_ts,
            thread_ts=thread_ts,
        )
        self._keep(url)
        return url

    def use_response_url(self, url_id: str, secret: str) -> ResponseUrl:
        """Spend one use of a response URL.

        :raises SlackError: ``expired_url`` after 30 minutes or when it is unknown, ``used_url``
            after five uses.
        """
        url = self._urls.get(url_id)
        if url is None or not secrets.compare_digest(url.secret, secret):
            raise SlackError("expired_url")
        if self._now() > url.expires_at:
            self._forget(url)
            raise SlackError("expired_url")
        if url.uses_left < 1:
            raise SlackError("used_url")
        spent = replace(url, uses_left=url.uses_left - 1)
        self._keep(spent)
        return spent

    def _keep(self, url: ResponseUrl) -> None:
        self._urls[url.id] = url
        self._store.put("response_url", url.id, to_json(url))

    def _forget(self, url: ResponseUrl) -> None:
        del self._urls[url.id]
        self._store.delete("response_url", url.id)
