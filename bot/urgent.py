"""What is on fire in a workspace: what should have happened by now, or can't wait any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.accounts import Accounts
from storage import accounts, mentions, posts
from storage.records import AccountState
from storage.rows import Transaction

UNDECIDED_WITHIN = timedelta(hours=1)
FAILED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Urgent:
    """How much of each there is: negative mentions past their time for an answer, those answered
    and past their time to be solved, posts due within the hour that nobody has decided on, posts
    that failed within a day; and the accounts that must be connected again."""

    unanswered: int = 0
    unsolved: int = 0
    undecided: int = 0
    failed: int = 0
    expired: Sequence[str] = ()

    @property
    def is_nothing(self) -> bool:
        return self == Urgent()


async def urgent(tx: Transaction, accounts_: Accounts, workspace_id: str, now: datetime) -> Urgent:
    """What is on fire now."""
    unanswered, unsolved = await mentions.count_overdue(tx, workspace_id, now)
    undecided = await posts.undecided(tx, workspace_id, now, now + UNDECIDED_WITHIN)
    known = await accounts.of_workspace(tx, workspace_id)
    return Urgent(
        unanswered=unanswered,
        unsolved=unsolved,
        undecided=len(undecided),
        failed=await posts.count_failed(tx, workspace_id, now - FAILED_WITHIN),
        expired=tuple(
            accounts_.label(account) for account in known if account.state is AccountState.EXPIRED
        ),
    )
