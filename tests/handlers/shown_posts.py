"""Posts as cards show them, made up: small ones by default, any by Hypothesis."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from bot.accounts import AccountChoice
from bot.composing import MOST_TO_READ, shown_size
from bot.networks.base import Limits
from bot.outcomes import SAID_LIVE
from bot.overview import PostOverview
from bot.policies import Deciders
from bot.posts import content_hash
from bot.progress import Progress
from storage.records import (
    Account,
    AccountState,
    Approval,
    Content,
    Delivery,
    DeliveryState,
    HistoryEntry,
    Medium,
    Member,
    Mode,
    Picture,
    Policy,
    Post,
    PostState,
    Revision,
    Role,
    UserGroup,
    Verdict,
    When,
    Workspace,
)

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LONG = "W" * 64
TEAM = (
    Member("T1", "UANA", "Ana Novak", "UTC", frozenset({Role.AUTHOR})),
    Member("T1", "UBEN", "Ben Okafor", "UTC", frozenset({Role.APPROVER})),
)
LIMITS = Limits(20_000, 4, 1_000_000, ("image/png",), 1000)


def account(number: int, label: str = "Sandbox · @acorn") -> AccountChoice:
    made = Account(
        id=f"account{number}",
        workspace_id="T1",
        network="sandbox",
        remote_id=str(number),
        handle="acorn",
        name="Acorn",
        url="https://a.example",
        server="a.example",
        state=AccountState.ACTIVE,
        credentials=b"",
        limits={},
        slots=None,
        owner_id="UEVA",
        cursor=None,
        polled_at=None,
        problem=None,
        created_at=NOW,
    )
    return AccountChoice(made, label, LIMITS)


def delivery(number: int, state: DeliveryState, problem: str | None = None) -> Delivery:
    return Delivery(
        id=f"delivery{number}",
        workspace_id="T1",
        post_id="post",
        revision_id="revision",
        account_id=f"account{number}",
        state=state,
        due_at=NOW,
        next_attempt_at=NOW,
        attempt=1,
        problem=problem,
        remote_id="1",
        url="https://a.example/1",
        published_at=NOW,
        network="sandbox",
    )


def revision(texts: dict[str, str], number: int = 2, alts: tuple[str, ...] = ()) -> Revision:
    pictures = tuple(Picture(f"{position:064}", alt) for position, alt in enumerate(alts))
    content = Content(texts, None, pictures)
    base = next(iter(texts.values()), "")
    return Revision(
        f"revision{number}", "T1", "post", number, content_hash(content), content, base, "UANA", NOW
    )


def approval(of: Revision, verdict: Verdict, comment: str = "") -> Approval:
    return Approval("approval", "T1", "post", of.id, "UBEN", verdict, comment, NOW, NOW)


def shown(
    texts: dict[str, str] | None = None,
    *,
    state: PostState = PostState.IN_REVIEW,
    alts: tuple[str, ...] = (),
    before: tuple[Approval, Revision] | None = None,
    approvals: tuple[Approval, ...] = (),
    deliveries: tuple[Delivery, ...] = (),
    history: tuple[HistoryEntry, ...] = (),
    names: dict[str, str] | None = None,
    labels: tuple[str, ...] = ("Sandbox · @acorn",),
    sent: dict[str, Progress] | None = None,
    policies: tuple[Policy, ...] = (),
    groups: tuple[UserGroup, ...] = (),
    members: tuple[Member, ...] = TEAM,
    more: dict[str, Any] | None = None,
) -> PostOverview:
    now = revision({"account0": "Hello"} if texts is None else texts, alts=alts)
    media = {
        picture.sha256: Medium("T1", picture.sha256, "image/png", 1, 1, 1, "a.png", "F1", NOW)
        for picture in now.content.pictures
    }
    workspace = Workspace("T1", "Acorn", Mode.TEAM, "UTC", "C1", "C2", {}, (), 1800, NOW, NOW)
    post = Post("post", "T1", "UANA", state, now.id, When.AT, NOW, None, 3, NOW, NOW)
    known = {one.user_id: one for one in members}
    deciders = Deciders(workspace, policies, known, {one.id: one for one in groups})
    return PostOverview(
        workspace=workspace,
        post=post,
        revision=now,
        decided_before=before,
        accounts={f"account{n}": account(n, label) for n, label in enumerate(labels)},
        media=media,
        approvals=approvals,
        deliveries=deliveries,
        history=history,
        names={"UANA": "Ana Novak", "UBEN": "Ben Okafor"} if names is None else names,
        progress=sent or {},
        round=deciders.round(post, now, approvals),
        **(more or {}),
    )


def halfway(live: int, total: int, *, can_go_on: bool = True) -> Progress:
    """The first posts of a thread are out, and nobody knows about the one after them."""
    out = {number: f"https://a.example/{number}" for number in range(1, live + 1)}
    return Progress(total, out, live + 1 if live < total else None, f"part{live + 1}", can_go_on)


# What makes text long or strange on a card: escapes, wide signs, lines, marks, hidden signs.
_SIGNS = st.sampled_from(
    ["word ", "&", "<", ">", "\n", "*", "_", "🎉", "é", "x", "\u202e", "`", "\n---\n", "y\n---\n"]
)
texts = st.lists(st.tuples(_SIGNS, st.sampled_from([1, 3, 60, 700, 3000])), max_size=4).map(
    lambda parts: "".join(sign * count for sign, count in parts)
)


def fitting(text: str, size: int) -> str:
    """The beginning of a text that a card and its thread may be asked to show."""
    while shown_size(text) > size:
        text = text[: len(text) * 3 // 4]
    return text


class DrawnPost(PostOverview):
    """A post whose texts are named, not written out: Hypothesis won't print what is too long."""

    __slots__ = ()

    def __repr__(self) -> str:
        content = self.revision.content
        before = self.decided_before[1].content.texts if self.decided_before else {}
        facts = {
            "state": self.post.state.name,
            "texts": [in_runs(text) for text in content.texts.values()],
            "alts": [in_runs(picture.alt) for picture in content.pictures],
            "before": [in_runs(text) for text in before.values()],
            "comments": [in_runs(approval.comment) for approval in self.approvals],
            "deliveries": [f"{one.state} {in_runs(one.problem or '')}" for one in self.deliveries],
            "history": [in_runs(entry.detail) for entry in self.history],
            "labels": [in_runs(choice.label) for choice in self.accounts.values()],
        }
        return f"DrawnPost({facts})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """As Hypothesis prints: else it would go into the fields."""
        printer.text(repr(self))


def in_runs(text: str) -> str:
    """``'x' * 700 + '&' * 3``."""
    runs = [(found[1], len(found[0]) // len(found[1])) for found in _RUN.finditer(text)]
    return " + ".join(f"{sign!a} * {count}" for sign, count in runs)


_RUN = re.compile(r"(word |y?\n---\n|.)\1*", re.DOTALL)


@st.composite
def overviews(draw: st.DrawFn) -> PostOverview:
    """Any post that can exist: every state, several accounts, long texts, comments and names."""
    count = draw(st.integers(1, 12))
    different = draw(st.integers(1, min(3, count)))
    alts = tuple(fitting(draw(texts), 4500)[:1000] for _ in range(draw(st.integers(0, 4))))
    room = (MOST_TO_READ - sum(map(shown_size, alts))) // different
    own = [fitting(draw(texts), room) for _ in range(different)]
    state = draw(st.sampled_from(list(PostState)))
    made: dict[str, Any] = {f"account{n}": own[n % different] for n in range(count)}
    before = revision({key: draw(texts) for key in list(made)[: draw(st.integers(0, 2))]}, 1)
    decision = approval(before, draw(st.sampled_from(list(Verdict))), draw(texts)[:1000])
    did = draw(st.sampled_from(["asked for changes", SAID_LIVE]))
    entries = tuple(
        HistoryEntry(str(n), "T1", "post", "UBEN", did, draw(texts)[:300], NOW)
        for n in range(draw(st.sampled_from([0, 1, 15])))
    )
    post = shown(
        made,
        state=state,
        alts=alts,
        before=draw(st.sampled_from([None, (decision, before)])),
        approvals=(decision,),
        deliveries=tuple(
            delivery(n, draw(st.sampled_from(list(DeliveryState))), draw(texts)[:500])
            for n in range(count)
        ),
        history=entries,
        labels=tuple(LONG[: draw(st.integers(1, 64))] for _ in range(count)),
        sent={f"delivery{n}": halfway(draw(st.integers(0, 3)), 3) for n in range(count)},
    )
    return DrawnPost(**{part.name: getattr(post, part.name) for part in fields(post)})
