"""The people and channels a new playground starts with."""

from __future__ import annotations

from bot.playground.records import Channel, Team, User, UserGroup
from bot.playground.workspace import SLACKBOT, Workspace

TEAM = Team(id="T0ACORN0001", name="Acorn", domain="acorn")

ANA = "U0ANA000001"
BEN = "U0BEN000001"
CHIDI = "U0CHIDI0001"
DANA = "U0DANA00001"
EVA = "U0EVA000001"

GENERAL = "C0GENERAL01"
SOCIAL = "C0SOCIAL001"
APPROVALS = "C0APPROVAL1"
ALERTS = "C0ALERTS001"
CARE = "C0CARE00001"

PEOPLE = (
    User(ANA, "ana", "Ana Novak", "Europe/Berlin", "Author", "2b6cb0"),
    User(BEN, "ben", "Ben Okafor", "America/New_York", "Approver", "276749"),
    User(CHIDI, "chidi", "Chidi Mensah", "Europe/London", "Approver", "97266d"),
    User(DANA, "dana", "Dana Weber", "Europe/Berlin", "Responder", "9c4221"),
    User(EVA, "eva", "Eva Lindt", "Europe/Berlin", "Admin", "553c9a", is_admin=True, is_owner=True),
)

_CHANNELS = (
    (GENERAL, "general", "Everybody, about everything"),
    (SOCIAL, "social", "What we post, and the numbers"),
    (APPROVALS, "social-approvals", "Posts that wait for a decision"),
    (ALERTS, "social-alerts", "What people say about us that needs an answer"),
    (CARE, "care", "Customer Care"),
)


def seed(workspace: Workspace) -> None:
    """Fill an empty workspace; one that has people in it is left as it is."""
    if not workspace.is_empty:
        return
    app = workspace.app
    workspace.put_team(TEAM)
    workspace.put_user(User(SLACKBOT, "slackbot", "Slackbot", color="611f69", is_bot=True))
    workspace.put_user(
        User(app.bot_user_id, app.name.lower(), app.name, color="1d1c1d", is_bot=True)
    )
    for person in PEOPLE:
        workspace.put_user(person)
    everybody = (*(person.id for person in PEOPLE), app.bot_user_id)
    for channel_id, name, purpose in _CHANNELS:
        workspace.put_channel(
            Channel(
                id=channel_id,
                name=name,
                members=everybody,
                is_general=channel_id == GENERAL,
                creator=EVA,
                purpose=purpose,
            )
        )
    workspace.put_user_group(UserGroup("S0CARE00001", "care", "Customer Care", (DANA,)))
    workspace.put_user_group(UserGroup("S0LEGAL0001", "legal", "Legal", (CHIDI,)))
