"""The Web API at /api/<method>: tokens, arguments, scopes, trouble on demand, answers.

Source: Slack's "Using the Slack Web API" (encodings, tokens, errors, rate limits) and the pages of
the methods.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from bot.playground.errors import SlackError
from bot.playground.faults import ApiFault, ApiTrouble
from bot.playground.recording import Recorder
from bot.playground.records import Json
from bot.playground.slack import Slack
from bot.playground.web_call import Call, Method
from bot.playground.web_chat import CHAT_METHODS
from bot.playground.web_conversations import CONVERSATION_METHODS
from bot.playground.web_files import FILE_METHODS
from bot.playground.web_people import PEOPLE_METHODS
from bot.playground.web_views import VIEW_METHODS

METHODS: Mapping[str, Method] = {
    **CHAT_METHODS,
    **CONVERSATION_METHODS,
    **FILE_METHODS,
    **PEOPLE_METHODS,
    **VIEW_METHODS,
}

JSON_ARGUMENTS = frozenset({"attachments", "blocks", "files", "metadata", "view"})
EVERYWHERE = frozenset({"team_id"})  # Bolt adds it to each call; Slack ignores it mostly.
CHANNEL_SECONDS = 1.0

logger = logging.getLogger(__name__)


class WebApi:
    """Answers the app's calls.

    :param strict: refuse arguments Slack doesn't document (tests); else warn about them.
    """

    def __init__(self, slack: Slack, *, strict: bool, recorder: Recorder | None = None) -> None:
        self._slack = slack
        self._strict = strict
        self._recorder = recorder
        self._last_post: dict[str, float] = {}

    async def answer(self, request: Request) -> Response:
        """One call."""
        name = request.path_params["method"]
        fault = self._slack.faults.take_for_call(name)
        if fault is not None and fault.trouble is ApiTrouble.SLOW:
            await asyncio.sleep(fault.seconds)
        arguments: dict[str, Any] = {}
        try:
            arguments = await _read_arguments(request)
            refused = self._trouble(name, arguments, fault)
            if refused is not None:
                return refused
            token = _token(request, arguments)
            answer = {"ok": True, **self._carry_out(name, token, arguments)}
        except SlackError as refusal:
            answer = _refused(refusal)
        if self._recorder is not None:
            self._recorder.record(name, arguments, answer)
        return await self._deliver(answer, name, fault)

    async def _deliver(self, answer: Json, name: str, fault: ApiFault | None) -> Response:
        """The answer as it arrives, once everything is done."""
        match fault.trouble if fault is not None else None:
            case ApiTrouble.LOST:
                return LostAnswer(self._slack)
            case ApiTrouble.GARBLED:
                return HTMLResponse("<html><body>Bad Gateway</body></html>", status_code=502)
            case ApiTrouble.LATE:
                assert fault is not None
                await asyncio.sleep(fault.seconds)
        return JSONResponse(answer, headers=self._headers(name))

    def _carry_out(self, name: str, token: str, arguments: Mapping[str, Any]) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._check_token(method, token)
        call = Call(name, arguments, self._slack)
        if not method.needs_app_token:
            call.require_scope(*method.scopes)
        self._check_arguments(name, method, arguments)
        return method.handle(call)

    def _check_token(self, method: Method, token: str) -> None:
        app = self._slack.workspace.app
        if not token:
            raise SlackError("not_authed")
        if (ends := self._slack.workspace.issued.get(token)) is not None:
            if self._slack.workspace.now() > ends:
                raise SlackError("token_expired")
            if method.needs_app_token:
                raise SlackError("not_allowed_token_type")
            return
        if token.startswith(("xoxb-", "xoxe.xoxb-")) and not app.bot_token:
            raise SlackError("account_inactive")  # of an app that was removed
        if token not in (app.bot_token, app.app_token):
            raise SlackError("invalid_auth")
        if (token == app.app_token) is not method.needs_app_token:
            raise SlackError("not_allowed_token_type")

    def _check_arguments(self, name: str, method: Method, arguments: Mapping[str, Any]) -> None:
        missing = [entry for entry in method.required if arguments.get(entry) in (None, "")]
        if missing:
            raise SlackError(
                "invalid_arguments",
                [f"[ERROR] missing required field: {entry}" for entry in missing],
            )
        known = {*method.required, *method.optional, *EVERYWHERE}
        for unknown in sorted(set(arguments) - known):
            if self._strict:
                raise SlackError("invalid_arguments", [f"[ERROR] unknown argument: {unknown}"])
            logger.warning("%s does not take the argument %r", name, unknown)

    def _trouble(
        self, name: str, arguments: Mapping[str, Any], fault: ApiFault | None
    ) -> Response | None:
        if fault is not None and fault.trouble is ApiTrouble.SERVER_ERROR:
            return PlainTextResponse("Internal Server Error", status_code=500)
        if fault is not None and fault.trouble is ApiTrouble.RATE_LIMITED:
            return _rate_limited(fault.seconds)
        if fault is not None and fault.trouble is ApiTrouble.ERROR:
            raise SlackError(fault.error)
        if name == "chat.postMessage" and self._slack.faults.limit_channels:
            return self._limit_channel(str(arguments.get("channel")))
        return None

    def _limit_channel(self, channel: str) -> Response | None:
        now = self._slack.workspace.now()
        if now - self._last_post.get(channel, 0.0) < CHANNEL_SECONDS:
            return _rate_limited(1)
        self._last_post[channel] = now
        return None

    def _headers(self, name: str) -> dict[str, str]:
        method = METHODS.get(name)
        return {
            "x-oauth-scopes": ",".join(self._slack.workspace.app.scopes),
            "x-accepted-oauth-scopes": ",".join(method.scopes) if method else "",
            "x-slack-req-id": uuid.uuid4().hex,
        }


class LostAnswer(Response):
    """Cuts the connection instead of answering: the caller can't know whether it was done."""

    def __init__(self, slack: Slack) -> None:
        super().__init__()
        self._slack = slack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = self._slack.faults.transports.get(scope["client"])
        if transport is None:
            # Not our own server (see ``serving``): break off within the answer instead.
            start = {"type": "http.response.start", "status": 200}
            await send({**start, "headers": [(b"content-length", b"2")]})
            return
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _read_arguments(request: Request) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            body = await request.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        body.pop("token", None)
        arguments |= body
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form() as form:
            arguments |= {key: value for key, value in form.items() if isinstance(value, str)}
    elif await request.body():
        raise SlackError("invalid_post_type")
    return {key: _decoded(key, value) for key, value in arguments.items() if value is not None}


def _decoded(key: str, value: Any) -> Any:
    if key not in JSON_ARGUMENTS or not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _token(request: Request, arguments: dict[str, Any]) -> str:
    """The token from the header, or from a form's field (never from a JSON body)."""
    field = str(arguments.pop("token", ""))
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    return bearer.strip() if kind.lower() == "bearer" and bearer else field


def _refused(refusal: SlackError) -> Json:
    answer: Json = {"ok": False, "error": refusal.error, **refusal.extra}
    if refusal.messages:
        answer["errors"] = [message.removeprefix("[ERROR] ") for message in refusal.messages]
        answer["response_metadata"] = {"messages": list(refusal.messages)}
    return answer


def _rate_limited(seconds: float) -> Response:
    return JSONResponse(
        {"ok": False, "error": "ratelimited"},
        status_code=429,
        headers={"Retry-After": str(int(seconds))},
    )
