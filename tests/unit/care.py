"""A world in which people write about the brand: what they say, who answers, one poll at a time."""

import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from bot.guarded import GuardedTransport
from bot.held_lists import HeldLists
from bot.inboxes import Inboxes
from bot.listening import Listening
from bot.mention_times import MentionTimes
from bot.mentions import Mentions
from bot.networks.base import HeardMention
from bot.networks.http import make_client
from bot.raising import Raiser
from bot.replying import Replying
from bot.sentiment import EnglishClassifier, Thresholds
from bot.team import Person
from bot.triage import Triage
from bot.watches import Watches
from storage import mentions, notices, workspaces
from storage.records import Card, Member, Mention, MentionKind, Notice, Role
from storage.rows import many
from storage.tables import accounts as accounts_table
from storage.tables import mentions as mentions_table
from storage.tables import notices as notices_table
from storage.tables import watches as watches_table
from tests.unit.world import TEAM, World, world

DANA = Person(TEAM, "UDANA")
DAN = Person(TEAM, "UDAN")
COMPLAINT = "The grinder broke after two days and I am angry. Terrible quality."
DOUBT = "The bag was a little torn."
PRAISE = "Wonderful coffee, thank you, I love it!"
QUESTION = "What time do you close on Sunday?"
FOREIGN = "Der Kaffee kam kalt an und niemand antwortet mir auf meine Nachrichten."
PERIOD = timedelta(seconds=60)


@dataclass
class Care:
    """The world, and everything around mentions. ``time`` is what the clock shows; ``away`` are
    those who aren't to be disturbed."""

    world: World
    mentions: Mentions
    triage: Triage
    replying: Replying
    watches: Watches
    time: "Time"
    listening: list[Listening] = field(default_factory=list)
    away: set[str] = field(default_factory=set)

    def said(
        self,
        text: str = COMPLAINT,
        *,
        author: str = "@mia",
        ago: timedelta = timedelta(),
        **more: Any,
    ) -> HeardMention:
        """Somebody writes to the account; the next poll hears it."""
        number = len(self.world.network.inbox) + 1
        given: dict[str, Any] = {
            "remote_id": f"said-{number}",
            "kind": MentionKind.MENTION,
            "author": author,
            "author_name": author.removeprefix("@").title(),
            "text": text,
            "url": f"https://s.example/said-{number}",
            "posted_at": self.time.now() - ago,
            "reply_to": {"id": f"said-{number}"},
        }
        heard = HeardMention(**{**given, **more})
        self.world.network.inbox.append(heard)
        return heard

    def new_listening(self, transport: httpx.AsyncBaseTransport | None = None) -> Listening:
        """What a process has; a second one is another process, or the same after a restart."""
        made = Listening(
            self.world.database,
            self.world.accounts,
            Raiser(self.world.database, cache(EnglishClassifier), Thresholds(), self.world.clock),
            make_client(transport=transport or GuardedTransport(allow_private=True)),
            self.world.clock,
            PERIOD,
        )
        self.listening.append(made)
        return made

    async def poll(self, listening: Listening | None = None) -> None:
        """One round of listening to everything, to its end."""
        async with self.world.database.transaction() as tx:
            for table in (accounts_table, watches_table):
                await tx.connection.execute(table.update().values(polled_at=None))
        one = listening or (self.listening[0] if self.listening else self.new_listening())
        await one.poll()
        await one.settled()

    async def hear(self, text: str = COMPLAINT, **more: Any) -> Mention:
        """Somebody writes, and it is heard."""
        heard = self.said(text, **more)
        await self.poll()
        found = await self.mention_of(heard.remote_id)
        assert found is not None
        return found

    async def mention_of(self, remote_id: str) -> Mention | None:
        return next((m for m in await self.all() if m.remote_id == remote_id), None)

    async def again(self, mention: Mention) -> Mention:
        """The mention as it is now."""
        async with self.world.database.reading() as tx:
            found = await mentions.get(tx, TEAM, mention.id)
        assert found is not None
        return found

    async def all(self) -> list[Mention]:
        """Every mention that is kept."""
        async with self.world.database.reading() as tx:
            return list(await many(tx, Mention, mentions_table.select()))

    async def owed(self, card: Card) -> list[Notice]:
        """The notices of a kind."""
        async with self.world.database.reading() as tx:
            query = notices_table.select().where(notices_table.c.card == card)
            return list(await many(tx, Notice, query))

    async def version(self, mention: Mention, card: Card = Card.MENTION) -> int:
        """How often a card was owed."""
        async with self.world.database.reading() as tx:
            notice = await notices.of_card(tx, TEAM, card, mention.id)
        return 0 if notice is None else notice.version

    async def did(self, mention: Mention) -> list[tuple[str | None, str]]:
        """The record: who did what."""
        shown = await self.mentions.card(TEAM, mention.id)
        return [(entry.actor_id, entry.action) for entry in shown.history]

    def times(self) -> MentionTimes:
        async def away(_: str, asked: Collection[str]) -> Collection[str]:
            return self.away & set(asked)

        return MentionTimes(self.world.database, self.world.clock, away)

    def inboxes(self) -> Inboxes:
        held = HeldLists(self.world.database, self.world.accounts)
        return Inboxes(
            self.world.database, self.world.accounts, held, self.mentions, self.world.clock
        )


class Time:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def passes(self, time: timedelta) -> None:
        self._ahead += time

    def becomes(self, moment: datetime) -> None:
        self._ahead = moment - datetime.now(UTC)


@contextlib.asynccontextmanager
async def care(
    database_url: str, folder: Path, *, routes: Mapping[str, str] | None = None
) -> AsyncIterator[Care]:
    """Dana and Dan answer; the teams are Care and Product; the brand is Acorn Coffee."""
    time = Time()
    async with world(database_url, folder, now=time.now) as made:
        async with made.database.transaction() as tx:
            workspace = await workspaces.get(tx, TEAM)
            assert workspace is not None
            teams = routes or {"Care": "CCARE", "Product": "CPRODUCT"}
            await workspaces.save(
                tx, replace(workspace, routes=teams, brand_words=("Acorn Coffee", "@acorn"))
            )
            for person in (DANA, DAN):
                roles = frozenset({Role.RESPONDER})
                await workspaces.save_member(
                    tx, Member(TEAM, person.user_id, person.user_id, "UTC", roles)
                )
        known = Mentions(made.database, made.accounts, made.clock)
        client = make_client(transport=GuardedTransport(allow_private=True))
        here = Care(
            made,
            known,
            Triage(made.database, made.clock),
            Replying(made.database, known, made.drafting, made.clock),
            Watches(made.database, made.accounts, client, made.clock),
            time,
        )
        try:
            yield here
        finally:
            for listening in here.listening:
                await listening.close()
            await client.aclose()
