"""`/social settings`: who must approve, for everything, an account or a campaign.

One modal becomes the list of rules, the form of one of them and the form of one of its steps; what
is filled in and not saved yet is kept in the view itself.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.errors import FieldErrors, UserError
from bot.team import Person
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import unpack
from handlers.policy_fields import STEPS, PolicyFields, of_place, read, read_step, unpacked
from handlers.requests import FormAnswer, Next, Press, Request, Submission, View
from handlers.user_groups import in_slack
from handlers.views.policies import policy_form, settings_view, step_form
from storage.records import Scope, Step, UserGroup


def register(desk: Desk) -> None:
    """The command, its list and its two forms."""
    form = PolicySettings(desk)
    desk.command("settings", form.open, usage="settings", summary="See and change who must approve")
    desk.press(Act.OPEN_SETTINGS, form.open)
    desk.press(Act.POLICY_PLACE, form.choose_place)
    desk.press(Act.POLICY_MENU, form.choose)
    desk.press(Act.POLICY_WHO, form.refresh)
    desk.press(Act.POLICY_BACK, form.back)
    desk.press(Act.STEP_ADD, form.add_step)
    desk.press(Act.STEP_MENU, form.choose_step)
    desk.press(Act.STEP_BACK, form.back_to_form)
    desk.form(Form.POLICY, form.submit)
    desk.form(Form.STEP, form.submit_step)


class PolicySettings:
    """Brings the forms to `bot.policy_settings`."""

    def __init__(self, desk: Desk) -> None:
        self._policies = desk.services.policies
        self._clock = desk.services.clock

    # The list

    async def open(self, request: Request) -> None:
        await request.open(self._list(request.person))

    async def _list(self, person: Person) -> View:
        return settings_view(await self._policies.show(person))

    async def back(self, press: Press) -> None:
        await _show(press, await self._list(press.person))

    async def choose_place(self, press: Press) -> None:
        ids = unpack(press.value)
        await self._begin(press, Scope(ids["scope"]), ids["id"])

    async def choose(self, press: Press) -> None:
        ids = unpack(press.value)
        scope, scope_id = Scope(ids["scope"]), ids["id"]
        if ids["do"] == "change":
            await self._begin(press, scope, scope_id)
            return
        settings = await self._policies.remove(press.person, scope, scope_id)
        said = ":white_check_mark: That rule is gone. Posts in review follow what holds now."
        await _show(press, settings_view(settings, said=said))

    async def _begin(self, press: Press, scope: Scope, scope_id: str) -> None:
        settings = await self._policies.show(press.person)
        place = settings.place(scope, scope_id)
        fields = of_place(place, settings.rules(place))
        await _show(press, policy_form(settings, place, fields))

    # The form of one place

    async def refresh(self, press: Press) -> None:
        """Other inputs belong to another choice."""
        assert press.view is not None
        fields = read(press.values, unpacked(press.view))
        await _show(press, await self._form(press.person, fields))

    async def _form(self, person: Person, fields: PolicyFields) -> View:
        settings = await self._policies.show(person)
        return policy_form(settings, settings.place(*fields.place), replace(fields, at=None))

    async def submit(self, submission: Submission) -> FormAnswer:
        await self._require_role(submission)
        fields = read(submission.values, unpacked(submission.body["view"]))
        if fields.who == STEPS and not fields.steps:
            raise FieldErrors({"who": "Choose who must approve: press “Choose who” below."})
        settings = await self._policies.save(
            submission.person, fields.scope, fields.scope_id, fields.rules()
        )
        said = ":white_check_mark: Saved. It counts from now on, for posts in review too."
        return Next(settings_view(settings, said=said))

    # Its steps

    async def _require_role(self, request: Request) -> None:
        """Steps are in the view and groups come from Slack: nothing else would ask.

        :raises NotAllowed: the person may not see who must approve.
        """
        await self._policies.show(request.person)

    async def add_step(self, press: Press) -> None:
        assert press.view is not None
        await self._require_role(press)
        fields = read(press.values, unpacked(press.view))
        await self._open_step(press, replace(fields, at=len(fields.steps)), Step(""))

    async def choose_step(self, press: Press) -> None:
        assert press.view is not None
        await self._require_role(press)
        fields, ids = read(press.values, unpacked(press.view)), unpack(press.value)
        at = int(ids["at"])
        steps = list(fields.steps)
        if at >= len(steps):
            raise UserError("This step isn't there any more. Nothing was changed.")
        match ids["do"]:
            case "change":
                await self._open_step(press, replace(fields, at=at), steps[at])
                return
            case "earlier":
                steps[at - 1 : at + 1] = [steps[at], steps[at - 1]]
            case _:
                del steps[at]
        await _show(press, await self._form(press.person, replace(fields, steps=tuple(steps))))

    async def _open_step(self, press: Press, fields: PolicyFields, step: Step) -> None:
        await _show(press, step_form(fields, step, await self._groups(press)))

    async def back_to_form(self, press: Press) -> None:
        assert press.view is not None
        await _show(press, await self._form(press.person, unpacked(press.view)))

    async def submit_step(self, submission: Submission) -> FormAnswer:
        await self._require_role(submission)
        fields, step = unpacked(submission.body["view"]), read_step(submission.values)
        at = len(fields.steps) if fields.at is None else fields.at
        others = (*fields.steps[:at], *fields.steps[at + 1 :])
        group = None
        if step.group is not None:
            groups = await self._groups(submission)
            group = next((one for one in groups or () if one.id == step.group), None)
            if group is None:
                raise FieldErrors(
                    {"group": "Slack doesn't know this group just now. Choose another, or people."}
                )
        await self._policies.check_step(submission.person, fields.place, step, group, others)
        steps = (*fields.steps[:at], step, *fields.steps[at + 1 :])
        return Next(await self._form(submission.person, replace(fields, steps=steps)))

    async def _groups(self, request: Request) -> Sequence[UserGroup] | None:
        now = self._clock.now()
        return await in_slack(request.client, request.person.workspace_id, now)


async def _show(press: Press, view: View) -> None:
    """In the place of the view that was pressed in."""
    assert press.view is not None
    await press.client.views_update(view_id=press.view["id"], view=view)
