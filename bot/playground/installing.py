"""An app in several workspaces: Slack's page that asks whether to install it, its tokens, its end.

``Distribution`` holds one app and the Slacks of its teams; `create_many` serves all of them on one
address, where a call's token says which team it is about. Source: Slack's "Installing with OAuth",
"Using token rotation" and the page of ``oauth.v2.access``.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.playground.errors import SlackError
from bot.playground.payloads import event_callback
from bot.playground.records import Json
from bot.playground.server import create_app
from bot.playground.slack import Slack

CODE_SECONDS = 600.0
TOKEN_SECONDS = 12 * 3600.0
REFRESH_ARGUMENTS = {"client_id", "client_secret", "grant_type", "refresh_token"}
CODE_ARGUMENTS = {"client_id", "client_secret", "grant_type", "code", "redirect_uri"}


@dataclass(slots=True)
class Code:
    """What Slack sends back with the browser."""

    team_id: str
    redirect_uri: str | None
    installer: str
    expires_at: float
    used: bool = False


@dataclass
class Distribution:
    """One app, and the teams that it may be installed in.

    :param rotates: whether tokens end after 12 hours (the manifest's ``token_rotation_enabled``).
    """

    slacks: Mapping[str, Slack]
    client_id: str = field(default_factory=lambda: f"1000.{secrets.randbelow(10**12)}")
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    refreshed: list[str] = field(default_factory=list)  # the team of each refresh
    _codes: dict[str, Code] = field(default_factory=dict)
    _refresh: dict[str, str] = field(default_factory=dict)  # refresh token -> team
    _current: dict[str, str] = field(default_factory=dict)  # team -> its newest refresh token

    @property
    def first(self) -> Slack:
        return next(iter(self.slacks.values()))

    @property
    def rotates(self) -> bool:
        settings = self.first.workspace.app.manifest.get("settings", {})
        return bool(settings.get("token_rotation_enabled"))

    @property
    def redirect_urls(self) -> Sequence[str]:
        oauth = self.first.workspace.app.manifest.get("oauth_config", {})
        urls: Sequence[str] = oauth.get("redirect_urls", ())
        return urls

    # What people do in a browser

    def ask(self, query: Mapping[str, str]) -> str | None:
        """What is wrong with an address that begins an installation; None: Slack asks."""
        if query.get("client_id") != self.client_id:
            return "invalid_client_id"
        uri = query.get("redirect_uri")
        if not any((uri or url).startswith(url) for url in self.redirect_urls):
            return "bad_redirect_uri"
        wanted = {scope for scope in query.get("scope", "").split(",") if scope}
        if not wanted:
            return "no_scopes"
        if not wanted <= set(self.first.workspace.app.scopes):
            return "invalid_scope"
        return None

    def allow(self, query: Mapping[str, str], team_id: str, installer: str) -> str:
        """Somebody presses *Allow*; where their browser goes."""
        code = f"{secrets.randbelow(10**12)}.{secrets.token_hex(24)}"
        now = self.first.workspace.now()
        self._codes[code] = Code(team_id, query.get("redirect_uri"), installer, now + CODE_SECONDS)
        return self._back(query, code=code)

    def refuse(self, query: Mapping[str, str]) -> str:
        """Somebody presses *Cancel*; where their browser goes."""
        return self._back(query, error="access_denied")

    def _back(self, query: Mapping[str, str], **told: str) -> str:
        uri = query.get("redirect_uri") or self.redirect_urls[0]
        return f"{uri}?{urlencode({**told, 'state': query.get('state', '')})}"

    def uninstall(self, team_id: str, *, tell: bool = True) -> None:
        """An admin removes the app. Its tokens end, and it is told; both events, in any order.

        :param tell: False: the events are lost.
        """
        slack = self.slacks[team_id]
        workspace = slack.workspace
        workspace.issued.clear()
        self._refresh.pop(self._current.pop(team_id, ""), None)
        if tell:
            tokens = {"oauth": [], "bot": [workspace.app.bot_user_id]}
            for event in (
                {"type": "tokens_revoked", "tokens": tokens, "event_ts": workspace.next_ts()},
                {"type": "app_uninstalled", "event_ts": workspace.next_ts()},
            ):
                if event["type"] in workspace.app.bot_events:
                    slack.delivery.send_event(event_callback(workspace, event))

    def expire(self, team_id: str, seconds: float) -> None:
        """Let a team's tokens end after so many seconds from now."""
        workspace = self.slacks[team_id].workspace
        for token in workspace.issued:
            workspace.issued[token] = workspace.now() + seconds

    # oauth.v2.access

    def access(self, arguments: Mapping[str, Any], client: tuple[str, str] | None) -> Json:
        """A code, or a refresh token, for a token.

        :param client: id and secret from HTTP's own header.
        :raises SlackError: with Slack's name for what is wrong.
        """
        client_id, secret = client or (
            str(arguments.get("client_id") or ""),
            str(arguments.get("client_secret") or ""),
        )
        if client_id != self.client_id:
            raise SlackError("invalid_client_id")
        if not secrets.compare_digest(secret, self.client_secret):
            raise SlackError("bad_client_secret")
        grant = arguments.get("grant_type", "authorization_code")
        known = {"refresh_token": REFRESH_ARGUMENTS, "authorization_code": CODE_ARGUMENTS}
        if grant not in known:
            raise SlackError("invalid_grant_type")
        for name in sorted(set(arguments) - known[grant]):
            raise SlackError("invalid_arguments", [f"[ERROR] unknown argument: {name}"])
        return self._renew(arguments) if grant == "refresh_token" else self._install(arguments)

    def _install(self, arguments: Mapping[str, Any]) -> Json:
        code = self._codes.get(str(arguments.get("code") or ""))
        now = self.first.workspace.now()
        if code is None or now > code.expires_at:
            raise SlackError("invalid_code")
        if code.used:
            raise SlackError("code_already_used")
        code.used = True
        if arguments.get("redirect_uri") != code.redirect_uri:
            raise SlackError("bad_redirect_uri")
        slack = self.slacks[code.team_id]
        return {
            **self._issue(slack),
            "authed_user": {"id": code.installer},
        }

    def _renew(self, arguments: Mapping[str, Any]) -> Json:
        team_id = self._refresh.pop(str(arguments.get("refresh_token") or ""), None)
        if team_id is None:
            raise SlackError("invalid_refresh_token")
        self.refreshed.append(team_id)
        return self._issue(self.slacks[team_id])

    def _issue(self, slack: Slack) -> Json:
        """A new token; those before it stay good until they end."""
        workspace = slack.workspace
        team, app = workspace.team, workspace.app
        token = f"{'xoxe.xoxb-1-' if self.rotates else 'xoxb-'}{secrets.token_hex(24)}"
        ends = workspace.now() + TOKEN_SECONDS if self.rotates else float("inf")
        workspace.issued[token] = ends
        answer: Json = {
            "app_id": app.id,
            "scope": ",".join(app.scopes),
            "token_type": "bot",
            "access_token": token,
            "bot_user_id": app.bot_user_id,
            "team": {"id": team.id, "name": team.name},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if self.rotates:
            refresh = f"xoxe-1-{secrets.token_hex(24)}"
            self._refresh.pop(self._current.get(team.id, ""), None)
            self._refresh[refresh] = team.id
            self._current[team.id] = refresh
            answer |= {"refresh_token": refresh, "expires_in": int(TOKEN_SECONDS)}
        return answer


def create_many(distribution: Distribution, *, strict: bool) -> ASGIApp:
    """One address for all teams."""
    teams = {
        team_id: create_app(slack, strict=strict) for team_id, slack in distribution.slacks.items()
    }
    return _OneAddress(distribution, teams)


class _OneAddress:
    """Hands each request to the team that it is about."""

    def __init__(self, distribution: Distribution, teams: Mapping[str, Starlette]) -> None:
        self._distribution = distribution
        self._teams = teams
        self._own = Starlette(
            routes=[
                Route("/oauth/v2/authorize", self._authorize, methods=["GET", "POST"]),
                Route("/api/oauth.v2.access", self._access, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in ("/oauth/v2/authorize", "/api/oauth.v2.access"):
            await self._own(scope, receive, send)
        else:
            await self._teams[self._team_of(scope)](scope, receive, send)

    def _team_of(self, scope: Scope) -> str:
        """By the token, or by the id in a path; what is nobody's goes to the first one, which
        refuses it."""
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        token = headers.get(b"authorization", "").removeprefix("Bearer ")
        for team_id, slack in self._distribution.slacks.items():
            uploads = slack.workspace.files
            parts = scope["path"].strip("/").replace("-", "/").split("/")
            if token in slack.workspace.issued or team_id in parts:
                return team_id
            if parts[0] == "upload" and uploads.has(parts[2]):
                return team_id
        return self._distribution.first.workspace.team.id

    async def _authorize(self, request: Request) -> Response:
        """The page that asks; a form's POST is the answer."""
        query = dict(request.query_params)
        problem = self._distribution.ask(query)
        if problem is not None:
            return HTMLResponse(f"<h1>Something's not right</h1><p>{problem}</p>", 400)
        if request.method == "GET":
            return HTMLResponse(self._page(query))
        async with request.form() as form:
            team_id, installer = str(form.get("team")), str(form.get("user"))
        if team_id not in self._distribution.slacks:
            return RedirectResponse(self._distribution.refuse(query), 302)
        return RedirectResponse(self._distribution.allow(query, team_id, installer), 302)

    def _page(self, query: Mapping[str, str]) -> str:
        name = escape(self._distribution.first.workspace.app.name)
        scopes = "".join(f"<li>{escape(scope)}</li>" for scope in query["scope"].split(","))
        buttons = "".join(
            f'<form method="post"><input type="hidden" name="team" value="{escape(team_id)}">'
            f'<input type="hidden" name="user" value="{escape(slack.workspace.people()[0].id)}">'
            f"<button>Allow in {escape(slack.workspace.team.name)}</button></form>"
            for team_id, slack in self._distribution.slacks.items()
        )
        return (
            f"<h1>{name} wants to access your workspace</h1><ul>{scopes}</ul>{buttons}"
            '<form method="post"><button>Cancel</button></form>'
        )

    async def _access(self, request: Request) -> Response:
        async with request.form() as form:
            arguments = {key: value for key, value in form.items() if isinstance(value, str)}
        try:
            answer = {"ok": True, **self._distribution.access(arguments, _basic(request))}
        except SlackError as refusal:
            answer = {"ok": False, "error": refusal.error}
        return JSONResponse(answer)


def _basic(request: Request) -> tuple[str, str] | None:
    """The app's id and secret in HTTP's own header, as Slack prefers them."""
    kind, _, told = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    client_id, _, secret = base64.b64decode(told).decode().partition(":")
    return client_id, secret


def distributed(slacks: Sequence[Slack]) -> Distribution:
    """Several teams' Slacks with one and the same app: its id and its signing secret are shared,
    its bot is another one in each, and nothing is installed yet."""
    first = slacks[0].workspace.app
    for number, slack in enumerate(slacks):
        workspace = slack.workspace
        workspace.app = replace(
            workspace.app,
            id=first.id,
            signing_secret=first.signing_secret,
            bot_id=f"{first.bot_id}{number}",
            bot_user_id=f"{first.bot_user_id}{number}",
            bot_token="",
        )
    return Distribution({slack.workspace.team.id: slack for slack in slacks})
