"""`/social digest` in Slack: shown, planned, stopped, posted once, with its chart."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import periods
from bot.accounts import AccountChoice
from bot.bootstrap import running
from bot.digests import Digest, Illustrated, Responses
from bot.performance import AccountPerformance
from bot.playground.block_kit import check_message
from bot.playground.faults import ApiTrouble
from bot.playground.records import Message
from bot.playground.seed import ANA, APPROVALS, BEN, CARE, DANA, EVA, GENERAL, SOCIAL, TEAM
from bot.playground.workspace import SLACKBOT
from handlers.views.digests import MOST_ACCOUNTS, digest_message
from storage import accounts, digests, workspaces
from storage.numbers import Missed, Open
from storage.records import Account, AccountState, DigestPlan, Member, Role, Sentiment
from tests.handlers.stage import Stage, labels_of, staged, text_of
from tests.unit.world import ScriptedNetwork

DAY = timedelta(days=1)


async def publish(stage: Stage, text: str) -> None:
    """A post that is live, liked and answered on Sandbox."""
    await stage.command(ANA, f"/social draft {text}")
    await stage.submit(await stage.modal(ANA, "draft"), when="now")
    await stage.no_modal(ANA)
    card = await stage.message(APPROVALS, text.split()[0])
    await stage.press(BEN, card, "Approve")
    await stage.message(APPROVALS, "Take down")
    async with stage.sandbox() as sandbox:
        login = {"handle": "acorn", "password": "acorn-coffee"}
        token = (await sandbox.post("/api/login", json=login)).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        posts = (await sandbox.get("/api/posts", headers=headers)).json()["posts"]
        [post] = [one for one in posts if text in one["text"]]
        for handle in ("mia", "tom", "lea"):
            login = {"handle": handle, "password": f"{handle}-sandbox"}
            token = (await sandbox.post("/api/login", json=login)).json()["token"]
            answer = await sandbox.post(
                "/api/posts",
                headers={"Authorization": f"Bearer {token}"},
                json={"text": f"Lovely, says {handle}", "reply_to": post["id"]},
            )
            assert answer.is_success, answer.text


async def ask_for_approval(stage: Stage) -> None:
    """Something to say: a post that waits."""
    await stage.command(ANA, "/social draft Waiting")
    await stage.submit(await stage.modal(ANA, "draft"), when="now")
    await stage.no_modal(ANA)


async def plan_due_now(
    stage: Stage, channel: str = SOCIAL, ago: timedelta = timedelta(minutes=1)
) -> DigestPlan:
    """A daily plan, made two days ago, whose time of day was a while ago."""
    due = datetime.now(UTC) - ago
    minute = due.hour * 60 + due.minute
    made = due - 2 * DAY
    plan = DigestPlan(f"plan-{channel}", TEAM.id, channel, None, minute, "UTC", EVA, made)
    async with stage.services.database.transaction() as tx:
        await digests.save(tx, plan)
    stage.services.clock.alarm("digests").ring()
    return plan


def posted(stage: Stage, containing: str, channel: str = SOCIAL) -> list[Message]:
    return [one for one in stage.messages(channel) if containing in text_of(one)]


# Shown now


async def test_who_asks_sees_the_numbers_with_a_chart(stage: Stage) -> None:
    await publish(stage, "Fresh & hot <beans>")
    await stage.command(DANA, "/social digest")
    shown = await stage.whispered(DANA, "The last 7 days, up to now")
    said = text_of(shown)
    assert "Followers  *1," in said
    assert "Engagement  *3*" in said
    assert "*The best post*  3 replies" in said
    assert "Fresh &amp; hot &lt;beans&gt;" in said
    assert "counted since" in said, "nothing was measured before today"
    [image] = [block for block in shown.blocks if block["type"] == "image"]
    assert image["alt_text"].startswith("Engagement, ")
    assert "Sandbox · @acorn 3" in image["alt_text"]
    file = stage.slack.workspace.files.get(image["slack_file"]["id"])
    assert file.user == stage.slack.workspace.app.bot_user_id
    assert file.alt_txt == image["alt_text"]
    assert "Have it come by itself: `/social digest daily 9:00`" in said


async def test_the_button_on_home_opens_the_numbers(stage: Stage) -> None:
    home = await stage.open_home(EVA)
    await stage.press(EVA, home, "The numbers")
    view = await stage.modal(EVA, "The last 7 days, up to now")
    assert view.body["title"]["text"] == "The numbers"


async def test_a_digest_whose_chart_slack_refuses_is_complete_without_it(stage: Stage) -> None:
    await publish(stage, "No picture today")
    stage.slack.faults.trouble_calls(
        "files.getUploadURLExternal", ApiTrouble.ERROR, error="internal_error"
    )
    await stage.command(EVA, "/social digest")
    shown = await stage.whispered(EVA, "The chart couldn't be drawn")
    assert "Engagement  *3*" in text_of(shown)
    assert "image" not in {block["type"] for block in shown.blocks}


async def test_an_account_to_be_connected_again_is_said(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, TEAM.id)
        await accounts.set_state(tx, account.id, AccountState.EXPIRED, "refused")
    await stage.command(EVA, "/social digest")
    shown = await stage.whispered(EVA, "must be connected again: `/social connect`")
    assert "nothing to report" in text_of(shown)


async def test_a_quiet_time_is_said_in_one_line(stage: Stage) -> None:
    await stage.command(EVA, "/social digest")
    shown = await stage.whispered(EVA, "nothing to report")
    assert shown.blocks[0]["type"] == "section"
    assert "\n" not in shown.blocks[0]["text"]["text"]
    assert [block["type"] for block in shown.blocks[1:]] == ["context"] * (len(shown.blocks) - 1)


# Planned


async def test_a_plan_is_answered_with_its_zone_and_its_next_time_in_full(stage: Stage) -> None:
    await stage.command(BEN, "/social digest daily 9:00")  # Ben is in New York
    answer = text_of(await stage.whispered(BEN, "The first:"))
    assert "every day at 9:00 (America/New_York), in your time zone" in answer
    assert re.search(r"\*\w{3} \d+ \w{3} \d{4}, 09:00 E[SD]T\*", answer)


async def test_a_channels_plans_are_listed_and_stopped_by_their_menu(stage: Stage) -> None:
    await stage.command(EVA, "/social digest daily 9:00")
    await stage.whispered(EVA, "every day at 9:00")
    await stage.command(EVA, "/social digest weekly Monday 8:30")
    both = await stage.whispered(EVA, "every Monday at 8:30")
    assert "Comes here every day at 9:00 (Europe/Berlin)" in text_of(both)
    await stage.command(EVA, "/social digest daily 10:00")
    assert "takes the place" in text_of(await stage.whispered(EVA, "every day at 10:00"))
    await stage.command(ANA, "/social digest")
    listed = await stage.whispered(ANA, "Comes here every day at 10:00")
    await stage.press(ANA, listed, "digest_menu", "Stop this digest", within="Monday")
    await stage.whispered(ANA, "no digest every Monday at 8:30 (Europe/Berlin) here any more")
    await stage.press(ANA, listed, "digest_menu", "Stop this digest", within="Monday")
    await stage.whispered(ANA, "was stopped already")
    async with stage.services.database.reading() as tx:
        [left] = await digests.of_channel(tx, TEAM.id, SOCIAL)
    assert left.minute == 600


async def test_stop_stops_all_of_the_channel_or_one_kind(stage: Stage) -> None:
    for line, said in (("daily 9:00", "every day"), ("weekly Friday 16:00", "every Friday")):
        await stage.command(EVA, f"/social digest {line}")
        await stage.whispered(EVA, said)
    await stage.command(EVA, "/social digest stop weekly")
    stopped = await stage.whispered(EVA, "Stopped: no digest every Friday at 16:00")
    assert "The other one goes on" in text_of(stopped)
    await stage.command(EVA, "/social digest stop", channel=CARE)
    await stage.whispered(EVA, "there is nothing to stop", channel=CARE)
    await stage.command(EVA, "/social digest stop")
    await stage.whispered(EVA, "no digest every day at 9:00")
    await stage.command(EVA, "/social digest stop it")
    await stage.whispered(EVA, "Stop which digest?")


async def test_what_is_not_understood_is_answered_with_examples(stage: Stage) -> None:
    await stage.command(EVA, "/social digest hourly <b>")
    answer = text_of(await stage.whispered(EVA, "isn't something a digest can do"))
    assert "`/social digest weekly Monday 9:00`" in answer
    assert "“hourly &lt;b&gt;”" in answer


async def test_a_responder_cannot_plan(stage: Stage) -> None:
    await stage.command(DANA, "/social digest daily 9:00")
    await stage.whispered(DANA, "To plan and stop digests you need the role")


async def test_a_channel_without_the_bot_says_how_to_invite_it(stage: Stage) -> None:
    stage.slack.workspace.remove_member(CARE, stage.slack.workspace.app.bot_user_id)
    await stage.command(EVA, "/social digest daily 9:00", channel=CARE)
    await stage.whispered(EVA, "`/invite @Socialdesk`", channel=CARE)
    async with stage.services.database.reading() as tx:
        assert await digests.every(tx) == []


async def test_a_private_channel_without_the_bot_says_how_to_invite_it(stage: Stage) -> None:
    workspace = stage.slack.workspace
    care = workspace.channel(CARE)
    workspace.put_channel(replace(care, is_private=True, members=(EVA, SLACKBOT)))
    await stage.command(EVA, "/social digest weekly Monday 9:00", channel=CARE)
    await stage.whispered(EVA, "`/invite @Socialdesk`", channel=CARE)


async def test_a_shared_channel_is_warned_about(stage: Stage) -> None:
    workspace = stage.slack.workspace
    workspace.put_channel(replace(workspace.channel(CARE), is_ext_shared=True))
    await stage.command(EVA, "/social digest daily 9:00", channel=CARE)
    await stage.whispered(EVA, "shared with another organisation", channel=CARE)


# Posted


async def test_a_due_digest_is_posted_once_and_not_again_after_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await ask_for_approval(stage)
        await plan_due_now(stage)
        message = await stage.message(SOCIAL, "Comes every day")
        assert message.ephemeral_to is None
        said = text_of(message)
        assert "Yesterday, " in said
        assert "1 post to approve" in said
        assert "Late: " not in said
        assert "What is coming" in labels_of(message)
    async with staged(tmp_path) as stage:
        stage.services.clock.alarm("digests").ring()
        await stage.command(EVA, "/social digest")
        await stage.whispered(EVA, "The last 7 days")
        await stage.settled()
        assert len(posted(stage, "Comes every day")) == 1


async def test_two_bots_on_one_database_post_one_digest_each_time(
    tmp_path: Path, postgresql_url: str
) -> None:
    async with staged(tmp_path, database_url=postgresql_url) as stage:
        await ask_for_approval(stage)
        async with running(stage.settings) as other:
            for channel in (SOCIAL, CARE, GENERAL):
                await plan_due_now(stage, channel)
                other.services.clock.alarm("digests").ring()
                await stage.message(channel, "Comes every day")
        await stage.settled()
        for channel in (SOCIAL, CARE, GENERAL):
            assert len(posted(stage, "Comes every day", channel)) == 1


async def test_a_late_digest_says_so(stage: Stage) -> None:
    await ask_for_approval(stage)
    await plan_due_now(stage, ago=timedelta(hours=2))
    assert "Late: it was due" in text_of(await stage.message(SOCIAL, "Comes every day"))


async def test_a_quiet_day_is_posted_as_one_line(stage: Stage) -> None:
    await plan_due_now(stage)
    message = await stage.message(SOCIAL, "nothing to report")
    assert "Yesterday, " in message.text
    assert message.blocks[0]["text"]["text"].count("\n") == 0


# Many accounts


def performance(number: int) -> AccountPerformance:
    account = Account(
        id=str(number),
        workspace_id="T1",
        network="scripted",
        remote_id=str(number),
        handle=f"@{number}",
        name="",
        url="",
        server="",
        state=AccountState.EXPIRED,
        credentials=b"",
        limits={},
        slots=None,
        owner_id="U1",
        cursor=None,
        polled_at=None,
        problem=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    choice = AccountChoice(account, f"Net · *@{number}* " + "x" * 200, ScriptedNetwork.limits)
    return AccountPerformance(choice, 100, 2, 50, 40, 3, 2, None, None, is_silent=True)


def crowded(count: int) -> Digest:
    now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    return Digest(
        period=periods.week_before(now, ZoneInfo("Europe/Berlin")),
        made_at=now,
        accounts=tuple(performance(number) for number in range(count)),
        best=None,
        best_revision=None,
        mentions=dict.fromkeys(Sentiment, 1_000_000),
        mentions_before={},
        responses=Responses(DAY, 9, 3 * DAY, 9, Missed(9, 9), Open(9, 9)),
        due=(),
        waiting=99,
        chart=None,
    )


def test_many_accounts_fold_into_one_line() -> None:
    text, blocks = digest_message(Illustrated(crowded(60), None, "", chart_failed=True), None)
    check_message(blocks, text=text)
    assert len(blocks) < 20
    [fields] = [block["fields"] for block in blocks if len(block.get("fields", ())) > 2]
    assert len(fields) == MOST_ACCOUNTS
    assert fields[-1]["text"].startswith(f"*{60 - MOST_ACCOUNTS + 1} others*")
    assert "Followers  *5,300*  ▲ 106" in fields[-1]["text"]
    assert "Engagement  *2,650*  ▲ 25 %" in fields[-1]["text"]


def test_a_week_names_its_days_and_complaints_their_times() -> None:
    text, blocks = digest_message(Illustrated(crowded(1), None, "", chart_failed=False), None)
    said = str(blocks)
    assert text.startswith("The week of 16 November to 22 November: engagement 50, 3 posts")
    assert "First answer after 24 h (median of 9)" in said
    assert "Solved after 3 days 0 h" in said
    assert "1000000 unclassified" in said
    assert "Net · ∗@0∗" in said, "foreign text marks nothing up"


async def test_a_viewer_sees_numbers_and_nothing_that_is_not_public(stage: Stage) -> None:
    await stage.command(ANA, "/social draft A secret for tomorrow")
    form = await stage.modal(ANA, "A secret")
    assert (await stage.submit(form, when="next_free")).ok
    async with stage.services.database.transaction() as tx:
        viewer = Member(stage.bot.team_id, BEN, "Ben", "UTC", frozenset({Role.VIEWER}))
        await workspaces.save_member(tx, viewer)
    await stage.command(BEN, "/social digest")
    shown = text_of(await stage.whispered(BEN, "The last 7 days"))
    assert "secret" not in shown
    assert "due" not in shown
    assert "digest daily" not in shown
    home = await stage.open_home(BEN, "The numbers")
    assert labels_of(home) == ["The numbers"]
    await stage.press(BEN, home, "The numbers")
    await stage.modal(BEN, "The last 7 days")
    for line in ("queue", "mentions", "draft Hi", "team", "pause", "digest daily 9:00"):
        await stage.command(BEN, f"/social {line}")
        await stage.settled()
    refusals = [m for m in stage.messages(SOCIAL, BEN) if "you need the role" in text_of(m)]
    assert len(refusals) == 6
