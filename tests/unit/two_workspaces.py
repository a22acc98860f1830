"""Two workspaces on one database with the same shape of data: Acorn (A) and Birch (B).

What is in Acorn carries `SECRET` in every text that people wrote, so that it can't be in Birch
unnoticed.
"""

import contextlib
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from PIL import Image
from sqlalchemy import select, update

from bot.bootstrap import build_services
from bot.clock import Clock
from bot.comments import ThreadMessage
from bot.composing import PostForm
from bot.digest_plans import understand
from bot.networks.base import Connected
from bot.policy_settings import Rules
from bot.services import Services
from bot.settings import read_settings
from bot.team import Person, Profile
from bot.user_groups import SlackGroup
from storage import (
    deliveries,
    history,
    holds,
    media,
    mentions,
    notices,
    parts,
    snapshots,
    suggestions,
    watches,
    workspaces,
)
from storage.database import Database
from storage.migrations import migrate
from storage.records import (
    Card,
    DeliveryState,
    HoldReason,
    Member,
    Mention,
    MentionState,
    Part,
    PartKind,
    PartState,
    Role,
    Scope,
    Snapshot,
    Step,
    Urgency,
    Verdict,
    Watch,
    WatchKind,
)
from storage.rows import new_id
from storage.tables import metadata
from storage.tables import notices as notice_table
from tests.unit.said import a_mention
from tests.unit.world import ScriptedNetwork

SECRET = "Wintermint"
A, B = "T0ACORN", "T0BIRCH"
GUESTS = "T0GUESTS"  # who sees the shared channels
THREAD, COMMENT = "1700000000.000100", "1700000000.000200"  # the card in Slack, and a comment
NAMED_BY_SLACK = frozenset({"channel", "thread_ts", "group_id", "user_id", "actor_id"})
Rows = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Filled:
    """The ids of what a workspace has, by the name of the parameter that such an id is given to.

    What Slack gave an id (`NAMED_BY_SLACK`) is no secret: Birch may say it of its own accord.
    """

    admin: Person
    ids: Mapping[str, tuple[str, ...]]

    @property
    def ours(self) -> frozenset[str]:
        """The ids that were made up here: nobody else can know them."""
        return frozenset(
            id_ for name, ids in self.ids.items() if name not in NAMED_BY_SLACK for id_ in ids
        )


@dataclass
class TwoWorkspaces:
    """The use cases over both, and what each has."""

    services: Services
    a: Filled
    b: Filled

    async def rows(self) -> Rows:
        """Every row of every table, as text, without those that say that they are Birch's."""
        found = {}
        async with self.services.database.reading() as tx:
            for table in metadata.sorted_tables:
                rows = await tx.connection.execute(select(table))
                found[table.name] = frozenset(
                    json.dumps({key: repr(value) for key, value in row._mapping.items()})
                    for row in rows
                    if row._mapping.get("workspace_id") != B
                    and not (table.name == "workspaces" and row._mapping["id"] == B)
                )
        return found


@contextlib.asynccontextmanager
async def two_workspaces(database_url: str, folder: Path) -> AsyncIterator[TwoWorkspaces]:
    settings = read_settings(
        {
            "SECRET_KEY": Fernet.generate_key().decode(),
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_APP_TOKEN": "xapp-1",
            "DATA_DIR": str(folder / "data"),
        },
        folder / "no-dotenv",
    )
    database = Database(database_url)
    await migrate(database)
    network = ScriptedNetwork()
    services = build_services(settings, database, Clock(), {network.name: network})
    services.clock.start()
    try:
        a = await _fill(services, network, A, f"Acorn-{SECRET}")
        b = await _fill(services, network, B, "Birch")
        yield TwoWorkspaces(services, a, b)
    finally:
        services.clock.stop()
        await services.charts.close()
        await services.listening.close()
        await database.close()


async def _fill(
    services: Services, network: ScriptedNetwork, workspace_id: str, mark: str
) -> Filled:
    """People, an account, posts in every state that a use case asks for, and all around them."""
    now, database = datetime.now(UTC), services.database
    admin = Person(workspace_id, f"U{workspace_id}ADMIN")
    author = Person(workspace_id, f"U{workspace_id}AUTHOR")
    async with database.transaction() as tx:
        made = await workspaces.ensure(tx, workspace_id, mark, now)
        await workspaces.save(
            tx,
            replace(
                made,
                approvals_channel=f"C{workspace_id}1",
                alerts_channel=f"C{workspace_id}2",
                routes={"Care": f"C{workspace_id}3"},
                brand_words=(mark,),
                set_up_at=now,
            ),
        )
        for person, roles in ((admin, frozenset(Role)), (author, frozenset({Role.AUTHOR}))):
            await workspaces.save_member(
                tx, Member(workspace_id, person.user_id, f"{mark} {person.user_id}", "UTC", roles)
            )
    network.connected_as = Connected(
        f"remote-{mark}", f"@{mark}", mark, f"https://s.example/{mark}", "s.example", {}, {}
    )
    account = await services.accounts.connect(admin, network.name, {"password": mark})
    posts = []
    for kind in (
        "in review",
        "changes asked",
        "scheduled",
        "held",
        "unknown",
        "failed",
        "published",
    ):
        form = PostForm(
            f"{mark} {kind}",
            (account.id,),
            link=f"https://x.example/{mark}",
            new_campaign=f"{mark} spring" if kind == "in review" else None,
        )
        post = (await services.drafting.submit(author, form)).post
        if kind == "changes asked":
            await services.suggestions.suggest(
                admin,
                post.id,
                post.revision_id,
                {f"text:{network.name}": f"{mark} is better"},
                f"{mark}, please",
            )
        elif kind != "in review":
            await services.approvals.decide(
                admin, post.id, Verdict.APPROVED, revision_id=post.revision_id
            )
        posts.append((kind, post))
    kept_parts, kept_deliveries = [], []
    async with database.transaction() as tx:
        hold_id, _ = await holds.join(tx, workspace_id, author.user_id, now)
        for kind, post in posts:
            for delivery in await deliveries.of_post(tx, post.id):
                kept_deliveries.append(delivery.id)
                part = Part(
                    id=new_id(),
                    delivery_id=delivery.id,
                    position=0,
                    kind=PartKind.POST,
                    key=f"key {mark} {kind}",
                    frozen={"text": mark},
                    state=PartState.BEGUN if kind == "unknown" else PartState.PENDING,
                    begun_at=now if kind == "unknown" else None,
                    result=None,
                )
                kept_parts.append(part)
                state, more = {
                    "held": (
                        DeliveryState.HELD,
                        {"hold_reason": HoldReason.LATE, "hold_id": hold_id},
                    ),
                    "unknown": (DeliveryState.UNKNOWN, {"problem": mark}),
                    "failed": (DeliveryState.FAILED, {"problem": mark}),
                    "published": (
                        DeliveryState.PUBLISHED,
                        {"remote_id": mark, "url": f"https://s.example/{mark}"},
                    ),
                }.get(kind, (DeliveryState.PENDING, {}))
                given: dict[str, Any] = more
                await deliveries.move(tx, delivery.id, [DeliveryState.PENDING], state, **given)
            await history.note(tx, workspace_id, post.id, author.user_id, "noted", now, mark)
        await parts.insert_all(tx, kept_parts)
        heard = [_mention(workspace_id, account.id, mark, now, number) for number in range(3)]
        heard[1] = replace(heard[1], urgency=Urgency.DOUBTFUL, listed_in=f"list-{mark}")
        heard[2] = replace(heard[2], state=MentionState.RESOLVED)
        for mention in heard:
            await mentions.insert(tx, mention)
        watch = Watch(
            id=new_id(),
            workspace_id=workspace_id,
            kind=WatchKind.FEED,
            value=f"https://f.example/{mark}",
            title=mark,
            everything=False,
            cursor={},
            polled_at=None,
            problem=None,
            created_by=admin.user_id,
            created_at=now,
        )
        await watches.insert(tx, watch)
        medium = services.media.keep(workspace_id, f"{mark}.png", _png(), now)
        await media.insert(tx, medium)
        await snapshots.insert_all(
            tx,
            [Snapshot(new_id(), workspace_id, account.id, None, now, {"followers": 5})],
        )
    await services.drafting.keep(author, draft_id := new_id(), {"text": mark}, None)
    channel = f"C{workspace_id}1"
    planned, _ = await services.digest_plans.plan(admin, channel, understand("daily 9:00"))
    brake = await services.brakes.pull(author, f"{mark} stops", account.id)
    campaign_id = posts[0][1].campaign_id
    assert campaign_id is not None
    await _discuss(services, admin, author, posts[0][1].id, mark)
    group = SlackGroup(f"S{workspace_id}", mark.lower(), mark, (author.user_id,), now)
    await services.user_groups.set_roles(admin, group, frozenset({Role.RESPONDER}))
    theirs = Profile(author.user_id, f"{mark} {author.user_id}", "UTC", False, True)
    await services.campaign_roles.grant(admin, campaign_id, theirs, frozenset({Role.APPROVER}))
    steps = Step(mark, 1, (author.user_id,)), Step(f"{mark} too", 1, group=group.id)
    for scope, scope_id in ((Scope.CAMPAIGN, campaign_id), (Scope.ACCOUNT, account.id)):
        await services.policies.save(admin, scope, scope_id, Rules(steps))
    shared = f"C{workspace_id}4"
    await services.shared_channels.may_post(workspace_id, shared, (GUESTS,))
    await services.reviews.set_time(admin, 600)
    async with database.reading() as tx:
        suggestion = await suggestions.newest(tx, posts[1][1].id)
    assert suggestion is not None
    people = (admin.user_id, author.user_id)
    return Filled(
        admin,
        {
            "account_id": (account.id,),
            "post_id": tuple(post.id for _, post in posts),
            "revision_id": tuple(post.revision_id for _, post in posts[:2]),
            "delivery_id": tuple(kept_deliveries),
            "part_id": (kept_parts[0].id,),
            "draft_id": (draft_id,),
            "reply_id": (draft_id,),
            "hold_id": (hold_id,),
            "brake_id": (brake.brake.id,),
            "mention_id": tuple(mention.id for mention in heard),
            "list_id": (f"list-{mark}",),
            "plan_id": (planned.plan.id,),
            "watch_id": (watch.id,),
            "campaign_id": (campaign_id,),
            "scope_id": (campaign_id, account.id),
            "suggestion_id": (suggestion.id,),
            "user_id": people,
            "actor_id": people,
            "group_id": (group.id,),
            "channel": (channel, shared),
            "thread_ts": (THREAD,),
        },
    )


async def _discuss(
    services: Services, admin: Person, author: Person, post_id: str, mark: str
) -> None:
    """The post has its card in Slack, and a comment in its thread."""
    now, channel = datetime.now(UTC), f"C{admin.workspace_id}1"
    async with services.database.transaction() as tx:
        await notices.owe(tx, admin.workspace_id, Card.APPROVAL, post_id, channel, now)
        await tx.connection.execute(
            update(notice_table)
            .where(notice_table.c.subject_id == post_id, notice_table.c.card == Card.APPROVAL)
            .values(channel=channel, ts=THREAD)
        )
    said = ThreadMessage(channel, THREAD, COMMENT, f"{mark} says", now)
    await services.comments.follow(author, said)


def _mention(workspace_id: str, account_id: str, mark: str, now: datetime, number: int) -> Mention:
    return a_mention(
        workspace_id,
        now,
        source=account_id,
        account_id=account_id,
        remote_id=f"said-{number}",
        author=f"@{mark}",
        author_name=mark,
        text=f"{mark} is broken {number}",
        url=f"https://s.example/{mark}/{number}",
        reply_to={"id": f"said-{number}"},
        reasons=(mark,),
    )


def _png() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (8, 6), "#0b6e63").save(drawn, "PNG")
    return drawn.getvalue()
