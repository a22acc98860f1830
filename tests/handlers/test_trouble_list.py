"""What goes wrong at the same time is one message to its author: true, and never too long."""

import asyncio
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.composing import PostForm
from bot.overview import PostOverview
from bot.playground.block_kit import check_message
from bot.playground.records import Message
from bot.playground.seed import ANA, APPROVALS, BEN
from handlers.views.trouble_list import MOST_SHOWN, needs_its_author, trouble_list
from storage import posts
from storage.records import DeliveryState, PostState, Verdict
from tests.handlers.shown_posts import approval, delivery, overviews, revision, shown
from tests.handlers.stage import Stage, labels_of, text_of
from tests.handlers.test_approval_card import said, slowly
from tests.handlers.test_posts import a_picture, changed, person
from tests.servers.eventually import eventually

FAILED = (delivery(0, DeliveryState.FAILED, "the network refuses it"),)


def failed(text: str = "Hello") -> PostOverview:
    return shown({"account0": text}, state=PostState.FAILED, deliveries=FAILED)


def buttons(blocks: list[dict[str, object]]) -> list[str]:
    return labels_of(Message(channel="C", ts="1", user="U", text="", blocks=blocks))


async def to_fail(stage: Stage, count: int) -> list[Message]:
    """Posts that wait for approval with a picture that is missing; their cards."""
    start = await stage.services.drafting.start(person(ANA))
    picture = await a_picture(stage)
    cards = []
    for number in range(count):
        form = PostForm(f"Post {number}", tuple(start.chosen), pictures=(picture,))
        await stage.services.drafting.submit(person(ANA), form)
        card = await stage.message(APPROVALS, f"Post {number}")
        cards.append(await changed(stage, card, "Description: A dot"))
    return cards


async def approve_all(stage: Stage, cards: list[Message]) -> None:
    """At the same time, as due posts go out at the same time."""
    async with stage.services.database.reading() as tx:
        found = await posts.waiting(tx, stage.bot.team_id)
    await asyncio.gather(
        *(
            stage.services.approvals.decide(
                person(BEN), post.id, Verdict.APPROVED, revision_id=post.revision_id
            )
            for post in found
        )
    )
    for card in cards:
        await changed(stage, card, "Not published")


async def test_what_fails_together_is_one_message_whose_entries_go_as_they_are_settled(
    stage: Stage,
) -> None:
    cards = await to_fail(stage, 3)
    folder = stage.settings.data_dir / "media"
    [file] = [path for path in folder.rglob("*") if path.is_file()]
    data = file.read_bytes()
    file.unlink()
    await approve_all(stage, cards)
    told = await stage.message(ANA, "3 of your posts need a look")
    assert labels_of(told) == ["Try again", "Edit it"] * 3
    direct = stage.slack.workspace.im_with_app(ANA).id
    assert len(stage.messages(direct)) == 1, "one ping, not three"
    file.write_bytes(data)
    await stage.press(ANA, told, "Try again", within="Post 1")
    await changed(stage, cards[1], "See it")
    told = await changed(stage, told, "1 of 3 are settled")
    assert labels_of(told) == ["Try again", "Edit it"] * 2
    assert "Post 1" not in text_of(told)
    for number in (0, 2):
        await stage.press(ANA, told, "Try again", within=f"Post {number}")
    told = await changed(stage, told, "Nothing is left to do about these 3 posts")
    assert labels_of(told) == []
    assert len(stage.messages(direct)) == 1


async def test_home_leads_to_the_list_from_each_of_its_posts(stage: Stage) -> None:
    cards = await to_fail(stage, 2)
    [file] = [path for path in (stage.settings.data_dir / "media").rglob("*") if path.is_file()]
    file.unlink()
    await approve_all(stage, cards)
    told = await stage.message(ANA, "2 of your posts need a look")
    link = f"/p{told.ts.replace('.', '')}"

    async def both_lead_there() -> bool:
        home = await stage.open_home(ANA, "Post 1")
        return said(home.blocks).count(link) == 2

    await eventually(both_lead_there)


def test_a_long_list_says_how_many_more_there_are() -> None:
    many = [failed(f"Post {number} " + "&<word> " * 30) for number in range(MOST_SHOWN)]
    text, blocks = trouble_list(many, left=60, total=70)
    check_message(blocks, text=text)
    fitting = buttons(blocks).count("Try again")
    assert 10 < fitting <= MOST_SHOWN
    assert f"and {60 - fitting} more" in said(blocks)
    assert "10 of 70 are settled" in said(blocks)


def test_each_entry_has_what_can_be_done_about_it_and_nothing_else() -> None:
    unknown = (delivery(0, DeliveryState.UNKNOWN, "no answer"),)
    waiting = (delivery(0, DeliveryState.PENDING, "busy"),)
    held = (delivery(0, DeliveryState.HELD, "late"),)
    back = approval(revision({"account0": "x"}), Verdict.CHANGES_REQUESTED, "Too *long*")
    publishing = PostState.PUBLISHING
    entries = {
        ("Try again", "Edit it"): failed(),
        ("Try again",): shown(state=PostState.PARTLY_PUBLISHED, deliveries=FAILED),
        ("It is live", "It is not: send again"): shown(state=publishing, deliveries=unknown),
        ("Edit it",): shown(state=PostState.CHANGES_REQUESTED, approvals=(back,)),
    }
    for expected, entry in entries.items():
        text, blocks = trouble_list([entry], left=1, total=2)
        check_message(blocks, text=text)
        assert buttons(blocks) == list(expected)
    for deliveries, words in ((waiting, "goes on by itself"), (held, "is held")):
        text, blocks = trouble_list(
            [shown(state=publishing, deliveries=deliveries)], left=1, total=2
        )
        check_message(blocks, text=text)
        assert buttons(blocks) == []
        assert words in said(blocks)


@slowly
@given(st.lists(overviews(), max_size=MOST_SHOWN))
def test_no_list_is_refused_by_slack(drawn: list[PostOverview]) -> None:
    left = [one for one in drawn if needs_its_author(one.post)]
    text, blocks = trouble_list(left, left=len(left) + 3, total=len(drawn) + 3)
    check_message(blocks, text=text)


def test_a_list_of_settled_posts_asks_for_nothing() -> None:
    published = shown(state=PostState.PUBLISHED)
    assert not needs_its_author(replace(published.post))
    text, blocks = trouble_list([], left=0, total=4)
    check_message(blocks, text=text)
    assert buttons(blocks) == []
