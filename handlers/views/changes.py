"""What changed in a post since somebody decided on it."""

from collections.abc import Mapping, Sequence

from bot.accounts import AccountChoice
from bot.changes import Changes, RevisionChange, between
from bot.overview import PostOverview
from handlers.slack_text import escape, shorten
from handlers.views.blocks import MESSAGE_LIMIT, Block, context, cost, section
from handlers.views.differences import Told, difference_blocks
from storage.records import Medium, PostState, Verdict

ON_CARD = 1500  # what the difference and its head cost there, see `cost`
IN_THREAD = MESSAGE_LIMIT - 400
LONGEST_NAMES = 300

SINCE = {
    Verdict.APPROVED: "it was approved",
    Verdict.CHANGES_REQUESTED: "changes were requested",
    Verdict.REJECTED: "it was rejected",
}
VOID = "Approvals given before don't count any more."


def changes(shown: PostOverview, more: str = "They are in the thread.") -> list[Block]:
    """For who has to decide again: the difference, word by word.

    :param more: where the changes are that don't fit.
    """
    if shown.post.state is not PostState.IN_REVIEW:
        return []
    last = shown.approvals[-1] if shown.approvals else None
    is_of_round = last is not None and last.round == shown.post.round  # not all have approved yet
    if last is not None and last.revision_id == shown.revision.id and not is_of_round:
        return [context(f"The text is the same as when {SINCE[last.verdict]}.")]
    if is_of_round and shown.round.is_complete:
        return [context("Only the time is new: the text was approved before.")]
    if shown.decided_before is None:
        return []
    decision, before = shown.decided_before
    told = all_told(between(before.content, shown.revision.content), shown.accounts, shown.media)
    if not told:
        return []
    is_voided = any(
        one.verdict is Verdict.APPROVED and one.revision_id != shown.revision.id
        for one in (*shown.approvals, decision)
    )
    void = f" {VOID}" if is_voided else ""
    head = section(f":pencil2: *Changed since {SINCE[decision.verdict]}*.{void}")
    return [head, *difference_blocks(told, ON_CARD - cost([head]), more=more)]


def changed(change: RevisionChange) -> tuple[str, list[Block]]:
    """The message in the card's thread: what a new revision changed, as far as it fits."""
    who = _name(change, change.taken_by or change.revision.editor_id)
    since = SINCE[change.decision.verdict]
    text = f"{who} changed the post since {since}"
    told = all_told(change.changes, change.accounts, change.media)
    if not told:
        return text, [section(f":pencil2: {who} asks again. Nothing is different since {since}.")]
    did = f"*Changed by {who}* since {since}."
    if change.taken_by is not None:
        did = f"*{who} took the text that {_name(change, change.revision.editor_id)} suggested.*"
    head = section(f":pencil2: {did} {_voided(change)}".rstrip())
    more = "All of the new text stands on the card."
    return text, [head, *difference_blocks(told, IN_THREAD - cost([head]), more=more)]


def _voided(change: RevisionChange) -> str:
    if not change.voided:
        return ""
    names = shorten(", ".join(_name(change, one) for one in change.voided), LONGEST_NAMES)
    return f"What {names} approved is the earlier text: that approval doesn't count any more."


def _name(change: RevisionChange, user_id: str) -> str:
    """A name, not a mention: it pings nobody."""
    return shorten(escape(change.names.get(user_id, "somebody")), 100)


def all_told(
    changes_: Changes, accounts: Mapping[str, AccountChoice], media: Mapping[str, Medium]
) -> list[Told]:
    """Everything that changed, what is short first."""

    def labels(ids: Sequence[str]) -> str:
        return ", ".join(sorted(accounts[key].label if key in accounts else "?" for key in ids))

    def file(sha256: str) -> str:
        return media[sha256].name if sha256 in media else "picture"

    told = []
    if changes_.added:
        told.append(Told(f"New: {labels(changes_.added)}"))
    if changes_.removed:
        told.append(Told(f"Taken out: {labels(changes_.removed)}"))
    told += [Told(f"Picture taken out: {file(one.sha256)}") for one in changes_.gone_pictures]
    told += [Told(f"New picture: {file(one.sha256)}") for one in changes_.new_pictures]
    if changes_.moved:
        told.append(Told("The pictures are in another order"))
    if changes_.link:
        told.append(Told("Link", changes_.link))
    told += [Told(labels(one.account_ids), one.runs) for one in changes_.texts]
    told += [
        Told(f"Description of {file(picture.sha256)}", runs) for picture, runs in changes_.described
    ]
    return told
