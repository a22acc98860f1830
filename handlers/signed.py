"""Slack's signed HTTP requests, checked before anything reads them.

Bolt parses a body before it looks at the signature, and stumbles over bytes, timestamps and
signatures that aren't text. So what nobody signed never gets that far; Bolt's own check stays
behind this one.
"""

import logging
from time import time

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

OLDEST_S = 300  # https://docs.slack.dev/authentication/verifying-requests-from-slack

log = logging.getLogger(__name__)


class SignedRequests:
    """The one way in for HTTP.

    The same signed request again within five minutes is let in, as Slack's own repeats must be:
    every use case takes "again" as harmless (``docs/security.md``).
    """

    def __init__(self, app: AsyncApp, secret: str) -> None:
        self._verifier = SignatureVerifier(secret)
        self._bolt = AsyncSlackRequestHandler(app)

    async def handle(self, request: Request) -> Response:
        """Bolt's answer; 401 for what Slack didn't sign in the last five minutes, 400 for what
        can't be read."""
        body = await request.body()
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return PlainTextResponse("The request can't be read.", status_code=400)
        if not self._is_signed(request, text):
            return PlainTextResponse("Slack didn't sign this.", status_code=401)
        try:
            answer = await self._bolt.handle(request)
        except Exception:  # Bolt's parsers raise whatever they stumble over
            log.exception("A signed request couldn't be read.")
            return PlainTextResponse("The request can't be read.", status_code=400)
        if answer.status_code >= 500:  # a part is missing or of another kind; Bolt has logged it
            return PlainTextResponse("The request can't be read.", status_code=400)
        return answer

    def _is_signed(self, request: Request, body: str) -> bool:
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and signature.isascii()):
            return False
        if abs(time() - int(stamp)) > OLDEST_S:
            return False
        return self._verifier.is_valid(body, stamp, signature)
