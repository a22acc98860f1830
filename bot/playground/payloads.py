"""Slack's own JSON for people, channels, messages, files, views, and what apps are sent.

Shapes as in Slack's reference (object types, interaction payloads, Events API).
"""

from __future__ import annotations

import secrets
import urllib.parse
from collections.abc import Mapping
from typing import Any

from bot.playground.errors import SlackError
from bot.playground.ids import new_id
from bot.playground.records import (
    Channel,
    File,
    Json,
    Message,
    User,
    UserGroup,
    View,
    ViewKind,
)
from bot.playground.state_values import state_of
from bot.playground.workspace import Workspace


def user_object(workspace: Workspace, user: User) -> Json:
    """A user as ``users.info`` gives it."""
    offset = user.tz_offset(workspace.now())
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "color": user.color,
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": user.tz.rpartition("/")[2].replace("_", " "),
        "tz_offset": offset,
        "profile": {
            "title": user.title,
            "real_name": user.real_name,
            "real_name_normalized": user.real_name,
            "display_name": user.name,
            "display_name_normalized": user.name,
            "team": user.team_id,
            "status_text": user.status_text,
            "status_emoji": user.status_emoji,
            "status_expiration": user.status_expiration,
            **({"bot_id": workspace.app.bot_id} if user.id == workspace.app.bot_user_id else {}),
        },
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_primary_owner": user.is_owner,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.is_stranger,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 0,
    }


def user_group_object(workspace: Workspace, group: UserGroup) -> Json:
    """A user group as ``usergroups.list`` gives it."""
    return {
        "id": group.id,
        "team_id": workspace.team.id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 0,
        "date_update": group.date_update,
        "date_delete": group.date_delete,
        "auto_type": None,
        "prefs": {"channels": [], "groups": []},
    }


def channel_object(workspace: Workspace, channel: Channel) -> Json:
    """A conversation as ``conversations.info`` gives it to the app."""
    common: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_im": channel.is_im,
        "is_mpim": False,
        "is_org_shared": False,
        "context_team_id": workspace.team.id,
    }
    if channel.is_im:
        return {**common, "user": channel.im_user, "is_open": True}
    return {
        **common,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_private": channel.is_private,
        "is_general": channel.is_general,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": channel.is_pending_ext_shared,
        **_sharing(workspace, channel),
        "is_read_only": channel.is_read_only,
        "is_member": workspace.app.bot_user_id in channel.members,
        "creator": channel.creator,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": channel.creator, "last_set": 0},
        "num_members": len(channel.members),
    }


def _sharing(workspace: Workspace, channel: Channel) -> Json:
    """Who sees a channel, as Slack gives it of shared ones."""
    if channel.is_pending_ext_shared:
        return {"pending_connected_team_ids": list(channel.other_teams)}
    if not channel.is_ext_shared:
        return {}
    return {
        "conversation_host_id": workspace.team.id,
        "connected_team_ids": list(channel.other_teams),
        "shared_team_ids": [workspace.team.id, *channel.other_teams],
        "pending_connected_team_ids": [],
    }


def file_object(workspace: Workspace, file: File) -> Json:
    """A file; while Slack still processes it the kind and the size are missing."""
    base = f"{workspace.base_url}/files-pri/{workspace.team.id}-{file.id}"
    name = urllib.parse.quote(file.name)
    ready = workspace.files.is_ready(file)
    body: Json = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype if ready else "",
        "filetype": file.filetype if ready else "",
        "pretty_type": file.filetype.upper() if ready else "",
        "user": file.user,
        "user_team": workspace.team.id,
        "editable": False,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "is_public": bool(file.channels),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{base}/{name}",
        "url_private_download": f"{base}/download/{name}",
        "permalink": f"{workspace.base_url}/files/{file.user}/{file.id}/{name}",
        "channels": list(file.channels),
        "groups": [],
        "ims": [],
        "has_rich_preview": False,
        "file_access": "visible",
    }
    if file.alt_txt:
        body["alt_txt"] = file.alt_txt
    if ready and file.width and file.height:
        body |= {"original_w": str(file.width), "original_h": str(file.height)}
    return body


def file_by_id(workspace: Workspace, file_id: str) -> Json:
    """A file's object, or Slack's tombstone if it is gone."""
    try:
        return file_object(workspace, workspace.files.get(file_id))
    except SlackError:
        return {"id": file_id, "mode": "tombstone"}


def message_object(workspace: Workspace, message: Message, *, metadata: bool = False) -> Json:
    """A message as history and events give it."""
    body: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.subtype:
        body["subtype"] = message.subtype
    if message.client_msg_id:
        body["client_msg_id"] = message.client_msg_id
    if message.bot_id:
        body |= {
            "bot_id": message.bot_id,
            "app_id": workspace.app.id,
            "bot_profile": _bot_profile(workspace),
        }
    body["team"] = workspace.team.id
    if message.blocks:
        body["blocks"] = message.blocks
    if message.attachments:
        body["attachments"] = message.attachments
    if message.edited:
        body["edited"] = {"user": message.edited.user, "ts": message.edited.ts}
    if message.files:
        body["files"] = [file_by_id(workspace, file_id) for file_id in message.files]
        body["upload"] = message.user != workspace.app.bot_user_id
    if message.reactions:
        body["reactions"] = [
            {"name": reaction.name, "users": list(reaction.users), "count": len(reaction.users)}
            for reaction in message.reactions
        ]
    if metadata and message.metadata:
        body["metadata"] = message.metadata
    body |= _thread_fields(workspace, message)
    return body


def _thread_fields(workspace: Workspace, message: Message) -> Json:
    if message.is_reply:
        return {"thread_ts": message.thread_ts}
    replies = workspace.replies(message.channel, message.ts)
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
        "reply_users": people,
        "is_locked": False,
        "subscribed": False,
    }


def _bot_profile(workspace: Workspace) -> Json:
    return {
        "id": workspace.app.bot_id,
        "app_id": workspace.app.id,
        "user_id": workspace.app.bot_user_id,
        "name": workspace.app.name,
        "deleted": False,
        "updated": 0,
        "team_id": workspace.team.id,
    }


def view_object(workspace: Workspace, view: View, *, with_state: bool = True) -> Json:
    """A view as ``views.open`` answers and interactions carry it."""
    state = (
        state_of(view.blocks, view.typed, lambda file_id: file_by_id(workspace, file_id))
        if with_state
        else {}
    )
    body = view.body
    common: Json = {
        "id": view.id,
        "team_id": workspace.team.id,
        "type": view.kind.value,
        "blocks": view.blocks,
        "private_metadata": body.get("private_metadata") or "",
        "callback_id": view.callback_id,
        "state": {"values": state},
        "hash": view.hash,
        "title": body.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
        "clear_on_close": bool(body.get("clear_on_close")),
        "notify_on_close": bool(body.get("notify_on_close")),
        "close": body.get("close"),
        "submit": body.get("submit"),
        "previous_view_id": view.previous_view_id,
        "root_view_id": view.root_view_id,
        "app_id": workspace.app.id,
        "external_id": view.external_id,
        "app_installed_team_id": workspace.team.id,
        "bot_id": workspace.app.bot_id,
    }
    if view.kind is ViewKind.MODAL:
        common["submit_disabled"] = bool(body.get("submit_disabled"))
    return common


def channel_name(channel: Channel) -> str:
    """A conversation's name as commands and interactions carry it."""
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def interaction(workspace: Workspace, kind: str, user: User, **fields: Any) -> Json:
    """An interaction payload with what all kinds have.

    Of a form that somebody of another workspace filled in (Slack Connect), ``team`` is that one;
    the app's is in the view (https://github.com/slackapi/bolt-js/issues/1614).
    """
    team = {"id": workspace.team.id, "domain": workspace.team.domain}
    if "view" in fields and user.team_id != workspace.team.id:
        team = {"id": user.team_id, "domain": user.team_id.lower()}
    return {
        "type": kind,
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "api_app_id": workspace.app.id,
        "token": workspace.app.verification_token,
        "team": team,
        "enterprise": None,
        "is_enterprise_install": False,
        **fields,
    }


def command(
    workspace: Workspace,
    user: User,
    channel: Channel,
    name: str,
    text: str,
    urls: Mapping[str, str],
) -> Json:
    """A slash command's form fields; ``urls`` has ``response_url`` and ``trigger_id``."""
    return {
        "token": workspace.app.verification_token,
        "team_id": workspace.team.id,
        "team_domain": workspace.team.domain,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        **urls,
    }


def event_callback(workspace: Workspace, event: Json, *, ext_shared: bool = False) -> Json:
    """The envelope of an event; ``event_id`` is what repeats have in common."""
    return {
        "token": workspace.app.verification_token,
        "team_id": workspace.team.id,
        "context_team_id": workspace.team.id,
        "context_enterprise_id": None,
        "api_app_id": workspace.app.id,
        "event": event,
        "type": "event_callback",
        "event_id": new_id("Ev"),
        "event_time": int(workspace.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team.id,
                "user_id": workspace.app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": ext_shared,
        "event_context": f"4-{secrets.token_hex(16)}",
    }
