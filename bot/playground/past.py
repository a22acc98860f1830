"""What the bot would remember of the brand's posts from before the playground was opened.

Sandbox has a past, and its numbers at any age are known (``sandbox_records.readers``); here the
bot gets the posts and the daily measurements it would have taken, so that the first digest has
something to say.
"""

from datetime import datetime, timedelta

from bot.playground import seed
from bot.playground.sandbox_records import readers
from bot.playground.sandbox_seed import BRAND, HISTORY, PEOPLE, SeedPost
from bot.posts import content_hash
from storage import deliveries, history, parts, posts, snapshots
from storage.records import (
    Account,
    Content,
    Delivery,
    DeliveryState,
    Part,
    PartKind,
    PartState,
    Post,
    PostState,
    Revision,
    Snapshot,
    When,
)
from storage.rows import Transaction, new_id

STEP = timedelta(hours=6)  # between two measurements
STEPS = 14 * 4
A_DAY = 6  # new followers


async def remember(tx: Transaction, account: Account, now: datetime) -> None:
    """Two weeks of the brand's own posts and numbers."""
    taken = [_followers(account, now, now - STEP * step) for step in range(STEPS, 0, -1)]
    for position, said in enumerate(HISTORY):
        if said.author == BRAND and said.answers is None:
            delivery = await _published(tx, account, said, position + 1, now)
            taken += _numbers(account, delivery, position + 1, now)
    await snapshots.insert_all(tx, taken)


async def _published(
    tx: Transaction, account: Account, said: SeedPost, remote_id: int, now: datetime
) -> Delivery:
    at = now - timedelta(hours=said.hours_ago)
    content = Content({account.id: said.text}, None, ())
    post_id, revision_id = new_id(), new_id()
    await posts.insert(
        tx,
        Post(
            id=post_id,
            workspace_id=account.workspace_id,
            author_id=seed.ANA,
            state=PostState.PUBLISHED,
            revision_id=revision_id,
            when=When.AT,
            due_at=at,
            mention_id=None,
            version=1,
            created_at=at,
            updated_at=at,
        ),
        Revision(
            id=revision_id,
            workspace_id=account.workspace_id,
            post_id=post_id,
            number=1,
            hash=content_hash(content),
            content=content,
            base_text=said.text,
            editor_id=seed.ANA,
            created_at=at,
        ),
    )
    delivery = Delivery(
        id=new_id(),
        workspace_id=account.workspace_id,
        post_id=post_id,
        revision_id=revision_id,
        account_id=account.id,
        state=DeliveryState.PUBLISHED,
        due_at=at,
        next_attempt_at=at,
        attempt=1,
        remote_id=str(remote_id),
        url=f"{account.url}/{remote_id}",
        published_at=at,
        network=account.network,
    )
    await deliveries.insert(tx, delivery)
    out = {"remote_id": delivery.remote_id, "url": delivery.url, "reply_to": {"id": str(remote_id)}}
    key = f"before-{delivery.id}"
    made = Part(new_id(), delivery.id, 0, PartKind.POST, key, {}, PartState.DONE, at, out)
    await parts.insert_all(tx, [made])
    await history.note(tx, account.workspace_id, post_id, None, "published", at, delivery.url or "")
    return delivery


def _numbers(account: Account, delivery: Delivery, remote_id: int, now: datetime) -> list[Snapshot]:
    """What each measurement would have found."""
    assert delivery.published_at is not None
    taken = []
    at = delivery.published_at + timedelta(hours=1)
    while at < now:
        _, likes, reposts = readers(remote_id, BRAND, at - delivery.published_at)
        numbers = {"likes": likes, "reposts": reposts, "replies": 0}
        taken.append(_snapshot(account, delivery.id, at, numbers))
        at += STEP
    return taken


def _followers(account: Account, now: datetime, at: datetime) -> Snapshot:
    today = next(person for person in PEOPLE if person.handle == BRAND)
    numbers = {"followers": today.followers - int((now - at) / timedelta(days=1) * A_DAY)}
    return _snapshot(account, None, at, numbers)


def _snapshot(
    account: Account, delivery_id: str | None, at: datetime, numbers: dict[str, int]
) -> Snapshot:
    return Snapshot(new_id(), account.workspace_id, account.id, delivery_id, at, numbers)
