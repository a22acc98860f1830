"""The one app in the workspace: its credentials, and what its manifest declares."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.playground.records import Json
from bot.playground.store import DocumentStore


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command; with ``should_escape`` names and links in its text arrive as ids."""

    name: str
    description: str
    usage_hint: str
    should_escape: bool


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut; ``on_message`` ones are in a message's menu, the others are global."""

    name: str
    callback_id: str
    description: str
    on_message: bool


@dataclass(frozen=True, slots=True)
class App:
    """Ids and secrets (made once, kept in the state file) and the manifest given at start."""

    id: str
    bot_id: str
    bot_user_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    verification_token: str
    manifest: Mapping[str, Any]

    @classmethod
    def load(cls, store: DocumentStore, manifest: Mapping[str, Any]) -> App:
        """The app as it was, or with fresh credentials."""
        body = store.get("app", "app")
        if body is None:
            body = _fresh_credentials()
            store.put("app", "app", body)
        return cls(manifest=manifest, **body)

    @property
    def name(self) -> str:
        """The bot's name as people see it."""
        bot_user = self._features.get("bot_user", {})
        information = self.manifest.get("display_information", {})
        return str(bot_user.get("display_name") or information.get("name") or "Socialdesk")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The bot token's scopes."""
        scopes = self.manifest.get("oauth_config", {}).get("scopes", {})
        return tuple(scopes.get("bot", ()))

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(
            Command(
                name=entry["command"],
                description=entry.get("description", ""),
                usage_hint=entry.get("usage_hint", ""),
                should_escape=bool(entry.get("should_escape")),
            )
            for entry in self._features.get("slash_commands", ())
        )

    @property
    def shortcuts(self) -> tuple[Shortcut, ...]:
        return tuple(
            Shortcut(
                name=entry["name"],
                callback_id=entry["callback_id"],
                description=entry.get("description", ""),
                on_message=entry["type"] == "message",
            )
            for entry in self._features.get("shortcuts", ())
        )

    @property
    def bot_events(self) -> frozenset[str]:
        """The events it subscribed to, such as ``message.channels``."""
        return frozenset(self._settings.get("event_subscriptions", {}).get("bot_events", ()))

    @property
    def is_interactive(self) -> bool:
        return bool(self._settings.get("interactivity", {}).get("is_enabled"))

    @property
    def has_home_tab(self) -> bool:
        return bool(self._features.get("app_home", {}).get("home_tab_enabled"))

    @property
    def has_messages_tab(self) -> bool:
        return bool(self._features.get("app_home", {}).get("messages_tab_enabled"))

    @property
    def _features(self) -> Mapping[str, Any]:
        features: Mapping[str, Any] = self.manifest.get("features", {})
        return features

    @property
    def _settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.manifest.get("settings", {})
        return settings


def _fresh_credentials() -> Json:
    return {
        "id": "A0SOCIALDSK",
        "bot_id": "B0SOCIALDSK",
        "bot_user_id": "U0SOCIALDSK",
        "bot_token": f"xoxb-playground-{secrets.token_hex(16)}",
        "app_token": f"xapp-1-A0SOCIALDSK-playground-{secrets.token_hex(16)}",
        "signing_secret": secrets.token_hex(16),
        "verification_token": secrets.token_urlsafe(18),
    }
