"""What changed in a post since somebody decided on it."""

import difflib
from collections.abc import Sequence

from bot.overview import PostOverview
from handlers.slack_text import escape
from handlers.views.blocks import Block, context, section
from handlers.views.texts import joined
from storage.records import Content, PostState, Verdict

LONGEST = 1500  # of a card, in Slack's units
AROUND = 3  # words that stay beside a difference

SINCE = {
    Verdict.APPROVED: "it was approved",
    Verdict.CHANGES_REQUESTED: "changes were requested",
    Verdict.REJECTED: "it was rejected",
}


def changes(shown: PostOverview) -> list[Block]:
    """For who has to decide again: the difference, word by word."""
    if shown.post.state is not PostState.IN_REVIEW:
        return []
    last = shown.approvals[-1] if shown.approvals else None
    is_of_round = last is not None and last.round == shown.post.round  # not all have approved yet
    if last is not None and last.revision_id == shown.revision.id and not is_of_round:
        return [context(f"The text is the same as when {SINCE[last.verdict]}.")]
    if is_of_round and shown.round.is_complete:
        return [context("Only the time is new: the text was approved before.")]
    if shown.decided_before is None:
        return []
    decision, before = shown.decided_before
    head = f":pencil2: *Changed since {SINCE[decision.verdict]}*"
    lines = _text_lines(shown, before.content)
    if before.content.pictures != shown.revision.content.pictures:
        lines.append("The pictures or their descriptions changed.")
    if not lines:
        return []
    first, *rest = joined([head, *lines], LONGEST)
    blocks = [section(first)]
    return [*blocks, context("More changed than can be shown here.")] if rest else blocks


def _text_lines(shown: PostOverview, before: Content) -> list[str]:
    now = shown.revision.content
    by_change: dict[str, list[str]] = {}
    for account_id, text in now.texts.items():
        choice = shown.accounts.get(account_id)
        label = f"*{escape(choice.label)}*" if choice else "?"
        was = before.texts.get(account_id)
        change = "new here." if was is None else word_diff(was, text)
        if was != text:
            by_change.setdefault(change, []).append(label)
    lines = [f"{', '.join(labels)}: {change}" for change, labels in by_change.items()]
    gone = len(set(before.texts) - set(now.texts))
    if gone:
        lines.append("One account was taken out." if gone == 1 else f"{gone} accounts taken out.")
    return lines


def word_diff(before: str, after: str) -> str:
    """The difference word by word: ~gone~ and *new*, with some words around them."""
    old, new = before.split(), after.split()
    shown: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            shown += [escape(word) for word in _around(old[a:b])]
            continue
        if b > a:
            shown.append(f"~{escape(' '.join(old[a:b]))}~")
        if d > c:
            shown.append(f"*{escape(' '.join(new[c:d]))}*")
    return " ".join(shown)


def _around(words: Sequence[str]) -> Sequence[str]:
    if len(words) <= 2 * AROUND + 2:
        return words
    return [*words[:AROUND], "…", *words[-AROUND:]]
