"""The brake's and the held posts' views: what Slack takes, whatever is in them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.accounts import AccountChoice
from bot.brake import BrakeOverview, PauseStart, ResumeStart, ShownBrake
from bot.held_lists import (
    DID,
    EVERYTHING,
    MOST_ENTRIES,
    MOST_ON_A_CARD,
    NOTHING,
    PAGE,
    HeldOn,
    HeldPage,
    HeldPost,
    HoldOverview,
    Rights,
)
from bot.playground.block_kit import check_message, check_view
from bot.roles import Roles
from bot.team import Admitted
from handlers.views.brake import (
    brake_blocks,
    brake_card,
    not_paused,
    pause_form,
    paused,
    resume_form,
)
from handlers.views.held import held_card, held_modal
from handlers.views.queue import queue_blocks
from storage.records import (
    Brake,
    DeliveryState,
    HistoryEntry,
    Hold,
    HoldReason,
    Member,
    Role,
    When,
)
from tests.handlers.shown_posts import NOW, account, delivery, revision, shown, texts

ASKS = Rights(release=False, ask=True, drop=True)
NAMES = {"UANA": "Ana Novak", "UBEN": "Ben *Okafor*" * 20}
ID = "0123456789abcdef0123456789abcdef"  # as long as real ones: menus' values are limited


def brake(reason: str = "Recall", account_id: str | None = None, by: str = "UBEN") -> Brake:
    return Brake(f"brake{account_id}", "T1", account_id, reason, by, NOW, None, None)


def held(
    number: int = 0,
    text: str = "Hello",
    *,
    rights: Rights = EVERYTHING,
    reasons: Sequence[HoldReason] = (HoldReason.LATE,),
    wish: When | None = None,
    stopped_by: Brake | None = None,
    due_under: Brake | None = None,
    label: str = "Sandbox · @acorn",
) -> HeldPost:
    made = shown({f"account{n}": text for n in range(len(reasons))})
    post_id = f"{number:032}"
    on = [
        HeldOn(
            replace(
                delivery(position, DeliveryState.HELD),
                hold_reason=reason,
                wish=wish,
                wished_by="UANA" if wish else None,
            ),
            label,
            "UEVA",
            must_reconnect=reason is HoldReason.ACCOUNT,
            due_under=due_under if reason is HoldReason.BRAKE else None,
            stopped_by=stopped_by,
        )
        for position, reason in enumerate(reasons)
    ]
    content = replace(revision({"account0": text}), id=ID)
    return HeldPost(replace(made.post, id=post_id), content, on, rights)


def overview(posts: Sequence[HeldPost], total: int | None = None, done: int = 0) -> HoldOverview:
    entries = [
        HistoryEntry(str(n), "T1", "hold", "UBEN", list(DID)[n % len(DID)], f"{n:032}", NOW)
        for n in range(done)
    ]
    return HoldOverview(
        workspace=shown().workspace,
        hold=Hold(ID, "T1", "UANA", NOW, None),
        posts=posts,
        total=len(posts) if total is None else total,
        seen="0123456789abcdef",
        asked_at={posts[0].post.id: NOW} if posts else {},
        done=entries,
        said={entry.detail: "Some <words> & more " * 20 for entry in entries},
        names=NAMES,
    )


def page(posts: Sequence[HeldPost], *, total: int | None = None, at: int = 0) -> HeldPage:
    member = Member("T1", "UBEN", "Ben", "UTC", frozenset({Role.APPROVER}))
    total = len(posts) if total is None else total
    return HeldPage(
        admitted=Admitted(shown().workspace, member, Roles(own=member.roles)),
        posts=posts,
        total=total,
        seen="0123456789abcdef",
        page=at,
        pages=max(1, -(-total // PAGE)),
        standing=[],
        names=NAMES,
    )


def labels(blocks: Sequence[Any]) -> list[str]:
    return [
        element["text"]["text"]
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def options(blocks: Sequence[Any]) -> list[str]:
    return [
        option["text"]["text"]
        for block in blocks
        for option in block.get("accessory", {}).get("options", [])
    ]


def said(blocks: Sequence[Any]) -> str:
    return str(blocks)


HELD_POSTS = st.builds(
    held,
    number=st.integers(0, 10**9),
    text=texts,
    rights=st.sampled_from([EVERYTHING, ASKS, NOTHING]),
    reasons=st.lists(st.sampled_from(list(HoldReason)), min_size=1, max_size=12),
    wish=st.sampled_from([None, *list(When)[:2]]),
    stopped_by=st.one_of(st.none(), st.builds(brake, reason=texts.map(lambda t: t[:300]))),
    due_under=st.one_of(st.none(), st.builds(brake, reason=texts.map(lambda t: t[:300]))),
    label=st.sampled_from(["Sandbox · @acorn", "W" * 64]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(HELD_POSTS, max_size=MOST_ON_A_CARD),
    st.integers(0, 300),
    st.integers(0, MOST_ENTRIES),
    st.booleans(),
)
def test_a_card_is_what_slack_takes(
    posts: list[HeldPost], more: int, done: int, for_author: bool
) -> None:
    total = len(posts) + more if posts else 0
    text, blocks = held_card(overview(posts, total, done), for_author=for_author)
    check_message(blocks, text=text)


@settings(max_examples=40, deadline=None)
@given(st.lists(HELD_POSTS, max_size=PAGE), st.integers(0, 300))
def test_the_list_is_what_slack_takes(posts: list[HeldPost], more: int) -> None:
    for at in (0, 1):
        total = len(posts) + more if posts else 0
        view = held_modal(page(posts, total=total, at=at), note="Done & *done*")
        check_view(view)
        assert len(view["blocks"]) <= 100


def test_one_post_has_its_buttons_on_the_card_and_several_have_menus() -> None:
    _, blocks = held_card(overview([held(rights=ASKS)]), for_author=True)
    assert labels(blocks) == ["Ask: publish now", "Ask: next free time", "Drop"]
    assert options(blocks) == []
    _, blocks = held_card(overview([held(1, rights=ASKS), held(2, rights=ASKS)]), for_author=True)
    assert labels(blocks) == [
        "Ask: publish all 2 now",
        "Ask: next free times for all",
        "Drop all 2",
    ]
    assert options(blocks) == ["Ask: publish now", "Ask: next free time", "Drop"] * 2


def test_what_was_asked_is_first_for_who_may_grant_it() -> None:
    asked = held(wish=When.NEXT_FREE)
    text, blocks = held_card(overview([asked]), for_author=False)
    assert "Ana Novak asks to let *a held post* go out" in text
    styles = {e["text"]["text"]: e.get("style") for e in blocks[-1]["elements"]}
    assert styles == {"Publish now": None, "Next free time": "primary", "Drop": None}
    _, blocks = held_card(overview([asked, held(1, wish=When.NOW)]), for_author=False)
    assert labels(blocks) == ["As asked, all 2", "Drop all 2"]


def test_what_was_asked_is_not_offered_again() -> None:
    _, blocks = held_card(overview([held(rights=ASKS, wish=When.NOW)]), for_author=True)
    assert labels(blocks) == ["Ask: next free time", "Drop"]
    assert "asked <!date" in said(blocks)


def test_nothing_is_offered_that_cannot_be_done() -> None:
    on = brake("Recall <now>")
    for post in (
        held(rights=ASKS, reasons=[HoldReason.BRAKE], stopped_by=on, due_under=on),
        held(rights=ASKS, reasons=[HoldReason.ACCOUNT]),
    ):
        _, blocks = held_card(overview([post]), for_author=True)
        assert labels(blocks) == ["Drop"]
    _, blocks = held_card(overview([held(rights=NOTHING)]), for_author=True)
    assert labels(blocks) == []
    view = held_modal(page([held(rights=NOTHING), held(1, rights=ASKS)]))
    assert labels(view["blocks"]) == []


def test_each_reason_is_said_with_its_accounts() -> None:
    on = brake("Recall <now>")
    reasons = [HoldReason.BRAKE, HoldReason.ACCOUNT, HoldReason.LATE]
    _, blocks = held_card(overview([held(reasons=reasons, due_under=on)]), for_author=True)
    line = blocks[1]["text"]["text"]
    assert "came due while publishing was paused by Ben" in line
    assert "“Recall &lt;now&gt;”" in line
    assert "must be connected again" in line
    assert "couldn't go out in time" in line


def test_what_does_not_fit_is_counted_with_the_way_to_it() -> None:
    many = [held(n, "W" * 300) for n in range(MOST_ON_A_CARD)]
    _, blocks = held_card(overview(many, total=300), for_author=True)
    listed = sum("accessory" in block for block in blocks)
    assert f"… and {300 - listed} more." in said(blocks)
    assert "See all" in labels(blocks)


def test_when_nothing_is_left_it_is_a_record() -> None:
    text, blocks = held_card(overview([], done=3), for_author=True)
    assert text == "Nothing of yours is held any more."
    assert labels(blocks) == []
    assert "let it go out" in said(blocks)


# The brake


def choices(number: int) -> list[AccountChoice]:
    return [account(n, "W" * 64) for n in range(number)]


def standing(number: int, reason: str = "Recall") -> list[ShownBrake]:
    some = [ShownBrake(brake(reason, f"account{n}"), "W" * 64) for n in range(number - 1)]
    return [ShownBrake(brake(reason), None), *some] if number else []


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([0, 1, 2, 10, 11, 150]),
    texts.map(lambda text: text[:300]),
    st.lists(HELD_POSTS, max_size=30),
    st.integers(0, 400),
)
def test_the_brakes_forms_and_card_are_what_slack_takes(
    brakes: int, reason: str, posts: list[HeldPost], more: int
) -> None:
    admitted = page([]).admitted
    pulled = standing(brakes, reason)
    check_view(pause_form(PauseStart(admitted, pulled, choices(150)), reason[:300]))
    check_view(pause_form(PauseStart(admitted, pulled[1:], choices(150))))
    ids = [post.post.id for post in posts] + [ID] * more
    if pulled:
        check_view(resume_form(ResumeStart(admitted, pulled, ids, 1001), posts))
        check_message([*brake_blocks(pulled, may_release=True)], text="paused")
        check_message(queue_blocks([], {}, 0, now=NOW, paused=brake_blocks(pulled)), text="queue")
        check_message(None, text=paused(pulled[0]))
        released = replace(pulled[0].brake, released_by="UBEN", released_at=NOW)
        entry = HistoryEntry("1", "T1", "brake", "UBEN", "released", "12", NOW)
        for one in (pulled[0], ShownBrake(released, "W" * 64)):
            text, blocks = brake_card(BrakeOverview(one, [entry], NAMES))
            check_message(blocks, text=text)


def test_a_released_brake_says_who_when_and_how_much_was_held() -> None:
    released = replace(brake(), released_by="UANA", released_at=NOW)
    entry = HistoryEntry("1", "T1", "brake", "UANA", "released", "12", NOW)
    text, blocks = brake_card(BrakeOverview(ShownBrake(released, None), [entry], NAMES))
    assert text == "Publishing goes on everywhere."
    assert "Ana Novak resumed it <!date" in said(blocks)
    assert "12 posts were held meanwhile" in said(blocks)
    assert labels(blocks) == []


def test_what_is_paused_already_is_not_offered() -> None:
    admitted = page([]).admitted
    view = pause_form(PauseStart(admitted, [], choices(2)))
    offered = view["blocks"][0]["element"]["options"]
    assert [one["text"]["text"][:10] for one in offered] == [
        "Everything",
        "Only WWWWW",
        "Only WWWWW",
    ]
    on_account = [ShownBrake(brake(account_id="account0"), "W")]
    view = pause_form(PauseStart(admitted, on_account, choices(2)))
    assert len(view["blocks"][1]["element"]["options"]) == 2
    view = pause_form(PauseStart(admitted, standing(1), choices(0)))
    assert "submit" not in view


def test_without_a_brake_there_is_nothing_to_resume() -> None:
    text, blocks = not_paused(0)
    assert labels(blocks) == []
    text, blocks = not_paused(3)
    assert "3 posts are still held" in str(blocks)
    assert labels(blocks) == ["What is held"]
    check_message(blocks, text=text)


def test_a_queue_with_a_brake_says_so_on_top_without_a_false_button() -> None:
    blocks = queue_blocks([], {}, 0, now=NOW, paused=brake_blocks(standing(1)))
    assert "Publishing is paused everywhere by <@UBEN>" in str(blocks[0])
    assert "Resume publishing" not in labels(blocks)
