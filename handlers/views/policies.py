"""Who must approve, as `/social settings` shows and asks for it."""

from collections.abc import Sequence

from bot.policies import in_words, step_in_words
from bot.policy_settings import LONGEST_STEP, MOST_PEOPLE, MOST_STEPS, Place, Settings
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.policy_fields import (
    ANYBODY,
    AUTHOR,
    NO_GROUP,
    NOBODY,
    OWN_CARD,
    REPLIES,
    STEPS,
    PolicyFields,
)
from handlers.slack_text import escape, shorten
from handlers.views.blocks import (
    Block,
    actions,
    button,
    checkboxes,
    context,
    divider,
    field,
    menu,
    modal,
    option,
    plain,
    section,
    select,
    text_input,
)
from storage.records import Scope, Step, UserGroup

MOST_SHOWN = 30
MOST_OPTIONS = 100
MOST_NEEDED = 9
LONGEST_LINE = 1500
ANYONE = "Without people and without a group it is any approver or admin."
STRICTEST = (
    "A campaign's rule takes the place of the one for everything, and an account's rule is added "
    "to either. Where several hold for a post, all of them must be satisfied: the strictest holds."
)


def settings_view(settings: Settings, *, said: str = "") -> Block:
    """All that was set, in words, and the ways to change it.

    :param said: what was just done, in mrkdwn.
    """
    everywhere, *others = settings.places
    are_set = [place for place in others if place.policy is not None]
    blocks = [section(said)] if said else []
    blocks += [
        section(f"*Every post*\n{_holds(settings, everywhere)}", accessory=_menu(everywhere))
    ]
    for place in are_set[:MOST_SHOWN]:
        blocks.append(
            section(f"*{_named(place)}*\n{_holds(settings, place)}", accessory=_menu(place))
        )
    if len(are_set) > MOST_SHOWN:
        blocks.append(context(f"… and {len(are_set) - MOST_SHOWN} more."))
    blocks += [context(STRICTEST), divider()]
    free = [place for place in others if place.policy is None or place in are_set[MOST_SHOWN:]]
    options = [
        option(_label(place), pack(scope=place.scope.value, id=place.scope_id))
        for place in free[:MOST_OPTIONS]
    ]
    if options:
        choose = select(Act.POLICY_PLACE, options, placeholder="Account or campaign")
        blocks.append(section("Add a rule for", accessory=choose))
    blocks.append(context("Campaigns are named in the form of a post, `/social draft`."))
    return modal(Form.MESSAGE, "Who must approve", blocks, close="Close")


def _menu(place: Place) -> Block:
    ids = {"scope": place.scope.value, "id": place.scope_id}
    options = [option("Change", pack(do="change", **ids))]
    if place.policy is not None:
        options.append(option("Take this rule away", pack(do="remove", **ids)))
    return menu(Act.POLICY_MENU, options)


def _named(place: Place) -> str:
    return escape(_label(place))


def _label(place: Place) -> str:
    return f"Campaign {place.label}" if place.scope is Scope.CAMPAIGN else place.label or ""


def _holds(settings: Settings, place: Place) -> str:
    """What holds there, in words. (Who is named has a role here, and so a known name.)"""
    policy, deciders = place.policy, settings.deciders
    if policy is None:
        text = in_words(deciders.needed(None, ()).steps, False, deciders.groups, deciders.name)
        return f"{_sentence(text)} Nothing else was set."
    text = in_words(policy.steps, policy.author_counts, deciders.groups, deciders.name)
    more = " Replies to mentions need it too." if policy.replies and policy.steps else ""
    more += " Each post gets a card of its own at once." if policy.own_card else ""
    return f"{_sentence(text)}{more}"


def _sentence(text: str) -> str:
    return f"{shorten(escape(text[:1].upper() + text[1:]), LONGEST_LINE)}."


# The form of one place


def policy_form(settings: Settings, place: Place, fields: PolicyFields) -> Block:
    """Who must approve in one place."""
    what = "every post" if place.label is None else _label(place)
    blocks = [
        section(f"For *{escape(what)}*", block_id="for"),
        field("who", "Who must approve?", _choices(fields.who), acts=True),
    ]
    if fields.who == STEPS:
        blocks += _steps(settings, fields)
    if fields.who != NOBODY:
        blocks.append(_also(fields))
    blocks.append(context(STRICTEST))
    blocks.append(actions(button("Back to all rules", Act.POLICY_BACK), block_id="back"))
    return modal(Form.POLICY, "Who must approve", blocks, submit="Save", metadata=fields.pack())


def _choices(chosen: str) -> Block:
    options = [
        option("Nobody: posts go out at their time", NOBODY),
        option("Any one approver or admin", ANYBODY),
        option("People or groups that I choose", STEPS, "Several of them, or steps in order"),
    ]
    [initial] = [one for one in options if one["value"] == chosen]
    return {
        "type": "radio_buttons",
        "action_id": Act.POLICY_WHO,
        "options": options,
        "initial_option": initial,
    }


def _steps(settings: Settings, fields: PolicyFields) -> list[Block]:
    """Each step with its menu, in order, and a button for the next."""
    deciders, last = settings.deciders, len(fields.steps) - 1
    blocks = []
    for at, step in enumerate(fields.steps):
        text = escape(step_in_words(step, deciders.groups, deciders.name))
        options = [option("Change", pack(do="change", at=str(at)))]
        if at > 0:
            options.append(option("Earlier", pack(do="earlier", at=str(at))))
        options.append(option("Take out", pack(do="remove", at=str(at))))
        head = f"*{at + 1}.* " if last > 0 else ""
        blocks.append(
            section(
                f"{head}{shorten(text, LONGEST_LINE)}",
                accessory=menu(Act.STEP_MENU, options),
                block_id=f"step:{at}",
            )
        )
    if not blocks:
        blocks.append(section("Nobody is chosen yet.", block_id="no_steps"))
    if len(fields.steps) < MOST_STEPS:
        label = "Add a step after that" if fields.steps else "Choose who"
        blocks.append(actions(button(label, Act.STEP_ADD), block_id="add"))
    return blocks


def _also(fields: PolicyFields) -> Block:
    options = [
        option("Who wrote the post counts as well", AUTHOR),
        option("Replies to mentions need it too", REPLIES),
        option("Each post gets a card of its own at once", OWN_CARD),
    ]
    return field(
        "also", "Besides", checkboxes(Act.POLICY_ALSO, options, fields.also), optional=True
    )


# The form of one step


def step_form(fields: PolicyFields, step: Step, groups: Sequence[UserGroup] | None) -> Block:
    """One step: who, and how many of them.

    :param groups: Slack's user groups; None: Slack didn't tell them.
    """
    people: Block = {
        "type": "multi_users_select",
        "action_id": Act.STEP_PEOPLE,
        "placeholder": plain("Choose people"),
        "max_selected_items": MOST_PEOPLE,
    }
    if step.people:
        people["initial_users"] = list(step.people)
    backup: Block = {
        "type": "users_select",
        "action_id": Act.STEP_BACKUP,
        "placeholder": plain("Nobody"),
    }
    if step.backup:
        backup["initial_user"] = step.backup
    numbers = [option(str(number), str(number)) for number in range(1, MOST_NEEDED + 1)]
    hint = "Slack didn't tell its user groups just now." if groups is None else ""
    blocks = [
        field(
            "name",
            "What is it called?",
            text_input(
                Act.STEP_NAME,
                initial=step.name,
                placeholder="Legal",
                max_length=LONGEST_STEP,
            ),
            hint="Cards say it: “Needs 2 of Legal, 1 given”.",
            optional=True,
        ),
        field("people", "People", people, hint=ANYONE, optional=True),
        field("group", "Or a Slack user group", _group(step, groups), hint=hint, optional=True),
        field(
            "needed",
            "How many of them must approve?",
            select(Act.STEP_NEEDED, numbers, initial=str(step.needed)),
        ),
        field(
            "backup",
            "Backup",
            backup,
            hint="Is asked when the others haven't decided in time, and may always approve.",
            optional=True,
        ),
        actions(button("Back without keeping it", Act.STEP_BACK), block_id="back"),
    ]
    title = "Change a step" if fields.at is not None and fields.at < len(fields.steps) else "A step"
    return modal(Form.STEP, title, blocks, submit="Keep it", metadata=fields.pack())


def _group(step: Step, groups: Sequence[UserGroup] | None) -> Block:
    options = [
        option("No group", NO_GROUP),
        *(option(f"@{one.handle} ({_members(one)})", one.id) for one in groups or ()),
    ][:MOST_OPTIONS]
    return select(Act.STEP_GROUP, options, initial=step.group or NO_GROUP)


def _members(group: UserGroup) -> str:
    return "1 person" if len(group.members) == 1 else f"{len(group.members)} people"
