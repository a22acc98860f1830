"""Slack's bodies -> typed inputs. Identity comes from here alone."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.installations import Place
from bot.media import OfferedPicture
from bot.team import Person, Profile
from bot.zone_names import is_zone

ORGANISATION = "E"  # how an organisation's id begins; a workspace's with T


def person_of(body: Mapping[str, Any]) -> Person:
    """Who acts, in the workspace that the app is installed in, from the signed body.

    A channel that is shared through Slack Connect brings presses of people from the other side. Of
    a message's button, ``team`` is the workspace whose app posted the message and ``user.team_id``
    the person's own. Of a form, ``team`` is the *person's*, and the app's is
    ``view.app_installed_team_id`` (https://github.com/slackapi/bolt-js/issues/1614). Commands are
    only offered where the app is installed: their ``team_id`` is both.

    In an organisation (Enterprise Grid), ``user.team_id`` can be the organisation's id (E...);
    whoever is of the organisation that ``enterprise`` names is no stranger
    (https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload).
    """
    user = body.get("user")
    if not isinstance(user, Mapping):
        return Person(body["team_id"], body["user_id"], origin=origin_of(body))
    place = place_of(body)
    home = user.get("team_id")
    ours = (None, place.workspace_id, place.enterprise_id)
    home_team = None if home in ours else home
    return Person(place.workspace_id, user["id"], origin=origin_of(body), home_team=home_team)


def event_person_of(body: Mapping[str, Any]) -> Person:
    """Whom an event is about, in the workspace that Slack told it to: of a message that was changed
    or deleted, who had written it. The id is empty where it is about nobody (a group, a
    channel, a bot's message)."""
    event = body["event"]
    about = event.get("message") or event.get("previous_message") or event
    user = about.get("user") or ""
    who = user["id"] if isinstance(user, Mapping) else user
    return Person(place_of(body).workspace_id, who, origin=origin_of(body))


def origin_of(body: Mapping[str, Any]) -> str:
    """From where somebody acts, in plain words for the record."""
    if "command" in body:
        first = next(iter(str(body.get("text") or "").split()), "")
        return f"{body['command']} {first.lower()[:20]}".rstrip()
    if "event" in body:
        event = body["event"]
        return f"a message in #{event['channel']}" if event["type"] == "message" else "Slack"
    view, where = body.get("view"), channel_of(body)
    if isinstance(view, Mapping):
        if view.get("type") == "home":
            return "App Home"
        title = _mapping(view.get("title")).get("text", "")
        return f"the form “{title}”"
    if body.get("type") == "message_action":
        return f"a message's menu in #{where}"
    return f"a card in #{where}"


def place_of(body: Mapping[str, Any]) -> Place:
    """The workspace that a request came from: the one whose installation Slack means by it, also
    where a modal was opened across Slack Connect, or for a whole organisation."""
    team, user = _mapping(body.get("team")), _mapping(body.get("user"))
    told = (body.get("authorizations") or [{}])[0]
    installed = _mapping(body.get("view")).get("app_installed_team_id") or ""
    workspace_id = (
        (installed if not installed.startswith(ORGANISATION) else None)
        or team.get("id")
        or told.get("team_id")
        or body.get("team_id")
        or user.get("team_id")
        or ""
    )
    enterprise = (
        _mapping(body.get("enterprise")).get("id")
        or told.get("enterprise_id")
        or body.get("enterprise_id")
        or team.get("enterprise_id")
    )
    name = team.get("domain") or body.get("team_domain") or workspace_id
    return Place(workspace_id, name, enterprise)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def profile_of(user: Mapping[str, Any], workspace_id: str) -> Profile:
    """Slack's user object (https://docs.slack.dev/reference/objects/user-object)."""
    shown = user.get("profile", {})
    away = user.get("team_id", workspace_id) != workspace_id and workspace_id not in (
        user.get("enterprise_user", {}).get("teams", ())
    )
    is_stranger = away or bool(user.get("is_stranger"))
    is_guest = bool(user.get("is_restricted") or user.get("is_ultra_restricted")) or is_stranger
    name = user.get("real_name") or shown.get("real_name") or shown.get("display_name")
    return Profile(
        user_id=user["id"],
        name=name or user.get("name") or user["id"],
        zone=user["tz"] if is_zone(user.get("tz") or "") else "UTC",
        runs_slack=bool(user.get("is_admin") or user.get("is_owner")),
        may_have_roles=not (user.get("deleted") or user.get("is_bot") or is_guest),
        is_guest=is_guest and not user.get("is_bot"),
        is_gone=bool(user.get("deleted")),
        home_team=user.get("team_id") if is_stranger else None,
    )


def channel_of(body: Mapping[str, Any]) -> str | None:
    """The channel a request came from; None in a modal or on Home."""
    if "channel_id" in body:
        return str(body["channel_id"])
    channel = body.get("channel")
    return channel["id"] if isinstance(channel, Mapping) else None


def pressed_value(action: Mapping[str, Any]) -> str:
    """What a button, a menu or a select carries."""
    option = action.get("selected_option")
    if isinstance(option, Mapping):
        return str(option["value"])
    return str(action.get("value") or "")


def typed_values(view: Mapping[str, Any] | None) -> dict[str, Any]:
    """A view's inputs by block id, each as the plain value it holds.

    Text: str; a select: the value; several: a list of values; files: a list of Slack's file
    objects; a date and time: an aware datetime in UTC; users, channels: ids. Empty: None.
    """
    state = (view or {}).get("state", {}).get("values", {})
    return {
        block_id: _value(element)
        for block_id, elements in state.items()
        for element in elements.values()
    }


def _value(element: Mapping[str, Any]) -> Any:
    kind = element["type"]
    if kind in ("checkboxes", "multi_static_select"):
        return [option["value"] for option in element.get("selected_options") or []]
    if kind in ("static_select", "radio_buttons"):
        option = element.get("selected_option")
        return option["value"] if option else None
    if kind == "file_input":
        return list(element.get("files") or [])
    if kind == "datetimepicker":
        stamp = element.get("selected_date_time")
        return datetime.fromtimestamp(stamp, UTC) if stamp else None
    for key in (
        "value",
        "selected_channel",
        "selected_conversation",
        "selected_user",
        "selected_users",
        "selected_date",
        "selected_time",
    ):
        if key in element:
            return element[key]
    return None


def offered_pictures(files: list[Mapping[str, Any]]) -> list[OfferedPicture]:
    """Slack's file objects of a file_input."""
    return [
        OfferedPicture(
            file_id=file["id"],
            name=file.get("name") or "picture",
            mime=file.get("mimetype") or "",
            size=int(file.get("size") or 0),
            url=file.get("url_private_download") or file.get("url_private") or "",
        )
        for file in files
    ]


def input_blocks(view: Mapping[str, Any]) -> list[str]:
    """The block ids of a view's inputs, in order."""
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


def pack(**values: str | None) -> str:
    """Opaque ids for a view's private_metadata (never identity, never content)."""
    return json.dumps({key: value for key, value in values.items() if value is not None})


def unpack(metadata: str) -> dict[str, str]:
    """What `pack` put there."""
    values: dict[str, str] = json.loads(metadata) if metadata else {}
    return values
