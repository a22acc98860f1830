"""The team: who has which roles, and the form that changes them."""

from collections.abc import Sequence

from handlers.ids import Act, Form
from handlers.slack_text import escape
from handlers.views.blocks import (
    Block,
    checkboxes,
    context,
    divider,
    field,
    modal,
    option,
    plain,
    section,
)
from storage.records import Member, Role

MAY = {
    Role.ADMIN: "changes the set-up, roles and accounts, and may do everything else",
    Role.APPROVER: "approves and rejects posts; writes them too",
    Role.AUTHOR: "writes posts",
    Role.RESPONDER: "answers mentions",
    Role.VIEWER: "sees the numbers, and nothing else",
}
PAGE = 2500  # characters of a list in one section, which takes 3000
MOST_PAGES = 80


def team_view(team: Sequence[Member], *, said: str = "", chosen: Member | None = None) -> Block:
    """Everybody who has a role, and the form for changing somebody's.

    :param chosen: whose roles the form shows; None: nobody was chosen yet.
    """
    blocks: list[Block] = [section(said)] if said else []
    blocks += [*team_list(team), divider(), _person(chosen)]
    if chosen is not None:
        blocks.append(
            field(
                roles_block(chosen.user_id),
                "Roles",
                checkboxes(
                    Act.TEAM_ROLES,
                    [option(role.value.capitalize(), role.value, MAY[role]) for role in Role],
                    [role.value for role in chosen.roles],
                ),
                hint="Several are fine. Without any, the person can't use Socialdesk.",
                optional=True,
            )
        )
    return modal(Form.TEAM, "Team", blocks, submit="Save" if chosen else "Next")


def team_shown(team: Sequence[Member]) -> Block:
    """The same for who can only look."""
    return modal(
        Form.MESSAGE,
        "Team",
        [*team_list(team), context("Admins change roles with `/social team`.")],
        close="Close",
    )


def roles_block(user_id: str) -> str:
    """The block id of somebody's roles; another person's are another input."""
    return f"roles:{user_id}"


def _person(chosen: Member | None) -> Block:
    element: Block = {
        "type": "users_select",
        "action_id": Act.TEAM_PERSON,
        "placeholder": plain("Choose a person"),
    }
    if chosen is not None:
        element["initial_user"] = chosen.user_id
    return field("person", "Whose roles do you want to change?", element, acts=True)


def team_list(team: Sequence[Member]) -> list[Block]:
    """One line a person, in as few sections as they need."""
    pages: list[str] = []
    for member in team:
        roles = ", ".join(role.value for role in Role if role in member.roles)
        line = f"*{escape(member.name)}*  {roles}"
        if pages and len(pages[-1]) + len(line) < PAGE:
            pages[-1] += f"\n{line}"
        else:
            pages.append(line)
    return [section(page) for page in pages[:MOST_PAGES]]
