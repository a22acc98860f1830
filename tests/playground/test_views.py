"""views.* and App Home."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.seed import ANA, BEN
from bot.playground.slack import Slack
from tests.playground.test_bolt_journeys import FORM, plain_view


def trigger(slack: Slack, user: str = ANA) -> str:
    return slack.workspace.grants.new_trigger(user).id


def home(text: str) -> dict[str, Any]:
    return {
        "type": "home",
        "blocks": [{"type": "section", "text": {"type": "plain_text", "text": text}}],
    }


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_an_opened_view_has_all_that_slack_fills_in(
    client: AsyncWebClient, slack: Slack
) -> None:
    answer = await client.views_open(trigger_id=trigger(slack), view=plain_view("hello"))
    view = answer["view"]
    assert view["root_view_id"] == view["id"]
    assert view["previous_view_id"] is None
    assert view["blocks"][0]["block_id"]
    assert (view["app_id"], view["bot_id"]) == ("A0SOCIALDSK", "B0SOCIALDSK")
    assert view["hash"]
    assert slack.workspace.views.modal(BEN) is None


async def test_views_lie_three_deep_at_most(client: AsyncWebClient, slack: Slack) -> None:
    await client.views_open(trigger_id=trigger(slack), view=plain_view("1"))
    await client.views_push(trigger_id=trigger(slack), view=plain_view("2"))
    third = await client.views_push(trigger_id=trigger(slack), view=plain_view("3"))
    root, second, top = slack.workspace.views.stack(ANA)
    assert (top.id, top.previous_view_id, top.root_view_id) == (
        third["view"]["id"],
        second.id,
        root.id,
    )
    fourth = client.views_push(trigger_id=trigger(slack), view=plain_view("4"))
    assert await refusal(fourth) == "push_limit_reached"


async def test_a_push_needs_something_to_lie_on(client: AsyncWebClient, slack: Slack) -> None:
    pushed = client.views_push(trigger_id=trigger(slack), view=plain_view("1"))
    assert await refusal(pushed) == "not_found"


async def test_an_update_with_an_old_hash_conflicts(client: AsyncWebClient, slack: Slack) -> None:
    view = (await client.views_open(trigger_id=trigger(slack), view=plain_view("1")))["view"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=plain_view("2"))
    late = client.views_update(view_id=view["id"], hash=view["hash"], view=plain_view("3"))
    assert await refusal(late) == "hash_conflict"
    slack.workspace.views.close(view["id"])
    gone = client.views_update(view_id=view["id"], view=plain_view("4"))
    assert await refusal(gone) == "not_found"


async def test_external_ids_name_a_view_and_are_unique(
    client: AsyncWebClient, slack: Slack
) -> None:
    named = {**plain_view("1"), "external_id": "mine"}
    await client.views_open(trigger_id=trigger(slack), view=named)
    await client.views_update(external_id="mine", view={**plain_view("2"), "external_id": "mine"})
    second = client.views_open(trigger_id=trigger(slack, BEN), view=named)
    assert await refusal(second) == "duplicate_external_id"


async def test_a_refused_view_does_not_spend_the_trigger(
    client: AsyncWebClient, slack: Slack
) -> None:
    trigger_id = trigger(slack)
    without_submit = {key: value for key, value in FORM.items() if key != "submit"}
    for view in (without_submit, home("x"), {**FORM, "title": {"type": "plain_text", "text": ""}}):
        refused = client.views_open(trigger_id=trigger_id, view=view)
        assert await refusal(refused) == "invalid_arguments"
    assert (await client.views_open(trigger_id=trigger_id, view=FORM))["ok"] is True


async def test_everybody_has_a_home_of_their_own(client: AsyncWebClient, slack: Slack) -> None:
    with slack.workspace.changes.subscribe() as changes:
        first = await client.views_publish(user_id=ANA, view=home("Ana's"))
        assert (await changes.get()).user == ANA
    await client.views_publish(user_id=ANA, hash=first["view"]["hash"], view=home("new"))
    late = client.views_publish(user_id=ANA, hash=first["view"]["hash"], view=home("late"))
    assert await refusal(late) == "hash_conflict"
    mine = slack.workspace.views.home(ANA)
    assert mine is not None
    assert mine.blocks[0]["text"]["text"] == "new"
    assert slack.workspace.views.home(BEN) is None
    modal = client.views_publish(user_id=ANA, view=plain_view("x"))
    assert await refusal(modal) == "invalid_arguments"
