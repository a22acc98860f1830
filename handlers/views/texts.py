"""Cutting and joining texts that are escaped already, by Slack's units (UTF-16)."""

from collections.abc import Iterable
from urllib.parse import quote

from bot.posts import thread_parts
from handlers.slack_text import escape, shorten

LONGEST_LINK = 1000  # in a text
LONGEST_ADDRESS = 3000  # of a button


def units(text: str) -> int:
    """How long Slack takes a text to be."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> list[str]:
    """A long text in pieces of at most ``limit`` units, none lost."""
    pieces = []
    while units(text) > limit:
        piece, text = cut_off(text, limit)
        pieces.append(piece)
    return [*pieces, text]


def cut_off(text: str, limit: int) -> tuple[str, str]:
    """The beginning of a text in at most ``limit`` units, and the rest: cut behind a line or a word
    where there is one in the second half, and never within an entity or a grapheme."""
    if units(text) <= limit:
        return text, ""
    # Shortening drops spaces at the end; where there is nothing else, they are the piece. It leaves
    # a text alone that is one unit too long, so it is asked about a longer one.
    head = text[: len(shorten(f"{text}…", limit + 1)) - 1] or text[: limit // 2]
    behind = max(head.rfind("\n"), head.rfind(" ")) + 1
    if behind > len(head) // 2:
        head = head[:behind]
    return head, text[len(head) :]


def excerpt(text: str, limit: int) -> str:
    """The beginning of a post on one line, escaped; of a thread the first post's, and how many
    there are. Empty if there is no text."""
    first, *others = thread_parts(text)
    beginning = shorten(escape(" ".join(first.split())), limit)
    return f"{beginning} (thread of {len(others) + 1})" if others else beginning


def joined(lines: Iterable[str], limit: int) -> list[str]:
    """Lines put together to texts of at most ``limit`` units; a longer line is shortened."""
    texts: list[str] = []
    room = 0
    for line in lines:
        short = shorten(line, limit)
        if units(short) + 1 > room:
            texts.append(short)
            room = limit - units(short)
        else:
            texts[-1] += f"\n{short}"
            room -= units(short) + 1
    return texts


def link(url: str, label: str, *, longest: int = LONGEST_LINK) -> str:
    """A link to a foreign address; empty if it can't be one."""
    safe = web_address(url).replace("&", "&amp;")
    return f"<{safe}|{label}>" if 0 < len(safe) <= longest else ""


def web_address(url: str) -> str:
    """The address without what could end a link early; empty if it is no web address."""
    if not url.startswith(("https://", "http://")):
        return ""
    safe = quote(url, safe="%/:?#[]@!$&'()+,;=~-._")
    return safe if len(safe) <= LONGEST_ADDRESS else ""
