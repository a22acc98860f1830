"""The manifest asks for what the code needs and for nothing else, within Slack's limits."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from handlers.ids import COMMAND, Shortcut
from handlers.manifest import BOT_SCOPES, EVENTS, creation_link, manifest
from tests.unit import slack_scopes

ROOT = Path(__file__).parents[2]
METHODS = {name.replace(".", "_"): name for name in slack_scopes.SCOPES}
FAMILIES = frozenset(name.partition(".")[0] for name in slack_scopes.SCOPES)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("handlers", "bot"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "playground" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def called_methods() -> dict[str, str]:
    """Each Web API method that the code calls, and a file that does: by slack_sdk's method of a
    client, or by its name (as the doctor does)."""
    called: dict[str, str] = {}
    for source, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in slack_scopes.SCOPES:
                called[node.value] = source
            if not isinstance(node, ast.Attribute):
                continue
            on_client = ast.unparse(node.value).rpartition(".")[2].lstrip("_") == "client"
            if not (on_client and node.attr.partition("_")[0] in FAMILIES):
                continue
            for name in slack_scopes.HELPERS.get(node.attr, (METHODS.get(node.attr, node.attr),)):
                called[name] = source
    return called


def test_what_is_called_is_in_the_table() -> None:
    unknown = {name: at for name, at in called_methods().items() if name not in slack_scopes.SCOPES}
    assert unknown == {}


def test_the_search_for_calls_finds_them() -> None:
    called = called_methods()
    for name in ("chat.postMessage", "views.publish", "users.info", "files.completeUploadExternal"):
        assert called[name].startswith("handlers/")
    assert called["conversations.info"]
    assert called["apps.connections.open"] == "bot/doctor_slack.py"


def test_the_scopes_are_those_that_the_code_needs() -> None:
    needed = set(slack_scopes.SLASH_COMMANDS_AND_SHORTCUTS)
    for name in called_methods():
        needed |= slack_scopes.SCOPES[name]
    for event in EVENTS:
        needed |= slack_scopes.EVENTS[event]
    if any('"file_input"' in (ROOT / source).read_text() for source, _ in sources()):
        needed |= slack_scopes.FILE_INPUT
    assert set(BOT_SCOPES) == needed
    assert len(BOT_SCOPES) == len(set(BOT_SCOPES))


URL = "https://social.example.com/slack/events"


BACK = "https://social.example.com/slack/oauth_redirect"


@pytest.mark.parametrize(
    "shown", [manifest(), manifest(request_url=URL), manifest(request_url=URL, redirect_url=BACK)]
)
def test_it_keeps_slacks_limits(shown: dict[str, Any]) -> None:
    about, features = shown["display_information"], shown["features"]
    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert len(features["bot_user"]["display_name"]) <= 80
    commands, shortcuts = features["slash_commands"], features["shortcuts"]
    assert len(commands) <= 50
    assert len(shortcuts) <= 10
    for command in commands:
        assert len(command["command"]) <= 32
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
        assert command["should_escape"] is True
    for shortcut in shortcuts:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
        assert len(shortcut["callback_id"]) <= 255
    assert [command["command"] for command in commands] == [COMMAND]
    assert {shortcut["callback_id"] for shortcut in shortcuts} == {each.value for each in Shortcut}


def test_socket_mode_needs_no_address_and_http_has_it_everywhere() -> None:
    by_socket, by_http = manifest(), manifest(request_url=URL)
    assert by_socket["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(by_socket)
    assert by_http["settings"]["socket_mode_enabled"] is False
    settings = by_http["settings"]
    assert settings["event_subscriptions"]["request_url"] == URL
    assert settings["interactivity"]["request_url"] == URL
    assert [command["url"] for command in by_http["features"]["slash_commands"]] == [URL]


def test_many_workspaces_come_back_to_us_with_tokens_that_end() -> None:
    many, one = manifest(request_url=URL, redirect_url=BACK), manifest(request_url=URL)
    assert many["oauth_config"]["redirect_urls"] == [BACK]
    assert many["settings"]["token_rotation_enabled"] is True
    assert many["settings"]["org_deploy_enabled"] is True
    assert "redirect_urls" not in one["oauth_config"]
    assert one["settings"]["token_rotation_enabled"] is False


def test_the_link_brings_the_whole_manifest_to_slack() -> None:
    link = creation_link(manifest())
    assert link.startswith("https://api.slack.com/apps?")
    assert len(link) < 8000  # what servers take in an address
    query = parse_qs(urlsplit(link).query)
    assert query["new_app"] == ["1"]
    assert json.loads(query["manifest_json"][0]) == manifest()
