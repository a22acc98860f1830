"""What is on fire, on top of App Home."""

from bot.urgent import Urgent
from handlers.slack_text import escape, shorten
from handlers.views.blocks import Block, section

LONGEST_NAMES = 300


def urgent_blocks(shown: Urgent) -> list[Block]:
    """A line for each kind, with where it is put out; nothing if nothing is on fire."""
    if shown.is_nothing:
        return []
    lines = [
        f"• {_counted(number, one, many)}"
        for number, one, many in (
            (
                shown.unanswered,
                "complaint is past its time for an answer: `/social mentions`",
                "complaints are past their time for an answer: `/social mentions`",
            ),
            (
                shown.unsolved,
                "complaint is answered and past its time to be solved: `/social mentions`",
                "complaints are answered and past their time to be solved: `/social mentions`",
            ),
            (
                shown.undecided,
                "post is due within the hour and waits for approval",
                "posts are due within the hour and wait for approval",
            ),
            (
                shown.failed,
                "post didn't go out everywhere today: its card says why",
                "posts didn't go out everywhere today: their cards say why",
            ),
        )
        if number
    ]
    if shown.expired:
        names = shorten(escape(", ".join(shown.expired)), LONGEST_NAMES)
        lines.append(f"• Must be connected again: {names}")
    return [section("\n".join([":fire: *On fire*", *lines]))]


def _counted(number: int, one: str, many: str) -> str:
    return f"*{number}* {one if number == 1 else many}"
