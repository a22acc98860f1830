"""views.* of the Web API."""

from __future__ import annotations

from bot.playground.checks import view_body
from bot.playground.errors import SlackError
from bot.playground.payloads import view_object
from bot.playground.records import Json, Trigger, View, ViewKind
from bot.playground.web_call import Call, Method


def _open(call: Call) -> Json:
    body = view_body(call.slack.workspace, call.arguments["view"], ViewKind.MODAL)
    trigger = _trigger(call)
    return _shown(call, call.slack.workspace.views.open(trigger.user, body))


def _push(call: Call) -> Json:
    body = view_body(call.slack.workspace, call.arguments["view"], ViewKind.MODAL)
    trigger = _trigger(call)
    return _shown(call, call.slack.workspace.views.push(trigger.user, body))


def _update(call: Call) -> Json:
    views = call.slack.workspace.views
    if call.text("view_id"):
        view = views.get(call.text("view_id"))
    elif call.text("external_id"):
        view = views.with_external_id(call.text("external_id"))
    else:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: view_id"])
    body = view_body(call.slack.workspace, call.arguments["view"], view.kind)
    return _shown(call, views.update(view.id, body, call.text("hash") or None))


def _publish(call: Call) -> Json:
    workspace = call.slack.workspace
    if not workspace.app.has_home_tab:
        raise SlackError("not_enabled")
    body = view_body(workspace, call.arguments["view"], ViewKind.HOME)
    user = workspace.user(call.text("user_id"))
    return _shown(call, workspace.views.publish(user.id, body, call.text("hash") or None))


def _trigger(call: Call) -> Trigger:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: trigger_id"])
    return call.slack.workspace.grants.use_trigger(trigger_id)


def _shown(call: Call, view: View) -> Json:
    return {"view": view_object(call.slack.workspace, view)}


VIEW_METHODS = {
    "views.open": Method(_open, ("view",), ("interactivity_pointer", "trigger_id")),
    "views.push": Method(_push, ("view",), ("interactivity_pointer", "trigger_id")),
    "views.update": Method(_update, ("view",), ("external_id", "hash", "view_id")),
    "views.publish": Method(_publish, ("user_id", "view"), ("hash", "interactivity_pointer")),
}
