"""Many at once in Chromium: twelve posts in one modal, a reminder, a post that passes undecided."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from bot.composing import PostForm
from bot.deadlines import Deadlines
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, EVA, TEAM
from bot.team import Person
from storage import media, posts, workspaces
from storage.records import Picture, Post, PostState, Verdict, When
from tests.e2e.stage import Stage, dialog, messages, png, staged
from tests.servers.chromium import PHONE, NewPage, screenshot

pytestmark = pytest.mark.browser

AUTHOR = Person(TEAM.id, ANA)
OTHER = Person(TEAM.id, CHIDI)
LIMIT_S = 120.0  # an approver decides 12 posts in under 2 minutes; the software's part is printed


@pytest.fixture
async def lists(tmp_path: Path, new_page: NewPage) -> AsyncIterator[Stage]:
    """A stage on which what isn't due soon has no card; it is daytime for everybody."""
    async with staged(tmp_path / "bot", new_page, own_cards=False) as made:
        async with made.services.database.transaction() as tx:
            ahead = 12 - datetime.now(UTC).hour
            zone = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
            for member in await workspaces.team(tx, TEAM.id):
                # No list today, whatever the hour is: each journey says what it is about.
                await workspaces.save_member(tx, replace(member, zone=zone, review_minute=-1))
        yield made


async def submit(
    stage: Stage, text: str, due_in: timedelta, pictures: tuple[Picture, ...] = ()
) -> Post:
    async with stage.services.database.reading() as tx:
        [choice] = await stage.services.accounts.choices(tx, TEAM.id)
    at = datetime.now(UTC) + due_in
    form = PostForm(text, (choice.account.id,), pictures=pictures, when=When.AT, at=at)
    return (await stage.services.drafting.submit(AUTHOR, form)).post


async def drawn(stage: Stage) -> Picture:
    medium = stage.services.media.keep(TEAM.id, "beans.png", png(), datetime.now(UTC))
    async with stage.services.database.transaction() as tx:
        await media.insert(tx, medium)
    return Picture(medium.sha256, "A green field of coffee plants")


async def twelve(stage: Stage) -> list[Post]:
    """One of them with a picture, one that was sent back and changed."""
    made = []
    for number in range(1, 13):
        due_in = timedelta(days=1, minutes=number)
        pictures = (await drawn(stage),) if number == 3 else ()
        text = f"Post number {number}: our spring blend is back, and so is the long table outside"
        post = await submit(stage, text, due_in, pictures)
        if number == 2:
            await stage.services.approvals.decide(
                OTHER,
                post.id,
                Verdict.CHANGES_REQUESTED,
                revision_id=post.revision_id,
                comment="Say which blend",
            )
            changed = PostForm(
                text.replace("spring blend", "spring blend from Huila"),
                (await account_id(stage),),
                when=When.AT,
                at=post.due_at,
            )
            post = (await stage.services.drafting.submit(AUTHOR, changed, post_id=post.id)).post
        made.append(post)
    return made


async def account_id(stage: Stage) -> str:
    async with stage.services.database.reading() as tx:
        [choice] = await stage.services.accounts.choices(tx, TEAM.id)
    return choice.account.id


async def tick(stage: Stage) -> None:
    """What the bot does each minute."""

    async def nobody(*_: object) -> frozenset[str]:
        return frozenset()

    services = stage.services
    await Deadlines(services.database, services.clock, services.inboxes, nobody).run()


async def state(stage: Stage, post: Post) -> PostState:
    async with stage.services.database.reading() as tx:
        found = await posts.get(tx, TEAM.id, post.id)
    assert found is not None
    return found.state


def button(place: Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)


async def test_twelve_posts_are_approved_with_twelve_presses(lists: Stage) -> None:
    made = await twelve(lists)
    ben = await lists.tab(BEN, "home")
    review = ben.get_by_role("button", name="Review 12")
    await expect(review).to_be_visible()
    await screenshot(ben, "review-home")
    presses, waited = 0, []

    async def press(place: Locator, then: Locator) -> None:
        nonlocal presses
        begun = time.monotonic()
        await place.click()
        await expect(then).to_be_visible()
        waited.append(time.monotonic() - begun)
        presses += 1

    await press(review, dialog(ben, "Post 1 of 12"))
    for number in range(1, 13):
        form = dialog(ben, f"Post {number} of 12")
        await expect(form).to_contain_text(f"Post number {number}:")
        if number == 2:
            await expect(form).to_contain_text("Changed since changes were requested")
            await screenshot(ben, "review-changed")
        if number == 3:
            await expect(form.get_by_role("button", name="A green field")).to_be_visible()
            await screenshot(ben, "review-picture")
        following = dialog(ben, f"Post {number + 1} of 12" if number < 12 else "Reviewed")
        await press(button(form, "Approve"), following)
    await screenshot(ben, "review-done")
    assert presses == 12 + 1
    assert {await state(lists, post) for post in made} == {PostState.SCHEDULED}
    print(f"12 posts: {sum(waited):.1f} s of waiting, at most {max(waited):.2f} s for a press")
    assert sum(waited) < LIMIT_S
    await expect(messages(await lists.tab(CHIDI, APPROVALS), "Post number")).to_have_count(0)


async def test_a_review_on_a_phone_with_the_keyboard(lists: Stage) -> None:
    first = await submit(lists, "Our new blend is here", timedelta(days=1))
    second = await submit(lists, "The second one", timedelta(days=1, minutes=5))
    ben = await lists.tab(BEN, "home", PHONE)
    await ben.get_by_role("button", name="Review 2").click()
    form = dialog(ben, "Post 1 of 2")
    await expect(form).to_contain_text("Our new blend is here")
    await screenshot(ben, "review-phone")
    await button(form, "Request changes").click()
    form = dialog(ben, "Post 1 of 2")
    await form.get_by_role("textbox").fill("Which one?")
    await screenshot(ben, "review-phone-comment")
    await button(form, "Send").focus()
    await ben.keyboard.press("Enter")
    form = dialog(ben, "Post 2 of 2")
    await button(form, "Approve").focus()
    await ben.keyboard.press("Enter")
    await expect(dialog(ben, "Reviewed")).to_contain_text("1 approved, 1 sent back for changes")
    assert await state(lists, first) is PostState.CHANGES_REQUESTED
    assert await state(lists, second) is PostState.SCHEDULED


async def test_a_reminder_and_a_post_that_passes_undecided(lists: Stage) -> None:
    soon = await submit(lists, "Due soon: open house on Friday", timedelta(hours=3))
    late = await submit(lists, "Too late: this morning's special", timedelta(minutes=50))
    await tick(lists)
    ben = await lists.tab(BEN, "messages")
    told = messages(ben, "due soon wait for your approval")
    await expect(told).to_contain_text("Too late")
    await screenshot(ben, "inbox-reminder")
    async with lists.services.database.transaction() as tx:
        now = datetime.now(UTC)
        earlier = now - timedelta(minutes=1)
        assert await posts.change(tx, late, now - timedelta(hours=2), due_at=earlier)
    await tick(lists)
    ana = await lists.tab(ANA, "messages")
    told = messages(ana, "passed undecided; nothing was published")
    await expect(told).to_have_count(1)
    await screenshot(ana, "inbox-passed")
    card = messages(await lists.tab(CHIDI, APPROVALS), "Too late")
    await expect(card).to_contain_text("Its time passed undecided; nothing was published")
    await expect(button(card, "Approve")).to_have_count(0)
    await screenshot(await lists.tab(CHIDI, APPROVALS), "card-passed")
    await button(told, "Next free time").click()
    await expect(messages(ana, "Nothing waits for you.")).to_have_count(1, timeout=15_000)
    await expect(card).to_contain_text("Waiting for approval")
    phone = await lists.tab(EVA, "home", PHONE)
    await expect(phone.get_by_role("button", name="Review 2")).to_be_visible()
    await screenshot(phone, "review-home-phone")
    assert await state(lists, soon) is PostState.IN_REVIEW
    assert await state(lists, late) is PostState.IN_REVIEW
