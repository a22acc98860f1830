"""What comes from Slack is answered in time, and every person is told what came of it."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import FieldErrors, UserError
from bot.playground.faults import ApiTrouble, DeliveryTrouble
from bot.playground.records import View
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, SOCIAL
from bot.playground.socket_mode import Kind
from handlers.ids import Act, Form
from handlers.requests import CommandCall, Done, EventCall, FormAnswer, Next, Press, Submission
from handlers.views.blocks import actions, button
from handlers.views.messages import message
from tests.handlers.probe import Probe, form_of, probing
from tests.handlers.stage import Stage, inputs_of, labels_of, text_of
from tests.servers.eventually import eventually

LONGER = 1.3  # seconds: longer than a form is waited for


@pytest.fixture
async def probe(tmp_path: Path) -> AsyncIterator[Probe]:
    async with probing(tmp_path) as made:
        yield made


def typed(view: View) -> dict[str, Any]:
    return {block["block_id"]: block["element"].get("initial_value") for block in inputs_of(view)}


async def submit(probe: Probe, view: View) -> Any:
    values = {name: {Act.COMMENT.value: f"my {name}"} for name in ("first", "second")}
    given = values if inputs_of(view) else {}
    return await probe.slack.people.submit_view(ANA, view.id, given)


class TestCommands:
    async def test_one_that_takes_for_ever_is_acknowledged_at_once(self, probe: Probe) -> None:
        async def hang(_: CommandCall) -> None:
            await probe.hang.wait()

        probe.on_command = hang
        assert await probe.command()

    async def test_a_bug_gets_a_reference_that_is_in_the_log_and_shows_no_trace(
        self, probe: Probe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail(_: CommandCall) -> None:
            raise KeyError("a token or somebody's words")

        probe.on_command = fail
        assert await probe.command()
        told = await probe.told("Something went wrong on our side")
        reference = told.text.split("reference: `")[1].rstrip("`.")
        assert f"[{reference}]" in caplog.text
        assert "KeyError" in caplog.text
        assert "KeyError" not in text_of(told)
        assert "somebody's words" not in text_of(told)

    async def test_what_cant_be_done_is_said_as_it_is_to_who_asked_alone(
        self, probe: Probe
    ) -> None:
        async def refuse(_: CommandCall) -> None:
            raise UserError("No <b>beans</b> & no `/social draft` today.")

        probe.on_command = refuse
        assert await probe.command()
        told = await probe.told("No &lt;b&gt;beans&lt;/b&gt; &amp; no `/social draft` today.")
        assert told.ephemeral_to == ANA

    async def test_words_may_begin_on_the_next_line(self, probe: Probe) -> None:
        got: list[tuple[str, str]] = []

        async def note(call: CommandCall) -> None:
            got.append((call.name, call.words))

        probe.on_command = note
        for line in ("/social probe", "/social PROBE  a b ", "/social probe\nfirst\nsecond"):
            assert await probe.command(line)
            await probe.settled()  # at once they'd be worked on in any order
        assert got == [("probe", ""), ("probe", "a b"), ("probe", "first\nsecond")]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("/social porbe", "There is no `/social porbe`. Did you mean `/social probe`?"),
            ("/social a&b<c>", "There is no `/social a&amp;b&lt;c&gt;`."),
            ("/social a`b`", "There is no `/social ab`."),
            ("/social " + "x" * 3_900, "There is no `/social " + "x" * 49 + "…`."),
            ("/social", "What do you want to do?"),
            ("/social help", "What do you want to do?"),
        ],
    )
    async def test_an_unknown_one_gets_the_nearest_and_help(
        self, probe: Probe, line: str, said: str
    ) -> None:
        assert await probe.command(line)
        assert "/social probe" in text_of(await probe.told(said))


class TestTelling:
    async def fail(self, _: Any) -> None:
        raise UserError("Not today.")

    @pytest.mark.parametrize(
        "trouble", [ApiTrouble.ERROR, ApiTrouble.SERVER_ERROR, ApiTrouble.LOST]
    )
    async def test_where_an_ephemeral_message_fails_the_response_url_reaches(
        self, probe: Probe, trouble: ApiTrouble
    ) -> None:
        probe.on_command = self.fail
        probe.slack.faults.trouble_calls("chat.postEphemeral", trouble, error="channel_not_found")
        assert await probe.command()
        assert (await probe.told("Not today.")).ephemeral_to == ANA

    async def test_slack_is_waited_for_as_long_as_it_asks(self, probe: Probe) -> None:
        probe.on_command = self.fail
        probe.slack.faults.trouble_calls("chat.postEphemeral", ApiTrouble.RATE_LIMITED, seconds=1)
        assert await probe.command()
        await probe.told("Not today.")

    async def test_where_nothing_else_works_it_comes_as_a_direct_message(
        self, probe: Probe
    ) -> None:
        probe.on_press = self.fail
        home = {"type": "home", "blocks": [actions(button("Press", Act.APPROVE, "1"))]}
        await probe.client.views_publish(user_id=ANA, view=home)
        shown = probe.slack.workspace.views.home(ANA)
        assert shown is not None
        error = "expired_trigger_id"
        probe.slack.faults.trouble_calls("views.open", ApiTrouble.ERROR, error=error)
        assert (await probe.slack.people.press(ANA, shown, Act.APPROVE)).ok
        await probe.told("Not today.", channel=ANA)

    async def test_a_success_that_could_not_be_shown_there_is_not_called_a_bug(
        self, probe: Probe
    ) -> None:
        async def well(press: Press) -> None:
            await press.whisper("It is done.")

        probe.on_press = well
        place = await probe.post_button()
        probe.slack.faults.trouble_calls(
            "chat.postEphemeral", ApiTrouble.ERROR, error="user_not_in_channel"
        )
        assert (await probe.slack.people.press(ANA, place, Act.APPROVE)).ok
        await probe.told("It is done.")
        place_in_full = probe.slack.workspace.timeline(SOCIAL, ANA)
        assert not [m for m in place_in_full if "went wrong" in text_of(m)]

    async def test_a_press_on_home_is_answered_in_a_modal(self, probe: Probe) -> None:
        probe.on_press = self.fail
        home = {"type": "home", "blocks": [actions(button("Press", Act.APPROVE, "1"))]}
        await probe.client.views_publish(user_id=ANA, view=home)
        shown = probe.slack.workspace.views.home(ANA)
        assert shown is not None
        assert (await probe.slack.people.press(ANA, shown, Act.APPROVE)).ok
        await probe.modal_shows("Not today.")

    async def test_a_press_in_a_modal_is_answered_in_one_on_top_of_it(self, probe: Probe) -> None:
        probe.on_press = self.fail
        view = form_of()
        view["blocks"].append(actions(button("Press", Act.APPROVE, "1")))
        opened = await probe.open_form(view)
        assert (await probe.slack.people.press(ANA, opened, Act.APPROVE)).ok
        await probe.modal_shows("Not today.")
        assert len(probe.slack.workspace.views.stack(ANA)) == 2

    async def test_a_button_of_an_earlier_version_says_so(self, probe: Probe) -> None:
        blocks = [actions(button("Old", "gone_since_then", "1"))]
        posted = await probe.client.chat_postMessage(channel=SOCIAL, text="Old", blocks=blocks)
        place = probe.slack.workspace.message(SOCIAL, posted["ts"])
        assert (await probe.slack.people.press(ANA, place, "gone_since_then")).ok
        await probe.told("from an earlier version of Socialdesk. Nothing was changed.")


class TestForms:
    async def test_one_that_is_done_closes_and_what_follows_is_done(self, probe: Probe) -> None:
        after = asyncio.Event()

        async def work(_: Submission) -> FormAnswer:
            async def then() -> None:
                after.set()

            return Done(then)

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        assert probe.modal() is None
        await asyncio.wait_for(after.wait(), 5)

    async def test_one_may_be_followed_by_another(self, probe: Probe) -> None:
        async def work(_: Submission) -> FormAnswer:
            return Next(message("Probe", "Step two"))

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        await probe.modal_shows("Step two")

    @pytest.mark.parametrize(
        ("errors", "placed"),
        [
            ({"second": "Too long."}, {"second": "Too long."}),
            (
                {"first": "Empty.", "second": "Too long."},
                {"first": "Empty.", "second": "Too long."},
            ),
            ({"hidden": "Not shown."}, {"first": "Not shown."}),
            ({"first": "Empty.", "hidden": "Not shown."}, {"first": "Empty. Not shown."}),
        ],
    )
    async def test_what_is_wrong_stands_beside_its_field(
        self, probe: Probe, errors: dict[str, str], placed: dict[str, str]
    ) -> None:
        async def work(_: Submission) -> FormAnswer:
            raise FieldErrors(errors)

        probe.on_form = work
        outcome = await submit(probe, await probe.open_form())
        assert dict(outcome.errors) == placed

    async def test_in_a_form_without_fields_it_stands_on_top(self, probe: Probe) -> None:
        async def work(_: Submission) -> FormAnswer:
            raise FieldErrors({"hidden": "Not <now>."})

        probe.on_form = work
        assert (await submit(probe, await probe.open_form(form_of(inputs=False)))).ok
        await probe.modal_shows(":warning: Not &lt;now&gt;.")

    async def test_after_a_bug_everything_typed_is_there_again(
        self, probe: Probe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def work(_: Submission) -> FormAnswer:
            raise KeyError("a bug")

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        shown = await probe.modal_shows("Something went wrong on our side")
        assert typed(shown) == {"first": "my first", "second": "my second"}

    async def test_a_slow_one_shows_checking_and_then_that_it_is_done(self, probe: Probe) -> None:
        async def work(_: Submission) -> FormAnswer:
            await probe.hang.wait()
            return Done()

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        shown = probe.modal()
        assert shown is not None
        assert "Checking" in text_of(shown)
        probe.hang.set()
        await probe.modal_shows("It's done.")

    @pytest.mark.parametrize("seconds", [0.95, 1.0, 1.005, 1.01, 1.03])
    async def test_one_that_is_done_while_checking_is_on_its_way_does_not_stay_there(
        self, probe: Probe, seconds: float
    ) -> None:
        async def work(_: Submission) -> FormAnswer:
            await asyncio.sleep(seconds)
            return Next(message("Probe", "Step two"))

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        await probe.modal_shows("Step two")
        await probe.settled()
        await probe.modal_shows("Step two")

    async def test_a_slow_ones_errors_stand_on_top_of_what_was_typed(self, probe: Probe) -> None:
        async def work(_: Submission) -> FormAnswer:
            await asyncio.sleep(LONGER)
            raise FieldErrors({"second": "Too <long>."})

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        shown = await probe.modal_shows("*Second*: Too &lt;long&gt;.")
        assert typed(shown) == {"first": "my first", "second": "my second"}
        probe.on_form = self.done_at_once
        assert (await submit(probe, shown)).ok
        assert probe.modal() is None

    async def done_at_once(self, _: Submission) -> FormAnswer:
        return Done()

    async def test_a_slow_ones_bug_gives_a_reference_and_what_was_typed(self, probe: Probe) -> None:
        async def work(_: Submission) -> FormAnswer:
            await asyncio.sleep(LONGER)
            raise KeyError("a bug")

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        shown = await probe.modal_shows("tell your admin this reference")
        assert typed(shown) == {"first": "my first", "second": "my second"}

    async def test_a_slow_one_may_be_followed_by_another(self, probe: Probe) -> None:
        async def work(_: Submission) -> FormAnswer:
            await asyncio.sleep(LONGER)
            return Next(form_of(inputs=False))

        probe.on_form = work
        assert (await submit(probe, await probe.open_form())).ok
        await probe.modal_shows("Please")

    async def test_a_form_that_takes_long_to_be_shown_again_is_waited_for(
        self, probe: Probe
    ) -> None:
        """The problem is known at once; filling the form in again needs a slow database."""

        async def again(_: Submission, problem: str) -> View:
            await asyncio.sleep(LONGER)
            return message("Probe", f"again: {problem}")  # type: ignore[return-value]  # a dict

        async def work(_: Submission) -> FormAnswer:
            raise UserError("Not today.")

        probe.on_form, probe.form_again = work, again
        assert (await submit(probe, await probe.open_form(form_of(callback=Form.REPLY)))).ok
        await probe.modal_shows("again: Not today.")

    @pytest.mark.parametrize("seconds", [0, LONGER])
    async def test_a_form_that_cant_be_shown_again_comes_as_slack_sent_it(
        self, probe: Probe, seconds: float
    ) -> None:
        async def again(_: Submission, problem: str) -> View:
            raise KeyError("a second bug")

        async def work(_: Submission) -> FormAnswer:
            await asyncio.sleep(seconds)
            raise UserError("Not today.")

        probe.on_form, probe.form_again = work, again
        assert (await submit(probe, await probe.open_form(form_of(callback=Form.REPLY)))).ok
        shown = await probe.modal_shows("Not today.")
        assert typed(shown) == {"first": "my first", "second": "my second"}

    async def test_one_that_was_closed_at_checking_is_told_what_went_wrong_and_kept(
        self, probe: Probe
    ) -> None:
        kept: list[Submission] = []

        async def work(_: Submission) -> FormAnswer:
            await probe.hang.wait()
            raise FieldErrors({"second": "Too long."})

        async def keep(submission: Submission) -> None:
            kept.append(submission)

        probe.on_form, probe.on_close = work, keep
        opened = await probe.open_form()
        assert (await submit(probe, opened)).ok
        assert (await probe.slack.people.close_view(ANA, opened.id)).ok
        assert probe.modal() is None
        probe.hang.set()
        await probe.told("*Second*: Too long.", channel=ANA)
        await probe.settled()
        assert [submission.values["first"] for submission in kept] == ["my first"]

    async def test_one_that_was_closed_at_checking_and_is_done_says_nothing_more(
        self, probe: Probe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def work(_: Submission) -> FormAnswer:
            await probe.hang.wait()
            return Done()

        probe.on_form = work
        opened = await probe.open_form()
        assert (await submit(probe, opened)).ok
        assert (await probe.slack.people.close_view(ANA, opened.id)).ok
        probe.hang.set()
        await probe.settled()
        assert probe.slack.workspace.timeline(probe.slack.workspace.im_with_app(ANA).id) == []
        assert "bug" not in caplog.text

    async def test_a_result_that_slack_does_not_take_is_told_directly(self, probe: Probe) -> None:
        async def work(_: Submission) -> FormAnswer:
            await asyncio.sleep(LONGER)
            raise UserError("Not today.")

        probe.on_form = work
        probe.slack.faults.trouble_calls("views.update", ApiTrouble.SERVER_ERROR)
        assert (await submit(probe, await probe.open_form())).ok
        await probe.modal_shows("Not today.")


class TestOpening:
    async def run(self, probe: Probe, making: Any) -> None:
        async def work(call: CommandCall) -> None:
            await call.open(making())

        probe.on_command = work
        assert await probe.command()

    async def test_a_modal_opens(self, probe: Probe) -> None:
        async def making() -> Any:
            return message("Probe", "Here it is")

        await self.run(probe, making)
        await probe.modal_shows("Here it is")

    async def test_a_slow_one_shows_loading_and_then_itself(self, probe: Probe) -> None:
        async def making() -> Any:
            await probe.hang.wait()
            return message("Probe", "Here it is")

        await self.run(probe, making)
        await probe.modal_shows("Loading")
        probe.hang.set()
        await probe.modal_shows("Here it is")

    async def test_a_slow_ones_error_is_shown_in_it(self, probe: Probe) -> None:
        async def making() -> Any:
            await asyncio.sleep(LONGER)
            raise UserError("Not today.")

        await self.run(probe, making)
        await probe.modal_shows("Not today.")

    async def test_a_quick_ones_error_is_told_where_the_person_is(self, probe: Probe) -> None:
        async def making() -> Any:
            raise UserError("Not today.")

        await self.run(probe, making)
        await probe.told("Not today.")

    async def test_one_that_was_closed_while_loading_is_nobodys_bug(
        self, probe: Probe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def making() -> Any:
            await probe.hang.wait()
            return message("Probe", "Here it is")

        await self.run(probe, making)
        shown = await probe.modal_shows("Loading")
        await probe.slack.people.close_view(ANA, shown.id)
        probe.hang.set()
        await probe.settled()
        assert "bug" not in caplog.text
        assert probe.slack.workspace.timeline(SOCIAL, ANA) == []


class TestEvents:
    async def test_one_that_slack_repeats_is_worked_on_once(self, probe: Probe) -> None:
        got: list[EventCall] = []

        async def note(call: EventCall) -> None:
            got.append(call)

        probe.on_event = note
        probe.slack.faults.trouble_deliveries(DeliveryTrouble.REPEATED)
        probe.slack.people.open_home(ANA)
        await probe.settled()
        first, again = probe.slack.delivery.log
        assert again.headers["X-Slack-Retry-Num"] == "1"
        assert first.answer.acknowledged
        assert again.answer.acknowledged
        assert len(got) == 1

    async def test_one_that_fails_is_acknowledged_and_logged(
        self, probe: Probe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail(_: EventCall) -> None:
            raise KeyError("a bug")

        probe.on_event = fail
        probe.slack.people.open_home(ANA)
        await probe.settled()
        assert [sent.answer.status for sent in probe.slack.delivery.log] == [200]
        assert "KeyError" in caplog.text

    async def test_an_unknown_one_is_acknowledged(self, probe: Probe) -> None:
        event = {"type": "emoji_changed", "user": ANA}
        payload = {"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": event}
        answer = await probe.slack.delivery.request(Kind.EVENT, payload)
        assert (answer.status, answer.acknowledged) == (200, True)


async def waiting(stage: Stage, text: str = "Fresh beans") -> Any:
    """A post that waits for approval; its card."""
    await stage.command(ANA, f"/social draft {text}")
    form = await stage.modal(ANA, "draft")
    answered = await stage.submit(form, when="now")
    assert answered.ok
    await stage.no_modal(ANA)
    return await stage.message(APPROVALS, text)


async def test_two_presses_at_once_have_one_effect_and_the_second_person_sees_whose(
    stage: Stage,
) -> None:
    card = await waiting(stage)
    await asyncio.gather(stage.press(BEN, card, "Approve"), stage.press(CHIDI, card, "Approve"))
    await stage.message(APPROVALS, "Take down")
    told = [
        (who, text_of(m))
        for who in (BEN, CHIDI)
        for m in stage.messages(APPROVALS, who)
        if m.ephemeral_to == who
    ]
    assert len(told) == 1
    [(late, said)] = told
    first = CHIDI if late == BEN else BEN
    assert f"<@{first}>" in said
    async with stage.sandbox() as sandbox:
        login = {"handle": "acorn", "password": "acorn-coffee"}
        token = (await sandbox.post("/api/login", json=login)).json()["token"]
        posts = await sandbox.get("/api/posts", headers={"Authorization": f"Bearer {token}"})
    assert [post["text"] for post in posts.json()["posts"]].count("Fresh beans") == 1


async def test_a_request_that_comes_twice_has_one_effect(stage: Stage) -> None:
    card = await waiting(stage)
    await stage.press(BEN, card, "Approve")
    pressed = next(sent for sent in stage.slack.delivery.log if "actions" in sent.payload)
    again = [stage.slack.delivery.request(Kind.INTERACTION, pressed.payload) for _ in range(3)]
    assert all(answer.acknowledged for answer in await asyncio.gather(*again))
    await stage.message(APPROVALS, "Take down")
    await stage.settled()
    live = await stage.message(APPROVALS, "Fresh beans")
    assert text_of(live).count("approved") == 1


async def test_a_person_of_another_workspace_has_no_role_and_changes_nothing(
    stage: Stage,
) -> None:
    """In a channel shared by Slack Connect others see the card, and their ids may be the same."""
    card = await waiting(stage)
    await stage.press(ANA, card, "Approve")  # refused: it is her own
    await stage.settled()
    pressed = [sent for sent in stage.slack.delivery.log if "actions" in sent.payload][-1]
    foreign = json.loads(json.dumps(pressed.payload))
    foreign["user"] |= {"id": BEN, "team_id": "T0FOREIGN01"}
    answer = await stage.slack.delivery.request(Kind.INTERACTION, foreign)
    assert answer.acknowledged
    await stage.whispered(BEN, "people of other workspaces can use", channel=APPROVALS)
    assert "Approve" in labels_of(await stage.message(APPROVALS, "Fresh beans"))
    await stage.press(BEN, card, "Approve")
    await stage.message(APPROVALS, "Take down")


async def test_slack_is_answered_while_the_database_is_locked_from_outside(stage: Stage) -> None:
    await stage.command(ANA, "/social draft Fresh beans")
    form = await stage.modal(ANA, "draft")
    file = stage.settings.data_dir / "socialdesk.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    # Beside the loop: who writes just now must be able to finish.
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    assert (await stage.submit(form, when="now")).ok
    await stage.modal(ANA, "Checking")
    await stage.command(BEN, "/social help")
    await stage.whispered(BEN, "What do you want to do?")
    other.execute("ROLLBACK")
    other.close()
    await stage.modal(ANA, "It's done.")
    await stage.message(APPROVALS, "Fresh beans")


async def test_no_secret_is_in_the_log(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await stage.press(BEN, await waiting(stage), "Approve")
        await stage.message(APPROVALS, "Take down")
    app = stage.slack.workspace.app

    async def logged() -> bool:
        return bool(caplog.text)

    await eventually(logged)
    for secret in (app.bot_token, app.app_token, app.signing_secret, "acorn-coffee"):
        assert secret not in caplog.text
