"""Who must approve a post: which policies hold for it, where its round stands, in words.

A round is looked at as things are *now*: the approvals of the post's present revision and round are
given, in their order, to the first step that isn't done, if whoever gave them is eligible for it
today. So nobody's approval outlives their role, their group or the policy that asked for it, as
long as the round is open. `load` reads what that needs; everything else here is pure.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import AlreadyDone, NotAllowed
from bot.roles import Roles, effective
from bot.team import ALLOWED, Action
from storage import approvals, campaign_grants, policies, user_groups, workspaces
from storage.records import (
    Approval,
    CampaignGrant,
    Member,
    Mode,
    Policy,
    Post,
    PostState,
    Revision,
    Role,
    Scope,
    Step,
    UserGroup,
    Verdict,
    Workspace,
)
from storage.rows import Transaction

ANY_APPROVER = Step("")
Name = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Needed:
    """What the policies that hold for a post ask for, all of them together: the strictest of each.

    No steps: nobody has to approve.
    """

    steps: tuple[Step, ...]
    author_counts: bool
    own_card: bool


@dataclass(frozen=True, slots=True)
class StepStanding:
    """A step, and whose approvals count for it, in their order."""

    step: Step
    by: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        return max(0, self.step.needed - len(self.by))


@dataclass(frozen=True, slots=True)
class Deciders:
    """What says who may decide in a workspace now. ``grants`` are by campaign."""

    workspace: Workspace
    policies: Sequence[Policy]
    members: Mapping[str, Member]
    groups: Mapping[str, UserGroup]
    grants: Mapping[str, Sequence[CampaignGrant]] = field(default_factory=dict)

    def name(self, user_id: str) -> str:
        """What somebody is called."""
        member = self.members.get(user_id)
        return member.name if member else "somebody new"

    # Which policies hold

    def of(self, scope: Scope, scope_id: str) -> Policy | None:
        """The policy that was set for exactly this."""
        return next(
            (one for one in self.policies if (one.scope, one.scope_id) == (scope, scope_id)), None
        )

    def holding(
        self, campaign_id: str | None, account_ids: Collection[str]
    ) -> Sequence[Policy | None]:
        """The policies that hold for a post; None stands for the workspace's default.

        Its campaign's, and each of its accounts' that has one. The workspace's holds where the
        campaign has none, for accounts that have none.
        """
        of_campaign = self.of(Scope.CAMPAIGN, campaign_id) if campaign_id else None
        on = [self.of(Scope.ACCOUNT, account_id) for account_id in sorted(account_ids)]
        first: list[Policy | None] = [of_campaign] if of_campaign else []
        if of_campaign is None and (None in on or not on):
            first = [self.of(Scope.WORKSPACE, "")]
        return [*first, *(policy for policy in on if policy is not None)]

    def needed(
        self, campaign_id: str | None, account_ids: Collection[str], *, is_reply: bool = False
    ) -> Needed:
        """What a post with this campaign on these accounts needs before it goes out.

        :param is_reply: it answers a mention: only policies that say so hold for it.
        """
        steps: list[Step] = []
        author_counts, own_card = True, False
        for policy in self.holding(campaign_id, account_ids):
            if is_reply and not (policy is not None and policy.replies):
                continue
            own_card = own_card or (policy is not None and policy.own_card)
            asked = self._default() if policy is None else policy.steps
            steps += [step for step in asked if step not in steps]
            if asked:
                author_counts = author_counts and policy is not None and policy.author_counts
        return Needed(tuple(steps), author_counts, own_card)

    def _default(self) -> tuple[Step, ...]:
        """Without a policy: any approver in a team, nobody where somebody works alone."""
        return () if self.workspace.mode is Mode.ALONE else (ANY_APPROVER,)

    # Who is eligible

    def roles(self, user_id: str, campaign_id: str | None) -> Roles:
        """What somebody has; of what was granted in campaigns, in this one."""
        member = self.members.get(user_id)
        if member is None:  # in a user group whose people aren't all known yet
            member = Member(self.workspace.id, user_id, self.name(user_id), "UTC", frozenset())
        grants = [one for one in self.grants.get(campaign_id or "", ()) if one.user_id == user_id]
        homes = {grant.team_id for grant in grants} - {self.workspace.id}
        return effective(member, self.groups.values(), grants, next(iter(homes), None))

    def may(self, user_id: str, action: Action, campaign_id: str | None) -> bool:
        """Whether one of their roles for a post of a campaign covers the action."""
        roles = self.roles(user_id, campaign_id)
        if roles.is_client and action is not Action.DECIDE:
            return False
        return bool(roles.within(campaign_id) & ALLOWED[action])

    def eligible(self, step: Step, user_id: str, campaign_id: str | None) -> bool:
        """Whether somebody's approval would count for a step: its people and its backup as long as
        they have a role here at all, its group's members, or, with neither, every approver. Clients
        only where they were made approvers, and nobody who is gone."""
        roles = self.roles(user_id, campaign_id)
        here = roles.within(campaign_id)
        if user_id in step.people or user_id == step.backup:
            return bool(here)
        if step.group is not None and step.group in self.groups:
            member = self.members.get(user_id)
            is_gone = member is not None and member.is_gone
            is_outside = roles.is_client and not here
            if user_id in self.groups[step.group].members and not is_gone and not is_outside:
                return True
        return step.is_open and bool(here & ALLOWED[Action.DECIDE])

    def everybody(self) -> frozenset[str]:
        """Everybody who could be eligible for anything."""
        steps = [step for policy in self.policies for step in policy.steps]
        named = {id_ for step in steps for id_ in (*step.people, step.backup) if id_}
        grouped = {id_ for group in self.groups.values() for id_ in group.members}
        granted = {grant.user_id for some in self.grants.values() for grant in some}
        return frozenset(self.members) | named | grouped | granted

    # Where a round stands

    def round(self, post: Post, revision: Revision, decisions: Sequence[Approval]) -> "Round":
        """Where the post's round stands.

        :param decisions: on the post, oldest first.
        """
        needed = self.needed(
            post.campaign_id, revision.content.account_ids, is_reply=post.mention_id is not None
        )
        empty = tuple(StepStanding(step) for step in needed.steps)
        standing = Round(post, revision.editor_id, empty, needed, self)
        for decision in decisions:
            is_of_round = (decision.revision_id, decision.round) == (post.revision_id, post.round)
            if is_of_round and decision.verdict is Verdict.APPROVED:
                standing = standing.given(decision.user_id)
        return standing


@dataclass(frozen=True, slots=True)
class Round:
    """An open round of approval: each step with whose approvals count, as things are now."""

    post: Post
    editor_id: str
    steps: tuple[StepStanding, ...]
    needed: Needed
    deciders: Deciders

    @property
    def current(self) -> StepStanding | None:
        """The step whose turn it is; None: nothing is missing."""
        return next((standing for standing in self.steps if standing.missing), None)

    @property
    def is_complete(self) -> bool:
        return self.current is None

    def given(self, user_id: str) -> "Round":
        """The round after somebody's approval; the same if it doesn't count."""
        current = self.current
        if current is None or not self.counts(user_id):
            return self
        after = StepStanding(current.step, (*current.by, user_id))
        at = self.steps.index(current)
        steps = (*self.steps[:at], after, *self.steps[at + 1 :])
        return Round(self.post, self.editor_id, steps, self.needed, self.deciders)

    def is_shut_out(self, user_id: str) -> bool:
        """Whether they wrote it or changed it last, and so don't count."""
        return not self.needed.author_counts and user_id in (self.post.author_id, self.editor_id)

    def eligible(self, step: Step, user_id: str) -> bool:
        """Whether somebody's approval counts for a step of this post."""
        if self.is_shut_out(user_id):
            return False
        return self.deciders.eligible(step, user_id, self.post.campaign_id)

    def may_settle(self, user_id: str) -> bool:
        """Whether one press of theirs settles a new time: they are eligible for some step; where
        nobody has to approve, they write."""
        if not self.steps:
            return self.deciders.may(user_id, Action.DRAFT, self.post.campaign_id)
        return any(self.eligible(standing.step, user_id) for standing in self.steps)

    def may_end(self, user_id: str) -> bool:
        """Whether they may ask for changes or reject: eligible for some step, or an admin."""
        if self.is_shut_out(user_id):
            return False
        campaign_id = self.post.campaign_id
        roles = self.deciders.roles(user_id, campaign_id).within(campaign_id)
        return self.may_settle(user_id) or Role.ADMIN in roles

    def counts(self, user_id: str) -> bool:
        """Whether an approval of theirs would count now."""
        current = self.current
        if current is None:
            return self.may_settle(user_id)
        return user_id not in current.by and self.eligible(current.step, user_id)

    def turn(self) -> frozenset[str]:
        """Everybody whose approval would count now."""
        return frozenset(one for one in self.deciders.everybody() if self.counts(one))

    def require(self, user_id: str) -> None:
        """Check that somebody's approval counts now.

        :raises NotAllowed: it doesn't: says why and whose turn it is.
        :raises AlreadyDone: they have given theirs.
        """
        if self.counts(user_id):
            return
        current, wanted = self.current, said(self, self.deciders.name)
        if current is not None and user_id in current.by:
            raise AlreadyDone(f"You have approved this already. {wanted} Nothing was changed.")
        self._require_another(user_id)
        if any(user_id in standing.by for standing in self.steps):
            raise AlreadyDone(f"You have approved this already. {wanted} Nothing was changed.")
        what = "It isn't your turn yet." if self.may_settle(user_id) else "You can't approve this."
        raise NotAllowed(f"{what} {wanted} Nothing was changed.")

    def require_ending(self, user_id: str) -> None:
        """Check that somebody may ask for changes or reject.

        :raises NotAllowed: says why not.
        """
        self._require_another(user_id)
        if not self.may_end(user_id):
            wanted = said(self, self.deciders.name)
            raise NotAllowed(f"It isn't yours to decide on. {wanted} Nothing was changed.")

    def _require_another(self, user_id: str) -> None:
        if self.is_shut_out(user_id):
            wrote = "You wrote this post" if user_id == self.post.author_id else "The text is yours"
            raise NotAllowed(
                f"{wrote}, so somebody else has to decide on it. "
                f"{said(self, self.deciders.name)} Nothing was changed."
            )


# Reading


async def load(tx: Transaction, workspace: Workspace) -> Deciders:
    """Who may decide in a workspace now, in four statements."""
    granted: dict[str, list[CampaignGrant]] = {}
    for grant in await campaign_grants.of_workspace(tx, workspace.id):
        granted.setdefault(grant.campaign_id, []).append(grant)
    return Deciders(
        workspace=workspace,
        policies=await policies.of_workspace(tx, workspace.id),
        members={one.user_id: one for one in await workspaces.team(tx, workspace.id)},
        groups={one.id: one for one in await user_groups.of_workspace(tx, workspace.id)},
        grants=granted,
    )


async def round_of(tx: Transaction, workspace: Workspace, post: Post, revision: Revision) -> Round:
    """Where one post's round stands. Whoever acts on it has locked the post before."""
    return (await rounds(tx, workspace, [(post, revision)]))[post.id]


async def rounds(
    tx: Transaction, workspace: Workspace, found: Sequence[tuple[Post, Revision]]
) -> Mapping[str, Round]:
    """Where the rounds of several posts stand, by the posts' ids, in five statements: `turn` says
    who may decide on each now, `counts` whether somebody may."""
    deciders = await load(tx, workspace)
    decisions = await approvals.of_posts(tx, [post.id for post, _ in found])
    return {
        post.id: deciders.round(post, revision, decisions.get(post.id, ()))
        for post, revision in found
    }


# In words


def who(step: Step, groups: Mapping[str, UserGroup], name: Name) -> str:
    """Whose approval counts for a step: "Ben, Chidi or @legal"."""
    people = [name(user_id) for user_id in step.people]
    if step.group is not None:
        group = groups.get(step.group)
        people.append(f"@{group.handle}" if group else "a user group that is gone")
    if not people:
        return "any approver or admin" if step.needed == 1 else "the approvers and admins"
    if len(people) == 1:
        return people[0]
    return f"{', '.join(people[:-1])} or {people[-1]}"


def step_in_words(step: Step, groups: Mapping[str, UserGroup], name: Name) -> str:
    """A step of a policy: "Legal: 2 of Ben, Chidi or @legal"."""
    named = who(step, groups, name)
    is_open = not step.people and step.group is None
    text = named if is_open and step.needed == 1 else f"{step.needed} of {named}"
    backup = f" (backup: {name(step.backup)})" if step.backup else ""
    return f"{step.name}: {text}{backup}" if step.name else f"{text}{backup}"


def in_words(
    steps: Sequence[Step], author_counts: bool, groups: Mapping[str, UserGroup], name: Name
) -> str:
    """Who must approve, as one sentence without its full stop."""
    if not steps:
        return "nobody has to approve"
    each = [step_in_words(step, groups, name) for step in steps]
    text = (
        each[0]
        if len(each) == 1
        else "; ".join(f"{number}. {one}" for number, one in enumerate(each, start=1))
    )
    return f"{text}; the author counts" if author_counts else text


def said(shown: Round, name: Name) -> str:
    """What a post still needs and what was given: "Needs 2 of Legal, 1 given (Ben)." Where there
    are several steps, which it is."""
    current = shown.current
    if current is None:
        if not shown.steps:
            return "Nobody has to approve it any more: one press sends it on its way."
        return "The text is approved; its time needs one press of somebody who may approve."
    step, groups = current.step, shown.deciders.groups
    named = who(step, groups, name)
    label = step.name or named
    is_open = not step.people and step.group is None
    if not step.name and is_open:
        needs = f"{step.needed} approvers" if step.needed > 1 else named
    else:
        needs = f"{step.needed} of {label}"
    if current.by:
        needs += f", {len(current.by)} given ({', '.join(map(name, current.by))})"
    if step.name:
        needs += f": {named}"
    if step.backup:
        needs += f", or {name(step.backup)} as backup"
    if len(shown.steps) == 1:
        return f"Needs {needs}."
    number = shown.steps.index(current) + 1
    return f"Step {number} of {len(shown.steps)}: needs {needs}."


def others_said(shown: Round, name: Name) -> Sequence[str]:
    """The steps besides the one whose turn it is: who approved, and who comes next."""
    if len(shown.steps) < 2:
        return []
    lines = []
    for number, standing in enumerate(shown.steps, start=1):
        label = standing.step.name or who(standing.step, shown.deciders.groups, name)
        if not standing.missing:
            lines.append(f"Step {number}, {label}: approved by {', '.join(map(name, standing.by))}")
        elif standing is not shown.current:
            lines.append(f"Then step {number}: {standing.step.needed} of {label}")
    return lines


def is_stuck(shown: Round) -> bool:
    """Whether fewer people are left who could give what is missing than it takes."""
    current = shown.current
    if shown.post.state is not PostState.IN_REVIEW or current is None:
        return False
    return len(shown.turn()) < current.missing
