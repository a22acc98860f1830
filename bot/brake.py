"""The brake: anybody with a role pauses publishing, approvers let it go on. It holds the workspace,
one account or one campaign.

It is a row that the statement right before each call looks at, so it survives restarts and holds
for every process.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.accounts import AccountChoice, Accounts
from bot.clock import Clock
from bot.errors import AlreadyDone, FieldErrors, NotFound
from bot.team import Action, Admitted, Person, admit
from storage import accounts, brakes, campaigns, history, holds, notices, workspaces
from storage.database import Database
from storage.holds import HeldRow
from storage.records import (
    AccountState,
    Brake,
    Campaign,
    Card,
    Delivery,
    HistoryEntry,
    HoldReason,
)
from storage.rows import Transaction, new_id

LONGEST_REASON = 300
MOST_LOOKED_AT = 20  # of the brakes pulled last
MOST_COUNTED = 1000  # scheduled posts; beyond that "more than"


@dataclass(frozen=True, slots=True)
class ShownBrake:
    """A brake with the label of its account, or its campaign's name; both None: it holds the whole
    workspace."""

    brake: Brake
    label: str | None
    campaign: str | None = None

    @property
    def is_everywhere(self) -> bool:
        return self.brake.account_id is None and self.brake.campaign_id is None


@dataclass(frozen=True, slots=True)
class PauseStart:
    """What the form for pausing begins with: what stands already, and what can be chosen."""

    admitted: Admitted
    standing: Sequence[ShownBrake]
    choices: Sequence[AccountChoice]
    campaigns: Sequence[Campaign] = ()


@dataclass(frozen=True, slots=True)
class ResumeStart:
    """What the form for resuming shows: the brakes, the posts that came due meanwhile (ids, soonest
    first), and how many aren't due yet (counted up to `MOST_COUNTED` and one more)."""

    admitted: Admitted
    standing: Sequence[ShownBrake]
    held: Sequence[str]
    coming: int


@dataclass(frozen=True, slots=True)
class BrakeOverview:
    """What a brake's card shows. ``names`` are the team's, by Slack id."""

    shown: ShownBrake
    history: Sequence[HistoryEntry]
    names: Mapping[str, str]


class Brakes:
    """Use cases of pausing and resuming."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def start(self, person: Person) -> PauseStart:
        """What somebody who wants to pause is shown."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.BRAKE)
            standing = await shown_brakes(tx, self._accounts, person.workspace_id)
            choices = await self._accounts.choices(tx, person.workspace_id)
            known = await campaigns.of_workspace(tx, person.workspace_id)
        return PauseStart(admitted, standing, choices, known)

    async def standing(self, workspace_id: str) -> Sequence[ShownBrake]:
        """What holds publishing now."""
        async with self._database.reading() as tx:
            return await shown_brakes(tx, self._accounts, workspace_id)

    async def pull(
        self,
        person: Person,
        reason: str,
        account_id: str | None = None,
        campaign_id: str | None = None,
    ) -> ShownBrake:
        """Hold publishing from now on; what is due meanwhile is held.

        :param account_id: on this account only.
        :param campaign_id: posts of this campaign only; both None: the whole workspace.
        :raises FieldErrors: no reason (field ``reason``).
        :raises AlreadyDone: somebody has done it: says who and when.
        :raises NotFound: the account isn't connected, or there is no such campaign.
        """
        reason = " ".join(reason.split())[:LONGEST_REASON]
        if not reason:
            raise FieldErrors({"reason": "Say in a few words why: everybody sees it."})
        now = self._clock.now()
        async with self._database.transaction() as tx:
            admitted = await admit(tx, person, Action.BRAKE)
            workspace_id = person.workspace_id
            label = None if account_id is None else await self._label(tx, workspace_id, account_id)
            campaign = None
            if campaign_id is not None:
                campaign = await campaigns.get(tx, workspace_id, campaign_id)
                if campaign is None:
                    raise NotFound("This campaign isn't there any more. Nothing was paused.")
            brake = Brake(
                id=new_id(),
                workspace_id=workspace_id,
                account_id=account_id,
                reason=reason,
                pulled_by=person.user_id,
                pulled_at=now,
                released_by=None,
                released_at=None,
                campaign_id=campaign_id,
            )
            if not await brakes.pull(tx, brake):
                raise await self._pulled_before(tx, brake)
            await history.note(tx, workspace_id, brake.id, person.user_id, "pulled", now, reason)
            channel = admitted.workspace.approvals_channel
            if channel is not None:
                await notices.owe(tx, workspace_id, Card.BRAKE, brake.id, channel, now)
            await self._refresh_lists(tx, workspace_id, now)
        self._notices.ring()
        return ShownBrake(brake, label, campaign.name if campaign else None)

    async def _label(self, tx: Transaction, workspace_id: str, account_id: str) -> str:
        account = await accounts.get(tx, workspace_id, account_id)
        if account is None or account.state is AccountState.DISCONNECTED:
            raise NotFound("This account isn't connected any more. Nothing was paused.")
        return self._accounts.label(account)

    async def _pulled_before(self, tx: Transaction, wanted: Brake) -> AlreadyDone:
        text = "Publishing is paused there already."
        for brake in await brakes.standing(tx, wanted.workspace_id):
            same = (wanted.account_id, wanted.campaign_id)
            if (brake.account_id, brake.campaign_id) == same:
                return AlreadyDone(text, by=brake.pulled_by, did="paused it", at=brake.pulled_at)
        return AlreadyDone(text)

    async def look(self, person: Person) -> ResumeStart:
        """What somebody who wants to resume is shown.

        :raises NotAllowed: only approvers and admins may.
        """
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.RELEASE)
            workspace_id = person.workspace_id
            standing = await shown_brakes(tx, self._accounts, workspace_id)
            held = await holds.post_ids(tx, workspace_id, reason=HoldReason.BRAKE)
            coming = 0
            if standing:
                coming = await brakes.count_coming(
                    tx,
                    workspace_id,
                    self._clock.now(),
                    everywhere=any(one.is_everywhere for one in standing),
                    account_ids=[one.brake.account_id for one in standing if one.label],
                    campaign_ids=[one.brake.campaign_id for one in standing if one.campaign],
                    most=MOST_COUNTED + 1,
                )
        return ResumeStart(admitted, standing, held, coming)

    async def release(self, person: Person, brake_ids: Sequence[str]) -> Sequence[str]:
        """Let publishing go on. What isn't due yet goes out at its time; what was held stays held
        until somebody says what becomes of it: the ids of those posts, soonest due first.

        :raises AlreadyDone: somebody has released all of them: says who and when.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RELEASE)
            workspace_id = person.workspace_id
            found = [await brakes.get(tx, workspace_id, brake_id) for brake_id in brake_ids]
            released = [
                brake
                for brake in found
                if brake is not None and await brakes.release(tx, brake.id, person.user_id, now)
            ]
            if not released:
                raise _released_before(found)
            held = await holds.rows(
                tx,
                workspace_id,
                await holds.post_ids(tx, workspace_id, reason=HoldReason.BRAKE),
            )
            for brake in released:
                count = sum(_holds(brake, row) for row in held)
                await history.note(
                    tx, workspace_id, brake.id, person.user_id, "released", now, str(count)
                )
                await notices.refresh(tx, workspace_id, brake.id, now)
            await self._refresh_lists(tx, workspace_id, now)
        self._publisher.ring()
        self._notices.ring()
        return [row.post.id for row in held if any(_holds(brake, row) for brake in released)]

    async def _refresh_lists(self, tx: Transaction, workspace_id: str, now: datetime) -> None:
        """The cards of what is held offer other things while a brake is on."""
        for hold in await holds.open_ones(tx, workspace_id):
            await holds.shows_else(tx, hold, now)

    async def card(self, workspace_id: str, brake_id: str) -> BrakeOverview:
        """:raises NotFound: it isn't there."""
        async with self._database.reading() as tx:
            brake = await brakes.get(tx, workspace_id, brake_id)
            if brake is None:
                raise NotFound("This brake isn't there any more.")
            [shown] = await _with_labels(tx, self._accounts, [brake])
            return BrakeOverview(
                shown,
                await history.of_subject(tx, brake.id),
                {one.user_id: one.name for one in await workspaces.team(tx, workspace_id)},
            )


def _released_before(found: Sequence[Brake | None]) -> AlreadyDone:
    text = "Publishing goes on already. Your press changed nothing."
    for brake in found:
        if brake is not None and brake.released_by is not None:
            return AlreadyDone(text, by=brake.released_by, did="resumed it", at=brake.released_at)
    return AlreadyDone(text)


def _holds(brake: Brake, row: HeldRow) -> bool:
    """Whether a brake covers something that is held of a post."""
    return any(covers(brake, delivery, row.post.campaign_id) for delivery in row.deliveries)


def covers(brake: Brake, delivery: Delivery, campaign_id: str | None) -> bool:
    """Whether a brake, while it stands, holds a delivery.

    :param campaign_id: its post's.
    """
    if brake.campaign_id is not None:
        return brake.campaign_id == campaign_id
    return brake.account_id in (None, delivery.account_id)


def first_over(found: Iterable[Brake], delivery: Delivery, campaign_id: str | None) -> Brake | None:
    """The first of some brakes that covers a delivery.

    :param campaign_id: its post's.
    """
    return next((brake for brake in found if covers(brake, delivery, campaign_id)), None)


async def due_under(
    tx: Transaction,
    workspace_id: str,
    sent: Sequence[Delivery],
    campaign_of: Mapping[str, str | None],
) -> Mapping[str, Brake]:
    """The brake under which each of them came due that is held for it, by the delivery's id: one
    that stands, else the one that was pulled last.

    :param campaign_of: their posts' campaigns, by the post's id.
    """
    held = [delivery for delivery in sent if delivery.hold_reason is HoldReason.BRAKE]
    if not held:
        return {}
    standing = await brakes.standing(tx, workspace_id)
    pulled = (*standing, *await brakes.newest(tx, workspace_id, MOST_LOOKED_AT))
    found = {one.id: first_over(pulled, one, campaign_of.get(one.post_id)) for one in held}
    return {id_: brake for id_, brake in found.items() if brake is not None}


async def shown_brakes(
    tx: Transaction, accounts_: Accounts, workspace_id: str
) -> Sequence[ShownBrake]:
    """What holds publishing now, with the accounts' labels."""
    return await _with_labels(tx, accounts_, await brakes.standing(tx, workspace_id))


async def _with_labels(
    tx: Transaction, accounts_: Accounts, found: Sequence[Brake]
) -> Sequence[ShownBrake]:
    if not found:
        return []
    ids = [brake.account_id for brake in found if brake.account_id is not None]
    known = await accounts.by_ids(tx, found[0].workspace_id, ids)
    names = {one.id: one.name for one in await campaigns.of_workspace(tx, found[0].workspace_id)}
    return [
        ShownBrake(
            brake,
            brake.account_id and accounts_.label(known[brake.account_id]),
            brake.campaign_id and names[brake.campaign_id],
        )
        for brake in found
    ]
