"""What changed between two revisions of a post, since somebody decided on the earlier one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.accounts import AccountChoice, Accounts
from bot.differences import Run, difference
from bot.errors import NotFound
from storage import accounts, approvals, media, posts, suggestions, workspaces
from storage.records import Approval, Content, Medium, Picture, Revision, Verdict
from storage.rows import Transaction


@dataclass(frozen=True, slots=True)
class TextChange:
    """How the text changed on some accounts, the same on all of them."""

    account_ids: tuple[str, ...]
    runs: Sequence[Run]


@dataclass(frozen=True, slots=True)
class Changes:
    """What two contents don't have in common.

    ``texts`` holds accounts that are new as well: all of their text is new, unless an account that
    was there before has it too. ``described`` is by picture; ``moved``: their order alone changed.
    """

    texts: Sequence[TextChange]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    link: Sequence[Run]
    new_pictures: Sequence[Picture]
    gone_pictures: Sequence[Picture]
    described: Sequence[tuple[Picture, Sequence[Run]]]
    moved: bool

    @property
    def is_empty(self) -> bool:
        return not (
            self.texts
            or self.added
            or self.removed
            or self.link
            or self.new_pictures
            or self.gone_pictures
            or self.described
            or self.moved
        )


def between(before: Content, after: Content) -> Changes:
    """What makes one content of another, each thing once."""
    by_texts: dict[tuple[str, str], list[str]] = {}
    for account_id in after.account_ids:
        was, now = before.texts.get(account_id, ""), after.texts[account_id]
        said_elsewhere = account_id not in before.texts and any(
            after.texts.get(other) == now for other in before.texts
        )
        if was != now and not said_elsewhere:
            by_texts.setdefault((was, now), []).append(account_id)
    old = {picture.sha256: picture for picture in before.pictures}
    new = {picture.sha256: picture for picture in after.pictures}
    stayed = [sha256 for sha256 in old if sha256 in new]
    return Changes(
        texts=[TextChange(tuple(ids), difference(*pair)) for pair, ids in by_texts.items()],
        added=tuple(key for key in after.account_ids if key not in before.texts),
        removed=tuple(key for key in before.account_ids if key not in after.texts),
        link=_changed(before.link or "", after.link or ""),
        new_pictures=[picture for key, picture in new.items() if key not in old],
        gone_pictures=[picture for key, picture in old.items() if key not in new],
        described=[
            (new[key], runs) for key in stayed if (runs := _changed(old[key].alt, new[key].alt))
        ],
        moved=stayed != [sha256 for sha256 in new if sha256 in old],
    )


def _changed(before: str, after: str) -> Sequence[Run]:
    return [] if before == after else difference(before, after)


@dataclass(frozen=True, slots=True)
class RevisionChange:
    """One revision beside the one that was decided on last before it.

    ``voided`` are those who approved the earlier one: that doesn't count any more.
    """

    post_id: str
    revision: Revision
    before: Revision
    decision: Approval
    voided: tuple[str, ...]
    taken_by: str | None  # who took the text that the editor had suggested
    accounts: Mapping[str, AccountChoice]
    media: Mapping[str, Medium]
    names: Mapping[str, str]  # of the team, by Slack id

    @property
    def changes(self) -> Changes:
        return between(self.before.content, self.revision.content)


async def load_change(
    tx: Transaction, accounts_: Accounts, workspace_id: str, revision_id: str
) -> RevisionChange:
    """Read what a revision changed.

    :raises NotFound: it isn't there, or nothing was decided before it.
    """
    revision = await posts.revision(tx, workspace_id, revision_id)
    if revision is None:
        raise NotFound("This post isn't there any more.")
    revisions = {each.id: each for each in await posts.revisions_of(tx, revision.post_id)}
    decided = [
        decision
        for decision in await approvals.of_post(tx, revision.post_id)
        if revisions[decision.revision_id].number < revision.number
    ]
    if not decided:
        raise NotFound("Nothing was decided before this.")
    before = revisions[decided[-1].revision_id]
    voided = [
        one.user_id
        for one in decided
        if one.verdict is Verdict.APPROVED and one.revision_id == before.id
    ]
    contents = before.content, revision.content
    ids = [key for content in contents for key in content.texts]
    hashes = [picture.sha256 for content in contents for picture in content.pictures]
    known = await accounts.by_ids(tx, workspace_id, ids)
    return RevisionChange(
        revision.post_id,
        revision,
        before,
        decided[-1],
        tuple(dict.fromkeys(voided)),
        await suggestions.taker(tx, revision.post_id, revision.created_at),
        {key: accounts_.choice(account) for key, account in known.items()},
        await media.by_hashes(tx, workspace_id, hashes),
        {one.user_id: one.name for one in await workspaces.team(tx, workspace_id)},
    )
