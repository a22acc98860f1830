"""The form of who must approve, as it is kept in its view while somebody fills it in."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.policies import ANY_APPROVER
from bot.policy_settings import Place, Rules
from storage.records import Scope, Step

NOBODY, ANYBODY, STEPS = "nobody", "anybody", "steps"
AUTHOR, REPLIES, OWN_CARD = "author", "replies", "own_card"
NO_GROUP = "none"


@dataclass(frozen=True, slots=True)
class PolicyFields:
    """What is in the form. ``who`` is one of the three choices; ``steps`` stay while another than
    `STEPS` is chosen. ``at`` is the step that is open on top of it."""

    scope: Scope
    scope_id: str
    who: str
    also: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    at: int | None = None

    @property
    def place(self) -> tuple[Scope, str]:
        return self.scope, self.scope_id

    def rules(self) -> Rules:
        """What the product understands."""
        steps = {NOBODY: (), ANYBODY: (ANY_APPROVER,)}.get(self.who, self.steps)
        return Rules(steps, AUTHOR in self.also, REPLIES in self.also, OWN_CARD in self.also)

    def pack(self) -> str:
        """For the view's private_metadata: five steps of eight people fit."""
        steps = [[s.name, s.needed, s.people, s.group, s.backup] for s in self.steps]
        kept = {**asdict(self), "steps": steps}
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def unpacked(view: Mapping[str, Any]) -> PolicyFields:
    """What `pack` kept in an open view."""
    kept = json.loads(view["private_metadata"])
    steps = tuple(
        Step(name, needed, tuple(people), group, backup)
        for name, needed, people, group, backup in kept["steps"]
    )
    return PolicyFields(
        **{**kept, "scope": Scope(kept["scope"]), "also": tuple(kept["also"]), "steps": steps}
    )


def of_place(place: Place, rules: Rules) -> PolicyFields:
    """What the form begins with."""
    flags = {AUTHOR: rules.author_counts, REPLIES: rules.replies, OWN_CARD: rules.own_card}
    also = tuple(name for name, is_on in flags.items() if is_on)
    who, steps = STEPS, rules.steps
    if not rules.steps:
        who = NOBODY
    elif rules.steps == (ANY_APPROVER,):
        who, steps = ANYBODY, ()
    return PolicyFields(place.scope, place.scope_id, who, also, steps)


def read(values: Mapping[str, Any], before: PolicyFields) -> PolicyFields:
    """The form's inputs over what was known before; those that aren't shown keep their value."""
    also = values.get("also")
    return replace(
        before,
        who=values.get("who") or before.who,
        also=before.also if also is None else tuple(also),
    )


def read_step(values: Mapping[str, Any]) -> Step:
    """The inputs of one step."""
    group = values.get("group")
    return Step(
        name=" ".join((values.get("name") or "").split()),
        needed=int(values.get("needed") or 1),
        people=tuple(values.get("people") or ()),
        group=None if group in (None, NO_GROUP) else group,
        backup=values.get("backup") or None,
    )
