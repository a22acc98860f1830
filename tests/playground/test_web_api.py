"""Tokens, encodings, arguments, scopes and the other families of the Web API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.recording import Recorder
from bot.playground.records import Channel, Team, UserGroup
from bot.playground.seed import ANA, BEN, CARE, CHIDI, DANA, EVA, GENERAL, SOCIAL, seed
from bot.playground.server import create_app, serving
from bot.playground.slack import Slack
from bot.playground.web_api import METHODS
from bot.playground.workspace import Workspace
from tests.playground.manifest import MANIFEST


@pytest.fixture
async def http(slack: Slack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=slack.workspace.base_url, trust_env=False) as http:
        yield http


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_auth_test_tells_who_one_is_and_the_scopes(
    client: AsyncWebClient, slack: Slack
) -> None:
    answer = await client.auth_test()
    assert answer["user_id"] == "U0SOCIALDSK"
    assert answer["team"] == "Acorn"
    assert answer.headers["x-oauth-scopes"].split(",") == list(slack.workspace.app.scopes)


async def test_a_wrong_missing_or_foreign_token_is_refused(
    slack: Slack, http: httpx.AsyncClient
) -> None:
    app = slack.workspace.app
    for method, headers, error in (
        ("auth.test", {}, "not_authed"),
        ("auth.test", bearer("xoxb-other"), "invalid_auth"),
        ("auth.test", bearer(app.app_token), "not_allowed_token_type"),
        ("apps.connections.open", bearer(app.bot_token), "not_allowed_token_type"),
        ("chat.fly", bearer(app.bot_token), "unknown_method"),
    ):
        answer = await http.post(f"/api/{method}", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (200, error)


async def test_forms_and_json_are_both_read_but_a_token_in_json_is_not(
    slack: Slack, http: httpx.AsyncClient
) -> None:
    token = slack.workspace.app.bot_token
    form = await http.post("/api/users.info", data={"token": token, "user": ANA})
    assert form.json()["user"]["name"] == "ana"
    query = await http.get("/api/users.info", params={"user": ANA}, headers=bearer(token))
    assert query.json()["ok"] is True
    body = await http.post("/api/users.info", json={"token": token, "user": ANA})
    assert body.json()["error"] == "not_authed"
    blocks = json.dumps([{"type": "divider"}])
    posted = await http.post(
        "/api/chat.postMessage",
        data={"channel": SOCIAL, "text": "x", "blocks": blocks},
        headers=bearer(token),
    )
    assert posted.json()["message"]["blocks"][0]["type"] == "divider"
    for content, kind, error in (
        ("{", "application/json", "invalid_json"),
        ("[]", "application/json", "json_not_object"),
        ("x", "text/plain", "invalid_post_type"),
    ):
        headers = {**bearer(token), "Content-Type": kind}
        answer = await http.post("/api/auth.test", content=content, headers=headers)
        assert answer.json()["error"] == error


async def test_required_arguments_are_required_and_of_the_right_kind(
    client: AsyncWebClient,
) -> None:
    with pytest.raises(SlackApiError) as caught:
        await client.api_call("chat.update", json={"channel": SOCIAL, "text": "x"})
    assert caught.value.response["error"] == "invalid_arguments"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] missing required field: ts"
    ]
    assert await refusal(client.api_call("chat.update", json={"channel": SOCIAL, "ts": 1.5})) == (
        "invalid_arguments"
    )


async def test_every_method_needs_the_scopes_slack_asks_for(tmp_path: Path) -> None:
    manifest = {**MANIFEST, "oauth_config": {"scopes": {"bot": ["commands"]}}}
    workspace = Workspace(tmp_path / "bare", manifest)
    seed(workspace)
    slack = Slack.around(workspace)
    async with serving(slack, create_app(slack, strict=True)) as url:
        client = AsyncWebClient(token=workspace.app.bot_token, base_url=f"{url}/api/")
        for name, method in METHODS.items():
            if not method.scopes:
                continue
            with pytest.raises(SlackApiError) as caught:
                await client.api_call(name)
            assert caught.value.response["error"] == "missing_scope", name
            assert caught.value.response["needed"]
            assert caught.value.response["provided"] == "commands"
    await slack.close()


async def test_undocumented_arguments_only_warn_at_play(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    slack = Slack.around(workspace)
    async with serving(slack, create_app(slack, strict=False)) as url:
        client = AsyncWebClient(token=workspace.app.bot_token, base_url=f"{url}/api/")
        answer = await client.api_call("users.info", params={"user": ANA, "colour": "red"})
    await slack.close()
    assert answer["ok"] is True
    assert "colour" in caplog.text


async def test_conversations_are_listed_in_pages(client: AsyncWebClient, slack: Slack) -> None:
    slack.workspace.put_channel(Channel("C0SECRET001", "secret", (ANA,), is_private=True))
    names: list[str] = []
    cursor = ""
    while True:
        page = await client.conversations_list(limit=2, cursor=cursor)
        names += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert sorted(names) == ["care", "general", "social", "social-alerts", "social-approvals"]
    assert await refusal(client.conversations_list(types="secret")) == "invalid_types"
    assert await refusal(client.conversations_list(types="mpim")) == "missing_scope"
    assert await refusal(client.conversations_list(cursor="x")) == "invalid_cursor"
    assert await refusal(client.conversations_info(channel="C0SECRET001")) == "channel_not_found"


async def test_channels_tell_members_sharing_and_archiving(
    client: AsyncWebClient, slack: Slack
) -> None:
    slack.workspace.put_channel(
        Channel("C0PARTNER01", "partners", (ANA, "U0SOCIALDSK"), is_ext_shared=True)
    )
    info = await client.conversations_info(channel="C0PARTNER01", include_num_members=True)
    assert (info["channel"]["is_ext_shared"], info["channel"]["num_members"]) == (True, 2)
    members = await client.conversations_members(channel="C0PARTNER01")
    assert members["members"] == [ANA, "U0SOCIALDSK"]
    slack.workspace.archive(GENERAL)
    listed = await client.users_conversations(exclude_archived=True)
    assert GENERAL not in [channel["id"] for channel in listed["channels"]]


async def test_the_app_joins_public_channels_and_then_reads_them(
    client: AsyncWebClient, slack: Slack
) -> None:
    slack.workspace.put_channel(Channel("C0OUTSIDE01", "outside", (ANA,)))
    history = client.conversations_history(channel="C0OUTSIDE01")
    assert await refusal(history) == "not_in_channel"
    await client.conversations_join(channel="C0OUTSIDE01")
    read = await client.conversations_history(channel="C0OUTSIDE01")
    assert read["messages"][0]["subtype"] == "channel_join"
    again = await client.conversations_join(channel="C0OUTSIDE01")
    assert again["warning"] == "already_in_channel"


async def test_history_keeps_to_its_range_and_pages(client: AsyncWebClient, slack: Slack) -> None:
    sent = [slack.people.post_message(ANA, SOCIAL, str(number)) for number in range(5)]

    async def texts(**arguments: Any) -> list[str]:
        answer = await client.conversations_history(channel=SOCIAL, **arguments)
        return [message["text"] for message in answer["messages"]]

    assert await texts() == ["4", "3", "2", "1", "0"]
    assert await texts(oldest=sent[1].ts, latest=sent[3].ts) == ["2"]
    assert await texts(oldest=sent[1].ts, latest=sent[3].ts, inclusive=True) == ["3", "2", "1"]
    first = await client.conversations_history(channel=SOCIAL, limit=3)
    assert first["has_more"] is True
    cursor = first["response_metadata"]["next_cursor"]
    assert await texts(limit=3, cursor=cursor) == ["1", "0"]


async def test_a_thread_is_read_by_pages_with_its_metadata_if_asked_for(
    client: AsyncWebClient,
) -> None:
    parent = await client.chat_postMessage(channel=SOCIAL, text="parent")
    metadata = {"event_type": "card", "event_payload": {"id": "n1"}}
    for number in range(4):
        await client.chat_postMessage(
            channel=SOCIAL, text=str(number), thread_ts=parent["ts"], metadata=metadata
        )
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = await client.conversations_replies(
            channel=SOCIAL, ts=parent["ts"], limit=2, cursor=cursor, include_all_metadata=True
        )
        seen += [message["text"] for message in page["messages"]]
        assert all(
            message["metadata"] == metadata
            for message in page["messages"]
            if message["text"] != "parent"
        )
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
    assert seen == ["parent", "0", "1", "2", "3"]
    assert not cursor
    assert not page["has_more"]
    bare = await client.conversations_replies(channel=SOCIAL, ts=parent["ts"])
    assert not any("metadata" in message for message in bare["messages"])
    nowhere = client.conversations_replies(channel=SOCIAL, ts="1.000001")
    assert await refusal(nowhere) == "thread_not_found"


async def test_direct_messages_are_opened_with_one_person(
    client: AsyncWebClient, slack: Slack
) -> None:
    first = await client.conversations_open(users=ANA)
    second = await client.conversations_open(users=[ANA], return_im=True)
    assert first["channel"]["id"] == second["channel"]["id"]
    assert second["channel"]["user"] == ANA
    assert await refusal(client.conversations_open(users="U0NOBODY001")) == "user_not_found"
    assert await refusal(client.conversations_open(users=[])) == "users_list_not_supplied"


async def test_people_teams_and_groups_are_told(client: AsyncWebClient, slack: Slack) -> None:
    slack.workspace.put_user_group(UserGroup("S0SOCIAL001", "social", "Social", (ANA, BEN)))
    eva = (await client.users_info(user=EVA))["user"]
    assert (eva["is_admin"], eva["is_owner"], eva["tz"]) == (True, True, "Europe/Berlin")
    ben = (await client.users_info(user=BEN))["user"]
    assert ben["tz_offset"] in (-5 * 3600, -4 * 3600)
    assert len((await client.users_list())["members"]) == 7
    assert (await client.team_info())["team"]["domain"] == "acorn"
    assert (await client.bots_info(bot="B0SOCIALDSK"))["bot"]["user_id"] == "U0SOCIALDSK"
    groups = await client.usergroups_list(include_users=True)
    assert {group["handle"]: group["users"] for group in groups["usergroups"]} == {
        "care": [DANA],
        "legal": [CHIDI, DANA],
        "social": [ANA, BEN],
    }
    members = await client.usergroups_users_list(usergroup="S0SOCIAL001")
    assert members["users"] == [ANA, BEN]
    nobody = client.usergroups_users_list(usergroup="S0NOBODY001")
    assert await refusal(nobody) == "no_such_subteam"
    social = slack.workspace.user_groups["S0SOCIAL001"]
    slack.people.change_group(replace(social, date_delete=1))
    handles = [group["handle"] for group in (await client.usergroups_list())["usergroups"]]
    assert "social" not in handles
    disabled = client.usergroups_users_list(usergroup="S0SOCIAL001")
    assert await refusal(disabled) == "no_such_subteam"
    listed = await client.usergroups_list(include_disabled=True)
    assert {group["handle"]: group["date_delete"] for group in listed["usergroups"]}["social"] == 1
    other = Team("T0OTHER0001", "Other", "other")
    assert await refusal(client.team_info(team=other.id)) == "team_not_found"
    slack.people.share_channel(GENERAL, other)
    assert (await client.team_info(team=other.id))["team"]["name"] == "Other"
    shared = (await client.conversations_info(channel=GENERAL))["channel"]
    assert (shared["is_ext_shared"], shared["connected_team_ids"]) == (True, [other.id])


async def test_calls_are_recorded_with_tokens_masked(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    recorder = Recorder(path)
    slack = Slack.around(workspace)
    async with serving(slack, create_app(slack, strict=True, recorder=recorder)) as url:
        client = AsyncWebClient(token=workspace.app.bot_token, base_url=f"{url}/api/")
        await client.chat_postMessage(channel=CARE, text=f"look: {workspace.app.bot_token}")
        await client.api_call("auth.test", params={"token": workspace.app.bot_token})
    await slack.close()
    recorder.close()
    assert workspace.app.bot_token not in path.read_text()
    first, second = map(json.loads, path.read_text().splitlines())
    assert first["method"] == "chat.postMessage"
    assert first["arguments"] == {"channel": CARE, "text": "look: xoxb-***"}
    assert first["answer"]["message"]["text"] == "look: xoxb-***"
    assert second["method"] == "auth.test"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/playground/faults", {}, 200),
        ("/playground/faults", {"Host": "evil.example"}, 403),
        ("/playground/faults", {"Origin": "https://evil.example"}, 403),
        ("/playground/faults", {"Origin": "null"}, 403),
        ("/api/auth.test", {"Host": "evil.example"}, 403),
        ("/api/auth.test", {"Origin": "https://evil.example"}, 200),
    ],
)
async def test_other_sites_and_names_are_kept_out(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await http.get(path, headers=headers)).status_code == status


async def test_its_own_pages_may_ask(slack: Slack, http: httpx.AsyncClient) -> None:
    origin = {"Origin": slack.workspace.base_url}
    assert (await http.delete("/playground/faults", headers=origin)).status_code == 200
