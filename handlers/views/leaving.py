"""The message to admins about somebody who left Slack."""

from bot.leaving import LeftBehind
from handlers.ids import Act
from handlers.slack_text import escape
from handlers.views.blocks import Block, actions, button, section


def left_message(behind: LeftBehind) -> tuple[str, list[Block]]:
    """The message as it is true now: its text for notifications, and its blocks."""
    name = escape(behind.member.name)
    text = f":wave: *{name}* was deactivated in Slack and has no role any more."
    if behind.is_nothing:
        return text, [section(f"{text}\nNothing of theirs waits for anybody.")]
    lines = []
    if behind.scheduled:
        lines.append(
            f"• {_posts(behind.scheduled)} of theirs {_are(behind.scheduled)} approved and will go "
            "out as planned."
        )
    if behind.unfinished:
        lines.append(
            f"• {_posts(behind.unfinished)} of theirs {_are(behind.unfinished)} in review or to be "
            "changed. Whoever writes can edit them."
        )
    if behind.held:
        lines.append(f"• {_posts(behind.held)} of theirs {_are(behind.held)} held.")
    buttons = [button("What is coming", Act.OPEN_QUEUE), button("Team", Act.OPEN_TEAM)]
    if behind.held:
        buttons.insert(0, button("What is held", Act.OPEN_HELD))
    return text, [section("\n".join([text, *lines])), actions(*buttons)]


def _posts(number: int) -> str:
    return "1 post" if number == 1 else f"{number} posts"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
