"""A post's texts where they are read before anybody approves: on its card, then in its thread.

What is laid out where depends on the content alone, not on what becomes of the post: so the thread
stays as it is while the card around it changes.
"""

from collections.abc import Sequence

from bot.overview import PostOverview
from bot.posts import thread_parts
from handlers.slack_text import escape, shorten
from handlers.views.blocks import BLOCK_COST, Block, context, picture, section
from handlers.views.texts import cut_off, units

PAGES = 2  # messages in the thread
ON_CARD = 6700  # of texts and pictures together, in Slack's units; the rest goes into the thread
TEXTS_ON_CARD = 4500
FOR_TEXTS = 1500  # which pictures leave to them
ON_PAGE = 12_800  # of a message in the thread
SECTIONS_ON_CARD = 15
SECTIONS_ON_PAGE = 45
IN_SECTION = 2800
LONGEST_DESCRIPTION = 1200
LEAST = 300  # units that are worth the beginning of a text
FITS = "The text fits on the card now."
GOES_ON = ":thread: The text goes on in the thread."
TOO_LONG = (
    ":warning: This is longer than what can be shown here, so nobody can approve it. "
    "*Edit* it, or make two posts of it."
)


def on_card(shown: PostOverview, picture_files: Sequence[tuple[str, str]]) -> list[Block]:
    """The texts and pictures, and whether there is more.

    :param picture_files: the bot's own uploads with their descriptions.
    """
    first, *rest = laid_out(shown)
    blocks = [section(text) for text in first]
    if rest:
        blocks.append(context(GOES_ON if len(rest) <= PAGES else TOO_LONG))
    room = _description_room(len(picture_files))
    for file_id, alt in picture_files:
        blocks += [picture(file_id, alt), context(shorten(_described(alt), room))]
    return blocks


def in_thread(shown: PostOverview, *, page: int) -> list[Block]:
    """What didn't fit on the card, a message at a time."""
    rest = laid_out(shown)[1:]
    return [section(text) for text in rest[page]] if page < len(rest) else []


def fits_now() -> list[Block]:
    """In place of a text that has become shorter."""
    return [context(FITS)]


def laid_out(shown: PostOverview) -> list[list[str]]:
    """Sections for the card, then for each message of its thread: each text once, with its
    networks' names (of a thread of posts each by itself), and each description that is longer than
    the card can show."""
    alts = [picture.alt for picture in shown.revision.content.pictures]
    room = _description_room(len(alts))
    cut_short = [(n, alt) for n, alt in enumerate(alts, 1) if units(_described(alt)) > room]
    pictures = sum(2 * BLOCK_COST + min(units(_described(alt)), room) for alt in alts)
    pages = _Pages(min(TEXTS_ON_CARD, ON_CARD - pictures), SECTIONS_ON_CARD)
    by_text: dict[str, list[str]] = {}
    for account_id, text in shown.revision.content.texts.items():
        choice = shown.accounts.get(account_id)
        by_text.setdefault(text, []).append(choice.label if choice else "?")
    for text, labels in by_text.items():
        name = f"*{shorten(escape(', '.join(sorted(labels))), 200)}*"
        first, *others = thread_parts(text)
        total = len(others) + 1
        pages.add(f"{name} *1/{total}*" if others else name, first)
        for number, post in enumerate(others, 2):
            pages.add(f"*{number}/{total}*", post)
    if cut_short and pages.is_on_card:
        pages.turn()
    for number, alt in cut_short:
        pages.add(f"*Description of picture {number}*", alt)
    return pages.filled


def _described(alt: str) -> str:
    """A picture's description, which is approved and published with it."""
    return f"Description: {escape(alt)}" if alt else ":warning: No description (alt text)"


def _description_room(pictures: int) -> int:
    """Units that each description may take on the card."""
    shared = (ON_CARD - FOR_TEXTS) // max(pictures, 1) - 2 * BLOCK_COST
    return min(LONGEST_DESCRIPTION, max(shared, LEAST))


class _Pages:
    """Messages that are filled with texts one after the other; the first is the card."""

    def __init__(self, room: int, sections: int) -> None:
        self.filled: list[list[str]] = [[]]
        self._room, self._sections = room, sections

    @property
    def is_on_card(self) -> bool:
        return len(self.filled) == 1

    def turn(self) -> None:
        """Go on in another message."""
        self.filled.append([])
        self._room, self._sections = ON_PAGE, SECTIONS_ON_PAGE

    def add(self, name: str, text: str) -> None:
        """Put a text below its name, in as many sections and messages as it needs."""
        head, rest = f"{name}\n", escape(text)
        if not rest:
            self._put(f"{head}_no text, only pictures_")
        while rest:
            free = min(self._room - BLOCK_COST, IN_SECTION) - units(head)
            piece, after = _quoted_piece(rest, max(free, LEAST))
            if not self._has_room(head + piece):
                self.turn()
                continue
            self._put(head + piece)
            head, rest = "", after

    def _has_room(self, section_: str) -> bool:
        return self._sections > 0 and BLOCK_COST + units(section_) <= self._room

    def _put(self, section_: str) -> None:
        if not self._has_room(section_):
            self.turn()
        self.filled[-1].append(section_)
        self._room -= BLOCK_COST + units(section_)
        self._sections -= 1


def _quoted_piece(escaped: str, limit: int) -> tuple[str, str]:
    """The beginning of a text as a quotation of at most ``limit`` units, and what comes after.

    Quoting adds a sign to each line, so what is all lines is cut smaller.
    """
    smaller = limit - 1
    while True:
        piece, rest = cut_off(escaped, smaller)
        quoted = "\n".join(f">{line}" for line in piece.split("\n"))
        if units(quoted) <= limit:
            return quoted, rest
        smaller = max(smaller - (units(quoted) - limit), limit // 2 - 1)
