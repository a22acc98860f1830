"""What became of a call to Slack, whatever slack_sdk raised."""

import aiohttp
from slack_sdk.errors import SlackApiError

# Slack wasn't reached, or its answer was lost.
UNREACHABLE = (aiohttp.ClientError, TimeoutError)
FAILED = (SlackApiError, *UNREACHABLE)


def refusal(error: Exception) -> str:
    """Slack's name for what is wrong; else the status or the kind of trouble.

    An answer that isn't JSON (a 500) comes as text or as aiohttp's own response.
    """
    if not isinstance(error, SlackApiError):
        return f"can't be reached ({type(error).__name__})"
    data = getattr(error.response, "data", error.response)
    if isinstance(data, dict) and data.get("error"):
        return str(data["error"])
    status = getattr(error.response, "status_code", None) or getattr(error.response, "status", "?")
    return f"answered with status {status}"


def retry_after(error: SlackApiError) -> int | None:
    """The seconds that Slack asks to wait."""
    headers = getattr(error.response, "headers", None) or {}
    seconds = str(headers.get("Retry-After", ""))
    return int(seconds) if seconds.isdigit() else None


# "It's possible some aspect of the operation succeeded before the error was raised."
# https://docs.slack.dev/reference/methods/chat.postMessage#errors
_UNCLEAR = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})


def is_clear(error: Exception) -> bool:
    """Whether Slack said that it did nothing; else nobody knows what it did."""
    if not isinstance(error, SlackApiError):
        return False
    data = getattr(error.response, "data", None)
    named = isinstance(data, dict) and bool(data.get("error"))
    return retry_after(error) is not None or (named and refusal(error) not in _UNCLEAR)
