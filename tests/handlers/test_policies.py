"""Who must approve, in Slack: the form of the rules, what cards say of them, Slack's limits."""

import pytest

from bot.playground.block_kit import check_message, check_view
from bot.playground.records import Message, View
from bot.playground.seed import ANA, APPROVALS, BEN, CHIDI, DANA, EVA
from bot.policies import Deciders
from bot.policy_settings import MOST_PEOPLE, MOST_STEPS, Place, Rules, Settings
from handlers.policy_fields import STEPS, PolicyFields, of_place, unpacked
from handlers.views.approvals import card
from handlers.views.policies import policy_form, settings_view, step_form
from storage import policies, user_groups
from storage.records import Member, Mode, Policy, Role, Scope, Step, UserGroup, Workspace
from tests.handlers.shown_posts import NOW, shown
from tests.handlers.stage import Stage, inputs_of, text_of
from tests.handlers.test_brake import changed, person

LEGAL = "S0LEGAL0001"


async def kept(stage: Stage) -> list[Policy]:
    async with stage.services.database.reading() as tx:
        return list(await policies.of_workspace(tx, stage.bot.team_id))


async def opened(stage: Stage) -> View:
    await stage.command(EVA, "/social settings")
    return await stage.modal(EVA, "Every post")


async def chosen(stage: Stage, view: View, choice: str, containing: str) -> View:
    await stage.press(EVA, view, "who", choice)
    return await stage.modal(EVA, containing)


async def with_step(stage: Stage, view: View, button: str = "Choose who", **values: object) -> View:
    """The form with a further step."""
    await stage.press(EVA, view, button)
    step = await stage.modal(EVA, "What is it called?")
    assert (await stage.submit(step, **values)).ok  # type: ignore[arg-type]
    return await stage.modal(EVA, "policy")


async def steps_form(stage: Stage) -> View:
    view = await opened(stage)
    await stage.press(EVA, view, "policy_menu", "Change", within="Every post")
    form = await stage.modal(EVA, "policy")
    return await chosen(stage, form, "People or groups that I choose", "Nobody is chosen yet")


async def set_two_steps(stage: Stage) -> View:
    """Content by Ben, then Legal by one of @legal; the list as it is then."""
    form = await steps_form(stage)
    form = await with_step(stage, form, name="Content", people=[BEN])
    form = await with_step(
        stage, form, "Add a step after that", name="Legal", group=LEGAL, backup=EVA
    )
    assert "*1.* Content: 1 of Ben Okafor" in text_of(form)
    assert (await stage.submit(form)).ok
    return await stage.modal(EVA, "Saved.")


async def asked(stage: Stage, text: str) -> Message:
    """Ana asks for approval; the card."""
    await stage.command(ANA, f"/social draft {text}")
    form = await stage.modal(ANA, "draft")
    assert (await stage.submit(form, when="As soon as it's approved")).ok
    return await stage.message(APPROVALS, text)


async def test_an_admin_sets_two_steps_and_the_list_says_them_in_words(stage: Stage) -> None:
    view = await set_two_steps(stage)
    said = "1. Content: 1 of Ben Okafor; 2. Legal: 1 of @legal (backup: Eva Lindt)."
    assert said in text_of(view)
    [policy] = await kept(stage)
    assert policy.steps == (
        Step("Content", 1, (BEN,)),
        Step("Legal", 1, (), LEGAL, EVA),
    )
    async with stage.services.database.reading() as tx:
        group = await user_groups.get(tx, stage.bot.team_id, LEGAL)
    assert group is not None
    assert group.members == (CHIDI, DANA)


async def test_the_strictest_holds_is_said_in_the_form(stage: Stage) -> None:
    assert "the strictest holds" in text_of(await opened(stage))


async def test_a_rule_for_an_account_is_set_and_taken_away_again(stage: Stage) -> None:
    before = await kept(stage)
    view = await opened(stage)
    await stage.press(EVA, view, "Account or campaign", "Sandbox · @acorn")
    form = await stage.modal(EVA, "policy")
    await stage.press(EVA, form, "who", "Nobody: posts go out at their time")
    form = await stage.modal(EVA, "policy")
    assert (await stage.submit(form)).ok
    view = await stage.modal(EVA, "Nobody has to approve.")
    [new] = [policy for policy in await kept(stage) if policy not in before]
    assert new.scope is Scope.ACCOUNT
    await stage.press(EVA, view, "policy_menu", "Take this rule away", within="Sandbox")
    await stage.modal(EVA, "That rule is gone")
    assert await kept(stage) == before


async def test_too_many_for_too_few_is_refused_at_the_field_with_everything_kept(
    stage: Stage,
) -> None:
    form = await steps_form(stage)
    await stage.press(EVA, form, "Choose who")
    step = await stage.modal(EVA, "What is it called?")
    outcome = await stage.submit(step, name="Legal", group=LEGAL, needed="3")
    assert list(outcome.errors) == ["needed"]
    assert "Only 2 people" in outcome.errors["needed"]
    step = await stage.modal(EVA, "What is it called?")
    assert (await stage.submit(step, needed="2")).ok
    await stage.modal(EVA, "Legal: 2 of @legal")


async def test_nobody_chosen_is_refused_at_the_choice(stage: Stage) -> None:
    form = await steps_form(stage)
    outcome = await stage.submit(form)
    assert list(outcome.errors) == ["who"]


async def test_steps_are_changed_put_earlier_and_taken_out(stage: Stage) -> None:
    form = await steps_form(stage)
    form = await with_step(stage, form, name="Content")
    form = await with_step(stage, form, "Add a step after that", name="Legal", people=[CHIDI])
    await stage.press(EVA, form, "step_menu", "Earlier", within="Legal")
    form = await stage.modal(EVA, "*1.* Legal")
    await stage.press(EVA, form, "step_menu", "Change", within="Content")
    step = await stage.modal(EVA, "What is it called?")
    assert (await stage.submit(step, name="Editors")).ok
    form = await stage.modal(EVA, "*2.* Editors")
    await stage.press(EVA, form, "step_menu", "Take out", within="Legal")
    form = await stage.modal(EVA, "policy")
    assert (await stage.submit(form)).ok
    await stage.modal(EVA, "Editors: any approver or admin.")


async def test_going_back_keeps_the_steps_and_changes_nothing(stage: Stage) -> None:
    before = await kept(stage)
    form = await with_step(stage, await steps_form(stage), name="Content")
    await stage.press(EVA, form, "Add a step after that")
    step = await stage.modal(EVA, "What is it called?")
    await stage.press(EVA, step, "Back without keeping it")
    form = await stage.modal(EVA, "Content: any approver")
    await stage.press(EVA, form, "Back to all rules")
    await stage.modal(EVA, "Every post")
    assert await kept(stage) == before


@pytest.mark.parametrize("who", [ANA, BEN, DANA])
async def test_only_admins_see_the_form(stage: Stage, who: str) -> None:
    await stage.command(who, "/social settings")
    await stage.whispered(who, "you need the role admin")


async def test_a_card_says_what_is_needed_what_was_given_and_whose_turn_it_is(
    stage: Stage,
) -> None:
    await set_two_steps(stage)
    posted = await asked(stage, "Two steps")
    assert "Step 1 of 2: needs 1 of Content: Ben Okafor." in text_of(posted)
    await stage.press(DANA, posted, "Approve")
    await stage.whispered(DANA, "It isn't your turn yet", APPROVALS)
    await stage.press(BEN, posted, "Approve")
    waits = await changed(stage, posted, "Step 2 of 2: needs 1 of Legal")
    assert "Step 1, Content: approved by Ben Okafor" in text_of(waits)
    assert "Only the time is new" not in text_of(waits)
    await stage.press(BEN, waits, "Approve")
    await stage.whispered(BEN, "You have approved this already", APPROVALS)
    await stage.press(DANA, waits, "Approve")
    done = await changed(stage, posted, "Published")
    assert "Dana Weber approved it (Legal)" in text_of(done)


async def test_home_lists_a_post_only_to_those_whose_turn_it_is(stage: Stage) -> None:
    await set_two_steps(stage)
    posted = await asked(stage, "Whose turn?")
    await stage.open_home(BEN, "Waiting for your approval")
    assert "Waiting for your approval" not in text_of(await stage.open_home(DANA))
    await stage.press(BEN, posted, "Approve")
    await changed(stage, posted, "Step 2 of 2")
    home = await stage.open_home(DANA, "Waiting for your approval")
    await stage.press(DANA, home, "Review 1")
    review = await stage.modal(DANA, "Whose turn?")
    assert (await stage.submit(review)).ok
    await stage.modal(DANA, "That was the last one")
    await changed(stage, posted, "Published")


async def test_a_campaign_is_named_in_the_draft_form_and_shown_on_the_card(stage: Stage) -> None:
    await stage.command(ANA, "/social draft Fresh beans")
    form = await stage.modal(ANA, "draft")
    await stage.press(ANA, form, "campaign", "A new one …")
    form = await stage.modal(ANA, "Its name")
    outcome = await stage.submit(form, new_campaign="Spring & summer")
    assert outcome.ok
    posted = await stage.message(APPROVALS, "Fresh beans")
    assert "Spring &amp; summer" in text_of(posted)
    await stage.command(BEN, "/social draft Next")
    form = await stage.modal(BEN, "draft")
    [field] = [block for block in inputs_of(form) if block["block_id"] == "campaign"]
    offered = [one["text"]["text"] for one in field["element"]["options"]]
    assert offered == ["No campaign", "Spring & summer", "A new one …"]
    await stage.command(BEN, "/social pause")
    pause = await stage.modal(BEN, "pause")
    where = "Only the campaign Spring & summer"
    assert (await stage.submit(pause, where=where, reason="Recall")).ok
    await stage.message(APPROVALS, "Publishing is paused for the campaign Spring &amp; summer.")


async def test_where_nobody_has_to_approve_the_button_says_schedule(stage: Stage) -> None:
    await stage.services.policies.save(person(EVA), Scope.WORKSPACE, "", Rules(()))
    await stage.command(ANA, "/social draft Straight on")
    form = await stage.modal(ANA, "draft")
    assert form.body["submit"]["text"] == "Schedule"
    assert (await stage.submit(form, when="Now")).ok
    posted = await stage.message(APPROVALS, "Straight on")
    await changed(stage, posted, "nobody else has to approve it")


# Slack's limits


def crowded() -> tuple[Settings, PolicyFields]:
    """As many and as long as there can be."""
    name = "&<*" * 26
    ids = [f"U{number:010}" for number in range(MOST_PEOPLE)]
    members = {one: Member("T1", one, name, "UTC", frozenset({Role.APPROVER})) for one in ids}
    group = UserGroup("T1", "S" * 11, "h" * 80, name, tuple(ids), frozenset(), NOW)
    steps = tuple(
        Step(f"{number}" + "W" * 39, 9, tuple(ids), group.id, ids[0])
        for number in range(MOST_STEPS)
    )
    workspace = Workspace("T1", "Acorn", Mode.TEAM, "UTC", "C1", "C2", {}, (), 1800, NOW, NOW)
    more = {"author_counts": True, "replies": True, "own_card": True}
    rules = [
        Policy(
            id=str(number),
            workspace_id="T1",
            scope=Scope.CAMPAIGN,
            scope_id=f"{number:032}",
            steps=steps,
            updated_by="U",
            updated_at=NOW,
            **more,
        )
        for number in range(150)
    ]
    deciders = Deciders(workspace, rules, members, {group.id: group})
    places = [
        Place(Scope.WORKSPACE, "", None, None),
        *(Place(one.scope, one.scope_id, "W" * 60, one) for one in rules),
        *(Place(Scope.ACCOUNT, f"{n:032}", "W" * 90, None) for n in range(150)),
    ]
    settings = Settings(places, deciders)
    return settings, of_place(places[1], settings.rules(places[1]))


def test_slack_takes_the_forms_with_the_most_of_everything() -> None:
    settings, fields = crowded()
    groups = [*settings.deciders.groups.values()] * 150
    groups = [
        UserGroup(g.workspace_id, f"S{n:010}", g.handle, g.name, g.members, g.roles, NOW)
        for n, g in enumerate(groups)
    ]
    views = [
        settings_view(settings, said="x" * 100),
        policy_form(settings, settings.places[1], fields),
        step_form(fields, fields.steps[0], groups),
        step_form(fields, Step(""), None),
    ]
    for view in views:
        check_view(view)


def test_what_is_filled_in_survives_the_view() -> None:
    _, fields = crowded()
    assert fields.who == STEPS
    assert unpacked({"private_metadata": fields.pack()}) == fields


def test_slack_takes_a_card_with_the_most_steps_and_it_says_which_is_on() -> None:
    settings, fields = crowded()
    rule = Policy("1", "T1", Scope.WORKSPACE, "", fields.steps, False, True, True, "U", NOW)
    everybody = tuple(settings.deciders.members.values())
    post = shown(
        policies=(rule,),
        groups=tuple(settings.deciders.groups.values()),
        members=everybody,
        approvals=(),
        names={one.user_id: one.name for one in everybody},
    )
    text, blocks = card(post, [])
    check_message(blocks, text=text)
    assert f"Step 1 of {MOST_STEPS}" in str(blocks)


def test_a_card_warns_when_too_few_are_left_to_approve() -> None:
    rule = Policy("1", "T1", Scope.WORKSPACE, "", (Step("Two", 2),), False, False, False, "U", NOW)
    assert "Too few people are left" in str(card(shown(policies=(rule,)), [])[1])
    assert "Too few people are left" not in str(card(shown(), [])[1])
