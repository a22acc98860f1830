"""`/social team`: who has which roles; Slack's news about people."""

from bot.errors import FieldErrors, NotAllowed
from bot.team import Action, Person
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import profile_of, unpack
from handlers.people import look_up
from handlers.requests import EventCall, FormAnswer, Next, Press, Request, Submission, View
from handlers.slack_text import escape
from handlers.views.team import roles_block, team_shown, team_view
from storage.records import Role


def register(desk: Desk) -> None:
    """The team's list and its form."""
    team = TeamForm(desk)
    desk.command("team", team.open, usage="team", summary="See and change who may do what")
    desk.press(Act.OPEN_TEAM, team.open)
    desk.press(Act.TEAM_PERSON, team.switch)
    desk.press(Act.TEAM_PREVIOUS, team.turn)
    desk.press(Act.TEAM_NEXT, team.turn)
    desk.form(Form.TEAM, team.submit)
    desk.event("user_change", team.follow)


class TeamForm:
    """Brings the form to `bot.team.Team`."""

    def __init__(self, desk: Desk) -> None:
        self._team = desk.services.team

    async def open(self, request: Request) -> None:
        await request.open(self._view(request.person))

    async def _view(
        self, person: Person, *, page: int = 0, said: str = "", chosen: str | None = None
    ) -> View:
        team = await self._team.show(person)
        if not team.admitted.may(Action.CONFIGURE):
            return team_shown(team, page=page)
        whose = None if chosen is None else await self._team.roles_of(person, chosen)
        return team_view(team, page=page, said=said, chosen=whose)

    async def switch(self, press: Press) -> None:
        """Show the roles of who was chosen."""
        assert press.view is not None
        page = _page(press.view["private_metadata"])
        view = await self._view(press.person, page=page, chosen=press.values["person"])
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def turn(self, press: Press) -> None:
        """Show another page; who was chosen stays chosen."""
        assert press.view is not None
        chosen = press.values.get("person")
        view = await self._view(press.person, page=int(press.value), chosen=chosen)
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def submit(self, submission: Submission) -> FormAnswer:
        chosen, page = submission.values["person"], _page(submission.metadata)
        ticked = submission.values.get(roles_block(chosen))
        if ticked is None:  # sent before the person's roles were shown: show them first
            return Next(await self._view(submission.person, page=page, chosen=chosen))
        profile = await look_up(submission.client, Person(submission.person.workspace_id, chosen))
        await self._team.follow(submission.person.workspace_id, profile)
        roles = frozenset(Role(value) for value in ticked)
        try:
            member = await self._team.set_roles(submission.person, profile, roles)
        except NotAllowed as error:
            raise FieldErrors({"person": str(error)}) from error
        named = ", ".join(role.value for role in Role if role in member.roles)
        said = f":white_check_mark: *{escape(member.name)}*: {named or 'no role any more'}."
        return Next(await self._view(submission.person, page=page, said=said, chosen=chosen))

    async def follow(self, call: EventCall) -> None:
        """Somebody's profile changed in Slack."""
        workspace_id = call.person.workspace_id
        await self._team.follow(workspace_id, profile_of(call.event["user"], workspace_id))


def _page(metadata: str) -> int:
    return int(unpack(metadata).get("page", "0"))
