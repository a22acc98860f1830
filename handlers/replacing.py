"""Changing a message that only one person sees: Slack lets its own buttons do that, once."""

from typing import Any

from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.requests import Press


async def replace_message(
    press: Press, text: str, blocks: list[dict[str, Any]] | None = None
) -> None:
    """Put this in place of the ephemeral message that was pressed in; elsewhere do nothing."""
    if not press.body.get("container", {}).get("is_ephemeral"):
        return
    webhook = AsyncWebhookClient(press.body["response_url"])
    await webhook.send(text=text, blocks=blocks or [], replace_original=True)
