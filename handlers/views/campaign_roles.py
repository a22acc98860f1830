"""The form of roles in one campaign."""

from bot.campaign_roles import Granting
from handlers.ids import Act, Form
from handlers.views.blocks import (
    Block,
    checkboxes,
    context,
    field,
    modal,
    option,
    plain,
    section,
    select,
)
from storage.records import CampaignGrant, Role

MOST_CAMPAIGNS = 100  # a menu's limit
MOST_NAMED = 40
LONGEST_LABEL = 200
MAY_THERE = {
    Role.APPROVER: "approves and rejects its posts",
    Role.AUTHOR: "writes its posts (people of this workspace only)",
}
ABOUT = (
    "A role in one campaign is about its posts and nothing else. Guests, and people of other "
    "workspaces in a shared channel, can become *clients* this way: they decide on its posts where "
    "they see a card, and can do nothing else."
)


def granted_block(campaign_id: str, user_id: str) -> str:
    """The block id of what somebody has in a campaign; another one's is another input."""
    return f"granted:{campaign_id}:{user_id}"


def campaign_view(shown: Granting, user_id: str | None, *, said: str = "") -> Block:
    """Choose a campaign, then a person, then what they may do there.

    :param user_id: who was chosen; None: nobody yet.
    """
    blocks: list[Block] = [section(said)] if said else []
    blocks.append(context(ABOUT))
    if not shown.campaigns:
        blocks.append(section("There is no campaign yet: the first one is made with a post."))
        return modal(Form.MESSAGE, "Campaigns", blocks, close="Back")
    options = [option(one.name, one.id) for one in shown.campaigns[:MOST_CAMPAIGNS]]
    chosen = shown.chosen.id if shown.chosen else None
    picker = select(Act.CAMPAIGN_CHOSEN, options, initial=chosen, placeholder="Choose a campaign")
    blocks.append(field("campaign", "Which campaign?", picker, acts=True))
    if shown.chosen is not None:
        blocks += [*_who(shown), _person(user_id)]
        if user_id is not None:
            blocks.append(_roles(shown, user_id))
    submit = "Save" if shown.chosen is not None and user_id is not None else "Next"
    return modal(Form.CAMPAIGN_GRANTS, "Campaigns", blocks, submit=submit, close="Back")


def _who(shown: Granting) -> list[Block]:
    if not shown.grants:
        return [section("Nobody has a role in this campaign alone.")]
    lines = [_line(grant) for grant in shown.grants[:MOST_NAMED]]
    if len(shown.grants) > MOST_NAMED:
        lines.append(f"… and {len(shown.grants) - MOST_NAMED} more")
    return [section("\n".join(lines))]


def _line(grant: CampaignGrant) -> str:
    roles = ", ".join(role.value for role in Role if role in grant.roles)
    client = " · client of another workspace" if grant.team_id != grant.workspace_id else ""
    return f"<@{grant.user_id}>  {roles}{client}"


def _person(user_id: str | None) -> Block:
    element: Block = {
        "type": "users_select",
        "action_id": Act.CAMPAIGN_PERSON,
        "placeholder": plain("Choose a person"),
    }
    if user_id is not None:
        element["initial_user"] = user_id
    return field("person", "Whose role in it do you want to change?", element, acts=True)


def _roles(shown: Granting, user_id: str) -> Block:
    assert shown.chosen is not None
    had = [grant.roles for grant in shown.grants if grant.user_id == user_id]
    return field(
        granted_block(shown.chosen.id, user_id),
        f"Roles in {shown.chosen.name}"[:LONGEST_LABEL],
        checkboxes(
            Act.CAMPAIGN_ROLES,
            [option(role.value.capitalize(), role.value, MAY_THERE[role]) for role in MAY_THERE],
            [role.value for role in had[0]] if had else [],
        ),
        hint="Without any, they have no role in this campaign.",
        optional=True,
    )
