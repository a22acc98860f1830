"""Whatever people do and whatever goes wrong, in whatever order: a post goes out once, as it was
approved, when it was promised, or somebody is told."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.composing import PostForm
from bot.errors import UserError
from bot.holds import Do
from bot.networks.base import Uncertainty
from bot.scheduling import NewTime
from bot.team import Person
from storage import brakes, parts
from storage.records import DeliveryState, PartKind, PartState, Post, PostState, Verdict, When
from tests.unit.adversary import GRACE, Fault
from tests.unit.any_order import Life, empty_database, life
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM

LATER = timedelta(hours=2)
LINK = "https://s.example/seen"
TEXTS = ("One", "Two", "One\n---\nTwo\n---\nThree", "Three\n---\nTwo")
DECIDERS = (BEN, CHIDI, EVA)


@dataclass(frozen=True, slots=True)
class Press:
    """What a person does. ``stale``: on what they were shown first, not on what is there now;
    ``twice``: both presses at the same moment."""

    person: Person
    does: str
    text: str = "One"
    later: bool = False
    stale: bool = False
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A process works; what becomes of its calls on each account, and how many looks fail."""

    first: tuple[Fault, ...] = ()
    second: tuple[Fault, ...] = ()
    blind: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    span: timedelta


Step = Press | Work | Wait


def presses(*does: str) -> st.SearchStrategy[Press]:
    return st.builds(
        Press,
        person=st.sampled_from([ANA, BEN, CHIDI, EVA]),
        does=st.sampled_from(does),
        text=st.sampled_from(TEXTS),
        later=st.booleans(),
        stale=st.booleans(),
        twice=st.booleans(),
    )


BEFORE = presses("approve", "edit", "request", "reject", "move", "cancel")
BRAKES = presses("pause", "pause one", "resume", "reconnect")
AFTER = presses(
    *("retry", "take down", "answer"), *("release", "next free time", "drop", "as asked")
)
OFFERED = st.builds(
    Press, person=st.sampled_from([BEN, CHIDI]), does=st.just("offered"), twice=st.booleans()
)
FAULTS = st.lists(st.sampled_from(Fault), min_size=1, max_size=4).map(tuple)
WORK = st.builds(Work, first=FAULTS, second=FAULTS, blind=st.integers(0, 2))
WAITS = st.builds(
    Wait,
    st.sampled_from(
        [
            timedelta(seconds=1),
            timedelta(seconds=6),
            GRACE,
            timedelta(minutes=4),
            timedelta(minutes=11),
            timedelta(minutes=31),
            timedelta(minutes=61),
            LATER,
            timedelta(hours=7),
        ]
    ),
)
OFFER = Press(BEN, "offered")
# Most lives begin well, so that they get to where things go wrong.
BEGINNINGS = st.sampled_from([[Press(BEN, "approve")]] * 7 + [[]])
STEPS = st.lists(
    st.one_of(BEFORE, BRAKES, AFTER, OFFERED, OFFERED, OFFERED, WORK, WORK, WORK, WAITS, WAITS),
    max_size=12,
)


async def act(one: Life, press: Press, shown: Post) -> None:
    """One press; a refusal leaves everything as it was."""
    now = await one.post()
    seen = shown if press.stale else now
    wanted = When.AT if press.later else When.NOW
    at = one.clock() + LATER if press.later else None
    here, person = one.here, press.person
    match press.does:
        case "approve":
            text = await one.text(seen.revision_id)
            await here.approvals.decide(
                person,
                seen.id,
                Verdict.APPROVED,
                revision_id=seen.revision_id,
                version=seen.version,
            )
            assert person not in one.writers
            one.approved = text
        case "request" | "reject":
            verdict = Verdict.REJECTED if press.does == "reject" else Verdict.CHANGES_REQUESTED
            await here.approvals.decide(
                person, seen.id, verdict, revision_id=seen.revision_id, comment="No"
            )
            one.approved = None
        case "edit":
            accounts = (here.account.id, "second")
            form = PostForm(press.text, accounts, when=wanted, at=at)
            await here.drafting.submit(person, form, post_id=seen.id, revision_id=seen.revision_id)
            one.approved = None
            if (await one.post()).revision_id != now.revision_id:
                one.writers = (ANA, person)
        case "move":
            moved = await here.scheduling.reschedule(person, seen.id, NewTime(wanted, at))
            if moved.state is PostState.IN_REVIEW:
                one.approved = None
        case "cancel":
            await here.scheduling.cancel(person, seen.id)
            one.approved = None
        case "retry":
            await here.outcomes.retry(person, seen.id)
        case "take down":
            await here.outcomes.take_down(person, seen.id)
        case "answer":
            await answer(one, person)
        case "reconnect":
            one.network.profile = "1" if press.later else "2"
            await here.accounts.connect(EVA, one.network.name, {"password": "x"})
        case "pause" | "pause one":
            account = here.account.id if press.does == "pause one" else None
            await one.brakes.pull(person, "a crisis", account)
        case "resume":
            async with here.database.reading() as tx:
                standing = [each.id for each in await brakes.standing(tx, TEAM)]
            await one.brakes.release(person, standing)
        case "release" | "next free time" | "drop" | "as asked":
            await settle(one, person, press.does)
        case "offered":
            does = await what_is_offered(one)
            if does is not None:
                await act(one, replace(press, does=does), shown)


OFFERS = {
    DeliveryState.HELD: "release",
    DeliveryState.UNKNOWN: "answer",
    DeliveryState.FAILED: "retry",
    DeliveryState.PUBLISHED: "take down",
}


async def what_is_offered(one: Life) -> str | None:
    """What the card asks for first, so that lives get further than blind presses bring them."""
    if (await one.post()).state is PostState.IN_REVIEW:
        return "approve"
    states = {each.state for each in await one.deliveries()}
    return next((does for state, does in OFFERS.items() if state in states), None)


async def settle(one: Life, person: Person, does: str) -> None:
    """Something held is let go, asked for or dropped."""
    do = {"release": Do.NOW, "next free time": Do.NEXT_FREE, "drop": Do.DROP}.get(does, Do.AS_ASKED)
    done = await one.holds.settle(person, one.post_id, do)
    if done.released:
        assert person in DECIDERS
        assert person not in one.writers
    if done.dropped and (await one.post()).state is PostState.CANCELLED:
        one.approved = None


async def answer(one: Life, person: Person) -> None:
    """Somebody has looked at the network and says what is true."""
    await one.wait(GRACE)
    for delivery in await one.deliveries():
        if delivery.state is not DeliveryState.UNKNOWN:
            continue
        async with one.here.database.reading() as tx:
            planned = await parts.of_delivery(tx, delivery.id)
        asked = next(
            part
            for part in planned
            if part.kind is PartKind.POST and part.state is not PartState.DONE
        )
        if any(each.call.key == asked.key for each in one.network.taken):
            await one.here.outcomes.is_live(person, delivery.id, LINK)
        else:
            await one.here.outcomes.is_not_live(person, delivery.id)


async def press_it(one: Life, press: Press, shown: Post) -> None:
    results = await asyncio.gather(
        *(act(one, press, shown) for _ in range(2 if press.twice else 1)), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, UserError):
            raise result


async def play(
    template: Path,
    uncertainty: Uncertainty,
    text: str,
    steps: Sequence[Step],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with life(template, Path(folder), uncertainty) as one:
            accounts = (one.here.account.id, "second")
            shown = await one.here.submitted(text, account_ids=accounts)
            one.post_id, one.writers = shown.id, (ANA,)
            for step in steps:
                match step:
                    case Press():
                        await press_it(one, step, shown)
                    case Work():
                        script = {
                            one.here.account.id: list(step.first),
                            "second": list(step.second),
                        }
                        await one.work(script, step.blind)
                    case Wait():
                        await one.wait(step.span)
            await one.calm()
            await one.judge()
            assert not one.wrong, "\n".join(one.wrong)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "empty.db"
    asyncio.run(empty_database(file))
    return file


@pytest.mark.parametrize("uncertainty", Uncertainty)
async def test_whatever_becomes_of_one_call_a_thread_goes_out_once_or_somebody_is_told(
    template: Path, uncertainty: Uncertainty
) -> None:
    """Each fault once: in the first call of one account, and in the second of the other."""
    for fault in Fault:
        steps: Sequence[Step] = [
            Press(BEN, "approve"),
            Work((fault,), (Fault.NONE, fault), blind=1),
            OFFER,
            Work(),
        ]
        await play(template, uncertainty, "One\n---\nTwo\n---\nThree", steps)


@pytest.mark.parametrize("uncertainty", Uncertainty)
async def test_a_post_that_was_refused_and_edited_goes_out_once_as_it_is_then(
    template: Path, uncertainty: Uncertainty
) -> None:
    for fault in Fault:
        steps: Sequence[Step] = [
            Press(BEN, "approve"),
            Work((Fault.REFUSED,), (Fault.REFUSED,)),
            Press(ANA, "edit", text="Two", twice=True),
            Press(BEN, "retry"),
            OFFER,
            Work((fault,), (Fault.NONE, fault), blind=1),
            OFFER,
            Work(),
        ]
        await play(template, uncertainty, "One", steps)


async def test_a_key_that_the_network_has_forgotten_proves_nothing(template: Path) -> None:
    """Taken without an answer, held under a brake past the key's life, and let go."""
    steps: Sequence[Step] = [
        Press(BEN, "approve"),
        Work((Fault.UNANSWERED,)),
        Press(BEN, "pause"),
        Wait(timedelta(minutes=11)),
        Work(),
        Wait(timedelta(minutes=61)),
        Press(BEN, "resume"),
        OFFER,
        Work(),
    ]
    await play(template, Uncertainty.SAME_KEY, "One", steps)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    uncertainty=st.sampled_from(Uncertainty),
    text=st.sampled_from(TEXTS),
    beginning=BEGINNINGS,
    steps=STEPS,
)
def test_in_any_order_a_post_goes_out_once_as_approved_or_somebody_is_told(
    template: Path,
    uncertainty: Uncertainty,
    text: str,
    beginning: list[Press],
    steps: list[Step],
) -> None:
    asyncio.run(play(template, uncertainty, text, [*beginning, *steps]))
