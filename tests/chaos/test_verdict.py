"""The judge of the chaos test sees what it is there for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from storage.records import Delivery, DeliveryState
from tests.chaos.plan import Fault, PlannedPost, fault_of_post, make_plan
from tests.chaos.verdict import Seen, Stopped, judge

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POST = PlannedPost(
    number=7,
    network="listed",
    account=0,
    author=0,
    parts=1,
    pictures=0,
    is_reply=False,
    is_refused=False,
    due_after_s=0,
)
DELIVERY = Delivery(
    id="d",
    workspace_id="T",
    post_id="p",
    revision_id="r",
    account_id="a",
    state=DeliveryState.PUBLISHED,
    due_at=NOW,
    next_attempt_at=NOW,
    attempt=1,
    owner=None,
    lease_until=None,
    problem=None,
    remote_id="1",
    url="https://chaos.example/1",
    published_at=NOW,
    network="listed",
)


def asked(part: int = 1, parts: int = 1, **other: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "mark": f"[00007.{part}/{max(part, parts)}]",
        "network": "listed",
        "pictures": [],
        "reply_to": None,
        "process": 100,
        "begun": 10.0,
        "arrived": 10.1,
        "fault": None,
        "accepted": "1",
        "accepted_at": 10.1,
        "answered_at": 10.1,
    }
    return given | other


def told(**other: Any) -> dict[str, Any]:
    blocks = f"{POST.marks[0]} It is live"
    return {"to": "U1", "notice": "n", "ts": "1", "text": "", "blocks": blocks} | other


def seen(
    *log: Mapping[str, Any],
    messages: tuple[Mapping[str, Any], ...] = (),
    post: PlannedPost = POST,
    stops: tuple[Stopped, ...] = (),
    **delivery: Any,
) -> Seen:
    return Seen(
        planned={"d": post},
        deliveries={"d": replace(DELIVERY, **delivery)},
        authors={"d": "U1"},
        due={"d": 10.0},
        asked=log,
        told=messages,
        stops=stops,
    )


TWICE = (asked(), asked(accepted="2", accepted_at=20.0, begun=19.0, arrived=20.0, process=200))
BLIND = replace(POST, network="blind")
THREAD = replace(POST, parts=2)


def test_a_post_that_is_out_once_is_as_promised() -> None:
    assert judge(seen(asked())).is_kept


def test_a_second_copy_is_a_double() -> None:
    assert judge(seen(*TWICE)).wrong["d"] == ["[00007.1/1] is live 2 times"]


def test_only_who_stood_still_between_begin_and_arrival_is_excused() -> None:
    in_the_window = Stopped(200, since=19.5, until=19.9)
    verdict = judge(seen(*TWICE, stops=(in_the_window,)))
    assert verdict.is_kept
    assert len(verdict.excused) == 1
    for other in (
        replace(in_the_window, process=100),
        replace(in_the_window, since=18.9),
        replace(in_the_window, until=20.1),
    ):
        assert not judge(seen(*TWICE, stops=(other,))).is_kept


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        (seen(), "0 of 1 parts are live"),
        (seen(asked(parts=2), post=THREAD), "1 of 2 parts are live"),
        (
            seen(asked(parts=2), asked(2, accepted="2", reply_to="9"), post=THREAD),
            "answers 9 instead of 1",
        ),
        (seen(asked(arrived=9.5)), "it came 0.500 s before its time"),
        (seen(asked(pictures=["1"])), "has 1 pictures"),
        (seen(asked(), remote_id="2"), "its link leads to 2 instead of 1"),
        (seen(state=DeliveryState.PENDING), "it has not ended"),
        (seen(state=DeliveryState.FAILED, messages=(told(),)), "would have taken it"),
        (
            seen(asked(), state=DeliveryState.FAILED, post=replace(POST, is_refused=True)),
            "it is called failed",
        ),
        (
            seen(state=DeliveryState.FAILED, post=replace(POST, is_refused=True)),
            "its author was never told",
        ),
        (seen(state=DeliveryState.UNKNOWN, messages=(told(),)), "though the network can tell"),
        (
            seen(
                asked(accepted=None, fault="429"),
                state=DeliveryState.UNKNOWN,
                post=BLIND,
                messages=(told(),),
            ),
            "though each answer was clear",
        ),
        (
            seen(asked(), state=DeliveryState.UNKNOWN, post=BLIND, messages=(told(),)),
            "though each answer was clear",
        ),
        (
            seen(state=DeliveryState.UNKNOWN, post=BLIND, messages=(told(), told(ts="2"))),
            "in 2 messages",
        ),
        (
            seen(state=DeliveryState.UNKNOWN, post=BLIND, messages=(told(to="U2"),)),
            "U2 was told instead",
        ),
        (
            seen(
                state=DeliveryState.UNKNOWN,
                post=BLIND,
                messages=(told(blocks=POST.marks[0]),),
            ),
            "but not asked",
        ),
        (
            seen(asked(), messages=(told(blocks=f"{POST.marks[0]} It is tried again by itself"),)),
            "still reads",
        ),
    ],
)
def test_each_broken_promise_is_named(case: Seen, wrong: str) -> None:
    assert wrong in " ".join(judge(case).wrong["d"])


def test_a_message_that_stands_twice_and_a_post_nobody_ordered_are_named() -> None:
    stranger = asked(mark="[99999.1/1]")
    verdict = judge(seen(asked(), stranger, messages=(told(), told(ts="2"))))
    assert verdict.elsewhere == ["notice n was posted 2 times", "[99999.1/1] was never ordered"]


def test_one_seed_is_one_plan() -> None:
    one, same, other = (
        make_plan(seed, posts=50, kills=9, processes=3, lasting_s=10) for seed in "aab"
    )
    assert one == same
    assert one != other
    faults = [fault_of_post("a", f"{number}", 1, 1) for number in range(1000)]
    assert faults == [fault_of_post("a", f"{number}", 1, 1) for number in range(1000)]
    assert {*faults} == {None, *Fault}


@pytest.mark.parametrize("parts", [1, 5])
def test_at_most_two_requests_of_a_post_go_wrong(parts: int) -> None:
    for post in map(str, range(100)):
        faults = [fault_of_post("a", post, parts, number) for number in range(1, 20)]
        assert sum(fault is not None for fault in faults) <= 2


def test_a_question_is_fair_where_no_clear_answer_was_kept() -> None:
    refused = asked(accepted=None, fault="503")
    too_late, unanswered = asked(answered_at=11.1), asked(answered_at=None, fault=Fault.HANG)
    late = asked(answered_at=10.8, fault=Fault.LATE)
    unknown: dict[str, Any] = {"state": DeliveryState.UNKNOWN, "post": BLIND, "messages": (told(),)}
    assert not judge(seen(refused, **unknown)).is_kept
    assert judge(replace(seen(refused, **unknown), interrupted={100})).is_kept
    assert judge(seen(**unknown)).is_kept
    for unclear in (too_late, unanswered, late):
        assert judge(seen(unclear, **unknown)).is_kept
    assert judge(seen(refused, **unknown, attempt=3)).is_kept, "one call never arrived"


def test_a_picture_goes_up_once_unless_its_uploader_was_interrupted() -> None:
    took = {
        "mark": POST.marks[0],
        "picture": "a1",
        "process": 100,
        "begun": 9.0,
        "answered_at": 9.1,
    }
    twice = replace(seen(asked()), uploads=(took, took | {"process": 200}))
    assert judge(twice).wrong["d"] == ["its picture a1 was uploaded again"]
    assert judge(replace(twice, interrupted={100})).is_kept
    others = (took, took | {"picture": "b2"}, took | {"mark": "[00008.1/1]"})
    assert judge(replace(twice, uploads=others)).is_kept
    unheard = took | {"answered_at": 10.2}
    assert judge(replace(twice, uploads=(unheard, took))).is_kept
