"""Whether a text names the brand."""

import unicodedata
from collections.abc import Iterable

import regex

_INVISIBLE = regex.compile(r"\p{Cf}")
_LETTER = r"[\p{L}\p{N}\p{M}_]"
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_SPACE_OR_DASH = regex.compile(r"[\s\-‐‑–]+")


def mentions(text: str, words: Iterable[str]) -> bool:
    """Whether the text holds one of the words.

    A word is found whole ("Acme" in "#acme", "@Acme:" and "Acme's", not in "acmeist"), whatever
    its case, width or composition. The words of a phrase may be apart by any space or dash, or
    written together after # or @ ("Acme Kitchen" in "#AcmeKitchen"). A word that starts with #
    or @ is only found with it. Scripts written without spaces have no whole words: there the
    characters are looked for.
    """
    patterns = [pattern for pattern in map(_pattern, words) if pattern]
    if not patterns:
        return False
    return regex.search("|".join(patterns), _folded(text)) is not None


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return unicodedata.normalize("NFKC", plain.casefold())


def _pattern(word: str) -> str:
    parts = [part for part in _SPACE_OR_DASH.split(_folded(word)) if part]
    if not parts:
        return ""
    apart = r"[\s\-‐‑–]+".join(map(regex.escape, parts))
    found = rf"{_edge(parts[0][0], '<')}{apart}{_edge(parts[-1][-1], '')}"
    if len(parts) > 1:
        joined = "_?".join(map(regex.escape, parts))
        found += rf"|(?<=[#@]){joined}{_edge(parts[-1][-1], '')}"
    return found


def _edge(char: str, behind: str) -> str:
    """That no letter goes on beside ``char``, where that means anything."""
    if _UNSPACED.match(char) or not regex.match(_LETTER, char):
        return ""
    return rf"(?{behind}!{_LETTER})"
