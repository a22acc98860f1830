"""Who may do what in one campaign alone, clients among them: the form."""

from bot.errors import FieldErrors
from bot.team import Person
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.people import look_up
from handlers.requests import FormAnswer, Next, Press, Submission, View
from handlers.slack_text import escape
from handlers.views.campaign_roles import campaign_view, granted_block
from storage.records import Role


def register(desk: Desk) -> None:
    """The form, which is on top of the team's."""
    grants = CampaignForm(desk)
    desk.press(Act.TEAM_CAMPAIGNS, grants.open)
    desk.press(Act.CAMPAIGN_CHOSEN, grants.switch)
    desk.press(Act.CAMPAIGN_PERSON, grants.switch)
    desk.form(Form.CAMPAIGN_GRANTS, grants.submit)


class CampaignForm:
    """Brings the form to `bot.campaign_roles`."""

    def __init__(self, desk: Desk) -> None:
        self._grants = desk.services.campaign_roles
        self._team = desk.services.team

    async def open(self, press: Press) -> None:
        await press.open(self._view(press.person, None, None))

    async def _view(
        self, person: Person, campaign_id: str | None, user_id: str | None, *, said: str = ""
    ) -> View:
        shown = await self._grants.show(person, campaign_id)
        return campaign_view(shown, user_id, said=said)

    async def switch(self, press: Press) -> None:
        """Show what was chosen: the campaign, and what the person has in it."""
        assert press.view is not None
        view = await self._view(press.person, press.values["campaign"], press.values.get("person"))
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def submit(self, submission: Submission) -> FormAnswer:
        person, values = submission.person, submission.values
        campaign_id, chosen = values["campaign"], values.get("person")
        ticked = values.get(granted_block(campaign_id, chosen)) if chosen else None
        if chosen is None or ticked is None:  # sent before it was shown: show it first
            return Next(await self._view(person, campaign_id, chosen))
        profile = await look_up(submission.client, Person(person.workspace_id, chosen))
        await self._team.follow(person.workspace_id, profile)
        roles = frozenset(Role(value) for value in ticked)
        try:
            campaign = await self._grants.grant(person, campaign_id, profile, roles)
        except FieldErrors as error:
            fields = {"roles": granted_block(campaign_id, chosen)}
            problems = {fields.get(name, name): why for name, why in error.fields.items()}
            raise FieldErrors(problems) from error
        named = ", ".join(role.value for role in Role if role in roles)
        said = (
            f":white_check_mark: *{escape(profile.name)}* in _{escape(campaign.name)}_: "
            f"{named or 'no role any more'}."
        )
        return Next(await self._view(person, campaign_id, chosen, said=said))
