"""Foreign text as it is kept: HTML to plain text, and nothing in it that can't be stored."""

import re
import unicodedata
from html.parser import HTMLParser

_BLOCK = re.compile(
    "address|article|aside|blockquote|br|d[dlt]|div|fig(ure|caption)|footer|h[1-6r]|header|li"
    "|main|nav|ol|p|pre|section|table|t[dhr]|title|ul"
)
_UNSEEN = frozenset(["script", "style", "template", "noscript", "iframe", "object", "svg"])
_LONGEST_MARKUP = 100_000  # characters
_DECLARATIONS = re.compile(r"<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)", re.DOTALL)
_NEVER_CLOSED = re.compile(r"<(?![^<>]*>)")
_SPACES = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\s*\n\s*\n\s*")
_LINE_ENDS = re.compile(r" ?\n ?")


def tidy(text: str) -> str:
    """Without control characters, surrogates and superfluous space; NUL can't be stored.

    Direction marks and zero-width characters stay: they are shown as what they are.
    """
    seen = "".join(
        char
        for char in text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
        if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs")
    )
    return _LINE_ENDS.sub("\n", _EMPTY_LINES.sub("\n\n", _SPACES.sub(" ", seen))).strip()


def from_html(markup: str, *, whole_links: bool = False) -> str:
    """What a reader of the markup sees, as plain text with a line for each block.

    Broken markup is read as far as it goes; scripts, styles and attributes are left out, a
    picture is left out too.

    :param whole_links: the address of a link instead of the words it has, which may be a cut
        address; links on people and hashtags (``class="mention"``) keep their words.
    """
    reader = _Reader(whole_links=whole_links)
    # Python's parser takes quadratic time for what is opened and never closed (125 s were seen)
    markup = _DECLARATIONS.sub(" ", markup[:_LONGEST_MARKUP])
    reader.feed(_NEVER_CLOSED.sub("&lt;", markup))
    reader.close()
    return tidy("".join(reader.parts))


class _Reader(HTMLParser):
    def __init__(self, *, whole_links: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []
        self._whole_links = whole_links
        self._in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._hidden.append(tag)
        elif tag == "a" and self._whole_links:
            named = dict(attrs)
            if named.get("href") and "mention" not in (named.get("class") or "").split():
                self.parts.append(named["href"] or "")
                self._in_link = True
        elif _BLOCK.fullmatch(tag):
            self.parts.append("\n\n" if tag == "p" else "\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if _BLOCK.fullmatch(tag):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._in_link = False
        elif tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        elif _BLOCK.fullmatch(tag):
            self.parts.append("\n\n" if tag == "p" else "\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden and not self._in_link:
            # a line's end inside a paragraph is a space to whoever reads it in a browser
            self.parts.append(data.replace("\n", " "))
