"""Mentions in Slack: the card, the reply, the lists, and what two people or Slack do twice."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.mention_times import MentionTimes
from bot.playground.records import Message, View
from bot.playground.sandbox_seed import PEOPLE
from bot.playground.seed import ALERTS, ANA, CARE, DANA, EVA, GENERAL
from bot.playground.views import elements
from bot.services import Services
from bot.team import Person
from storage.records import Mention
from storage.rows import many
from storage.tables import accounts as accounts_table
from storage.tables import members as members_table
from storage.tables import mentions as mentions_table
from tests.handlers.stage import Stage, inputs_of, labels_of, staged, text_of
from tests.handlers.test_reviews import daytime
from tests.servers.eventually import eventually

COMPLAINT = "@acorn the grinder broke after two days and I am angry. Terrible quality."
NAMES = {DANA: "Dana Weber", EVA: "Eva Lindt"}
BACK = "Your unfinished reply is back."
DOUBT = "@acorn the bag was a little torn."


async def log_in(web: httpx.AsyncClient, who: str) -> str:
    password = next(person.password for person in PEOPLE if person.handle == who)
    answer = await web.post("/api/login", json={"handle": who, "password": password})
    token: str = answer.json()["token"]
    return token


async def say(
    stage: Stage, text: str = COMPLAINT, *, who: str = "mia", answering: str | None = None
) -> str:
    """Somebody writes on Sandbox; the post's id."""
    async with stage.sandbox() as web:
        token = await log_in(web, who)
        answer = await web.post(
            "/api/posts",
            json={"text": text, "pictures": [], "reply_to": answering},
            headers={
                "Authorization": f"Bearer {token}",
                "Idempotency-Key": hashlib.sha256(f"{who}{text}".encode()).hexdigest(),
            },
        )
    assert answer.is_success, answer.text
    post_id: str = answer.json()["id"]
    return post_id


async def mention_times(services: Services) -> None:
    """What is done by the clock, now."""

    async def nobody(*_: object) -> Collection[str]:
        return ()

    await MentionTimes(services.database, services.clock, nobody).run()


async def it_is_late(services: Services) -> None:
    """The time for an answer to everything is over, and it is noon wherever people are."""
    now = services.clock.now()
    async with services.database.transaction() as tx:
        await tx.connection.execute(
            mentions_table.update().values(answer_due_at=now - timedelta(minutes=5))
        )
        await tx.connection.execute(members_table.update().values(zone=daytime()))
    await mention_times(services)


async def hear(stage: Stage) -> None:
    """One poll, now."""
    async with stage.services.database.transaction() as tx:
        await tx.connection.execute(accounts_table.update().values(polled_at=None))
    await stage.services.listening.poll()
    await stage.services.listening.settled()


async def alarm(stage: Stage, text: str = COMPLAINT, **more: Any) -> Message:
    """Somebody complains; the card."""
    await say(stage, text, **more)
    await hear(stage)
    return await card(stage, "Needs an answer")


async def card(stage: Stage, containing: str, channel: str = ALERTS) -> Message:
    return await stage.message(channel, containing)


async def kept(stage: Stage) -> list[Mention]:
    async with stage.services.database.reading() as tx:
        return list(await many(tx, Mention, mentions_table.select()))


async def live_replies(stage: Stage, post_id: str) -> list[str]:
    """What the brand has answered on Sandbox."""
    async with stage.sandbox() as web:
        token = await log_in(web, "acorn")
        listed = await web.get("/api/posts", headers={"Authorization": f"Bearer {token}"})
    return [post["text"] for post in listed.json()["posts"] if post["reply_to"] == post_id]


def text_in(form: View) -> str:
    """What is typed in the form of a reply."""
    text: str = inputs_of(form)[0]["element"]["initial_value"]
    return text


def menu_of(message: Message, within: str = "") -> list[str]:
    """The options of the menus in the blocks that hold this text."""
    return [
        option["text"]["text"]
        for block in message.blocks
        if within in str(block)
        for element in elements(block)
        if element["type"] == "overflow"
        for option in element["options"]
    ]


async def test_a_complaint_becomes_one_card_with_all_that_is_needed(stage: Stage) -> None:
    shown = await alarm(stage)
    text = text_of(shown)
    for part in (
        "*Mia Okafor* (@mia) on Sandbox · @acorn",
        "the grinder broke after two days",
        "“angry”, “broke”, “terrible”",
        "Answer by",
        "Solve by",
    ):
        assert part in text
    assert labels_of(shown) == ["Reply", "Open"]
    assert menu_of(shown) == ["Claim", "Resolve", "Not negative"]
    await hear(stage)
    assert len(stage.messages(ALERTS)) == 1


async def test_a_reply_goes_from_the_card_to_the_network(stage: Stage) -> None:
    post_id = await say(stage)
    await hear(stage)
    shown = await card(stage, "Needs an answer")
    await stage.press(DANA, shown, "Reply")
    form = await stage.modal(DANA, "reply")
    assert "the grinder broke" in text_of(form)
    first = inputs_of(form)[0]["element"]["initial_value"]
    assert first.startswith("I'm sorry you ran into this, Mia. Could you send us a direct message")
    await card(stage, "with *Dana Weber*")
    answer = await stage.submit(form, text="I'm sorry, Mia. We'll send a new one. :coffee:")
    assert answer.ok
    await stage.no_modal(DANA)
    answered = await card(stage, "Answered, not solved yet")
    await card(stage, "*Dana Weber* answered")
    text = text_of(answered)
    assert "We'll send a new one. ☕" in text
    assert "|See it>" in text
    assert await live_replies(stage, post_id) == ["I'm sorry, Mia. We'll send a new one. ☕"]
    await stage.press(DANA, answered, "mention_menu", "Resolve")
    resolved = await card(stage, "*Resolved*")
    assert labels_of(resolved) == ["Open", "Reopen"]
    assert len(stage.messages(ALERTS)) == 1
    assert stage.messages(stage.slack.workspace.im_with_app(DANA).id) == []


async def test_resolve_with_this_ends_the_card_as_a_record(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Reply")
    form = await stage.modal(DANA, "reply")
    await stage.submit(form, text="Sorry!", resolves=["Resolve with this"])
    resolved = await card(stage, "*Resolved*")
    text = text_of(resolved)
    assert "Answer by" not in text
    for did in ("claimed it", "sent a reply", "resolved it"):
        assert f"Dana Weber {did}" in text
    await stage.press(DANA, resolved, "Reopen")
    await card(stage, "Answered, not solved yet")


async def test_what_nobody_answered_needs_an_answer_when_it_is_opened_again(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "mention_menu", "Resolve")
    await stage.press(DANA, await card(stage, "*Resolved*"), "Reopen")
    opened = text_of(await card(stage, "Needs an answer"))
    assert "resolved it (answered elsewhere)" in opened
    assert "Answer by" in opened


async def test_what_is_too_long_is_said_at_the_field_and_kept(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Reply")
    form = await stage.modal(DANA, "reply")
    refused = await stage.submit(form, text="x" * 301)
    assert refused.errors["text"] == "1 over Sandbox's limit of 300."
    assert (await stage.submit(await stage.modal(DANA, "reply"), text="x" * 300)).ok


async def test_a_reply_that_was_closed_by_mistake_comes_back(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Reply")
    form = await stage.modal(DANA, "reply")
    assert BACK not in text_of(form)
    await stage.press(DANA, form, "reply_text", "Dear Mia, half a :acorn-cup:")
    await stage.settled()
    await stage.slack.people.close_view(DANA, form.id)
    owned = await card(stage, "with *Dana Weber*")
    await stage.press(DANA, owned, "Reply")
    again = await stage.modal(DANA, BACK)
    assert text_in(again) == "Dear Mia, half a :acorn-cup:"
    await stage.press(DANA, again, "Check the length")
    again = await stage.modal(DANA, BACK)
    assert "exists in this Slack workspace only" in text_of(again)

    await stage.press(DANA, again, "reply_text", "Dear Mia, a whole")
    await stage.submit(again, text="Dear Mia, a whole one.")
    answered = await card(stage, "Answered, not solved yet")
    await typed_late(stage)
    await stage.press(DANA, answered, "Reply")
    assert text_in(await stage.modal(DANA, "reply")).startswith("Thank you for your patience")


async def typed_late(stage: Stage) -> None:
    """The last thing that was typed into a reply reaches the bot again, after all that followed."""
    log = reversed(stage.slack.delivery.log)
    typed = next(each for each in log if "reply_text" in str(each.payload.get("actions")))
    await stage.slack.delivery.request(typed.kind, typed.payload)
    await stage.settled()


async def test_what_a_closed_form_has_claimed_can_be_released(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Reply")
    form = await stage.modal(DANA, "reply")
    await stage.slack.people.close_view(DANA, form.id)
    mine = await card(stage, "with *Dana Weber*")
    assert menu_of(mine) == ["Take over", "Release", "Resolve", "Not negative"]
    await stage.press(EVA, mine, "mention_menu", "Release")
    await stage.whispered(EVA, "It isn't yours to release", ALERTS)
    await stage.press(DANA, mine, "mention_menu", "Release")
    released = await card(stage, "Dana Weber made it everybody's again")
    assert menu_of(released) == ["Claim", "Resolve", "Not negative"]
    await stage.press(DANA, released, "mention_menu", "Claim")
    await card(stage, "with *Dana Weber*")
    await stage.command(DANA, "/social mentions")
    listed = await stage.modal(DANA, "to answer or to solve")
    await stage.press(DANA, listed, "mentions_menu", "Release")
    await stage.modal(DANA, "It is everybody's again.")


async def test_a_reply_whose_text_was_wiped_begins_anew(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Reply")
    form = await stage.modal(DANA, "reply")
    for text in ("Dear Mia", " "):
        await stage.press(DANA, form, "reply_text", text)
        await stage.settled()
    await stage.slack.people.close_view(DANA, form.id)
    await stage.press(DANA, await card(stage, "with *Dana Weber*"), "Reply")
    again = await stage.modal(DANA, "reply")
    assert BACK not in text_of(again)
    assert text_in(again).startswith("I'm sorry")


async def test_what_somebody_typed_as_a_reply_is_shown_to_nobody_else_and_is_no_post(
    stage: Stage,
) -> None:
    shown = await alarm(stage)
    await stage.press(EVA, shown, "Reply")
    form = await stage.modal(EVA, "reply")
    await stage.press(EVA, form, "reply_text", "Mine alone")
    await stage.settled()
    await stage.slack.people.close_view(EVA, form.id)
    await stage.press(DANA, await card(stage, "with *Eva Lindt*"), "mention_menu", "Take over")
    await stage.press(DANA, await card(stage, "with *Dana Weber*"), "Reply")
    assert text_in(await stage.modal(DANA, "reply")).startswith("I'm sorry")
    await stage.command(EVA, "/social draft")
    assert "Mine alone" not in text_of(await stage.modal(EVA, "draft"))
    assert "Mine alone" not in text_of(await stage.open_home(EVA))


async def test_the_count_is_refreshed_on_check(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Reply")
    form = await stage.modal(DANA, "/ 300")
    stage.slack.people.type_into(form.id, {"text": {"reply_text": "y" * 310}})
    await stage.press(DANA, form, "Check the length")
    checked = await stage.modal(DANA, "310 / 300 :warning: 10 over Sandbox's limit of 300.")
    assert inputs_of(checked)[0]["element"]["initial_value"] == "y" * 310


async def test_two_who_press_reply_at_once_get_one_form_and_one_answer(stage: Stage) -> None:
    shown = await alarm(stage)
    await asyncio.gather(stage.press(DANA, shown, "Reply"), stage.press(EVA, shown, "Reply"))
    await stage.settled()
    views = stage.slack.workspace.views
    [lost] = [who for who in (DANA, EVA) if views.modal(who) is None]
    [won] = {DANA, EVA} - {lost}
    told = await stage.whispered(lost, "A colleague is on it already", ALERTS)
    assert f"<@{won}> claimed it" in told.text
    await stage.press(lost, await card(stage, f"with *{NAMES[won]}*"), "mention_menu", "Take over")
    await card(stage, f"with *{NAMES[lost]}*")
    late = await stage.submit(await stage.modal(won, "reply"), text="Too late")
    assert late.ok
    await stage.modal(won, "A colleague is on it already")
    assert (await kept(stage))[0].owner_id == lost


async def test_a_press_that_slack_sends_twice_has_one_effect(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "mention_menu", "Resolve")
    await again(stage)
    await stage.settled()
    resolved = await card(stage, "*Resolved*")
    assert text_of(resolved).count("resolved it") == 1
    await stage.whispered(DANA, "You can't resolve it: it is resolved", ALERTS)


async def test_a_form_that_slack_sends_twice_is_one_reply(stage: Stage) -> None:
    post_id = await say(stage)
    await hear(stage)
    await stage.press(DANA, await card(stage, "Needs an answer"), "Reply")
    await stage.submit(await stage.modal(DANA, "reply"), text="Sorry!")
    await again(stage)
    await card(stage, "Answered, not solved yet")
    await stage.settled()
    assert await live_replies(stage, post_id) == ["Sorry!"]


async def again(stage: Stage) -> None:
    """Slack delivers its last request once more."""
    last = stage.slack.delivery.log[-1]
    await stage.slack.delivery.request(last.kind, last.payload)


async def test_only_responders_act(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(ANA, shown, "Reply")
    await stage.whispered(ANA, "To answer mentions you need the role", ALERTS)
    await stage.press(ANA, shown, "mention_menu", "Not negative")
    await stage.settled()
    assert [mention.state for mention in await kept(stage)] == ["open"]
    assert (await kept(stage))[0].owner_id is None


async def test_routing_brings_the_card_to_the_team(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Route to …", "Care")
    theirs = await card(stage, "with *Care*", CARE)
    assert labels_of(theirs) == ["Reply", "Open"]
    await stage.press(EVA, theirs, "mention_menu", "Claim")
    await card(stage, "with *Eva Lindt* of *Care*")
    await stage.press(EVA, await card(stage, "with", CARE), "Route to …", "Product")
    moved = await card(stage, "with *Product*", CARE)
    assert labels_of(moved) == ["Open"], "it isn't theirs any more"
    await card(stage, "with *Product*", GENERAL)
    assert len(stage.messages(ALERTS)) == 1
    for place in (ALERTS, CARE, GENERAL):
        assert "<@" not in "".join(map(text_of, stage.messages(place))), "nobody is pinged"


async def test_a_reply_that_failed_is_told_and_can_be_changed(stage: Stage) -> None:
    shown = await alarm(stage)
    await stage.press(DANA, shown, "Reply")
    [mention] = await kept(stage)
    async with stage.sandbox() as web:  # Mia takes her post back before the answer arrives
        token = await log_in(web, "mia")
        gone = await web.delete(
            f"/api/posts/{mention.remote_id}", headers={"Authorization": f"Bearer {token}"}
        )
    assert gone.is_success
    await stage.submit(await stage.modal(DANA, "reply"), text="Sorry!", resolves=["resolves"])
    told = await stage.message(DANA, "Your reply didn't go out")
    assert labels_of(told) == ["Try again"]
    failed = await card(stage, "reply didn't go out")
    assert "Answer by" in text_of(failed), "its clock runs on"
    assert "Reply" in labels_of(failed)
    await stage.press(DANA, failed, "Reply")
    assert inputs_of(await stage.modal(DANA, "reply"))[0]["element"]["initial_value"] == "Sorry!"


async def test_who_writes_again_reopens_the_card_and_is_told_in_its_thread(stage: Stage) -> None:
    post_id = await say(stage)
    await hear(stage)
    await stage.press(DANA, await card(stage, "Needs an answer"), "Reply")
    form = await stage.modal(DANA, "reply")
    await stage.submit(form, text="Sorry!", resolves=["Resolve with this"])
    resolved = await card(stage, "*Resolved*")
    await say(stage, "@acorn it still doesn't work, this is useless.", answering=post_id)
    await hear(stage)
    ping = await card(stage, "has written again")
    assert ping.thread_ts == resolved.ts
    assert f"<@{DANA}>" in ping.text
    opened = await card(stage, "Needs an answer")
    assert opened.ts == resolved.ts
    assert "it still doesn't work" in text_of(opened)


HOSTILE = [
    "@acorn terrible <!channel> <@U0ANA000001> <https://evil.example|acorn.example> :tada: *b* `c`",
    "@acorn awful \u202eyad eht evas\u202c \u200bhidden\u2066",
    "@acorn terrible & bad &amp; ugly &lt;b&gt;",
    "@acorn awful\n\n\n\nterrible\n> not a quotation\n```code```",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_foreign_text_stays_text(stage: Stage, text: str) -> None:
    shown = await alarm(stage, text)
    said = text_of(shown)
    assert "<!channel>" not in said
    assert "<https://evil" not in said
    assert "\u202e" not in said
    assert "\u200b" not in said
    await stage.press(DANA, shown, "Reply")
    await stage.modal(DANA, "reply")
    await stage.command(DANA, "/social mentions")
    await stage.modal(DANA, "to answer or to solve")


async def test_a_text_of_100_000_characters_fits_every_place(stage: Stage) -> None:
    await say(stage)
    await hear(stage)
    [mention] = await kept(stage)
    huge = "terrible & <awful> *bad*\n" * 4000
    many_words = tuple("awful" * 50 for _ in range(3))
    await overwrite(
        stage,
        text=huge[:20_000],
        author_name="&" * 255,
        author="<" * 255,
        reasons=many_words,
        url="https://x.example/" + "&" * 1900,
    )
    await say(stage, "@acorn " + "still awful & bad " * 16, answering=mention.remote_id)
    await hear(stage)
    await overwrite(stage, text=huge[:20_000])
    await stage.services.triage.claim(stage_person(stage, DANA), mention.id)
    shown = await card(stage, "with *Dana Weber*")
    assert "Read all of it" not in text_of(shown), "such an address makes no link in a text"
    await stage.press(DANA, shown, "Reply")
    await stage.modal(DANA, "reply")


async def overwrite(stage: Stage, **new: Any) -> None:
    async with stage.services.database.transaction() as tx:
        await tx.connection.execute(mentions_table.update().values(**new))


def stage_person(stage: Stage, who: str) -> Person:
    return Person(stage.bot.team_id, who)


async def test_the_list_shows_what_is_open_and_changes_in_place(stage: Stage) -> None:
    await say(stage)
    await say(stage, DOUBT, who="tom")
    await say(stage, "@acorn Der Kaffee kam leider kalt an, das war nichts.", who="jonas")
    await say(stage, "@acorn what time do you close on Sunday?", who="lea")
    await hear(stage)
    await stage.command(ANA, "/social mentions")
    seen = await stage.modal(ANA, "to answer or to solve")
    text = text_of(seen)
    order = [
        "To answer or to solve (1)",
        "Possibly negative (1)",
        "Couldn't be read (1)",
        "All others",
    ]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    await stage.press(ANA, seen, "mentions_menu", "Resolve", within="Mia Okafor")
    await stage.modal(ANA, "To answer mentions you need the role")

    await stage.command(DANA, "/social mentions")
    mine = await stage.modal(DANA, "to answer or to solve")
    await stage.press(DANA, mine, "mentions_menu", "It is negative", within="Tom Lindqvist")
    two = await stage.modal(DANA, "To answer or to solve (2)")
    await card(stage, "said that it is negative")
    await stage.press(DANA, two, "mentions_menu", "Not negative", within="Jonas Weber")
    await stage.press(
        DANA, await stage.modal(DANA, "Noted"), "mentions_menu", "Resolve", within="Tom"
    )
    left = await stage.modal(DANA, "To answer or to solve (1)")
    await stage.press(DANA, left, "mentions_menu", "Reply", within="Mia Okafor")
    await stage.submit(await stage.modal(DANA, "reply"), text="Sorry!", resolves=["resolves"])
    await card(stage, "*Resolved*")


async def test_a_long_list_has_pages(stage: Stage) -> None:
    for number in range(15):
        await say(stage, f"@acorn question {number}: what time do you close on Sunday?")
    await hear(stage)
    await stage.command(DANA, "/social mentions")
    first = await stage.modal(DANA, "Page 1 of 2")
    await stage.press(DANA, first, "Next")
    second = await stage.modal(DANA, "Page 2 of 2")
    await stage.press(DANA, second, "Previous")
    await stage.modal(DANA, "Page 1 of 2")


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("@acorn wonderful coffee, thank you, I love it!", "Thank you, Lea! "),
        ("@acorn what time do you close on Sunday?", "Hello, Lea! "),
    ],
)
async def test_praise_and_questions_are_answered_from_the_list(
    stage: Stage, text: str, begins: str
) -> None:
    post_id = await say(stage, text, who="lea")
    await hear(stage)
    await overwrite(stage, author_name="Lea")
    await stage.command(DANA, "/social mentions")
    await stage.press(DANA, await stage.modal(DANA, "All others"), "mentions_menu", "Reply")
    form = await stage.modal(DANA, "reply")
    assert inputs_of(form)[0]["element"]["initial_value"] == begins
    await stage.submit(form, text="At six.", resolves=["resolves"])

    async def answered() -> list[str]:
        return await live_replies(stage, post_id)

    assert await eventually(answered) == ["At six."]
    await stage.command(DANA, "/social mentions")
    await stage.modal(DANA, "Nothing is open.")


async def test_nothing_open_says_so(stage: Stage) -> None:
    await stage.command(DANA, "/social mentions")
    await stage.modal(DANA, "Nothing is open.")


async def doubtful_list(stage: Stage, number: int) -> Message:
    people = [person.handle for person in PEOPLE if person.handle != "acorn"]
    for each in range(number):
        await say(stage, f"{DOUBT} ({each})", who=people[each % len(people)])
    await hear(stage)
    async with stage.services.database.transaction() as tx:
        await tx.connection.exec_driver_sql("DELETE FROM occurrences")  # it is time again
    await mention_times(stage.services)
    return await card(stage, f"{number} possibly negative mention")


async def test_doubtful_ones_come_in_one_list_and_go_together(stage: Stage) -> None:
    shown = await doubtful_list(stage, 5)
    await stage.press(DANA, shown, "doubtful_menu", "It is negative", within="Mia Okafor")
    rest = await card(stage, "4 possibly negative mentions")
    assert "Negative, says Dana Weber" in text_of(rest)
    await stage.press(DANA, rest, "doubtful_menu", "Not negative", within="Tom Lindqvist")
    rest = await card(stage, "3 possibly negative mentions")
    await stage.press(EVA, rest, "Dismiss all")
    done = await card(stage, "everything was looked at")
    assert labels_of(done) == []
    assert menu_of(done) == []
    assert text_of(done).count("Not negative, says Eva Lindt") == 3
    await stage.press(DANA, shown, "Dismiss all")
    await stage.whispered(DANA, "Nothing is left in this list", ALERTS)


async def test_a_full_list_fits_a_message(stage: Stage) -> None:
    shown = await doubtful_list(stage, 20)
    assert len(shown.blocks) <= 50


async def test_a_restart_repeats_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await alarm(stage)
    async with staged(tmp_path) as stage:
        await say(stage, "@acorn awful, terrible service!", who="tom")
        await hear(stage)
        await stage.message(ALERTS, "Tom Lindqvist")
        assert len(stage.messages(ALERTS)) == 2
        assert len(await kept(stage)) == 2


async def test_what_nobody_can_reply_to_has_no_reply_button(stage: Stage) -> None:
    await alarm(stage)
    await overwrite(stage, reply_to={}, account_id=None)
    [mention] = await kept(stage)
    await stage.services.triage.claim(stage_person(stage, DANA), mention.id)
    shown = await card(stage, "with *Dana Weber*")
    assert labels_of(shown) == ["Open"]


async def test_the_card_says_what_is_overdue(stage: Stage) -> None:
    await alarm(stage)
    [mention] = await kept(stage)
    late: Mapping[str, Any] = {"answer_due_at": mention.posted_at - timedelta(hours=1)}
    await overwrite(stage, **late)
    await mention_times(stage.services)
    await card(stage, "Answer overdue since")


async def test_what_is_late_is_in_the_inboxes_of_those_it_concerns(stage: Stage) -> None:
    await alarm(stage)
    await it_is_late(stage.services)
    for who in (DANA, EVA):
        shown = await card(stage, "1 negative mention is overdue.", who)
        assert "*Mia Okafor* (@mia) on Sandbox · @acorn" in text_of(shown)
        assert "Answer overdue since" in text_of(shown)
        assert labels_of(shown) == ["Reply", "Open"]
        assert menu_of(shown) == ["Claim", "Resolve", "Not negative"]
    await stage.press(DANA, await card(stage, "overdue", DANA), "Reply")
    form = await stage.modal(DANA, "reply")
    assert (await stage.submit(form, text="I'm sorry, Mia.")).ok
    await card(stage, "Answered, not solved yet")
    await card(stage, "Nothing waits for you.", EVA)
    await card(stage, "Nothing waits for you.", DANA)


async def test_it_is_resolved_from_the_inbox_and_a_colleague_is_told(stage: Stage) -> None:
    await alarm(stage)
    await it_is_late(stage.services)
    shown = await card(stage, "1 negative mention is overdue.", EVA)
    await stage.press(DANA, await card(stage, "overdue", DANA), "mention_menu", "Resolve")
    await card(stage, "*Resolved* · with *Dana Weber*")
    await card(stage, "Nothing waits for you.", EVA)
    await stage.press(EVA, shown, "mention_menu", "Claim")
    await stage.whispered(EVA, "it is resolved", EVA)
