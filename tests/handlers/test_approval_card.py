"""The approval card and its companions: true, complete, and never refused by Slack."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.composing import MOST_POSTS, MOST_TO_READ, shown_size
from bot.overview import PostOverview
from bot.playground.block_kit import check_message
from bot.posts import thread_parts
from handlers.slack_text import escape
from handlers.views.approvals import card
from handlers.views.post_texts import PAGES, in_thread
from handlers.views.texts import cut, joined, units
from handlers.views.trouble import trouble
from storage.records import DeliveryState, HistoryEntry, PostState, Verdict
from tests.handlers.shown_posts import (
    NOW,
    approval,
    delivery,
    halfway,
    in_runs,
    overviews,
    revision,
    shown,
    texts,
)

Json = dict[str, Any]
# Without shrinking: a smaller card says little about a limit, and takes minutes to find.
slowly = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def said(blocks: list[Json]) -> str:
    return json.dumps(blocks, ensure_ascii=False)


def labels(blocks: list[Json]) -> list[str]:
    return [
        element["text"]["text"]
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == "button"
    ]


def in_menu(blocks: list[Json]) -> list[str]:
    return [
        option["text"]["text"]
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == "overflow"
        for option in element["options"]
    ]


def files(post: PostOverview) -> list[tuple[str, str]]:
    return [("F0123456789", picture.alt) for picture in post.revision.content.pictures]


def quoted(blocks: list[Json]) -> str:
    """The post's text as the sections quote it, put together again."""
    lines = [
        line[1:]
        for block in blocks
        if block["type"] == "section"
        for line in block["text"]["text"].split("\n")
        if line.startswith(">")
    ]
    return "".join("".join(lines).split())


def noted(blocks: list[Json]) -> str:
    """What stands small beside it, a picture's description for one."""
    texts = [block["elements"][0]["text"] for block in blocks if block["type"] == "context"]
    return "".join("".join(texts).split())


@slowly
@given(overviews())
def test_slack_takes_every_card_there_can_be(post: PostOverview) -> None:
    text, blocks = card(post, files(post))
    check_message(blocks, text=text)
    for page in range(PAGES):
        rest = in_thread(post, page=page)
        if rest:
            check_message(rest, text="The rest of the text")
    if post.deliveries or post.approvals:
        text, blocks = trouble(post)
        check_message(blocks, text=text)


@slowly
@given(overviews())
def test_what_can_be_approved_can_be_read_whole(post: PostOverview) -> None:
    _, blocks = card(post, files(post))
    assert ("Approve" in labels(blocks)) == (post.post.state is PostState.IN_REVIEW)
    everything = [*blocks]
    for page in range(PAGES):
        everything += in_thread(post, page=page)
    shown_text = quoted(everything)
    for text in set(post.revision.content.texts.values()):
        whole = "".join(map(escape, thread_parts(text)))
        assert "".join(whole.split()) in shown_text
    notes = noted(blocks)
    for picture in post.revision.content.pictures:
        described = "".join(escape(picture.alt).split())
        assert described in shown_text or described in notes


@pytest.mark.parametrize("state", list(PostState))
@pytest.mark.parametrize("deliveries", list(DeliveryState))
def test_slack_takes_a_card_with_the_most_of_everything(
    state: PostState, deliveries: DeliveryState
) -> None:
    """Long texts, long descriptions and many accounts in trouble were too much together."""
    count, alts = 30, ("<" * 1000, "&" * 1000, "x" * 1000, "")
    room = MOST_TO_READ - sum(map(shown_size, alts))
    before = revision({"account0": "y " * 3000}, 1)
    decision = approval(before, Verdict.REJECTED, "&" * 1000)
    post = shown(
        {f"account{n}": "W" * room for n in range(count)},
        state=state,
        alts=alts,
        before=(decision, before),
        approvals=(decision,),
        deliveries=tuple(delivery(n, deliveries, "*" * 500) for n in range(count)),
        history=tuple(
            HistoryEntry(str(n), "T1", "post", "UBEN", "rejected", "&" * 300, NOW)
            for n in range(15)
        ),
        names={"UANA": "&" * 80, "UBEN": "&" * 80},
        labels=("W" * 64,) * count,
    )
    text, blocks = card(post, files(post))
    check_message(blocks, text=text)
    text, blocks = trouble(post)
    check_message(blocks, text=text)


def test_of_many_accounts_those_in_trouble_come_first() -> None:
    count = 60
    deliveries = [delivery(n, DeliveryState.PUBLISHED) for n in range(count)]
    deliveries[-1] = delivery(count - 1, DeliveryState.FAILED, "The password is wrong.")
    post = shown(
        {f"account{n}": "Hello" for n in range(count)},
        state=PostState.PARTLY_PUBLISHED,
        deliveries=tuple(deliveries),
        labels=("Sandbox · @acorn",) * count,
    )
    news = said(card(post, [])[1])
    assert "The password is wrong." in news
    assert "more accounts" in news
    assert news.index("password") < news.index("live")


def test_a_description_that_is_cut_on_the_card_is_whole_in_the_thread() -> None:
    post = shown(alts=("A green field & a cow. " * 40,))
    [long] = [picture.alt for picture in post.revision.content.pictures]
    assert escape(long)[:1100] in said(card(post, files(post))[1])
    post = shown(alts=("&" * 1000,))
    assert said(in_thread(post, page=0)).count("&amp;") == 1000


def test_a_generated_post_is_short_enough_to_be_printed() -> None:
    assert in_runs("x" * 700 + "word " * 3 + "\u202e") == "'x' * 700 + 'word ' * 3 + '\\u202e' * 1"


def test_a_long_text_goes_on_in_the_thread_and_approving_asks_first() -> None:
    post = shown({"account0": "word " * (MOST_TO_READ // 5)})
    _, blocks = card(post, [])
    [approve] = [
        element
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
        if element["action_id"] == "approve"
    ]
    assert "rest is in the thread" in approve["confirm"]["text"]["text"]
    assert in_thread(post, page=0)
    assert "confirm" not in said(card(shown(), [])[1])


def test_a_text_is_shown_once_with_all_its_accounts() -> None:
    post = shown({"account0": "Same", "account1": "Same"}, labels=("One", "Two"))
    blocks = card(post, [])[1]
    assert said(blocks).count("Same") == 1
    assert "*One, Two*" in said(blocks)


def test_a_thread_is_shown_post_by_post_as_each_network_publishes_it() -> None:
    texts = {"account0": "One\n---\nTwo\n---\nThree", "account1": "All of it"}
    blocks = card(shown(texts, labels=("A", "B")), [])[1]
    sections = [block["text"]["text"] for block in blocks if block["type"] == "section"][1:]
    assert sections == ["*A* *1/3*\n>One", "*2/3*\n>Two", "*3/3*\n>Three", "*B*\n>All of it"]


def test_the_longest_thread_there_can_be_is_approved_where_it_can_be_read() -> None:
    one = "\n---\n".join(["x" * 540] * MOST_POSTS)
    assert shown_size(one) <= MOST_TO_READ
    post = shown({"account0": one})
    assert "Approve" in labels(card(post, [])[1])
    pages = [page for page in (in_thread(post, page=page) for page in range(PAGES)) if page]
    for page in pages:
        check_message(page, text="The rest of the text")
    assert f"*{MOST_POSTS}/{MOST_POSTS}*" in said(pages[-1])


def test_a_thread_that_ended_halfway_says_what_is_live_and_offers_to_take_it_down() -> None:
    post = shown(
        {"account0": "One\n---\nTwo\n---\nThree"},
        state=PostState.FAILED,
        deliveries=(delivery(0, DeliveryState.FAILED, "no"),),
        sent={"delivery0": halfway(2, 3)},
    )
    for blocks in (card(post, [])[1], trouble(post)[1]):
        assert "2 of 3 parts are live <https://a.example/1|See them>" in said(blocks)
        assert labels(blocks) == ["Try again", "Take down"]
    assert "Published in part" in said(card(post, [])[1])
    stuck = replace(post, progress={"delivery0": halfway(2, 3, can_go_on=False)})
    for blocks in (card(stuck, [])[1], trouble(stuck)[1]):
        assert labels(blocks) == ["Take down"]


def test_of_a_thread_only_the_uncertain_post_is_asked_about() -> None:
    post = shown(
        {"account0": "One\n---\nTwo\n---\nThree"},
        state=PostState.PUBLISHING,
        deliveries=(delivery(0, DeliveryState.UNKNOWN, "no answer"),),
        sent={"delivery0": halfway(1, 3)},
    )
    for blocks in (card(post, [])[1], trouble(post)[1]):
        [asked] = [
            block["text"]["text"]
            for block in blocks
            if block["type"] == "section" and "live?" in block["text"]["text"]
        ]
        assert asked.split("\n") == [
            "*Sandbox · @acorn*: is part 2 of 3 live? “Two”",
            "1 of 3 parts is live <https://a.example/1|See it>",
        ]
        assert {"It is live", "It is not: send again"} <= set(labels(blocks))


def test_a_card_pings_nobody() -> None:
    assert "<@" not in said(card(shown(), [])[1])
    assert "Ana Novak" in said(card(shown(), [])[1])


def test_a_picture_is_approved_with_its_description() -> None:
    post = shown(alts=("A green field", ""))
    blocks = said(card(post, files(post))[1])
    assert "Description: A green field" in blocks
    assert "No description" in blocks


@pytest.mark.parametrize("state", list(PostState))
def test_buttons_are_those_that_can_do_something(state: PostState) -> None:
    out = {
        PostState.PUBLISHED: DeliveryState.PUBLISHED,
        PostState.PARTLY_PUBLISHED: DeliveryState.FAILED,
        PostState.FAILED: DeliveryState.FAILED,
        PostState.TAKEN_DOWN: DeliveryState.TAKEN_DOWN,
    }
    deliveries = (delivery(0, out[state]),) if state in out else ()
    blocks = card(shown(state=state, deliveries=deliveries), [])[1]
    assert ("Approve" in labels(blocks)) == (state is PostState.IN_REVIEW)
    assert ("Try again" in labels(blocks)) == (out.get(state) is DeliveryState.FAILED)
    assert ("Take down" in labels(blocks)) == (state is PostState.PUBLISHED)
    nothing_out = state is PostState.FAILED or state not in (*out, PostState.PUBLISHING)
    assert ("Edit" in in_menu(blocks)) == (nothing_out and state is not PostState.DRAFT)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_changed_is_shown_since_the_last_decision(verdict: Verdict) -> None:
    before = revision({"account0": "Hello old world"}, 1)
    post = shown({"account0": "Hello new world"}, before=(approval(before, verdict), before))
    blocks = said(card(post, [])[1])
    assert '"text": "old", "style": {"strike": true}' in blocks
    assert '"text": "new", "style": {"bold": true}' in blocks
    is_void = "Approvals given before don't count any more" in blocks
    assert is_void == (verdict is Verdict.APPROVED)
    assert ("since it was approved" in blocks) == (verdict is Verdict.APPROVED)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_same_text_again_is_called_approved_only_if_it_was(verdict: Verdict) -> None:
    same = revision({"account0": "Hello"})
    blocks = said(card(shown(approvals=(approval(same, verdict, "No"),)), [])[1])
    assert ("the text was approved before" in blocks) == (verdict is Verdict.APPROVED)


@pytest.mark.parametrize("state", [PostState.IN_REVIEW, PostState.SCHEDULED, PostState.PUBLISHED])
def test_an_authors_message_says_what_is_true_after_the_changes_were_made(
    state: PostState,
) -> None:
    """It was sent for requested changes, and is edited in place when the post moves on."""
    text, blocks = trouble(shown(state=state))
    assert "network" not in text
    assert labels(blocks) == []


def test_a_piece_that_is_one_sign_too_long_is_not_cut_within_an_entity() -> None:
    assert cut("&gt;" * 5 + "x", 20) == ["&gt;" * 5, "x"]
    assert cut("x" + "&gt;" * 5, 20) == ["x" + "&gt;" * 4, "&gt;"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts, st.integers(20, 400))
def test_cutting_loses_nothing_and_keeps_every_piece_within_its_limit(
    text: str, limit: int
) -> None:
    escaped = escape(text[:3000])
    pieces = cut(escaped, limit)
    assert "".join(pieces) == escaped
    assert all(units(piece) <= limit for piece in pieces)
    for piece in pieces:
        assert piece.count("&") == sum(piece.count(entity) for entity in ("&amp;", "&lt;", "&gt;"))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=80), max_size=20), st.integers(10, 100))
def test_joined_lines_keep_their_limit(lines: list[str], limit: int) -> None:
    assert all(units(text) <= limit for text in joined(lines, limit))
