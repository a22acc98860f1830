"""What we listen for beside the accounts' own mentions: words, and feeds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from bot.accounts import AccountChoice, Accounts
from bot.clock import Clock
from bot.errors import AlreadyDone, NetworkError, NotFound, UserError
from bot.listening import feed_cursor, matching_entries, watched_words
from bot.networks.base import Listens
from bot.sources import feeds
from bot.sources.feeds import FeedPage, NotAFeed, NotModified
from bot.team import Action, Person, admit
from storage import history, watches
from storage.database import Database
from storage.records import Watch, WatchKind, Workspace
from storage.rows import new_id

MOST_WATCHES = 40
LONGEST_WORDS = 100  # characters

_BARE_ADDRESS = re.compile(r"[\w-]+(?:\.[\w-]+)+/\S*")
_GOOGLE_ALERTS = re.compile(r"(?:www\.)?google\.[a-z]{2,3}(?:\.[a-z]{2})?")


@dataclass(frozen=True, slots=True)
class Watched:
    """All that a workspace listens to. ``may_change`` is whether the person may."""

    workspace: Workspace
    accounts: Sequence[AccountChoice]
    watches: Sequence[Watch]
    may_change: bool


@dataclass(frozen=True, slots=True)
class Added:
    """A new watch. Of a feed: how many entries it holds now, and how many name our words."""

    watch: Watch
    entries: int
    matching: int


class Watches:
    """Use cases of `/social watch`.

    :param client: for feeds; made with a ``bot.guarded.GuardedTransport``.
    """

    def __init__(
        self, database: Database, accounts_: Accounts, client: httpx.AsyncClient, clock: Clock
    ) -> None:
        self._database = database
        self._accounts = accounts_
        self._client = client
        self._clock = clock

    async def all(self, person: Person) -> Watched:
        """What is listened to."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.LOOK)
            choices = [
                choice
                for choice in await self._accounts.choices(tx, person.workspace_id)
                if isinstance(self._accounts.network(choice.account), Listens)
            ]
            found = await watches.of_workspace(tx, person.workspace_id)
        return Watched(admitted.workspace, choices, found, admitted.may(Action.RESPOND))

    async def add(self, person: Person, given: str) -> Added:
        """Listen for words, or follow a feed, which is fetched at once.

        :raises UserError: what is wrong with it, or what was tried and what came back; nothing
            is stored.
        """
        given = " ".join(given.split())
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.RESPOND)
            if await watches.count(tx, person.workspace_id) >= MOST_WATCHES:
                raise UserError(
                    f"{MOST_WATCHES} words and feeds are followed already. Remove one first, "
                    "with `/social watch`."
                )
            words = await watched_words(tx, admitted.workspace)
        address = feed_address(given)
        if address is None:
            return await self._add_words(person, given, admitted.workspace)
        return await self._add_feed(person, address, words)

    async def _add_words(self, person: Person, words: str, workspace: Workspace) -> Added:
        if not any(letter.isalnum() for letter in words):
            raise UserError("Give words to listen for, or the address of a feed.")
        if len(words) > LONGEST_WORDS:
            raise UserError(
                f"These are {len(words)} characters; {LONGEST_WORDS} are the most. "
                "Give the name or the phrase that people use."
            )
        if words.casefold() in {word.casefold() for word in workspace.brand_words}:
            raise UserError(f"“{words}” is one of your brand words: it is listened for already.")
        watch = self._watch(person, WatchKind.WORDS, words.casefold(), title=words)
        return await self._store(person, watch, 0, 0)

    async def _add_feed(self, person: Person, address: str, words: Sequence[str]) -> Added:
        try:
            page = await feeds.fetch(self._client, address)
        except NetworkError as error:
            raise UserError(f"{error.reason} Nothing was stored.") from error
        except NotAFeed as error:
            raise UserError(f"{error} Nothing was stored.") from error
        if isinstance(page, NotModified):
            raise UserError("The feed's server answered that nothing changed, without a feed.")
        watch = self._watch(
            person,
            WatchKind.FEED,
            address,
            title=page.title,
            everything=is_search(address),
            page=page,
        )
        named = matching_entries(page.entries, words)
        return await self._store(person, watch, len(page.entries), len(named))

    def _watch(
        self,
        person: Person,
        kind: WatchKind,
        value: str,
        *,
        title: str,
        everything: bool = False,
        page: FeedPage | None = None,
    ) -> Watch:
        # What a feed without dates holds now is old; what has one is judged by it at first poll.
        undated = {"undated": feed_cursor(page)["undated"]} if page else {}
        return Watch(
            id=new_id(),
            workspace_id=person.workspace_id,
            kind=kind,
            value=value,
            title=title,
            everything=everything,
            cursor=undated,
            polled_at=None,
            problem=None,
            created_by=person.user_id,
            created_at=self._clock.now(),
        )

    async def _store(self, person: Person, watch: Watch, entries: int, named: int) -> Added:
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            if not await watches.insert(tx, watch):
                raise AlreadyDone(f"“{watch.title}” is followed already. Nothing was changed.")
            await history.note(
                tx,
                person.workspace_id,
                watch.id,
                person.user_id,
                "watched",
                watch.created_at,
                watch.value,
            )
        return Added(watch, entries, named)

    async def remove(self, person: Person, watch_id: str) -> Watch:
        """Stop listening for something; what was heard stays.

        :raises NotFound: somebody else has removed it.
        """
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            watch = await watches.remove(tx, person.workspace_id, watch_id)
            if watch is None:
                raise NotFound("It isn't followed any more.")
            now = self._clock.now()
            await history.note(
                tx, person.workspace_id, watch_id, person.user_id, "unwatched", now, watch.value
            )
        return watch

    async def set_everything(self, person: Person, watch_id: str, everything: bool) -> None:
        """Whether each entry of a feed counts, or only those that name our words.

        :raises NotFound: somebody else has removed it.
        """
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.RESPOND)
            watch = await watches.get(tx, person.workspace_id, watch_id)
            if watch is None:
                raise NotFound("It isn't followed any more.")
            await watches.set_everything(tx, watch, everything)
            now, which = self._clock.now(), "every entry" if everything else "only our words"
            await history.note(
                tx,
                person.workspace_id,
                watch_id,
                person.user_id,
                "changed the watch",
                now,
                f"{watch.value}: {which}",
            )


def feed_address(given: str) -> str | None:
    """The feed's address if what was given is one, else None: then it is words. (``acorn.com`` is
    a brand's name; ``acorn.com/feed`` is an address.)"""
    if "://" in given:
        return given
    return f"https://{given}" if _BARE_ADDRESS.fullmatch(given) else None


def is_search(address: str) -> bool:
    """Whether the feed is known to be a search, each entry of which counts (Google Alerts)."""
    parts = urlsplit(address)
    return bool(_GOOGLE_ALERTS.fullmatch(parts.hostname or "")) and "/alerts/" in parts.path
