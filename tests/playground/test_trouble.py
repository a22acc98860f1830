"""Trouble on demand: calls, deliveries and sockets that go wrong as Slack's do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.faults import ApiTrouble, DeliveryTrouble
from bot.playground.seed import ANA, BEN, SOCIAL, seed
from bot.playground.slack import Slack
from bot.playground.workspace import Workspace
from tests.playground.bolt_bot import Inbox, bolt_app, over_http, over_socket, wait_until
from tests.playground.conftest import Clock
from tests.playground.manifest import MANIFEST
from tests.playground.test_bolt_journeys import FORM


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def bot(slack: Slack, inbox: Inbox) -> AsyncApp:
    app = bolt_app(slack)

    @app.event("message")
    async def message(body: dict[str, Any]) -> None:
        await inbox.add(body)

    @app.command("/social")
    async def social(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await inbox.add(body)

    return app


def impatient(slack: Slack) -> AsyncWebClient:
    """A client that doesn't try again by itself."""
    return AsyncWebClient(
        token=slack.workspace.app.bot_token,
        base_url=f"{slack.workspace.base_url}/api/",
        retry_handlers=[],
    )


class TestCalls:
    async def test_a_rate_limit_names_the_seconds_to_wait_and_ends(self, slack: Slack) -> None:
        client = impatient(slack)
        slack.faults.trouble_calls("chat.postMessage", ApiTrouble.RATE_LIMITED, seconds=7)
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=SOCIAL, text="x")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "7"
        assert (await client.chat_postMessage(channel=SOCIAL, text="x"))["ok"] is True

    async def test_an_error_of_the_server_carries_nothing_out(self, slack: Slack) -> None:
        slack.faults.trouble_calls("*", ApiTrouble.SERVER_ERROR, times=2)
        async with httpx.AsyncClient(trust_env=False) as http:
            for status in (500, 500, 200):
                answer = await http.post(
                    f"{slack.workspace.base_url}/api/chat.postMessage",
                    headers={"Authorization": f"Bearer {slack.workspace.app.bot_token}"},
                    json={"channel": SOCIAL, "text": str(status)},
                )
                assert answer.status_code == status
        assert [message.text for message in slack.workspace.timeline(SOCIAL)] == ["200"]

    async def test_a_named_refusal_can_be_asked_for(self, slack: Slack) -> None:
        posted = await impatient(slack).chat_postMessage(channel=SOCIAL, text="x")
        slack.faults.trouble_calls("chat.update", ApiTrouble.ERROR, error="edit_window_closed")
        with pytest.raises(SlackApiError) as caught:
            await impatient(slack).chat_update(channel=SOCIAL, ts=posted["ts"], text="y")
        assert caught.value.response["error"] == "edit_window_closed"
        assert slack.workspace.message(SOCIAL, posted["ts"]).text == "x"

    async def test_a_lost_answer_was_carried_out_all_the_same(self, slack: Slack) -> None:
        slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LOST)
        async with httpx.AsyncClient(trust_env=False) as http:
            with pytest.raises(httpx.RemoteProtocolError):
                await http.post(
                    f"{slack.workspace.base_url}/api/chat.postMessage",
                    headers={"Authorization": f"Bearer {slack.workspace.app.bot_token}"},
                    json={"channel": SOCIAL, "text": "once"},
                )
        assert [message.text for message in slack.workspace.timeline(SOCIAL)] == ["once"]

    async def test_a_garbled_answer_was_carried_out_all_the_same(self, slack: Slack) -> None:
        slack.faults.trouble_calls("chat.postMessage", ApiTrouble.GARBLED)
        with pytest.raises(SlackApiError) as caught:
            await impatient(slack).chat_postMessage(channel=SOCIAL, text="once")
        assert caught.value.response.status_code == 502
        assert [message.text for message in slack.workspace.timeline(SOCIAL)] == ["once"]

    async def test_a_late_answer_is_of_what_was_done_at_once(self, slack: Slack) -> None:
        slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LATE, seconds=0.3)
        late = asyncio.create_task(impatient(slack).chat_postMessage(channel=SOCIAL, text="now"))
        await wait_until(lambda: bool(slack.workspace.timeline(SOCIAL)))
        assert not late.done()
        assert (await late)["ok"] is True

    async def test_a_client_that_repeats_lost_calls_posts_twice(self, slack: Slack) -> None:
        client = impatient(slack)
        client.retry_handlers.append(AsyncConnectionErrorRetryHandler())
        slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LOST)
        await client.chat_postMessage(channel=SOCIAL, text="twice")
        texts = [message.text for message in slack.workspace.timeline(SOCIAL)]
        assert texts == ["twice", "twice"]

    async def test_a_slow_answer_comes_later_than_its_time(self, slack: Slack) -> None:
        slack.faults.trouble_calls("auth.test", ApiTrouble.SLOW, seconds=0.2)
        client = impatient(slack)
        slow = asyncio.create_task(client.auth_test())
        await wait_until(lambda: not slack.faults.pending()["calls"])
        assert (await client.auth_test())["ok"] is True
        assert not slow.done()
        assert (await slow)["ok"] is True

    async def test_a_channel_takes_one_message_a_second_when_asked_to(
        self, slack: Slack, clock: Clock
    ) -> None:
        client = impatient(slack)
        slack.faults.limit_channels = True
        await client.chat_postMessage(channel=SOCIAL, text="1")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=SOCIAL, text="2")
        assert caught.value.response.status_code == 429
        clock.forward(1.1)
        await client.chat_postMessage(channel=SOCIAL, text="3")

    async def test_trouble_can_be_ordered_from_another_process(self, slack: Slack) -> None:
        async with httpx.AsyncClient(base_url=slack.workspace.base_url, trust_env=False) as http:
            order = {"method": "auth.test", "trouble": "rate_limited", "seconds": 2}
            pending = (await http.post("/playground/faults", json=order)).json()
            assert pending["calls"][0]["method"] == "auth.test"
            delivery = {"delivery": "wrong_signature", "times": 2}
            pending = (await http.post("/playground/faults", json=delivery)).json()
            assert pending["deliveries"] == ["wrong_signature", "wrong_signature"]
            wrong = await http.post("/playground/faults", json={"trouble": "earthquake"})
            assert wrong.status_code == 400
            cleared = (await http.delete("/playground/faults")).json()
            assert cleared == {"calls": [], "deliveries": [], "limit_channels": False}


class TestDeliveries:
    @pytest.mark.parametrize(
        "trouble", [DeliveryTrouble.WRONG_SIGNATURE, DeliveryTrouble.OLD_TIMESTAMP]
    )
    async def test_a_forged_request_is_refused_by_the_app_and_the_person_told(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox, trouble: DeliveryTrouble
    ) -> None:
        slack.faults.trouble_deliveries(trouble)
        async with over_http(slack, bot):
            outcome = await slack.people.slash_command(ANA, SOCIAL, "/social")
            assert outcome.problem == "/social failed. Socialdesk answered with status code 401."
            assert slack.workspace.timeline(SOCIAL, ANA)[-1].text == outcome.problem
            assert inbox.bodies == []
            assert (await slack.people.slash_command(ANA, SOCIAL, "/social")).ok

    async def test_an_event_can_be_repeated_with_slacks_headers(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox
    ) -> None:
        slack.faults.trouble_deliveries(DeliveryTrouble.REPEATED)
        async with over_http(slack, bot):
            slack.people.post_message(ANA, SOCIAL, "hello")
            await slack.delivery.settle()
        first, second = slack.delivery.log
        assert first.payload["event_id"] == second.payload["event_id"]
        assert "X-Slack-Retry-Num" not in first.headers
        assert second.headers["X-Slack-Retry-Num"] == "1"
        assert second.headers["X-Slack-Retry-Reason"] == "http_timeout"

    async def test_an_unacknowledged_event_is_tried_three_more_times(self, slack: Slack) -> None:
        slack.delivery.request_url = f"{slack.workspace.base_url}/nowhere"
        slack.people.post_message(ANA, SOCIAL, "hello")
        await slack.delivery.settle()
        retries = [sent.headers.get("X-Slack-Retry-Num") for sent in slack.delivery.log]
        assert retries == [None, "1", "2", "3"]
        assert slack.delivery.log[1].headers["X-Slack-Retry-Reason"] == "http_error"

    async def test_a_request_can_be_replayed_byte_for_byte(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox
    ) -> None:
        async with over_http(slack, bot):
            await slack.people.slash_command(ANA, SOCIAL, "/social")
            async with httpx.AsyncClient(trust_env=False) as http:
                answer = await http.post(f"{slack.workspace.base_url}/playground/replay")
            assert answer.json() == {"status": 200}
            await inbox.wait(lambda _: len(inbox.bodies) == 2)
        assert inbox.bodies[0]["trigger_id"] == inbox.bodies[1]["trigger_id"]

    async def test_a_person_is_told_when_the_app_does_not_run_or_answer(self, slack: Slack) -> None:
        outcome = await slack.people.slash_command(ANA, SOCIAL, "/social")
        assert outcome.problem == (
            "/social failed. Socialdesk isn't running. Start it and try again."
        )
        slack.delivery.request_url = "http://127.0.0.1:1/"
        outcome = await slack.people.slash_command(ANA, SOCIAL, "/social")
        assert "could not be reached" in outcome.problem

    async def test_an_app_that_misses_three_seconds_is_reported_and_nothing_typed_is_lost(
        self, slack: Slack
    ) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        slack.delivery.request_url = f"http://127.0.0.1:{port}/"
        view = slack.workspace.views.open(ANA, FORM)
        command, submission = await asyncio.gather(
            slack.people.slash_command(ANA, SOCIAL, "/social"),
            slack.people.submit_view(ANA, view.id, {"text": {"value": "precious"}}),
        )
        assert command.problem == "/social failed. Socialdesk did not respond."
        assert submission.problem.startswith("We had some trouble connecting.")
        kept = slack.workspace.views.get(view.id)
        assert kept.typed["text"]["value"]["value"] == "precious"
        assert kept.trouble == "We had some trouble connecting. Try again?"
        silent.close()

    async def test_without_interactivity_in_the_manifest_nothing_is_pressed(
        self, tmp_path: Path
    ) -> None:
        workspace = Workspace(tmp_path / "bare", {**MANIFEST, "settings": {}})
        seed(workspace)
        slack = Slack.around(workspace, request_url="http://127.0.0.1:1/")
        view = workspace.views.open(ANA, FORM)
        outcome = await slack.people.press(ANA, view, "check")
        assert "isn't set up for buttons" in outcome.problem
        slack.people.post_message(ANA, SOCIAL, "no event either")
        await slack.delivery.settle()
        assert not slack.delivery.log
        await slack.close()

    async def test_unknown_commands_and_commands_in_threads_are_slacks_own_matter(
        self, slack: Slack
    ) -> None:
        outcome = await slack.people.send(ANA, SOCIAL, "/sociable draft")
        assert outcome.problem.startswith("/sociable is not a valid command")
        parent = slack.people.post_message(ANA, SOCIAL, "x")
        outcome = await slack.people.send(ANA, SOCIAL, "/social", thread_ts=parent.ts)
        assert outcome.problem == "/social is not supported in threads. Sorry!"
        assert not slack.delivery.log


class TestSocketMode:
    async def test_a_disconnect_with_two_connections_loses_nothing(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox
    ) -> None:
        async with over_socket(slack, bot), over_socket(slack, bot):
            await wait_until(lambda: slack.delivery.socket.connection_count == 2)
            for round_number in range(3):
                slack.people.post_message(ANA, SOCIAL, f"before {round_number}")
                leaving = asyncio.create_task(slack.delivery.socket.disconnect())
                await asyncio.sleep(0)
                slack.people.post_message(ANA, SOCIAL, f"during {round_number}")
                assert (await slack.people.slash_command(BEN, SOCIAL, "/social")).ok
                assert await leaving == 1
                await wait_until(lambda: slack.delivery.socket.connection_count == 2)
            await slack.delivery.settle()
        told = {body["event_id"] for body in inbox.bodies if "event_id" in body}
        assert len(told) == 6

    async def test_an_unacknowledged_event_goes_to_the_other_connection(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox
    ) -> None:
        silent = slack.delivery.socket.new_url()
        async with websockets.connect(silent) as deaf:
            await deaf.recv()
            async with over_socket(slack, bot):
                slack.people.post_message(ANA, SOCIAL, "hello")
                await deaf.recv()
                await deaf.close()
                body = await inbox.wait(lambda body: "event_id" in body)
        assert body["event"]["text"] == "hello"

    async def test_an_address_is_good_for_one_connection(self, slack: Slack) -> None:
        url = slack.delivery.socket.new_url()
        async with websockets.connect(url) as first:
            assert '"hello"' in str(await first.recv())
            with pytest.raises(websockets.InvalidStatus):
                async with websockets.connect(url):
                    pass

    async def test_foreign_pages_get_no_socket(self, slack: Slack) -> None:
        url = slack.delivery.socket.new_url()
        with pytest.raises(websockets.InvalidStatus):
            async with websockets.connect(url, origin="https://evil.example"):
                pass
        assert slack.delivery.socket.connection_count == 0


class TestResponseUrls:
    async def test_a_response_url_takes_five_messages_in_half_an_hour(
        self, slack: Slack, clock: Clock
    ) -> None:
        grants = slack.workspace.grants
        url = grants.new_response_url(kind="commands", channel=SOCIAL, user=ANA)
        address = slack.workspace.response_url_address(url)
        late = grants.new_response_url(kind="commands", channel=SOCIAL, user=ANA)
        async with httpx.AsyncClient(trust_env=False) as http:
            for number in range(5):
                body = {"text": str(number), "response_type": "in_channel"}
                assert (await http.post(address, json=body)).text == "ok"
            sixth = await http.post(address, json={"text": "6"})
            assert (sixth.status_code, sixth.json()["error"]) == (404, "used_url")
            clock.forward(31 * 60)
            expired = await http.post(
                slack.workspace.response_url_address(late), json={"text": "x"}
            )
            assert (expired.status_code, expired.json()["error"]) == (404, "expired_url")
        assert len(slack.workspace.timeline(SOCIAL, BEN)) == 5

    async def test_an_ephemeral_original_is_replaced_and_deleted(self, slack: Slack) -> None:
        workspace = slack.workspace
        shown = workspace.slackbot(ANA, SOCIAL, "card")
        url = workspace.grants.new_response_url(
            kind="actions", channel=SOCIAL, user=ANA, message_ts=shown.ts
        )
        address = workspace.response_url_address(url)
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.post(address, json={"text": "new", "replace_original": True})
            assert [m.text for m in workspace.timeline(SOCIAL, ANA)] == ["new"]
            refused = await http.post(address, json={"text": "x", "blocks": [{"type": "no"}]})
            assert refused.json()["error"] == "invalid_blocks"
            await http.post(address, json={"delete_original": True})
            assert workspace.timeline(SOCIAL, ANA) == []
