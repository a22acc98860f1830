"""HTML as plain text, and nothing kept that can't be stored."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.plain_text import from_html, tidy


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<b>Acme</b> is <i>down</i>", "Acme is down"),
        ("<p>Hi<br>there</p><p>x &amp; y &lt;b&gt; &#128545;</p>", "Hi\nthere\n\nx & y <b> 😡"),
        ("<ul><li>one</li><li>two</li></ul>", "one\n\ntwo"),
        ("<p>one\n   line</p>", "one line"),
        ("a<script>alert('<b>')</script><style>b{}</style>b", "ab"),
        ("a<!-- <b>not</b> seen --><![CDATA[x]]><?php y ?>b", "a b"),
        ("<p>never closed <b>bold", "never closed bold"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("cut off <a href='https://", "cut off <a href='https://"),
        ("text <!-- open for ever", "text"),
        ("<img src=x onerror=alert(1)>pic", "pic"),
        ("", ""),
    ],
)
def test_markup_becomes_what_a_reader_sees(markup: str, text: str) -> None:
    assert from_html(markup) == text


@pytest.mark.parametrize(
    "opening", ["<a ", "<a b='", "<!--", "</", "<svg>", "<a b='>", "<?x", "&#"]
)
def test_markup_that_never_ends_is_read_all_the_same(opening: str) -> None:
    """Some of these took Python's own parser minutes: this test would not come to its end."""
    assert isinstance(from_html("before " + opening * 100_000), str)


def test_text_is_tidied_of_what_cannot_be_stored() -> None:
    assert tidy("a\x00b\x07c\ud800d\r\ne\t f\x0b\n \n\n\n g ") == "abcd\ne f\n\ng"
    assert tidy("\u202eevil\u200b") == "\u202eevil\u200b"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_comes_out_storable(text: str) -> None:
    for found in (tidy(text), from_html(text)):
        found.encode("utf-8")
        assert not any(unicodedata.category(char) == "Cc" for char in found.replace("\n", ""))
        assert found == found.strip()
    assert tidy(tidy(text)) == tidy(text)


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<b", ">", "&amp;", "<!--", "-->", "x", "\n", "'"]))
)
def test_any_markup_is_read(pieces: list[str]) -> None:
    assert "<p>" not in from_html("".join(pieces))
