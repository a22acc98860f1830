"""What an admin sets in `/social settings`: who must approve, and where that holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot import policies
from bot.accounts import AccountChoice, Accounts
from bot.clock import Clock
from bot.errors import AlreadyDone, FieldErrors, NotFound
from bot.policies import ANY_APPROVER, Deciders
from bot.team import Action, Person, admit
from bot.user_groups import note_change
from storage import campaigns, history, notices, posts, user_groups, workspaces
from storage import policies as policy_rows
from storage.database import Database
from storage.records import AccountState, Campaign, Policy, Role, Scope, Step, UserGroup, Workspace
from storage.rows import Transaction, new_id

MOST_STEPS = 5
MOST_PEOPLE = 8  # of a step; more are a user group
LONGEST_STEP = 40


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds where, before anything else: steps in order, and the rest of the form."""

    steps: tuple[Step, ...]
    author_counts: bool = False
    replies: bool = False
    own_card: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a policy can hold. ``label`` is an account's or a campaign's name, None: everywhere."""

    scope: Scope
    scope_id: str
    label: str | None
    policy: Policy | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the form shows: each place, the workspace first, and who may decide."""

    places: Sequence[Place]
    deciders: Deciders

    def place(self, scope: Scope, scope_id: str) -> Place:
        """:raises NotFound: the account or campaign isn't there."""
        for place in self.places:
            if (place.scope, place.scope_id) == (scope, scope_id):
                return place
        raise NotFound("What this was for isn't there any more. Nothing was changed.")

    def rules(self, place: Place) -> Rules:
        """What the form begins with: what was set there, else what holds without."""
        policy = place.policy
        if policy is not None:
            return Rules(policy.steps, policy.author_counts, policy.replies, policy.own_card)
        needed = self.deciders.needed(None, ())
        return Rules(needed.steps or (ANY_APPROVER,))


class Policies:
    """Use cases of the form."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._notices = clock.alarm("notices")

    async def show(self, person: Person) -> Settings:
        """:raises NotAllowed: only admins change who must approve."""
        async with self._database.reading() as tx:
            return await self._settings(tx, person)

    async def _settings(self, tx: Transaction, person: Person) -> Settings:
        admitted = await admit(tx, person, Action.CONFIGURE)
        deciders = await policies.load(tx, admitted.workspace)
        known = await self._accounts.choices(tx, person.workspace_id)
        named = await campaigns.of_workspace(tx, person.workspace_id)
        return Settings(_places(deciders, known, named), deciders)

    async def check_step(
        self,
        person: Person,
        place: tuple[Scope, str],
        step: Step,
        group: UserGroup | None,
        others: Sequence[Step],
    ) -> None:
        """Check a step, and keep the user group that it names as Slack has it now.

        :param others: the other steps of the form.
        :raises FieldErrors: ``name``, ``people``, ``needed``, ``backup``: what is wrong with it.
        """
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.CONFIGURE)
            await workspaces.lock(tx, person.workspace_id)
            if group is not None:
                known = await user_groups.get(tx, person.workspace_id, group.id)
                roles = known.roles if known else frozenset[Role]()
                if known is None or known.synced_at <= group.synced_at:
                    kept = replace(group, workspace_id=person.workspace_id, roles=roles)
                    await user_groups.save(tx, kept)
                    await note_change(tx, kept, known, person.user_id, self._clock.now())
            settings = await self._settings(tx, person)
            problems = _problems(step, settings.deciders, _campaign_of(*place))
            if len(others) >= MOST_STEPS:
                problems["name"] = f"A post can have at most {MOST_STEPS} steps."
            if step in others:
                problems["name"] = "This step is there already. Ask for more approvals in it."
            if problems:
                raise FieldErrors(problems)

    async def save(self, person: Person, scope: Scope, scope_id: str, rules: Rules) -> Settings:
        """Set what holds in a place. It counts from now on, for posts in review too.

        :raises FieldErrors: ``who``: a step can't be satisfied.
        :raises NotFound: the account or campaign isn't there.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.CONFIGURE)
            await workspaces.lock(tx, person.workspace_id)
            settings = await self._settings(tx, person)
            before = settings.place(scope, scope_id).policy
            for step in rules.steps:
                problems = _problems(step, settings.deciders, _campaign_of(scope, scope_id))
                if problems:
                    named = f"{step.name}: " if step.name else ""
                    raise FieldErrors({"who": f"{named}{' '.join(problems.values())}"})
            policy = Policy(
                id=new_id(),
                workspace_id=person.workspace_id,
                scope=scope,
                scope_id=scope_id,
                steps=rules.steps,
                author_counts=rules.author_counts,
                replies=rules.replies,
                own_card=rules.own_card,
                updated_by=person.user_id,
                updated_at=now,
            )
            await policy_rows.save(tx, policy)
            await _note(tx, person, settings.deciders, before, policy, now)
            await self._refresh(tx, person)
            after = await self._settings(tx, person)
        self._notices.ring()
        return after

    async def remove(self, person: Person, scope: Scope, scope_id: str) -> Settings:
        """Take away what was set in a place: what holds without it holds again.

        :raises AlreadyDone: there is nothing any more.
        """
        async with self._database.transaction() as tx:
            admitted = await admit(tx, person, Action.CONFIGURE)
            await workspaces.lock(tx, person.workspace_id)
            now = self._clock.now()
            if not await remove_policy(tx, person, admitted.workspace, scope, scope_id, now):
                raise AlreadyDone("That was taken away already. Your press changed nothing.")
            await self._refresh(tx, person)
            after = await self._settings(tx, person)
        self._notices.ring()
        return after

    async def _refresh(self, tx: Transaction, person: Person) -> None:
        """The cards that wait say what holds now."""
        waiting = await posts.waiting(tx, person.workspace_id)
        await notices.refresh_all(tx, [post.id for post in waiting], self._clock.now())


async def remove_policy(
    tx: Transaction,
    person: Person,
    workspace: Workspace,
    scope: Scope,
    scope_id: str,
    now: datetime,
) -> bool:
    """Take away what was set in a place, on record; False if there was nothing."""
    deciders = await policies.load(tx, workspace)
    before = deciders.of(scope, scope_id)
    if before is None:
        return False
    await policy_rows.remove(tx, workspace.id, scope, scope_id)
    await _note(tx, person, deciders, before, None, now)
    return True


async def _note(
    tx: Transaction,
    person: Person,
    deciders: Deciders,
    before: Policy | None,
    after: Policy | None,
    now: datetime,
) -> None:
    """The record: what held in a place, and what holds there now."""
    policy = after or before
    if policy is None:
        return
    workspace_id = policy.workspace_id
    place = workspace_id, policy.scope_id or workspace_id
    detail = f"{_recorded(before, deciders)} -> {_recorded(after, deciders)}"
    action = f"policy: {policy.scope.value}"
    await history.note(tx, *place, person.user_id, action, now, detail)


def _places(
    deciders: Deciders, known: Sequence[AccountChoice], named: Sequence[Campaign]
) -> Sequence[Place]:
    def place(scope: Scope, scope_id: str, label: str | None) -> Place:
        return Place(scope, scope_id, label, deciders.of(scope, scope_id))

    return [
        place(Scope.WORKSPACE, "", None),
        *(
            place(Scope.ACCOUNT, choice.account.id, choice.label)
            for choice in known
            if choice.account.state is not AccountState.DISCONNECTED
        ),
        *(place(Scope.CAMPAIGN, campaign.id, campaign.name) for campaign in named),
    ]


def _campaign_of(scope: Scope, scope_id: str) -> str | None:
    return scope_id if scope is Scope.CAMPAIGN else None


def _problems(step: Step, deciders: Deciders, campaign_id: str | None) -> dict[str, str]:
    """What keeps a step from ever being done, by the form's fields."""
    problems = {}
    without = [
        user_id
        for user_id in (*step.people, step.backup)
        if user_id and not deciders.roles(user_id, campaign_id).within(campaign_id)
    ]
    names = {user_id: deciders.name(user_id) for user_id in without}
    if any(user_id in step.people for user_id in without):
        who = ", ".join(names[user_id] for user_id in without if user_id in step.people)
        problems["people"] = f"No role here yet: {who}. Give them one with /social team first."
    if step.backup in without:
        problems["backup"] = "No role here yet. Give them one with /social team first."
    if len(step.people) > MOST_PEOPLE:
        problems["people"] = f"At most {MOST_PEOPLE} people. For more, use a Slack user group."
    there = sum(
        deciders.eligible(replace(step, backup=None), user_id, campaign_id)
        for user_id in deciders.everybody() | set(step.people)
    )
    if step.needed < 1:
        problems["needed"] = "At least one approval."
    elif there < step.needed and not problems:
        count = (
            "Nobody is"
            if there == 0
            else f"Only {there} {'person is' if there == 1 else 'people are'}"
        )
        problems["needed"] = f"{count} there to approve it, fewer than it needs."
    return problems


def _recorded(policy: Policy | None, deciders: Deciders) -> str:
    """What was set, for the record."""
    if policy is None:
        return "nothing of its own"
    text = policies.in_words(policy.steps, policy.author_counts, deciders.groups, deciders.name)
    replies = "; replies too" if policy.replies else ""
    return f"{text}{replies}{'; own card at once' if policy.own_card else ''}"
