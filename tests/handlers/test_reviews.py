"""Many at once: one list, one modal, one press per approval; what has no card is opened from it."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.clock import Clock
from bot.composing import PostForm
from bot.deadlines import Deadlines
from bot.inboxes import Inbox
from bot.overview import PostOverview
from bot.playground.block_kit import check_message, check_view
from bot.playground.records import View
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, EVA, TEAM
from bot.reviews import NEVER, Reviewed, ReviewList, WaitingLine
from bot.team import Person
from handlers.presence import KNOWN_FOR, Presence, is_on_holiday, is_snoozing
from handlers.reviews import Round
from handlers.views.inbox import inbox
from handlers.views.reviews import parts_of, review_list, review_modal
from storage import media, posts, workspaces
from storage.records import Picture, Post, PostState, Slot, Verdict, When
from tests.handlers.shown_posts import NOW, overviews
from tests.handlers.stage import Stage, labels_of, staged, text_of
from tests.servers.eventually import eventually

AUTHOR, APPROVER, OTHER = Person(TEAM.id, ANA), Person(TEAM.id, BEN), Person(TEAM.id, CHIDI)
NOBODY_AWAY: frozenset[str] = frozenset()


@pytest.fixture
async def lists(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on which what isn't due soon has no card; it is daytime for everybody."""
    async with staged(tmp_path, own_cards=False) as stage:
        async with stage.services.database.transaction() as tx:
            for member in await workspaces.team(tx, TEAM.id):
                # No list today, whatever the hour is: the tests say who gets one.
                await workspaces.save_member(
                    tx, replace(member, zone=daytime(), review_minute=NEVER)
                )
        yield stage


def daytime() -> str:
    """A zone in which it is about noon."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


async def submit(
    stage: Stage, text: str, due_in: timedelta = timedelta(days=2), **form: object
) -> Post:
    async with stage.services.database.reading() as tx:
        at = stage.services.clock.now() + due_in
        [choice] = await stage.services.accounts.choices(tx, TEAM.id)
    wanted = PostForm(text, (choice.account.id,), when=When.AT, at=at, **form)  # type: ignore[arg-type]
    return (await stage.services.drafting.submit(AUTHOR, wanted)).post


async def submit_all(stage: Stage, number: int) -> list[Post]:
    days = timedelta(days=2)
    return [
        await submit(stage, f"Post number {each}", days + timedelta(minutes=each))
        for each in range(1, number + 1)
    ]


async def state(stage: Stage, post: Post) -> PostState:
    async with stage.services.database.reading() as tx:
        found = await posts.get(tx, TEAM.id, post.id)
    assert found is not None
    return found.state


async def opened(stage: Stage, containing: str) -> View:
    """The modal, opened from Home."""
    home = await stage.open_home(BEN, "Waiting for your approval")
    await stage.press(
        BEN, home, next(label for label in labels_of(home) if label.startswith("Review"))
    )
    return await stage.modal(BEN, containing)


async def tick(stage: Stage) -> None:
    async def nobody(*_: object) -> frozenset[str]:
        return NOBODY_AWAY

    services = stage.services
    await Deadlines(services.database, services.clock, services.inboxes, nobody).run()


async def test_a_round_of_four_decisions(lists: Stage) -> None:
    made = await submit_all(lists, 4)
    view = await opened(lists, "Post number 1")
    assert view.body["title"]["text"] == "Post 1 of 4"
    assert view.body["submit"]["text"] == "Approve"
    assert "Ana Novak" in text_of(view)
    assert (await lists.submit(view)).ok
    view = await lists.modal(BEN, "Post number 2")
    await lists.press(BEN, view, "Request changes")
    view = await lists.modal(BEN, "What should be different?")
    assert "Post number 2" in text_of(view), "the post stays in sight"
    assert view.body["submit"]["text"] == "Send"
    assert (await lists.submit_fields(view, {"comment:2": "Name the price"})).ok
    view = await lists.modal(BEN, "Post number 3")
    await lists.press(BEN, view, "Reject")
    view = await lists.modal(BEN, "Why isn't it published?")
    assert (await lists.submit_fields(view, {"comment:3": "Not ours"})).ok
    view = await lists.modal(BEN, "Post number 4")
    await lists.press(BEN, view, "Skip")
    view = await lists.modal(BEN, "That was the last one")
    assert "1 approved, 1 sent back for changes, 1 rejected, 1 skipped." in text_of(view)
    assert [await state(lists, post) for post in made] == [
        PostState.SCHEDULED,
        PostState.CHANGES_REQUESTED,
        PostState.REJECTED,
        PostState.IN_REVIEW,
    ]
    await lists.press(BEN, view, "Review 1")
    view = await lists.modal(BEN, "Post number 4")
    assert view.body["title"]["text"] == "Post 1 of 1"


async def test_back_shows_the_post_before_as_it_is_now(lists: Stage) -> None:
    await submit_all(lists, 2)
    view = await opened(lists, "Post number 1")
    assert "Back" not in labels_of(view)
    assert (await lists.submit(view)).ok
    view = await lists.modal(BEN, "Post number 2")
    await lists.press(BEN, view, "Back")
    view = await lists.modal(BEN, "Post number 1")
    assert "Approved and scheduled" in text_of(view)
    assert view.body["submit"]["text"] == "Next"
    assert (await lists.submit(view)).ok
    view = await lists.modal(BEN, "Post number 2")
    await lists.press(BEN, view, "Request changes")
    view = await lists.modal(BEN, "What should be different?")
    await lists.press(BEN, view, "Back to the post")
    view = await lists.modal(BEN, "Skip")
    assert view.body["submit"]["text"] == "Approve"


async def test_what_others_decided_meanwhile_is_said_and_it_goes_on(lists: Stage) -> None:
    made = await submit_all(lists, 4)
    view = await opened(lists, "Post number 1")
    for post in made[:3]:
        await lists.services.approvals.decide(
            OTHER, post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
    assert (await lists.submit(view)).ok
    view = await lists.modal(BEN, "Post number 4")
    for number in (1, 2, 3):
        assert f"Chidi Mensah approved “Post number {number}” meanwhile" in text_of(view)
    assert (await lists.submit(view)).ok
    await lists.modal(BEN, "Nothing else waits for your approval")


async def test_what_changed_under_somebodys_eyes_is_shown_anew_not_approved(lists: Stage) -> None:
    post = await submit(lists, "Beans for 8 euros")
    view = await opened(lists, "8 euros")
    form = PostForm(
        "Beans for 9 euros", tuple(await accounts_of(lists)), when=When.AT, at=post.due_at
    )
    await lists.services.drafting.submit(AUTHOR, form, post_id=post.id)
    assert (await lists.submit(view)).ok
    view = await lists.modal(BEN, "9 euros")
    assert "Nothing was decided" in text_of(view)
    assert await state(lists, post) is PostState.IN_REVIEW
    assert (await lists.submit(view)).ok
    await lists.modal(BEN, "That was the last one")
    assert await state(lists, post) is PostState.SCHEDULED


async def accounts_of(stage: Stage) -> Sequence[str]:
    async with stage.services.database.reading() as tx:
        return [one.account.id for one in await stage.services.accounts.choices(tx, TEAM.id)]


async def test_what_changed_since_the_last_decision_is_shown(lists: Stage) -> None:
    post = await submit(lists, "Beans for 8 euros a bag")
    await lists.services.approvals.decide(
        OTHER,
        post.id,
        Verdict.CHANGES_REQUESTED,
        revision_id=post.revision_id,
        comment="The price",
    )
    form = PostForm(
        "Beans for 9 euros a bag", tuple(await accounts_of(lists)), when=When.AT, at=post.due_at
    )
    await lists.services.drafting.submit(AUTHOR, form, post_id=post.id)
    view = await opened(lists, "Changed since changes were requested")
    [told] = [block for block in view.blocks if block["type"] == "rich_text"]
    [changed] = [part for part in told["elements"] if part["type"] == "rich_text_quote"]
    styled = {piece["text"]: piece.get("style") for piece in changed["elements"]}
    assert styled["8"] == {"strike": True}
    assert styled["9"] == {"bold": True}


async def test_pictures_are_shown_though_no_card_was_posted(lists: Stage) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (8, 6), "#0b6e63").save(drawn, "PNG")
    medium = lists.services.media.keep(
        TEAM.id, "green.png", drawn.getvalue(), lists.services.clock.now()
    )
    async with lists.services.database.transaction() as tx:
        await media.insert(tx, medium)
    await submit(lists, "With a picture", pictures=(Picture(medium.sha256, "a green field"),))
    view = await opened(lists, "a green field")
    assert [block["type"] for block in view.blocks].count("image") == 1
    assert view.body["submit"]["text"] == "Approve"


async def test_a_list_comes_at_the_hour_and_is_true_over_the_day(lists: Stage) -> None:
    await lists.services.reviews.set_time(APPROVER, 11 * 60)
    [first, _] = await submit_all(lists, 2)
    await tick(lists)
    listed = await lists.message(BEN, "2 posts wait for your approval")
    assert labels_of(listed) == ["Review 2"]
    assert "Post number 1" in text_of(listed)
    await lists.services.approvals.decide(
        OTHER, first.id, Verdict.APPROVED, revision_id=first.revision_id
    )
    edited = await lists.message(BEN, "1 post waits for your approval")
    assert edited.ts == listed.ts
    await lists.press(BEN, edited, "Review 1")
    view = await lists.modal(BEN, "Post number 2")
    assert (await lists.submit(view)).ok
    done = await lists.message(BEN, "Nothing waits for your approval any more")
    assert done.ts == listed.ts
    assert labels_of(done) == []


async def test_the_hour_of_the_list_is_chosen_on_home(lists: Stage) -> None:
    await lists.services.reviews.set_time(APPROVER, 9 * 60)
    home = await lists.open_home(BEN, "Your list of what waits")
    await lists.press(BEN, home, "review_time", "07:30")

    async def minute() -> int | None:
        async with lists.services.database.reading() as tx:
            member = await workspaces.member(tx, TEAM.id, BEN)
        return member.review_minute if member else None

    async def is_kept() -> bool:
        return await minute() == 7 * 60 + 30

    await eventually(is_kept)
    await lists.press(BEN, home, "Send me none")
    home = await lists.home(BEN, "You get no list")
    await lists.press(BEN, home, "Send me one at 9:00")
    await lists.home(BEN, "Your list of what waits")
    ana = await lists.open_home(ANA, "What goes out next")
    assert "Your list of what waits" not in text_of(ana)


async def test_a_post_without_a_card_is_opened_from_the_queue_and_decided_there(
    lists: Stage,
) -> None:
    post = await submit(lists, "Far away")
    assert lists.messages(APPROVALS) == []
    await lists.command(BEN, "/social queue")
    queue = await lists.whispered(BEN, "Far away")
    await lists.press(BEN, queue, "queue_menu", "Open")
    card = await lists.modal(BEN, "wrote it and asked for approval")
    await lists.press(BEN, card, "Request changes")
    form = await lists.modal(BEN, "comment_form")
    await lists.slack.people.close_view(BEN, form.id)
    await lists.press(BEN, await lists.modal(BEN, "Far away"), "Approve")
    card = await lists.modal(BEN, "Approved and scheduled")
    assert "Approve" not in labels_of(card)
    assert await state(lists, post) is PostState.SCHEDULED
    await lists.press(BEN, card, "post_menu", "Cancel this post")
    await lists.modal(BEN, "*Cancelled*")
    await lists.command(ANA, "/social queue")
    await lists.whispered(ANA, "Lately")
    assert lists.messages(APPROVALS) == [], "it never needed a card"


async def test_a_newcomer_is_told_where_a_far_post_waits(lists: Stage) -> None:
    [account_id] = await accounts_of(lists)
    far = Slot((datetime.now(UTC) + timedelta(days=3)).weekday(), 12 * 60)
    await lists.services.scheduling.set_slots(Person(TEAM.id, EVA), account_id, (far,))
    await lists.command(ANA, "/social draft Far away")
    form = await lists.modal(ANA, "Far away")
    assert (await lists.submit(form, when="Next free time")).ok
    said = await lists.whispered(ANA, "It waits for approval")
    assert "daily list" in said.text
    assert "4 hours before it is due" in said.text
    assert lists.messages(APPROVALS) == []


async def test_a_reminder_is_one_message_that_is_edited(lists: Stage) -> None:
    post = await submit(lists, "Due soon", timedelta(hours=3))
    await tick(lists)
    told = await lists.message(BEN, "1 post that is due soon waits for your approval")
    assert labels_of(told) == ["Open", "Review 1"]
    await lists.services.approvals.decide(
        OTHER, post.id, Verdict.APPROVED, revision_id=post.revision_id
    )
    done = await lists.message(BEN, "Nothing waits for you.")
    assert done.ts == told.ts
    assert labels_of(done) == []


async def test_a_post_that_passes_undecided_is_told_and_moved_with_one_press(lists: Stage) -> None:
    post = await submit(lists, "Too late", timedelta(minutes=50))
    async with lists.services.database.transaction() as tx:
        now = lists.services.clock.now()
        earlier = now - timedelta(minutes=1)
        assert await posts.change(tx, post, now - timedelta(hours=2), due_at=earlier)
    await tick(lists)
    told = await lists.message(ANA, "passed undecided; nothing was published")
    assert labels_of(told) == ["Next free time", "Open"]
    card = await lists.message(APPROVALS, "Its time passed undecided")
    assert labels_of(card) == ["Next free time", "Request changes"]
    view = await opened(lists, "Too late")
    assert view.body["submit"]["text"] == "Skip"
    await lists.press(ANA, told, "Next free time")
    await lists.message(ANA, "Nothing waits for you.")
    await lists.message(APPROVALS, "Waiting for approval")
    await lists.press(BEN, view, "Next free time")
    await lists.modal(BEN, "since you were shown it")
    assert await state(lists, post) is PostState.IN_REVIEW


async def test_who_is_on_holiday_or_not_to_be_disturbed_is_away(lists: Stage) -> None:
    clients, clock = lists.bot.desk.clients, lists.services.clock
    people, now = lists.slack.workspace, lists.services.clock.now().timestamp()
    people.put_user(replace(people.user(BEN), status_emoji=":palm_tree:"))
    people.put_user(replace(people.user(CHIDI), dnd_from=int(now - 60), dnd_until=int(now + 60)))
    assert await Presence(clients, clock).away(TEAM.id, [ANA, BEN, CHIDI]) == {BEN, CHIDI}


async def test_two_jobs_ask_who_is_away_when_the_answers_grow_old(lists: Stage) -> None:
    moment = lists.services.clock.now()
    presence = Presence(lists.bot.desk.clients, Clock(lambda: moment))
    await presence.away(TEAM.id, [BEN])
    moment += KNOWN_FOR - timedelta(seconds=1)
    one = asyncio.create_task(presence.away(TEAM.id, [BEN, CHIDI]))
    await asyncio.sleep(0)
    moment += timedelta(seconds=2)
    assert await presence.away(TEAM.id, [ANA]) == frozenset()
    assert await one == frozenset()


def test_what_is_over_or_not_yet_disturbs_nobody() -> None:
    at = NOW.timestamp()
    assert is_on_holiday({"status_text": "Vacationing", "status_expiration": 0}, NOW)
    assert not is_on_holiday({"status_text": "Vacationing", "status_expiration": at - 1}, NOW)
    assert not is_on_holiday({"status_text": "In a meeting", "status_emoji": ":calendar:"}, NOW)
    times = {"next_dnd_start_ts": at + 1, "next_dnd_end_ts": at + 9}
    assert not is_snoozing({"dnd_enabled": True, **times}, NOW)
    assert not is_snoozing(
        {"dnd_enabled": False, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1}, NOW
    )


# Whatever the texts


def as_line(shown: PostOverview) -> WaitingLine:
    labels = [choice.label for choice in shown.accounts.values()]
    return WaitingLine(shown.post, shown.revision, labels, None)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(overviews(), st.booleans(), st.sampled_from([None, *Verdict]))
def test_the_modal_fits_whatever_the_post_and_every_part_is_reached(
    shown: PostOverview, waits: bool, verdict: Verdict | None
) -> None:
    asking = None if verdict is Verdict.APPROVED else verdict
    files = [("F1", picture.alt) for picture in shown.revision.content.pictures]
    ids = tuple(f"{number:032}" for number in range(50))
    pages = parts_of(shown)
    for page in range(pages):
        at = Round(ids, "." * 50, 49, page, ids[0], ids[0], 10, "Approve", asking)
        view = review_modal(
            Reviewed(shown, waits),
            files,
            place=50,
            total=50,
            page=page,
            asking=asking,
            note="",
            metadata=at.packed(),
        )
        check_view(view)
        if waits and asking is None:
            last = page == pages - 1
            assert view["submit"]["text"] == ("Approve" if last else "Read on")
    assert Round.of(at.packed()) == at


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(overviews(), min_size=1, max_size=3), st.integers(1, 8))
def test_lists_and_inboxes_fit_whatever_the_posts(some: Sequence[PostOverview], times: int) -> None:
    lines = [as_line(shown) for shown in some] * times
    text, blocks = review_list(ReviewList(lines[:8], 200))
    check_message(blocks, text=text)
    text, blocks = inbox(Inbox(lines, lines, lines, waiting=200), NOW, "UBEN")
    check_message(blocks, text=text)
