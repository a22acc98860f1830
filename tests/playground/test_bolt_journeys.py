"""People act, a real Bolt app answers: the same over signed HTTP and over Socket Mode."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from bot.playground.errors import SlackError
from bot.playground.seed import ANA, BEN, SOCIAL
from bot.playground.slack import Slack
from tests.playground.bolt_bot import Inbox, bolt_app, over_http, over_socket

FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "draft",
    "title": {"type": "plain_text", "text": "Draft"},
    "submit": {"type": "plain_text", "text": "Save"},
    "notify_on_close": True,
    "private_metadata": "m",
    "blocks": [
        {
            "type": "input",
            "block_id": "text",
            "label": {"type": "plain_text", "text": "Text"},
            "element": {"type": "plain_text_input", "action_id": "value", "max_length": 20},
        },
        {
            "type": "input",
            "block_id": "networks",
            "optional": True,
            "label": {"type": "plain_text", "text": "Networks"},
            "element": {
                "type": "checkboxes",
                "action_id": "value",
                "options": [
                    {"text": {"type": "plain_text", "text": name}, "value": name}
                    for name in ("bluesky", "mastodon")
                ],
            },
        },
        {
            "type": "actions",
            "block_id": "more",
            "elements": [
                {
                    "type": "button",
                    "action_id": "check",
                    "value": "v",
                    "text": {"type": "plain_text", "text": "Check"},
                }
            ],
        },
    ],
}


def plain_view(text: str) -> dict[str, Any]:
    block = {"type": "section", "text": {"type": "plain_text", "text": text}}
    return {"type": "modal", "title": {"type": "plain_text", "text": "More"}, "blocks": [block]}


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def bot(slack: Slack, inbox: Inbox) -> AsyncApp:
    app = bolt_app(slack)

    @app.command("/social")
    async def social(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await inbox.add(body)
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.command("/plain")
    async def plain(ack: Any, body: dict[str, Any]) -> None:
        await ack(f"You said {body['text']}")
        await inbox.add(body)

    @app.view("draft")
    async def submitted(ack: Any, body: dict[str, Any], view: dict[str, Any]) -> None:
        await inbox.add(body)
        match view["state"]["values"]["text"]["value"]["value"]:
            case "wrong":
                await ack(response_action="errors", errors={"text": "Not this"})
            case "nowhere":
                await ack(response_action="errors", errors={"more": "No input there"})
            case "update":
                await ack(response_action="update", view=plain_view("updated"))
            case "push":
                await ack(response_action="push", view=plain_view("pushed"))
            case "clear":
                await ack(response_action="clear")
            case _:
                await ack()

    @app.view_closed("draft")
    async def closed(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await inbox.add(body)

    @app.action("check")
    async def check(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_update(
            view_id=body["view"]["id"],
            hash=body["view"]["hash"],
            view={**FORM, "title": {"type": "plain_text", "text": "Checked"}},
        )
        await inbox.add(body)

    @app.action("approve")
    async def approve(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        await respond(text="Done", replace_original=True)
        await respond(text="Thanks")
        await inbox.add(body)

    @app.shortcut("make")
    async def make(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await inbox.add(body)

    for kind in (
        "message",
        "app_home_opened",
        "app_mention",
        "member_joined_channel",
        "reaction_added",
    ):

        @app.event(kind)
        async def happened(body: dict[str, Any]) -> None:
            await inbox.add(body)

    return app


@pytest.fixture(params=["http", "socket"])
async def connected(
    request: pytest.FixtureRequest, slack: Slack, bot: AsyncApp
) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        way = over_http if request.param == "http" else over_socket
        await stack.enter_async_context(way(slack, bot))
        yield


async def open_form(slack: Slack, inbox: Inbox, text: str = "") -> str:
    outcome = await slack.people.slash_command(ANA, SOCIAL, f"/social {text}")
    assert outcome.ok
    await inbox.wait(lambda body: body.get("command") == "/social")
    await _until_modal(slack)
    modal = slack.workspace.views.modal(ANA)
    assert modal is not None
    return modal.id


async def _until_modal(slack: Slack) -> None:
    with slack.workspace.changes.subscribe() as changes:
        while slack.workspace.views.modal(ANA) is None:
            await changes.get()


@pytest.mark.usefixtures("connected")
class TestJourneys:
    async def test_a_command_brings_encoded_text_and_opens_a_form(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        await open_form(slack, inbox, "draft a & b @ben #social https://example.com/x 🎉")
        body = inbox.bodies[0]
        assert body["text"] == (
            f"draft a &amp; b <@{BEN}|ben> <#{SOCIAL}|social> <https://example.com/x> :tada:"
        )
        assert body["channel_name"] == "social"
        assert body["user_id"] == ANA
        assert body["team_domain"] == "acorn"

    async def test_the_acknowledgement_of_a_command_is_shown_to_who_entered_it(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        await slack.people.slash_command(ANA, SOCIAL, "/plain <b> @ben")
        assert (await inbox.wait(lambda _: True))["text"] == "&lt;b&gt; @ben"
        (message,) = slack.workspace.timeline(SOCIAL, ANA)
        assert message.text == "You said &lt;b&gt; @ben"
        assert slack.workspace.timeline(SOCIAL, BEN) == []

    async def test_a_submission_carries_what_was_entered_and_closes_the_form(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        view_id = await open_form(slack, inbox)
        outcome = await slack.people.submit_view(
            ANA, view_id, {"text": {"value": "a & b"}, "networks": {"value": ["bluesky"]}}
        )
        assert outcome.ok
        body = inbox.bodies[-1]
        assert body["type"] == "view_submission"
        assert body["view"]["root_view_id"] == view_id
        assert body["view"]["private_metadata"] == "m"
        values = body["view"]["state"]["values"]
        assert values["text"]["value"] == {"type": "plain_text_input", "value": "a & b"}
        chosen = values["networks"]["value"]["selected_options"]
        assert [option["value"] for option in chosen] == ["bluesky"]
        assert slack.workspace.views.modal(ANA) is None

    async def test_errors_stand_beside_their_field_and_nothing_typed_is_lost(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        view_id = await open_form(slack, inbox)
        outcome = await slack.people.submit_view(ANA, view_id, {"text": {"value": "wrong"}})
        assert outcome.errors == {"text": "Not this"}
        view = slack.workspace.views.get(view_id)
        assert view.errors == {"text": "Not this"}
        assert view.typed["text"]["value"]["value"] == "wrong"

    async def test_errors_for_what_is_no_input_are_trouble(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        view_id = await open_form(slack, inbox)
        outcome = await slack.people.submit_view(ANA, view_id, {"text": {"value": "nowhere"}})
        assert outcome.problem.startswith("We had some trouble connecting")
        assert slack.workspace.views.get(view_id).trouble

    async def test_slacks_client_asks_for_required_fields_before_the_app_hears_of_it(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        view_id = await open_form(slack, inbox)
        empty = await slack.people.submit_view(ANA, view_id, {"text": {"value": ""}})
        assert empty.errors == {"text": "Please complete this required field."}
        long = await slack.people.submit_view(ANA, view_id, {"text": {"value": "x" * 21}})
        assert set(long.errors) == {"text"}
        assert all(body.get("type") != "view_submission" for body in inbox.bodies)

    async def test_a_form_is_updated_pushed_upon_and_cleared(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        people, views = slack.people, slack.workspace.views
        view_id = await open_form(slack, inbox)
        await people.submit_view(ANA, view_id, {"text": {"value": "push"}})
        root, pushed = views.stack(ANA)
        assert (root.id, pushed.previous_view_id, pushed.root_view_id) == (view_id,) * 3
        await people.close_view(ANA, pushed.id)
        await people.submit_view(ANA, view_id, {"text": {"value": "update"}})
        assert views.get(view_id).blocks[0]["text"]["text"] == "updated"
        await people.close_view(ANA, view_id)
        view_id = await open_form(slack, inbox)
        await people.submit_view(ANA, view_id, {"text": {"value": "clear"}})
        assert views.stack(ANA) == []

    async def test_a_closed_form_is_told_without_what_was_typed(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        view_id = await open_form(slack, inbox)
        slack.people.type_into(view_id, {"text": {"value": "half a"}})
        await slack.people.close_view(ANA, view_id, everything=True)
        body = await inbox.wait(lambda body: body.get("type") == "view_closed")
        assert body["is_cleared"] is True
        assert body["view"]["state"] == {"values": {}}

    async def test_an_update_keeps_what_was_typed_where_both_ids_stay(
        self, slack: Slack, inbox: Inbox
    ) -> None:
        view_id = await open_form(slack, inbox)
        view = slack.workspace.views.get(view_id)
        await slack.people.press(ANA, view, "check", values={"text": {"value": "typed"}})
        body = await inbox.wait(lambda body: body.get("type") == "block_actions")
        assert body["container"] == {"type": "view", "view_id": view_id}
        assert body["view"]["state"]["values"]["text"]["value"]["value"] == "typed"
        assert body["actions"][0]["value"] == "v"
        updated = slack.workspace.views.get(view_id)
        assert updated.body["title"]["text"] == "Checked"
        assert updated.hash != body["view"]["hash"]
        assert updated.typed["text"]["value"]["value"] == "typed"

    async def test_a_button_in_a_message_carries_the_message_and_a_response_url(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox
    ) -> None:
        button = {
            "type": "button",
            "action_id": "approve",
            "value": "42",
            "text": {"type": "plain_text", "text": "Approve"},
        }
        posted = await bot.client.chat_postMessage(
            channel=SOCIAL, text="Card", blocks=[{"type": "actions", "elements": [button]}]
        )
        message = slack.workspace.message(SOCIAL, posted["ts"])
        assert (await slack.people.press(BEN, message, "approve")).ok
        body = await inbox.wait(lambda body: body.get("type") == "block_actions")
        assert body["user"] == {
            "id": BEN,
            "username": "ben",
            "name": "ben",
            "team_id": "T0ACORN0001",
        }
        assert body["container"]["message_ts"] == posted["ts"]
        assert body["message"]["text"] == "Card"
        assert body["actions"][0]["value"] == "42"
        assert slack.workspace.message(SOCIAL, posted["ts"]).text == "Done"
        thanks = slack.workspace.timeline(SOCIAL, BEN)[-1]
        assert (thanks.text, thanks.ephemeral_to) == ("Thanks", BEN)

    async def test_a_message_shortcut_brings_the_message(self, slack: Slack, inbox: Inbox) -> None:
        message = slack.people.post_message(ANA, SOCIAL, "Make this")
        await slack.people.message_shortcut(BEN, SOCIAL, message.ts, "make")
        body = await inbox.wait(lambda body: body.get("type") == "message_action")
        assert body["message"]["text"] == "Make this"
        assert body["message"]["user"] == ANA
        assert body["channel"] == {"id": SOCIAL, "name": "social"}

    async def test_events_reach_the_app(self, slack: Slack, inbox: Inbox) -> None:
        people = slack.people
        people.post_message(ANA, SOCIAL, "Hi @socialdesk")
        people.open_home(ANA)
        people.leave_channel("U0SOCIALDSK", SOCIAL)
        await people.slash_command(ANA, SOCIAL, "/invite @Socialdesk")
        mention = await inbox.wait_for_event("app_mention")
        assert mention["text"] == "Hi <@U0SOCIALDSK>"
        home = await inbox.wait_for_event("app_home_opened")
        assert home["tab"] == "home"
        joined = await inbox.wait_for_event("member_joined_channel")
        assert (joined["user"], joined["inviter"]) == ("U0SOCIALDSK", ANA)
        envelope = inbox.bodies[0]
        assert envelope["authorizations"][0]["is_bot"] is True

    async def test_reactions_edits_and_direct_messages_are_events_too(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox
    ) -> None:
        people = slack.people
        channel = people.open_home(ANA, tab="messages")
        people.post_message(ANA, channel.id, "just us")
        direct = await inbox.wait(lambda body: body.get("event", {}).get("channel_type") == "im")
        assert direct["event"]["text"] == "just us"
        message = people.post_message(ANA, SOCIAL, "x")
        people.react(BEN, SOCIAL, message.ts, "eyes")
        reaction = await inbox.wait_for_event("reaction_added")
        assert (reaction["user"], reaction["item"]["ts"]) == (BEN, message.ts)
        people.edit_message(ANA, SOCIAL, message.ts, "y & z")
        edited = await inbox.wait(
            lambda body: body.get("event", {}).get("subtype") == "message_changed"
        )
        assert edited["event"]["message"]["text"] == "y &amp; z"
        assert edited["event"]["message"]["edited"]["user"] == ANA
        assert edited["event"]["previous_message"]["text"] == "x"
        with pytest.raises(SlackError, match="cant_update_message"):
            people.edit_message(BEN, SOCIAL, message.ts, "not mine")
        people.delete_message(ANA, SOCIAL, message.ts)
        deleted = await inbox.wait(
            lambda body: body.get("event", {}).get("subtype") == "message_deleted"
        )
        assert deleted["event"]["previous_message"]["text"] == "y &amp; z"

    async def test_a_trigger_works_once_and_for_three_seconds(
        self, slack: Slack, bot: AsyncApp, inbox: Inbox, clock: Any
    ) -> None:
        await open_form(slack, inbox)
        used = inbox.bodies[0]["trigger_id"]
        fresh = slack.workspace.grants.new_trigger(ANA).id
        clock.forward(3.1)
        for trigger, error in (
            (used, "exchanged_trigger_id"),
            (fresh, "expired_trigger_id"),
            ("1.2.abc", "invalid_trigger_id"),
        ):
            with pytest.raises(SlackApiError) as caught:
                await bot.client.views_open(trigger_id=trigger, view=FORM)
            assert caught.value.response["error"] == error
