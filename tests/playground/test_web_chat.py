"""chat.* and reactions.*, through Slack's own client."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.records import Channel
from bot.playground.seed import ANA, BEN, GENERAL, SOCIAL
from bot.playground.slack import Slack

BUTTON = {
    "type": "actions",
    "elements": [
        {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    ],
}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_posted_message_can_be_read_back(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(
        channel=SOCIAL,
        text="Hello",
        blocks=[section("Hello")],
        unfurl_links=False,
        unfurl_media=False,
        metadata={"event_type": "card", "event_payload": {"id": 7}},
    )
    history = await client.conversations_history(channel=SOCIAL, include_all_metadata=True)
    message = history["messages"][0]
    assert message["ts"] == posted["ts"]
    assert message["text"] == "Hello"
    assert message["blocks"][0]["block_id"]
    assert message["bot_id"] == "B0SOCIALDSK"
    assert message["metadata"]["event_payload"] == {"id": 7}
    bare = await client.conversations_history(channel=SOCIAL)
    assert "metadata" not in bare["messages"][0]


async def test_a_person_is_reached_by_their_id_in_direct_messages(
    client: AsyncWebClient, slack: Slack
) -> None:
    posted = await client.chat_postMessage(channel=ANA, text="Psst")
    opened = await client.conversations_open(users=[ANA])
    assert posted["channel"] == opened["channel"]["id"] == slack.workspace.im_with_app(ANA).id


async def test_text_alone_in_an_update_removes_the_blocks(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=SOCIAL, text="a", blocks=[section("a"), BUTTON])
    updated = await client.chat_update(channel=SOCIAL, ts=posted["ts"], text="done")
    assert "blocks" not in updated["message"]
    assert updated["message"]["edited"]["user"] == "U0SOCIALDSK"


async def test_threads_count_their_replies(client: AsyncWebClient) -> None:
    parent = await client.chat_postMessage(channel=SOCIAL, text="parent")
    reply = await client.chat_postMessage(channel=SOCIAL, text="one", thread_ts=parent["ts"])
    replies = await client.conversations_replies(channel=SOCIAL, ts=parent["ts"])
    assert [message["text"] for message in replies["messages"]] == ["parent", "one"]
    assert replies["messages"][0]["reply_count"] == 1
    assert replies["messages"][0]["latest_reply"] == reply["ts"]
    history = await client.conversations_history(channel=SOCIAL)
    assert [message["text"] for message in history["messages"]] == ["parent"]
    refused = client.chat_postMessage(channel=SOCIAL, text="x", thread_ts=reply["ts"])
    assert await refusal(refused) == "cannot_reply_to_message"


async def test_an_ephemeral_message_is_seen_by_one_person_and_never_read_back(
    client: AsyncWebClient, slack: Slack
) -> None:
    posted = await client.chat_postEphemeral(channel=SOCIAL, user=ANA, text="only you")
    assert [m.text for m in slack.workspace.timeline(SOCIAL, ANA)] == ["only you"]
    assert slack.workspace.timeline(SOCIAL, BEN) == []
    assert (await client.conversations_history(channel=SOCIAL))["messages"] == []
    update = client.chat_update(channel=SOCIAL, ts=posted["message_ts"], text="x")
    assert await refusal(update) == "message_not_found"


async def test_only_own_messages_are_changed_and_deleted(
    client: AsyncWebClient, slack: Slack
) -> None:
    theirs = slack.people.post_message(ANA, SOCIAL, "mine")
    assert await refusal(client.chat_update(channel=SOCIAL, ts=theirs.ts, text="x")) == (
        "cant_update_message"
    )
    assert await refusal(client.chat_delete(channel=SOCIAL, ts=theirs.ts)) == "cant_delete_message"
    own = await client.chat_postMessage(channel=SOCIAL, text="x")
    await client.chat_delete(channel=SOCIAL, ts=own["ts"])
    assert await refusal(client.chat_delete(channel=SOCIAL, ts=own["ts"])) == "message_not_found"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "no_text"),
        ({"text": "", "blocks": []}, "no_text"),
        ({"text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": "nonsense"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x" * 2990)] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "attachments": [{"text": "y"}] * 101}, "too_many_attachments"),
        ({"text": "x", "metadata": {"event_type": "card"}}, "invalid_metadata_format"),
        ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
        ({"text": "x", "username": "Somebody"}, "missing_scope"),
        ({"text": "x", "surprise": 1}, "invalid_arguments"),
    ],
)
async def test_what_slack_refuses_is_refused_by_its_name(
    client: AsyncWebClient, arguments: dict[str, Any], error: str
) -> None:
    call = client.api_call("chat.postMessage", json={"channel": SOCIAL, **arguments})
    assert await refusal(call) == error
    assert (await client.conversations_history(channel=SOCIAL))["messages"] == []


async def test_a_long_text_is_cut_when_posted_and_refused_in_an_update(
    client: AsyncWebClient,
) -> None:
    posted = await client.chat_postMessage(channel=SOCIAL, text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    update = client.chat_update(channel=SOCIAL, ts=posted["ts"], text="x" * 4_001)
    assert await refusal(update) == "msg_too_long"


async def test_channels_that_cant_be_written_to_say_why(
    client: AsyncWebClient, slack: Slack
) -> None:
    workspace = slack.workspace
    workspace.put_channel(Channel("C0OUTSIDE01", "outside", (ANA,)))
    workspace.put_channel(Channel("C0SECRET001", "secret", (ANA,), is_private=True))
    workspace.archive(GENERAL)
    for channel, error in (
        ("C0OUTSIDE01", "not_in_channel"),
        ("C0SECRET001", "channel_not_found"),
        ("C0NOWHERE01", "channel_not_found"),
        (GENERAL, "is_archived"),
    ):
        assert await refusal(client.chat_postMessage(channel=channel, text="x")) == error
    ephemeral = client.chat_postEphemeral(channel=SOCIAL, user="U0STRANGER1", text="x")
    assert await refusal(ephemeral) == "user_not_in_channel"


async def test_permalinks_and_reactions(client: AsyncWebClient, slack: Slack) -> None:
    posted = await client.chat_postMessage(channel="#social", text="x")
    link = await client.chat_getPermalink(channel=SOCIAL, message_ts=posted["ts"])
    assert link["permalink"].endswith(f"/archives/{SOCIAL}/p{posted['ts'].replace('.', '')}")
    await client.reactions_add(channel=SOCIAL, timestamp=posted["ts"], name="eyes")
    slack.people.react(ANA, SOCIAL, posted["ts"], "eyes")
    shown = await client.reactions_get(channel=SOCIAL, timestamp=posted["ts"])
    assert shown["message"]["reactions"] == [
        {"name": "eyes", "users": ["U0SOCIALDSK", ANA], "count": 2}
    ]
    again = client.reactions_add(channel=SOCIAL, timestamp=posted["ts"], name="eyes")
    assert await refusal(again) == "already_reacted"
