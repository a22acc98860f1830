"""`/social` and `/social help`: what can be done, with buttons."""

from html import unescape

from handlers.ids import Act
from handlers.inbound import Desk
from handlers.requests import CommandCall
from handlers.slack_text import escape, shorten
from handlers.views.desk import help_blocks

LONGEST_NAME = 50  # characters of a mistyped command that are repeated


def register(desk: Desk) -> None:
    """The desk itself."""

    async def show_help(call: CommandCall) -> None:
        blocks = help_blocks(list(desk.subcommands.values()))
        if call.words and call.words not in desk.subcommands:
            meant = desk.nearest(call.words)
            guess = f" Did you mean `/social {meant}`?" if meant else ""
            typed = escape(shorten(unescape(call.words).replace("`", ""), LONGEST_NAME))
            text = f"There is no `/social {typed}`.{guess}"
            await call.whisper(text, help_blocks(list(desk.subcommands.values()), intro=text))
            return
        await call.whisper("What Socialdesk can do", blocks)

    desk.command("help", show_help, usage="help", summary="Show this")
    desk.ignore(Act.OPEN_LINK)
