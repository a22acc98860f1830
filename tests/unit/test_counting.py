"""Texts are counted as the networks count them, and facets are found where bsky.app finds them."""

import pytest
from atproto_client.utils.facet_detection import detect_facets, detect_mentions
from hypothesis import given
from hypothesis import strategies as st

from bot.counting import (
    LONGEST_TAG,
    Facet,
    FacetKind,
    facets,
    graphemes,
    mastodon_length,
    utf8_bytes,
)

FAMILY = "👨‍👩‍👧‍👦"


def found(text: str) -> list[tuple[str, str]]:
    return [(facet.kind.value, facet.value) for facet in facets(text)]


def theirs(text: str) -> list[Facet]:
    """What the other implementation of the same rules finds."""
    mentions = [
        Facet(FacetKind.MENTION, one.handle, one.byte_start, one.byte_end)
        for one in detect_mentions(text)
    ]
    others = []
    for one in detect_facets(text):
        (feature,) = one.features
        link = getattr(feature, "uri", "")
        others.append(
            Facet(
                FacetKind.LINK if link else FacetKind.TAG,
                link or getattr(feature, "tag", ""),
                one.index.byte_start,
                one.index.byte_end,
            )
        )
    return sorted([*mentions, *others], key=lambda facet: facet.byte_start)


# -- lengths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clusters", "size"),
    [
        (FAMILY, 1, 25),
        ("🇩🇪", 1, 8),
        ("日本語", 3, 9),
        ("e\u0301", 1, 3),
        ("ไทย", 3, 9),
        ("👋🏽", 1, 8),
        ("a\r\nb", 3, 4),
        ("", 0, 0),
    ],
)
def test_graphemes_and_bytes_are_counted_as_in_the_reference(
    text: str, clusters: int, size: int
) -> None:
    assert (graphemes(text), utf8_bytes(text)) == (clusters, size)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("hello", 5),
        (FAMILY, 1),
        ("https://example.com", 23),
        ("http://" + "b" * 60 + ".com/example", 23),
        ("see https://example.com/a?b=c#d now", 4 + 23 + 4),
        ("see https://example.com.", 4 + 23 + 1),
        ("(https://example.com/a)", 23 + 2),
        ("https://example.com/a_(b)", 23),
        ("https://example.com/a, https://example.com/b!", 23 + 2 + 23 + 1),
        ("https://example.com/?q=1.", 23 + 1),
        ("https://пример.рф/путь", 23),
        ("HTTPS://EXAMPLE.COM", 23),
        ("example.com", 11),
        ("https://localhost/a", 19),
        ("https://example.notatld/", 24),
        ("xhttps://example.com", 20),
        ("@alice@" + "b" * 30 + ".com", 6),
        ("hi @alice@example.social!", 3 + 6 + 1),
        ("@alice", 6),
        ("mail alice@example.com", 22),
        ("https://example.com/@alice@example.social", 23),
    ],
)
def test_urls_count_23_and_remote_people_without_their_server(text: str, length: int) -> None:
    assert mastodon_length(text) == length


def test_a_server_may_reserve_another_length_for_urls() -> None:
    assert mastodon_length("a https://example.com", url_length=30) == 32


@given(st.text(st.characters(exclude_characters="@/", exclude_categories=["Cs"])))
def test_a_text_without_urls_and_people_counts_its_graphemes(text: str) -> None:
    assert mastodon_length(text) == graphemes(text)


@given(st.text(), st.text())
def test_a_url_between_spaces_always_counts_23(before: str, after: str) -> None:
    text = f"{before}\n https://example.com/{'long' * 20} \n{after}"
    assert mastodon_length(text) == mastodon_length(f"{before}\n {'x' * 23} \n{after}")


# -- facets ----------------------------------------------------------------------------------------


def test_the_published_vector_has_these_byte_offsets() -> None:
    text = (
        "✨ example mentioning @atproto.com to share the URL 👨‍❤️‍👨"
        " https://en.wikipedia.org/wiki/CBOR."
    )
    assert facets(text) == [
        Facet(FacetKind.MENTION, "atproto.com", 23, 35),
        Facet(FacetKind.LINK, "https://en.wikipedia.org/wiki/CBOR", 74, 108),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://a.com/b?c=d#e.", [("link", "https://a.com/b?c=d#e")]),
        ("(https://a.com/b)", [("link", "https://a.com/b")]),
        ("https://a.com/b_(c)", [("link", "https://a.com/b_(c)")]),
        ("https://a.com/b_(c).", [("link", "https://a.com/b_(c)")]),
        ("https://a.com...", [("link", "https://a.com")]),
        ("(see https://a.com).", [("link", "https://a.com")]),
        ("Https://a.com", [("link", "Https://a.com")]),
        ("a.com and a.com/x", [("link", "https://a.com"), ("link", "https://a.com/x")]),
        ("my-shop.com/sale", [("link", "https://my-shop.com/sale")]),
        ("e.g. this", []),
        ("report.jpg", []),
        ("done.Now", []),
        ("info.team@example.com", []),
        ("mail me@example.com", []),
        ("https://... is how links start", []),
        ("a.com:8080/x", [("link", "https://a.com:8080/x")]),
    ],
)
def test_links_are_urls_and_bare_domains_with_a_real_ending(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a.com, hello", [("mention", "a.com")]),
        ("(@bob.bsky.social)", [("mention", "bob.bsky.social")]),
        ("@alice.test", [("mention", "alice.test")]),
        ("@Bob.Bsky.Social", [("mention", "Bob.Bsky.Social")]),
        ("thanks @a.com.", [("mention", "a.com")]),
        ("@alice", []),
        ("@alice.notatld", []),
        ("@-a.com", []),
        ("x@a.com", []),
        ("@a.comü", [("mention", "a.com")]),
    ],
)
def test_mentions_are_handles_with_a_real_ending(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#one #two!", [("tag", "one"), ("tag", "two")]),
        ("#größe #日本語 #привет", [("tag", "größe"), ("tag", "日本語"), ("tag", "привет")]),
        ("#1 #1a", [("tag", "1a")]),
        ("＃wide", [("tag", "wide")]),
        ("#🦋fly", [("tag", "🦋fly")]),
        ("#\ufe0f⃣tag", []),
        ("a#b", []),
        ("#a\u200bb", [("tag", "a")]),
        ("#", []),
        ("#" + "a" * LONGEST_TAG, [("tag", "a" * LONGEST_TAG)]),
        ("#" + "a" * (LONGEST_TAG + 1), []),
        ("#" + "e\u0301" * LONGEST_TAG, [("tag", "e\u0301" * LONGEST_TAG)]),
        ("$aapl is up", [("tag", "$AAPL")]),
        ("$100", []),
    ],
)
def test_tags_may_be_in_any_script_and_end_before_punctuation(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


def test_what_would_overlap_is_one_facet() -> None:
    assert found("#(a.com") == [("tag", "(a.com")]


TRICKY = [
    "start @handle.com middle https://middle.com/foo/bar?baz=bux#hash end.com/foo",
    "@handle.com @handle.com @handle.com\n@full123-chars.test not@right @handle.com!@#$chars",
    "parenthetical (@handle.com) (https://foo.com) https://foo.com/thing_(cool)",
    f"{FAMILY} @handle.com {FAMILY} https://middle.com {FAMILY} #tag{FAMILY}",
    "https://newline1.com\nhttps://newline2.com\nnewline1.com\nnewline2.com",
    "not.. a..url ..here e.g. something.jpg website.com.jpg e.g./foo website.com.jpg/foo",
    "punctuation https://foo.com, https://bar.com/whatever; https://baz.com.",
    "#double#rainbow ##hash ## #n0n3s@n5e! #with,punctuation #multi_trailing___... #t\nag",
    "this #️⃣tag and ##️⃣tag and ＃#️⃣tag, #1? #️ #​a #a⃢b #a​b",
    "$BTC $ETH ($GOOG) $TOOLONG $1A no$X $abc12, $ABC.",
    "Größe: #Übergröße @müller.de https://müller.de/straße?ü=1 münchen.de",
    "\u3000@a.com\u00a0#tag\u2003b.com",
]


@pytest.mark.parametrize("text", TRICKY)
def test_the_atproto_package_finds_the_same(text: str) -> None:
    assert facets(text) == theirs(text)


WORDS = st.sampled_from(
    [
        *("@a.com", "@bob.test", "#tag", "#日本", "$AAPL", "https://a.com/b", "b.org/c?d", "e.g."),
        *("plain", "ü", FAMILY, "(", ")", ".", "!", "#", "@", "1", "$", "c.com", "\u200b", "’"),
    ]
)
SPACES = st.sampled_from(["", " ", " ", " ", "\n", "\u00a0"])
TEXTS = st.lists(st.tuples(WORDS, SPACES)).map(lambda pairs: "".join(w + s for w, s in pairs))


@given(TEXTS | st.text())
def test_offsets_slice_back_to_the_text_and_never_overlap(text: str) -> None:
    data = text.encode()
    end = 0
    for facet in facets(text):
        assert end <= facet.byte_start < facet.byte_end <= len(data)
        end = facet.byte_end
        part = data[facet.byte_start : facet.byte_end].decode()
        if facet.kind is FacetKind.MENTION:
            assert part == f"@{facet.value}"
        elif facet.kind is FacetKind.LINK:
            assert facet.value in (part, f"https://{part}")
        else:
            assert facet.value in (part[1:], part.upper())


@given(
    st.lists(st.sampled_from(["@a.com", "https://a.com/b", "#tag", "$AAPL", "c.org", "ü", FAMILY]))
)
def test_between_spaces_the_atproto_package_agrees_on_everything(words: list[str]) -> None:
    text = " ".join(words)
    assert facets(text) == theirs(text)
