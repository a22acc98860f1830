"""Whether a text names the brand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.matching import mentions

LATIN_WORDS = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=12)
ANY_WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
APART = st.sampled_from([" ", ". ", ", ", "\n", " (", ") ", "/", "!", " “", "” ", "\u00a0", ": "])


@pytest.mark.parametrize(
    "text",
    [
        "Acme is down",
        "I like ACME.",
        "@acme where is my order",
        "#Acme",
        "(acme)",
        "acme's support",
        "acme’s support",
        "an acme-like thing",
        "see https://acme.example/help",
        "Ａｃｍｅ",  # full width
        "ac\u200bme",  # with a zero-width space inside
    ],
)
def test_a_word_is_found_whole_in_any_dress(text: str) -> None:
    assert mentions(text, ["Acme"])


@pytest.mark.parametrize("text", ["acmeist", "pacme", "acme2", "acme_shop", "#acmefail", "ac me"])
def test_a_part_of_another_word_is_not_a_mention(text: str) -> None:
    assert not mentions(text, ["Acme"])


@pytest.mark.parametrize(
    "text",
    [
        "my acme kitchen broke",
        "Acme\u00a0 Kitchen",
        "acme\nkitchen",
        "acme-kitchen",
        "#AcmeKitchen",
        "@acme_kitchen hello",
    ],
)
def test_a_phrase_is_found_apart_and_as_a_hashtag_or_name(text: str) -> None:
    assert mentions(text, ["Acme Kitchen"])


@pytest.mark.parametrize("text", ["acme and kitchen", "acmekitchen", "#acmekitchens", "kitchen"])
def test_the_words_of_a_phrase_must_belong_together(text: str) -> None:
    assert not mentions(text, ["Acme Kitchen"])


def test_a_word_with_a_sign_is_only_found_with_it() -> None:
    assert mentions("thanks @acme!", ["@acme"])
    assert not mentions("thanks acme!", ["@acme"])
    assert mentions("#acme", ["#Acme"])
    assert not mentions("@acme", ["#Acme"])


@pytest.mark.parametrize("word", ["C++", "AT&T", "Yahoo!", ".NET", "3.14", "(R)"])
def test_signs_in_a_brand_are_taken_literally(word: str) -> None:
    assert mentions(f"I use {word}, you know", [word])
    assert not mentions("I use C and AT and Yahoo", [word])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("アクメの製品が壊れた", "アクメ"),
        ("我的艾克米坏了", "艾克米"),
        ("ซื้อแอคมีเมื่อวาน", "แอคมี"),
        ("Das ist GROSSARTIG", "großartig"),
        ("Ich war bei der ÖBB", "öbb"),
        ("cafe\u0301 Acme", "Café"),  # the accent as a character of its own
        ("κόσμος", "ΚΌΣΜΟΣ"),
        ("İstanbul Cafe", "istanbul cafe".replace("i", "İ", 1)),
        ("Мой АКМЕ сломался", "акме"),
    ],
)
def test_words_of_all_scripts_are_found(text: str, word: str) -> None:
    assert mentions(text, [word])


def test_any_of_the_words_is_enough_and_no_words_find_nothing() -> None:
    assert mentions("globex rules", ["Acme", "Globex"])
    assert not mentions("globex rules", [])
    assert not mentions("globex rules", ["", " ", "\u200b", "-"])


@given(ANY_WORDS, APART, APART, st.text(), st.text())
def test_a_word_between_separators_is_always_found(
    word: str, before: str, after: str, left: str, right: str
) -> None:
    assert mentions(f"{left}{before}{word}{after}{right}", [word])


@given(LATIN_WORDS, LATIN_WORDS)
def test_a_letter_beside_it_makes_it_another_word(word: str, letters: str) -> None:
    assert not mentions(letters + word, [word])
    assert not mentions(word + letters, [word])


@given(ANY_WORDS)
def test_case_does_not_count(word: str) -> None:
    assert mentions(word.upper(), [word]) or word.upper().casefold() != word.casefold()
    assert mentions(word.casefold(), [word])
    assert mentions(f"#{word}", [word])
    assert mentions(f"@{word}", [word])


@given(st.text(st.characters(exclude_categories=())), st.lists(st.text()))
def test_any_words_and_any_text_are_compared(text: str, words: list[str]) -> None:
    assert mentions(text, words) in (True, False)
