"""files.* of the Web API, and the addresses files are sent to and read from."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response

from bot.playground.checks import message_content
from bot.playground.errors import SlackError
from bot.playground.payloads import file_object
from bot.playground.records import File, Json
from bot.playground.slack import Slack
from bot.playground.web_call import Call, Method

MAX_BYTES = 1_000_000_000


def _get_upload_url(call: Call) -> Json:
    length = call.number("length", 0)
    if length < 1:
        raise SlackError(
            "invalid_arguments", ["[ERROR] must be more than 0 [json-pointer:/length]"]
        )
    if length > MAX_BYTES:
        raise SlackError("file_upload_size_restricted")
    if len(call.text("alt_txt")) > 1_000:
        raise SlackError("alt_txt_too_large")
    workspace = call.slack.workspace
    file = workspace.files.expect(
        workspace.app.bot_user_id,
        call.text("filename"),
        length,
        call.text("alt_txt") or None,
    )
    return {
        "upload_url": f"{workspace.base_url}/upload/v1/{file.id}/{file.upload_key}",
        "file_id": file.id,
    }


def _complete(call: Call) -> Json:
    workspace = call.slack.workspace
    wanted = _wanted(call.arguments["files"])
    channels = _channels(call)
    done = [
        workspace.files.complete(workspace.app.bot_user_id, entry["id"], entry.get("title"))
        for entry in wanted
    ]
    for channel in channels:
        arguments: Json = {"text": call.text("initial_comment")}
        if call.arguments.get("blocks"):
            arguments = {"blocks": call.arguments["blocks"]}
        if not any(arguments.values()):
            arguments = {"text": " "}
        content = message_content(workspace, arguments)
        call.slack.messages.post(
            channel,
            content,
            files=tuple(file.id for file in done),
            subtype="file_share",
            thread_ts=call.text("thread_ts") or None,
        )
    shown = [file_object(workspace, workspace.files.get(file.id)) for file in done]
    return {"files": shown}


def _info(call: Call) -> Json:
    file = _readable(call.slack, call.text("file"))
    return {
        "file": file_object(call.slack.workspace, file),
        "comments": [],
        "response_metadata": {"next_cursor": ""},
    }


def _delete(call: Call) -> Json:
    file = _readable(call.slack, call.text("file"))
    if file.user != call.slack.workspace.app.bot_user_id:
        raise SlackError("cant_delete_file")
    call.slack.workspace.files.delete(file.id)
    return {}


async def receive_upload(slack: Slack, request: Request) -> Response:
    """Take the bytes of an upload, as they are or as a form's file."""
    path = request.path_params
    if request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form() as form:
            first = next((entry for entry in form.values() if not isinstance(entry, str)), None)
            content = await first.read() if first else b""
    else:
        content = await request.body()
    try:
        slack.workspace.files.receive(path["file_id"], path["key"], content)
    except SlackError as refusal:
        return PlainTextResponse(refusal.error, status_code=400)
    return PlainTextResponse(f"OK - {len(content)}")


async def send_file(slack: Slack, request: Request) -> Response:
    """``url_private`` and ``url_private_download``: the bytes, for a bearer token with a right.

    Like Slack's, a wrong token gets a page to sign in on, not an error.
    """
    app = slack.workspace.app
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if token != app.bot_token or "files:read" not in app.scopes:
        return HTMLResponse("<!DOCTYPE html><title>Sign in</title><p>Sign in to your workspace.")
    try:
        file = _readable(slack, request.path_params["file_id"])
    except SlackError:
        return HTMLResponse("<!DOCTYPE html><title>Not found</title>", status_code=404)
    return FileResponse(slack.workspace.files.content_path(file.id), media_type=file.mimetype)


def _readable(slack: Slack, file_id: str) -> File:
    """A file the app may see: its own, one shared where it is, one put into its forms."""
    workspace = slack.workspace
    file = workspace.files.get(file_id)
    bot = workspace.app.bot_user_id
    shared = any(bot in workspace.channel(channel).members for channel in file.channels)
    if file.user == bot or shared or file.is_handed_over:
        return file
    raise SlackError("file_not_found")


def _wanted(files: Any) -> list[Json]:
    if (
        not isinstance(files, list)
        or not files
        or not all(isinstance(entry, dict) and isinstance(entry.get("id"), str) for entry in files)
    ):
        raise SlackError("invalid_arguments", ["[ERROR] must be a list [json-pointer:/files]"])
    return files


def _channels(call: Call) -> list[str]:
    workspace = call.slack.workspace
    named = call.text("channel_id") or call.arguments.get("channels") or ""
    ids = named.split(",") if isinstance(named, str) else list(named)
    channels = [workspace.channel(channel_id) for channel_id in ids if channel_id]
    for channel in channels:
        if workspace.app.bot_user_id not in channel.members:
            raise SlackError("not_in_channel")
        if channel.is_archived:
            raise SlackError("posting_to_channel_denied")
    return [channel.id for channel in channels]


FILE_METHODS = {
    "files.getUploadURLExternal": Method(
        _get_upload_url, ("filename", "length"), ("alt_txt", "snippet_type"), ("files:write",)
    ),
    "files.completeUploadExternal": Method(
        _complete,
        ("files",),
        (
            "blocks",
            "channel_id",
            "channels",
            "icon_emoji",
            "icon_url",
            "initial_comment",
            "thread_ts",
            "username",
        ),
        ("files:write",),
    ),
    "files.info": Method(_info, ("file",), ("count", "cursor", "limit", "page"), ("files:read",)),
    "files.delete": Method(_delete, ("file",), (), ("files:write",)),
}
