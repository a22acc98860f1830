"""What is known about mentions, gathered for whoever shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from bot.accounts import AccountChoice, Accounts
from bot.clock import Clock
from bot.errors import NotFound
from bot.networks.base import as_publisher
from bot.progress import NOTHING_SENT, Progress, progress
from bot.team import Action, Person, admit
from storage import accounts, history, mentions, parts, watches, workspaces
from storage.database import Database
from storage.records import (
    AccountState,
    Delivery,
    HistoryEntry,
    Mention,
    Post,
    Workspace,
)
from storage.rows import Transaction

PAGE = 12
OTHERS_FOR = timedelta(days=30)  # mentions that need no answer are listed for so long
LIST_LENGTH = 25  # of a list of possibly negative mentions: fits a message


@dataclass(frozen=True, slots=True)
class Reply:
    """Our reply to a mention: what it says, how it fared, and what people did about it.

    ``delivery`` is None until it is approved, where a policy asks for that.
    """

    post: Post
    text: str
    delivery: Delivery | None
    sent: Progress
    history: Sequence[HistoryEntry]


@dataclass(frozen=True, slots=True)
class MentionOverview:
    """A mention with everything a card shows. ``place`` is where it was said.

    ``choice`` is the account that a reply would come from, None where none can be given.
    ``later`` is what its author wrote afterwards, oldest first. ``names`` are the team's, by Slack
    id.
    """

    workspace: Workspace
    mention: Mention
    place: str
    choice: AccountChoice | None
    later: Sequence[Mention]
    replies: Sequence[Reply]
    history: Sequence[HistoryEntry]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A mention in a list. ``rank`` is one of ``storage.mentions``'s."""

    rank: int
    mention: Mention
    place: str


@dataclass(frozen=True, slots=True)
class OpenMentions:
    """A page of `/social mentions`. ``counts`` by rank; ``trouble`` says which sources can't be
    read just now, and why."""

    items: Sequence[Listed]
    counts: Mapping[int, int]
    page: int
    pages: int
    trouble: Sequence[str]


@dataclass(frozen=True, slots=True)
class DoubtfulList:
    """A list of possibly negative mentions, whatever became of each."""

    items: Sequence[MentionOverview]


class Mentions:
    """Reads mentions; ``bot/triage.py`` changes them."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock

    async def card(self, workspace_id: str, mention_id: str) -> MentionOverview:
        """What a card shows.

        :raises NotFound: it isn't there.
        """
        async with self._database.reading() as tx:
            return await self.overview(tx, workspace_id, mention_id)

    async def to_answer(self, person: Person, mention_id: str) -> MentionOverview:
        """The same, for the form in which somebody answers it.

        :raises NotFound: it isn't there.
        """
        async with self._database.reading() as tx:
            await admit(tx, person, Action.RESPOND)
            return await self.overview(tx, person.workspace_id, mention_id)

    async def overview(
        self, tx: Transaction, workspace_id: str, mention_id: str
    ) -> MentionOverview:
        """:raises NotFound: it isn't there."""
        workspace = await workspaces.get(tx, workspace_id)
        mention = await mentions.get(tx, workspace_id, mention_id)
        if workspace is None or mention is None:
            raise NotFound("This mention isn't there any more.")
        return MentionOverview(
            workspace=workspace,
            mention=mention,
            place=await self._place(tx, mention),
            choice=await self._answers_from(tx, mention),
            later=await mentions.continued(tx, mention.id),
            replies=[
                Reply(
                    post,
                    next(iter(revision.content.texts.values()), ""),  # it is on one account
                    delivery,
                    NOTHING_SENT
                    if delivery is None
                    else progress(await parts.of_delivery(tx, delivery.id)),
                    await history.of_subject(tx, post.id),
                )
                for post, revision, delivery in await mentions.replies(tx, mention.id)
            ],
            history=await history.of_subject(tx, mention.id),
            names={one.user_id: one.name for one in await workspaces.team(tx, workspace_id)},
        )

    async def _place(self, tx: Transaction, mention: Mention) -> str:
        if mention.account_id is not None:
            account = await accounts.get(tx, mention.workspace_id, mention.account_id)
            assert account is not None  # the database holds it
            return self._accounts.label(account)
        watch = await watches.get(tx, mention.workspace_id, mention.source)
        if watch is not None and watch.title:
            return watch.title
        return urlsplit(mention.url).hostname or "a feed"

    async def _answers_from(self, tx: Transaction, mention: Mention) -> AccountChoice | None:
        if mention.account_id is None or not mention.reply_to:
            return None
        account = await accounts.get(tx, mention.workspace_id, mention.account_id)
        if account is None or account.state is AccountState.DISCONNECTED:
            return None
        try:
            choice = self._accounts.choice(account)
        except NotFound:
            return None
        return choice if as_publisher(self._accounts.network(account)) else None

    async def open_ones(self, person: Person, page: int = 0) -> OpenMentions:
        """A page of what is open: what needs an answer, then possibly negative ones, then what
        the classifier couldn't read, then the others of the last 30 days."""
        since = self._clock.now() - OTHERS_FOR
        async with self._database.reading() as tx:
            await admit(tx, person, Action.LOOK)
            counts = await mentions.count_open(tx, person.workspace_id, since)
            pages = max(1, -(-sum(counts.values()) // PAGE))
            page = min(max(0, page), pages - 1)
            found = await mentions.open_ones(
                tx, person.workspace_id, since, limit=PAGE, offset=page * PAGE
            )
            items = [
                Listed(rank, mention, await self._place(tx, mention)) for rank, mention in found
            ]
            trouble = await self._trouble(tx, person.workspace_id)
        return OpenMentions(items, counts, page, pages, trouble)

    async def _trouble(self, tx: Transaction, workspace_id: str) -> list[str]:
        troubled = [
            f"{self._accounts.label(account)}: {account.problem}"
            for account in await accounts.of_workspace(tx, workspace_id)
            if account.problem
        ]
        for watch in await watches.of_workspace(tx, workspace_id):
            if watch.problem:
                troubled.append(f"{watch.title or watch.value}: {watch.problem}")
        return troubled

    async def doubtful_list(self, workspace_id: str, list_id: str) -> DoubtfulList:
        """A list of possibly negative mentions as it is now."""
        async with self._database.reading() as tx:
            return DoubtfulList(
                [
                    await self.overview(tx, workspace_id, mention.id)
                    for mention in await mentions.in_list(tx, workspace_id, list_id)
                ]
            )
