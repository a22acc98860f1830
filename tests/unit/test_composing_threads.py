"""What a form's text becomes where it is a thread."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.composing import MOST_POSTS, PostForm
from bot.errors import FieldErrors
from bot.posts import thread_parts, with_link
from tests.unit.world import ANA, EVA, OtherNetwork, World, world


class Lonely(OtherNetwork):
    """A network that has no threads."""

    threads = False


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[World]:
    lonely = Lonely()
    async with world(f"sqlite:///{tmp_path}/x.db", tmp_path, others=[lonely]) as made:
        yield made


async def refused(here: World, text: str, **more: object) -> dict[str, str]:
    made = replace(PostForm(text=text, account_ids=(here.account.id,)), **more)
    with pytest.raises(FieldErrors) as caught:
        await here.drafting.submit(ANA, made)
    return caught.value.fields


@pytest.mark.parametrize(
    ("text", "posts"),
    [
        ("One", ["One"]),
        ("  One\n", ["  One\n"]),
        ("One\n---\nTwo", ["One", "Two"]),
        ("One\n\n  ---\t \n\nTwo\n", ["One", "Two"]),
        ("One\r\n---\r\nTwo", ["One", "Two"]),
        ("One\n—-\nTwo", ["One", "Two"]),
        ("---\nOne\n---\n---\n \n---", ["One"]),
        ("One --- Two", ["One --- Two"]),
        ("One\n----\nTwo", ["One\n----\nTwo"]),
        ("One\n--\nTwo", ["One\n--\nTwo"]),
        ("---", [""]),
    ],
)
def test_a_line_of_three_hyphens_parts_posts_and_empty_ones_are_none(
    text: str, posts: list[str]
) -> None:
    assert thread_parts(text) == posts


@given(st.lists(st.text(st.sampled_from("ab- \n—"), max_size=8), max_size=6))
@example(["a", "", "-"])
def test_no_word_is_lost_and_no_post_is_empty(pieces: list[str]) -> None:
    text = "\n---\n".join(pieces)
    posts = thread_parts(text)
    assert all(posts) or not any(posts)
    lines = [line for line in text.split("\n") if line.strip() not in ("---", "—-")]
    assert "".join("".join(posts).split()) == "".join("".join(lines).split())


def test_the_link_goes_to_the_last_post_unless_one_has_it() -> None:
    link = "https://a.example"
    assert thread_parts(with_link("One\n---\nTwo", link)) == ["One", f"Two\n\n{link}"]
    assert thread_parts(with_link(f"{link}\n---\nTwo", link)) == [link, "Two"]
    assert thread_parts(with_link("One\n---", link)) == ["One", link]


async def test_each_post_of_a_thread_may_be_as_long_as_the_network_takes(light: World) -> None:
    await light.submitted(f"{'x' * 300}\n---\n{'y' * 300}")
    said = await refused(light, f"{'x' * 300}\n---\n{'y' * 312}\n---\nz")
    assert said == {"text": "Part 2 of 3: 12 over Scripted's limit of 300."}


async def test_of_many_posts_that_are_too_long_the_first_are_named(light: World) -> None:
    said = (await refused(light, "\n---\n".join(["x" * 301] * 9)))["text"]
    assert said.count("over Scripted's limit") == 3
    assert said.endswith("6 more parts are too long.")


async def test_a_thread_has_an_end(light: World) -> None:
    await light.submitted("\n---\n".join(["x"] * MOST_POSTS))
    said = await refused(light, "\n---\n".join(["x"] * (MOST_POSTS + 1)))
    assert said == {"text": f"A thread can have {MOST_POSTS} posts; this one has {MOST_POSTS + 1}."}


async def test_nothing_but_hyphens_says_nothing(light: World) -> None:
    assert await refused(light, "---\n---") == {"text": "Write something, or add a picture."}
    await light.submitted("---", pictures=(await light.picture(),))


async def test_a_network_without_threads_refuses_one_in_words_unless_its_text_is_tailored(
    light: World,
) -> None:
    await light.accounts.connect(EVA, "other", {"password": "x"})
    choices = (await light.drafting.start(ANA)).choices
    every = tuple(choice.account.id for choice in choices)
    said = await refused(light, "One\n---\nTwo", account_ids=every)
    assert said["text"].startswith("Other has no threads: take out the lines of ---")
    said = await refused(light, "One", account_ids=every, tailored={"other": "One\n---\nTwo"})
    assert set(said) == {"text:other"}
    form = PostForm("One\n---\nTwo", every, tailored={"other": "All of it"})
    await light.drafting.submit(ANA, form)
