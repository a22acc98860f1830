"""The team: who has which roles and through what, and the forms that change them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.team import Teammate, TeamOverview
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import escape
from handlers.views.blocks import (
    Block,
    actions,
    button,
    checkboxes,
    context,
    divider,
    field,
    modal,
    option,
    plain,
    section,
)
from storage.records import Member, Role, UserGroup

MAY = {
    Role.ADMIN: "changes the set-up, roles and accounts, and may do everything else",
    Role.APPROVER: "approves and rejects posts; writes them too",
    Role.AUTHOR: "writes posts",
    Role.RESPONDER: "answers mentions",
    Role.VIEWER: "sees the numbers, and nothing else",
}
PAGE = 2500  # characters of a list in one section, which takes 3000
PEOPLE_A_PAGE = 50
MOST_CAMPAIGNS = 3  # named on one person's line
LONGEST_NAME = 60
MOST_OPTIONS = 100  # of a menu, and of each group in it


def team_view(
    team: TeamOverview, *, page: int = 0, said: str = "", chosen: Member | None = None
) -> Block:
    """Everybody who has a role, and the form for changing somebody's own.

    :param page: which fifty of them, counted from 0.
    :param chosen: whose roles the form shows; None: nobody was chosen yet.
    """
    blocks: list[Block] = [section(said)] if said else []
    blocks += [*_page(team, page), *_given(team), divider(), _person(chosen)]
    if chosen is not None:
        blocks.append(
            field(
                roles_block(chosen.user_id),
                "Roles",
                _roles(Act.TEAM_ROLES, chosen.roles),
                hint="Their own. Several are fine. Without any, they have what their user groups "
                "and campaigns give them.",
                optional=True,
            )
        )
    blocks.append(
        actions(
            button("User groups", Act.TEAM_GROUPS, label="Change what user groups give"),
            button("Campaigns", Act.TEAM_CAMPAIGNS, label="Change roles in one campaign"),
        )
    )
    submit = "Save" if chosen else "Next"
    return modal(Form.TEAM, "Team", blocks, submit=submit, metadata=pack(page=str(page)))


def team_shown(team: TeamOverview, *, page: int = 0) -> Block:
    """The same for who can only look."""
    return modal(
        Form.MESSAGE,
        "Team",
        [
            *_page(team, page),
            *_given(team),
            context("Admins change roles with `/social team`."),
        ],
        close="Close",
        metadata=pack(page=str(page)),
    )


def roles_block(id_: str) -> str:
    """The block id of somebody's roles, or a group's; another one's are another input."""
    return f"roles:{id_}"


def _roles(act: Act, chosen: Iterable[Role]) -> Block:
    options = [option(role.value.capitalize(), role.value, MAY[role]) for role in Role]
    return checkboxes(act, options, [role.value for role in chosen])


def _person(chosen: Member | None) -> Block:
    element: Block = {
        "type": "users_select",
        "action_id": Act.TEAM_PERSON,
        "placeholder": plain("Choose a person"),
    }
    if chosen is not None:
        element["initial_user"] = chosen.user_id
    return field("person", "Whose roles do you want to change?", element, acts=True)


def pages_of(team: TeamOverview) -> int:
    return max(1, -(-len(team.people) // PEOPLE_A_PAGE))


def _page(team: TeamOverview, page: int) -> list[Block]:
    """Fifty people, and the way to the others."""
    pages = pages_of(team)
    page = min(max(0, page), pages - 1)
    shown = team.people[page * PEOPLE_A_PAGE : (page + 1) * PEOPLE_A_PAGE]
    blocks = _sections(_line(team, one) for one in shown)
    if pages == 1:
        return blocks
    turning = []
    if page:
        turning.append(button("Previous", Act.TEAM_PREVIOUS, str(page - 1), label="Previous page"))
    if page < pages - 1:
        turning.append(button("Next page", Act.TEAM_NEXT, str(page + 1)))
    said = f"{len(team.people)} people · page {page + 1} of {pages}"
    return [*blocks, context(said), actions(*turning)]


def _sections(lines: Iterable[str]) -> list[Block]:
    """Lines in as few sections as they need."""
    found: list[str] = []
    for line in lines:
        if found and len(found[-1]) + len(line) < PAGE:
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return [section(text) for text in found]


def _line(team: TeamOverview, one: Teammate) -> str:
    """“Ana Novak  author · responder through @care · approver in Spring sale”."""
    roles = one.roles
    why = [named(roles.own)] if roles.own else []
    for group_id, given in roles.through.items():
        why.append(f"{named(given)} through @{escape(team.groups[group_id].handle)}")
    granted = [(id_, given) for id_, given in roles.granted.items() if given]
    for campaign_id, given in granted[:MOST_CAMPAIGNS]:
        campaign = team.campaigns.get(campaign_id)
        called = escape(campaign.name[:LONGEST_NAME]) if campaign else "a campaign"
        what = "client" if roles.is_client else named(given)
        why.append(f"{what} in _{called}_")
    if len(granted) > MOST_CAMPAIGNS:
        why.append(f"and in {len(granted) - MOST_CAMPAIGNS} more campaigns")
    return f"*{escape(one.member.name[:LONGEST_NAME])}*  {' · '.join(why)}"


def _given(team: TeamOverview) -> list[Block]:
    """What the user groups give."""
    giving = [group for group in team.groups.values() if group.roles]
    if not giving:
        return []
    said = [f"@{escape(one.handle)} ({len(one.members)}): {named(one.roles)}" for one in giving]
    return [context(f"User groups: {' · '.join(said)}"[:PAGE])]


def named(roles: Iterable[Role]) -> str:
    """“author, responder”."""
    held = frozenset(roles)
    return ", ".join(role.value for role in Role if role in held)


# User groups


def group_view(
    groups: Sequence[Mapping[str, Any]],
    kept: Mapping[str, UserGroup],
    *,
    chosen: str | None = None,
    said: str = "",
) -> Block:
    """Choose one of Slack's user groups, then what everybody in it may do.

    :param groups: Slack's, by handle.
    :param kept: those that were chosen before, by id.
    """
    blocks: list[Block] = [section(said)] if said else []
    blocks.append(
        context(
            "Who is in a user group has its roles for as long as they are in it: Socialdesk "
            "follows Slack. A group that is disabled gives nothing, and guests get nothing."
        )
    )
    giving = [group for group in kept.values() if group.roles]
    blocks += _sections(
        f"*@{escape(one.handle)}*  {named(one.roles)} · {_people(len(one.members))}"
        for one in giving
    )
    if not groups:
        blocks.append(section("There is no user group in this Slack workspace."))
        return modal(Form.MESSAGE, "User groups", blocks, close="Back")
    blocks.append(field("group", "Which user group?", _groups(groups, chosen), acts=True))
    if chosen is not None:
        had = kept[chosen].roles if chosen in kept else frozenset[Role]()
        blocks.append(
            field(
                roles_block(chosen),
                "Roles",
                _roles(Act.GROUP_ROLES, had),
                hint="Without any, the group gives nothing.",
                optional=True,
            )
        )
    submit = "Save" if chosen else "Next"
    return modal(Form.GROUP, "User groups", blocks, submit=submit, close="Back")


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _groups(groups: Sequence[Mapping[str, Any]], chosen: str | None) -> Block:
    """A menu that can be searched by typing; Slack takes 100 options in each of 100 parts."""
    options = [option(f"@{one['handle']} ({one['name']})", one["id"]) for one in groups]
    element: Block = {
        "type": "static_select",
        "action_id": Act.GROUP_CHOSEN,
        "placeholder": plain("Choose a user group"),
    }
    if len(options) <= MOST_OPTIONS:
        element["options"] = options
    else:
        starts = range(0, min(len(options), MOST_OPTIONS**2), MOST_OPTIONS)
        element["option_groups"] = [
            {
                "label": plain(f"From {options[start]['text']['text']}"[:75]),
                "options": options[start : start + MOST_OPTIONS],
            }
            for start in starts
        ]
    initial = [one for one in options if one["value"] == chosen]
    if initial:
        element["initial_option"] = initial[0]
    return element
