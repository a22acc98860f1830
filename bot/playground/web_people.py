"""auth.*, apps.*, bots.*, dnd.*, team.*, users.* and usergroups.* of the Web API."""

from __future__ import annotations

from bot.playground.errors import SlackError
from bot.playground.payloads import user_group_object, user_object
from bot.playground.records import Json
from bot.playground.web_call import Call, Method

MOST_DND = 50  # people that dnd.teamInfo tells about at once


def _auth_test(call: Call) -> Json:
    workspace = call.slack.workspace
    return {
        "url": f"{workspace.base_url}/",
        "team": workspace.team.name,
        "user": workspace.user(workspace.app.bot_user_id).name,
        "team_id": workspace.team.id,
        "user_id": workspace.app.bot_user_id,
        "bot_id": workspace.app.bot_id,
        "is_enterprise_install": False,
    }


def _open_connection(call: Call) -> Json:
    return {"url": call.slack.delivery.socket.new_url()}


def _bot_info(call: Call) -> Json:
    workspace = call.slack.workspace
    if call.text("bot", workspace.app.bot_id) != workspace.app.bot_id:
        raise SlackError("bot_not_found")
    return {
        "bot": {
            "id": workspace.app.bot_id,
            "deleted": False,
            "name": workspace.app.name,
            "updated": 0,
            "app_id": workspace.app.id,
            "user_id": workspace.app.bot_user_id,
            "icons": {},
        }
    }


def _team_info(call: Call) -> Json:
    workspace = call.slack.workspace
    wanted = call.text("team", workspace.team.id)
    shown = workspace.team if wanted == workspace.team.id else workspace.other_teams.get(wanted)
    if shown is None:
        raise SlackError("team_not_found")
    return {
        "team": {
            "id": shown.id,
            "name": shown.name,
            "url": f"{workspace.base_url}/",
            "domain": shown.domain,
            "email_domain": "",
            "icon": {"image_default": True},
        }
    }


def _user_info(call: Call) -> Json:
    workspace = call.slack.workspace
    shown = user_object(workspace, workspace.user(call.text("user")))
    if call.flag("include_locale"):
        shown["locale"] = "en-GB"
    return {"user": shown}


def _users(call: Call) -> Json:
    workspace = call.slack.workspace
    page, more = call.page(list(workspace.users.values()))
    members = [user_object(workspace, user) for user in page]
    return {"members": members, "cache_ts": int(workspace.now()), **more}


def _team_dnd(call: Call) -> Json:
    asked = [user_id for user_id in call.text("users").split(",") if user_id]
    if not asked:
        raise SlackError("no_users_provided")
    people = call.slack.workspace.users
    if not people.keys() >= set(asked):
        raise SlackError("user_not_visible")
    return {
        "users": {
            user_id: {
                "dnd_enabled": people[user_id].dnd_until > 0,
                "next_dnd_start_ts": people[user_id].dnd_from or 1,
                "next_dnd_end_ts": people[user_id].dnd_until or 1,
            }
            for user_id in asked[:MOST_DND]
        }
    }


def _user_groups(call: Call) -> Json:
    groups = []
    for group in call.slack.workspace.user_groups.values():
        if group.date_delete and not call.flag("include_disabled"):
            continue
        shown = user_group_object(call.slack.workspace, group)
        if call.flag("include_users"):
            shown["users"] = list(group.users)
        if call.flag("include_count"):
            shown["user_count"] = len(group.users)
        groups.append(shown)
    return {"usergroups": groups}


def _group_members(call: Call) -> Json:
    group = call.slack.workspace.user_groups.get(call.text("usergroup"))
    if group is None or (group.date_delete and not call.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


PEOPLE_METHODS = {
    "auth.test": Method(_auth_test),
    "apps.connections.open": Method(_open_connection, needs_app_token=True),
    "bots.info": Method(_bot_info, (), ("bot", "team_id"), ("users:read",)),
    "dnd.teamInfo": Method(_team_dnd, ("users",), ("team_id",), ("dnd:read",)),
    "team.info": Method(_team_info, (), ("domain", "team"), ("team:read",)),
    "users.info": Method(_user_info, ("user",), ("include_locale",), ("users:read",)),
    "users.list": Method(
        _users, (), ("cursor", "include_locale", "limit", "team_id"), ("users:read",)
    ),
    "usergroups.list": Method(
        _user_groups,
        (),
        ("include_count", "include_disabled", "include_users", "team_id"),
        ("usergroups:read",),
    ),
    "usergroups.users.list": Method(
        _group_members, ("usergroup",), ("include_disabled", "team_id"), ("usergroups:read",)
    ),
}
