"""In whatever order people approve, edit, move, change rules, roles and groups, press twice or at
the same moment: what is scheduled was approved, as it is, by everybody whom it needed.

A small model of its own stands beside the real use cases on a real database. It knows what each
person pressed since the last edit, and who is eligible for what at the moment.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.composing import PostForm
from bot.errors import UserError
from bot.policy_settings import Rules
from bot.scheduling import NewTime
from bot.team import Person
from storage import approvals, campaigns
from storage.records import Campaign, Post, PostState, Role, Scope, Step, Verdict, When
from tests.unit.any_order import empty_database
from tests.unit.deciding import LEA, LEGAL, policies_of, set_group, set_roles
from tests.unit.world import ANA, BEN, CHIDI, EVA, TEAM, World, world

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PEOPLE = (ANA, BEN, CHIDI, EVA, LEA)
WRITE = {Role.AUTHOR, Role.APPROVER, Role.ADMIN}
DECIDE = {Role.APPROVER, Role.ADMIN}
ANYBODY = Rules((Step(""),))
RULES = (
    Rules(()),
    ANYBODY,
    Rules((Step(""),), author_counts=True),
    Rules((Step("Two", 2),)),
    Rules((Step("Two", 2, ("UBEN", "UCHIDI", "UANA")),)),
    Rules((Step("Content"), Step("Legal", group=LEGAL))),
    Rules((Step("Legal", group=LEGAL, backup="UEVA"), Step("Boss", people=("UEVA",)))),
    Rules((Step("Ben", people=("UBEN",)), Step("Any", 2)), author_counts=True),
)


@dataclass(frozen=True, slots=True)
class Do:
    """One thing that somebody does. ``by`` are one or two people at the same moment."""

    what: str
    by: tuple[Person, ...] = (BEN,)
    rules: Rules = ANYBODY
    scope: Scope = Scope.WORKSPACE
    role: Role | None = None
    number: int = 0
    is_stale: bool = False


@dataclass(slots=True)
class Model:
    """What is true, by its own account."""

    account_id: str
    rules: dict[Scope, Rules] = field(default_factory=dict)
    roles: dict[str, set[Role]] = field(default_factory=dict)
    group: set[str] = field(default_factory=set)
    writers: set[str] = field(default_factory=set)
    pressed: list[str] = field(default_factory=list)  # since the last edit, in order
    has_campaign: bool = False

    def asked(self) -> list[Rules]:
        on = self.rules.get(Scope.ACCOUNT)
        first = self.rules.get(Scope.CAMPAIGN) if self.has_campaign else None
        if first is None and on is None:
            first = self.rules.get(Scope.WORKSPACE, ANYBODY)
        return [each for each in (first, on) if each is not None]

    def steps(self) -> list[Step]:
        found: list[Step] = []
        for each in self.asked():
            found += [step for step in each.steps if step not in found]
        return found

    def counts(self, who: str, step: Step) -> bool:
        """Whether their approval may count for a step at this moment."""
        asking = [each for each in self.asked() if each.steps]
        if who in self.writers and not all(each.author_counts for each in asking):
            return False
        roles = self.roles.get(who, set())
        if who in step.people or who == step.backup:
            return bool(roles)
        if step.group:
            return who in self.group
        return not step.people and bool(roles & DECIDE)

    def settles(self, who: str) -> bool:
        steps = self.steps()
        if not steps:
            return bool(self.roles.get(who, set()) & WRITE)
        return any(self.counts(who, step) for step in steps)

    def turn(self) -> tuple[Step, set[str]] | None:
        """The step whose turn it is with who has approved it, each press counted for one step."""
        left = [(step, set[str]()) for step in self.steps()]
        for who in self.pressed:
            at = next(((step, by) for step, by in left if len(by) < step.needed), None)
            if at is not None and self.counts(who, at[0]):
                at[1].add(who)
        return next(((step, by) for step, by in left if len(by) < step.needed), None)

    def is_approved(self) -> bool:
        return self.turn() is None

    def is_welcome(self, who: str) -> bool:
        """Whether a press of theirs must be taken, and of whom it must not be."""
        turn = self.turn()
        if turn is None:
            return self.settles(who)
        step, by = turn
        return who not in by and self.counts(who, step)


@dataclass(slots=True)
class Play:
    """A post, the model, and what must not have happened."""

    here: World
    model: Model
    campaign_id: str
    shown: Post
    wrong: list[str] = field(default_factory=list)

    async def post(self) -> Post:
        return await self.here.post(self.shown.id)

    async def do(self, step: Do) -> None:
        before = await self.post()
        match step.what:
            case "approve":
                await self.approve(step, before)
            case "edit":
                await self.edit(step, before)
            case "move":
                await self.move(step, before)
            case "send back" | "reject":
                verdict = Verdict.REJECTED if step.what == "reject" else Verdict.CHANGES_REQUESTED
                for person in step.by:
                    await self.here.approvals.decide(
                        person, before.id, verdict, revision_id=before.revision_id, comment="No"
                    )
            case "cancel":
                await self.here.scheduling.cancel(step.by[0], before.id)
            case "set":
                scope_id = self.scope_id(step.scope)
                await policies_of(self.here).save(EVA, step.scope, scope_id, step.rules)
                self.model.rules[step.scope] = step.rules
            case "unset":
                await policies_of(self.here).remove(EVA, step.scope, self.scope_id(step.scope))
                del self.model.rules[step.scope]
            case "role":
                who = step.by[0]
                roles = {step.role} if step.role else set()
                await set_roles(self.here, who, *roles)
                self.model.roles[who.user_id] = roles
            case "group":
                await set_group(self.here, *step.by)
                self.model.group = {person.user_id for person in step.by}

    def scope_id(self, scope: Scope) -> str:
        ids = {Scope.ACCOUNT: self.model.account_id, Scope.CAMPAIGN: self.campaign_id}
        return ids.get(scope, "")

    async def approve(self, step: Do, before: Post) -> None:
        seen = self.shown if step.is_stale else before
        is_fresh = seen.version == before.version and before.state is PostState.IN_REVIEW
        is_one = len(set(step.by)) == 1
        welcome = is_fresh and self.model.is_welcome(step.by[0].user_id)
        results = await asyncio.gather(
            *(
                self.here.approvals.decide(
                    person,
                    seen.id,
                    Verdict.APPROVED,
                    revision_id=seen.revision_id,
                    version=seen.version,
                )
                for person in step.by
            ),
            return_exceptions=True,
        )
        taken = 0
        for result in results:
            if not isinstance(result, BaseException):
                taken += 1
            elif not isinstance(result, UserError):
                raise result
        if is_one and bool(taken) != welcome:
            self.wrong.append(f"{taken} presses of {step} were taken: {results}, {self.model}")
        if taken and not is_fresh:
            self.wrong.append(f"{step} was taken on what isn't there any more")
        async with self.here.database.reading() as tx:
            decisions = await approvals.of_post(tx, seen.id)
        self.model.pressed += [one.user_id for one in decisions[len(decisions) - taken :]]
        after = await self.post()
        if after.state is PostState.SCHEDULED and before.state is not PostState.SCHEDULED:
            if not self.model.is_approved():
                self.wrong.append(f"{step} scheduled it, {self.model}")
            if not any(one.due_at == after.due_at for one in decisions[-taken:]):
                self.wrong.append(f"nobody approved {after.due_at}")

    async def edit(self, step: Do, before: Post) -> None:
        [person, *_] = step.by
        at = NOON + timedelta(hours=1)
        form = PostForm(
            f"Text {step.number % 2}",
            (self.model.account_id,),
            when=When.AT,
            at=at,
            campaign_id=self.campaign_id if step.number > 1 else None,
        )
        await self.here.drafting.submit(person, form, post_id=before.id)
        after = await self.post()
        self.model.pressed = []
        self.model.has_campaign = after.campaign_id is not None
        if after.revision_id != before.revision_id:
            self.model.writers = {ANA.user_id, person.user_id}
        if (after.state is PostState.SCHEDULED) != (not self.model.steps()):
            self.wrong.append(f"{step} made it {after.state}, {self.model}")

    async def move(self, step: Do, before: Post) -> None:
        [person, *_] = step.by
        at = NOON + timedelta(hours=2 + step.number)
        after = await self.here.scheduling.reschedule(person, before.id, NewTime(When.AT, at))
        if before.state is not PostState.SCHEDULED:
            return
        if (after.state is PostState.SCHEDULED) != self.model.settles(person.user_id):
            self.wrong.append(f"{step} made it {after.state}, {self.model}")
        if after.state is PostState.SCHEDULED and self.model.steps():
            self.model.pressed.append(person.user_id)

    async def look(self) -> None:
        """What stands promised is what is there."""
        post, living = await self.post(), await self.here.deliveries(self.shown.id)
        for delivery in living:
            if (delivery.revision_id, delivery.due_at) != (post.revision_id, post.due_at):
                self.wrong.append(f"{delivery} isn't what {post} says")
        if bool(living) != (post.state is PostState.SCHEDULED):
            self.wrong.append(f"{post.state} with {len(living)} deliveries")


ONE = st.sampled_from(PEOPLE).map(lambda person: (person,))
SOME = st.one_of(
    ONE, ONE, ONE, ONE.map(lambda one: one * 2), st.tuples(*[st.sampled_from(PEOPLE)] * 2)
)
SCOPES = st.sampled_from(Scope)
APPROVALS = st.builds(
    Do, st.just("approve"), by=SOME, is_stale=st.sampled_from([False] * 6 + [True])
)
EDITS = st.builds(Do, st.just("edit"), by=ONE, number=st.integers(0, 3))
MOVES = st.builds(Do, st.just("move"), by=ONE, number=st.integers(0, 2))
ENDS = st.builds(Do, st.sampled_from(["send back", "reject", "cancel"]), by=ONE)
SETS = st.builds(Do, st.just("set"), rules=st.sampled_from(RULES), scope=SCOPES)
UNSETS = st.builds(Do, st.just("unset"), scope=SCOPES)
ROLES = st.builds(
    Do,
    st.just("role"),
    by=st.sampled_from([(ANA,), (BEN,), (CHIDI,)]),
    role=st.sampled_from([None, Role.AUTHOR, Role.APPROVER, Role.RESPONDER]),
)
GROUPS = st.builds(
    Do, st.just("group"), by=st.sampled_from([(), (LEA,), (CHIDI,), (LEA, CHIDI), (ANA, BEN)])
)
STEPS = st.lists(
    st.one_of(
        APPROVALS, APPROVALS, APPROVALS, EDITS, MOVES, MOVES, ENDS, SETS, ROLES, GROUPS, UNSETS
    ),
    max_size=16,
)


async def play(template: Path, first: Rules, steps: Sequence[Do]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy(template, Path(folder) / "x.db")
        url = f"sqlite:///{Path(folder) / 'x.db'}"
        async with world(url, Path(folder), now=lambda: NOON) as here:
            await set_group(here, LEA)
            campaign = Campaign("spring", TEAM, "Spring", EVA.user_id, NOON)
            async with here.database.transaction() as tx:
                await campaigns.insert_new(tx, campaign)
            await policies_of(here).save(EVA, Scope.WORKSPACE, "", first)
            shown = await here.submitted("Text 0", when=When.AT, at=NOON + timedelta(hours=1))
            roles = {ANA: Role.AUTHOR, BEN: Role.APPROVER, CHIDI: Role.APPROVER, EVA: Role.ADMIN}
            model = Model(
                here.account.id,
                rules={Scope.WORKSPACE: first},
                roles={person.user_id: {role} for person, role in roles.items()},
                group={LEA.user_id},
                writers={ANA.user_id},
            )
            one = Play(here, model, campaign.id, shown)
            for step in steps:
                with contextlib.suppress(UserError):
                    await one.do(step)
                await one.look()
                assert not one.wrong, "\n".join(one.wrong)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "empty.db"
    asyncio.run(empty_database(file))
    return file


LEFT = (
    Do("approve", (BEN,)),
    Do("role", (BEN,), role=Role.AUTHOR),
    Do("approve", (CHIDI,)),
    Do("approve", (EVA,)),
    Do("move", (ANA,)),
    Do("approve", (CHIDI, EVA)),
)
IN_STEPS = (
    Do("approve", (LEA,)),
    Do("approve", (BEN, LEA)),
    Do("group", (CHIDI,)),
    Do("approve", (LEA,)),
    Do("edit", (ANA,), number=0),
    Do("approve", (BEN, BEN)),
    Do("approve", (CHIDI,)),
    Do("move", (ANA,), number=1),
    Do("approve", (BEN,), is_stale=True),
    Do("approve", (CHIDI,)),
)


RESUBMITTED = (
    Do("approve", (BEN,)),
    Do("edit", (ANA,), number=0),
    Do("approve", (CHIDI,)),
    Do("approve", (ANA,)),
    Do("approve", (BEN,), is_stale=True),
    Do("approve", (BEN,)),
)
NAMED = (
    Do("role", (BEN,), role=None),
    Do("approve", (BEN,)),
    Do("approve", (CHIDI,)),
    Do("role", (BEN,), role=Role.RESPONDER),
    Do("approve", (BEN,)),
)
ONE_EACH = (
    Do("approve", (EVA,)),
    Do("set", rules=RULES[6], scope=Scope.ACCOUNT),
    Do("approve", (LEA,)),
    Do("approve", (EVA,)),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=st.sampled_from(RULES), steps=STEPS)
@example(first=RULES[3], steps=list(LEFT))
@example(first=RULES[5], steps=list(IN_STEPS))
@example(first=RULES[3], steps=list(RESUBMITTED))
@example(first=RULES[4], steps=list(NAMED))
@example(first=RULES[5], steps=list(ONE_EACH))
def test_in_any_order_nothing_is_scheduled_that_was_not_approved_by_those_it_needs(
    template: Path, first: Rules, steps: list[Do]
) -> None:
    asyncio.run(play(template, first, steps))
