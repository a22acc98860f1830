"""What a text's tone is, and what it asks of us."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sentiment import READ_CHARACTERS, EnglishClassifier, Judgement, Thresholds, urgency
from storage.records import Sentiment, Urgency
from tests.unit.care_sentences import (
    CHOOSING_COMPLAINTS,
    CHOOSING_OTHERS,
    JUDGING_COMPLAINTS,
    JUDGING_OTHERS,
)

CLASSIFIER_TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(exclude_categories=())),  # surrogates, controls, unassigned
    st.lists(
        st.sampled_from(
            [
                "https://a.b/c?d=e",
                "@acme",
                "#fail",
                "😡",
                "👎🏽",
                "❤️",
                "but",
                "not",
                "no",
                "crash",
                "\x00",
                "\ud83d",
                "\u202e",
                "\u200d",
                "!!!",
                "???",
                "kind",
                "of",
            ]
        )
    ).map(" ".join),
)


@pytest.fixture(scope="module")
def classifier() -> EnglishClassifier:
    return EnglishClassifier()


def test_the_lexicon_is_not_loaded_by_importing() -> None:
    """Whoever only imports the module pays neither the time nor the memory."""
    code = (
        "import gc, bot.sentiment as s\n"
        "from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer as A\n"
        "print(sum(isinstance(o, A) for o in gc.get_objects()))\n"
        "kept = s.EnglishClassifier()\n"
        "print(sum(isinstance(o, A) for o in gc.get_objects()))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["0", "1"]


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("This is the worst app I have ever used", Sentiment.NEGATIVE),
        ("I love this app, thank you so much", Sentiment.POSITIVE),
        ("The shop in Lyon opens at nine on Saturday", Sentiment.NEUTRAL),
        ("your app keeps crashing", Sentiment.NEGATIVE),
        ("@acme no answer for 3 days", Sentiment.NEGATIVE),
        ("still waiting for my refund", Sentiment.NEGATIVE),
        ("it has never crashed so far, not once", Sentiment.POSITIVE),
    ],
)
def test_english_is_classified(
    classifier: EnglishClassifier, text: str, sentiment: Sentiment
) -> None:
    assert classifier.judge(text).sentiment is sentiment
    assert classifier.judge(text).language == "en"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Die App stürzt ständig ab und niemand antwortet mir", "de"),
        ("Votre service client est vraiment nul, jamais de réponse", "fr"),
        ("Llevo tres semanas esperando mi reembolso, terrible servicio 😡", "es"),
        ("アプリがすぐに落ちます。返金してください", "ja"),
        ("التطبيق لا يعمل ولا أحد يرد على رسائلي", "ar"),
    ],
)
def test_another_language_is_unclassified_never_neutral(
    classifier: EnglishClassifier, text: str, language: str
) -> None:
    found = classifier.judge(text)
    assert found == Judgement(Sentiment.UNCLASSIFIED, 0.0, language, ("not in English",))
    assert urgency(found, Thresholds()) is Urgency.NONE


@pytest.mark.parametrize("text", ["worst app ever", "broken again", "terrible!", "WTF", "so bad"])
def test_a_few_english_words_are_read(classifier: EnglishClassifier, text: str) -> None:
    assert classifier.judge(text).sentiment is Sentiment.NEGATIVE


@pytest.mark.parametrize(
    "text", ["nie wieder", "no funciona", "nul 😡", "terrible servicio", "qwertz"]
)
def test_a_few_words_that_may_be_another_language_are_unclassified(
    classifier: EnglishClassifier, text: str
) -> None:
    assert classifier.judge(text).sentiment is Sentiment.UNCLASSIFIED


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("😡", Sentiment.NEGATIVE),
        ("👎🏿👎🏿 @acme", Sentiment.NEGATIVE),
        ("🤦‍♀️", Sentiment.NEGATIVE),
        ("❤️❤️", Sentiment.POSITIVE),
        ("🎉 https://example.com/terrible", Sentiment.POSITIVE),
    ],
)
def test_emoji_alone_are_read_in_no_language(
    classifier: EnglishClassifier, text: str, sentiment: Sentiment
) -> None:
    assert classifier.judge(text).sentiment is sentiment
    assert classifier.judge(text).language is None


def test_an_emoji_turns_the_tone(classifier: EnglishClassifier) -> None:
    plain = classifier.judge("my order came today")
    angry = classifier.judge("my order came today 😡")
    assert plain.negative == 0
    assert angry.negative > 0.4
    assert angry.reasons == ("😡",)


@pytest.mark.parametrize(
    "text", ["", " ", "@acme @globex", "https://example.com/bad", "12 345", "…"]
)
def test_a_text_without_words_is_unclassified(classifier: EnglishClassifier, text: str) -> None:
    assert classifier.judge(text) == Judgement(
        Sentiment.UNCLASSIFIED, 0.0, None, ("no words to read",)
    )


def test_names_and_addresses_do_not_weigh(classifier: EnglishClassifier) -> None:
    found = classifier.judge("I read this today @worst_hate_bot https://example.com/crash/awful")
    assert found.negative == 0
    assert found.reasons == ()


def test_reasons_are_the_texts_own_words_heaviest_first(classifier: EnglishClassifier) -> None:
    found = classifier.judge("The worst app: it is BROKEN, and still waiting for a reply 😡")
    assert set(found.reasons) <= {"worst", "broken", "still waiting", "😡"}
    assert len(found.reasons) == 3
    assert found.reasons[0] == "worst"


def test_praise_has_no_reasons(classifier: EnglishClassifier) -> None:
    assert classifier.judge("I love it, what a great shop").reasons == ()


def test_negation_takes_a_complaint_word_back(classifier: EnglishClassifier) -> None:
    assert classifier.judge("the app is crashing").negative > 0.4
    assert classifier.judge("the app is not crashing").negative == 0


@pytest.mark.parametrize(
    ("negative", "expected"),
    [
        (0.0, Urgency.NONE),
        (0.19, Urgency.NONE),
        (0.2, Urgency.DOUBTFUL),
        (0.59, Urgency.DOUBTFUL),
        (0.6, Urgency.ALERT),
        (1.0, Urgency.ALERT),
    ],
)
def test_the_thresholds_make_three_tiers(negative: float, expected: Urgency) -> None:
    judgement = Judgement(Sentiment.NEGATIVE, negative, "en", ())
    assert urgency(judgement, Thresholds(alert=0.6, doubtful=0.2)) is expected


@pytest.mark.parametrize(("alert", "doubtful"), [(0.2, 0.4), (1.2, 0.4), (0.4, 0.0)])
def test_thresholds_out_of_order_are_refused(alert: float, doubtful: float) -> None:
    with pytest.raises(ValueError):
        Thresholds(alert=alert, doubtful=doubtful)


@pytest.mark.parametrize(
    ("complaints", "others"),
    [(CHOOSING_COMPLAINTS, CHOOSING_OTHERS), (JUDGING_COMPLAINTS, JUDGING_OTHERS)],
    ids=["choosing", "judging"],
)
def test_complaints_to_a_brand_become_alerts_and_nothing_else_does(
    classifier: EnglishClassifier, complaints: tuple[str, ...], others: tuple[str, ...]
) -> None:
    """Holds the numbers of the module's docstring: nine complaints in ten, no false alarm."""

    def alerts(texts: tuple[str, ...]) -> list[str]:
        found = ((text, urgency(classifier.judge(text), Thresholds())) for text in texts)
        return [text for text, tier in found if tier is Urgency.ALERT]

    assert len(complaints) == len(others)
    assert len(alerts(complaints)) >= 0.9 * len(complaints)
    assert alerts(others) == []


def test_a_long_article_is_judged_by_its_whole_not_by_one_word(
    classifier: EnglishClassifier,
) -> None:
    article = "The company opened a shop in the town and people came to see it. " * 40
    one_bad_word = classifier.judge(article + "One machine was broken.")
    assert urgency(one_bad_word, Thresholds()) is Urgency.NONE
    assert urgency(classifier.judge("The app is broken and useless. " * 150), Thresholds()) is (
        Urgency.ALERT
    )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "bad " * 25_000,
        "not " * 25_000,
        "but no no kind of least " * 5_000,
        "😡" * 100_000,
        "\x00" * 100_000,
        "\ud83d" * 1_000,
        "https://example.com/ " * 5_000,
        "@a " * 33_000,
        "\ufffe\uffff\x7f\x80",
        "n" * 99_999 + "'t",
        "no " + "x" * 4_000 + " reply",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_texts_are_judged_like_any_other(classifier: EnglishClassifier, text: str) -> None:
    found = classifier.judge(text)
    assert 0 <= found.negative <= 1
    assert all(len(reason) <= 40 for reason in found.reasons)


def test_what_lies_beyond_the_read_part_does_not_weigh(classifier: EnglishClassifier) -> None:
    start = ("The shop opens at nine. " * 300)[:READ_CHARACTERS]
    assert classifier.judge(start + " terrible, broken, worst") == classifier.judge(start)


@given(CLASSIFIER_TEXTS)
def test_any_text_is_judged_within_the_scale(classifier: EnglishClassifier, text: str) -> None:
    found = classifier.judge(text)
    assert 0 <= found.negative <= 1
    assert found.sentiment is not Sentiment.UNCLASSIFIED or found.negative == 0
    assert found.sentiment is Sentiment.NEGATIVE or found.negative < 0.05
    assert len(found.reasons) <= 3
    assert classifier.judge(text) == found  # nothing is kept between texts
