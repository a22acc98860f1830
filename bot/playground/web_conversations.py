"""conversations.* and users.conversations of the Web API."""

from __future__ import annotations

from bot.playground.errors import SlackError
from bot.playground.payloads import channel_object, message_object
from bot.playground.records import Channel, Json, Message
from bot.playground.web_call import HISTORY, READ, Call, Method

_TYPES = {
    "public_channel": "channels",
    "private_channel": "groups",
    "im": "im",
    "mpim": "mpim",
}


def _info(call: Call) -> Json:
    channel = call.conversation("read")
    shown = channel_object(call.slack.workspace, channel)
    if not call.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


def _list(call: Call) -> Json:
    kinds = _kinds(call)
    workspace = call.slack.workspace
    found = [
        channel
        for channel in workspace.channels.values()
        if channel.kind in kinds
        and (channel.kind == "channels" or workspace.app.bot_user_id in channel.members)
        and not (channel.is_archived and call.flag("exclude_archived"))
    ]
    return _listed(call, found)


def _of_user(call: Call) -> Json:
    kinds = _kinds(call)
    workspace = call.slack.workspace
    user = workspace.user(call.text("user") or workspace.app.bot_user_id)
    bot = workspace.app.bot_user_id
    found = [
        channel
        for channel in workspace.channels.values()
        if channel.kind in kinds
        and user.id in channel.members
        and (channel.kind == "channels" or bot in channel.members)
        and not (channel.is_archived and call.flag("exclude_archived"))
    ]
    return _listed(call, found)


def _members(call: Call) -> Json:
    page, more = call.page(call.conversation("read").members)
    return {"members": page, **more}


def _history(call: Call) -> Json:
    channel = _joined(call)
    messages = [
        message
        for message in reversed(call.slack.workspace.timeline(channel.id))
        if _in_range(call, message)
    ]
    page, more = call.page(messages, most=999)
    has_more = bool(more["response_metadata"]["next_cursor"])
    return {
        "messages": _shown(call, page),
        "has_more": has_more,
        "pin_count": 0,
        **(more if has_more else {}),
    }


def _replies(call: Call) -> Json:
    channel = _joined(call)
    thread = call.slack.workspace.thread(channel.id, call.text("ts"))
    if not thread:
        raise SlackError("thread_not_found")
    messages = thread[:1] + [message for message in thread[1:] if _in_range(call, message)]
    page, more = call.page(messages, default=1_000)
    has_more = bool(more["response_metadata"]["next_cursor"])
    return {"messages": _shown(call, page), "has_more": has_more, **(more if has_more else {})}


def _open(call: Call) -> Json:
    workspace = call.slack.workspace
    call.require_scope("im:write")
    if call.text("channel"):
        channel = workspace.channel(call.text("channel"))
        if not channel.is_im:
            raise SlackError("channel_not_found")
    else:
        channel = workspace.im_with_app(_only_user(call))
    shown: Json = {"id": channel.id}
    if call.flag("return_im"):
        shown = channel_object(workspace, channel)
    return {"no_op": True, "already_open": True, "channel": shown}


def _only_user(call: Call) -> str:
    users = call.arguments.get("users")
    ids = users.split(",") if isinstance(users, str) else list(users or ())
    ids = [user_id.strip() for user_id in ids if user_id.strip()]
    if not ids:
        raise SlackError("users_list_not_supplied")
    if len(ids) > 1:
        # Group direct messages are not part of the playground.
        raise SlackError("too_many_users")
    user = call.slack.workspace.user(ids[0])
    if user.deleted:
        raise SlackError("user_disabled")
    if user.is_bot:
        raise SlackError("invalid_user_combination")
    return user.id


def _join(call: Call) -> Json:
    workspace = call.slack.workspace
    channel = workspace.channel(call.text("channel"))
    bot = workspace.app.bot_user_id
    if channel.is_im or channel.is_private:
        if bot not in channel.members:
            raise SlackError("channel_not_found")
        raise SlackError("method_not_supported_for_channel_type")
    was_member = bot in channel.members
    channel = call.slack.people.join_channel(bot, channel.id)
    answer: Json = {"channel": channel_object(workspace, channel)}
    if was_member:
        answer |= {"warning": "already_in_channel"}
    return answer


def _kinds(call: Call) -> set[str]:
    types = [entry.strip() for entry in call.text("types", "public_channel").split(",")]
    if not set(types) <= set(_TYPES):
        raise SlackError("invalid_types")
    kinds = {_TYPES[entry] for entry in types}
    for kind in sorted(kinds):
        call.require_scope(f"{kind}:read")
    return kinds


def _listed(call: Call, found: list[Channel]) -> Json:
    page, more = call.page(found)
    return {"channels": [channel_object(call.slack.workspace, entry) for entry in page], **more}


def _joined(call: Call) -> Channel:
    channel = call.conversation("history")
    if call.slack.workspace.app.bot_user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _in_range(call: Call, message: Message) -> bool:
    latest, oldest = call.text("latest"), call.text("oldest")
    try:
        ts, first, last = float(message.ts), float(oldest or 0), float(latest or "inf")
    except ValueError:
        raise SlackError("invalid_ts_oldest" if oldest else "invalid_ts_latest") from None
    return first <= ts <= last if call.flag("inclusive") else first < ts < last


def _shown(call: Call, messages: list[Message]) -> list[Json]:
    metadata = call.flag("include_all_metadata")
    return [
        message_object(call.slack.workspace, message, metadata=metadata) for message in messages
    ]


_RANGE = ("cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest")

CONVERSATION_METHODS = {
    "conversations.info": Method(
        _info, ("channel",), ("include_locale", "include_num_members"), READ
    ),
    "conversations.list": Method(
        _list, (), ("cursor", "exclude_archived", "limit", "team_id", "types"), READ
    ),
    "conversations.members": Method(_members, ("channel",), ("cursor", "limit"), READ),
    "conversations.history": Method(_history, ("channel",), _RANGE, HISTORY),
    "conversations.replies": Method(_replies, ("channel", "ts"), _RANGE, HISTORY),
    "conversations.open": Method(
        _open,
        (),
        ("channel", "prevent_creation", "return_im", "users"),
        ("im:write", "mpim:write", "groups:write", "channels:manage"),
    ),
    "conversations.join": Method(_join, ("channel",), (), ("channels:join",)),
    "users.conversations": Method(
        _of_user,
        (),
        ("cursor", "exclude_archived", "exclude_muted", "limit", "team_id", "types", "user"),
        READ,
    ),
}
