"""Own, route, answer, solve: what is done about a mention, against its two clocks.

The first answer stops the 12 h clock when it is live, the solution stops the 24 h clock. Whoever
presses *Resolve* without a reply from here says that it was dealt with elsewhere: both stop, until
it is opened again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.errors import AlreadyDone, NotFound
from bot.escalations import lists_changed, told_of
from bot.team import Action, Admitted, Person, admit
from storage import history, mentions, notices, occurrences
from storage.database import Database
from storage.records import (
    Card,
    HistoryEntry,
    Mention,
    MentionState,
    Post,
    PostState,
    Urgency,
)
from storage.rows import Transaction

NOT_NEGATIVE = "not negative"

CLOSED = {MentionState.RESOLVED: "resolved", MentionState.DISMISSED: "dismissed"}
_DID = {"resolved": "resolved it", "dismissed": "said that it isn't negative"}


class Triage:
    """Use cases of whoever answers. Every step is one conditional update."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._notices = clock.alarm("notices")

    async def claim(self, person: Person, mention_id: str, *, take_over: bool = False) -> Mention:
        """Make a mention one's own; again is harmless.

        :param take_over: also from a colleague.
        :raises AlreadyDone: it is closed, or a colleague has it.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            _, mention = await open_mention(tx, person, mention_id, doing="claim it")
            mention = await own(tx, person, mention, now, take_over=take_over)
        self._notices.ring()
        return mention

    async def release(self, person: Person, mention_id: str) -> Mention:
        """Make the person's own mention everybody's again; a team that has it keeps it.

        :raises AlreadyDone: it is closed, a colleague has it, or nobody.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            _, mention = await open_mention(tx, person, mention_id, doing="release it")
            if mention.owner_id is None:
                raise AlreadyDone("Nobody has it, so there is nothing to release.")
            if mention.owner_id != person.user_id:
                raise await _colleagues(
                    tx, mention, "It isn't yours to release. If they can't, take it over."
                )
            mention = await change(tx, person, mention, "gave back", now, owner_id=None)
        self._notices.ring()
        return mention

    async def route(self, person: Person, mention_id: str, team: str) -> Mention:
        """Hand a mention to a team: it is theirs, and its card goes to their channel.

        :raises AlreadyDone: it is closed, or theirs already.
        :raises NotFound: there is no such team.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            admitted, mention = await open_mention(tx, person, mention_id, doing="route it")
            channel = admitted.workspace.routes.get(team)
            if channel is None:
                raise NotFound(f"There is no team {team} any more. An admin sets the teams up.")
            if mention.route == team:
                last = await last_step(tx, mention, "routed")
                raise AlreadyDone(
                    f"It is with {team} already.",
                    by=last.actor_id if last else None,
                    did="routed it there",
                    at=last.at if last else None,
                )
            mention = await change(
                tx, person, mention, "routed", now, detail=team, route=team, owner_id=None
            )
            if channel != admitted.workspace.alerts_channel:
                await notices.owe(tx, mention.workspace_id, Card.ROUTED, mention.id, channel, now)
        self._notices.ring()
        return mention

    async def resolve(self, person: Person, mention_id: str) -> Mention:
        """It is solved; if nobody answered from here, it was answered elsewhere.

        :raises AlreadyDone: it is closed.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            _, mention = await open_mention(tx, person, mention_id, doing="resolve it")
            mention = await change(
                tx,
                person,
                mention,
                "resolved",
                now,
                detail="" if mention.answered_at else "answered elsewhere",
                state=MentionState.RESOLVED,
                solved_at=now,
                answered_at=mention.answered_at or now,
                owner_id=mention.owner_id or person.user_id,
            )
        self._notices.ring()
        return mention

    async def dismiss(self, person: Person, mention_id: str) -> Mention:
        """It isn't negative; the record keeps who said so.

        :raises AlreadyDone: it is closed.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            _, mention = await open_mention(tx, person, mention_id, doing="dismiss it")
            mention = await change(
                tx,
                person,
                mention,
                "dismissed",
                now,
                detail=NOT_NEGATIVE,
                state=MentionState.DISMISSED,
            )
            await self._refresh_list(tx, mention)
        self._notices.ring()
        return mention

    async def reopen(self, person: Person, mention_id: str) -> Mention:
        """It isn't done after all. That it was answered elsewhere, as *Resolve* said, goes with
        that: it has its old limit for an answer again, unless a reply from here is out.

        :raises AlreadyDone: it is open.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            mention = await _found(tx, person, mention_id)
            if mention.state is MentionState.OPEN:
                raise AlreadyDone("It is open already. Nothing was changed.")
            mention = await change(
                tx,
                person,
                mention,
                "reopened",
                now,
                state=MentionState.OPEN,
                answered_at=await _answered_from_here(tx, mention),
                solved_at=None,
                resolve_with=None,
            )
            await occurrences.forget(tx, told_of(mention))  # of what is late, anew
        self._notices.ring()
        return mention

    async def is_negative(self, person: Person, mention_id: str) -> Mention:
        """It needs an answer after all: it gets its card in the alerts channel.

        :raises AlreadyDone: it is closed, or has its card.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            admitted, mention = await open_mention(tx, person, mention_id, doing="raise it")
            if mention.urgency is Urgency.ALERT:
                raise AlreadyDone("It has its card in the alerts channel already.")
            mention = await change(tx, person, mention, "raised", now, urgency=Urgency.ALERT)
            channel = admitted.workspace.alerts_channel
            if channel is not None:
                await notices.owe(tx, mention.workspace_id, Card.MENTION, mention.id, channel, now)
            await self._refresh_list(tx, mention)
        self._notices.ring()
        return mention

    async def dismiss_list(self, person: Person, list_id: str) -> Sequence[Mention]:
        """Nothing of what is left in a list is negative.

        :raises AlreadyDone: nothing is left in it.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            dismissed = await mentions.dismiss_list(tx, person.workspace_id, list_id)
            if not dismissed:
                raise AlreadyDone("Nothing is left in this list: everything was looked at.")
            for mention in dismissed:
                await history.note(
                    tx,
                    mention.workspace_id,
                    mention.id,
                    person.user_id,
                    "dismissed",
                    now,
                    NOT_NEGATIVE,
                )
            await notices.refresh(tx, person.workspace_id, list_id, now)
        self._notices.ring()
        return dismissed

    async def _refresh_list(self, tx: Transaction, mention: Mention) -> None:
        if mention.listed_in is not None:
            now = self._clock.now()
            await notices.refresh(tx, mention.workspace_id, mention.listed_in, now)


async def _found(tx: Transaction, person: Person, mention_id: str) -> Mention:
    mention = await mentions.get(tx, person.workspace_id, mention_id)
    if mention is None:
        raise NotFound("This mention isn't there any more.")
    return mention


async def open_mention(
    tx: Transaction, person: Person, mention_id: str, *, doing: str
) -> tuple[Admitted, Mention]:
    """The mention, for whoever may answer.

    :param doing: what the person wants, for the refusal.
    :raises AlreadyDone: it is closed.
    """
    admitted = await admit(tx, person, Action.RESPOND)
    mention = await _found(tx, person, mention_id)
    if mention.state is not MentionState.OPEN:
        closed = CLOSED[mention.state]
        last = await last_step(tx, mention, closed)
        raise AlreadyDone(
            f"You can't {doing}: it is {closed}. Nothing was changed.",
            by=last.actor_id if last else None,
            did=_DID[closed],
            at=last.at if last else None,
        )
    return admitted, mention


async def own(
    tx: Transaction, person: Person, mention: Mention, now: datetime, *, take_over: bool = False
) -> Mention:
    """Make the mention the person's own.

    :raises AlreadyDone: a colleague has it.
    """
    if mention.owner_id == person.user_id:
        return mention
    if mention.owner_id is not None and not take_over:
        raise await _colleagues(
            tx, mention, "A colleague is on it already. If they can't, take it over from the menu."
        )
    did = "claimed" if mention.owner_id is None else "took over"
    return await change(tx, person, mention, did, now, owner_id=person.user_id)


async def _colleagues(tx: Transaction, mention: Mention, said: str) -> AlreadyDone:
    """The refusal to whoever doesn't have the mention."""
    since = await last_step(tx, mention, "claimed", "took over")
    at = since.at if since else None
    return AlreadyDone(said, by=mention.owner_id, did="claimed it", at=at)


async def change(
    tx: Transaction,
    person: Person,
    mention: Mention,
    did: str,
    now: datetime,
    *,
    detail: str = "",
    **new: object,
) -> Mention:
    """One step: it is done only if the mention is still as it was read."""
    if not await mentions.change(tx, mention, **new):
        entries = await history.of_subject(tx, mention.id)
        last = entries[-1] if entries else None
        raise AlreadyDone(
            "Somebody was faster; the card shows what happened. Nothing else was changed.",
            by=last.actor_id if last else None,
            did="was first",
            at=last.at if last else None,
        )
    after = replace(mention, version=mention.version + 1, **new)  # type: ignore[arg-type]  # columns
    await history.note(tx, mention.workspace_id, mention.id, person.user_id, did, now, detail)
    await notices.refresh(tx, mention.workspace_id, mention.id, now)
    await lists_changed(tx, now, mention, after)
    return after


async def last_step(tx: Transaction, mention: Mention, *actions: str) -> HistoryEntry | None:
    """The newest of some steps in the mention's record."""
    entries = await history.of_subject(tx, mention.id)
    return next((entry for entry in reversed(entries) if entry.action in actions), None)


async def _answered_from_here(tx: Transaction, mention: Mention) -> datetime | None:
    """When the first reply went out, since its author reopened it last if they did."""
    reopened = await last_step(tx, mention, "wrote again and reopened")
    sent = [
        delivery.published_at
        for _, _, delivery in await mentions.replies(tx, mention.id)
        if delivery is not None and delivery.published_at is not None
    ]
    return min((at for at in sent if reopened is None or at > reopened.at), default=None)


async def reply_moved(tx: Transaction, post: Post, state: PostState, now: datetime) -> None:
    """A reply's delivery has changed: once it is live, the first answer counts as given, and the
    mention is resolved if the responder asked for that."""
    assert post.mention_id is not None
    workspace_id, mention_id, who = post.workspace_id, post.mention_id, post.author_id
    before = await mentions.get(tx, workspace_id, mention_id)
    assert before is not None  # the database holds it
    if state is PostState.PUBLISHED:
        if await mentions.note_answer(tx, mention_id, now):
            await history.note(tx, workspace_id, mention_id, who, "answered", now)
        if await mentions.resolve_with(tx, mention_id, post.id, now):
            after = now + timedelta(microseconds=1)  # the record is in the order of time
            await history.note(tx, workspace_id, mention_id, who, "resolved", after)
    await notices.refresh(tx, workspace_id, mention_id, now)
    await lists_changed(tx, now, before)
