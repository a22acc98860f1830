"""The seeded week: 5 accounts, 60 posts, 400 mentions, 6 people who do their work.

People act on the product's use cases at the times at which they would have seen what asks them to;
the bot, its outbox and the playground's Slack are the real ones.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select

from bot.attempts import Timing
from bot.bootstrap import Bot, running
from bot.composing import PostForm
from bot.digest_plans import Rhythm
from bot.errors import AlreadyDone
from bot.networks.base import HeardMention
from bot.playground.play import play_settings, playground
from bot.playground.records import Message, User
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, CARE, CHIDI, DANA, EVA, PEOPLE, SOCIAL
from bot.playground.slack import Slack
from bot.team import Person
from storage import posts, workspaces
from storage.records import (
    DeliveryState,
    Member,
    Mention,
    MentionKind,
    MentionState,
    Mode,
    NoticeState,
    Post,
    PostState,
    Role,
    Urgency,
    Verdict,
    When,
)
from storage.rows import many
from storage.tables import deliveries, mentions, notices, revisions
from storage.tables import posts as post_rows
from tests.quiet.simulated import REFUSED, QuietNetwork, SetClock, World

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 30, tzinfo=BERLIN)
FAY = "U0FAY000001"
ROLES = {
    ANA: Role.AUTHOR,
    FAY: Role.AUTHOR,
    BEN: Role.APPROVER,
    CHIDI: Role.APPROVER,
    DANA: Role.RESPONDER,
    EVA: Role.ADMIN,
}
# Whose work a channel is; what the others do there is their own choice.
WORKS_IN = {APPROVALS: (BEN, CHIDI), ALERTS: (DANA,), CARE: (DANA,), SOCIAL: tuple(ROLES)}
ACCOUNTS = ("acorn", "acorn.beans", "acorn.shops", "acorn.jobs", "acorn.care")
POSTS, MENTIONS = 60, 400

PRAISE = (
    "I love the new roast from @acorn, it is wonderful!",
    "@acorn made my morning, thank you so much",
    "Great coffee, great people. Well done @acorn",
)
PLAIN = (
    "Does @acorn open on Sundays?",
    "Drinking an espresso at @acorn with my sister",
    "@acorn is at the corner of Mill Street now",
)
DOUBTFUL = (
    "Hm, the new cups at @acorn are not for me",
    "The queue at @acorn was a bit long today",
)
COMPLAINTS = (
    "@acorn my grinder broke after two days and nobody answers me. Terrible service!",
    "This is the worst coffee I have ever had, @acorn. Disgusting, I want my money back",
    "@acorn you charged me twice and ignore my mails, I am furious",
)
Doing = Callable[[], Awaitable[None]]


@dataclass
class Week:
    """The running bot, and what it has said so far: who got what on which day."""

    slack: Slack
    bot: Bot
    clock: SetClock
    world: World
    chance: Random
    said: list[tuple[date, str, str]] = field(default_factory=list)  # day, whom, what
    pinged: list[tuple[date, str, str]] = field(default_factory=list)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def person(self, user_id: str) -> Person:
        return Person(self.bot.team_id, user_id)

    # Time

    async def live(self, until: datetime, plan: Sequence[tuple[datetime, Doing]]) -> None:
        """Let time go on: half an hour at a time while people work, else two hours."""
        waiting = sorted(plan, key=lambda planned: planned[0])
        while self.clock.at < until:
            local = self.clock.at.astimezone(BERLIN)
            at_work = local.weekday() < 5 and 8 <= local.hour < 20
            step = timedelta(minutes=30 if at_work else 120)
            to = min(self.clock.at + step, until)
            await self.clock.set(to)
            await self._settle()
            while waiting and waiting[0][0] <= self.clock.at:
                await waiting.pop(0)[1]()
            await self._settle()
            self._listen()

    async def _settle(self) -> None:
        """Wait until all that is due is done; the outbox's pace takes its seconds."""
        await self.bot.services.listening.settled()
        for _ in range(2000):
            self.clock.ring()
            await self.bot.desk.tasks.drain(5)
            pause = await self._next()
            if pause is None:
                return
            if pause > timedelta(0):
                self.clock.at += pause
        raise TimeoutError("it goes on and on")

    async def _next(self) -> timedelta | None:
        """None: nothing is due. Else how long to go on: not at all while something is sent."""
        now = self.clock.at
        async with self.bot.services.database.reading() as tx:
            sending = (
                await tx.connection.execute(
                    select(func.count()).where(notices.c.state == NoticeState.SENDING)
                )
            ).scalar_one()
            going_out = (
                await tx.connection.execute(
                    select(func.count()).where(
                        deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
                        deliveries.c.next_attempt_at <= now,
                    )
                )
            ).scalar_one()
            owed: datetime | None = (
                await tx.connection.execute(
                    select(func.min(notices.c.next_attempt_at)).where(
                        notices.c.state == NoticeState.OWED
                    )
                )
            ).scalar()
        if sending or going_out:
            return timedelta(0)
        if owed is None or owed > now + timedelta(minutes=1):
            return None
        return timedelta(seconds=1)

    # What is heard

    def _listen(self) -> None:
        """Who has got which message since the last time. What stands in a thread alone is shown to
        nobody who doesn't open it."""
        day = self.clock.at.astimezone(BERLIN).date()
        workspace = self.slack.workspace
        places = WORKS_IN | {workspace.im_with_app(user).id: (user,) for user in ROLES}
        for channel, people in places.items():
            for message in workspace.timeline(channel):
                if (channel, message.ts) not in self._seen:
                    self._seen.add((channel, message.ts))
                    self._count(day, message, people, is_direct=channel not in WORKS_IN)

    def _count(
        self, day: date, message: Message, people: Sequence[str], *, is_direct: bool
    ) -> None:
        for user in people:
            self.said.append((day, user, message.text))
            if is_direct or f"<@{user}>" in f"{message.text}{message.blocks}":
                self.pinged.append((day, user, message.text))

    # What people do

    async def write(self, author: str, number: int) -> None:
        """A post for the next days; one a day is wanted in a few hours, two are refused."""
        services = self.bot.services
        wait = timedelta(hours=self.chance.uniform(2.5, 3.5))
        if number % 12:
            tomorrow = self.clock.at.astimezone(BERLIN).date() + timedelta(days=1)
            hour = self.chance.randint(9, 18)
            due = datetime(tomorrow.year, tomorrow.month, tomorrow.day, hour, tzinfo=BERLIN)
            wait = due - self.clock.at
        start = await services.drafting.start(self.person(author))
        choices = sorted(start.choices, key=lambda choice: choice.account.handle)
        chosen = self.chance.sample([choice.account.id for choice in choices], k=2)
        words = f"{REFUSED} {number}" if number in (20, 40) else f"News of the day, number {number}"
        form = PostForm(words, tuple(chosen), when=When.AT, at=self.clock.at + wait)
        await services.drafting.submit(self.person(author), form)

    async def decide(self, approver: str, *, within: timedelta | None = None) -> None:
        """Decide what waits for the approver; ``within``: only what goes out so soon."""
        for post in await self._in_state(PostState.IN_REVIEW):
            if post.due_at is None or post.due_at <= self.clock.at:
                continue
            if within is not None and post.due_at > self.clock.at + within:
                continue
            approves = self.chance.random() > 0.1
            with contextlib.suppress(AlreadyDone):  # the other one was first
                await self.bot.services.approvals.decide(
                    self.person(approver),
                    post.id,
                    Verdict.APPROVED if approves else Verdict.CHANGES_REQUESTED,
                    revision_id=post.revision_id,
                    comment="" if approves else "Say where to buy it.",
                )

    async def mend(self, author: str) -> None:
        """Do the changes that were asked for."""
        for post in await self._in_state(PostState.CHANGES_REQUESTED):
            if post.author_id != author:
                continue
            edit = await self.bot.services.drafting.start_edit(self.person(author), post.id)
            at = max(post.due_at or self.clock.at, self.clock.at + timedelta(hours=5))
            form = PostForm(
                f"{edit.revision.base_text}. In all our shops",
                edit.revision.content.account_ids,
                when=When.AT,
                at=at,
            )
            await self.bot.services.drafting.submit(
                self.person(author), form, post_id=post.id, revision_id=edit.revision.id
            )

    async def answer(self) -> None:
        """Dana answers what is negative and looks through the doubtful ones. Of the complaints a
        sixth isn't solved with the answer."""
        services, dana = self.bot.services, self.person(DANA)
        for mention in await self._open(mentions.c.answered_at.is_(None)):
            if mention.urgency is Urgency.ALERT:
                begun = await services.replying.start(dana, mention.id)
                solved = self.chance.random() > 1 / 6
                await services.replying.send(
                    dana, mention.id, "Sorry to hear it!", resolves=solved, reply_id=begun.reply_id
                )
        lists = [mention.listed_in for mention in await self._open() if mention.listed_in]
        for list_id in dict.fromkeys(lists):
            await services.triage.dismiss_list(dana, list_id)

    async def solve(self) -> None:
        """Dana sees to what was answered the day before and isn't solved."""
        yesterday = self.clock.at - timedelta(hours=12)
        for mention in await self._open(mentions.c.answered_at <= yesterday):
            await self.bot.services.triage.resolve(self.person(DANA), mention.id)

    async def _open(self, *which: ColumnElement[bool]) -> Sequence[Mention]:
        """What needs an answer, a look or a solution, oldest first."""
        query = select(mentions).where(
            mentions.c.state == MentionState.OPEN, mentions.c.urgency != Urgency.NONE, *which
        )
        async with self.bot.services.database.reading() as tx:
            return await many(tx, Mention, query.order_by(mentions.c.posted_at, mentions.c.text))

    async def _in_state(self, state: PostState) -> Sequence[Post]:
        async with self.bot.services.database.reading() as tx:
            query = (
                select(post_rows)
                .join(revisions, revisions.c.id == post_rows.c.revision_id)
                .where(post_rows.c.state == state)
                .order_by(revisions.c.base_text)  # the same in every run, as ids aren't
            )
            return await many(tx, Post, query)

    async def expire(self, handle: str) -> None:
        self.world.expired.add(handle)

    async def connect(self, handle: str) -> None:
        await self.bot.services.accounts.connect(
            self.person(EVA), QuietNetwork.name, {"handle": handle}
        )

    # The plan

    def plan(self) -> list[tuple[datetime, Doing]]:
        """Everything that people do, and when."""
        planned: list[tuple[datetime, Doing]] = []
        for number in range(POSTS):
            at = MONDAY + timedelta(days=number // 12, hours=9 + self.chance.uniform(0, 7))
            author = (ANA, FAY)[number % 2]
            planned.append((at, lambda author=author, number=number: self.write(author, number)))
        for day in range(7):
            morning = MONDAY + timedelta(days=day)
            planned += self._decisions(morning) if day < 5 else []
            for hour in (8, 10, 12, 14, 16, 18) if day < 5 else (10, 17):
                planned.append((morning + timedelta(hours=hour), self.answer))
            planned.append((morning + timedelta(hours=9 if day < 5 else 17), self.solve))
        planned.append((MONDAY + timedelta(days=2, hours=11), lambda: self.expire("acorn.jobs")))
        planned.append((MONDAY + timedelta(days=3, hours=9), lambda: self.connect("acorn.jobs")))
        return planned

    def _decisions(self, morning: datetime) -> list[tuple[datetime, Doing]]:
        soon = timedelta(hours=4)
        planned: list[tuple[datetime, Doing]] = [
            (morning + timedelta(hours=10, minutes=30), lambda: self.decide(CHIDI)),
            (morning + timedelta(hours=15, minutes=30), lambda: self.decide(BEN)),
            (morning + timedelta(hours=19, minutes=30), lambda: self.decide(BEN)),
        ]
        for hour in range(11, 19):
            at = morning + timedelta(hours=hour)
            planned.append((at, lambda: self.decide(CHIDI, within=soon)))
            planned.append((at, lambda: self.mend(ANA)))
            planned.append((at, lambda: self.mend(FAY)))
        return planned


def chatter(chance: Random) -> dict[str, list[HeardMention]]:
    """What people write to each account in the week, oldest first."""
    said: dict[str, list[HeardMention]] = {handle: [] for handle in ACCOUNTS}
    times = sorted(chance.uniform(0, 7 * 24) for _ in range(MENTIONS))
    for number, hours in enumerate(times):
        kind = COMPLAINTS if number % 18 == 0 else DOUBTFUL if number % 11 == 0 else None
        text = chance.choice(kind or (*PRAISE, *PLAIN))
        handle = chance.choice(ACCOUNTS)
        said[handle].append(
            HeardMention(
                remote_id=f"m{number}",
                kind=MentionKind.MENTION,
                author=f"@someone{number}",
                author_name=f"Someone {number}",
                text=text,
                url=f"https://q.example/m{number}",
                posted_at=MONDAY + timedelta(hours=hours),
                reply_to={"id": f"m{number}"},
            )
        )
    return said


@contextlib.asynccontextmanager
async def begun(folder: Path, seed: str) -> AsyncIterator[Week]:
    """The bot on Sunday evening, set up: a digest each morning at 9:00 in #social."""
    chance = Random(seed)
    clock = SetClock(MONDAY - timedelta(hours=6))
    world = World(lambda: clock.at, chatter(chance))
    network = type("TheNetwork", (QuietNetwork,), {"world": world})
    async with playground(folder, 0, {}, strict=True, now=lambda: clock.at.timestamp()) as (
        slack,
        address,
    ):
        slack.workspace.put_user(User(FAY, "fay", "Fay Ito", "Europe/Berlin", "Author", "2b6cb0"))
        settings = play_settings(slack, address, folder, {}, [network])
        # What waits for its time waits by a clock that doesn't leap as this one does.
        timing = Timing(ahead=timedelta())
        async with running(settings, [network], clock=clock, timing=timing) as bot:
            week = Week(slack, bot, clock, world, chance)
            await _set_up(week)
            yield week


async def _set_up(week: Week) -> None:
    team_id, database = week.bot.team_id, week.bot.services.database
    zones = {person.id: (person.real_name, person.tz) for person in PEOPLE}
    zones[FAY] = ("Fay Ito", "Europe/Berlin")
    async with database.transaction() as tx:
        for user_id, role in ROLES.items():
            await workspaces.save_member(
                tx, Member(team_id, user_id, *zones[user_id], frozenset({role}))
            )
        workspace = await workspaces.get(tx, team_id)
        assert workspace is not None
        await workspaces.save(
            tx,
            replace(
                workspace,
                mode=Mode.TEAM,
                zone="Europe/Berlin",
                approvals_channel=APPROVALS,
                alerts_channel=ALERTS,
                routes={"Care": CARE},
                brand_words=("acorn",),
                set_up_at=week.clock.at,
            ),
        )
    for handle in ACCOUNTS:
        await week.connect(handle)
    await week.bot.services.digest_plans.plan(week.person(EVA), SOCIAL, Rhythm(None, 9 * 60))


async def lost(week: Week) -> Sequence[Post]:
    """Posts that are neither out nor refused, nor waiting for a person."""
    async with week.bot.services.database.reading() as tx:
        return await posts.coming(tx, week.bot.team_id, POSTS)
