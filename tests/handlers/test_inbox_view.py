"""The inbox as one message: what Slack takes, whatever is in it; what is urgent comes first."""

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.accounts import AccountChoice
from bot.inboxes import MOST_MENTIONS, Inbox, PressingMentions
from bot.mentions import MentionOverview, Reply
from bot.playground.block_kit import check_message
from bot.progress import NOTHING_SENT
from bot.reviews import WaitingLine
from handlers.views.inbox import NOTHING, inbox
from storage.records import AccountState, DeliveryState
from tests.handlers.shown_posts import NOW, account, delivery, shown, texts
from tests.handlers.test_held_views import held, overview
from tests.unit.said import a_mention


def waiting(number: int, text: str = "Hello") -> WaitingLine:
    made = shown({"account0": text})
    post = replace(made.post, id=f"{number:032}")
    return WaitingLine(post, made.revision, ("Sandbox · @acorn",), None)


def expired(number: int, text: str = "withdrawn") -> AccountChoice:
    choice = account(number, f"Sandbox · {text}")
    dead = replace(choice.account, state=AccountState.EXPIRED, problem=text)
    return replace(choice, account=dead)


def said(number: int, text: str = "It broke.") -> MentionOverview:
    about = {"id": f"{number:032}", "author_name": text, "text": text, "route": text[:80]}
    mention = a_mention("T1", NOW - timedelta(hours=13), owner_id="UBEN", **about)
    ours = shown({"account0": text})
    failed = delivery(0, DeliveryState.FAILED, text)
    reply = Reply(ours.post, text, failed, NOTHING_SENT, ())
    place, names = f"Sandbox · {text}", {"UBEN": text}
    later = [replace(mention, continues=mention.id)]
    return MentionOverview(ours.workspace, mention, place, account(0), later, [reply], (), names)


def pressing(number: int, text: str = "It broke.") -> PressingMentions | None:
    some = [said(each, text) for each in range(min(number, MOST_MENTIONS))]
    return PressingMentions(some, late=number - number // 2, soon=number // 2) if number else None


@settings(deadline=None, max_examples=60)
@given(
    counts=st.tuples(*[st.integers(0, 60)] * 6),
    text=texts,
)
def test_it_fits_whatever_is_in_it(counts: tuple[int, ...], text: str) -> None:
    to_decide, undecided, passed, dead, kept, mentioned = counts
    full = Inbox(
        to_decide=[waiting(number, text) for number in range(to_decide)],
        undecided=[waiting(number, text) for number in range(undecided)],
        passed=[waiting(number, text) for number in range(passed)],
        held=overview([held(number, text) for number in range(min(kept, 45))], total=kept),
        expired=[expired(number, text) for number in range(dead)],
        mentions=pressing(mentioned, text),
        waiting=to_decide,
    )
    said, blocks = inbox(full, NOW, "UBEN")
    check_message(blocks, text=said)


def test_the_most_of_everything_still_leaves_room_for_each_kind() -> None:
    many = [waiting(number, "word " * 400) for number in range(60)]
    full = Inbox(
        to_decide=many,
        undecided=many,
        passed=many,
        held=overview([held(number, "word " * 400) for number in range(45)], total=60, done=8),
        expired=[expired(number, "e" * 900) for number in range(9)],
        mentions=pressing(60, "m" * 900),
        waiting=60,
    )
    said, blocks = inbox(full, NOW, "UBEN")
    check_message(blocks, text=said)
    everything = json.dumps(blocks)
    for head in (
        "are overdue",
        "passed undecided",
        "are held",
        "connected again",
        "decided yet",
        "due soon wait",
    ):
        assert head in everything
        assert head in said


def test_what_became_of_held_posts_stays_until_there_is_something_else() -> None:
    settled = Inbox(held=overview([], done=2))
    assert settled.is_empty
    assert "Nothing of yours is held any more." in inbox(settled, NOW, "UBEN")[0]
    assert "held" not in inbox(replace(settled, passed=[waiting(0)]), NOW, "UBEN")[0]
    assert inbox(Inbox(), NOW, "UBEN")[0] == NOTHING
