"""What came of it, counted at the servers.

**The rule on the one window that no client can close.** Between its last look at the clock and the
moment its bytes are with the kernel, a process can be stopped for longer than its lease and the
patience of the others, and send when it goes on. What can be proved of that: the request was
*begun* (stamped by the process itself, right before its client sends it) before a stop of that very
process, and *arrived* after it. A second copy is excused only then, only for a post whose network
doesn't know the key any more, and it is counted apart and printed. Any other second copy is a
double, also one by a process that began its request after it had lost its claim.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.networks.base import Uncertainty
from storage.records import Delivery, DeliveryState
from tests.chaos.plan import CLIENT_S, KINDS, Fault, PlannedPost

TROUBLED = (DeliveryState.FAILED, DeliveryState.UNKNOWN)
CLEAR = (Fault.LIMITED, Fault.BUSY)
WELL_IN_TIME_S = CLIENT_S / 2  # an answer that no client misses, busy as the machine is
STILL_TRYING = "It is tried again by itself"


@dataclass(frozen=True, slots=True)
class Stopped:
    """A process that stood still (seconds of the machine's monotonic clock)."""

    process: int
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything a verdict is found from.

    ``asked``: the social server's log (``social.Asked``), ``uploads`` the pictures it took
    (``social.Took``). ``told``: Slack's messages to people.
    ``authors``: who wrote which delivery; ``due``: its promised time (seconds of the machine's
    monotonic clock, as all times at the servers). ``interrupted``: processes that may not have kept
    the answers they got.
    """

    planned: Mapping[str, PlannedPost]
    deliveries: Mapping[str, Delivery]
    authors: Mapping[str, str]
    due: Mapping[str, float]
    asked: Sequence[Mapping[str, Any]]
    told: Sequence[Mapping[str, Any]]
    uploads: Sequence[Mapping[str, Any]] = ()
    stops: Sequence[Stopped] = ()
    interrupted: Collection[int] = ()


@dataclass(slots=True)
class Verdict:
    """``wrong`` says per delivery id what is wrong with it; empty: everything is as promised."""

    states: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    excused: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        return not self.wrong and not self.elsewhere


def judge(seen: Seen) -> Verdict:
    """Hold what the servers saw against what was promised."""
    verdict = Verdict()
    by_mark: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for asked in seen.asked:
        by_mark[asked["mark"]].append(asked)
    for delivery_id, planned in seen.planned.items():
        delivery = seen.deliveries[delivery_id]
        verdict.states[f"{planned.network} {delivery.state}"] += 1
        wrong = [
            *_doubles(planned, by_mark, seen.stops, verdict),
            *_too_early(planned, seen.due[delivery_id], by_mark),
            *_as_the_state_says(planned, delivery, by_mark, seen.interrupted),
            *_told(planned, delivery, seen.authors[delivery_id], seen.told),
            *_uploaded_again(planned, seen.uploads, seen.interrupted),
        ]
        if wrong:
            verdict.wrong[delivery_id] = wrong
    notices = Counter(message["notice"] for message in seen.told if message["notice"])
    verdict.elsewhere += [
        f"notice {notice} was posted {number} times"
        for notice, number in notices.items()
        if number > 1
    ]
    marks = {mark for planned in seen.planned.values() for mark in planned.marks}
    verdict.elsewhere += [f"{mark} was never ordered" for mark in by_mark if mark not in marks]
    return verdict


def _copies(
    mark: str, by_mark: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Mapping[str, Any]]:
    copies = [asked for asked in by_mark.get(mark, ()) if asked["accepted"]]
    return sorted(copies, key=lambda asked: float(asked["accepted_at"]))


def _doubles(
    planned: PlannedPost,
    by_mark: Mapping[str, Sequence[Mapping[str, Any]]],
    stops: Sequence[Stopped],
    verdict: Verdict,
) -> list[str]:
    wrong = []
    for mark in planned.marks:
        copies = _copies(mark, by_mark)
        excused = [copy for copy in copies if _was_stopped_in_the_window(copy, stops)]
        if len(copies) > 1 and len(copies) - len(excused) <= 1:
            verdict.excused.append(f"{planned.network} {mark}: {len(copies)} copies")
        elif len(copies) > 1:
            wrong.append(f"{mark} is live {len(copies)} times")
    return wrong


def _too_early(
    planned: PlannedPost, due: float, by_mark: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[str]:
    arrived = [each["arrived"] for mark in planned.marks for each in by_mark.get(mark, ())]
    early = due - min(arrived, default=due)
    return [f"it came {early:.3f} s before its time"] if early > 0 else []


def _was_stopped_in_the_window(asked: Mapping[str, Any], stops: Sequence[Stopped]) -> bool:
    return any(
        stop.process == asked["process"]
        and asked["begun"] <= stop.since
        and stop.until <= asked["arrived"]
        for stop in stops
    )


def _as_the_state_says(
    planned: PlannedPost,
    delivery: Delivery,
    by_mark: Mapping[str, Sequence[Mapping[str, Any]]],
    interrupted: Collection[int],
) -> list[str]:
    """Each end means something about what is out; nothing else is an end."""
    out = [_copies(mark, by_mark) for mark in planned.marks]
    live = sum(1 for copies in out if copies)
    match delivery.state:
        case DeliveryState.PUBLISHED if live < planned.parts:
            return [f"it is called published, and {live} of {planned.parts} parts are live"]
        case DeliveryState.PUBLISHED:
            return _well_made(planned, delivery, [copies[0] for copies in out])
        case DeliveryState.FAILED if not planned.is_refused:
            return [f"it failed, though the network would have taken it: {delivery.problem}"]
        case DeliveryState.FAILED if live:
            return [f"it is called failed, and {live} of {planned.parts} parts are live"]
        case DeliveryState.UNKNOWN if (
            KINDS[planned.network] is not Uncertainty.ASK
            # A refusal doesn't prove that the uncertain call before it was refused, too.
            and not planned.is_refused
        ):
            return ["a person was asked, though the network can tell"]
        case DeliveryState.UNKNOWN if not _was_uncertain(planned, delivery, by_mark, interrupted):
            return ["a person was asked, though each answer was clear"]
        case DeliveryState.FAILED | DeliveryState.UNKNOWN:
            return []
    return [f"it has not ended: {delivery.state}, {delivery.problem}"]


def _well_made(
    planned: PlannedPost, delivery: Delivery, out: Sequence[Mapping[str, Any]]
) -> list[str]:
    wrong = []
    before = f"asked-{planned.number}" if planned.is_reply else None
    for position, post in enumerate(out):
        if post["reply_to"] != before:
            wrong.append(f"{post['mark']} answers {post['reply_to']} instead of {before}")
        if len(post["pictures"]) != (planned.pictures if position == 0 else 0):
            wrong.append(f"{post['mark']} has {len(post['pictures'])} pictures")
        before = post["accepted"]
    if delivery.remote_id != out[0]["accepted"]:
        wrong.append(f"its link leads to {delivery.remote_id} instead of {out[0]['accepted']}")
    return wrong


def _was_uncertain(
    planned: PlannedPost,
    delivery: Delivery,
    by_mark: Mapping[str, Sequence[Mapping[str, Any]]],
    interrupted: Collection[int],
) -> bool:
    """Whether a call may have been without a clear answer that was kept. One that never arrived
    leaves more attempts than requests, the last of which only asks; a thread's can't be counted."""
    asked = by_mark.get(planned.marks[0], ())
    return (
        planned.parts > 1
        or delivery.attempt - 1 > len(asked)
        or not asked
        or not _was_clear(asked[-1])
        or asked[-1]["process"] in interrupted
    )


def _was_clear(asked: Mapping[str, Any]) -> bool:
    return asked["fault"] in CLEAR or (asked["fault"] is None and _was_in_time(asked))


def _was_in_time(call: Mapping[str, Any]) -> bool:
    """Whether whoever called had the answer before it gave up."""
    answered_at = call["answered_at"]
    return answered_at is not None and answered_at - call["begun"] < WELL_IN_TIME_S


def _uploaded_again(
    planned: PlannedPost, uploads: Sequence[Mapping[str, Any]], interrupted: Collection[int]
) -> list[str]:
    """A picture that was uploaded, and by a process that could keep that, isn't uploaded again."""
    kept: set[str] = set()
    wrong = []
    for each in (each for each in uploads if each["mark"] == planned.marks[0]):
        if each["picture"] in kept:
            wrong.append(f"its picture {each['picture']} was uploaded again")
        if each["process"] not in interrupted and _was_in_time(each):
            kept.add(each["picture"])
    return wrong


def _told(
    planned: PlannedPost,
    delivery: Delivery,
    author: str,
    told: Sequence[Mapping[str, Any]],
) -> list[str]:
    about = [message for message in told if planned.marks[0] in message["blocks"]]
    wrong = [f"{message['to']} was told instead" for message in about if message["to"] != author]
    if delivery.state in TROUBLED and not about:
        wrong.append(f"it is {delivery.state}, and its author was never told")
    if len(about) > 1:
        wrong.append(f"its author was told in {len(about)} messages")
    if delivery.state in (*TROUBLED, DeliveryState.PUBLISHED):
        wrong += [
            "its author still reads that it is tried again"
            for message in about
            if STILL_TRYING in message["blocks"]
        ]
    if delivery.state is DeliveryState.UNKNOWN:
        wrong += [
            "its author was told, but not asked"
            for message in about
            if "It is live" not in message["blocks"]
        ]
    return wrong
