"""What `doctor` asks Slack: the tokens, what they may do, the channels, the time."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bot.findings import Finding, note, ok, wrong
from bot.settings import Settings
from storage.records import Workspace

PATIENCE_S = 15.0
LARGEST_LAG = timedelta(seconds=60)  # Slack's signatures are good for 5 minutes
INVITE = "Type /invite @Socialdesk in it, or choose another channel: Home, Set-up."
REINSTALL = (
    "On your app's page at https://api.slack.com/apps: compare the manifest with "
    "`python -m bot manifest`, save it, then Install App, Reinstall."
)


class SlackCheck:
    """Asks Slack. Methods are named where they are called, so that a test can hold the scopes of
    the manifest against them.

    :param scopes: what the bot token must be allowed to do.
    :param token: the bot token.
    """

    def __init__(self, settings: Settings, scopes: Sequence[str], token: str) -> None:
        self._settings = settings
        self._token = token
        self._scopes = frozenset(scopes)
        self._http = httpx.AsyncClient(
            base_url=settings.slack_api_url,
            timeout=PATIENCE_S,
            verify=ssl.create_default_context(),  # trusts what the bot trusts
        )
        self.team_id: str | None = None  # known once the token was found good

    async def close(self) -> None:
        await self._http.aclose()

    async def check_app(self) -> AsyncIterator[Finding]:
        """The tokens, the clock and the way in."""
        try:
            answer = await self._call("auth.test", self._token)
        except httpx.HTTPError as error:
            yield wrong(
                f"Slack can't be reached at {self._settings.slack_api_url}: {_silence(error)}.",
                "Check this machine's connection, proxy and SLACK_API_URL.",
            )
            return
        self.team_id = answer.body.get("team_id")
        for finding in self._check_token(answer):
            yield finding
        yield check_clock(answer.headers, datetime.now(UTC))
        yield await self._check_way_in()

    async def _call(self, method: str, token: str, **arguments: str) -> "Answer":
        response = await self._http.post(
            method, data=arguments, headers={"Authorization": f"Bearer {token}"}
        )
        try:
            body = response.json()
        except ValueError:
            body = {"ok": False, "error": f"HTTP status {response.status_code}"}
        return Answer(body if isinstance(body, dict) else {"ok": False}, response.headers)

    def _check_token(self, answer: "Answer") -> list[Finding]:
        if not answer.body.get("ok") and self._settings.many_workspaces:
            return [
                wrong(
                    f"Slack refuses this workspace's token: {answer.error}.",
                    "Somebody there has to add Socialdesk again: "
                    f"{self._settings.public_url}/slack/install",
                )
            ]
        if not answer.body.get("ok"):
            return [
                wrong(
                    f"Slack refuses SLACK_BOT_TOKEN: {answer.error}.",
                    "Copy it again from your app's page, OAuth & Permissions. "
                    "It begins with xoxb-.",
                )
            ]
        found = [ok(f"Slack knows the bot as @{answer.body['user']} in {answer.body['team']}.")]
        given = {s.strip() for s in answer.headers.get("x-oauth-scopes", "").split(",")} - {""}
        missing = sorted(self._scopes - given)
        if missing:
            found.append(wrong(f"The bot token lacks scopes: {', '.join(missing)}.", REINSTALL))
        else:
            found.append(ok("The bot token has all scopes that the code needs."))
        unneeded = sorted(given - self._scopes)
        if unneeded:
            found.append(note(f"The bot token has scopes it doesn't need: {', '.join(unneeded)}."))
        return found

    async def _check_way_in(self) -> Finding:
        settings = self._settings
        if settings.slack_app_token is None:
            where = f"{settings.http_host}:{settings.http_port}"
            return note(
                f"Slack sends signed HTTP requests, taken at {where}; SLACK_SIGNING_SECRET is set.",
                f"Slack's Request URL must lead to http://{where}/slack/events.",
            )
        try:
            answer = await self._call("apps.connections.open", settings.slack_app_token)
        except httpx.HTTPError as error:
            return wrong(f"Socket Mode can't be asked for: {_silence(error)}.")
        if not answer.body.get("ok"):
            return wrong(
                f"Slack refuses a Socket Mode connection with SLACK_APP_TOKEN: {answer.error}.",
                "Your app's page: Socket Mode must be on, and Basic Information, App-Level "
                "Tokens, must have one with the scope connections:write.",
            )
        return ok("Slack grants Socket Mode connections.")

    async def check_channels(self, workspace: Workspace) -> AsyncIterator[Finding]:
        """The channels that the set-up names: there, with the bot in them, and not archived."""
        if self.team_id is None:
            yield note("Channels aren't checked: Slack doesn't know the bot.")
            return
        chosen = [("approvals", workspace.approvals_channel), ("alerts", workspace.alerts_channel)]
        chosen += [(f"the team {name}", channel) for name, channel in workspace.routes.items()]
        used: dict[str, list[str]] = {}
        for use, channel in chosen:
            if channel is None:
                yield wrong(f"No channel is chosen for {use}.", "Choose one: Home, Set-up.")
            else:
                used.setdefault(channel, []).append(use)
        for channel, uses in used.items():
            yield await self._check_channel(channel, " and ".join(uses))

    async def _check_channel(self, channel: str, uses: str) -> Finding:
        try:
            answer = await self._call("conversations.info", self._token, channel=channel)
        except httpx.HTTPError as error:
            return wrong(f"The channel for {uses} can't be asked about: {_silence(error)}.")
        if not answer.body.get("ok"):
            return wrong(
                f"The channel for {uses} ({channel}): Slack says {answer.error}.",
                f"It is gone, or private and without the bot. {INVITE}",
            )
        found: Mapping[str, Any] = answer.body["channel"]
        name = f"#{found.get('name', channel)}"
        if found.get("is_archived"):
            return wrong(
                f"{name} (for {uses}) is archived.", "Choose another channel: Home, Set-up."
            )
        if not found.get("is_member"):
            return wrong(f"The bot isn't in {name} (for {uses}).", INVITE)
        if found.get("is_ext_shared"):
            return note(
                f"{name} (for {uses}) is shared with another organisation: its people see cards."
            )
        return ok(f"{name} takes messages ({uses}).")


@dataclass(frozen=True, slots=True)
class Answer:
    """Slack's answer to a call."""

    body: Mapping[str, Any]
    headers: httpx.Headers

    @property
    def error(self) -> str:
        return str(self.body.get("error", "no reason given"))


def check_clock(headers: httpx.Headers, now: datetime) -> Finding:
    """This machine's clock against Slack's."""
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return note("The clock isn't checked: Slack's answer had no date.")
    lag = now - theirs
    seconds = round(abs(lag.total_seconds()))
    if abs(lag) > LARGEST_LAG:
        way = "ahead of" if lag > timedelta(0) else "behind"
        return wrong(
            f"This machine's clock is {seconds} s {way} Slack's.",
            "Posts would go out at the wrong time. Switch on time synchronisation (NTP).",
        )
    return ok(f"The clock is right ({seconds} s from Slack's).")


def _silence(error: httpx.HTTPError) -> str:
    """What kind of silence it was; never the request, which holds the token."""
    return type(error).__name__
