"""The bot scopes that Slack's Web API methods need (https://docs.slack.dev/reference/methods).

Only methods that a bot like ours may call. Of the `conversations.*` methods' alternatives, those
for the kinds of channels that our forms offer (public and private) are all needed; for reading what
was said, those for direct messages with people too.
"""

CHANNELS_READ = frozenset({"channels:read", "groups:read"})
HISTORY = frozenset({"channels:history", "groups:history", "im:history"})

SCOPES: dict[str, frozenset[str]] = {
    "apps.connections.open": frozenset(),  # an app-level token's connections:write
    "auth.test": frozenset(),
    "bots.info": frozenset({"users:read"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.getPermalink": frozenset(),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": HISTORY,
    "conversations.info": CHANNELS_READ,
    "conversations.list": CHANNELS_READ,
    "conversations.members": CHANNELS_READ,
    "conversations.open": frozenset({"im:write"}),
    "conversations.replies": HISTORY,
    "dnd.teamInfo": frozenset({"dnd:read"}),
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.delete": frozenset({"files:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.info": frozenset({"files:read"}),
    "reactions.add": frozenset({"reactions:write"}),
    "team.info": frozenset({"team:read"}),
    "usergroups.list": frozenset({"usergroups:read"}),
    "usergroups.users.list": frozenset({"usergroups:read"}),
    "users.info": frozenset({"users:read"}),
    "users.list": frozenset({"users:read"}),
    "views.open": frozenset(),
    "views.publish": frozenset(),
    "views.push": frozenset(),
    "views.update": frozenset(),
}

# slack_sdk's own helpers, and the methods that they call.
HELPERS = {
    "files_upload_v2": ("files.getUploadURLExternal", "files.completeUploadExternal"),
}

# Events (https://docs.slack.dev/reference/events) and features that need a scope of their own.
EVENTS = {
    "app_home_opened": frozenset(),
    "channel_shared": CHANNELS_READ,
    "channel_unshared": CHANNELS_READ,
    "app_uninstalled": frozenset(),
    "team_access_revoked": frozenset(),
    "tokens_revoked": frozenset(),
    "member_joined_channel": CHANNELS_READ,
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "subteam_members_changed": frozenset({"usergroups:read"}),
    "subteam_updated": frozenset({"usergroups:read"}),
    "user_change": frozenset({"users:read"}),
}
SLASH_COMMANDS_AND_SHORTCUTS = frozenset({"commands"})
FILE_INPUT = frozenset({"files:read"})
