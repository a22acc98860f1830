"""The rules of who must approve: which hold, who is eligible, where a round stands, in words."""

from collections.abc import Sequence
from typing import Any

import pytest

from bot.errors import AlreadyDone, NotAllowed
from bot.policies import ANY_APPROVER, Deciders, Round, in_words, is_stuck, others_said, said
from storage.records import (
    Approval,
    CampaignGrant,
    Content,
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
    When,
    Workspace,
)
from tests.unit.deciding import LEGAL, LEGAL_STEP, NOON, policy

CONTENT = Step("Content", 1)
TWO = Step("Two", 2)


def deciders(
    *policies: Policy,
    mode: Mode = Mode.TEAM,
    group: Sequence[str] = ("LEA",),
    group_roles: Sequence[Role] = (),
    grants: Sequence[CampaignGrant] = (),
    guests: Sequence[str] = (),
    **roles: Role,
) -> Deciders:
    """Ana writes, Ben and Chidi approve, Eva is the admin, unless ``roles`` say otherwise."""
    everybody = {
        "ANA": Role.AUTHOR,
        "BEN": Role.APPROVER,
        "CHIDI": Role.APPROVER,
        "EVA": Role.ADMIN,
        **roles,
    }
    members = {
        who: Member("T1", who, who.title(), "UTC", frozenset({role}), is_guest=who in guests)
        for who, role in everybody.items()
        if role
    }
    workspace = Workspace("T1", "Acorn", mode, "UTC", "C", "C", {}, (), 1800, NOON, NOON)
    legal = UserGroup("T1", LEGAL, "legal", "Legal", tuple(group), frozenset(group_roles), NOON)
    by_campaign: dict[str, list[CampaignGrant]] = {}
    for grant in grants:
        by_campaign.setdefault(grant.campaign_id, []).append(grant)
    return Deciders(workspace, policies, members, {LEGAL: legal}, by_campaign)


def standing(who: Deciders, *approved: str, campaign: str | None = None, **post: Any) -> Round:
    """A round in which these people approved, in this order."""
    made = Post(
        id="post",
        workspace_id="T1",
        author_id="ANA",
        state=PostState.IN_REVIEW,
        revision_id="r1",
        when=When.NOW,
        due_at=None,
        mention_id=post.get("mention_id"),
        version=1,
        created_at=NOON,
        updated_at=NOON,
        campaign_id=campaign,
        round=2,
    )
    content, editor = Content({"a1": "x"}, None, ()), post.get("editor", "ANA")
    revision = Revision("r1", "T1", "post", 1, "", content, "x", editor, NOON)
    decisions = [approval(user_id) for user_id in approved]
    return who.round(made, revision, [*post.get("before", ()), *decisions])


def approval(user_id: str, *, revision: str = "r1", round: int = 2) -> Approval:
    return Approval(
        user_id, "T1", "post", revision, user_id, Verdict.APPROVED, "", None, NOON, round
    )


def grant(user_id: str, campaign_id: str = "spring", role: Role = Role.APPROVER) -> CampaignGrant:
    return CampaignGrant("g", "T1", campaign_id, user_id, "T9", frozenset({role}), "EVA", NOON)


def steps_of(who: Deciders, campaign: str | None, *accounts: str) -> list[str]:
    return [step.name for step in who.needed(campaign, accounts).steps]


# Which policies hold


def test_without_a_rule_a_team_needs_any_one_approver_and_one_person_alone_nobody() -> None:
    needed = deciders().needed(None, ["a1"])
    assert (needed.steps, needed.author_counts) == ((ANY_APPROVER,), False)
    alone = deciders(mode=Mode.ALONE).needed(None, ["a1"])
    assert (alone.steps, alone.author_counts) == ((), True)


def test_a_campaigns_rule_takes_the_workspaces_place_and_an_accounts_is_added() -> None:
    who = deciders(
        policy(Scope.WORKSPACE, "", Step("workspace")),
        policy(Scope.ACCOUNT, "a1", Step("account")),
        policy(Scope.CAMPAIGN, "spring", Step("campaign")),
    )
    assert steps_of(who, None, "a2") == ["workspace"]
    assert steps_of(who, None, "a1", "a2") == ["workspace", "account"]
    assert steps_of(who, None, "a1") == ["account"]
    assert steps_of(who, "spring", "a1", "a2") == ["campaign", "account"]
    assert steps_of(who, "spring", "a2") == ["campaign"]
    assert steps_of(who, "autumn", "a2") == ["workspace"]


def test_an_account_that_needs_nobody_frees_only_posts_that_are_on_it_alone() -> None:
    who = deciders(policy(Scope.ACCOUNT, "a1"))
    assert steps_of(who, None, "a1") == []
    assert steps_of(who, None, "a1", "a2") == [""]


def test_equal_steps_are_asked_for_once() -> None:
    who = deciders(
        policy(Scope.CAMPAIGN, "spring", CONTENT, TWO), policy(Scope.ACCOUNT, "a1", CONTENT)
    )
    assert steps_of(who, "spring", "a1") == ["Content", "Two"]


def test_an_author_counts_only_if_all_rules_say_so() -> None:
    says = policy(Scope.WORKSPACE, "", CONTENT, author_counts=True)
    other = policy(Scope.ACCOUNT, "a1", TWO)
    assert deciders(says).needed(None, ["a2"]).author_counts
    assert not deciders(says, other).needed(None, ["a1", "a2"]).author_counts
    nobody = policy(Scope.ACCOUNT, "a1")
    assert deciders(says, nobody).needed(None, ["a1", "a2"]).author_counts


def test_replies_need_what_rules_with_replies_ask_for_and_nothing_without() -> None:
    assert deciders().needed(None, ["a1"], is_reply=True).steps == ()
    who = deciders(
        policy(Scope.WORKSPACE, "", CONTENT), policy(Scope.ACCOUNT, "a1", TWO, replies=True)
    )
    assert who.needed(None, ["a1", "a2"], is_reply=True).steps == (TWO,)
    assert who.needed(None, ["a2"], is_reply=True).steps == ()


# Who is eligible


@pytest.mark.parametrize(
    ("step", "eligible"),
    [
        (ANY_APPROVER, {"BEN", "CHIDI", "EVA"}),
        (Step("", people=("ANA", "BEN")), {"ANA", "BEN"}),
        (LEGAL_STEP, {"LEA"}),
        (Step("", people=("BEN",), group=LEGAL), {"BEN", "LEA"}),
        (Step("", group=LEGAL, backup="EVA"), {"LEA", "EVA"}),
        (Step("", backup="ANA"), {"ANA", "BEN", "CHIDI", "EVA"}),
        (Step("", group="S-gone"), set()),
    ],
)
def test_who_is_eligible_for_a_step(step: Step, eligible: set[str]) -> None:
    who = deciders()
    assert {one for one in who.everybody() if who.eligible(step, one, None)} == eligible


def test_who_lost_every_role_is_eligible_for_nothing_that_names_them() -> None:
    who = deciders(BEN=None)  # type: ignore[arg-type]  # nobody there
    assert not who.eligible(Step("", people=("BEN",)), "BEN", None)
    assert not who.eligible(Step("", backup="BEN"), "BEN", None)


def test_roles_from_user_groups_count() -> None:
    who = deciders(group_roles=[Role.APPROVER])
    assert who.eligible(ANY_APPROVER, "LEA", None)


def test_a_client_decides_on_the_campaigns_that_were_granted_and_on_nothing_else() -> None:
    who = deciders(grants=[grant("CLIENT")])
    assert who.eligible(ANY_APPROVER, "CLIENT", "spring")
    assert not who.eligible(ANY_APPROVER, "CLIENT", "autumn")
    assert not who.eligible(ANY_APPROVER, "CLIENT", None)


def test_a_guests_workspace_roles_and_groups_count_for_nothing() -> None:
    who = deciders(guests=["BEN"], group=["BEN"])
    for step in (ANY_APPROVER, LEGAL_STEP, Step("", people=("BEN",))):
        assert not who.eligible(step, "BEN", None)
    granted = deciders(guests=["BEN"], group=["BEN"], grants=[grant("BEN")])
    assert granted.eligible(LEGAL_STEP, "BEN", "spring")
    assert not granted.eligible(LEGAL_STEP, "BEN", "autumn")


# Where a round stands


def test_approvals_are_given_to_the_first_step_that_is_not_done() -> None:
    who = deciders(policy(Scope.WORKSPACE, "", CONTENT, Step("Two", 2)))
    at = standing(who, "BEN", "BEN", "CHIDI")
    assert [one.by for one in at.steps] == [("BEN",), ("BEN", "CHIDI")]
    assert at.is_complete


def test_nobody_counts_twice_in_a_step() -> None:
    at = standing(deciders(policy(Scope.WORKSPACE, "", TWO)), "BEN", "BEN")
    assert at.steps[0].by == ("BEN",)
    assert not at.counts("BEN")
    assert at.turn() == {"CHIDI", "EVA"}


def test_an_approval_of_another_round_or_revision_counts_for_nothing() -> None:
    before = [approval("BEN", round=1), approval("CHIDI", revision="r0")]
    assert standing(deciders(), before=before).steps[0].by == ()


def test_whoever_lost_the_role_no_longer_counts_while_the_round_is_open() -> None:
    rule = policy(Scope.WORKSPACE, "", TWO)
    assert standing(deciders(rule), "BEN").steps[0].by == ("BEN",)
    assert standing(deciders(rule, BEN=Role.AUTHOR), "BEN").steps[0].by == ()


def test_whoever_left_the_group_no_longer_counts_and_later_steps_fall_with_them() -> None:
    rule = policy(Scope.WORKSPACE, "", LEGAL_STEP, Step("Boss", people=("EVA",)))
    assert standing(deciders(rule), "LEA", "EVA").is_complete
    at = standing(deciders(rule, group=["NEW"]), "LEA", "EVA")
    assert [one.by for one in at.steps] == [(), ()]
    assert at.turn() == {"NEW"}


def test_who_wrote_it_or_changed_it_last_counts_only_where_authors_count() -> None:
    shut = standing(deciders(), editor="BEN")
    assert not shut.counts("BEN")
    assert not shut.may_end("BEN")
    counts = deciders(policy(Scope.WORKSPACE, "", ANY_APPROVER, author_counts=True))
    assert standing(counts, editor="BEN").counts("BEN")


def test_ending_a_round_is_for_whoever_is_eligible_for_any_step_and_for_admins() -> None:
    at = standing(deciders(policy(Scope.WORKSPACE, "", LEGAL_STEP, Step("B", people=("BEN",)))))
    ends = {one for one in at.deciders.everybody() if at.may_end(one)}
    assert ends == {"LEA", "BEN", "EVA"}
    assert at.turn() == {"LEA"}


def test_a_complete_round_needs_one_press_of_somebody_eligible_for_any_step() -> None:
    at = standing(deciders(policy(Scope.WORKSPACE, "", CONTENT, LEGAL_STEP)), "BEN", "LEA")
    assert at.turn() == {"BEN", "CHIDI", "EVA", "LEA"}


def test_where_nobody_has_to_approve_whoever_writes_settles() -> None:
    at = standing(deciders(policy(Scope.WORKSPACE, "")))
    assert at.turn() == {"ANA", "BEN", "CHIDI", "EVA"}


def test_a_refusal_says_whose_turn_it_is() -> None:
    at = standing(deciders(policy(Scope.WORKSPACE, "", CONTENT, LEGAL_STEP)))
    with pytest.raises(NotAllowed, match=r"isn't your turn yet\. Step 1 of 2: needs 1 of Content"):
        at.require("LEA")
    with pytest.raises(AlreadyDone, match=r"approved this already\. Step 2 of 2: needs 1 of Legal"):
        at.given("BEN").require("BEN")


# In words


def name(user_id: str) -> str:
    return user_id.title()


def test_a_card_says_what_is_needed_and_given() -> None:
    assert said(standing(deciders()), name) == "Needs any approver or admin."
    two = policy(Scope.WORKSPACE, "", Step("Legal", 2, ("BEN", "CHIDI", "EVA")))
    assert (
        said(standing(deciders(two), "BEN"), name)
        == "Needs 2 of Legal, 1 given (Ben): Ben, Chidi or Eva."
    )
    steps = policy(Scope.WORKSPACE, "", CONTENT, Step("Legal", group=LEGAL, backup="EVA"))
    at = standing(deciders(steps), "BEN")
    assert said(at, name) == "Step 2 of 2: needs 1 of Legal: @legal, or Eva as backup."
    assert others_said(at, name) == ["Step 1, Content: approved by Ben"]
    assert others_said(standing(deciders(steps)), name) == ["Then step 2: 1 of Legal"]


def test_a_rule_in_words() -> None:
    groups = deciders().groups
    assert in_words((), True, groups, name) == "nobody has to approve"
    assert in_words((ANY_APPROVER,), False, groups, name) == "any approver or admin"
    assert in_words((CONTENT, Step("", 2, ("BEN",), LEGAL, "EVA")), True, groups, name) == (
        "1. Content: any approver or admin; 2. 2 of Ben or @legal (backup: Eva); the author counts"
    )


def test_a_round_that_nobody_can_finish_says_so() -> None:
    rule = policy(Scope.WORKSPACE, "", Step("Two", 2, ("ANA", "BEN")))
    assert is_stuck(standing(deciders(rule)))  # Ana wrote it
    assert not is_stuck(standing(deciders()))
