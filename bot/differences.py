"""What is different between two texts, word by word (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import regex


class Kind(Enum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text that stayed, is gone or is new; white space is text like any other."""

    kind: Kind
    text: str


def difference(before: str, after: str) -> list[Run]:
    """The runs that make ``after`` of ``before``: those that are gone and that stayed are
    ``before``, those that are new and that stayed are ``after``. What is gone comes first.

    Words are matched without the space between them, so a word is the same in another line. A
    single word that stayed between two larger changes belongs to them: it is read as one.
    """
    return _tidied(_read_as_one(_grouped(_aligned(_words(before), _words(after)))))


Word = tuple[str, str]  # the white space before it, and the word; the last one is empty

# Where scripts have no spaces, each sign (with its marks) is a word.
_UNSPACED = "".join(
    rf"\p{{Script={script}}}"
    for script in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
)
_WORD = regex.compile(
    rf"(?P<space>\s*)(?P<word>[{_UNSPACED}]\p{{M}}*|[^\s{_UNSPACED}]+|$)", regex.VERSION1
)


def _words(text: str) -> list[Word]:
    found = [(match["space"], match["word"]) for match in _WORD.finditer(text)]
    while len(found) > 1 and not found[-2][1]:
        found.pop()
    return found


def _aligned(before: Sequence[Word], after: Sequence[Word]) -> Iterator[Run]:
    """Each word by itself; the ends of both texts are the same, empty word."""
    from rapidfuzz.distance import Indel

    signs: dict[str, str] = {}
    old, new = (
        "".join(signs.setdefault(word, chr(len(signs))) for _, word in words[:-1])
        for words in (before, after)
    )
    for step in Indel.opcodes(old, new):
        gone = before[step.src_start : step.src_end]
        here = after[step.dest_start : step.dest_end]
        if step.tag == "equal":
            for (space, word), (space_now, _) in zip(gone, here, strict=True):
                yield from _spaced(space, space_now)
                yield Run(Kind.SAME, word)
        else:
            yield from (Run(Kind.GONE, space + word) for space, word in gone)
            yield from (Run(Kind.NEW, space + word) for space, word in here)
    yield from _spaced(before[-1][0], after[-1][0])


def _spaced(before: str, after: str) -> Iterator[Run]:
    if before == after:
        yield Run(Kind.SAME, before)
    else:
        yield from (Run(Kind.GONE, before), Run(Kind.NEW, after))


@dataclass(frozen=True, slots=True)
class _Change:
    """What is gone and what is new in one place, and what stayed behind it."""

    gone: str
    new: str
    same: str

    @property
    def size(self) -> int:
        return max(len(self.gone), len(self.new))


def _grouped(runs: Iterator[Run]) -> list[_Change]:
    changes: list[_Change] = []
    gone, new, same = "", "", ""
    for run in runs:
        if run.kind is Kind.SAME:
            same += run.text
            continue
        if same:
            changes.append(_Change(gone, new, same))
            gone, new, same = "", "", ""
        if run.kind is Kind.GONE:
            gone += run.text
        else:
            new += run.text
    return [*changes, _Change(gone, new, same)]


def _read_as_one(changes: Sequence[_Change]) -> list[_Change]:
    merged: list[_Change] = []
    for change in changes:
        last = merged[-1] if merged else None
        if last is not None and change.size and _is_lost_between(last, change):
            gone = last.gone + last.same + change.gone
            merged[-1] = _Change(gone, last.new + last.same + change.new, change.same)
        else:
            merged.append(change)
    return merged


def _is_lost_between(last: _Change, change: _Change) -> bool:
    words = last.same.split()
    if not words:
        return bool(last.size)
    return len(words) == 1 and len(words[0]) < min(last.size, change.size)


def _tidied(changes: Sequence[_Change]) -> list[Run]:
    """Without the white space at both ends that is the same in what is gone and what is new."""
    runs: list[Run] = []
    for change in changes:
        before, gone, new, behind = _common_space(change.gone, change.new)
        for kind, text in (
            (Kind.SAME, before),
            (Kind.GONE, gone),
            (Kind.NEW, new),
            (Kind.SAME, behind + change.same),
        ):
            if text and runs and runs[-1].kind is kind:
                runs[-1] = Run(kind, runs[-1].text + text)
            elif text:
                runs.append(Run(kind, text))
    return runs


def _common_space(gone: str, new: str) -> tuple[str, str, str, str]:
    start = 0
    while start < min(len(gone), len(new)) and gone[start] == new[start] and gone[start].isspace():
        start += 1
    before, gone, new = gone[:start], gone[start:], new[start:]
    end = 0
    while (
        end < min(len(gone), len(new))
        and gone[-1 - end] == new[-1 - end]
        and gone[-1 - end].isspace()
    ):
        end += 1
    cut = len(gone) - end
    return before, gone[:cut], new[: len(new) - end], gone[cut:]
