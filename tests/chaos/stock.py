"""What is in the database before it begins: a team, accounts, approved posts that come due."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from bot.accounts import Vault
from bot.media import MediaFolder
from bot.playground.seed import ALERTS, APPROVALS, BEN, EVA, TEAM
from bot.posts import content_hash
from bot.settings import Settings
from storage import accounts, approvals, deliveries, media, mentions, posts, workspaces
from storage.database import Database
from storage.migrations import migrate
from storage.records import (
    Account,
    AccountState,
    Approval,
    Content,
    Delivery,
    DeliveryState,
    Member,
    MentionKind,
    Picture,
    Post,
    PostState,
    Revision,
    Role,
    Sentiment,
    Urgency,
    Verdict,
    When,
)
from storage.rows import Transaction, new_id
from tests.chaos.plan import ACCOUNTS_EACH, KINDS, Plan, PlannedPost
from tests.unit.said import a_mention

FAR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Stock:
    """Which delivery is which planned post."""

    deliveries: Mapping[str, PlannedPost]
    authors: Sequence[str]


async def fill(
    settings: Settings, plan: Plan, authors: Sequence[str], begins_at: datetime
) -> Stock:
    """Write everything into a new database.

    :param begins_at: posts come due from then on (UTC).
    """
    database = Database(settings.database_url)
    try:
        await migrate(database)
        async with database.transaction() as tx:
            await _team(tx, authors, begins_at)
            connected = await _accounts(tx, Vault(settings.secret_keys), begins_at)
            pictures = await _pictures(tx, settings.data_dir / "media", begins_at)
            made = {
                await _post(tx, each, authors, connected, pictures, begins_at): each
                for each in plan.posts
            }
    finally:
        await database.close()
    return Stock(made, authors)


async def _team(tx: Transaction, authors: Sequence[str], now: datetime) -> None:
    workspace = await workspaces.ensure(tx, TEAM.id, TEAM.name, now)
    await workspaces.save(
        tx,
        replace(
            workspace,
            approvals_channel=APPROVALS,
            alerts_channel=ALERTS,
            lateness_limit_s=int(FAR.total_seconds()),
            set_up_at=now,
        ),
    )
    roles = {EVA: Role.ADMIN, BEN: Role.APPROVER, **dict.fromkeys(authors, Role.AUTHOR)}
    for person, role in roles.items():
        await workspaces.save_member(tx, Member(TEAM.id, person, person, "UTC", frozenset({role})))


async def _accounts(
    tx: Transaction, vault: Vault, now: datetime
) -> Mapping[tuple[str, int], Account]:
    made = {}
    for network in KINDS:
        for number in range(ACCOUNTS_EACH):
            token = f"token-of-brand-{number}"
            account = Account(
                id=new_id(),
                workspace_id=TEAM.id,
                network=network,
                remote_id=token,
                handle=f"@brand-{number}",
                name="The brand",
                url="https://chaos.example",
                server="https://chaos.example",
                state=AccountState.ACTIVE,
                credentials=vault.lock({"token": token}),
                limits={},
                slots=None,
                owner_id=EVA,
                cursor=None,
                polled_at=None,
                problem=None,
                created_at=now,
            )
            await accounts.insert(tx, account)
            made[network, number] = account
    return made


async def _pictures(tx: Transaction, folder: Path, now: datetime) -> Sequence[Picture]:
    kept = MediaFolder(folder)
    made = []
    for width in (8, 9, 10):
        drawn = io.BytesIO()
        Image.new("RGB", (width, 6), "#0b6e63").save(drawn, "PNG")
        medium = kept.keep(TEAM.id, f"{width}.png", drawn.getvalue(), now)
        await media.insert(tx, medium)
        made.append(Picture(medium.sha256, "a green field"))
    return made


async def _post(
    tx: Transaction,
    planned: PlannedPost,
    authors: Sequence[str],
    connected: Mapping[tuple[str, int], Account],
    pictures: Sequence[Picture],
    begins_at: datetime,
) -> str:
    """The new delivery's id."""
    account = connected[planned.network, planned.account]
    due_at = begins_at + timedelta(seconds=planned.due_after_s)
    author = authors[planned.author]
    # A picture's description says for which post it is, so that the server knows.
    own = tuple(replace(each, alt=planned.marks[0]) for each in pictures[: planned.pictures])
    content = Content({account.id: planned.text}, None, own)
    mention_id = None
    if planned.is_reply:
        mention_id = await _mention(tx, planned, account, begins_at)
    post = Post(
        id=new_id(),
        workspace_id=TEAM.id,
        author_id=author,
        state=PostState.SCHEDULED,
        revision_id=new_id(),
        when=When.AT,
        due_at=due_at,
        mention_id=mention_id,
        version=1,
        created_at=begins_at,
        updated_at=begins_at,
    )
    revision = Revision(
        id=post.revision_id,
        workspace_id=TEAM.id,
        post_id=post.id,
        number=1,
        hash=content_hash(content),
        content=content,
        base_text=planned.text,
        editor_id=author,
        created_at=begins_at,
    )
    approval = Approval(
        id=new_id(),
        workspace_id=TEAM.id,
        post_id=post.id,
        revision_id=revision.id,
        user_id=BEN,
        verdict=Verdict.APPROVED,
        comment="",
        due_at=due_at,
        decided_at=begins_at,
    )
    delivery = Delivery(
        id=new_id(),
        workspace_id=TEAM.id,
        post_id=post.id,
        revision_id=revision.id,
        account_id=account.id,
        state=DeliveryState.PENDING,
        due_at=due_at,
        next_attempt_at=due_at,
        network=account.network,
    )
    await posts.insert(tx, post, revision)
    await approvals.insert(tx, approval)
    await deliveries.insert(tx, delivery)
    return delivery.id


async def _mention(tx: Transaction, planned: PlannedPost, account: Account, now: datetime) -> str:
    mention = a_mention(
        TEAM.id,
        now,
        source=account.id,
        kind=MentionKind.REPLY,
        account_id=account.id,
        remote_id=f"asked-{planned.number}",
        text="Are you open today?",
        reply_to={"id": f"asked-{planned.number}"},
        sentiment=Sentiment.NEUTRAL,
        urgency=Urgency.NONE,
        answer_due_at=now + FAR,
        solve_due_at=now + FAR,
    )
    await mentions.insert(tx, mention)
    return mention.id


def soon() -> datetime:
    """When posts may begin to come due: as soon as a process is up."""
    return datetime.now(UTC) + timedelta(seconds=3)
