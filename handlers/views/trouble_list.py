"""One message about several posts of an author that went wrong at the same time."""

from collections.abc import Sequence

from bot.overview import PostOverview
from handlers.ids import Act
from handlers.payloads import pack
from handlers.slack_text import escape, shorten
from handlers.views.blocks import MESSAGE_LIMIT, Block, button, context, cost, section
from handlers.views.outcomes import may_retry, questions
from handlers.views.trouble import changed_by_another, excerpt, failed_buttons, next_step
from storage.records import DeliveryState, Post, PostState

MOST_SHOWN = 40
MOST_BLOCKS = 46  # of 50: room for what stands around the posts
FULL = MESSAGE_LIMIT - 800
LONGEST_PROBLEM = 250
SENT_BACK = frozenset({PostState.CHANGES_REQUESTED, PostState.REJECTED})
MAY_BE_CHANGED = frozenset({PostState.CANCELLED, PostState.IN_REVIEW, PostState.SCHEDULED})
OPEN = SENT_BACK | {PostState.PUBLISHING, PostState.PARTLY_PUBLISHED, PostState.FAILED}


def needs_its_author(post: Post) -> bool:
    """Whether the list still shows it."""
    return post.state in OPEN


def trouble_list(
    shown: Sequence[PostOverview], *, left: int, total: int
) -> tuple[str, list[Block]]:
    """The message as it is true now: its text for notifications, and its blocks.

    :param shown: the first of the posts that need their author.
    :param left: how many need their author in all.
    :param total: how many posts the list began with.
    """
    if not left:
        text = f":white_check_mark: Nothing is left to do about these {total} posts."
        return text, [section(text)]
    posts = "1 of your posts needs" if left == 1 else f"{left} of your posts need"
    head = f":warning: {posts} a look. Texts and pictures are kept."
    blocks = [section(f"*{head}*")]
    fitting = 0
    for post in shown:
        more = _entry(post)
        if len(blocks) + len(more) > MOST_BLOCKS or cost([*blocks, *more]) > FULL:
            break
        blocks += more
        fitting += 1
    below = []
    if left > fitting:
        below.append(f"… and {left - fitting} more; they move up as these are settled.")
    if total > left:
        below.append(f":white_check_mark: {total - left} of {total} are settled.")
    return head, [*blocks, *(context(text) for text in below)]


def _entry(shown: PostOverview) -> list[Block]:
    if shown.post.state in SENT_BACK:
        return [_sent_back(shown)]
    changed = changed_by_another(shown)
    if changed:
        return [section(f"{changed}:\n{excerpt(shown)}", accessory=next_step(shown))]
    states = {delivery.state for delivery in shown.deliveries}
    if DeliveryState.UNKNOWN in states:
        text = f":grey_question: {excerpt(shown)}\nNobody can know from here whether it is out."
        return [section(text, accessory=_again(shown)), *questions(shown)]
    if DeliveryState.FAILED in states:
        return [section(f":x: {excerpt(shown)}\n{_problems(shown)}"), *failed_buttons(shown)]
    if DeliveryState.HELD in states:
        text = (
            f":double_vertical_bar: {excerpt(shown)}\nIt is held; your list of held posts says why."
        )
        return [section(text)]
    said = f"{_problems(shown)}. " if _problems(shown) else ""
    text = f":hourglass_flowing_sand: {excerpt(shown)}\n{said}It goes on by itself."
    return [section(text)]


def _again(shown: PostOverview) -> Block | None:
    if not may_retry(shown):
        return None
    return button("Try again", Act.RETRY, pack(post=shown.post.id), style="primary")


def _sent_back(shown: PostOverview) -> Block:
    last = shown.approvals[-1]
    did = "rejected" if shown.post.state is PostState.REJECTED else "asked for changes to"
    said = shorten(escape(" ".join(last.comment.split())), LONGEST_PROBLEM)
    return section(
        f":leftwards_arrow_with_hook: <@{last.user_id}> {did}: {excerpt(shown)}\n“{said}”",
        accessory=button("Edit it", Act.EDIT_POST, pack(post=shown.post.id), style="primary"),
    )


def _problems(shown: PostOverview) -> str:
    """What each network said; the same only once."""
    by_problem: dict[str, list[str]] = {}
    for delivery in shown.deliveries:
        if delivery.problem:
            choice = shown.accounts.get(delivery.account_id)
            by_problem.setdefault(delivery.problem, []).append(choice.label if choice else "?")
    lines = (
        f"{', '.join(labels)}: {' '.join(problem.split())}"
        for problem, labels in by_problem.items()
    )
    return shorten(escape("; ".join(lines)), LONGEST_PROBLEM)
