"""What is held, in Slack: its author asks or drops, an approver grants; cards say what is true."""

from datetime import UTC, datetime, timedelta

from bot.playground.records import Message
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, CHIDI, DANA, EVA, TEAM
from storage import deliveries, posts
from storage.records import DeliveryState, PostState
from tests.handlers.stage import Stage, labels_of, text_of
from tests.handlers.test_brake import approve, approved, changed, person, told

LONG_AGO = timedelta(hours=3)


async def late(stage: Stage, text: str, author: str = ANA) -> Message:
    """A post that was due when nothing could go out; its card, once it is held."""
    card = await approved(stage, text, hours=24, author=author)
    await overdue(stage, text, author)
    return await changed(stage, card, "*Held*")


async def overdue(stage: Stage, text: str, author: str) -> None:
    """Its time passed hours ago."""
    async with stage.services.database.transaction() as tx:
        found = await posts.of_author(tx, TEAM.id, author, [PostState.SCHEDULED])
        for post in found:
            revision = await posts.revision(tx, TEAM.id, post.revision_id)
            assert revision is not None
            if revision.base_text != text:
                continue
            before = datetime.now(UTC) - LONG_AGO
            await posts.change(tx, post, before, due_at=before)
            for delivery in await deliveries.of_post(tx, post.id):
                pending = [DeliveryState.PENDING]
                new = {"due_at": before, "next_attempt_at": before}
                await deliveries.move(tx, delivery.id, pending, pending[0], **new)
    stage.services.clock.alarm("publisher").ring()


async def test_what_is_late_is_asked_for_and_granted(stage: Stage) -> None:
    card = await late(stage, "Good morning")
    assert "couldn't go out in time" in text_of(card)
    mine = await stage.message(ANA, "*Your post is held.*")
    assert labels_of(mine) == ["Ask: publish now", "Ask: next free time", "Drop"]
    await stage.press(ANA, mine, "Ask: publish now")
    mine = await changed(stage, mine, "Ana Novak asked <!date")
    assert labels_of(mine) == ["Ask: next free time", "Drop"]
    theirs = await stage.message(APPROVALS, "Ana Novak asks to let *a held post* go out.")
    assert labels_of(theirs) == ["Publish now", "Next free time", "Drop"]
    await stage.press(BEN, theirs, "Publish now")
    await changed(stage, card, "See it")
    done = await changed(stage, theirs, "Nothing is asked for any more.")
    assert "Ben Okafor let it go out: Good morning" in text_of(done)
    assert labels_of(done) == []
    await changed(stage, mine, "Nothing of yours is held any more.")
    async with stage.sandbox() as sandbox:
        page = (await sandbox.get("/")).text
    assert page.count("Good morning") == 1


async def test_several_on_one_card_are_asked_for_and_granted_together(stage: Stage) -> None:
    cards = [await late(stage, text) for text in ("One bean", "Two beans", "Three beans")]
    mine = await stage.message(ANA, "*3 of your posts are held.*")
    assert len(await told(stage, ANA, "held")) == 1
    await stage.press(ANA, mine, "held_menu", "Ask: next free time", within="Two beans")
    await stage.message(APPROVALS, "asks to let *a held post* go out")
    await stage.press(ANA, mine, "held_menu", "Ask: publish now", within="One bean")
    theirs = await stage.message(APPROVALS, "asks to let *2 held posts* go out")
    assert "Three beans" not in text_of(theirs)
    assert labels_of(theirs) == ["As asked, all 2", "Drop all 2"]
    await stage.press(BEN, theirs, "As asked, all 2")
    await changed(stage, cards[0], "See it")
    scheduled = await changed(stage, cards[1], "Approved and scheduled")
    assert "Ben Okafor moved it to its next free time" in text_of(scheduled)
    alone = await changed(stage, mine, "*Your post is held.*")
    assert "Three beans" in text_of(alone)
    await stage.press(ANA, alone, "Drop")
    await changed(stage, cards[2], "*Cancelled*")


async def test_the_second_of_two_who_press_learns_who_was_first(stage: Stage) -> None:
    await late(stage, "Good morning")
    mine = await stage.message(ANA, "*Your post is held.*")
    await stage.press(ANA, mine, "Ask: publish now")
    theirs = await stage.message(APPROVALS, "asks to let *a held post* go out")
    await stage.press(BEN, theirs, "Drop")
    await changed(stage, theirs, "Nothing is asked for any more.")
    await stage.press(CHIDI, theirs, "Publish now")
    refused = await stage.whispered(CHIDI, "Nothing of this post is held any more", APPROVALS)
    assert f"<@{BEN}> dropped it" in text_of(refused)


async def test_a_press_on_a_list_that_grew_does_nothing(stage: Stage) -> None:
    await late(stage, "One bean")
    await late(stage, "Two beans")
    mine = await stage.message(ANA, "*2 of your posts are held.*")
    await late(stage, "Three beans")
    await stage.press(ANA, mine, "Drop all 2")
    await stage.message(ANA, "This list changed since you were shown it", viewer=ANA)
    await stage.message(ANA, "*3 of your posts are held.*")


async def test_an_approvers_own_post_waits_for_somebody_else(stage: Stage) -> None:
    card = await late(stage, "Ben's words", BEN)
    mine = await stage.message(BEN, "*Your post is held.*")
    await stage.press(BEN, mine, "Ask: publish now")
    theirs = await stage.message(APPROVALS, "Ben Okafor asks to let *a held post* go out")
    await stage.press(BEN, theirs, "Publish now")
    await stage.whispered(BEN, "You have asked for that already", APPROVALS)
    await stage.press(CHIDI, theirs, "Publish now")
    await changed(stage, card, "See it")


async def test_a_held_post_is_edited_and_moved_as_any_other(stage: Stage) -> None:
    card = await late(stage, "Old words")
    mine = await stage.message(ANA, "*Your post is held.*")
    await stage.press(ANA, card, "post_menu", "Edit")
    form = await stage.modal(ANA, "Old words")
    assert (await stage.submit(form, text="New words", when="next_free")).ok
    done = await changed(stage, mine, "Nothing of yours is held any more.")
    assert "Ana Novak edited it" in text_of(done)
    await changed(stage, card, "Waiting for approval")


async def test_everybodys_held_posts_are_one_list_in_pages(stage: Stage) -> None:
    await stage.services.brakes.pull(person(EVA), "Recall")
    for number in range(22):
        await approve(stage, f"Bean {number}")
    await stage.message(ANA, "*22 of your posts are held.*")
    [brake] = await stage.services.brakes.standing(TEAM.id)
    await stage.services.brakes.release(person(EVA), [brake.brake.id])
    await stage.command(DANA, "/social held")
    looking = await stage.modal(DANA, "22 posts are held")
    assert labels_of(looking) == ["Next"]
    await stage.command(BEN, "/social held")
    shown = await stage.modal(BEN, "22 posts are held")
    await stage.press(BEN, shown, "Next")
    last = await stage.modal(BEN, "Page 2 of 2")
    assert sum("Was due" in str(block) for block in last.blocks) == 2
    await stage.press(BEN, last, "Next free times for all")
    after = await stage.modal(BEN, "22 let go.")
    assert "Nothing is held" in text_of(after)
    items, _ = await stage.services.scheduling.coming(person(BEN))
    times = [item.post.due_at for item in items]
    assert len(set(times)) == 22


async def test_a_reply_that_was_held_is_sent_by_whoever_answers(stage: Stage) -> None:
    async with stage.sandbox() as sandbox:
        login = {"handle": "mia", "password": "mia-sandbox"}
        token = (await sandbox.post("/api/login", json=login)).json()["token"]
        said = {"text": "@acorn My order never arrived. This is the worst service, I am angry!"}
        bearer = {"Authorization": f"Bearer {token}"}
        (await sandbox.post("/api/posts", json=said, headers=bearer)).raise_for_status()
    card = await stage.message(ALERTS, "My order never arrived")
    pulled = await stage.services.brakes.pull(person(EVA), "Recall")
    await stage.press(DANA, card, "Reply")
    form = await stage.modal(DANA, "reply")
    assert (await stage.submit(form, text="So sorry, we look into it")).ok
    mine = await stage.message(DANA, "*Your reply is held.*")
    assert "A reply to a mention" in text_of(mine)
    assert labels_of(mine) == ["Drop"]
    await changed(stage, card, "reply is held")
    await stage.services.brakes.release(person(BEN), [pulled.brake.id])
    mine = await changed(stage, mine, "Publish now")
    await stage.press(DANA, mine, "Publish now")
    await changed(stage, card, "answered <!date")
    await changed(stage, mine, "Nothing of yours is held any more.")
