"""The difference between two texts: exact for any texts, and read as people would say it."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.differences import Kind, Run, difference

WORDS = ("word", "words", "a", "b", ".", "*", "~", "---", "新", "咖啡", "é", "🎉")
SPACES = (" ", "  ", "\n", "\n\n", "\t", "\u00a0", "\r\n", "\u202e", "\ud800")
PIECES = st.sampled_from(WORDS + SPACES)
texts = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60)


def read(runs: list[Run], besides: Kind) -> str:
    return "".join(run.text for run in runs if run.kind is not besides)


def marked(before: str, after: str) -> str:
    signs = {Kind.SAME: "{}", Kind.GONE: "[-{}]", Kind.NEW: "[+{}]"}
    return "".join(signs[run.kind].format(run.text) for run in difference(before, after))


@settings(deadline=None, max_examples=600)
@given(texts, texts)
def test_the_difference_makes_the_new_text_of_the_old_one_exactly(before: str, after: str) -> None:
    runs = difference(before, after)
    assert read(runs, besides=Kind.NEW) == before
    assert read(runs, besides=Kind.GONE) == after
    assert all(run.text for run in runs)
    for one, next_ in pairwise(runs):
        assert one.kind is not next_.kind
        assert (one.kind, next_.kind) != (Kind.NEW, Kind.GONE)


@settings(deadline=None)
@given(texts)
def test_what_is_the_same_has_no_difference(text: str) -> None:
    assert {run.kind for run in difference(text, text)} <= {Kind.SAME}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("Hello old world", "Hello new world", "Hello [-old][+new] world"),
        ("a c", "a b c", "a[+ b] c"),
        ("b c", "a b c", "[+a ]b c"),
        ("a b c", "b c", "[-a ]b c"),
        ("a  b", "a b", "a [- ]b"),
        ("one two", "one\ntwo", "one[- ][+\n]two"),
        ("Friday", "Friday ", "Friday[+ ]"),
        ("on Friday.", "on Friday!", "on [-Friday.][+Friday!]"),
        ("新咖啡", "新红茶", "新[-咖啡][+红茶]"),
        ("", "all new", "[+all new]"),
        ("all gone", "", "[-all gone]"),
        # Not "a [-coffee][+tea] a [-morning][+evening]" in pieces:
        ("coffee a morning", "teapot a evening", "[-coffee a morning][+teapot a evening]"),
        ("coffee tomorrow at", "tea tomorrow on", "[-coffee][+tea] tomorrow [-at][+on]"),
    ],
)
def test_it_is_told_word_by_word(before: str, after: str, shown: str) -> None:
    assert marked(before, after) == shown


def test_the_longest_texts_there_can_be_take_no_time() -> None:
    """A text of 20,000 signs in which the same words come again and again."""
    before, after = "a b c d e " * 2000, "b a d c e f " * 1700
    began = time.perf_counter()
    difference(before, after)
    assert time.perf_counter() - began < 2
