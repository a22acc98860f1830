"""Notices: what is owed to Slack arrives there, once, where it can be shown, at Slack's pace."""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.attempts import Timing
from bot.clock import Clock
from bot.playground.faults import ApiTrouble
from bot.playground.play import play_settings, playground
from bot.playground.records import Message
from bot.playground.seed import ALERTS, ANA, APPROVALS, CARE, EVA, SOCIAL, TEAM
from bot.playground.slack import Slack
from handlers.clients import OneClient
from handlers.notices import BETWEEN_POSTS, NoticeSender, NotYet, Rendered
from handlers.slack_side import slack_client
from handlers.views.blocks import section
from storage import destinations, notices, workspaces
from storage.database import Database
from storage.migrations import migrate
from storage.notice_claims import BETWEEN_EDITS
from storage.records import Card, Notice, NoticeState
from tests.servers.eventually import eventually


class CountingDatabase(Database):
    """Says how often it was written to."""

    transactions = 0

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self.transactions += 1
        async with super().transaction() as tx:
            yield tx


@dataclass
class Outbox:
    """A database, a Slack, and cards that show what `shown` says."""

    slack: Slack
    database: CountingDatabase
    clock: Clock
    client: AsyncWebClient
    shown: dict[str, str] = field(default_factory=dict)
    threads: dict[str, str] = field(default_factory=dict)
    before_rendering: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def new_sender(
        self, *, timing: Timing | None = None, client: AsyncWebClient | None = None
    ) -> NoticeSender:
        renderers = {Card.APPROVAL: self.render}
        used = client or self.client
        return NoticeSender(self.database, OneClient(used), self.clock, renderers, timing)

    async def owe(self, subject: str, text: str = "", channel: str = SOCIAL) -> None:
        self.shown[subject] = text or subject
        async with self.database.transaction() as tx:
            await notices.owe(tx, TEAM.id, Card.APPROVAL, subject, channel, self.clock.now())
        self.clock.alarm("notices").ring()

    async def render(self, notice: Notice) -> Rendered:
        text = self.shown[notice.subject_id]
        if notice.subject_id in self.before_rendering:
            await self.before_rendering[notice.subject_id]()
        return Rendered(text, [section(text)], thread_ts=self.threads.get(notice.subject_id))

    async def row(self, subject: str) -> Notice:
        async with self.database.reading() as tx:
            found = await notices.of_card(tx, TEAM.id, Card.APPROVAL, subject)
        assert found is not None
        return found

    async def reaches(self, subject: str, state: NoticeState) -> Notice:
        async def look() -> Notice | None:
            found = await self.row(subject)
            return found if found.state is state else None

        found = await eventually(look)
        assert found is not None
        return found

    async def is_due_now(self, subject: str) -> None:
        """A wait that would take minutes is over."""
        row = await self.row(subject)
        async with self.database.transaction() as tx:
            await tx.connection.exec_driver_sql(
                f"UPDATE notices SET next_attempt_at = '2020-01-01 00:00:00' WHERE id = '{row.id}'"
            )
            await tx.connection.exec_driver_sql(
                "UPDATE destinations SET free_at = '2020-01-01 00:00:00' "
                f"WHERE id = '{row.destination}'"
            )
        self.clock.alarm("notices").ring()

    def messages(self, channel: str = SOCIAL) -> list[Message]:
        return [m for m in self.slack.workspace.timeline(channel) if not m.subtype]

    def texts(self, channel: str = SOCIAL) -> list[str]:
        return [message.text for message in self.messages(channel)]

    def stands(self, text: str) -> list[Message]:
        """All messages with this text, wherever they are."""
        top = [m for c in self.slack.workspace.channels for m in self.slack.workspace.timeline(c)]
        all_ = [m for t in top for m in self.slack.workspace.thread(t.channel, t.ts)]
        return [message for message in all_ if message.text == text]

    async def appears(self, text: str) -> None:
        async def look() -> bool:
            return bool(self.stands(text))

        await eventually(look)

    async def place(self, kind: str, subject: str) -> str:
        """Where a card shall go: the destination; its thread is made."""
        if kind == "thread":
            await self.owe("parent")
            self.threads[subject] = (await self.reaches("parent", NoticeState.SENT)).ts or ""
        return ANA if kind == "person" else SOCIAL

    async def shows(self, *texts: str, channel: str = SOCIAL) -> None:
        async def look() -> bool:
            return self.texts(channel) == list(texts)

        try:
            await eventually(look)
        except AssertionError:
            assert self.texts(channel) == list(texts)

    @contextlib.asynccontextmanager
    async def sending(
        self, *, timing: Timing | None = None, client: AsyncWebClient | None = None
    ) -> AsyncIterator[NoticeSender]:
        sender = self.new_sender(timing=timing, client=client)
        task = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await sender.drain(10)


@contextlib.asynccontextmanager
async def outbox(url: str, folder: Path) -> AsyncIterator[Outbox]:
    async with (
        playground(folder, 0, {}, strict=True) as (slack, address),
        aiohttp.ClientSession() as session,
    ):
        settings = play_settings(slack, address, folder, {})
        client = slack_client(settings, session, settings.slack_bot_token, waits=False)
        database = CountingDatabase(url)
        await migrate(database)
        async with database.transaction() as tx:
            await workspaces.ensure(tx, TEAM.id, TEAM.name, datetime.now(UTC))
        clock = Clock()
        clock.start()

        yield Outbox(slack, database, clock, client)
        clock.stop()
        await database.close()


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Outbox]:
    async with outbox(database_url, tmp_path / "play") as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[Outbox]:
    """On SQLite only, for rules that don't depend on the database."""
    async with outbox(f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "play") as made:
        yield made


async def test_a_card_is_one_message_and_edited_in_place(here: Outbox) -> None:
    async with here.sending():
        await here.owe("p1", "waits")
        await here.shows("waits")
        await here.owe("p1", "approved")
        await here.shows("approved")
    [message] = here.messages()
    assert message.edited is not None
    sent = await here.row("p1")
    assert (sent.channel, sent.ts, sent.state) == (SOCIAL, message.ts, NoticeState.SENT)


async def test_two_changes_before_it_is_sent_are_one_message(here: Outbox) -> None:
    await here.owe("p1", "first")
    await here.owe("p1", "second")
    async with here.sending():
        await here.shows("second")
        await here.reaches("p1", NoticeState.SENT)
    assert here.messages()[0].edited is None


async def test_a_change_while_it_is_sent_is_shown_right_after(here: Outbox) -> None:
    rendering, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        rendering.set()
        await go_on.wait()

    here.before_rendering["p1"] = hold
    async with here.sending():
        await here.owe("p1", "old")
        await rendering.wait()
        await here.owe("p1", "new")
        go_on.set()
        await here.shows("new")
        sent = await here.reaches("p1", NoticeState.SENT)
    assert sent.sent_version == sent.version == 2


async def test_a_message_that_somebody_deleted_is_posted_anew(light: Outbox) -> None:
    async with light.sending():
        await light.owe("p1", "waits")
        await light.shows("waits")
        await light.reaches("p1", NoticeState.SENT)
        light.slack.people.delete_message(EVA, SOCIAL, light.messages()[0].ts)
        await light.owe("p1", "approved")
        await light.shows("approved")


async def test_a_message_that_may_not_be_edited_any_more_is_posted_anew(light: Outbox) -> None:
    async with light.sending():
        await light.owe("p1", "waits")
        await light.reaches("p1", NoticeState.SENT)
        light.slack.faults.trouble_calls(
            "chat.update", ApiTrouble.ERROR, error="edit_window_closed"
        )
        await light.owe("p1", "approved")
        await light.shows("waits", "approved")
        await light.reaches("p1", NoticeState.SENT)
        await light.owe("p1", "live")
        await light.shows("waits", "live")


async def test_where_the_bot_is_not_messages_are_kept_said_once_and_sent_when_owed_anew(
    light: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    bot = light.slack.workspace.app.bot_user_id
    light.slack.people.leave_channel(bot, CARE)
    async with light.sending():
        with caplog.at_level(logging.WARNING, "handlers.notices"):
            for subject in ("p1", "p2"):
                await light.owe(subject, channel=CARE)
            for subject in ("p1", "p2"):
                broken = await light.reaches(subject, NoticeState.BROKEN)
                assert broken.problem == "not_in_channel"
            await light.owe("p3")
            await light.shows("p3")
        assert caplog.text.count("Slack refuses messages to") == 1
        assert "/invite" in caplog.text
        light.slack.people.join_channel(bot, CARE)
        await light.owe("p1", "there", channel=CARE)
        await light.shows("there", channel=CARE)


async def test_an_archived_channel_keeps_what_is_owed(light: Outbox) -> None:
    channel = light.slack.workspace.channel(ALERTS)
    light.slack.workspace.put_channel(replace(channel, is_archived=True))
    async with light.sending():
        await light.owe("p1", channel=ALERTS)
        assert (await light.reaches("p1", NoticeState.BROKEN)).problem == "is_archived"


async def test_a_token_that_is_refused_breaks_no_channel(light: Outbox) -> None:
    """Nobody would owe those cards anew once the operator has set the right token."""
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.ERROR, error="token_revoked")
    async with light.sending():
        await light.owe("p1")
        await light.shows("p1")


@pytest.mark.parametrize(
    "trouble", [ApiTrouble.SERVER_ERROR, ApiTrouble.SLOW, ApiTrouble.RATE_LIMITED]
)
async def test_on_slacks_bad_day_a_card_comes_once(light: Outbox, trouble: ApiTrouble) -> None:
    light.slack.faults.trouble_calls("chat.postMessage", trouble)
    async with light.sending():
        await light.owe("p1")
        await light.reaches("p1", NoticeState.SENT)
    assert light.texts() == ["p1"]


async def test_a_card_waits_as_long_as_slack_asks(light: Outbox) -> None:
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.RATE_LIMITED, seconds=600)
    asked = light.clock.now()
    async with light.sending():
        await light.owe("p1")

        async def was_refused() -> bool:
            return (await light.row("p1")).problem == "ratelimited"

        await eventually(was_refused)
        waits = await light.row("p1")
        assert waits.next_attempt_at >= asked + timedelta(seconds=600)
        await light.owe("p2", channel=CARE)
        await light.shows("p2", channel=CARE)
        assert light.texts() == []


LIMITED_S = 6
PLACES = ["channel", "person", "thread"]
GONE_ASTRAY = [ApiTrouble.LOST, ApiTrouble.GARBLED]


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("trouble", GONE_ASTRAY)
async def test_after_a_lost_answer_a_card_stands_once_and_goes_on_being_edited(
    light: Outbox, trouble: ApiTrouble, kind: str
) -> None:
    async with light.sending():
        destination = await light.place(kind, "p1")
        light.slack.faults.trouble_calls("chat.postMessage", trouble)
        await light.owe("p1", "waits", channel=destination)
        await light.appears("waits")
        await light.reaches("p1", NoticeState.SENT)
        assert len(light.stands("waits")) == 1
        await light.owe("p1", "approved", channel=destination)
        await light.appears("approved")
        assert (len(light.stands("waits")), len(light.stands("approved"))) == (0, 1)


async def test_what_changed_while_the_answer_was_lost_is_shown_in_the_message_that_was_found(
    light: Outbox,
) -> None:
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LOST)
    async with light.sending():
        await light.owe("p1", "waits")
        await light.appears("waits")
        await light.owe("p1", "approved")
        await light.shows("approved")
        await light.reaches("p1", NoticeState.SENT)
    assert light.texts() == ["approved"]


async def test_a_card_that_cannot_be_drawn_for_a_while_is_still_looked_for(light: Outbox) -> None:
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LOST)
    drawn: list[str] = []

    async def not_the_second_time() -> None:
        drawn.append("p1")
        if len(drawn) == 2:
            raise NotYet("its parent isn't there yet")

    light.before_rendering["p1"] = not_the_second_time
    async with light.sending():
        await light.owe("p1", "waits")
        await light.reaches("p1", NoticeState.SENT)
    assert len(drawn) == 3
    assert light.texts() == ["waits"]


async def test_a_post_that_slack_never_got_is_posted(light: Outbox) -> None:
    """The answer is a proxy's, and so was the end of the request."""
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.SERVER_ERROR)
    async with light.sending():
        await light.owe("p1")
        await light.shows("p1")
        await light.reaches("p1", NoticeState.SENT)
    assert light.texts() == ["p1"]


async def test_it_is_looked_for_behind_everything_that_was_said_since(light: Outbox) -> None:
    """More than a page of history, and others' messages with the same text."""
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LOST)
    async with light.sending():
        await light.owe("p1")
        await light.appears("p1")
        for number in range(250):
            light.slack.people.post_message(EVA, SOCIAL, f"chat {number}")
        await light.reaches("p1", NoticeState.SENT)
    assert len(light.stands("p1")) == 1


async def test_where_it_may_not_be_looked_for_it_comes_rather_twice_than_never(
    light: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LOST)
        light.slack.faults.trouble_calls(
            "conversations.history", ApiTrouble.ERROR, error="missing_scope"
        )
    async with light.sending():
        await light.owe("p1")
        await light.reaches("p1", NoticeState.SENT)
        await light.owe("p2")
        await light.reaches("p2", NoticeState.SENT)
    assert light.texts() == ["p1", "p1", "p1", "p2"]
    assert caplog.text.count("missing_scope") == 1


async def test_while_slack_limits_looking_nothing_is_posted_again(light: Outbox) -> None:
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LOST)
    light.slack.faults.trouble_calls("conversations.history", ApiTrouble.RATE_LIMITED, seconds=600)
    async with light.sending():
        await light.owe("p1")

        async def was_limited() -> bool:
            return (await light.row("p1")).problem == "ratelimited"

        await eventually(was_limited)
        assert (await light.row("p1")).begun_at is not None, "it is still to be looked for"
        await light.is_due_now("p1")
        await light.reaches("p1", NoticeState.SENT)
    assert light.texts() == ["p1"]


@pytest.mark.parametrize("kind", PLACES)
async def test_after_a_sigkill_between_slacks_yes_and_our_commit_a_card_stands_once(
    here: Outbox, kind: str
) -> None:
    async with here.sending():
        destination = await here.place(kind, "p1")
    here.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LATE, seconds=5)
    await here.owe("p1", "waits", channel=destination)
    order = {
        "database_url": here.database.url.render_as_string(hide_password=False),
        "slack": here.client.base_url,
        "token": here.client.token,
        "shown": {"p1": ["waits", here.threads.get("p1")]},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.handlers.notice_process", json.dumps(order)
    )
    try:
        await here.appears("waits")
    finally:
        process.kill()
        await process.wait()
    left = await here.row("p1")
    assert (left.state, left.ts) == (NoticeState.SENDING, None)
    await here.is_due_now("p1")
    async with here.sending():
        await here.reaches("p1", NoticeState.SENT)
        assert len(here.stands("waits")) == 1
        await here.owe("p1", "approved", channel=destination)
        await here.appears("approved")
    assert (len(here.stands("waits")), len(here.stands("approved"))) == (0, 1)


async def test_a_lost_answer_to_an_edit_does_no_harm(light: Outbox) -> None:
    async with light.sending():
        await light.owe("p1", "waits")
        await light.reaches("p1", NoticeState.SENT)
        light.slack.faults.trouble_calls("chat.update", ApiTrouble.LOST)
        await light.owe("p1", "approved")
        await light.reaches("p1", NoticeState.SENT)
    assert light.texts() == ["approved"]


async def test_a_channel_gets_no_more_than_slack_takes(
    light: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    light.slack.faults.limit_channels = True
    with caplog.at_level(logging.WARNING, "handlers.notices"):
        async with light.sending():
            for subject in ("p1", "p2", "p3"):
                await light.owe(subject)
            await light.shows("p1", "p2", "p3")
            await light.owe("p4")
            await light.shows("p1", "p2", "p3", "p4")
    assert "waits until" not in caplog.text, "Slack never had to answer 429"


async def test_a_busy_channel_delays_no_other_and_is_not_asked_after_in_a_loop(
    here: Outbox,
) -> None:
    for number in range(25):
        await here.owe(f"p{number:02}")
    await here.owe("other", channel=CARE)
    async with here.sending():
        await here.shows("other", channel=CARE)
        assert len(here.texts()) < 5
        before = here.database.transactions
        await asyncio.sleep(1.5)
        assert here.database.transactions - before < 25


async def test_a_slow_channel_delays_no_other(light: Outbox) -> None:
    async with light.sending():
        light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.SLOW, seconds=3)
        await light.owe("slow")
        await asyncio.sleep(0.3)
        await light.owe("quick", channel=CARE)
        await light.shows("quick", channel=CARE)
        assert light.texts() == []
        await light.shows("slow")


async def test_a_card_that_cannot_be_shown_stops_no_other(
    light: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise KeyError("a bug")

    light.before_rendering["p1"] = fail
    async with light.sending():
        await light.owe("p1")
        await light.owe("p2")
        await light.shows("p2")
        kept = await light.row("p1")
        assert kept.state in (NoticeState.OWED, NoticeState.SENDING)
        assert kept.problem == "the card can't be shown (KeyError)"
        assert "KeyError: 'a bug'" in caplog.text
        del light.before_rendering["p1"]
        await light.is_due_now("p1")
        await light.shows("p2", "p1")


async def test_a_card_that_waits_for_another_comes_after_it(light: Outbox) -> None:
    async def not_yet() -> None:
        if (await light.row("parent")).ts is None:
            raise NotYet("the card itself isn't posted yet")

    light.before_rendering["child"] = not_yet
    await light.owe("parent", channel=CARE)
    await light.owe("child")
    async with light.sending():
        await light.shows("child")
    assert light.texts(CARE) == ["parent"]


async def test_where_slack_limits_edits_all_of_them_wait_and_posts_go_on(light: Outbox) -> None:
    """Its limit is one for the whole workspace."""
    async with light.sending():
        for subject in ("p1", "p2"):
            await light.owe(subject)
            await light.reaches(subject, NoticeState.SENT)
        light.slack.faults.trouble_calls(
            "chat.update", ApiTrouble.RATE_LIMITED, seconds=LIMITED_S, times=9
        )

        async def refresh(shown: str) -> None:
            async with light.database.transaction() as tx:
                for subject in ("p1", "p2"):
                    light.shown[subject] = shown
                    await notices.refresh(tx, TEAM.id, subject, light.clock.now())
            light.clock.alarm("notices").ring()

        async def was_limited() -> bool:
            rows = [await light.row("p1"), await light.row("p2")]
            return any(row.problem == "ratelimited" for row in rows)

        await refresh("edited")
        await eventually(was_limited)
        await refresh("edited again")
        await light.owe("p3")
        await light.shows("p1", "p2", "p3")
        [left] = light.slack.faults.pending()["calls"]
        assert left["times"] == 8, "no other edit was tried"
        light.slack.faults.clear()
        await light.shows("edited again", "edited again", "p3")


async def test_after_a_kill_while_sending_the_card_comes_after_the_lease(here: Outbox) -> None:
    rendering = asyncio.Event()

    async def hang() -> None:
        rendering.set()
        await asyncio.Event().wait()

    here.before_rendering["p1"] = hang
    sender = here.new_sender()
    killed = asyncio.create_task(sender.run())
    await here.owe("p1")
    await rendering.wait()
    await sender.drain(0)  # cancels it halfway, as a kill would
    killed.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await killed
    assert (await here.row("p1")).state is NoticeState.SENDING
    del here.before_rendering["p1"]
    async with here.sending():
        await here.owe("p2", channel=CARE)
        await here.shows("p2", channel=CARE)
        await here.is_due_now("p1")
        await here.shows("p1")


async def test_a_stop_finishes_what_is_being_sent_and_leaves_the_rest_for_the_next_start(
    light: Outbox,
) -> None:
    for number in range(5):
        await light.owe(f"p{number}")
    light.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.SLOW, seconds=1)
    async with light.sending():

        async def is_sending() -> bool:
            return (await light.row("p0")).state is NoticeState.SENDING

        await eventually(is_sending)
    assert light.texts() == ["p0"]
    assert (await light.row("p0")).state is NoticeState.SENT
    for number in range(1, 5):
        left = await light.row(f"p{number}")
        assert (left.state, left.attempt) == (NoticeState.OWED, 0)
        assert left.next_attempt_at <= light.clock.now(), "not after a lease"
    async with light.sending():
        await light.shows(*(f"p{number}" for number in range(5)))


async def test_a_card_that_takes_long_to_draw_is_kept_by_who_draws_it(here: Outbox) -> None:
    drawn: list[datetime] = []

    async def draw() -> None:
        """For several leases: each time it is seen, the claim has been renewed."""
        drawn.append(before := (await here.row("p1")).next_attempt_at)

        async def was_renewed() -> bool:
            return (await here.row("p1")).next_attempt_at > before + timedelta(seconds=4)

        await eventually(was_renewed)

    here.before_rendering["p1"] = draw
    short = Timing(notice=timedelta(seconds=3))  # a busy machine is late for much of a second
    async with here.sending(timing=short), here.sending(timing=short):
        await here.owe("p1")
        await here.reaches("p1", NoticeState.SENT)
    assert len(drawn) == 1
    assert here.texts() == ["p1"]


class Stalled(AsyncWebClient):
    """Of a process that is stopped right before it posts for the first time."""

    def __init__(self, like: AsyncWebClient) -> None:
        super().__init__(
            like.token, base_url=like.base_url, session=like.session, retry_handlers=[]
        )
        self.stopped, self.goes_on = asyncio.Event(), asyncio.Event()

    async def api_call(self, api_method: str, **call: Any) -> AsyncSlackResponse:
        if api_method == "chat.postMessage" and not self.stopped.is_set():
            self.stopped.set()
            await self.goes_on.wait()
        return await super().api_call(api_method, **call)


async def test_who_was_stopped_right_before_its_call_takes_its_second_message_back(
    here: Outbox,
) -> None:
    stalled = Stalled(here.client)
    async with here.sending(client=stalled):
        await here.owe("p1")
        await stalled.stopped.wait()
        async with here.sending():
            await here.is_due_now("p1")  # its lease is over
            await here.reaches("p1", NoticeState.SENT)
            [kept] = here.messages()
            stalled.goes_on.set()  # and both have ended when both are drained
    assert here.messages() == [kept]
    assert (await here.row("p1")).ts == kept.ts


async def test_two_senders_on_one_database_post_each_card_once_and_at_slacks_pace(
    here: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    here.slack.faults.limit_channels = True
    async with here.sending(), here.sending():
        for number in range(4):
            await here.owe(f"p{number}")
            await here.owe(f"q{number}", channel=APPROVALS)
        for subject in [f"{kind}{number}" for kind in "pq" for number in range(4)]:
            await here.reaches(subject, NoticeState.SENT)
    assert sorted(here.texts()) == ["p0", "p1", "p2", "p3"]
    assert sorted(here.texts(APPROVALS)) == ["q0", "q1", "q2", "q3"]
    assert "waits until" not in caplog.text, "Slack never had to answer 429"


async def test_a_post_takes_a_channels_second_and_an_edit_does_not(light: Outbox) -> None:
    """A network's outage changes a channel's cards all at once."""

    async def pause() -> timedelta:
        sent = await light.reaches("p1", NoticeState.SENT)
        async with light.database.reading() as tx:
            place = await destinations.get(tx, TEAM.id, SOCIAL)
        assert place is not None
        return place.free_at - (sent.next_attempt_at - BETWEEN_EDITS)

    async with light.sending():
        await light.owe("p1", "waits")
        assert await pause() == BETWEEN_POSTS
        await light.owe("p1", "approved")
        await light.shows("approved")
        assert await pause() == timedelta(0)


async def test_a_card_for_a_person_comes_as_a_direct_message(light: Outbox) -> None:
    async with light.sending():
        await light.owe("p1", "failed", channel=ANA)
        sent = await light.reaches("p1", NoticeState.SENT)
        await light.owe("p1", "live after all", channel=ANA)
        await light.shows("live after all", channel=light.slack.workspace.im_with_app(ANA).id)
    assert sent.channel == light.slack.workspace.im_with_app(ANA).id
