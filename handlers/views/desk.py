"""The desk: what can be done."""

import html
from collections.abc import Sequence
from typing import Protocol

from handlers.ids import Act
from handlers.views.blocks import Block, actions, button, context, section


class HelpLine(Protocol):
    """One subcommand as the help lists it."""

    @property
    def usage(self) -> str: ...
    @property
    def summary(self) -> str: ...


def help_blocks(lines: Sequence[HelpLine], *, intro: str = "") -> list[Block]:
    """Buttons for what is done most, then every command."""
    blocks = [section(intro)] if intro else [section("*Socialdesk* What do you want to do?")]
    blocks.append(
        actions(
            button("Write a post", Act.OPEN_DRAFT, style="primary"),
            button("What is coming", Act.OPEN_QUEUE),
            button("Mentions", Act.OPEN_MENTIONS),
            button("The numbers", Act.OPEN_DIGEST),
        )
    )
    listed = "\n".join(
        f"`/social {html.escape(line.usage, quote=False)}`  {line.summary}" for line in lines
    )
    return [*blocks, context(listed)]
