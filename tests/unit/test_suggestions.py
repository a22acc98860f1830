"""An approver suggests a text, the author takes it with one press: once, and never by surprise."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.composing import PostForm
from bot.errors import AlreadyDone, FieldErrors, NotAllowed
from bot.suggestions import Passed, Suggestions
from storage import approvals, notices, posts, suggestions
from storage.records import Card, Post, PostState, Revision, Suggestion, Verdict, When
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM, OtherNetwork, World, world

FIELD = "text:scripted"


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """On both databases."""
    async with world(database_url, tmp_path, others=(OtherNetwork(),)) as made:
        yield made


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[World]:
    """On SQLite only, for rules that don't depend on the database."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    async with world(url, tmp_path, others=(OtherNetwork(),)) as made:
        yield made


def suggesting(here: World) -> Suggestions:
    return Suggestions(here.database, here.accounts, here.approvals, here.drafting, here.clock)


async def suggested(here: World, post: Post, text: str = "Hello, Berlin") -> Suggestion:
    await suggesting(here).suggest(BEN, post.id, post.revision_id, {FIELD: text}, "Say where")
    async with here.database.reading() as tx:
        found = await suggestions.newest(tx, post.id)
    assert found is not None
    return found


async def revision_of(here: World, post: Post) -> Revision:
    async with here.database.reading() as tx:
        found = await posts.revision(tx, TEAM, (await here.post(post.id)).revision_id)
    assert found is not None
    return found


async def owed(here: World, card: Card, subject_id: str) -> bool:
    async with here.database.reading() as tx:
        return await notices.of_card(tx, TEAM, card, subject_id) is not None


async def test_a_suggestion_asks_for_changes_and_is_kept_with_its_comment(here: World) -> None:
    post = await here.submitted()
    suggestion = await suggested(here, post)
    assert (await here.post(post.id)).state is PostState.CHANGES_REQUESTED
    assert suggestion.texts == {here.account.id: "Hello, Berlin"}
    async with here.database.reading() as tx:
        [decision] = await approvals.of_post(tx, post.id)
    assert (decision.verdict, decision.comment) == (Verdict.CHANGES_REQUESTED, "Say where")
    assert await owed(here, Card.TROUBLE, post.id)
    assert await owed(here, Card.SUGGESTED, suggestion.id)


async def test_one_press_makes_it_the_posts_text_and_asks_again(here: World) -> None:
    picture = await here.picture()
    at = datetime.now(UTC) + timedelta(hours=3)
    post = await here.submitted(pictures=(picture,), link="https://a.example/", when=When.AT, at=at)
    suggestion = await suggested(here, post)
    before = await revision_of(here, post)
    submitted = await suggesting(here).take(ANA, suggestion.id)
    now, revision = await here.post(post.id), await revision_of(here, post)
    assert submitted.post.version == now.version
    assert (now.state, now.due_at, now.when) == (PostState.IN_REVIEW, post.due_at, When.AT)
    assert revision.content.texts == {here.account.id: "Hello, Berlin\n\nhttps://a.example/"}
    assert revision.content.pictures == before.content.pictures
    assert (revision.number, revision.base_text) == (2, "Hello, Berlin")
    assert await owed(here, Card.CHANGED, revision.id)


async def test_pressed_by_two_hands_at_once_it_has_one_effect(here: World) -> None:
    post = await here.submitted()
    suggestion = await suggested(here, post)
    take = suggesting(here).take
    outcomes = await asyncio.gather(
        *(take(ANA, suggestion.id) for _ in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(one, BaseException) for one in outcomes) == 1
    assert sum(isinstance(one, Passed) for one in outcomes) == 4
    assert (await revision_of(here, post)).number == 2


async def test_neither_the_author_nor_who_suggested_it_counts_as_its_approver(
    light: World,
) -> None:
    post = await light.submitted()
    taken = await suggesting(light).take(ANA, (await suggested(light, post)).id)
    for person in (BEN, ANA):
        with pytest.raises(NotAllowed):
            await light.approvals.decide(
                person, post.id, Verdict.APPROVED, revision_id=taken.revision.id
            )
    await light.approvals.decide(CHIDI, post.id, Verdict.APPROVED, revision_id=taken.revision.id)


@pytest.mark.parametrize("person", [BEN, CHIDI, EVA], ids=["suggester", "approver", "admin"])
async def test_only_the_posts_author_takes_it(light: World, person: object) -> None:
    suggestion = await suggested(light, await light.submitted())
    with pytest.raises(NotAllowed, match="This post is UANA's"):
        await suggesting(light).take(person, suggestion.id)  # type: ignore[arg-type]  # a Person


async def test_an_author_suggests_nothing_for_their_own_post(light: World) -> None:
    post = (await light.drafting.submit(BEN, PostForm("Mine", (light.account.id,)))).post
    with pytest.raises(NotAllowed):
        await suggesting(light).suggest(BEN, post.id, post.revision_id, {FIELD: "Other"})
    async with light.database.reading() as tx:
        assert await suggestions.newest(tx, post.id) is None


async def test_a_post_that_went_on_is_left_alone_and_the_text_is_kept(here: World) -> None:
    post = await here.submitted()
    suggestion = await suggested(here, post)
    form = PostForm("My own words", (here.account.id,))
    await here.drafting.submit(ANA, form, post_id=post.id, revision_id=post.revision_id)
    with pytest.raises(Passed, match="copy it and choose") as told:
        await suggesting(here).take(ANA, suggestion.id)
    assert told.value.suggestion == suggestion
    assert (await revision_of(here, post)).content.texts == {here.account.id: "My own words"}


async def test_a_post_whose_time_has_passed_needs_a_new_one_first(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    async with world(url, tmp_path, now=lambda: moment) as here:
        post = await here.submitted(when=When.AT, at=moment + timedelta(hours=1))
        suggestion = await suggested(here, post)
        moment += timedelta(hours=2)
        with pytest.raises(Passed, match="time has passed"):
            await suggesting(here).take(ANA, suggestion.id)
        assert (await here.post(post.id)).state is PostState.CHANGES_REQUESTED


async def test_what_a_network_would_not_take_is_refused_at_its_field(light: World) -> None:
    post = await light.submitted()
    with pytest.raises(FieldErrors) as told:
        await suggested(light, post, "x" * 301)
    assert list(told.value.fields) == [FIELD]
    with pytest.raises(FieldErrors, match="text as it is"):
        await suggested(light, post, "Hello")
    assert (await light.post(post.id)).state is PostState.IN_REVIEW


async def test_identical_texts_are_one_field_and_different_ones_are_their_own(
    light: World,
) -> None:
    other = await light.accounts.connect(EVA, "other", {"password": "x"})
    both = (light.account.id, other.id)
    same = await light.submitted(account_ids=both)
    [field] = await suggesting(light).start(BEN, same.revision_id)
    assert set(field.networks) == {"scripted", "other"}
    await suggesting(light).suggest(BEN, same.id, same.revision_id, {field.name: "New"})
    async with light.database.reading() as tx:
        found = await suggestions.newest(tx, same.id)
    assert found is not None
    assert set(found.texts.values()) == {"New"}

    own = await light.submitted(account_ids=both, tailored={"other": "Short"})
    fields = await suggesting(light).start(BEN, own.revision_id)
    texts = {one.name: f"{one.text}!" for one in fields}
    assert texts == {FIELD: "Hello!", "text:other": "Short!"}
    await suggesting(light).suggest(BEN, own.id, own.revision_id, texts)
    async with light.database.reading() as tx:
        found = await suggestions.newest(tx, own.id)
    assert found is not None
    taken = await suggesting(light).take(ANA, found.id)
    assert taken.revision.content.texts == {light.account.id: "Hello!", other.id: "Short!"}
    assert taken.revision.base_text == "Hello!"


async def test_a_difference_is_owed_once_for_a_revision_and_only_after_a_decision(
    here: World,
) -> None:
    post = await here.submitted()

    async def edited(text: str) -> Revision:
        form = PostForm(text, (here.account.id,))
        now = await here.post(post.id)
        await here.drafting.submit(ANA, form, post_id=post.id, revision_id=now.revision_id)
        return await revision_of(here, post)

    assert not await owed(here, Card.CHANGED, post.revision_id)
    undecided = await edited("Nobody has decided yet")
    assert not await owed(here, Card.CHANGED, undecided.id)
    await here.approvals.decide(BEN, post.id, Verdict.APPROVED, revision_id=undecided.id)
    after = await edited("Changed after the approval")
    assert await owed(here, Card.CHANGED, after.id)
    with pytest.raises(FieldErrors, match="Nothing here is different"):
        await edited("Changed after the approval")


async def test_a_decision_that_came_first_is_told_and_no_suggestion_kept(here: World) -> None:
    post = await here.submitted(when=When.AT, at=datetime.now(UTC) + timedelta(hours=1))
    await here.approvals.decide(CHIDI, post.id, Verdict.APPROVED, revision_id=post.revision_id)
    with pytest.raises(AlreadyDone):
        await suggested(here, post)
    async with here.database.reading() as tx:
        assert await suggestions.newest(tx, post.id) is None
