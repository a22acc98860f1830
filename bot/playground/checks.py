"""What Slack checks in a message or a view before it takes it from an app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.playground.block_kit import BlockKitError, check_message, check_view
from bot.playground.errors import SlackError
from bot.playground.records import FileState, Json, ViewKind
from bot.playground.views import with_ids
from bot.playground.workspace import Workspace

POST_CUT = 40_000
UPDATE_LIMIT = 4_000
MAX_ATTACHMENTS = 100
METADATA_LIMIT = 8_000


@dataclass(frozen=True, slots=True)
class Content:
    """What a message from an app holds, checked and with its ids filled in."""

    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None


def message_content(workspace: Workspace, arguments: Mapping[str, Any]) -> Content:
    """The content in a call's arguments.

    :raises SlackError: with Slack's name for what is wrong.
    """
    text = str(arguments.get("text") or "")
    blocks = arguments.get("blocks")
    if markdown := arguments.get("markdown_text"):
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        blocks = [{"type": "markdown", "text": markdown}]
    attachments = _attachments(arguments.get("attachments"))
    if blocks or not attachments:
        _check_blocks(workspace, blocks, text)
    for attachment in attachments:
        if attachment.get("blocks"):
            _check_blocks(workspace, attachment["blocks"], text)
    return Content(
        text=text[:POST_CUT],
        blocks=with_ids({"blocks": blocks or []})["blocks"],
        attachments=[with_ids(attachment) for attachment in attachments],
        metadata=_metadata(arguments.get("metadata")),
    )


def view_body(workspace: Workspace, view: Any, kind: ViewKind) -> Json:
    """A view as an app gave it.

    :raises SlackError: with Slack's name for what is wrong.
    """
    try:
        check_view(view)
    except BlockKitError as refusal:
        raise SlackError(refusal.error, refusal.messages) from refusal
    body: Json = view
    if body["type"] != kind.value:
        raise SlackError(
            "invalid_arguments",
            [f"[ERROR] must be a {kind.value} view [json-pointer:/view/type]"],
        )
    _check_files(workspace, body, "/view", "invalid_arguments")
    return body


def _check_blocks(workspace: Workspace, blocks: Any, text: str) -> None:
    try:
        check_message(blocks, text=text)
    except BlockKitError as refusal:
        raise SlackError(refusal.error, refusal.messages) from refusal
    _check_files(workspace, blocks or [], "/blocks", "invalid_blocks")


def _check_files(workspace: Workspace, content: Any, pointer: str, error: str) -> None:
    messages = [
        f"[ERROR] invalid slack file [json-pointer:{place}]"
        for place, slack_file in _slack_files(content, pointer)
        if not _can_show(workspace, slack_file)
    ]
    if messages:
        raise SlackError(error, messages)


def _slack_files(content: Any, pointer: str) -> Iterator[tuple[str, Json]]:
    if isinstance(content, list):
        for index, entry in enumerate(content):
            yield from _slack_files(entry, f"{pointer}/{index}")
    elif isinstance(content, dict):
        for key, entry in content.items():
            if key == "slack_file" and isinstance(entry, dict):
                yield f"{pointer}/{key}", entry
            else:
                yield from _slack_files(entry, f"{pointer}/{key}")


def _can_show(workspace: Workspace, slack_file: Json) -> bool:
    """Only a processed picture that the app uploaded itself can be relied on in a block."""
    url = str(slack_file.get("url", ""))
    file_id = slack_file.get("id") or next(
        (part.rpartition("-")[2] for part in url.split("/") if "-F" in part), ""
    )
    try:
        file = workspace.files.get(str(file_id))
    except SlackError:
        return False
    return (
        file.state is FileState.COMPLETE
        and workspace.files.is_ready(file)
        and file.mimetype in ("image/png", "image/jpeg", "image/gif")
        and file.user == workspace.app.bot_user_id
    )


def _attachments(attachments: Any) -> list[Json]:
    if not attachments:
        return []
    if not isinstance(attachments, list) or not all(isinstance(a, dict) for a in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    return attachments


def _metadata(metadata: Any) -> Json | None:
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict) or set(metadata) - {"event_type", "event_payload"}:
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(
        metadata.get("event_payload"), dict
    ):
        raise SlackError("invalid_metadata_format")
    if len(str(metadata)) > METADATA_LIMIT:
        raise SlackError("metadata_too_large")
    return metadata
