"""A difference as it is shown: exactly what was gone and new, and never refused by Slack."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.changes import RevisionChange, between
from bot.differences import Kind, Run, difference
from bot.playground.block_kit import check_message, check_view
from handlers.views.approvals import card
from handlers.views.blocks import cost, modal
from handlers.views.changes import changed
from handlers.views.differences import Told, difference_blocks
from handlers.views.suggestions import suggested, to_copy
from handlers.views.trouble import trouble
from storage.records import Content, Medium, Picture, PostState, Suggestion, Verdict
from tests.handlers.shown_posts import (
    NOW,
    DrawnPost,
    account,
    approval,
    overviews,
    revision,
    shown,
    texts,
)

Json = dict[str, Any]
slowly = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def pieces(blocks: list[Json]) -> list[tuple[str, str]]:
    """What is quoted, each piece with its style."""
    return [
        (element["text"], next(iter(element.get("style", {"same": True}))))
        for block in blocks
        if block["type"] == "rich_text"
        for part in block["elements"]
        if part["type"] == "rich_text_quote"
        for element in part["elements"]
    ]


def told(before: str, after: str, room: int = 12_000) -> list[Json]:
    return difference_blocks([Told("Sandbox", difference(before, after))], room, more="See it.")


def change(before: Content, after: Content, verdict: Verdict = Verdict.APPROVED) -> RevisionChange:
    old = replace(revision({}, 1), content=before)
    ids = {*before.texts, *after.texts}
    return RevisionChange(
        "post",
        replace(revision({}, 2), content=after),
        old,
        approval(old, verdict),
        ("UBEN",) if verdict is Verdict.APPROVED else (),
        None,
        {key: account(0, f"On {key}") for key in ids},
        {
            picture.sha256: Medium("T1", picture.sha256, "image/png", 1, 1, 1, "a.png", None, NOW)
            for picture in (*before.pictures, *after.pictures)
        },
        {"UANA": "Ana Novak", "UBEN": "Ben Okafor"},
    )


def test_marks_in_a_text_stay_text_and_the_styles_come_out_right() -> None:
    blocks = told("a *b* <@U1>, ok", "a ~c~ &, ok")
    assert pieces(blocks) == [
        ("a ", "same"),
        ("*b* <@U1>,", "strike"),
        (" ", "same"),
        ("~c~ &,", "bold"),
        (" ok", "same"),
    ]


def test_a_change_of_nothing_but_white_space_can_be_seen() -> None:
    assert ("␣", "strike") in pieces(told("a  b", "a b"))
    assert ("↵\n", "bold") in pieces(told("one two", "one\ntwo"))
    assert ("⇥", "bold") in pieces(told("one two", "one\ttwo"))
    assert ("␣", "bold") in pieces(told("Friday", "Friday "))
    assert ("‹U+202E›x", "bold") in pieces(told("a y", "a \u202ex"))


def test_a_word_between_others_is_shown_without_signs_for_its_spaces() -> None:
    assert pieces(told("a c", "a b c")) == [("a", "same"), (" b", "bold"), (" c", "same")]


def test_what_stayed_is_cut_to_some_words_around_a_change() -> None:
    long = "one two three four five six seven eight nine ten " * 5
    said = pieces(told(f"{long}old {long}", f"{long}new {long}"))
    assert said == [
        ("… eight nine ten ", "same"),
        ("old", "strike"),
        (" ", "same"),
        ("new", "bold"),
        (" one two three …", "same"),
    ]


def test_how_much_more_there_is_is_said() -> None:
    before = " ".join(f"same{number} old{number}" for number in range(400))
    after = before.replace("old", "new")
    blocks = told(before, after, room=1500)
    shown_changes = sum(style == "bold" for _, style in pieces(blocks))
    assert cost(blocks) <= 1500
    assert f"{400 - shown_changes} more changes. See it." in json.dumps(blocks, ensure_ascii=False)


@slowly
@given(texts, texts, st.integers(400, 12_000))
def test_a_difference_keeps_its_room_and_slacks_limits(before: str, after: str, room: int) -> None:
    blocks = told(before, after, room)
    assert cost(blocks) <= room
    if blocks:
        check_message(blocks, text="x")
        check_view(modal("x", "Changed", blocks))


@settings(deadline=None, max_examples=200)
@given(st.text("ab \n*~é", max_size=40), st.text("ab \n*~é", max_size=40))
def test_what_is_shown_as_gone_and_new_is_what_is(before: str, after: str) -> None:
    def unmarked(text: str) -> str:
        return text.replace("↵\n", "\n").replace("␣", " ")

    runs = difference(before, after)
    said = pieces(told(before, after))
    for kind, style in ((Kind.GONE, "strike"), (Kind.NEW, "bold")):
        meant = [run.text for run in runs if run.kind is kind]
        assert [unmarked(text) for text, shown_as in said if shown_as == style] == meant


def test_texts_accounts_link_pictures_and_descriptions_are_all_told() -> None:
    one, two, three = "1" * 64, "2" * 64, "3" * 64
    before = Content(
        {"a": "Hello old", "b": "Hello old", "c": "Bye"},
        "https://old.example",
        (Picture(one, "A dog"), Picture(two, "A cat")),
    )
    after = Content(
        {"a": "Hello new", "b": "Hello new", "d": "Hi"},
        "https://new.example",
        (Picture(two, "A grey cat"), Picture(three, "")),
    )
    text, blocks = changed(change(before, after))
    said = json.dumps(blocks, ensure_ascii=False)
    check_message(blocks, text=text)
    for expected in (
        "Changed by Ana Novak",
        "What Ben Okafor approved is the earlier text",
        "New: On d",
        "Taken out: On c",
        "Picture taken out: a.png",
        "New picture: a.png",
        "On a, On b",
        "https://old.example",
        "Description of a.png",
    ):
        assert expected in said
    assert said.count('"new"') == 1  # the same difference, once
    assert "<@" not in said
    assert ("Hi", "bold") in pieces(blocks)


def test_pictures_in_another_order_are_a_change() -> None:
    pictures = (Picture("1" * 64, "x"), Picture("2" * 64, "y"))
    swapped = between(Content({}, None, pictures), Content({}, None, pictures[::-1]))
    assert swapped.moved
    assert not swapped.is_empty
    assert between(Content({}, None, pictures), Content({}, None, pictures)).is_empty


def test_an_account_that_gets_a_text_that_was_there_is_new_without_its_text() -> None:
    changes = between(
        Content({"a": "Same"}, None, ()), Content({"a": "Same", "b": "Same"}, None, ())
    )
    assert (changes.added, changes.texts) == (("b",), [])


def test_a_post_changed_back_says_that_nothing_is_different() -> None:
    same = Content({"a": "Same"}, None, ())
    text, blocks = changed(change(same, same, Verdict.REJECTED))
    assert "Nothing is different since it was rejected" in json.dumps(blocks)
    check_message(blocks, text=text)


contents = st.builds(
    Content,
    st.dictionaries(st.sampled_from("abcdefgh"), texts, min_size=1),
    st.sampled_from([None, "https://a.example", "https://b.example/" + "x" * 2000]),
    st.lists(
        st.builds(Picture, st.sampled_from(["1" * 64, "2" * 64, "3" * 64]), texts), max_size=4
    ).map(tuple),
)


@slowly
@given(contents, contents, st.sampled_from(list(Verdict)))
def test_slack_takes_the_message_of_any_change(
    before: Content, after: Content, verdict: Verdict
) -> None:
    text, blocks = changed(change(before, after, verdict))
    check_message(blocks, text=text)


@slowly
@given(overviews(), texts, texts, st.booleans())
def test_slack_takes_a_suggestion_wherever_it_is_shown(
    post: DrawnPost, text: str, comment: str, is_taken: bool
) -> None:
    suggestion = Suggestion(
        id="suggestion",
        workspace_id="T1",
        post_id="post",
        revision_id=post.revision.id,
        user_id="UBEN",
        texts=dict.fromkeys(post.revision.content.texts, text),
        comment=comment[:1000],
        at=NOW,
        taken_by="UANA" if is_taken else None,
    )
    offered = shown(
        dict(post.revision.content.texts),
        state=PostState.CHANGES_REQUESTED,
        approvals=(approval(post.revision, Verdict.CHANGES_REQUESTED, comment[:1000]),),
    )
    offered = replace(offered, suggestion=(suggestion, offered.revision))
    said, blocks = suggested(offered, suggestion, offered.revision)
    check_message(blocks, text=said)
    assert ("Use this text" in json.dumps(blocks)) == (not is_taken)
    said, blocks = trouble(offered)
    check_message(blocks, text=said)
    check_message(to_copy("It went on.", suggestion, offered), text="It went on.")
    check_message(card(offered, [])[1], text="card")


def test_one_run_that_is_too_long_says_how_much_is_left_out() -> None:
    runs = [Run(Kind.NEW, "x" * 5000)]
    [(text, style)] = pieces(difference_blocks([Told("All", runs)], 12_000, more=""))
    assert style == "bold"
    assert text.endswith("more characters)")
