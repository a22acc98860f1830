"""Uploads by the app and by people, and pictures in blocks."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from PIL import Image
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.seed import ANA, SOCIAL
from bot.playground.slack import Slack
from tests.playground.conftest import Clock


def png(width: int = 4, height: int = 3) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(content, "PNG")
    return content.getvalue()


def image(file_id: str) -> list[dict[str, Any]]:
    return [{"type": "image", "slack_file": {"id": file_id}, "alt_text": "A green field"}]


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_an_upload_is_shown_only_once_slack_has_processed_it(
    client: AsyncWebClient, slack: Slack, clock: Clock
) -> None:
    uploaded = await client.files_upload_v2(filename="a.png", content=png(), alt_txt="A field")
    file_id = uploaded["file"]["id"]
    early = await client.files_info(file=file_id)
    assert early["file"]["mimetype"] == ""
    posted = client.chat_postMessage(channel=SOCIAL, text="x", blocks=image(file_id))
    with pytest.raises(SlackApiError) as caught:
        await posted
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]"
    ]
    clock.forward(0.5)
    ready = await client.files_info(file=file_id)
    assert (ready["file"]["mimetype"], ready["file"]["original_w"]) == ("image/png", "4")
    assert (await client.chat_postMessage(channel=SOCIAL, text="x", blocks=image(file_id)))["ok"]


async def test_a_file_shared_in_a_channel_comes_as_a_message(
    client: AsyncWebClient, slack: Slack
) -> None:
    await client.files_upload_v2(
        filename="chart.png", content=png(), channel=SOCIAL, initial_comment="Numbers"
    )
    (message,) = slack.workspace.timeline(SOCIAL)
    assert (message.text, message.subtype, len(message.files)) == ("Numbers", "file_share", 1)


async def test_the_bytes_must_be_as_many_as_announced(client: AsyncWebClient) -> None:
    ticket = await client.files_getUploadURLExternal(filename="a.png", length=10)
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(ticket["upload_url"], content=b"too few")
    assert answer.status_code == 400
    completed = client.files_completeUploadExternal(files=[{"id": ticket["file_id"]}])
    assert await refusal(completed) == "file_not_found"


async def test_a_persons_private_upload_is_not_the_apps_to_show_or_read(
    client: AsyncWebClient, slack: Slack
) -> None:
    file = slack.people.upload_file(ANA, "mine.png", png())
    assert await refusal(client.files_info(file=file.id)) == "file_not_found"
    posted = client.chat_postMessage(channel=SOCIAL, text="x", blocks=image(file.id))
    assert await refusal(posted) == "invalid_blocks"
    slack.people.post_message(ANA, SOCIAL, "look", files=[file.id])
    assert (await client.files_info(file=file.id))["file"]["user"] == ANA
    assert await refusal(client.files_delete(file=file.id)) == "cant_delete_file"


async def test_a_file_put_into_a_form_can_be_downloaded_with_the_token(
    client: AsyncWebClient, slack: Slack
) -> None:
    file = slack.people.upload_file(ANA, "my picture.png", png(), alt_txt="A field")
    trigger_id = slack.workspace.grants.new_trigger(ANA).id
    element = {"type": "file_input", "action_id": "files", "max_files": 4}
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Draft"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [
            {
                "type": "input",
                "block_id": "pictures",
                "label": {"type": "plain_text", "text": "Pictures"},
                "element": element,
            }
        ],
    }
    opened = await client.views_open(trigger_id=trigger_id, view=view)
    outcome = await slack.people.submit_view(
        ANA, opened["view"]["id"], {"pictures": {"files": [file.id]}}
    )
    assert "isn't running" in outcome.problem
    info = (await client.files_info(file=file.id))["file"]
    app = slack.workspace.app
    async with httpx.AsyncClient(trust_env=False) as http:
        got = await http.get(
            info["url_private_download"], headers={"Authorization": f"Bearer {app.bot_token}"}
        )
        assert got.content == png()
        assert got.headers["content-type"] == "image/png"
        sign_in = await http.get(info["url_private"], headers={"Authorization": "Bearer xoxb-no"})
    assert sign_in.headers["content-type"].startswith("text/html")
    assert png() not in sign_in.content


async def test_a_deleted_file_is_gone(client: AsyncWebClient, slack: Slack) -> None:
    uploaded = await client.files_upload_v2(filename="a.png", content=png(), channel=SOCIAL)
    file_id = uploaded["file"]["id"]
    await client.files_delete(file=file_id)
    assert await refusal(client.files_info(file=file_id)) == "file_deleted"
    history = await client.conversations_history(channel=SOCIAL)
    assert history["messages"][0]["files"] == [{"id": file_id, "mode": "tombstone"}]
