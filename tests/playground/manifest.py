"""A manifest as rich as the playground's Slack can use."""

from __future__ import annotations

from typing import Any

SCOPES = [
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
]

MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Socialdesk"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "bot_user": {"display_name": "Socialdesk", "always_online": True},
        "slash_commands": [
            {"command": "/social", "description": "Open the desk", "should_escape": True},
            {"command": "/plain", "description": "Text as typed", "should_escape": False},
        ],
        "shortcuts": [
            {"name": "Make a post", "type": "message", "callback_id": "make", "description": "x"},
            {"name": "New draft", "type": "global", "callback_id": "draft", "description": "x"},
        ],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {
        "interactivity": {"is_enabled": True},
        "event_subscriptions": {
            "bot_events": [
                "app_home_opened",
                "app_mention",
                "member_joined_channel",
                "message.channels",
                "message.im",
                "reaction_added",
            ]
        },
        "socket_mode_enabled": True,
    },
}
