"""The first run: the set-up form, the test of its channels, and what is said until it is done."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import FieldErrors, NotAllowed
from bot.setup import ROUTES, SetUpForm
from handlers.connect import Connecting
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.people import look_up
from handlers.requests import CommandCall, Done, FormAnswer, Next, Press, Submission, View
from handlers.views.setup import channel_problems, channel_test, not_set_up, setup_form
from storage.records import Mode, Workspace


def register(desk: Desk, connecting: Connecting) -> None:
    """The set-up form and the gate that every command passes."""
    setup = SetUp(desk, connecting)
    desk.before_commands(setup.is_done)
    desk.press(Act.OPEN_SETUP, setup.open)
    desk.form(Form.SETUP, setup.submit)


class SetUp:
    """Brings the form to `bot.setup`."""

    def __init__(self, desk: Desk, connecting: Connecting) -> None:
        self._setting_up = desk.services.setting_up
        self._connecting = connecting
        self._outside, self._tasks = desk.outside, desk.tasks

    async def is_done(self, call: CommandCall) -> bool:
        """Whether the command may go on; else says what is missing and who can finish it."""
        if await self._setting_up.is_done(call.person.workspace_id):
            return True
        profile = await look_up(call.client, call.person)
        standing = await self._setting_up.standing(call.person, profile)
        await call.whisper(*not_set_up(standing))
        return False

    async def open(self, press: Press) -> None:
        await press.open(self._form(press))

    async def _form(self, press: Press) -> View:
        profile = await look_up(press.client, press.person)
        standing = await self._setting_up.standing(press.person, profile)
        if not standing.may_set_up:
            raise NotAllowed("Only an admin can change the set-up. Nothing was changed.")
        return setup_form(standing.workspace, profile.zone)

    async def submit(self, submission: Submission) -> FormAnswer:
        form = _read(submission)
        person, client = submission.person, submission.client
        profile = await look_up(client, person)
        standing = await self._setting_up.check(person, profile, form)
        await _test_channels(client, standing.workspace, form, person.user_id)
        await self._setting_up.finish(person, profile, form)
        for channel in form.channels():
            self._tasks.spawn(self._outside.look(person.workspace_id, channel))
        if standing.has_account:
            return Done()
        return Next(
            await self._connecting.view(
                person,
                said=":white_check_mark: Socialdesk is set up. Next: connect your first account. "
                "You can also do it later with `/social connect`.",
            )
        )


def _read(submission: Submission) -> SetUpForm:
    values = submission.values
    words = (values["words"] or "").replace(",", "\n").splitlines()
    chosen = {name: values[f"route:{name}"] for name in ROUTES}
    return SetUpForm(
        mode=Mode(values["mode"]),
        approvals_channel=values["approvals"],
        alerts_channel=values["alerts"],
        routes={name: channel for name, channel in chosen.items() if channel},
        brand_words=tuple(dict.fromkeys(word.strip() for word in words if word.strip())),
        zone=values["zone"],
        lateness_limit_s=int(values["lateness"]),
    )


async def _test_channels(
    client: AsyncWebClient, before: Workspace, form: SetUpForm, user_id: str
) -> None:
    """Post into each channel that gets something new; all of them take it, or none keeps it.

    :raises FieldErrors: beside each field whose channel refused.
    """
    known = _used_before(before)
    new = {c: uses for c, uses in form.channels().items() if not set(uses) <= known.get(c, set())}
    answers = await asyncio.gather(
        *(_post(client, channel, uses, user_id) for channel, uses in new.items())
    )
    refusals = {c: why for c, (why, _) in zip(new, answers, strict=True) if why}
    if not refusals:
        return
    for channel, (_, ts) in zip(new, answers, strict=True):
        if ts:
            with contextlib.suppress(SlackApiError):  # then a test message stays: no harm
                await client.chat_delete(channel=channel, ts=ts)
    problems = channel_problems(refusals)
    fields = {"approvals": form.approvals_channel, "alerts": form.alerts_channel}
    fields |= {f"route:{name}": channel for name, channel in form.routes.items()}
    raise FieldErrors({f: problems[c] for f, c in fields.items() if c in problems})


def _used_before(workspace: Workspace) -> Mapping[str, set[str]]:
    if workspace.approvals_channel is None or workspace.alerts_channel is None:
        return {}
    before = SetUpForm(
        workspace.mode,
        workspace.approvals_channel,
        workspace.alerts_channel,
        workspace.routes,
        workspace.brand_words,
        workspace.zone,
        workspace.lateness_limit_s,
    )
    return {channel: set(uses) for channel, uses in before.channels().items()}


async def _post(
    client: AsyncWebClient, channel: str, uses: Sequence[str], user_id: str
) -> tuple[str | None, str | None]:
    """Why Slack refused (its error's name), or the message's ts."""
    text, blocks = channel_test(uses, user_id)
    try:
        posted = await client.chat_postMessage(
            channel=channel, text=text, blocks=blocks, unfurl_links=False, unfurl_media=False
        )
    except SlackApiError as error:
        return str(error.response.get("error")), None
    return None, posted["ts"]
