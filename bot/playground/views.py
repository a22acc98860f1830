"""Modals and App Homes: who has what open, and what they have typed so far."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from bot.playground.changes import Change, ChangeKind, Changes
from bot.playground.errors import SlackError
from bot.playground.ids import new_id, short_key
from bot.playground.records import Json, View, ViewKind, from_json, to_json
from bot.playground.store import DocumentStore

DEPTH = 3

StateValues = Mapping[str, Mapping[str, Json]]


class Views:
    """Every open view. A person has at most one stack of modals, three deep, and one Home."""

    def __init__(self, store: DocumentStore, changes: Changes, now: Callable[[], float]) -> None:
        self._store = store
        self._changes = changes
        self._now = now
        self._views = {key: from_json(View, body) for key, body in store.all("view")}

    def get(self, view_id: str) -> View:
        """A view that is open now. :raises SlackError: ``not_found``."""
        try:
            return self._views[view_id]
        except KeyError:
            raise SlackError("not_found") from None

    def with_external_id(self, external_id: str) -> View:
        """:raises SlackError: ``not_found``."""
        for view in self._views.values():
            if external_id and view.external_id == external_id:
                return view
        raise SlackError("not_found")

    def stack(self, user: str) -> list[View]:
        """A person's open modals, the visible one last."""
        mine = [
            view
            for view in self._views.values()
            if view.user == user and view.kind is ViewKind.MODAL
        ]
        below = {view.previous_view_id: view for view in mine}
        stack: list[View] = []
        while (view := below.get(stack[-1].id if stack else None)) is not None:
            stack.append(view)
        return stack

    def modal(self, user: str) -> View | None:
        """The modal a person looks at, if any."""
        stack = self.stack(user)
        return stack[-1] if stack else None

    def home(self, user: str) -> View | None:
        """A person's App Home, if the app has published one."""
        for view in self._views.values():
            if view.user == user and view.kind is ViewKind.HOME:
                return view
        return None

    def open(self, user: str, body: Json) -> View:
        """Show a modal, in place of any the person had open."""
        self._require_free(body)
        self.clear(user, announce=False)
        return self._add(user, ViewKind.MODAL, body, previous=None)

    def push(self, user: str, body: Json) -> View:
        """Lay a modal on top of the person's.

        :raises SlackError: ``not_found`` without one below, ``push_limit_reached`` with three.
        """
        stack = self.stack(user)
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= DEPTH:
            raise SlackError("push_limit_reached")
        self._require_free(body)
        return self._add(user, ViewKind.MODAL, body, previous=stack[-1])

    def update(self, view_id: str, body: Json, expected_hash: str | None = None) -> View:
        """Replace a view's content; what was typed stays where both ids stay.

        :raises SlackError: ``not_found``; ``hash_conflict`` if it changed meanwhile.
        """
        view = self.get(view_id)
        if expected_hash and expected_hash != view.hash:
            raise SlackError("hash_conflict")
        self._require_free(body, except_for=view)
        body = with_ids(body)
        return self._keep(
            replace(
                view,
                body=body,
                hash=self._new_hash(),
                external_id=body.get("external_id") or "",
                typed=_kept(view.typed, body),
                errors={},
                trouble="",
            )
        )

    def publish(self, user: str, body: Json, expected_hash: str | None = None) -> View:
        """Show a person's Home anew. :raises SlackError: ``hash_conflict``."""
        view = self.home(user)
        if view is None:
            if expected_hash:
                raise SlackError("hash_conflict")
            return self._add(user, ViewKind.HOME, body, previous=None)
        return self.update(view.id, body, expected_hash)

    def type_into(self, view_id: str, values: StateValues) -> View:
        """Keep what a person entered (Slack's ``state.values``), so that a page can show it.

        Only the inputs in ``values`` change. No change is announced: the page that sent it knows.
        :raises SlackError: ``not_found``.
        """
        view = self.get(view_id)
        typed = copy.deepcopy(view.typed)
        for block_id, actions in values.items():
            typed.setdefault(block_id, {}).update(copy.deepcopy(dict(actions)))
        return self._keep(replace(view, typed=_kept(typed, view.body)), announce=False)

    def complain(self, view_id: str, errors: Mapping[str, str], trouble: str = "") -> View:
        """Show messages beside fields (block_id -> text), and ``trouble`` for the whole form."""
        return self._keep(replace(self.get(view_id), errors=dict(errors), trouble=trouble))

    def close(self, view_id: str) -> None:
        """Take away a modal, and those above it; the one below is shown again."""
        view = self.get(view_id)
        stack = self.stack(view.user)
        for above in stack[[entry.id for entry in stack].index(view_id) :]:
            self._drop(above)
        self._announce(view)

    def clear(self, user: str, *, announce: bool = True) -> None:
        """Close all of a person's modals."""
        for view in self.stack(user):
            self._drop(view)
        if announce:
            self._changes.announce(Change(ChangeKind.MODAL, user=user))

    def _add(self, user: str, kind: ViewKind, body: Json, previous: View | None) -> View:
        view_id = new_id("V")
        body = with_ids(body)
        return self._keep(
            View(
                id=view_id,
                user=user,
                kind=kind,
                body=body,
                hash=self._new_hash(),
                root_view_id=previous.root_view_id if previous else view_id,
                previous_view_id=previous.id if previous else None,
                external_id=body.get("external_id") or "",
            )
        )

    def _require_free(self, body: Json, except_for: View | None = None) -> None:
        external_id = body.get("external_id")
        for view in self._views.values():
            if external_id and view.external_id == external_id and view is not except_for:
                raise SlackError("duplicate_external_id")

    def _new_hash(self) -> str:
        return f"{int(self._now())}.{short_key(8)}"

    def _keep(self, view: View, *, announce: bool = True) -> View:
        self._views[view.id] = view
        self._store.put("view", view.id, to_json(view))
        if announce:
            self._announce(view)
        return view

    def _drop(self, view: View) -> None:
        del self._views[view.id]
        self._store.delete("view", view.id)

    def _announce(self, view: View) -> None:
        kind = ChangeKind.HOME if view.kind is ViewKind.HOME else ChangeKind.MODAL
        self._changes.announce(Change(kind, user=view.user))


def with_ids(body: Json) -> Json:
    """A copy of a view or message in which every block and element has its id, as Slack does."""
    body = copy.deepcopy(body)
    for block in body.get("blocks") or []:
        if not block.get("block_id"):
            block["block_id"] = short_key()
        for element in elements(block):
            if element.get("type") not in ("image", "mrkdwn", "plain_text"):
                element.setdefault("action_id", short_key())
    return body


def elements(block: Json) -> Iterator[Json]:
    """The interactive parts of a block: its element, its accessory, its elements or actions."""
    if block.get("type") not in ("section", "input", "actions", "context_actions", "card"):
        return
    several = block.get("elements") or block.get("actions") or ()
    for part in (block.get("element"), block.get("accessory"), *several):
        if isinstance(part, dict):
            yield part


def _kept(typed: StateValues, body: Json) -> dict[str, dict[str, Json]]:
    kinds = {
        (block["block_id"], element.get("action_id")): element["type"]
        for block in body.get("blocks") or []
        for element in elements(block)
    }
    return {
        block_id: kept
        for block_id, actions in typed.items()
        if (
            kept := {
                action_id: value
                for action_id, value in actions.items()
                if kinds.get((block_id, action_id)) == value.get("type")
            }
        )
    }
