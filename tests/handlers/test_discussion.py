"""What is said about a post: in its card's thread, in the author's form, as a suggested text."""

import pytest

from bot.comments import COMMENTED
from bot.composing import PostForm
from bot.errors import NotAllowed
from bot.playground.block_kit import check_message
from bot.playground.faults import ApiTrouble
from bot.playground.records import Message
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, EVA, SOCIAL, TEAM
from bot.team import Person
from storage import history
from tests.handlers.stage import Stage, inputs_of, labels_of, text_of
from tests.handlers.test_posts import asked, changed, later, person
from tests.servers.eventually import eventually


async def replied(stage: Stage, card: Message, containing: str) -> Message:
    """A message in the card's thread, once it shows this text."""

    async def look() -> Message | None:
        found = stage.slack.workspace.replies(card.channel, card.ts)
        return next((one for one in found if containing in text_of(one)), None)

    found = await eventually(look)
    assert found is not None
    return found


def write(stage: Stage, who: str, card: Message, text: str) -> Message:
    return stage.slack.people.post_message(who, card.channel, text, card.ts)


async def edited(stage: Stage, text: str) -> None:
    """Ana's only coming or returned post with another text."""
    shown = await stage.services.homes.load(person(ANA))
    [line] = [*shown.to_mend, *shown.coming]
    form = PostForm(text, line.revision.content.account_ids)
    ids = {"post_id": line.post.id, "revision_id": line.revision.id}
    await stage.services.drafting.submit(person(ANA), form, **ids)


async def sent_back(stage: Stage, card: Message, comment: str) -> None:
    await stage.press(BEN, card, "Request changes")
    await stage.submit(await stage.modal(BEN, "comment_form"), comment=comment)
    await changed(stage, card, "Changes requested")


async def test_a_reply_in_the_thread_is_on_the_card_as_it_is_by_now(stage: Stage) -> None:
    card = await asked(stage, "Say something", **later(3))
    reply = write(stage, CHIDI, card, "Is @ana sure? 5 < 6 & *bold* :tada: https://a.example")
    shown = await changed(stage, card, "1 comment in the thread")
    assert "@Ana Novak sure? 5 &lt; 6 &amp; bold 🎉 https://a.example" in text_of(shown)
    stage.slack.people.edit_message(CHIDI, card.channel, reply.ts, "Never mind")
    assert "5 &lt; 6" not in text_of(await changed(stage, card, "Never mind"))
    write(stage, BEN, card, "Good")
    await changed(stage, card, "2 comments in the thread")
    stage.slack.people.delete_message(CHIDI, card.channel, reply.ts)
    await changed(stage, card, "1 comment in the thread")


async def test_a_reply_counts_that_comes_before_slacks_answer_to_posting_the_card(
    stage: Stage,
) -> None:
    stage.slack.faults.trouble_calls("chat.postMessage", ApiTrouble.LATE, seconds=2)
    card = await asked(stage, "Posted slowly", **later(3))
    write(stage, BEN, card, "First!")
    assert "First!" in text_of(await changed(stage, card, "1 comment in the thread"))


async def test_what_is_no_persons_reply_to_a_card_is_no_comment(stage: Stage) -> None:
    card = await asked(stage, "Quiet", **later(3))
    other = stage.slack.people.post_message(ANA, SOCIAL, "Lunch?")
    stage.slack.people.post_message(BEN, SOCIAL, "Yes", other.ts)
    stage.slack.people.post_message(BEN, APPROVALS, "Not in a thread")
    client = await stage.bot.desk.clients.of(TEAM.id)
    await client.chat_postMessage(channel=card.channel, thread_ts=card.ts, text="An app says this")
    write(stage, BEN, card, "The only one")
    shown = await changed(stage, card, "1 comment in the thread")
    assert "The only one" in text_of(shown)


async def test_a_custom_emoji_a_file_and_somebody_unknown_are_no_trouble(stage: Stage) -> None:
    card = await asked(stage, "Anything", **later(3))
    write(stage, BEN, card, "Looks :our-own-emoji: to me")
    await changed(stage, card, "Looks ∶our-own-emoji: to me")
    file = stage.slack.people.upload_file(BEN, "plan.txt", b"x")
    stage.slack.people.post_message(BEN, card.channel, "", card.ts, [file.id])
    await changed(stage, card, "plan.txt")
    hostile = "<!channel> \u202e <@U0NOBODY> " + "x" * 3000
    write(stage, BEN, card, hostile)
    shown = await changed(stage, card, "3 comments")
    assert "&lt;!channel&gt;" in text_of(shown)


async def test_every_comment_is_one_entry_of_the_record_and_none_on_the_cards(
    stage: Stage,
) -> None:
    card = await asked(stage, "Recorded", **later(3))
    write(stage, BEN, card, "For the record")
    await changed(stage, card, "For the record")
    [item], _ = await stage.services.scheduling.coming(person(ANA))
    async with stage.services.database.reading() as tx:
        entries = await history.of_subject(tx, item.post.id)
    said = [(one.actor_id, one.detail) for one in entries if one.action == COMMENTED]
    assert said == [(BEN, "For the record")]
    shown = text_of(stage.slack.workspace.message(card.channel, card.ts))
    assert shown.count("For the record") == 1


async def test_the_authors_form_begins_with_what_was_asked_and_keeps_it(stage: Stage) -> None:
    card = await asked(stage, "Come on Friday", **later(3))
    write(stage, CHIDI, card, "I would say Saturday")
    await sent_back(stage, card, "Name the café, please")
    told = await stage.message(ANA, "Name the café")
    await stage.press(ANA, told, "Edit it")
    form = await stage.modal(ANA, "draft")
    for _ in range(2):
        said = text_of(form)
        assert "*Ben Okafor* asks for changes" in said
        assert ">Name the café, please" in said
        assert "I would say Saturday" in said
        await stage.press(ANA, form, "Check")
        await stage.settled()
        form = await stage.modal(ANA, "draft")
    await stage.submit(form, tailor=["yes"])
    assert ">Name the café, please" in text_of(await stage.modal(ANA, "tailor"))


@pytest.mark.parametrize("way", ["card", "home"])
async def test_the_comment_is_in_the_form_whichever_way_it_is_opened(
    stage: Stage, way: str
) -> None:
    card = await asked(stage, "Come on Friday", **later(3))
    await sent_back(stage, card, "Name the café, please")
    if way == "card":
        await stage.press(ANA, card, "post_menu", "Edit")
    else:
        await stage.press(ANA, await stage.open_home(ANA, "asks for changes"), "Edit it")
    assert ">Name the café, please" in text_of(await stage.modal(ANA, "draft"))


async def test_the_thread_gets_the_difference_once_for_each_revision(stage: Stage) -> None:
    card = await asked(stage, "Come and taste our new blend on Friday", **later(3))
    await stage.press(BEN, card, "Approve")
    await changed(stage, card, "Approved and scheduled")
    await edited(stage, "Come and taste our new blend on Saturday")
    difference = await replied(stage, card, "Changed by Ana Novak")
    said = text_of(difference)
    assert "What Ben Okafor approved is the earlier text" in said
    assert {"Friday", "Saturday"} <= set(said.split("\n"))
    assert "<@" not in said
    await changed(stage, card, "Approvals given before don't count any more")
    await edited(stage, "Come and taste our new blend on Sunday")
    await replied(stage, card, "Sunday")
    await stage.settled()
    replies = stage.slack.workspace.replies(card.channel, card.ts)
    assert [("Changed by" in text_of(one)) for one in replies] == [True, True]
    assert stage.slack.workspace.message(card.channel, difference.ts).edited is None


async def suggested(stage: Stage, card: Message, text: str, comment: str = "") -> None:
    await stage.press(BEN, card, "Request changes")
    form = await stage.modal(BEN, "comment_form")
    stage.slack.people.type_into(form.id, {"comment": {"comment": comment}})
    await stage.press(BEN, form, "Suggest a text")
    form = await stage.modal(BEN, "suggest_form")
    [name] = [block["block_id"] for block in inputs_of(form) if block["block_id"] != "comment"]
    outcome = await stage.submit(form, **{name: text})
    assert outcome.ok, outcome
    await stage.no_modal(BEN)


async def test_a_suggested_text_is_taken_with_one_press(stage: Stage) -> None:
    card = await asked(stage, "Come on Friday", **later(3))
    await suggested(stage, card, "Come on Saturday :tada:", "The café is closed on Friday")
    told = await stage.message(ANA, "The café is closed on Friday")
    assert {"Friday", "Saturday 🎉"} <= set(text_of(told).split("\n"))
    assert labels_of(told) == ["Use this text", "Edit it"]
    in_thread = await replied(stage, card, "suggests another text")
    assert labels_of(in_thread) == ["Use this text"]
    await stage.press(ANA, told, "Use this text")
    card = await changed(stage, card, "used the suggested text")
    assert "Come on Saturday 🎉" in text_of(card)
    await replied(stage, card, "Ana Novak took the text that Ben Okafor suggested")
    used = await changed(stage, in_thread, "Ana Novak used it")
    assert labels_of(used) == []
    await stage.press(BEN, card, "Approve")
    await stage.whispered(BEN, "somebody else has to decide", APPROVALS)
    await stage.press(CHIDI, card, "Approve")
    await changed(stage, card, "Approved and scheduled")


async def test_a_stale_suggestion_is_given_to_copy_and_pressed_twice_it_says_so(
    stage: Stage,
) -> None:
    card = await asked(stage, "Come on Friday", **later(3))
    await suggested(stage, card, "Come on *Saturday*")
    in_thread = await replied(stage, card, "suggests another text")
    await edited(stage, "My own words")
    await stage.press(ANA, in_thread, "Use this text")
    whispered = await stage.whispered(ANA, "The post went on", APPROVALS)
    assert "Come on *Saturday*" in text_of(whispered)
    check_message(whispered.blocks, text=whispered.text)
    await changed(stage, in_thread, "The post went on without")

    card = await changed(stage, card, "My own words")
    await suggested(stage, card, "Better words")
    newer = await replied(stage, card, "Better")
    assert newer.ts != in_thread.ts
    await stage.press(ANA, newer, "Use this text")
    await changed(stage, newer, "used it")
    await stage.press(ANA, newer, "Use this text")
    await stage.whispered(ANA, "used already", APPROVALS)


async def test_only_the_author_takes_a_suggestion(stage: Stage) -> None:
    card = await asked(stage, "Come on Friday", **later(3))
    await suggested(stage, card, "Come on Saturday")
    in_thread = await replied(stage, card, "suggests another text")
    for who in (CHIDI, EVA):
        await stage.press(who, in_thread, "Use this text")
        await stage.whispered(who, "This post is Ana Novak's", APPROVALS)


async def test_a_suggestion_that_is_too_long_is_refused_at_its_field(stage: Stage) -> None:
    card = await asked(stage, "Come on Friday", **later(3))
    await stage.press(BEN, card, "Request changes")
    await stage.press(BEN, await stage.modal(BEN, "comment_form"), "Suggest a text")
    form = await stage.modal(BEN, "suggest_form")
    name = inputs_of(form)[0]["block_id"]
    outcome = await stage.submit(form, **{name: "x" * 2000})
    assert list(outcome.errors) == [name]
    assert (await stage.modal(BEN, "suggest_form")).id == form.id
    await changed(stage, card, "Waiting for approval")


async def test_who_has_no_role_can_take_nothing(stage: Stage) -> None:
    with pytest.raises(NotAllowed, match="role"):
        await stage.services.suggestions.take(Person(TEAM.id, "U0STRANGER"), "none")
