"""The state: kept through a kill, encoded as Slack encodes, announced to live pages."""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.playground.changes import BACKLOG, ChangeKind
from bot.playground.encoding import encode_command, encode_message, shortcodes
from bot.playground.errors import SlackError
from bot.playground.seed import ANA, BEN, SOCIAL, seed
from bot.playground.slack import Slack
from bot.playground.workspace import Workspace
from tests.playground.conftest import Clock
from tests.playground.manifest import MANIFEST

WRITER = """
import os, signal, sys
from pathlib import Path
from typing import ClassVar
from bot.playground.seed import ANA, SOCIAL, seed
from bot.playground.workspace import Workspace

workspace = Workspace(Path(sys.argv[1]), {})
seed(workspace)
file = workspace.files.upload(ANA, "a.txt", b"hello")
message = workspace.say(ANA, SOCIAL, "kept", files=(file.id,))
workspace.react(SOCIAL, message.ts, "eyes", ANA)
view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}
workspace.views.push(ANA, view) if workspace.views.stack(ANA) else workspace.views.open(ANA, view)
workspace.grants.new_response_url(kind="commands", channel=SOCIAL, user=ANA)
print(workspace.app.bot_token, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    tokens = []
    for _ in range(2):
        killed = subprocess.run(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        tokens.append(killed.stdout)
    assert tokens[0] == tokens[1]
    workspace = Workspace(tmp_path, MANIFEST)
    messages = workspace.timeline(SOCIAL)
    assert [message.text for message in messages] == ["kept", "kept"]
    assert messages[0].reactions[0].users == (ANA,)
    assert workspace.files.content_path(messages[1].files[0]).read_bytes() == b"hello"
    assert len(workspace.views.stack(ANA)) == 2
    assert len(workspace.people()) == 5
    assert workspace.next_ts() > messages[1].ts
    workspace.close()


def test_seeding_again_changes_nothing(workspace: Workspace) -> None:
    workspace.say(ANA, SOCIAL, "x")
    workspace.remove_member(SOCIAL, BEN)
    seed(workspace)
    assert BEN not in workspace.channel(SOCIAL).members


def test_a_ts_is_never_given_twice(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, MANIFEST, now=lambda: 1_700_000_000.999999)
    stamps = [workspace.next_ts() for _ in range(3)]
    assert stamps == ["1700000000.999999", "1700000001.000000", "1700000001.000001"]
    workspace.close()


async def test_a_slow_page_is_told_to_load_everything_anew(workspace: Workspace) -> None:
    with workspace.changes.subscribe() as changes:
        for number in range(BACKLOG + 1):
            workspace.say(ANA, SOCIAL, str(number))
        assert (await changes.get()).kind is ChangeKind.EVERYTHING


@pytest.mark.parametrize(
    ("typed", "message", "command"),
    [
        ("a & b <c>", "a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;"),
        ("see https://example.com/a?b=1&c=2.", "see <https://example.com/a?b=1&amp;c=2>.", None),
        ("example.com rocks", "<http://example.com|example.com> rocks", None),
        ("mail a@b.example", "mail <mailto:a@b.example|a@b.example>", None),
        ("@ben and @nobody", f"<@{BEN}> and @nobody", f"<@{BEN}|ben> and @nobody"),
        ("in #social #nowhere", f"in <#{SOCIAL}|social> #nowhere", None),
        ("@here", "<!here>", None),
        ("@care", "<!subteam^S0CARE00001|@care>", None),
        ("well done 🎉👍🏽", "well done :tada::+1::skin-tone-4:", None),
        ("*bold* :tada:", "*bold* :tada:", None),
        ("price 1.50", "price 1.50", None),
    ],
)
def test_text_arrives_as_slack_encodes_it(
    workspace: Workspace, typed: str, message: str, command: str | None
) -> None:
    assert encode_message(workspace, typed) == message
    assert encode_command(workspace, typed, should_escape=True) == (command or message)


def test_without_should_escape_names_and_links_stay_as_typed(workspace: Workspace) -> None:
    typed = "@ben #social https://example.com <b>"
    encoded = encode_command(workspace, typed, should_escape=False)
    assert encoded == "@ben #social https://example.com &lt;b&gt;"


class Nobody:
    """A workspace in which no name is known."""

    user_groups: ClassVar[dict[str, object]] = {}

    def user_named(self, name: str) -> None:
        raise SlackError("user_not_found")

    def channel_named(self, name: str) -> None:
        raise SlackError("channel_not_found")


@settings(deadline=None)
@given(st.text())
def test_encoded_text_has_no_bare_angle_brackets_and_loses_no_word(typed: str) -> None:
    encoded = encode_message(Nobody(), typed)  # type: ignore[arg-type]
    plain = re.sub(
        r"<(?:mailto:[^|>]*\|([^>]*)|http[^|>]*\|([^>]*)|!(\w+)|([^>]*))>", _shown, encoded
    )
    assert "<" not in plain
    assert html.unescape(plain) == html.unescape(shortcodes(typed).replace("&", "&amp;"))


def _shown(match: re.Match[str]) -> str:
    label = match[1] or match[2] or match[4]
    return label if label is not None else f"@{match[3]}"


async def test_people_write_only_where_they_can(slack: Slack) -> None:
    slack.workspace.remove_member(SOCIAL, ANA)
    with pytest.raises(SlackError, match="not_in_channel"):
        slack.people.post_message(ANA, SOCIAL, "x")
    slack.people.join_channel(ANA, SOCIAL)
    slack.workspace.archive(SOCIAL)
    with pytest.raises(SlackError, match="is_archived"):
        slack.people.post_message(ANA, SOCIAL, "x")


async def test_pressing_what_is_not_there_is_an_error(slack: Slack, clock: Clock) -> None:
    message = slack.people.post_message(ANA, SOCIAL, "x")
    with pytest.raises(LookupError):
        await slack.people.press(BEN, message, "approve")
