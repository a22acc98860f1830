"""Writing: what a form makes, what is refused at which field, what is kept of what was typed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.composing import MOST_TO_READ, PostForm
from bot.errors import AlreadyDone, FieldErrors, UserError
from bot.posts import with_link
from bot.scheduling import NewTime
from storage import posts
from storage.records import Picture, Slot, When
from tests.unit.world import ANA, BEN, EVA, TEAM, World, world


def form(here: World, text: str = "Hello", **more: object) -> PostForm:
    return replace(PostForm(text=text, account_ids=(here.account.id,)), **more)


async def problems(here: World, wrong: PostForm) -> dict[str, str]:
    """What is said by field: the same before and at submission."""
    before = (await here.drafting.preview(ANA, wrong)).problems
    with pytest.raises(FieldErrors) as caught:
        await here.drafting.submit(ANA, wrong)
    assert set(caught.value.fields) <= set(before)
    return dict(before)


async def test_what_is_wrong_is_said_at_its_field(light: World) -> None:
    assert list(await problems(light, form(light, "  "))) == ["text"]
    assert list(await problems(light, form(light, account_ids=()))) == ["accounts"]
    assert list(await problems(light, form(light, link="nonsense"))) == ["link"]
    assert list(await problems(light, form(light, when=When.AT))) == ["at"]
    past = datetime.now(UTC) - timedelta(minutes=1)
    assert "has passed" in (await problems(light, form(light, when=When.AT, at=past)))["at"]
    words = form(light, when=When.AT, words="yesterday 9:00")
    assert list(await problems(light, words)) == ["words"]
    pictures = tuple(Picture(str(number) * 64, "") for number in range(5))
    assert "4 pictures" in (await problems(light, form(light, pictures=pictures)))["text"]


async def test_over_the_limit_says_how_far_at_the_text_of_that_network(light: World) -> None:
    assert "12" in (await problems(light, form(light, "x" * 312)))["text"]
    tailored = form(light, "short", tailored={light.network.name: "x" * 312})
    assert list(await problems(light, tailored)) == [f"text:{light.network.name}"]


async def test_more_than_an_approver_can_be_shown_is_refused(light: World) -> None:
    """Signs that Slack escapes take more room than one."""
    said = await problems(light, form(light, "&" * (MOST_TO_READ // 5 + 1)))
    assert "approver" in said["text"]


async def test_nothing_is_kept_of_what_was_refused(light: World) -> None:
    await problems(light, form(light, "x" * 301))
    items, total = await light.scheduling.coming(ANA)
    assert (list(items), total) == ([], 0)


async def test_a_network_gets_its_own_text_and_the_link_at_its_end(light: World) -> None:
    made = form(light, "For all", link="https://a.example/x", tailored={"scripted": "For this"})
    submitted = await light.drafting.submit(ANA, made)
    assert submitted.revision.content.texts == {light.account.id: "For this\n\nhttps://a.example/x"}
    assert submitted.revision.base_text == "For this"  # nobody would publish the other one


@pytest.mark.parametrize(
    ("text", "link", "expected"),
    [
        ("See https://a.example/x", "https://a.example/x", "See https://a.example/x"),
        ("(https://a.example/x).", "https://a.example/x", "(https://a.example/x)."),
        (
            "See https://a.example/xy",
            "https://a.example/x",
            "See https://a.example/xy\n\nhttps://a.example/x",
        ),
        (
            "https://a.example.org",
            "https://a.example",
            "https://a.example.org\n\nhttps://a.example",
        ),
        ("", "https://a.example", "https://a.example"),
    ],
)
def test_a_link_is_added_unless_the_text_has_that_very_link(
    text: str, link: str, expected: str
) -> None:
    assert with_link(text, link) == expected


# What is typed


async def test_what_is_typed_is_kept_and_comes_back(light: World) -> None:
    await light.drafting.keep(ANA, "d1", {"text": "so far"}, None)
    await light.drafting.keep(ANA, "d1", {"text": "so far and on"}, None)
    start = await light.drafting.start(ANA)
    assert start.draft is not None
    assert start.draft.fields == {"text": "so far and on"}


async def test_drafts_are_their_owners(light: World) -> None:
    await light.drafting.keep(ANA, "d1", {"text": "mine"}, None)
    assert await light.drafting.draft(BEN, "d1") is None
    assert (await light.drafting.start(BEN)).draft is None
    await light.drafting.drop(BEN, "d1")
    assert await light.drafting.draft(ANA, "d1") is not None


async def test_a_submitted_draft_is_gone_even_for_what_arrives_late(light: World) -> None:
    await light.drafting.keep(ANA, "d1", {"text": "Hello"}, None)
    await light.drafting.submit(ANA, form(light), draft_id="d1")
    await light.drafting.keep(ANA, "d1", {"text": "Hell"}, None)
    assert (await light.drafting.start(ANA)).draft is None


async def test_the_same_form_twice_makes_one_post(here: World) -> None:
    made = form(here)
    first, second = await asyncio.gather(
        here.drafting.submit(ANA, made, draft_id="d1"),
        here.drafting.submit(ANA, made, draft_id="d1"),
    )
    assert first.post.id == second.post.id
    _, total = await here.scheduling.coming(ANA)
    assert total == 1
    with pytest.raises(AlreadyDone, match="submitted already"):
        await here.drafting.submit(ANA, form(here, "Another"), draft_id="d1")


async def test_unfinished_changes_of_a_post_are_kept_beside_it(light: World) -> None:
    post = await light.submitted("As it is")
    await light.drafting.keep(ANA, "d1", {"text": "As it shall be"}, post.id)
    assert (await light.drafting.start(ANA)).draft is None, "they are no new post"
    start = await light.drafting.start_edit(ANA, post.id)
    assert start.draft is not None
    assert start.draft.fields == {"text": "As it shall be"}
    assert (await light.drafting.start_edit(BEN, post.id)).draft is None
    await light.drafting.submit(
        ANA, form(light, "As it shall be"), post_id=post.id, revision_id=post.revision_id
    )
    assert (await light.drafting.start_edit(ANA, post.id)).draft is None


async def test_an_edit_on_an_older_revision_is_refused_and_says_whose_is_newer(
    light: World,
) -> None:
    post = await light.submitted("First")
    await light.drafting.submit(
        BEN, form(light, "Ben's"), post_id=post.id, revision_id=post.revision_id
    )
    with pytest.raises(AlreadyDone) as caught:
        await light.drafting.submit(
            ANA, form(light, "Ana's"), post_id=post.id, revision_id=post.revision_id
        )
    assert caught.value.by == BEN.user_id
    async with light.database.reading() as tx:
        assert len(await posts.revisions_of(tx, post.id)) == 2


async def test_the_last_used_accounts_are_chosen_again(light: World) -> None:
    await light.submitted()
    assert (await light.drafting.start(ANA)).chosen == {light.account.id}


async def test_without_an_account_it_says_how_to_connect_one(light: World) -> None:
    await light.accounts.disconnect(EVA, light.account.id)
    with pytest.raises(UserError, match="/social connect"):
        await light.drafting.start(ANA)


# Times

MONDAY = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)  # 8:30 in Berlin


async def test_words_count_as_they_were_shown(tmp_path: Path) -> None:
    """“in 2 hours” doesn't wander while the form is open."""
    now = [MONDAY]
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=lambda: now[0]) as here:
        words = form(here, when=When.AT, words="in 2 hours")
        shown = (await here.drafting.preview(ANA, words)).due_at
        assert shown == MONDAY + timedelta(hours=2)
        now[0] += timedelta(minutes=10)
        submitted = await here.drafting.submit(ANA, replace(words, at=shown))
        assert submitted.post.due_at == shown
        now[0] += timedelta(hours=3)
        assert "has passed" in (await problems(here, replace(words, at=shown)))["words"]


async def test_the_next_free_time_is_nobody_elses(tmp_path: Path) -> None:
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=lambda: MONDAY) as here:
        made = [await here.submitted(f"Post {n}", when=When.NEXT_FREE) for n in range(4)]
        assert [post.due_at for post in made] == [
            MONDAY.replace(hour=8, minute=0),
            MONDAY.replace(hour=11, minute=0),
            MONDAY.replace(hour=15, minute=0),
            MONDAY.replace(day=24, hour=8, minute=0),
        ]
        await here.scheduling.cancel(ANA, made[1].id)
        freed = await here.submitted("Takes its place", when=When.NEXT_FREE)
        assert freed.due_at == made[1].due_at
        kept = await here.scheduling.reschedule(ANA, freed.id, NewTime(When.NEXT_FREE))
        assert kept.due_at == freed.due_at, "its own time is free for it"


async def test_several_at_once_get_different_times(here: World) -> None:
    made = await asyncio.gather(
        *(here.submitted(f"Post {n}", when=When.NEXT_FREE) for n in range(6))
    )
    assert len({post.due_at for post in made}) == 6


async def test_accounts_without_a_common_time_say_so(light: World) -> None:
    await light.scheduling.set_slots(EVA, light.account.id, ())
    said = await problems(light, form(light, when=When.NEXT_FREE))
    assert "/social slots" in said["when"]


async def test_an_accounts_own_posting_times_count(tmp_path: Path) -> None:
    async with world(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, now=lambda: MONDAY) as here:
        await here.scheduling.set_slots(EVA, here.account.id, (Slot(2, 10 * 60 + 15),))
        post = await here.submitted(when=When.NEXT_FREE)
        assert post.due_at == datetime(2026, 11, 25, 9, 15, tzinfo=UTC)
        async with here.database.reading() as tx:
            assert await posts.get(tx, TEAM, post.id) is not None


@given(st.text(max_size=40), st.sampled_from(["https://a.example", "https://a.example/x?y=1"]))
def test_a_text_with_its_link_has_it_exactly_once_at_the_end_or_as_written(
    text: str, link: str
) -> None:
    made = with_link(text, link)
    assert made in (text, link, f"{text}\n\n{link}")
    assert link in made
