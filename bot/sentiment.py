"""What a text's tone is: negative, neutral, positive, or unclassified where it can't be read.

One ``Classifier`` for now: VADER, an English lexicon, with our words for complaints, behind
pycld2 as the language gate (py3langid finds 5 of 100 more texts and costs 130 MB, which is most
of what the whole process may have). It tells the tone of the message, not the tone towards the
brand.

Measured at the default thresholds, VADER alone -> with our words (negative among the texts:
one in three in tweets, one in two in our sentences, so read the precision with care):

    texts                                    alert (0.4)               doubtful or alert (0.1)
                                             recall      precision     recall      precision
    324 English tweets, UMSAB validation     44 -> 49    81 -> 82 %    68 -> 69    74 -> 74 %
    1,839 English tweets, UMSAB training     41 -> 41    74 -> 72 %    61 -> 61    68 -> 67 %
    60 of our sentences, used for choosing   17 -> 90    100 -> 100 %  33 -> 90    100 -> 100 %
    40 of our sentences, set aside           25 -> 90    100 -> 100 %  55 -> 90    100 -> 100 %

(Both lists of sentences have the same author: what strangers write is found less often.)
The thresholds were chosen on the first row: at 0.5 an alert finds 37 at 85 %. Where one text in
ten is negative, 0.4 means one right alarm in two. The gate lets 322 of the 324 pass, and of 324
texts each in Arabic 0, Spanish 0, Italian 1, French 3, Portuguese 6, German 16; romanised Hindi,
which is full of English, 120.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pycld2
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer, SentiText

from bot.complaints import COMMON, EMOJI, PHRASES, WORDS
from storage.records import Sentiment, Urgency

READ_CHARACTERS = 5_000
"""How much of a text is read; a post is shorter, an article says what it is by then."""

_PASSAGE_WORDS = 60  # VADER is made for a tweet's length, and quadratic beyond
_REASON_CHARACTERS = 40
_LEAST_ENGLISH = 0.2  # of the words; keeps 322 of 324 English texts
_NEUTRAL_WITHIN = 0.05  # VADER's own border on its compound scale
_VADER_ALPHA = 15.0  # compound = x / sqrt(x * x + alpha)

_LINKS_AND_NAMES = re.compile(r"https?://\S+|www\.\S+|[@＠][\w.@-]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_VARIATION_AND_SKIN = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a classifier makes of a text.

    ``negative`` is 0 (not at all) to 1 (utterly): what the thresholds are compared with.
    ``language`` is an ISO 639 code, None where the language isn't known (a few words, emoji
    alone). ``reasons`` are the text's own words that weighed most towards negative, heaviest
    first; for an unclassified text they say why it couldn't be read.
    """

    sentiment: Sentiment
    negative: float
    language: str | None
    reasons: tuple[str, ...]


class Classifier(Protocol):
    """Tells a text's tone. Never raises, whatever the text holds."""

    def judge(self, text: str) -> Judgement: ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which ``Judgement.negative`` on a mention becomes an alert, or goes into the
    doubtful list. A workspace's dismissals move them."""

    alert: float = 0.4
    doubtful: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.doubtful <= self.alert <= 1:
            raise ValueError("thresholds must be 0 < doubtful <= alert <= 1")


def urgency(judgement: Judgement, thresholds: Thresholds) -> Urgency:
    """What a judgement asks of us: clearly negative, possibly negative, or nothing."""
    if judgement.sentiment is Sentiment.UNCLASSIFIED:
        return Urgency.NONE
    if judgement.negative >= thresholds.alert:
        return Urgency.ALERT
    if judgement.negative >= thresholds.doubtful:
        return Urgency.DOUBTFUL
    return Urgency.NONE


class EnglishClassifier:
    """VADER with words for customer care, behind a language gate. Loads its lexicon (about
    10 MB, 50 ms) when it is made; make one and keep it."""

    def __init__(self) -> None:
        self._vader = SentimentIntensityAnalyzer()
        known_emoji = set(self._vader.emojis) | set(EMOJI)
        single = "".join(sorted(emoji for emoji in known_emoji if len(emoji) == 1))
        self._emoji = re.compile(f"[{re.escape(single)}]")
        self._english = COMMON | {word for word in self._vader.lexicon if word.isalpha()}
        self._phrases = tuple(
            (re.compile(rf"(?<!\w)(?:{pattern})", re.IGNORECASE), f"phrase{number}said")
            for number, (pattern, _) in enumerate(PHRASES)
        )
        self._vader.lexicon.update(WORDS)
        self._vader.lexicon.update(EMOJI)
        for (_, token), (_, weight) in zip(self._phrases, PHRASES, strict=True):
            self._vader.lexicon[token] = weight
        for emoji in EMOJI:
            self._vader.emojis.pop(emoji, None)

    def judge(self, text: str) -> Judgement:
        text = _readable(text[:READ_CHARACTERS])
        words = self._emoji.sub(" ", _LINKS_AND_NAMES.sub(" ", text)).replace("#", " ").strip()
        if not _WORD.search(words):
            if not self._emoji.search(text):
                return _unclassified(None, "no words to read")
            language = None
        else:
            language = self._language(words)
            if language is None:
                return _unclassified(None, "its language can't be told")
            if language != "en":
                return _unclassified(language, "not in English")
        return self._tone(text, language)

    def _language(self, words: str) -> str | None:
        """The language of a text of words alone, or None.

        pycld2 is unsure of texts of a few words, which are common here: those are taken for
        English when each of their words is. And what it calls English with hardly a common
        English word in it is mostly a language that it doesn't know.
        """
        several = [word.replace("'", "") for word in _WORD.findall(words.lower())]
        english = sum(word in self._english for word in several) / len(several)
        reliable, _, found = pycld2.detect(words, isPlainText=True)
        if reliable:
            language = str(found[0][1])
            return None if language == "en" and english < _LEAST_ENGLISH else language
        return "en" if english == 1 else None

    def _tone(self, text: str, language: str | None) -> Judgement:
        scores: list[float] = []
        weighed: dict[str, float] = {}
        for passage in _passages(_LINKS_AND_NAMES.sub(" ", text)):
            marked, said = self._mark(passage)
            scores.append(self._vader.polarity_scores(marked)["compound"])
            for word, valence in self._valences(marked):
                name = said.get(word, word)
                weighed[name] = min(weighed.get(name, 0.0), valence)
        compound = sum(scores) / len(scores) if scores else 0.0
        if compound <= -_NEUTRAL_WITHIN:
            sentiment = Sentiment.NEGATIVE
        elif compound >= _NEUTRAL_WITHIN:
            sentiment = Sentiment.POSITIVE
        else:
            sentiment = Sentiment.NEUTRAL
        heaviest = sorted((v, name) for name, v in weighed.items() if v < 0)[:3]
        return Judgement(
            sentiment, max(0.0, -compound), language, tuple(name for _, name in heaviest)
        )

    def _mark(self, passage: str) -> tuple[str, dict[str, str]]:
        """The passage with each complaint's phrase as one token, and what was said for each."""
        said: dict[str, str] = {}
        passage = self._emoji.sub(lambda found: f" {found.group()} ", passage)
        for pattern, token in self._phrases:
            found = pattern.search(passage)
            if found:
                said[token] = " ".join(found.group().lower().split())[:_REASON_CHARACTERS]
                passage = f"{passage[: found.start()]} {token} {passage[found.end() :]}"
        return passage, said

    def _valences(self, passage: str) -> Iterator[tuple[str, float]]:
        """What each word of the passage weighs, as VADER has it in this place."""
        sentences = SentiText(passage)
        words = sentences.words_and_emoticons
        for position, word in enumerate(words):
            if word.lower() in self._vader.lexicon:
                [valence] = self._vader.sentiment_valence(0, sentences, word, position, [])
                yield word.lower(), valence


def _unclassified(language: str | None, reason: str) -> Judgement:
    return Judgement(Sentiment.UNCLASSIFIED, 0.0, language, (reason,))


def _readable(text: str) -> str:
    """Without what nobody sees (joiners, variation and direction marks) and what pycld2
    refuses (controls, surrogates, unassigned code points)."""
    text = unicodedata.normalize("NFC", _VARIATION_AND_SKIN.sub("", text)).replace("’", "'")
    kinds = ((char, unicodedata.category(char)) for char in text)
    return "".join(
        " " if kind in ("Cc", "Cs", "Cn", "Co") else char for char, kind in kinds if kind != "Cf"
    )


def _passages(text: str) -> Iterator[str]:
    words = text.split()
    for start in range(0, len(words), _PASSAGE_WORDS):
        yield " ".join(words[start : start + _PASSAGE_WORDS])
