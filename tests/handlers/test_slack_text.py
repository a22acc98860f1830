"""A post says what the person meant; foreign text on a card does nothing but be read."""

import contextlib
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import emoji
import pytest
import regex
from hypothesis import assume, example, given
from hypothesis import strategies as st

from handlers.emoji_names import unicode_emoji
from handlers.slack_text import (
    CustomEmoji,
    UnknownMention,
    date,
    escape,
    form_to_post_text,
    message_to_post_text,
    message_to_text,
    shorten,
    to_post_text,
)

PEOPLE = {"U1": "Anna", "W2": "Bob & Co"}
CHANNELS = {"C1": "general"}
FAMILY = "👨‍👩‍👧‍👦"


def typed(encoded: str) -> str:
    return to_post_text(encoded, user_names=PEOPLE, channel_names=CHANNELS)


def read(encoded: str) -> str:
    return message_to_post_text(encoded, user_names=PEOPLE, channel_names=CHANNELS)


def test_a_message_that_is_only_shown_again_refuses_nothing() -> None:
    encoded = ":our-logo: <@U9> in <#C9> said *yes* to <@U1> :tada: a &lt; b"
    assert message_to_text(encoded, user_names=PEOPLE) == (
        ":our-logo: @a-person in #a-channel said yes to @Anna 🎉 a < b"
    )


# -- commands --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoded", "meant"),
    [
        ("Q&amp;A: a &lt; b &gt; c", "Q&A: a < b > c"),
        ("write &amp;amp; for &amp;", "write &amp; for &"),
        ("&copy; stays", "&copy; stays"),
        ("<https://a.com/?a=1&amp;b=2>", "https://a.com/?a=1&b=2"),
        ("<http://example.com|example.com>", "example.com"),
        ("<https://example.com/|https://example.com>", "https://example.com"),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("<https://example.com|our shop>", "our shop (https://example.com)"),
        ("<@U1|old.name> and <@U9|carl>", "@Anna and @carl"),
        ("<@W2>", "@Bob & Co"),
        ("<#C1|x> <#C9|random>", "#general #random"),
        ("<!here> <!channel> <!subteam^S1|@care>", "@here @channel @care"),
        ("<!date^1700000000^{date}|14 Nov 2023>", "14 Nov 2023"),
        ("*bold* _it_ ~no~ `code`", "*bold* _it_ ~no~ `code`"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_slacks_own_encoding_is_undone_once(encoded: str, meant: str) -> None:
    assert typed(encoded) == meant


@pytest.mark.parametrize("encoded", ["<@U9>", "<#C9>", "<#C9|>"])
def test_a_mention_without_a_name_is_refused_rather_than_posted_as_an_id(encoded: str) -> None:
    with pytest.raises(UnknownMention):
        typed(encoded)


@pytest.mark.parametrize(
    ("encoded", "meant"),
    [
        (":tada:", "🎉"),
        (":+1: :thumbsup: :-1:", "👍 👍 👎"),
        (":slightly_smiling_face: :simple_smile: :heavy_check_mark:", "🙂 🙂 ✔️"),
        (":flag-de: :de: :flag-england:", "🇩🇪 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        (":man-woman-girl-boy: :male-technologist: :man-heart-man:", "👨‍👩‍👧‍👦 👨‍💻 👨‍❤️‍👨"),
        (":wave::skin-tone-3: :+1::skin-tone-6:", "👋🏼 👍🏿"),
        (":woman-running::skin-tone-5:", "🏃🏾‍♀️"),
        (":handshake::skin-tone-2-6:", "🫱🏻‍🫲🏿"),
        (":dog::skin-tone-2:", "🐶"),
        (":tada::tada::+1::skin-tone-2::tada:", "🎉🎉👍🏻🎉"),
        ("great:tada: (:tada:) :tada:!", "great🎉 (🎉) 🎉!"),
        ("すごい:tada:です", "すごい🎉です"),
        (":100:", "💯"),
        ("&lt;:heart:&gt;", "<❤️>"),
    ],
)
def test_shortcodes_become_emoji_with_their_skin_tones(encoded: str, meant: str) -> None:
    assert typed(encoded) == meant


@pytest.mark.parametrize(
    "text",
    [
        "10:30:45",
        "ratio 1:2:3",
        "at 10:100:5",
        "a:tada:b",
        "std::map::iterator ::begin::",
        "urn:isbn:0451450523",
        "x:y:z",
        "::",
        ": tada :",
        "see https://example.com/:tada:/:nope: now",
        "12:b:",
        ":30:",
        ":Not:",
    ],
)
def test_colons_in_ordinary_text_survive(text: str) -> None:
    assert typed(text) == text
    assert form_to_post_text(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("go :party-parrot:!", "party-parrot"),
        (":tada::our_logo:", "our_logo"),
        (":our_logo::our_logo:", "our_logo"),
        (":flag-zz:", "flag-zz"),
        (":logo::skin-tone-2:", "logo"),
    ],
)
def test_an_emoji_of_the_workspace_alone_is_refused_by_name(text: str, name: str) -> None:
    for decode in (typed, read, form_to_post_text):
        with pytest.raises(CustomEmoji, match=f":{name}:") as caught:
            decode(text)
        assert caught.value.name == name


def test_forms_are_taken_as_typed_but_for_emoji() -> None:
    text = "Q&amp;A <https://a.com|b> <@U1> *b* :tada:"
    assert form_to_post_text(text) == "Q&amp;A <https://a.com|b> <@U1> *b* 🎉"


# -- messages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoded", "meant"),
    [
        ("*bold* _it_ ~no~ `code`", "bold it no code"),
        ("*_both_* (_*both*_)!", "both (both)!"),
        ("*&gt; 5 %* off", "> 5 % off"),
        ("*<https://example.com/_a_b|shop>*", "shop (https://example.com/_a_b)"),
        ("<https://example.com/_a_>", "https://example.com/_a_"),
        ("*:tada:* `:tada:`", "🎉 :tada:"),
        ("```\nx = *a* &gt; :tada:\n&gt; y\n```", "x = *a* > :tada:\n> y"),
        ("&gt; quoted\n&gt;&gt;&gt; more", "quoted\nmore"),
        ("*<@U1>* said", "@Anna said"),
    ],
)
def test_a_messages_formatting_is_taken_off(encoded: str, meant: str) -> None:
    assert read(encoded) == meant


@pytest.mark.parametrize(
    "text", ["snake_case_name", "2 * 3 * 4", "a*b*c", "* item", "~100", "5 * x*", "_", "**", "a`"]
)
def test_signs_that_format_nothing_stay_in_a_message(text: str) -> None:
    assert read(text) == text


# -- there and back --------------------------------------------------------------------------------


def entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


plain = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]))
NAMES = ["tada", "+1", "wave", "flag-fr", "man-running", "heart", "de", "100"]
TONED = st.sampled_from([("wave", 3), ("+1", 6), ("man-running", 2)])
pieces = st.one_of(
    plain.map(lambda text: (text, entities(text))),
    st.sampled_from(["https://a.com/?b=c&d=e#f", "http://b.org"]).map(
        lambda url: (url, f"<{entities(url)}>")
    ),
    st.just(("shop.example.com/a", "<http://shop.example.com/a|shop.example.com/a>")),
    st.just(("me@example.com", "<mailto:me@example.com|me@example.com>")),
    st.just(("@Anna", "<@U1|anna>")),
    st.just(("#general", "<#C1|general>")),
    st.sampled_from(NAMES).map(lambda name: (unicode_emoji(name) or "", f":{name}:")),
    TONED.map(
        lambda one: (unicode_emoji(one[0], one[1:]) or "", f":{one[0]}::skin-tone-{one[1]}:")
    ),
)


@given(st.lists(pieces))
@example([("&lt;", "&amp;lt;"), ("🎉", ":tada:")])
def test_what_slack_encodes_is_decoded_to_what_was_typed(parts: list[tuple[str, str]]) -> None:
    original = " ".join(text for text, _ in parts)
    assert typed(" ".join(encoded for _, encoded in parts)) == original


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_form_without_colons_is_taken_letter_by_letter(text: str) -> None:
    assume(":" not in text)
    assert form_to_post_text(text) == text


@given(st.text("<>@#!|&;:*_~`ab 1\n"))
def test_no_text_breaks_the_way_in(text: str) -> None:
    for decode in (typed, read, form_to_post_text):
        with contextlib.suppress(CustomEmoji, UnknownMention):
            assert isinstance(decode(text), str)


# -- foreign text on its way out -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Q&A <b>", "Q&amp;A &lt;b&gt;"),
        ("<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;"),
        ("<https://evil.com|your bank>", "&lt;https://evil.com|your bank&gt;"),
        ("*Approved by Anna*", "∗Approved by Anna∗"),
        ("_it_ ~no~ `code`", "＿it＿ ∼no∼ ‵code‵"),
        ("snake_case 2 * 3 a*b", "snake_case 2 * 3 a*b"),
        ("> quoted\nmore > less", "› quoted\nmore &gt; less"),
        (":white_check_mark: done at 10:30", "∶white_check_mark: done at 10:30"),
        ("https://a.com/_b_?c=1&d=2", "https://a.com/%5Fb%5F?c=1&amp;d=2"),
        ("https://a.com/snake_case", "https://a.com/snake_case"),
        ("a\r\nb\rc", "a\nb\nc"),
    ],
)
def test_foreign_text_is_shown_and_does_nothing(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("evil\u202etxt.exe", "evil‹U+202E›txt.exe"),
        ("a\u200bb\u2066c\ufeff", "a‹U+200B›b‹U+2066›c‹U+FEFF›"),
        ("a\u200db", "a‹U+200D›b"),
        ("nul\x00 bell\x07", "nul‹U+0000› bell‹U+0007›"),
        ("tag\U000e0041", "tag‹U+E0041›"),
        ("half \ud83d", "half �"),
        ("\u3164", "‹U+3164›"),
    ],
)
def test_what_can_not_be_seen_is_shown_as_what_it_is(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        FAMILY,
        "👍🏽",
        "❤️",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "1️⃣",
        "👩🏽‍❤️‍💋‍👨🏿",
        "🏳️‍🌈",
        "می‌خواهم",
        "क्‍ष",
        "e\u0301",
        "tab\tand\nline",
    ],
)
def test_emoji_and_scripts_keep_the_invisible_signs_they_need(text: str) -> None:
    assert escape(text) == text


def test_every_standard_emoji_is_shown_as_it_is() -> None:
    recommended = [
        one
        for one, about in emoji.EMOJI_DATA.items()
        if about["status"] == emoji.STATUS["fully_qualified"] and one != "*️⃣"
    ]
    assert len(recommended) > 3000
    assert [one for one in recommended if escape(one) != one] == []


ANY = st.one_of(
    st.text(),
    st.text("*_~`a "),
    st.text("<>@#!|&;:*_~`ab1 \n\u200d\u202ehttps://."),
    st.lists(
        st.sampled_from(
            [*"*_`~><&:a \n", "❤️", "*️⃣", "https://a.b/", ":tada:", "<!here>", "\u202e", "&amp;"]
        )
    ).map("".join),
)
FORMATTED = re.compile(r"(?:^|(?<=\W))([*_~])(?=\S)[^\n]*?(?<=\S)\1(?!\w)|`|^&gt;", re.MULTILINE)


@given(ANY)
@example("*a*")
@example("*️⃣a*️⃣")
@example("https://a/*b https://c/*")
@example("*a https://c/*")
def test_escaped_text_never_holds_anything_that_slack_acts_on(text: str) -> None:
    shown = escape(text)
    assert not set(shown) & set("<>")
    assert not re.search(r"&(?!(?:amp|lt|gt);)", shown)
    assert not FORMATTED.search(shown)
    assert not re.search(r":[\w+'-]+:", re.sub(r"https?://\S+", "", shown))
    assert not regex.search(r"[\p{Bidi_Control}\u200b\u2060\ufeff]", shown)
    shown.encode()  # no half of a character


@given(ANY)
@example("*https://a.com/*")
def test_escaped_text_read_as_a_message_is_the_same_text(text: str) -> None:
    shown = escape(text)
    undone = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    try:
        assert read(shown) == undone
    except CustomEmoji:
        assert "https://" in shown  # a colon glued to an address is left as it is


# -- shortening ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("hello", 5, "hello"),
        ("hello!", 5, "hell…"),
        ("hi there", 4, "hi…"),
        (f"{FAMILY}abc", 5, "…"),
        (f"{FAMILY}abc", 13, f"{FAMILY}a…"),
        ("a&amp;b", 5, "a…"),
        ("a ‹U+202E› b", 9, "a…"),
        ("", 1, ""),
    ],
)
def test_a_text_is_cut_between_graphemes_and_entities(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short


def test_a_limit_without_room_is_a_bug() -> None:
    with pytest.raises(ValueError, match="one character"):
        shorten("a", 0)


@given(ANY, st.integers(1, 40))
def test_a_shortened_text_fits_and_starts_like_the_whole(text: str, limit: int) -> None:
    whole = escape(text)
    short = shorten(whole, limit)
    assert len(short.encode("utf-16-le")) // 2 <= limit
    assert short == whole or whole.startswith(short.removesuffix("…"))
    assert not re.search(r"&(?!(?:amp|lt|gt);)", short)


# -- times -----------------------------------------------------------------------------------------


def test_a_time_is_each_readers_own_with_a_full_fallback() -> None:
    instant = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    assert date(instant, ZoneInfo("Europe/Berlin")) == (
        "<!date^1795422600^{date_long_pretty} at {time}|Mon 23 Nov 2026, 09:30 CET>"
    )
    assert date(instant).endswith("|Mon 23 Nov 2026, 08:30 UTC>")
