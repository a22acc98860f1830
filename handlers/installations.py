"""*Add to Slack*: Bolt's OAuth flow over our tables, a request's token, and the app's removal."""

import logging
from collections.abc import Sequence
from typing import Any

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.oauth.async_callback_options import (
    AsyncCallbackOptions,
    AsyncFailureArgs,
    AsyncSuccessArgs,
)
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.installations import Installations
from handlers.clients import Tokens
from handlers.errors import explain
from handlers.inbound import Desk
from handlers.payloads import ORGANISATION, place_of
from handlers.requests import EventCall
from handlers.slack_calls import UNREACHABLE
from handlers.views.installations import HEADERS, failed_page, installed_page, problem_page
from storage.installations import STATE_LIVES, InstallationStore, OAuthStateStore

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
NOT_FOUND = (
    "Socialdesk doesn't find its installation in this workspace just now. Nothing was changed. Try "
    "again in a minute; if it stays like this, an admin has to add Socialdesk to Slack again: {url}"
)

log = logging.getLogger(__name__)


def register(desk: Desk) -> None:
    """Slack's news about the app itself."""
    removals = Removals(desk.services.installations)
    desk.event("app_uninstalled", removals.removed)
    desk.event("team_access_revoked", removals.access_revoked)
    desk.event("tokens_revoked", removals.revoked)


class Removals:
    """Brings the news to `bot.installations`. Slack sends both, in any order."""

    def __init__(self, installed: Installations) -> None:
        self._installed = installed

    async def removed(self, call: EventCall) -> None:
        place = place_of(call.body)
        await self._installed.removed(place.workspace_id, place.enterprise_id)

    async def access_revoked(self, call: EventCall) -> None:
        gone = call.event.get("team_ids") or []
        await self._installed.access_revoked(place_of(call.body).enterprise_id, gone)

    async def revoked(self, call: EventCall) -> None:
        place = place_of(call.body)
        bots = call.event.get("tokens", {}).get("bot") or []
        await self._installed.tokens_revoked(place.workspace_id, place.enterprise_id, bots)


class Authorizing(AsyncAuthorize):
    """Says whose token a request's client has. No call of Slack's, and one read a minute."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        **_: Any,
    ) -> AuthorizeResult | None:
        if team_id is not None and team_id.startswith(ORGANISATION):
            team_id, enterprise_id = None, team_id
        bot = await self._tokens.soon(team_id or enterprise_id or "", enterprise_id)
        if bot is None:
            return None
        return AuthorizeResult(
            enterprise_id=bot.enterprise_id,
            team_id=team_id,
            user_id=user_id,
            bot_user_id=bot.bot_user_id,
            bot_id=bot.bot_id,
            bot_token=bot.bot_token,
        )


def oauth_settings(
    *,
    client_id: str,
    client_secret: str,
    public_url: str,
    authorize_url: str,
    scopes: Sequence[str],
    store: InstallationStore,
    states: OAuthStateStore,
    installed: Installations,
) -> AsyncOAuthSettings:
    """Bolt's flow: nothing in it is taken from the environment, nor from a proxy's headers."""

    async def success(args: AsyncSuccessArgs) -> BoltResponse:
        installed.begin()
        made = args.installation
        name = made.enterprise_name if made.is_enterprise_install else made.team_name
        log.info("The app was installed in %s.", made.team_id or made.enterprise_id)
        page = installed_page(made.app_id or "", made.team_id, name or "your workspace")
        return BoltResponse(status=200, body=page, headers=dict(HEADERS))

    async def failure(args: AsyncFailureArgs) -> BoltResponse:
        page = problem_page(args.reason, INSTALL_PATH)
        return BoltResponse(status=args.suggested_status_code, body=page, headers=dict(HEADERS))

    return AsyncOAuthSettings(
        client_id=client_id,
        client_secret=client_secret,
        scopes=list(scopes),
        user_scopes=[],
        redirect_uri=f"{public_url}{REDIRECT_PATH}",
        install_path=INSTALL_PATH,
        install_page_rendering_enabled=False,  # straight on to Slack's page, as Slack wants it
        redirect_uri_path=REDIRECT_PATH,
        authorization_url=authorize_url,
        callback_options=AsyncCallbackOptions(success=success, failure=failure),
        installation_store=store,
        state_store=states,
        state_expiration_seconds=int(STATE_LIVES.total_seconds()),
    )


class InstallPages:
    """Answers a browser; whatever fails, it gets a page in plain words."""

    def __init__(self, app: AsyncApp) -> None:
        self._handler = AsyncSlackRequestHandler(app)

    async def answer(self, request: Request) -> Response:
        try:
            return await self._handler.handle(request)
        except UNREACHABLE as error:
            log.warning("Slack can't be reached to finish an installation: %s.", error)
            page = problem_page("unreachable", INSTALL_PATH)
            return HTMLResponse(page, status_code=502, headers=HEADERS)
        except Exception as error:  # the boundary of a page
            page = failed_page(explain(error).replace("`", ""), INSTALL_PATH)
            return HTMLResponse(page, status_code=500, headers=HEADERS)
