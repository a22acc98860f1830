"""What was said about a post: on its card, and on top of the form that changes it."""

from collections.abc import Mapping

from bot.comments import Discussion, Said
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import Block, context, section
from storage.records import Verdict

ON_CARD = 250  # of the newest comment
IN_FORM = 600  # of each
OF_A_DECISION = 2500
LONGEST_NAME = 100


def on_card(discussion: Discussion, names: Mapping[str, str]) -> list[Block]:
    """How many comments there are, and the newest."""
    if not discussion.newest:
        return []
    newest, total = discussion.newest[-1], discussion.total
    many = "1 comment" if total == 1 else f"{total} comments"
    said = _one_line(newest.text, ON_CARD)
    return [
        context(f":speech_balloon: {many} in the thread · *{_name(names, newest.user_id)}*: {said}")
    ]


def above_form(said: Said) -> list[Block]:
    """What the author was asked for, and the newest of the thread, with who said it."""
    blocks = []
    if said.asked is not None and said.asked.comment:
        who = _name(said.names, said.asked.user_id)
        did = "asks for changes" if said.asked.verdict is Verdict.CHANGES_REQUESTED else "rejected"
        comment = shorten(escape(said.asked.comment), OF_A_DECISION)
        quoted = "\n".join(f">{line}" for line in comment.split("\n"))
        blocks.append(section(f":speech_balloon: *{who}* {did}:\n{quoted}", block_id="asked"))
    lines = [
        f"*{_name(said.names, one.user_id)}* {date(one.at)}: {_one_line(one.text, IN_FORM)}"
        for one in said.discussion.newest
    ]
    more = said.discussion.total - len(lines)
    if more:
        lines.insert(0, f"{more} earlier in the card's thread")
    if lines:
        head = "From the card's thread"
        blocks.append(context("\n".join([f"_{head}:_", *lines])) | {"block_id": "said"})
    return blocks


def _name(names: Mapping[str, str], user_id: str) -> str:
    """A name, not a mention: it pings nobody. Slack knows who isn't of the team."""
    name = names.get(user_id)
    return shorten(escape(name), LONGEST_NAME) if name else f"<@{user_id}>"


def _one_line(text: str, limit: int) -> str:
    return shorten(escape(" ".join(text.split())), limit)
