"""What becomes of something that was heard: judged, kept once, and shown where it must be."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.clock import Clock
from bot.networks.base import HeardMention
from bot.sentiment import Classifier, Judgement, Thresholds, urgency
from storage import history, mentions, notices, workspaces
from storage.database import Database
from storage.records import (
    Account,
    Card,
    Mention,
    MentionState,
    Sentiment,
    Urgency,
    Workspace,
)
from storage.rows import Transaction, new_id

ANSWER_WITHIN = timedelta(hours=12)
SOLVE_WITHIN = timedelta(hours=24)

LONGEST_TEXT = 20_000  # characters; a post is shorter, and an article's link leads to the rest
_LONGEST_NAME = 255
_LONGEST_ID = 1000


class Raiser:
    """Judges what was heard, keeps it, and owes the cards.

    :param classifier: gives it once there is something to judge: its lexicon takes 50 ms to load.
    """

    def __init__(
        self,
        database: Database,
        classifier: Callable[[], Classifier],
        thresholds: Thresholds,
        clock: Clock,
    ) -> None:
        self._database = database
        self._classifier = classifier
        self._thresholds = thresholds
        self._clock = clock

    async def keep(
        self,
        workspace_id: str,
        source: str,
        account: Account | None,
        heard: Sequence[HeardMention],
    ) -> None:
        """Keep each once, however often it is heard. Of many at once each has its own card: the
        outbox paces them, and posts without a ping.

        :param account: whose mentions they are, None for a feed.
        """
        judgements = await asyncio.to_thread(self._judged, heard)
        async with self._database.transaction() as tx:
            workspace = await workspaces.get(tx, workspace_id)
            assert workspace is not None  # the database holds it
            for said, judgement in zip(heard, judgements, strict=True):
                mention = self._mention(workspace_id, source, account, said, judgement)
                earlier = await self._earlier(tx, mention, said)
                if earlier is not None:
                    await self._continue(tx, workspace, earlier, mention)
                elif await mentions.insert(tx, mention) and mention.urgency is Urgency.ALERT:
                    await self._raise(tx, workspace, mention)

    def _judged(self, heard: Sequence[HeardMention]) -> list[Judgement]:
        return [self._classifier().judge(said.text) for said in heard]

    def _mention(
        self,
        workspace_id: str,
        source: str,
        account: Account | None,
        said: HeardMention,
        judgement: Judgement,
    ) -> Mention:
        now = self._clock.now()
        posted_at = min(said.posted_at, now)
        return Mention(
            id=new_id(),
            workspace_id=workspace_id,
            source=source,
            kind=said.kind,
            account_id=None if account is None else account.id,
            remote_id=said.remote_id[:_LONGEST_ID],
            author=_storable(said.author, _LONGEST_NAME),
            author_name=_storable(said.author_name, _LONGEST_NAME),
            text=_storable(said.text, LONGEST_TEXT),
            url=_storable(said.url, LONGEST_TEXT),
            reply_to=said.reply_to,
            posted_at=posted_at,
            seen_at=now,
            sentiment=judgement.sentiment,
            score=judgement.negative,
            language=judgement.language,
            reasons=tuple(_storable(reason, _LONGEST_NAME) for reason in judgement.reasons),
            urgency=urgency(judgement, self._thresholds),
            state=MentionState.OPEN,
            owner_id=None,
            route=None,
            answer_due_at=posted_at + ANSWER_WITHIN,
            solve_due_at=posted_at + SOLVE_WITHIN,
            answered_at=None,
            solved_at=None,
            resolve_with=None,
            continues=None,
            listed_in=None,
            version=1,
        )

    async def _raise(self, tx: Transaction, workspace: Workspace, mention: Mention) -> None:
        if workspace.alerts_channel is not None:
            await notices.owe(
                tx,
                workspace.id,
                Card.MENTION,
                mention.id,
                workspace.alerts_channel,
                mention.seen_at,
            )

    async def _earlier(
        self, tx: Transaction, mention: Mention, said: HeardMention
    ) -> Mention | None:
        """The mention with a card whose conversation this goes on."""
        if mention.account_id is None or not said.answers:
            return None
        earlier = await mentions.conversation(
            tx, mention.workspace_id, mention.account_id, mention.author, said.answers
        )
        return earlier if earlier is not None and earlier.urgency is Urgency.ALERT else None

    async def _continue(
        self, tx: Transaction, workspace: Workspace, earlier: Mention, later: Mention
    ) -> None:
        """The author has written again: it is shown on the card, and tells its owner. A mention
        that was closed is open again, unless they are content now."""
        kept = _continuing(earlier, later)
        if not await mentions.insert(tx, kept):
            return
        new: dict[str, object] = {"reply_to": later.reply_to}  # the next reply answers this
        if _reopens(earlier, later):
            new |= {
                "state": MentionState.OPEN,
                "answered_at": None,
                "solved_at": None,
                "resolve_with": None,
                "answer_due_at": later.answer_due_at,
                "solve_due_at": later.solve_due_at,
            }
        await mentions.overwrite(tx, earlier.id, **new)
        now = later.seen_at
        reopened = "state" in new
        did = "wrote again and reopened" if reopened else "wrote again"
        await history.note(tx, workspace.id, earlier.id, None, did, now, kept.id)
        await notices.refresh(tx, workspace.id, earlier.id, now)
        channel = workspace.routes.get(earlier.route or "", workspace.alerts_channel)
        still_open = earlier.state is MentionState.OPEN
        worth_a_ping = reopened or (still_open and later.sentiment is not Sentiment.POSITIVE)
        if channel is not None and worth_a_ping:
            await notices.owe(tx, workspace.id, Card.WROTE_AGAIN, kept.id, channel, now)


def _continuing(earlier: Mention, later: Mention) -> Mention:
    return replace(later, continues=earlier.id, urgency=Urgency.NONE)


def _reopens(earlier: Mention, later: Mention) -> bool:
    """What was resolved is open again unless they are content; what was found not negative only
    by something that is."""
    if earlier.state is MentionState.RESOLVED:
        return later.sentiment is not Sentiment.POSITIVE
    return earlier.state is MentionState.DISMISSED and later.urgency is Urgency.ALERT


def _storable(text: str, longest: int) -> str:
    """Text that both databases take: no NUL, no lone surrogates, not too long."""
    whole = text[:longest].encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")
