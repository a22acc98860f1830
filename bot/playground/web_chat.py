"""chat.* and reactions.* of the Web API."""

from __future__ import annotations

from bot.playground.checks import UPDATE_LIMIT, message_content
from bot.playground.errors import SlackError
from bot.playground.payloads import message_object
from bot.playground.records import Channel, Json, Message
from bot.playground.web_call import Call, Method
from bot.playground.workspace import permalink

_CONTENT = (
    "as_user",
    "attachments",
    "blocks",
    "link_names",
    "markdown_text",
    "metadata",
    "parse",
    "text",
)
_LOOKS = ("username", "icon_emoji", "icon_url")


def _post_message(call: Call) -> Json:
    channel = _writable(call, _destination(call))
    if any(call.arguments.get(name) for name in _LOOKS):
        call.require_scope("chat:write.customize")
    message = call.slack.messages.post(
        channel.id,
        message_content(call.slack.workspace, call.arguments),
        thread_ts=_thread(call, channel),
        reply_broadcast=call.flag("reply_broadcast"),
        mrkdwn=call.flag("mrkdwn", default=True),
        username=call.text("username") or None,
        icon_emoji=call.text("icon_emoji") or None,
        icon_url=call.text("icon_url") or None,
    )
    shown = message_object(call.slack.workspace, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def _post_ephemeral(call: Call) -> Json:
    workspace = call.slack.workspace
    channel = _writable(call, workspace.channel(call.text("channel")))
    if call.text("user") not in channel.members:
        raise SlackError("user_not_in_channel")
    message = call.slack.messages.post(
        channel.id,
        message_content(workspace, call.arguments),
        ephemeral_to=call.text("user"),
        thread_ts=_thread(call, channel),
    )
    return {"message_ts": message.ts}


def _update(call: Call) -> Json:
    message = _own_message(call, "cant_update_message")
    if len(call.text("text")) > UPDATE_LIMIT:
        raise SlackError("msg_too_long")
    content = message_content(call.slack.workspace, call.arguments)
    changed = call.slack.messages.edit(message, content)
    return {
        "channel": changed.channel,
        "ts": changed.ts,
        "text": changed.text,
        "message": message_object(call.slack.workspace, changed, metadata=True),
    }


def _delete(call: Call) -> Json:
    message = _own_message(call, "cant_delete_message")
    call.slack.messages.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def _get_permalink(call: Call) -> Json:
    workspace = call.slack.workspace
    channel = workspace.channel(call.text("channel"))
    message = workspace.message(channel.id, call.text("message_ts"))
    return {"channel": channel.id, "permalink": permalink(workspace, message)}


def _add_reaction(call: Call) -> Json:
    message = _visible_message(call)
    name = call.text("name").strip(":")
    if not name:
        raise SlackError("invalid_name")
    workspace = call.slack.workspace
    workspace.react(message.channel, message.ts, name, workspace.app.bot_user_id)
    call.slack.events.reaction_added(message, name, workspace.app.bot_user_id)
    return {}


def _get_reactions(call: Call) -> Json:
    message = _visible_message(call)
    shown = message_object(call.slack.workspace, message)
    return {"type": "message", "channel": message.channel, "message": shown}


def _destination(call: Call) -> Channel:
    """A channel by id or #name, or a person, whose direct messages are meant."""
    workspace = call.slack.workspace
    named = call.text("channel")
    if named in workspace.channels:
        return workspace.channels[named]
    if named in workspace.users and not workspace.users[named].is_bot:
        return workspace.im_with_app(named)
    return workspace.channel_named(named.removeprefix("#"))


def _writable(call: Call, channel: Channel) -> Channel:
    app = call.slack.workspace.app
    is_member = app.bot_user_id in channel.members
    if channel.is_private and not is_member:
        raise SlackError("channel_not_found")
    if channel.is_archived:
        raise SlackError("is_archived")
    may_outside = "chat:write.public" in app.scopes and call.method == "chat.postMessage"
    if not is_member and not may_outside:
        raise SlackError("not_in_channel")
    if channel.is_im and not app.has_messages_tab:
        raise SlackError("messages_tab_disabled")
    if channel.is_read_only:
        raise SlackError("restricted_action_read_only_channel")
    return channel


def _thread(call: Call, channel: Channel) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    try:
        parent = call.slack.workspace.message(channel.id, thread_ts)
    except SlackError:
        raise SlackError("cannot_reply_to_message") from None
    if parent.is_reply or parent.ephemeral_to:
        raise SlackError("cannot_reply_to_message")
    return thread_ts


def _visible_message(call: Call) -> Message:
    workspace = call.slack.workspace
    channel = workspace.channel(call.text("channel"))
    if channel.is_private and workspace.app.bot_user_id not in channel.members:
        raise SlackError("channel_not_found")
    message = workspace.message(channel.id, call.text("timestamp") or call.text("ts"))
    if message.ephemeral_to:
        raise SlackError("message_not_found")
    return message


def _own_message(call: Call, refusal: str) -> Message:
    message = _visible_message(call)
    if message.user != call.slack.workspace.app.bot_user_id:
        raise SlackError(refusal)
    return message


CHAT_METHODS = {
    "chat.postMessage": Method(
        _post_message,
        ("channel",),
        (
            *_CONTENT,
            *_LOOKS,
            "mrkdwn",
            "reply_broadcast",
            "thread_ts",
            "unfurl_links",
            "unfurl_media",
        ),
        ("chat:write",),
    ),
    "chat.postEphemeral": Method(
        _post_ephemeral,
        ("channel", "user"),
        (*_CONTENT, *_LOOKS, "thread_ts"),
        ("chat:write",),
    ),
    "chat.update": Method(
        _update,
        ("channel", "ts"),
        (*_CONTENT, "file_ids", "reply_broadcast", "unfurled_attachments"),
        ("chat:write",),
    ),
    "chat.delete": Method(_delete, ("channel", "ts"), ("as_user",), ("chat:write",)),
    "chat.getPermalink": Method(_get_permalink, ("channel", "message_ts")),
    "reactions.add": Method(
        _add_reaction, ("channel", "name", "timestamp"), (), ("reactions:write",)
    ),
    "reactions.get": Method(
        _get_reactions, ("channel", "timestamp"), ("full",), ("reactions:read",)
    ),
}
