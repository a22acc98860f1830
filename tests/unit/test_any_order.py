"""Whatever people do, in whatever order: only what was approved, as it was approved, goes out."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.composing import PostForm
from bot.errors import UserError
from bot.scheduling import NewTime
from bot.team import Person
from storage import posts
from storage.records import Post, PostState, Verdict, When
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM, World, world

LATER = timedelta(hours=2)
LOOK_S = 0.04  # in which a publisher would have sent what it shouldn't


@dataclass(frozen=True, slots=True)
class Step:
    """What a person does. ``stale``: on what they were shown first, not on what is there now."""

    person: Person
    does: str
    text: str
    later: bool
    stale: bool


STEPS = st.builds(
    Step,
    person=st.sampled_from([ANA, BEN, CHIDI, EVA]),
    does=st.sampled_from(
        ["approve", "edit", "request", "reject", "move", "cancel", "publish", "retry", "take down"]
    ),
    text=st.sampled_from(["One", "Two", "Three"]),
    later=st.booleans(),
    stale=st.booleans(),
)


@dataclass(slots=True)
class Approved:
    """What the people know: the text that stands approved, and who wrote and approved it."""

    text: str | None = None
    writers: tuple[Person, ...] = ()


async def act(here: World, step: Step, shown: Post, model: Approved) -> None:
    """One step; a refusal leaves everything as it was."""
    now = await here.post(shown.id)
    seen = shown if step.stale else now
    wanted = When.AT if step.later else When.NOW
    at = datetime.now(UTC) + LATER if step.later else None
    match step.does:
        case "approve":
            text = await text_of(here, seen)
            await here.approvals.decide(
                step.person,
                seen.id,
                Verdict.APPROVED,
                revision_id=seen.revision_id,
                version=seen.version,
            )
            assert step.person not in model.writers
            model.text = text
        case "request" | "reject":
            verdict = Verdict.REJECTED if step.does == "reject" else Verdict.CHANGES_REQUESTED
            await here.approvals.decide(
                step.person, seen.id, verdict, revision_id=seen.revision_id, comment="No"
            )
            model.text = None
        case "edit":
            form = PostForm(step.text, (here.account.id,), when=wanted, at=at)
            await here.drafting.submit(
                step.person, form, post_id=seen.id, revision_id=seen.revision_id
            )
            model.text = None
            if (await here.post(seen.id)).revision_id != now.revision_id:
                model.writers = (ANA, step.person)
        case "move":
            moved = await here.scheduling.reschedule(step.person, seen.id, NewTime(wanted, at))
            if moved.state is PostState.IN_REVIEW:
                model.text = None
        case "cancel":
            await here.scheduling.cancel(step.person, seen.id)
            model.text = None
        case "retry":
            await here.outcomes.retry(step.person, seen.id)
        case "take down":
            await here.outcomes.take_down(step.person, seen.id)


async def text_of(here: World, post: Post) -> str:
    async with here.database.reading() as tx:
        revision = await posts.revision(tx, TEAM, post.revision_id)
    assert revision is not None
    return revision.content.texts[here.account.id]


async def publish(here: World, post_id: str, model: Approved) -> None:
    """Let the publisher do what is due; nothing else may come of it than what stands approved."""
    before = dict(here.network.live)
    post = await here.post(post_id)
    is_due = (
        post.state is PostState.SCHEDULED
        and post.due_at is not None
        and post.due_at <= datetime.now(UTC)
    )
    async with here.publishing():
        if is_due:
            assert model.text is not None
            assert await here.settled(post_id) is PostState.PUBLISHED
        else:
            await asyncio.sleep(LOOK_S)
    new = [text for key, text in here.network.live.items() if key not in before]
    assert new == ([model.text] if is_due else [])


async def play(steps: Sequence[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(f"sqlite:///{folder}/x.db", Path(folder)) as here:
            shown = await here.submitted("Zero")
            model = Approved(writers=(ANA,))
            for step in steps:
                if step.does == "publish":
                    await publish(here, shown.id, model)
                    continue
                try:
                    await act(here, step, shown, model)
                except UserError:
                    continue
            await publish(here, shown.id, model)
            assert here.network.calls <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_nothing_goes_out_but_the_approved_revision_and_only_once(steps: list[Step]) -> None:
    asyncio.run(play(steps))
