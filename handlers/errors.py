"""Errors on their way to a person: expected ones as they are, bugs with a reference id."""

import logging
from uuid import uuid4

from slack_sdk.errors import SlackApiError

from bot.errors import AlreadyDone, Expired, NetworkError, RateLimited, UserError
from handlers.slack_text import date, escape

log = logging.getLogger(__name__)


def explain(error: Exception) -> str:
    """What the person is told, as mrkdwn. What isn't expected is logged with a reference id."""
    if isinstance(error, AlreadyDone) and error.by is not None:
        when = f" {date(error.at)}" if error.at else ""
        return f"{escape(str(error))} <@{error.by}> {error.did}{when}."
    if isinstance(error, UserError):
        return _with_commands(str(error))
    if isinstance(error, RateLimited):
        return f"{escape(error.reason)}. Try again {date(error.until)}."
    if isinstance(error, Expired):
        return f"{escape(error.reason)}. Connect the account again with `/social connect`."
    if isinstance(error, NetworkError):
        return f"{escape(error.reason)}. Nothing was changed. Try again in a minute."
    return _bug(error)


def _with_commands(text: str) -> str:
    """Our sentences name commands and code in backticks; everything else in them stays text."""
    return "".join(
        f"`{piece}`" if position % 2 else escape(piece)
        for position, piece in enumerate(text.split("`"))
    )


def _bug(error: Exception) -> str:
    reference = uuid4().hex[:8]
    if isinstance(error, SlackApiError):
        log.error("[%s] Slack refused a call: %s", reference, error, exc_info=error)
    else:
        log.error("[%s] A bug.", reference, exc_info=error)
    return (
        "Something went wrong on our side. What was saved before is still there. "
        f"Try again; if it happens twice, tell your admin this reference: `{reference}`."
    )
