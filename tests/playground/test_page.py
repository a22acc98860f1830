"""What the page's server gives to whom, without a browser."""

from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.applications import Starlette

from bot.playground.app_record import Command
from bot.playground.page import CHANGED_MEANWHILE, Page
from bot.playground.page_forms import entered_values, with_typed
from bot.playground.page_messages import size_in_words
from bot.playground.records import Json
from bot.playground.screen import suggestions_for
from bot.playground.seed import ANA, BEN, SOCIAL
from bot.playground.slack import Slack
from bot.playground.workspace import Workspace

BERLIN = ZoneInfo("Europe/Berlin")
BUTTON: Json = {
    "type": "actions",
    "block_id": "b",
    "elements": [
        {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Go"}}
    ],
}
MODAL: Json = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Form"},
    "blocks": [BUTTON],
}


@pytest.fixture
async def browser(workspace: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    slack = Slack.around(workspace)
    app = Starlette(routes=Page(workspace, slack.people, lambda: False).routes())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    await slack.close()


async def problem(browser: httpx.AsyncClient, path: str, body: dict[str, Any]) -> str:
    answer = await browser.post(path, json=body)
    assert answer.status_code == 200
    said: str = answer.json()["problem"]
    return said


async def test_a_page_may_load_nothing_from_elsewhere(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"/w/{ANA}/{SOCIAL}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


@pytest.mark.parametrize("user", ["U0NOBODY", "USLACKBOT", "U0SOCIALDSK"])
async def test_only_people_have_pages(browser: httpx.AsyncClient, user: str) -> None:
    assert (await browser.get(f"/w/{user}/{SOCIAL}")).status_code == 404


async def test_a_private_upload_is_seen_by_its_owner_until_it_is_shared(
    browser: httpx.AsyncClient, workspace: Workspace
) -> None:
    file = workspace.files.upload(ANA, "plan.html", b"<script>alert(1)</script>")
    assert (await browser.get(f"/w/{BEN}/files/{file.id}")).status_code == 404
    mine = await browser.get(f"/w/{ANA}/files/{file.id}")
    assert mine.content == b"<script>alert(1)</script>"
    assert mine.headers["content-type"] == "application/octet-stream"
    assert mine.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in mine.headers["content-security-policy"]
    workspace.say(ANA, SOCIAL, "", files=(file.id,))
    assert (await browser.get(f"/w/{BEN}/files/{file.id}")).status_code == 200


async def test_nobody_presses_in_another_persons_form_or_ephemeral_message(
    browser: httpx.AsyncClient, workspace: Workspace
) -> None:
    press = {"block_id": "b", "action_id": "a", "value": None, "values": {}}
    view = workspace.views.open(ANA, MODAL)
    said = await problem(browser, f"/w/{BEN}/press", {**press, "view": view.id})
    assert said == CHANGED_MEANWHILE
    message = workspace.say(
        workspace.app.bot_user_id, SOCIAL, "psst", ephemeral_to=ANA, blocks=[BUTTON]
    )
    place = {"channel": SOCIAL, "ts": message.ts}
    assert await problem(browser, f"/w/{BEN}/press", {**press, **place}) == CHANGED_MEANWHILE
    assert "isn't running" in await problem(browser, f"/w/{ANA}/press", {**press, **place})


async def test_a_button_that_is_gone_is_answered_in_words(
    browser: httpx.AsyncClient, workspace: Workspace
) -> None:
    message = workspace.say(ANA, SOCIAL, "plain")
    body = {"channel": SOCIAL, "ts": message.ts, "block_id": "b", "action_id": "a", "values": {}}
    assert await problem(browser, f"/w/{ANA}/press", body) == CHANGED_MEANWHILE


async def test_a_permalink_leads_to_the_message_as_the_person_last_seen(
    browser: httpx.AsyncClient, workspace: Workspace
) -> None:
    message = workspace.say(ANA, SOCIAL, "look")
    await browser.get(f"/w/{BEN}/{SOCIAL}")
    answer = await browser.get(f"/archives/{SOCIAL}/p{message.ts.replace('.', '')}")
    assert answer.headers["location"] == f"/w/{BEN}/{SOCIAL}?message={message.ts}"


async def test_older_messages_are_a_page_further_up(
    browser: httpx.AsyncClient, workspace: Workspace
) -> None:
    for number in range(100):
        workspace.say(ANA, SOCIAL, f"number {number}.")
    newest = await browser.get(f"/w/{ANA}/{SOCIAL}")
    assert "number 99." in newest.text
    assert "number 9." not in newest.text
    earlier = newest.text.partition('href="?from=')[2].partition('"')[0]
    assert "number 0." in (await browser.get(f"/w/{ANA}/{SOCIAL}?from={earlier}")).text


def test_a_usage_hint_names_the_sub_commands_that_are_suggested() -> None:
    command = Command("/social", "Run it", "[draft <text> | queue | digest daily 9:00]", True)
    assert suggestions_for(command) == [
        ("/social", "[draft <text> | queue | digest daily 9:00]", "Run it"),
        ("/social draft", "<text>", ""),
        ("/social queue", "", ""),
        ("/social digest", "daily 9:00", ""),
    ]
    assert len(suggestions_for(Command("/plain", "", "<anything>", True))) == 1


def picker(kind: str) -> list[Json]:
    return [{"type": "input", "block_id": "b", "element": {"type": kind, "action_id": "a"}}]


@pytest.mark.parametrize(
    ("local", "instant"),
    [
        ("2027-03-28T03:30", 1806197400),
        ("2027-03-28T01:30", 1806193800),
        ("2026-10-25T02:30", 1792888200),
    ],
)
def test_a_date_and_time_is_the_persons_own(local: str, instant: int) -> None:
    values = entered_values(picker("datetimepicker"), {"b": {"a": local}}, BERLIN)
    assert values == {"b": {"a": str(instant)}}
    shown = with_typed(
        picker("datetimepicker"), {"b": {"a": {"type": "x", "selected_date_time": instant}}}
    )
    assert shown[0]["element"]["initial_date_time"] == instant


def test_a_text_that_looks_like_a_date_stays_a_text() -> None:
    values = entered_values(picker("plain_text_input"), {"b": {"a": "2027-03-28T03:30"}}, BERLIN)
    assert values == {"b": {"a": "2027-03-28T03:30"}}


@pytest.mark.parametrize(
    ("size", "words"), [(999, "999 B"), (12_300, "12 kB"), (2_500_000, "2.5 MB")]
)
def test_sizes_are_written_as_people_read_them(size: int, words: str) -> None:
    assert size_in_words(size) == words
