"""The Slack app's manifest (https://docs.slack.dev/reference/app-manifest)."""

import json
from typing import Any
from urllib.parse import quote

from handlers.ids import COMMAND, Shortcut

# Each follows from a method the code calls or an event it gets; a test holds them together.
BOT_SCOPES = (
    "chat:write",
    "commands",
    "dnd:read",
    "channels:history",
    "channels:read",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "team:read",
    "usergroups:read",
    "users:read",
)
EVENTS = (
    "app_home_opened",
    "app_uninstalled",
    "channel_shared",
    "channel_unshared",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "subteam_members_changed",
    "subteam_updated",
    "team_access_revoked",
    "tokens_revoked",
    "user_change",
)


def manifest(*, request_url: str | None = None, redirect_url: str | None = None) -> dict[str, Any]:
    """The manifest.

    :param request_url: where Slack sends requests over HTTP; None: Socket Mode.
    :param redirect_url: where Slack sends people back to who have installed the app: for an app of
        many workspaces, whose tokens end and are refreshed. None: one workspace.
    """
    oauth: dict[str, Any] = {"scopes": {"bot": list(BOT_SCOPES)}}
    if redirect_url is not None:
        oauth["redirect_urls"] = [redirect_url]
    command: dict[str, Any] = {
        "command": COMMAND,
        "description": "Your team's social media: draft, approve, publish, answer, measure",
        "usage_hint": "draft | queue | mentions | digest | help",
        "should_escape": True,
    }
    subscriptions: dict[str, Any] = {"bot_events": list(EVENTS)}
    interactivity: dict[str, Any] = {"is_enabled": True}
    if request_url is not None:
        command["url"] = request_url
        subscriptions["request_url"] = request_url
        interactivity["request_url"] = request_url
    return {
        "display_information": {
            "name": "Socialdesk",
            "description": "Run your team's social media without leaving Slack",
            "background_color": "#14342b",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "Socialdesk", "always_online": True},
            "shortcuts": [
                {
                    "name": "Make it a post",
                    "type": "message",
                    "callback_id": Shortcut.MAKE_POST.value,
                    "description": "Open the draft form with this message's text",
                }
            ],
            "slash_commands": [command],
        },
        "oauth_config": oauth,
        "settings": {
            "event_subscriptions": subscriptions,
            "interactivity": interactivity,
            "org_deploy_enabled": redirect_url is not None,
            "socket_mode_enabled": request_url is None,
            "token_rotation_enabled": redirect_url is not None,
        },
    }


def creation_link(made: dict[str, Any]) -> str:
    """The link that opens Slack's page for creating the app from the manifest."""
    compact = json.dumps(made, separators=(",", ":"))
    return f"https://api.slack.com/apps?new_app=1&manifest_json={quote(compact)}"
