"""Submitting and closing modals, and what the app may answer.

Source: Slack's "Modals" (``response_action``: errors, update, push, clear).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.playground.block_kit import input_values_ok
from bot.playground.checks import view_body
from bot.playground.delivery import Delivery
from bot.playground.errors import SlackError
from bot.playground.outcome import Outcome, why
from bot.playground.payloads import interaction, view_object
from bot.playground.records import Channel, Json, View, ViewKind
from bot.playground.socket_mode import Kind
from bot.playground.state_values import EnteredValues, fill_in
from bot.playground.workspace import Workspace

TROUBLE = "We had some trouble connecting. Try again?"


class Forms:
    """A person's side of the app's modals."""

    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self._workspace = workspace
        self._delivery = delivery

    async def submit(self, user_id: str, view_id: str, values: EnteredValues) -> Outcome:
        """Press a modal's Submit.

        :raises SlackError: ``not_found`` if the person doesn't look at this modal.
        :raises LookupError: for a value no input of the modal can hold.
        """
        workspace = self._workspace
        view = self._visible(user_id, view_id)
        view = workspace.views.type_into(view_id, fill_in(view.blocks, values))
        for file_id in _file_ids(view):
            workspace.files.hand_over(file_id)
        shown = view_object(workspace, view)
        if errors := input_values_ok(view.body, shown["state"]["values"]):
            workspace.views.complain(view_id, errors)
            return Outcome(errors=errors)
        payload = interaction(
            workspace,
            "view_submission",
            workspace.user(user_id),
            trigger_id=workspace.grants.new_trigger(user_id, view_id).id,
            view=shown,
            response_urls=self._response_urls(view, shown["state"]["values"]),
        )
        answer = await self._delivery.request(Kind.INTERACTION, payload)
        if not answer.acknowledged:
            self._complain(view_id, TROUBLE)
            return Outcome(problem=f"{TROUBLE} {why(answer, workspace.app.name)}")
        try:
            return self._obey(view, answer.body)
        except SlackError as refusal:
            self._complain(view_id, TROUBLE)
            details = "; ".join((refusal.error, *refusal.messages))
            return Outcome(problem=f"{TROUBLE} ({details})")

    async def close(self, user_id: str, view_id: str, *, everything: bool = False) -> Outcome:
        """Press Cancel (this modal) or, with ``everything``, the X of the whole stack.

        The app hears of modals with ``notify_on_close``; what was typed is not in it, as with
        Slack.
        """
        view = self._visible(user_id, view_id)
        views = self._workspace.views
        everything = everything or bool(view.body.get("clear_on_close"))
        closed = list(reversed(views.stack(user_id))) if everything else [view]
        if everything:
            views.clear(user_id)
        else:
            views.close(view_id)
        problem = ""
        for gone in closed:
            if gone.body.get("notify_on_close"):
                payload = interaction(
                    self._workspace,
                    "view_closed",
                    self._workspace.user(user_id),
                    view=view_object(self._workspace, gone, with_state=False),
                    is_cleared=everything,
                )
                answer = await self._delivery.request(Kind.INTERACTION, payload)
                problem = problem or why(answer, self._workspace.app.name)
        return Outcome(problem=problem)

    def _obey(self, view: View, body: Any) -> Outcome:
        views = self._workspace.views
        if not body:
            if self._is_open(view.id):
                views.close(view.id)
            return Outcome()
        action = body.get("response_action") if isinstance(body, dict) else None
        if action == "clear":
            views.clear(view.user)
        elif action == "errors":
            errors = _errors(view, body.get("errors"))
            if self._is_open(view.id):
                views.complain(view.id, errors)
            return Outcome(errors=errors)
        elif action in ("update", "push"):
            new = view_body(self._workspace, body.get("view"), ViewKind.MODAL)
            if action == "push":
                views.push(view.user, new)
            elif self._is_open(view.id):
                views.update(view.id, new)
        else:
            raise SlackError("invalid_response_action")
        return Outcome()

    def _visible(self, user_id: str, view_id: str) -> View:
        view = self._workspace.views.modal(user_id)
        if view is None or view.id != view_id:
            raise SlackError("not_found")
        return view

    def _is_open(self, view_id: str) -> bool:
        try:
            self._workspace.views.get(view_id)
        except SlackError:
            return False
        return True

    def _complain(self, view_id: str, trouble: str) -> None:
        if self._is_open(view_id):
            self._workspace.views.complain(view_id, {}, trouble)

    def _response_urls(self, view: View, values: Json) -> list[Json]:
        urls = []
        for block in view.blocks:
            element = block.get("element") or {}
            if not element.get("response_url_enabled"):
                continue
            block_id, action_id = block["block_id"], element["action_id"]
            value = values[block_id][action_id]
            chosen = value.get("selected_conversation") or value.get("selected_channel")
            if chosen:
                channel = self._workspace.channel(chosen)
                urls.append(self._response_url(view, channel, block_id, action_id))
        return urls

    def _response_url(self, view: View, channel: Channel, block_id: str, action_id: str) -> Json:
        url = self._workspace.grants.new_response_url(
            kind="app", channel=channel.id, user=view.user
        )
        return {
            "block_id": block_id,
            "action_id": action_id,
            "channel_id": channel.id,
            "response_url": self._workspace.response_url_address(url),
        }


def _file_ids(view: View) -> Iterator[str]:
    for actions in view.typed.values():
        for value in actions.values():
            yield from (file["id"] for file in value.get("files", ()))


def _errors(view: View, errors: Any) -> dict[str, str]:
    """:raises SlackError: for what Slack can't show: it shows errors at input blocks only."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_errors")
    wrong = [key for key, text in errors.items() if key not in inputs or not isinstance(text, str)]
    if wrong:
        raise SlackError("invalid_errors", [f"no input block {key!r}" for key in wrong])
    return errors
