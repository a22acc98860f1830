"""What became of a post, where only people can say it: questions, their answers, how far a thread
is."""

from collections.abc import Mapping, Sequence

from bot.outcomes import SAID_LIVE, SAID_NOT_LIVE, Question
from bot.overview import PostOverview
from bot.posts import can, thread_parts
from bot.progress import Progress
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    Block,
    actions,
    button,
    confirm,
    context,
    field,
    modal,
    section,
)
from handlers.views.texts import excerpt, link
from storage.records import DeliveryState, HistoryEntry, PostState

MOST_QUESTIONS = 15  # two blocks each
MOST_ANSWERS = 5
BEGINNING = 60
LONGEST_NAME = 100
LINK, FOUND_LINK = "link", "link:found"  # Slack keeps what is in an input that keeps its id


def how_far(sent: Progress) -> str:
    """What of a thread is live, in words; empty if nothing of it is, or all."""
    if not 0 < len(sent.live) < sent.total:
        return ""
    count = f"{len(sent.live)} of {sent.total} parts {'is' if len(sent.live) == 1 else 'are'} live"
    see = link(sent.first_url, "See it" if len(sent.live) == 1 else "See them")
    return f"{count} {see}".rstrip()


def is_there(shown: PostOverview) -> bool:
    """Whether readers see something of it that can be taken down."""
    return any(
        each.state is DeliveryState.PUBLISHED
        or (each.state is not DeliveryState.TAKEN_DOWN and bool(shown.sent(each).live))
        for each in shown.deliveries
    )


def may_retry(shown: PostOverview) -> bool:
    """Whether something failed that can still go out."""
    return any(
        each.state is DeliveryState.FAILED and shown.sent(each).can_go_on
        for each in shown.deliveries
    )


def may_edit(shown: PostOverview) -> bool:
    """Whether its content can still change: nothing of it is out. A reply has a form of its own."""
    is_reply = shown.post.mention_id is not None
    return can(shown.post, PostState.DRAFT) and not is_reply and not is_there(shown)


def may_cancel(shown: PostOverview) -> bool:
    """Whether it can be given up: nothing of it is out."""
    return can(shown.post, PostState.CANCELLED) and not is_there(shown)


def take_down(ids: str) -> Block:
    """The button that deletes what is live.

    :param ids: names the ``post``.
    """
    return button(
        "Take down",
        Act.TAKE_DOWN,
        ids,
        confirm=confirm(
            "Take it down?",
            "This deletes the post on every network that allows it, and nothing more of it goes "
            "out. It can't be brought back.",
            "Take down",
            danger=True,
        ),
    )


def questions(shown: PostOverview, most: int = MOST_QUESTIONS) -> list[Block]:
    """For each account where nobody but a person can tell."""
    unknown = [each for each in shown.deliveries if each.state is DeliveryState.UNKNOWN]
    blocks = []
    for delivery in unknown[:most]:
        choice = shown.accounts.get(delivery.account_id)
        text = shown.revision.content.texts.get(delivery.account_id, "")
        label = choice.label if choice else "?"
        blocks += question(delivery.id, label, text, shown.sent(delivery))
    return blocks


def question(delivery_id: str, label: str, text: str, sent: Progress) -> list[Block]:
    """Whether a delivery's post is live; of a thread only the one of which nobody knows."""
    asked = f"*{shorten(escape(label), LONGEST_NAME)}*: is {_which(sent)} live?"
    posts, number = thread_parts(text), sent.uncertain
    if sent.is_thread and number is not None and number <= len(posts):
        asked += f" “{excerpt(posts[number - 1], BEGINNING)}”"
    far = how_far(sent)
    ids = pack(delivery=delivery_id, part=sent.uncertain_id)
    return [
        section(f"{asked}\n{far}" if far else asked),
        actions(
            button("It is live", Act.IS_LIVE, ids),
            button("It is not: send again", Act.IS_NOT_LIVE, ids),
        ),
    ]


def _which(sent: Progress) -> str:
    return f"part {sent.uncertain} of {sent.total}" if sent.is_thread and sent.uncertain else "it"


def answers(history: Sequence[HistoryEntry], names: Mapping[str, str]) -> list[str]:
    """Who said what is live and what isn't, newest last."""
    lines = []
    for entry in history:
        if entry.action in (SAID_LIVE, SAID_NOT_LIVE) and entry.actor_id is not None:
            name = shorten(escape(names.get(entry.actor_id, "Somebody")), LONGEST_NAME)
            lines.append(f"{date(entry.at)} {name} {entry.action}{about(entry)}")
    return lines[-MOST_ANSWERS:]


def about(entry: HistoryEntry) -> str:
    """What an answer was about. (It used to be kept with the post's address instead.)"""
    detail = entry.detail
    return f" ({shorten(escape(detail), 150)})" if detail and "://" not in detail else ""


# The form


def looking(ids: str) -> Block:
    """The form while the post is looked for; who knows its address needn't wait."""
    return _form([context(":mag: Looking for it on the network …")], LINK, "", ids)


def found(asked: Question, url: str, ids: str) -> Block:
    """The form with the address that was found."""
    said = f":white_check_mark: {_place(asked)} shows it: {link(url, 'see it')}. Is that it?"
    return _form([*_asked(asked), context(said)], FOUND_LINK, url, ids)


def not_found(asked: Question, why: str, ids: str) -> Block:
    """The form without.

    :param why: what the look-up said, in words.
    """
    said = f":warning: {escape(why)} If you see it there, copy its address."
    return _form([*_asked(asked), context(said)], LINK, "", ids)


def _place(asked: Question) -> str:
    return shorten(escape(asked.label), LONGEST_NAME)


def _asked(asked: Question) -> list[Block]:
    total = len(asked.thread)
    which = f", part {asked.number} of {total}" if total > 1 else ""
    return [
        section(f"*{_place(asked)}*{which}\n>{excerpt(asked.text, 200) or '_only pictures_'}"),
    ]


def _form(above: list[Block], block_id: str, url: str, ids: str) -> Block:
    return modal(
        Form.LIVE_LINK,
        "It is live",
        [
            *above,
            field(
                block_id,
                "The post's address",
                {
                    "type": "url_text_input",
                    "action_id": Act.DRAFT_LINK,
                    **({"initial_value": url} if url else {}),
                },
                hint="Open the post on the network and copy its address.",
            ),
        ],
        submit="It is live",
        metadata=ids,
    )
